"""Filters of the pages of orders and exceptions that people keep under a name, for themselves or for all."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from pydantic import Field, TypeAdapter, ValidationError
from starlette.responses import RedirectResponse, Response

from api.problems import INVALID, NOT_FOUND, REFUSED, Problem
from console import exception, order_list
from console.visit import Fields, Visit, page
from database import saved_filter
from domain.role import Role
from domain.text import Label
from transactions import saved_filter as kept

_NAME = TypeAdapter[str](Annotated[Label, Field(max_length=60)])

PAGES: Mapping[str, Callable[[Fields], str]] = MappingProxyType(
    {"orders": order_list.filter_of, "exceptions": exception.filter_of}
)
"""How what a page is asked for is written as a filter to keep; empty = there is none. They raise the problem of a wrong one."""


async def _show(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, mistake: str = "", status: int = 200) -> Response:
    """The filters that somebody sees, each with its link and what it filters by."""
    async with visit.service.database.read_once() as connection:
        known = await saved_filter.visible(connection, visit.holder.actor)
    rows = [
        {"kept": one, "parts": parse_qsl(one.query), "may_change": kept.may_change(visit.holder, one)} for one in known
    ]
    return visit.shown("filters.html", status, rows=rows, done=visit.query.get("done"), mistake=mistake)


async def _save(visit: Visit) -> Response:
    """Save what a page is filtered by, and show the page with it."""
    form = visit.form
    if form.get("page") not in PAGES:
        raise Problem(INVALID, f"must be one of {', '.join(PAGES)}", field="page")
    query = PAGES[form.get("page")](form)
    if not query:
        raise Problem(INVALID, "choose a filter first; a number, a reference and a person are not kept", field="name")
    try:
        name = _NAME.validate_python(form.get("name"))
    except ValidationError:
        raise Problem(INVALID, "must be one line of 1 to 60 characters", field="name") from None
    is_shared = form.get("shared") == "yes"
    try:
        made = await kept.save(
            visit.service.database,
            visit.holder,
            page=form.get("page"),
            name=name,
            is_shared=is_shared,
            query=query,
        )
    except kept.NotKept as error:
        return await _shown(visit, str(error), REFUSED.status)
    return RedirectResponse(f"/console/{made.page}?{made.query}", 303)


async def _open(visit: Visit) -> Response:
    """The page of a filter. Every operator with the link may follow it: it is a filter, not what it finds."""
    name = visit.request.path_params["filter"]
    async with visit.service.database.read_once() as connection:
        known = await saved_filter.named(connection, name)
    if known is None:
        raise Problem(NOT_FOUND, "this filter was removed")
    return RedirectResponse(f"/console/{known.page}?{known.query}", 303)


async def _remove(visit: Visit) -> Response:
    try:
        await kept.remove(visit.service.database, visit.holder, visit.request.path_params["filter"])
    except kept.NotKept as error:
        return await _shown(visit, str(error), REFUSED.status)
    return RedirectResponse(f"/console/filters?{urlencode({'done': 'removed'})}", 303)


ROUTES = [
    page("/filters", _show),
    page("/filters", _save, ("POST",), Role.SEE),
    page("/filters/{filter}", _open),
    page("/filters/{filter}/remove", _remove, ("POST",), Role.SEE),
]

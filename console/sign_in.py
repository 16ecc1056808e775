"""Signs people in with a key of an operator or a node, and out again."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from api.limits import subscriber
from api.problems import TOO_MANY, Problem
from api.service import Service
from console import session
from console.render import render
from console.visit import Visit, page, read_form
from domain.role import Role

HOMES: Mapping[str, str] = MappingProxyType({"operator": "/console/exceptions", "node": "/console/store"})
"""Where somebody begins, by the kind of their key."""


async def _home(visit: Visit) -> Response:
    return RedirectResponse(HOMES[visit.holder.kind], 303)


async def _show(request: Request) -> Response:
    return _asked(request, request.query_params.get("next", ""))


async def _sign_in(request: Request) -> Response:
    """Begin a session. The key is looked up, and forgotten: the cookie names it by its id."""
    if wait := request.app.state.sign_ins.wait(subscriber(request.scope)):
        raise Problem(TOO_MANY, f"too many tries; try again in {math.ceil(wait)} seconds")
    form = await read_form(request)
    service: Service = request.app.state.service
    holder = await service.keys.holder(form.get("key"))
    if holder is None:
        return _asked(request, form.get("next"), "This key is not valid.", 401)
    if holder.kind not in HOMES:
        said = f"This key is of a {holder.kind}: the console is for operators and nodes."
        return _asked(request, form.get("next"), said, 403)
    answer = RedirectResponse(_within(form.get("next")) or HOMES[holder.kind], 303)
    answer.set_cookie(
        session.COOKIE,
        await session.begin(service.database, holder),
        max_age=int(session.LASTS.total_seconds()),
        path="/console",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


def _asked(request: Request, wanted: str, mistake: str = "", status: int = 200) -> Response:
    """The page that asks for a key."""
    values = {"next": _within(wanted), "mistake": mistake, "temporal_ui": request.app.state.temporal_ui}
    return HTMLResponse(render("login.html", values), status)


def _within(wanted: str) -> str:
    """Where to go after that: a page of the console, whatever the address of the page asked for; empty = home."""
    return wanted if wanted.startswith("/console/") and "\\" not in wanted and wanted.isprintable() else ""


async def _sign_out(_: Visit) -> Response:
    answer = RedirectResponse("/console/login", 303)
    answer.delete_cookie(session.COOKIE, path="/console", httponly=True, samesite="strict")
    return answer


ROUTES = [
    page("", _home, kinds=tuple(HOMES)),
    Route("/console/login", _show, methods=["GET"]),
    Route("/console/login", _sign_in, methods=["POST"]),
    page("/logout", _sign_out, ("POST",), Role.SEE, kinds=tuple(HOMES)),
]

"""What waits: orders on hold for a person, one or many of them released at once, and units for stock in their sequence."""

import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from api import order as interface
from api.problems import INVALID, Problem
from console.visit import REFUSALS, Fields, Visit, filled, page, problem_of
from database.documents import hold as holds
from database.documents import waiting as documents
from domain.mistake import describe
from domain.request import HoldRequest
from domain.role import Role
from domain.text import Strict

Document = Mapping[str, Any]

ROWS = 100


async def _show(visit: Visit) -> Response:
    """Orders on hold, the oldest first; then the units that wait for stock, who is served first first."""
    name = visit.query.get("hold")
    async with visit.service.database.read() as connection:
        held = await holds.active(connection, name or None, ROWS)
        counts = await holds.counts(connection)
        queue = await documents.first(connection, ROWS + 1)
    return visit.shown(
        "waiting.html", holds=held, counts=counts, chosen=name, queue=queue[:ROWS], is_more=len(queue) > ROWS
    )


async def _ask(visit: Visit) -> Response:
    """Which holds would be released. Nothing is done."""
    return await _asked(visit, visit.query)


async def _asked(visit: Visit, asked: Fields, mistake: str = "", status: int = 200) -> Response:
    wanted = asked.all("held")
    if not wanted:
        raise Problem(INVALID, "choose an order first", field="held")
    found = [one for one in await _active(visit, wanted) if _key(one) in wanted]
    return visit.shown(
        "act_on_holds.html",
        status,
        holds=found,
        keys=[_key(one) for one in found],
        gone=[name.replace("/", ": ", 1) for name in wanted if name not in {_key(one) for one in found}],
        once=secrets.token_hex(16),
        filled=asked,
        mistake=mistake,
    )


def _key(one: Document) -> str:
    """What names a hold of an order in a form."""
    return f"{one['order']}/{one['hold']}"


async def _active(visit: Visit, keys: list[str]) -> list[dict[str, Any]]:
    """The active holds of the names in these keys."""
    names = sorted({key.partition("/")[2] for key in keys})
    async with visit.service.database.read() as connection:
        return [one for name in names for one in await holds.active(connection, name, ROWS)]


async def _do(visit: Visit) -> Response:
    """Release each of the chosen holds that is still there: what is refused for one order is done for the others."""
    form, done, refused = visit.form, [], []
    keys = form.all("held")
    active = {_key(one) for one in await _active(visit, keys)}
    for key in keys:
        order, _, hold = key.partition("/")
        try:
            if key not in active:
                raise Problem(INVALID, f"it has no hold {hold} any more; nothing was done")
            body = HoldRequest.model_validate(filled(HoldRequest, {"hold": hold, "reason": form.get("reason")}))
            await interface.release_order(order, body, visit.holder, visit.service, f"{form.get('once')}-{key}"[:255])
            done.append(f"{order}: {hold} is released")
        except ValidationError as error:
            return await _asked(visit, form, describe(error, Strict), INVALID.status)
        except REFUSALS as error:
            refused.append(f"{order}: {problem_of(error).detail}")
    return visit.shown(
        "done.html", title="Release holds", done=done, refused=refused, following=None, back="/console/waiting"
    )


ROUTES = [
    page("/waiting", _show),
    page("/waiting/release", _ask, role=Role.ACT),
    page("/waiting/release", _do, ("POST",)),
]

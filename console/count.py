"""Counts of items at a node: what is there is scanned or typed, compared with what is booked, then booked."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256

from pydantic import ValidationError
from starlette.responses import Response

from api import stock as interface
from api.problems import INVALID, NOT_FOUND, REFUSED, Problem
from console import scan, words
from console.visit import REFUSALS, Fields, Visit, message_id, page, problem_of
from database import stock
from domain.mistake import describe
from domain.network import Network
from domain.role import Role
from domain.stock import StockLevel, StockMessage, StockMessageKind

SEEN = "seen."
"""Begins the field of an item that says what was booked of it when the preview was made."""


async def _show(visit: Visit) -> Response:
    """An empty count; with `sku` one of this item."""
    network = await _network(visit)
    asked = visit.query.get("sku")
    form = Fields(((f"{scan.PREFIX}{asked}", ""),)) if network.knows_item(asked) else Fields()
    return _shown(visit, network, form)


async def _network(visit: Visit) -> Network:
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
    if not network.knows_node(_node(visit)):
        raise Problem(NOT_FOUND, f"there is no node {_node(visit)}")
    return network


def _node(visit: Visit) -> str:
    """The node that is counted: a node's key counts its own."""
    if visit.holder.kind == "node":
        return visit.holder.name
    node: str = visit.request.path_params["node"]
    return node


def _shown(
    visit: Visit,
    network: Network,
    form: Fields,
    *,
    levels: Mapping[str, StockLevel] | None = None,
    mistake: str = "",
    done: int = 0,
    status: int = 200,
) -> Response:
    """What was counted so far; with `levels` also what booking it would do."""
    named = [key.removeprefix(scan.PREFIX) for key, _ in form.pairs if key.startswith(scan.PREFIX)]
    node, counted = _node(visit), scan.units(form) if levels is not None else {}
    found = {sku: levels.get(sku) or StockLevel(node, sku, 0, 0, 0) for sku in counted} if levels is not None else {}
    return visit.shown(
        "count.html",
        status,
        node=node,
        here="/console/store/count" if visit.holder.kind == "node" else f"/console/counts/{node}",
        items=[network.item(sku) for sku in dict.fromkeys(named) if network.knows_item(sku)],
        sentences=[
            words.of_count(sku, level.on_hand, level.reserved + level.allocated, counted[sku])
            for sku, level in sorted(found.items())
        ],
        seen={f"{SEEN}{sku}": level.on_hand for sku, level in found.items()},
        at=datetime.now(UTC).isoformat(),
        sure=_written(counted),
        once=form.get("once") or secrets.token_hex(16),
        filled=form,
        is_scanning=form.get("do") == "scan",
        done=done,
        mistake=mistake,
    )


def _written(counted: Mapping[str, int]) -> str:
    """What was counted, so that nothing else is booked than what the preview was of."""
    return sha256(repr(sorted(counted.items())).encode()).hexdigest()[:16]


async def _do(visit: Visit) -> Response:
    """Count on, show what booking it would do, or book it."""
    network, form = await _network(visit), visit.form
    try:
        if form.get("do") == "scan":
            return _shown(visit, network, scan.with_scan(form, network))
        return await _judge(visit, network)
    except ValidationError as error:
        return _shown(visit, network, form, mistake=describe(error, StockMessage), status=INVALID.status)
    except REFUSALS as error:
        problem = problem_of(error)
        said = f"{problem.kind.title}: {problem.detail}"
        return _shown(visit, network, form, mistake=said, status=problem.kind.status)


async def _judge(visit: Visit, network: Network) -> Response:
    """Book a count if its preview was of just these units and just this stock; otherwise show what booking it would do now."""
    form, counted = visit.form, scan.units(visit.form)
    if not counted:
        raise Problem(
            INVALID, "nothing is counted: scan what is there, or fill in its units; 0 is a count", field="code"
        )
    async with visit.service.database.read_once() as connection:
        found = await stock.levels(connection, counted)
    levels = {sku: level for (node, sku), level in found.items() if node == _node(visit)}
    if form.get("do") != "book" or form.get("sure") != _written(counted):
        return _shown(visit, network, form, levels=levels)
    now = {sku: levels[sku].on_hand if sku in levels else 0 for sku in counted}
    if changed := [sku for sku in sorted(now) if form.get(f"{SEEN}{sku}") != str(now[sku])]:
        said = "The stock has changed since you saw it, and nothing was done. Look again. Booked now: "
        said += "; ".join(f"{now[sku]} of {sku}, not {form.get(f'{SEEN}{sku}') or 'seen'}" for sku in changed)
        return _shown(visit, network, form, levels=levels, mistake=said, status=REFUSED.status)
    await interface.send_stock_message(_message(visit, counted), visit.holder, visit.service, Response())
    return _shown(visit, network, Fields(), done=len(counted))


def _message(visit: Visit, counted: Mapping[str, int]) -> StockMessage:
    """The count as a message of the node. It is of the moment of its preview: what moves afterwards is counted on top."""
    values = {
        "message_id": message_id(visit.form, "counted"),
        "node": _node(visit),
        "kind": StockMessageKind.COUNTED,
        "occurred_at": visit.form.get("at"),
        "lines": [{"sku": sku, "quantity": number} for sku, number in sorted(counted.items())],
        "reason": visit.form.get("reason") or None,
    }
    return StockMessage.model_validate(values)


ROUTES = [
    page("/counts/{node}", _show, role=Role.ACT),
    page("/counts/{node}", _do, ("POST",)),
    page("/store/count", _show, kinds=("node",)),
    page("/store/count", _do, ("POST",), kinds=("node",)),
]

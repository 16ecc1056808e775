"""Transfers between nodes: what is on its way, making one, and what of it has come, counted at the destination."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api import stock as stock_interface
from api import transfer as interface
from api.problems import INVALID, NOT_ALLOWED, NOT_FOUND, REFUSED, Problem
from console import scan, words
from console.visit import REFUSALS, Fields, Visit, filled, message_id, page, problem_of, whole_number
from database import stock
from database.connect import ReadConnection
from database.documents import transfer as documents
from database.documents.document import page as page_of
from domain.identifiers import transfer_order_id
from domain.mistake import describe
from domain.network import Network
from domain.order import OrderStatus
from domain.role import Role
from domain.stock import StockLevel, StockMessage, StockMessageKind
from domain.transfer import TransferRequest
from network.validate_order import check_transfer

Document = Mapping[str, Any]

ROWS = 50
BOTH = ("operator", "node")


async def _show(visit: Visit) -> Response:
    """The transfers, the newest first; for a node those that come to it and are not over."""
    if visit.holder.kind == "node":
        return await _coming(visit)
    asked = {name: visit.query.get(name) for name in ("status", "from", "to", "needs_attention")}
    if asked["status"] and asked["status"] not in list(OrderStatus):
        raise Problem(INVALID, "no transfer has this status", field="status")
    if named := visit.query.get("transfer"):
        return RedirectResponse(f"/console/transfers/{quote(named, safe='')}", 303)
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await documents.listed(
            connection,
            status=OrderStatus(asked["status"]) if asked["status"] else None,
            source=asked["from"] or None,
            destination=asked["to"] or None,
            needs_attention=True if asked["needs_attention"] else None,
            after=transfer_order_id(visit.query.get("after")) if visit.query.get("after") else None,
            limit=ROWS + 1,
        )
    listed = page_of(found, ROWS, "transfer")
    kept = {name: value for name, value in asked.items() if value}
    return visit.shown(
        "transfers.html",
        transfers=listed["items"],
        asked=asked,
        nodes=sorted(network.nodes),
        statuses=list(OrderStatus),
        following=f"/console/transfers?{urlencode(kept | {'after': listed['next']})}" if listed["next"] else None,
    )


async def _coming(visit: Visit) -> Response:
    """What comes to a node. A transfer is found by its name also when it is over: goods may come late."""
    if named := visit.query.get("transfer"):
        return RedirectResponse(f"/console/store/transfers/{quote(named, safe='')}", 303)
    async with visit.service.database.read() as connection:
        found = await documents.coming(connection, visit.holder.name, ROWS + 1)
    return visit.shown("store_transfers.html", transfers=found[:ROWS], is_more=len(found) > ROWS)


async def _show_one(visit: Visit) -> Response:
    shown, network = await _read(visit)
    return _shown(visit, shown, network, Fields())


def _shown(
    visit: Visit,
    shown: Document,
    network: Network,
    form: Fields,
    *,
    mistake: str = "",
    sentences: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """One transfer, with what was counted of it so far."""
    expected = _expected(shown)
    others = [sku for sku in form.beginning(scan.PREFIX) if sku not in expected and network.knows_item(sku)]
    return visit.shown(
        "transfer.html",
        status,
        transfer=shown,
        here=f"{_place(visit)}/{quote(shown['transfer'], safe='')}",
        lines=[_line(line, network) for line in shown["lines"]],
        items=[network.item(sku) for sku in (*expected, *others)] if _may_receive(visit, shown) else [],
        expected=expected,
        sentences=sentences,
        sure=_written(scan.units(form)) if sentences else "",
        once=form.get("once") or secrets.token_hex(16),
        filled=form,
        is_scanning=form.get("do") == "scan",
        done=visit.query.get("done").isdecimal() and whole_number(visit.query.get("done"), "done"),
        mistake=mistake,
    )


def _place(visit: Visit) -> str:
    return "/console/store/transfers" if visit.holder.kind == "node" else "/console/transfers"


def _line(line: Document, network: Network) -> Document:
    return {**line, "name": network.item(line["sku"]).name if network.knows_item(line["sku"]) else ""}


def _expected(shown: Document) -> dict[str, int]:
    """Units that left the source and have not come, by SKU. What was written off is not expected, but may come."""
    found = Counter[str]()
    for line in shown["lines"]:
        found[line["sku"]] += line["in_transit"]
    return dict(found)


def _may_receive(visit: Visit, shown: Document) -> bool:
    return visit.holder.name == shown["to"] if visit.holder.kind == "node" else visit.holder.role.includes(Role.ACT)


async def _read(visit: Visit) -> tuple[Document, Network]:
    """A transfer; a node sees those that come to it and no other. What it sends it finds in its work."""
    name = visit.request.path_params["transfer"]
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await documents.show(connection, transfer_order_id(name))
    if found is None or (visit.holder.kind == "node" and visit.holder.name != found["to"]):
        raise Problem(NOT_FOUND, f"there is no transfer {name}")
    return found, network


async def _receive(visit: Visit) -> Response:
    """Count what has come, or book it: at once when it is what is on its way, otherwise when that is said again."""
    shown, network = await _read(visit)
    form, do = visit.form, visit.form.get("do")
    if not _may_receive(visit, shown):
        raise Problem(NOT_ALLOWED, "this key may not receive it")
    try:
        if do == "scan":
            return _shown(visit, shown, network, scan.with_scan(form, network))
        if do == "all":
            return _shown(visit, shown, network, scan.with_units(form, _expected(shown)))
        return await _book(visit, shown, network)
    except ValidationError as error:
        return _shown(visit, shown, network, form, mistake=describe(error, StockMessage), status=INVALID.status)
    except REFUSALS as error:
        problem = problem_of(error)
        said = f"{problem.kind.title}: {problem.detail}"
        return _shown(visit, shown, network, form, mistake=said, status=problem.kind.status)


async def _book(visit: Visit, shown: Document, network: Network) -> Response:
    found = {sku: number for sku, number in scan.units(visit.form).items() if number}
    if not found:
        raise Problem(INVALID, "nothing is counted: scan what has come, or fill in its units", field="code")
    if visit.form.get("updated_at") != shown["updated_at"]:
        changed = "This has changed since you saw it, and nothing was done. What you counted is still here; look again."
        return _shown(visit, shown, network, visit.form, mistake=changed, status=REFUSED.status)
    sentences = words.of_receipt(_expected(shown), {line["sku"] for line in shown["lines"]}, found)
    if sentences and visit.form.get("sure") != _written(scan.units(visit.form)):
        return _shown(visit, shown, network, visit.form, sentences=sentences)
    message = StockMessage.model_validate(
        {
            "message_id": message_id(visit.form, "received"),
            "node": shown["to"],
            "kind": StockMessageKind.RECEIVED,
            "occurred_at": datetime.now(UTC).isoformat(),
            "transfer": shown["transfer"],
            "lines": [{"sku": sku, "quantity": number} for sku, number in sorted(found.items())],
            "reason": visit.form.get("reason") or None,
        }
    )
    await stock_interface.send_stock_message(message, visit.holder, visit.service, Response())
    here = f"{_place(visit)}/{quote(shown['transfer'], safe='')}"
    return RedirectResponse(f"{here}?done={sum(found.values())}", 303)


def _written(found: Mapping[str, int]) -> str:
    """What was counted, so that a confirmation is of just this."""
    return sha256(repr(sorted((sku, number) for sku, number in found.items() if number)).encode()).hexdigest()[:16]


async def _ask(visit: Visit) -> Response:
    """What a new transfer would do. Nothing is done."""
    return await _asked(visit, visit.query)


async def _asked(visit: Visit, asked: Fields, mistake: str = "", status: int = 200) -> Response:
    sentences, sure = list[str](), ""
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        try:
            if asked.get("lines"):
                sentences, sure = await _foreseen(connection, network, _body(asked)), _digest(_body(asked))
        except ValidationError as error:
            mistake = mistake or describe(error, TransferRequest)
        except REFUSALS as error:
            mistake = mistake or problem_of(error).detail
    return visit.shown(
        "make_transfer.html",
        status,
        asked=asked,
        nodes=sorted(network.nodes),
        services=list(network.policy.transit),
        name=asked.get("transfer") or f"T-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}",
        sentences=sentences,
        sure=sure,
        once=secrets.token_hex(16),
        mistake=mistake,
    )


def _digest(body: TransferRequest) -> str:
    """What was shown before, so that nothing else is made."""
    return sha256(body.model_dump_json().encode()).hexdigest()[:16]


def _body(asked: Fields) -> TransferRequest:
    """The request of what was filled in. Raises the problem of a line that is not an item and its units."""
    lines = [_typed(line) for line in asked.get("lines").splitlines() if line.strip()]
    values = {"transfer": asked.get("transfer"), "lines": lines, "service": asked.get("service")}
    values = filled(TransferRequest, values) | {"from": asked.get("from"), "to": asked.get("to")}
    return TransferRequest.model_validate(values)


def _typed(line: str) -> dict[str, Any]:
    sku, _, quantity = line.strip().rpartition(" ")
    if not sku:
        raise Problem(INVALID, f"{line.strip()!r} is not a SKU and its units, such as SERUM-30 12", field="lines")
    return {"sku": sku.strip(), "quantity": whole_number(quantity, sku.strip())}


async def _foreseen(connection: ReadConnection, network: Network, body: TransferRequest) -> list[str]:
    check_transfer(body, network)
    wanted = Counter[str]()
    for line in body.lines:
        wanted[line.sku] += line.quantity
    levels = await stock.levels(connection, wanted)
    there = {sku: _available(levels.get((body.from_node, sku)), network) for sku in wanted}
    return words.of_transfer(network.node(body.from_node).name, network.node(body.to_node).name, wanted, there)


def _available(level: StockLevel | None, network: Network) -> int:
    return level.available(network.safety_stock(level.node, level.sku)) if level else 0


async def _make(visit: Visit) -> Response:
    """Make the transfer. Its name makes it one, however often the form is sent."""
    form = visit.form
    try:
        body = _body(form)
        if form.get("do") != "make" or form.get("sure") != _digest(body):
            return await _asked(visit, form)
        await interface.make_transfer(body, visit.holder, visit.service)
    except ValidationError as error:
        return await _asked(visit, form, describe(error, TransferRequest), INVALID.status)
    except REFUSALS as error:
        problem = problem_of(error)
        return await _asked(visit, form, f"{problem.kind.title}: {problem.detail}", problem.kind.status)
    return RedirectResponse(f"/console/transfers/{quote(body.transfer)}", 303)


ROUTES = [
    page("/transfers", _show),
    page("/make-transfer", _ask, role=Role.ACT),
    page("/make-transfer", _make, ("POST",)),
    page("/transfers/{transfer}", _show_one),
    page("/transfers/{transfer}", _receive, ("POST",)),
    page("/store/transfers", _show, kinds=("node",)),
    page("/store/transfers/{transfer}", _show_one, kinds=("node",)),
    page("/store/transfers/{transfer}", _receive, ("POST",), kinds=("node",)),
]

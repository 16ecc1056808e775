"""The page of an order: where it stands, why, everything that happened, and the acts on it, each with what it would do."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api import claim as claims
from api import order as interface
from api.action import with_requests
from api.problems import NOT_FOUND, REFUSED, Problem
from channels.cancelling import cancel_codes
from console import live, plan_map, words
from console.exception import acts_of
from console.visit import REFUSALS, Fields, Visit, filled, page, problem_of, whole_number
from database.connect import ReadConnection
from database.documents import exception as exceptions
from database.documents import order as documents
from database.documents import sourcing, timeline
from domain import money
from domain.claim import ClaimKind, ClaimRequest, ClaimResolution
from domain.explanation import outcome
from domain.hold import by_request
from domain.identifiers import TRANSFERS, in_one_case, order_workflow_id
from domain.mistake import describe
from domain.network import Network
from domain.request import CancelRequest, HoldRequest, PickupRequest, Preview, RerouteRequest, ReturnRequest
from domain.role import Role
from domain.text import Strict
from transactions import claim as claiming
from transactions.preview import Tried, tried
from transactions.request import Asked

Document = Mapping[str, Any]

ENTRIES = 500
"""Of a longer timeline, the oldest are shown and then a link to what follows."""


NEWS_MAX = 10
"""Of what happened to an order since an operator saw it."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an act would do, found out without doing it."""

    sentences: list[str]
    tried: Tried | None = None
    """Money and promise, where the act was tried and undone."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator can do to an order from its page."""

    title: str
    body: Callable[[Fields], Strict]
    """The request from what was filled in."""
    foresee: Callable[[Visit, Document, Network, Any], Awaitable[Foreseen]]
    do: Callable[[Visit, str, Any, str], Awaitable[Any]]
    """Does it once for an idempotency key."""


async def _show(visit: Visit) -> Response:
    """An order with its rounds, exceptions and timeline."""
    name = _name(visit)
    after = _place(visit.query.get("after"))
    async with visit.service.database.read() as connection:
        shown = await _read(connection, name)
        network = await visit.network(connection)
        rounds = await sourcing.rounds(connection, name)
        happened = await timeline.items(connection, name, is_operator=True, after=after, limit=ENTRIES + 1)
        troubles = await _exceptions(connection, network, name) if shown["needs_attention"] else []
        fingerprint = await live.now(connection, name)
    return visit.shown(
        "order.html",
        order=shown,
        nodes={node: network.nodes[node].name for node in network.nodes},
        plan_map=plan_map.of_plan(shown, rounds[-1], network) if rounds else "",
        rounds=[{**found, "sentences": outcome(found)} for found in rounds],
        timeline=happened[:ENTRIES],
        following=happened[ENTRIES - 1]["entry"] if len(happened) > ENTRIES else None,
        exceptions=troubles,
        fingerprint=fingerprint,
        can_reroute=[one["fulfillment_order"] for one in shown["fulfillment_orders"] if _is_due(one)],
        is_transfer=shown["channel"] == TRANSFERS,
        engine=_engine(visit, name),
        done=visit.query.get("done") if visit.query.get("done") in ACTS else "",
    )


def _place(entry: str) -> timeline.Place:
    """A place in the timeline; its start for what names none."""
    return timeline.Place.read(entry) if re.fullmatch(timeline.ENTRY, entry) else timeline.START


def _name(visit: Visit) -> str:
    return in_one_case(visit.request.path_params["order"])


async def _read(connection: ReadConnection, name: str) -> Document:
    found = await documents.show(connection, name, channel=None, at=datetime.now(UTC))
    if found is None:
        raise Problem(NOT_FOUND, f"there is no order {name}")
    return found


async def _exceptions(connection: ReadConnection, network: Network, name: str) -> list[Document]:
    found = await exceptions.queue(
        connection,
        rules=network.policy.exceptions,
        code=None,
        owner=None,
        node=None,
        order=name,
        older_than=None,
        is_open=True,
        after=None,
        limit=ENTRIES,
    )
    return [{**with_requests(one), "acts": acts_of(one)} for one in found]


def _is_due(work: Document) -> bool:
    """Whether something of a fulfillment order is still to leave its node."""
    return any(line["quantity"] > line["shipped"] + line["short"] for line in work["lines"])


def _engine(visit: Visit, name: str) -> str | None:
    """The order's workflow in the Temporal UI."""
    ui, client = visit.request.app.state.temporal_ui, visit.service.client
    return f"{ui}/namespaces/{client.namespace}/workflows/{quote(order_workflow_id(name))}" if ui else None


async def _ask(visit: Visit) -> Response:
    """What an act would do now. Nothing is done."""
    return await _asked(visit, visit.query)


async def _asked(visit: Visit, asked: Fields, mistake: str = "", status: int = 200) -> Response:
    """The page of an act: its fields, and what it would do with what is filled in."""
    name, act, seen = _name(visit), _act(visit), f"{int(datetime.now(UTC).timestamp() * 1_000_000)}.99."
    async with visit.service.database.read() as connection:
        shown, network = await _read(connection, name), await visit.network(connection)
    foreseen = Foreseen([])
    try:
        foreseen = await act.foresee(visit, shown, network, act.body(asked))
    except ValidationError as error:
        mistake = mistake or (describe(error, Strict) if _is_filled(asked) else "")
    except REFUSALS as error:
        mistake = mistake or problem_of(error).detail
    return visit.shown(
        "act_on_order.html",
        status,
        order=shown,
        act=act,
        name=visit.request.path_params["act"],
        foreseen=foreseen,
        nodes=sorted(network.nodes),
        holds=[rule.id for rule in network.policy.holds],
        kinds=list(ClaimKind),
        resolutions=list(ClaimResolution),
        reasons=network.policy.returns.reasons or (),
        codes=cancel_codes(network, shown["channel"]),
        once=secrets.token_hex(16),
        seen=seen,
        asked=asked,
        mistake=mistake,
    )


def _is_filled(asked: Fields) -> bool:
    return any(value for _, value in asked.pairs)


def _act(visit: Visit) -> Act:
    name = visit.request.path_params["act"]
    if name not in ACTS:
        raise Problem(NOT_FOUND, "there is no such page")
    return ACTS[name]


async def _do(visit: Visit) -> Response:
    """Do it, unless the order is not what the operator saw any more."""
    name, act, form = _name(visit), _act(visit), visit.form
    if changed := await _changed(visit, name):
        return await _asked(visit, form, changed, REFUSED.status)
    try:
        await act.do(visit, name, act.body(form), form.get("once"))
    except ValidationError as error:
        return await _asked(visit, form, describe(error, Strict), 422)
    except REFUSALS as error:
        problem = problem_of(error)
        return await _asked(visit, form, f"{problem.kind.title}: {problem.detail}", problem.kind.status)
    return RedirectResponse(f"/console/orders/{quote(name)}?done={visit.request.path_params['act']}", 303)


async def _changed(visit: Visit, name: str) -> str:
    """What has happened to the order since the operator saw it; empty when nothing has.

    A change in the moment between this and the act is judged by the transaction of the act itself.
    """
    async with visit.service.database.read() as connection:
        shown = await _read(connection, name)
        if str(shown["version"]) == visit.form.get("version"):
            return ""
        after = _place(visit.form.get("seen"))
        news = await timeline.items(connection, name, is_operator=True, after=after, limit=NEWS_MAX)
    said = "The order has changed since you saw it, and nothing was done. Look again. What happened: "
    return said + "; ".join(f"{words.happened(item['what'])} ({item['detail']})" for item in news)


def _cancel_body(fields: Fields) -> Strict:
    quantities = {line: whole_number(text, line) for line, text in fields.beginning("quantity.").items()}
    lines = [{"line": line, "quantity": quantity} for line, quantity in quantities.items() if quantity]
    values = {"lines": lines or None, "code": fields.get("code"), "reason": fields.get("reason")}
    return CancelRequest.model_validate(filled(CancelRequest, values))


def _return_body(fields: Fields) -> Strict:
    quantities = {line: whole_number(text, line) for line, text in fields.beginning("quantity.").items()}
    why = {"reason": fields.get("return_reason")} if fields.get("return_reason") else {}
    lines = [{"line": line, "quantity": quantity} | why for line, quantity in quantities.items() if quantity]
    return ReturnRequest.model_validate({"lines": lines, "node": fields.get("node") or None})


def _claim_body(fields: Fields) -> Strict:
    quantities = {line: whole_number(text, line) for line, text in fields.beginning("quantity.").items()}
    lines = [{"line": line, "quantity": quantity} for line, quantity in quantities.items() if quantity]
    values = {"kind": fields.get("kind"), "resolution": fields.get("resolution"), "reason": fields.get("reason")}
    return ClaimRequest.model_validate(filled(ClaimRequest, values) | {"lines": lines})


def _body(model: type[Strict], *names: str) -> Callable[[Fields], Strict]:
    """Makes a body of the fields with these names."""
    return lambda fields: model.model_validate(filled(model, {name: fields.get(name) for name in (*names, "reason")}))


def _pickup_body(fields: Fields) -> Strict:
    values = {"pickup_node": fields.get("pickup_node") or None, "reason": fields.get("reason") or None}
    return PickupRequest.model_validate(values)


async def _foresee_hold(_: Visit, order: Document, network: Network, body: HoldRequest) -> Foreseen:
    placement = by_request(body.hold, network.policy, is_by_channel=False)
    return Foreseen(words.of_hold(order, body.hold, placement.stock))


async def _foresee_release(_: Visit, order: Document, __: Network, body: HoldRequest) -> Foreseen:
    return Foreseen(words.of_release(order, body.hold))


async def _foresee_cancel(visit: Visit, order: Document, _: Network, body: CancelRequest) -> Foreseen:
    facts = body.model_dump(mode="json", include={"lines", "code"}, exclude_none=True)
    found = await tried(visit.service.transactions, _tried_by(visit, order, body), "cancel", facts)
    return Foreseen(words.of_cancel(found.answer), found)


async def _foresee_reroute(visit: Visit, order: Document, _: Network, body: RerouteRequest) -> Foreseen:
    facts = body.model_dump(mode="json", include={"fulfillment_order", "to_node"}, exclude_none=True)
    found = await tried(visit.service.transactions, _tried_by(visit, order, body), "reroute", facts)
    if found.preview.refused is not None:
        return Foreseen([], found)
    works = {one["fulfillment_order"]: one["node"] for one in order["fulfillment_orders"]}
    said = words.REROUTED[found.answer["outcome"]].format(node=works[body.fulfillment_order])
    return Foreseen([said], found)


async def _foresee_pickup(_: Visit, order: Document, network: Network, body: PickupRequest) -> Foreseen:
    unreleased = sum(line[bucket] for line in order["lines"] for bucket in ("open", "backordered", "reserved"))
    where = f"are collected at {body.pickup_node}" if body.pickup_node else "are shipped to the address"
    return Foreseen([f"Not released to a node yet: {words.units(unreleased)}. They {where}, if they can be filled so."])


async def _foresee_return(_: Visit, order: Document, __: Network, body: ReturnRequest) -> Foreseen:
    skus = {line["line"]: line["sku"] for line in order["lines"]}
    said = [f"{words.units(one.quantity)} of line {one.line}, {skus.get(one.line, 'unknown')}" for one in body.lines]
    return Foreseen(
        [f"It announces that {', '.join(said)} will come back. The policy decides whether a person approves it."]
    )


async def _foresee_claim(visit: Visit, order: Document, _: Network, body: ClaimRequest) -> Foreseen:
    found = await claiming.foresee(visit.service.transactions, order["order"], body)
    if found.refused is not None:
        nothing = Preview(amount_change=0, currency=found.currency, promise=None, refused=found.refused)
        return Foreseen([], Tried(nothing, {}))
    amount = f"{money.written(found.amount, found.currency)} {found.currency}"
    return Foreseen(words.of_claim(body.model_dump(mode="json", include={"lines", "resolution"}), amount))


def _tried_by(visit: Visit, order: Document, body: Any) -> Asked[Any]:
    return Asked(order["order"], body, visit.holder.actor)


async def _hold(visit: Visit, name: str, body: HoldRequest, once: str) -> Any:
    return await interface.hold_order(name, body, visit.holder, visit.service, once)


async def _release(visit: Visit, name: str, body: HoldRequest, once: str) -> Any:
    return await interface.release_order(name, body, visit.holder, visit.service, once)


async def _cancel(visit: Visit, name: str, body: CancelRequest, once: str) -> Any:
    return await interface.cancel_order(name, body, visit.holder, visit.service, once)


async def _reroute(visit: Visit, name: str, body: RerouteRequest, once: str) -> Any:
    return await interface.reroute_order(name, body, visit.holder, visit.service, once)


async def _return(visit: Visit, name: str, body: ReturnRequest, once: str) -> Any:
    return await interface.request_return(name, body, visit.holder, visit.service, once)


async def _claim(visit: Visit, name: str, body: ClaimRequest, once: str) -> Any:
    return await claims.make_claim(name, body, visit.holder, visit.service, once)


async def _pickup(visit: Visit, name: str, body: PickupRequest, once: str) -> Any:
    return await interface.change_order_pickup(name, body, visit.holder, visit.service, once)


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "hold": Act("Hold the order", _body(HoldRequest, "hold"), _foresee_hold, _hold),
        "release": Act("Release a hold", _body(HoldRequest, "hold"), _foresee_release, _release),
        "cancel": Act("Cancel units", _cancel_body, _foresee_cancel, _cancel),
        "reroute": Act(
            "Reroute work", _body(RerouteRequest, "fulfillment_order", "to_node"), _foresee_reroute, _reroute
        ),
        "return": Act("Enter a return", _return_body, _foresee_return, _return),
        "claim": Act("Enter a claim", _claim_body, _foresee_claim, _claim),
        "pickup": Act("Change the pickup", _pickup_body, _foresee_pickup, _pickup),
    }
)
"""The acts, by the last part of their address."""

ROUTES = [
    page("/orders/{order}", _show),
    page("/orders/{order}/{act}", _ask, role=Role.ACT),
    page("/orders/{order}/{act}", _do, ("POST",)),
]

"""Routes about orders: take one in, show it, its plans, lists, and requests that its workflow answers."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel
from temporalio.service import RPCError

from api.access import Operator, OperatorOrChannel, Wired, nothing, own_channel
from api.paths import OrderId
from api.problems import INVALID, NO_ANSWER, NOT_ALLOWED, NOT_READY, OTHER_BODY, REFUSED, Problem
from api.service import Service
from database import address, order, personal, request, sourcing
from database.documents import show
from database.key import Holder
from database.order import UnknownOrder
from database.request import Request, UsedForAnotherRequest
from domain.order import NewOrder, OrderStatus, PromiseState
from domain.request import (
    AddressRequest,
    CancelAnswer,
    CancelRequest,
    ChangedLine,
    ForgetRequest,
    HoldRequest,
    PickupRequest,
    QuantityRequest,
    RerouteRequest,
    ResolveRequest,
    ReturnRequest,
)
from domain.units import Rerouted
from network.geography import ImpossiblePlace, locate
from network.validate_order import WrongField, check_pickup
from transactions import exception, returns
from transactions import order as orders
from transactions.network import NoNetwork
from transactions.order import RequestInput, UsedForAnotherOrder
from transactions.personal import StillOpen, forget
from workflows import client as temporal
from workflows.client import NoAnswer, RequestRefused, WorkflowGone

router = APIRouter(tags=["orders"])

SAME_KEY = "Sent again with the same key and body, a request is answered as the first time and not done twice"
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=255, description=SAME_KEY)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Placed(BaseModel):
    """The order's id, its status and its promise."""

    order: str
    status: OrderStatus
    promise: PromiseState | None


class Accepted(BaseModel):
    """The request was granted."""

    order: str


class ChangedOrder(BaseModel):
    """The lines whose quantity was changed, as they are now."""

    order: str
    lines: list[ChangedLine]


class ReroutedWork(BaseModel):
    """How work was taken from its node."""

    order: str
    fulfillment_order: str
    outcome: Rerouted


class ForgottenOrder(BaseModel):
    """The order's personal data is erased."""

    order: str
    forgotten_at: datetime
    actor: str | None
    reason: str | None


class ReturnMade(BaseModel):
    """The return's id; its workflow runs."""

    return_: str

    model_config = {"alias_generator": lambda name: name.rstrip("_"), "populate_by_name": True}


AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": Placed, "description": "The same order came before"},
    202: {"model": Placed, "description": "The order is kept; its promise is not known yet"},
}


@router.post("/orders", status_code=201, response_model=Placed, responses=AGAIN)
async def place_order(body: NewOrder, holder: OperatorOrChannel, service: Wired, response: Response) -> Placed:
    """Place an order. 201 with the promise; 200 when the same order came before; 202 when the promise is not known yet."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    try:
        taken = await orders.take(service.transactions, body)
    except WrongField as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except UsedForAnotherOrder as error:
        raise Problem(OTHER_BODY, f"order {body.order} exists with another body") from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    if not taken.is_new:
        response.status_code = 200
        return Placed(order=body.order, status=taken.state.status, promise=taken.state.promise)
    answer = await temporal.place(service.client, taken.input)
    if answer is None:
        response.status_code = 202
        return Placed(order=body.order, status=taken.state.status, promise=None)
    return Placed(order=body.order, status=answer.status, promise=answer.promise)


@router.get("/orders")
async def list_orders(
    holder: OperatorOrChannel,
    service: Wired,
    status: OrderStatus | None = None,
    channel: str | None = None,
    node: str | None = None,
    needs_attention: bool | None = None,
    after: str | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Orders, newest first. A channel's key sees its own."""
    wanted_channel = own_channel(holder) or channel
    async with service.database.read() as connection:
        items = await show.orders(
            connection,
            status=status,
            channel=wanted_channel,
            node=node,
            needs_attention=needs_attention,
            after=after,
            limit=limit + 1,
        )
    return page(items, limit, "order")


def page(items: list[dict[str, Any]], limit: int, name: str) -> dict[str, Any]:
    """A page of a list; `next` is what to send as `after`, or null at the end. `items` holds one more than the page."""
    shown = items[:limit]
    return {"items": shown, "next": shown[-1][name] if len(items) > limit else None}


@router.get("/orders/{order}")
async def get_order(name: OrderId, holder: OperatorOrChannel, service: Wired) -> dict[str, Any]:
    """One order, with every acknowledged message applied."""
    async with service.database.read() as connection:
        document = await show.order(connection, name, channel=own_channel(holder), at=datetime.now(UTC))
    if document is None:
        raise nothing("order", name)
    return document


@router.get("/orders/{order}/plan")
async def get_order_plan(name: OrderId, holder: OperatorOrChannel, service: Wired) -> dict[str, Any]:
    """Every sourcing round of an order: the nodes considered, the plan chosen, and why."""
    async with service.database.read() as connection:
        await check_own(service, name, holder)
        return {"order": name, "rounds": await sourcing.plans(connection, name)}


@router.post("/orders/{order}/cancel", response_model=CancelAnswer)
async def cancel_order(
    name: OrderId,
    body: CancelRequest,
    holder: OperatorOrChannel,
    service: Wired,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Cancel units. The answer says per unit: cancelled, pending at its node, or refused. 409 when every unit is refused."""
    facts = body.model_dump(mode="json", include={"lines"}, exclude_none=True)
    return await ask(service, name, "cancel", body, facts, holder, idempotency_key)


@router.post("/orders/{order}/hold", response_model=Accepted)
async def hold_order(
    name: OrderId, body: HoldRequest, holder: OperatorOrChannel, service: Wired, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Place a named hold. Units that are not released yet stay where they are."""
    return {"order": name} | await ask(service, name, "hold", body, {"hold": body.hold}, holder, idempotency_key)


@router.post("/orders/{order}/release", response_model=Accepted)
async def release_order(
    name: OrderId, body: HoldRequest, holder: OperatorOrChannel, service: Wired, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Remove a named hold. The order goes on when it was the last one. Only operators remove holds that the policy placed."""
    if channel := own_channel(holder):
        await _check_not_by_policy(service, name, body.hold, channel)
    return {"order": name} | await ask(service, name, "release", body, {"hold": body.hold}, holder, idempotency_key)


@router.post("/orders/{order}/reroute", response_model=ReroutedWork)
async def reroute_order(
    name: OrderId, body: RerouteRequest, holder: Operator, service: Wired, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Take a fulfillment order from its node, so that another ships it. A node that accepted it is asked to cancel first."""
    facts = body.model_dump(mode="json", include={"fulfillment_order", "to_node"}, exclude_none=True)
    done = await ask(service, name, "reroute", body, facts, holder, idempotency_key)
    return {"order": name, "fulfillment_order": body.fulfillment_order} | done


@router.post("/orders/{order}/address", response_model=Accepted)
async def change_order_address(
    name: OrderId,
    body: AddressRequest,
    holder: OperatorOrChannel,
    service: Wired,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Change the address of an order that is not released yet. 409 when it is released, or cannot be filled there."""
    try:
        locate(body.ship_to.country, body.ship_to.postal_code)
    except ImpossiblePlace as error:
        raise Problem(INVALID, str(error), field=f"ship_to.{error.field}") from error
    return {"order": name} | await ask(service, name, "change_address", body, {}, holder, idempotency_key)


@router.post("/orders/{order}/quantities", response_model=ChangedOrder)
async def change_order_quantities(
    name: OrderId,
    body: QuantityRequest,
    holder: OperatorOrChannel,
    service: Wired,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Change line quantities, all or nothing. 409 once any of the lines has been released."""
    facts = body.model_dump(mode="json", include={"lines"})
    return {"order": name} | await ask(service, name, "change_quantity", body, facts, holder, idempotency_key)


@router.post("/orders/{order}/forget", response_model=ForgottenOrder)
async def forget_order(name: OrderId, body: ForgetRequest, holder: Operator, service: Wired) -> ForgottenOrder:
    """Erase the personal data of an order for ever. Repeated, the answer says since when. 409 while units have not shipped."""
    try:
        forgotten = await forget(service.database, name, body, actor=holder.actor)
    except UnknownOrder as error:
        raise nothing("order", name) from error
    except StillOpen as error:
        raise Problem(REFUSED, f"{error}: cancel them first, or forget it with even_if_open") from error
    return ForgottenOrder(order=name, forgotten_at=forgotten.at, actor=forgotten.actor, reason=forgotten.reason)


@router.post("/orders/{order}/pickup", response_model=Accepted)
async def change_order_pickup(
    name: OrderId,
    body: PickupRequest,
    holder: OperatorOrChannel,
    service: Wired,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Change where the customer collects what is not released, or ship it instead (null). 409 when that cannot be filled."""
    try:
        async with service.database.read() as connection:
            _, network = await service.networks.active(connection)
        check_pickup(body.pickup_node, network)
    except WrongField as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    facts = {"pickup_node": body.pickup_node}
    return {"order": name} | await ask(service, name, "change_pickup", body, facts, holder, idempotency_key)


@router.post("/orders/{order}/resolve", response_model=Accepted)
async def resolve_order_exception(
    name: OrderId, body: ResolveRequest, holder: Operator, service: Wired, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Close an exception of an order; what waited for it goes on. 409 when the order has no such open exception."""
    facts = {"exception": body.exception}
    return {"order": name} | await ask(service, name, "resolve", body, facts, holder, idempotency_key)


@router.post("/orders/{order}/returns", status_code=201, response_model=ReturnMade)
async def request_return(
    name: OrderId,
    body: ReturnRequest,
    holder: OperatorOrChannel,
    service: Wired,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Request a return of delivered units. The policy decides whether it is authorized at once or by a person."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    reasons = network.policy.returns.reasons or ()
    lines = [
        line.model_dump(mode="json", include={"line", "quantity", "exchange_for"}, exclude_none=True)
        | ({"reason": line.reason} if line.reason in reasons else {})
        for line in body.lines
    ]
    facts = {"lines": lines, "resolution": body.resolution, "node": body.node}
    return await ask(service, name, "request_return", body, facts, holder, idempotency_key)


Asking = Literal[
    "cancel",
    "hold",
    "release",
    "change_address",
    "change_pickup",
    "change_quantity",
    "reroute",
    "resolve",
    "request_return",
]
Body = (
    AddressRequest
    | CancelRequest
    | HoldRequest
    | PickupRequest
    | QuantityRequest
    | RerouteRequest
    | ResolveRequest
    | ReturnRequest
)


async def ask(
    service: Service,
    name: str,
    kind: Asking,
    body: Body,
    facts: dict[str, Any],
    holder: Holder,
    idempotency_key: str | None,
) -> dict[str, Any]:
    """Store a request, let the order's workflow answer it, and tell the answer; asked again with its key, tell it again."""
    await check_own(service, name, holder)
    kept = await _keep(service, name, kind, body, facts, holder, idempotency_key)
    if kept.answer is not None:
        return _told(kind, kept.answer)
    try:
        return await _answer(service, name, kind, kept.request_id)
    except RequestRefused as error:
        raise Problem(REFUSED, error.reason, more=error.answer) from error
    except WorkflowGone as error:
        raise Problem(REFUSED, f"order {name} is closed") from error
    except (NoAnswer, RPCError, RuntimeError) as error:
        detail = (
            f"order {name} has not answered yet; repeat the request with the same Idempotency-Key to get the outcome"
        )
        raise Problem(NO_ANSWER, detail) from error


async def _answer(service: Service, name: str, kind: Asking, request_id: int) -> dict[str, Any]:
    """What the order's workflow answers; one that somebody terminated is started again to answer."""
    try:
        return await temporal.ask(service.client, name, kind, request_id)
    except WorkflowGone:
        if await service.relay.start_again(name):
            return await temporal.ask(service.client, name, kind, request_id)
        if kind in ("resolve", "request_return"):
            return await _answer_for_a_closed_order(service, name, kind, request_id)
        raise


async def _answer_for_a_closed_order(service: Service, name: str, kind: Asking, request_id: int) -> dict[str, Any]:
    """A closed order still has a mailbox: an exception is resolved and a return begun without its workflow."""
    asked = RequestInput(
        order=name, request=request_id, kind=kind, facts={}, key=f"request-{request_id}", at=datetime.now(UTC)
    )
    answering = exception.resolve if kind == "resolve" else returns.request_return
    done = await answering(service.transactions, asked)
    if kind == "request_return" and not done.refused:
        await temporal.start_return(service.client, name, str(done.answer["return"]))
    if done.refused:
        raise RequestRefused(done.refused.reason, None)
    return done.answer


async def check_own(service: Service, name: str, holder: Holder) -> None:
    """Raises the problem of what does not exist, unless there is such an order and the holder may know of it."""
    async with service.database.read() as connection:
        try:
            channel = await order.channel(connection, name)
        except UnknownOrder as error:
            raise nothing("order", name) from error
    if own_channel(holder) not in (None, channel):
        raise nothing("order", name)


async def _check_not_by_policy(service: Service, name: str, hold: str, channel: str) -> None:
    """Releasing a hold of the policy is the approval, and who wants something does not approve it himself."""
    async with service.database.read() as connection:
        if await order.is_held_by_policy(connection, name, hold, channel):
            raise Problem(NOT_ALLOWED, f"the policy placed hold {hold}; only an operator can remove it", field="hold")


async def _keep(
    service: Service,
    name: str,
    kind: Asking,
    body: Body,
    facts: dict[str, Any],
    holder: Holder,
    idempotency_key: str | None,
) -> Request:
    async with service.database.write() as connection:
        try:
            kept = await request.keep(
                connection,
                order=name,
                kind=kind,
                asker=holder.actor,
                idempotency_key=idempotency_key,
                body_digest=await personal.fingerprint(connection, body),
                facts=facts,
                actor=body.actor or holder.actor,
                reason=_reason(body),
                at=datetime.now(UTC),
            )
            if isinstance(body, AddressRequest):
                await address.keep(connection, kept.request_id, name, body.ship_to)
            return kept
        except UsedForAnotherRequest as error:
            raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error


def _reason(body: Body) -> str | None:
    """Everything that was typed as a reason, with the line it was typed for."""
    reasons = [f"line {line.line}: {line.reason}" for line in getattr(body, "lines", None) or () if _has_reason(line)]
    return "; ".join([*([body.reason] if body.reason else []), *reasons]) or None


def _has_reason(line: object) -> bool:
    return bool(getattr(line, "reason", None))


def _told(kind: Asking, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer that was given before: refused again, or granted again."""
    if kind == "cancel":
        return _told_of_units(CancelAnswer.model_validate(answer))
    if reason := answer.get("refused"):
        raise Problem(REFUSED, str(reason))
    return answer


def _told_of_units(answer: CancelAnswer) -> dict[str, Any]:
    """A cancel is refused only when not one unit is cancelled or pending; one in part is granted, and says what was refused."""
    lists = answer.model_dump(mode="json")
    if answer.cancelled or answer.pending:
        return lists
    reasons = sorted({units.reason for units in answer.refused})
    raise Problem(REFUSED, "; ".join(reasons) or "nothing is left to cancel", more=lists)

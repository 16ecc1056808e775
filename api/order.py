"""Routes about orders: place one, show it, its plans, lists, and requests that its workflow answers."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.access import Admin, Operator, OperatorOrChannel, Reader, ServiceDep, not_found, own_channel
from api.answer import shown
from api.common import IdempotencyKey, IsPreview, Limit, check_customers, check_destination, check_own
from api.paths import NodeName, OrderId
from api.problems import NOT_ALLOWED, Problem, response
from api.service import Service
from database import customer
from database import hold as holds
from database.documents import order as documents
from database.documents import sourcing, timeline
from database.documents.document import Page, page
from database.documents.order import ListedOrder, Order, OrderQuery
from database.documents.sourcing import Plan
from database.documents.timeline import TimelineItem
from database.documents.what_if import WhyNot
from database.key import Caller
from domain.customer import SearchRequest
from domain.order import NewOrder, OrderNumber, OrderStatus, PromiseState
from domain.request import (
    AddressRequest,
    CancelAnswer,
    CancelRequest,
    ChangedLine,
    ForgetRequest,
    HoldRequest,
    LinesRequest,
    PickupRequest,
    Preview,
    QuantityRequest,
    RerouteRequest,
    ResolveRequest,
    ReturnRequest,
    ServiceRequest,
)
from domain.text import Moment, Reference, Sku
from domain.units import Rerouted
from network.geography import check_locality
from network.validate_order import check_items, check_pickup, check_service
from transactions import order as orders
from transactions.personal import forget
from transactions.preview import preview as preview_
from transactions.request import Asked, Body
from transactions.returns import NAMES_ADDRESS
from transactions.what_if import why_not
from workflows import client as temporal

router = APIRouter(tags=["orders"])

Model = TypeVar("Model", bound=BaseModel)

RoundNumber = Annotated[int | None, Query(alias="round", ge=1, le=100_000)]


class Placed(BaseModel):
    """The order's id, its status and its promise."""

    order: str
    status: OrderStatus
    promise: PromiseState | None


class Accepted(BaseModel):
    """The request was granted."""

    order: str


class ChangedOrder(BaseModel):
    """The lines that were changed or added, as they are now."""

    order: str
    lines: list[ChangedLine]


class ReroutedWork(BaseModel):
    """How a fulfillment order was taken from its node."""

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
    202: {"model": Placed, "description": "The order is accepted; its promise is not known yet"},
}


@router.post("/orders", status_code=201, response_model=Placed, responses=AGAIN)
async def place_order(body: NewOrder, holder: OperatorOrChannel, service: ServiceDep, response: Response) -> Placed:
    """Place an order. 201 with the promise; 200 when the same order came before; 202 when the promise is not known yet."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    taken = await orders.take(service.transactions, body)
    if not taken.is_new:
        response.status_code = 200
        if not taken.state.closed:
            service.relay.start_soon(taken.input)
        return Placed(order=body.order, status=taken.state.status, promise=taken.state.promise_when_placed)
    answer = await temporal.place(service.client, service.breaker, taken.input)
    if answer is None:
        response.status_code = 202
        return Placed(order=body.order, status=taken.state.status, promise=None)
    return Placed(order=body.order, status=answer.status, promise=answer.promise)


@router.get("/orders", response_model=Page[ListedOrder])
async def list_orders(
    holder: OperatorOrChannel,
    service: ServiceDep,
    status: OrderStatus | None = None,
    channel: str | None = None,
    node: str | None = None,
    needs_attention: bool | None = None,
    number: OrderNumber | None = None,
    reference: Reference | None = None,
    sku: Sku | None = None,
    placed_after: Moment | None = None,
    placed_before: Moment | None = None,
    updated_since: Moment | None = None,
    after: str | None = None,
    limit: Limit = 50,
) -> Response:
    """Orders, newest first. A channel's key sees its own."""
    wanted = OrderQuery(
        limit=limit + 1,
        after=after,
        channel=own_channel(holder) or channel,
        status=status,
        needs_attention=needs_attention,
        node=node,
        number=number,
        reference=reference,
        sku=sku,
        placed_after=placed_after,
        placed_before=placed_before,
        updated_since=updated_since,
    )
    async with service.database.read() as connection:
        items = await documents.listed(connection, wanted)
    return shown(page(items, limit, "order"))


@router.post("/orders/search", response_model=Page[ListedOrder])
async def search_orders(
    body: SearchRequest, _: Reader, service: ServiceDep, after: str | None = None, limit: Limit = 50
) -> Response:
    """Orders of a person, newest first, by the mail address, phone number or name of who gets or pays them. Stores nothing."""
    async with service.database.read() as connection:
        digest = await customer.looked_for(connection, body)
        items = await documents.of_customer(connection, digest, after=after, limit=limit + 1)
    return shown(page(items, limit, "order"))


@router.get("/orders/{order}", response_model=Order)
async def get_order(name: OrderId, holder: OperatorOrChannel, service: ServiceDep) -> Response:
    """One order, with every acknowledged message applied."""
    async with service.database.read() as connection:
        document = await documents.show(connection, name, channel=own_channel(holder), at=datetime.now(UTC))
    if document is None:
        raise not_found("order", name)
    return shown(document)


@router.get("/orders/{order}/plan", response_model=Plan)
async def get_order_plan(name: OrderId, holder: OperatorOrChannel, service: ServiceDep) -> Response:
    """Every sourcing round of an order: the nodes considered, the plan chosen, and why."""
    async with service.database.read() as connection:
        await check_own(service, name, holder)
        return shown(await sourcing.plan(connection, name))


@router.get("/orders/{order}/plan/why-not/{node}", response_model=WhyNot, responses={409: response(409)})
async def get_why_not(
    name: OrderId, node: NodeName, _: Operator, service: ServiceDep, round_: RoundNumber = None
) -> Response:
    """Why a node does not ship an order, and each smallest change under which it would have. 409 when its round is not kept."""
    return shown(await why_not(service.database, service.networks, name, node, round_))


@router.get("/orders/{order}/timeline", response_model=Page[TimelineItem])
async def get_order_timeline(
    name: OrderId,
    holder: OperatorOrChannel,
    service: ServiceDep,
    after: Annotated[str | None, Query(pattern=timeline.ENTRY)] = None,
    limit: Limit = 100,
) -> Response:
    """Everything that happened to an order, oldest first, with who did it and why."""
    async with service.database.read() as connection:
        await check_own(service, name, holder)
        items = await timeline.items(
            connection,
            name,
            is_operator=own_channel(holder) is None,
            after=timeline.Place.read(after) if after else timeline.START,
            limit=limit + 1,
        )
    return shown(page(items, limit, "entry"))


@router.post("/orders/{order}/cancel", response_model=CancelAnswer | Preview)
async def cancel_order(
    name: OrderId,
    body: CancelRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
    preview: IsPreview = False,
) -> CancelAnswer | Preview:
    """Cancel units. The answer says per unit: cancelled, pending at its node, or refused. 409 when every unit is refused."""
    facts = body.model_dump(mode="json", include={"lines", "code"}, exclude_none=True)
    asked = Asked(name, body, holder.actor, idempotency_key)
    return await _change(service, "cancel", asked, facts, holder, CancelAnswer, is_preview=preview)


@router.post("/orders/{order}/hold", response_model=Accepted)
async def hold_order(
    name: OrderId,
    body: HoldRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Place a named hold. Units that are not released yet stay where they are."""
    asked = Asked(name, body, holder.actor, idempotency_key)
    return {"order": name} | await _ask(service, "hold", asked, {"hold": body.hold}, holder)


@router.post("/orders/{order}/release", response_model=Accepted)
async def release_order(
    name: OrderId,
    body: HoldRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Remove a named hold. The order goes on when it was the last one. A channel removes only holds that it placed itself."""
    if own_channel(holder):
        await check_own(service, name, holder)
        await _check_channels_own(service, name, body.hold)
    asked = Asked(name, body, holder.actor, idempotency_key)
    return {"order": name} | await _ask(service, "release", asked, {"hold": body.hold}, holder)


@router.post("/orders/{order}/reroute", response_model=ReroutedWork)
async def reroute_order(
    name: OrderId, body: RerouteRequest, holder: Operator, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Take a fulfillment order from its node, so that another ships it. A node that accepted it is asked to cancel first."""
    facts = body.model_dump(mode="json", include={"fulfillment_order", "to_node"}, exclude_none=True)
    asked = Asked(name, body, holder.actor, idempotency_key)
    done = await _ask(service, "reroute", asked, facts, holder)
    return {"order": name, "fulfillment_order": body.fulfillment_order} | done


@router.post("/orders/{order}/address", response_model=Accepted | Preview)
async def change_order_address(
    name: OrderId,
    body: AddressRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
    preview: IsPreview = False,
) -> Accepted | Preview:
    """Change the address of the units that are not released. 409 when all are, or they cannot be filled there."""
    check_locality(body.ship_to.locality)
    asked = Asked(name, body, holder.actor, idempotency_key)
    return await _change(service, "change_address", asked, {}, holder, Accepted, is_preview=preview)


@router.post("/orders/{order}/service", response_model=Accepted | Preview)
async def change_order_service(
    name: OrderId,
    body: ServiceRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
    preview: IsPreview = False,
) -> Accepted | Preview:
    """Change how fast the units that are not released travel; the order gets a new promise. 409 when all are released, or
    they cannot be filled with it."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    check_service(body.service, network)
    facts = {"service": body.service}
    asked = Asked(name, body, holder.actor, idempotency_key)
    return await _change(service, "change_service", asked, facts, holder, Accepted, is_preview=preview)


@router.post("/orders/{order}/quantities", response_model=ChangedOrder | Preview)
async def change_order_quantities(
    name: OrderId,
    body: QuantityRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
    preview: IsPreview = False,
) -> ChangedOrder | Preview:
    """Change line quantities, all or nothing. 409 once any of the lines has been released."""
    facts = body.model_dump(mode="json", include={"lines"})
    asked = Asked(name, body, holder.actor, idempotency_key)
    return await _change(service, "change_quantity", asked, facts, holder, ChangedOrder, is_preview=preview)


@router.post("/orders/{order}/lines", response_model=ChangedOrder | Preview)
async def add_order_lines(
    name: OrderId,
    body: LinesRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
    preview: IsPreview = False,
) -> ChangedOrder | Preview:
    """Add lines, or swap units that are not released for another item at the same price: all or nothing. 409 once nothing is
    left to ship."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    check_items({"lines": body.lines, "swap": body.swap}, network)
    personal = {"lines": {"__all__": {"gift_message", "attributes"}}}
    facts = body.model_dump(mode="json", include={"lines", "swap"}, exclude=personal)
    asked = Asked(name, body, holder.actor, idempotency_key)
    return await _change(service, "add_lines", asked, facts, holder, ChangedOrder, is_preview=preview)


@router.post("/orders/{order}/forget", response_model=ForgottenOrder)
async def forget_order(name: OrderId, body: ForgetRequest, holder: Admin, service: ServiceDep) -> ForgottenOrder:
    """Erase the personal data of an order for ever. Repeated, the answer says since when. 409 while units have not shipped."""
    check_customers(name)
    forgotten = await forget(service.database, name, body, actor=holder.actor)
    return ForgottenOrder(order=name, forgotten_at=forgotten.at, actor=forgotten.actor, reason=forgotten.reason)


@router.post("/orders/{order}/pickup", response_model=Accepted)
async def change_order_pickup(
    name: OrderId,
    body: PickupRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Change where the customer collects what is not released, or ship it instead (null). 409 when that cannot be filled."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
    check_pickup(body.pickup_node, network)
    facts = {"pickup_node": body.pickup_node}
    asked = Asked(name, body, holder.actor, idempotency_key)
    return {"order": name} | await _ask(service, "change_pickup", asked, facts, holder)


@router.post("/orders/{order}/resolve", response_model=Accepted)
async def resolve_order_exception(
    name: OrderId, body: ResolveRequest, holder: Operator, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Close an exception of an order; what waited for it goes on. 409 when the order has no such open exception."""
    facts = {"exception": body.exception}
    asked = Asked(name, body, holder.actor, idempotency_key)
    return {"order": name} | await _ask(service, "resolve", asked, facts, holder)


@router.post("/orders/{order}/returns", status_code=201, response_model=ReturnMade)
async def request_return(
    name: OrderId,
    body: ReturnRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Request a return of delivered units. The policy decides whether it is authorized at once or by a person."""
    network = await check_destination(service, body)
    reasons = network.policy.returns.reasons or ()
    lines = [
        line.model_dump(mode="json", include={"line", "quantity", "exchange_for"}, exclude_none=True)
        | ({"reason": line.reason} if line.reason in reasons else {})
        for line in body.lines
    ]
    facts: dict[str, Any] = {"lines": lines, "resolution": body.resolution, "node": body.node}
    facts |= {"pickup_node": body.pickup_node} if body.pickup_node else {}
    facts |= {NAMES_ADDRESS: True} if body.ship_to else {}
    asked = Asked(name, body, holder.actor, idempotency_key)
    return await _ask(service, "request_return", asked, facts, holder)


async def _ask(
    service: Service, kind: str, asked: Asked[Body], facts: dict[str, Any], holder: Caller
) -> dict[str, Any]:
    await check_own(service, asked.about, holder)
    return await temporal.answered(service.transactions, service.client, service.breaker, asked, kind, facts)


async def _change(
    service: Service,
    kind: str,
    asked: Asked[Body],
    facts: dict[str, Any],
    holder: Caller,
    answer: type[Model],
    *,
    is_preview: bool,
) -> Model | Preview:
    """The answer to a request that changes an order, or what it would change. A preview is no request: the same
    Idempotency-Key can be used for the request itself."""
    if is_preview:
        await check_own(service, asked.about, holder)
        return await preview_(service.transactions, replace(asked, idempotency_key=None), kind, facts)
    done = await _ask(service, kind, asked, facts, holder)
    return answer.model_validate({"order": asked.about} | done)


async def _check_channels_own(service: Service, name: str, hold: str) -> None:
    """Only an operator removes a hold of the policy or of an operator: that approves the order, and a channel cannot approve
    its own."""
    async with service.database.read() as connection:
        if await holds.is_not_the_channels(connection, name, hold):
            detail = f"an operator or the policy placed hold {hold}; only an operator can remove it"
            raise Problem(NOT_ALLOWED, detail, field="hold")

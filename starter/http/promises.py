"""The route of the checkout: what would be promised, by the same rules as for an order, changing nothing."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from activities.networks import NoNetwork
from activities.situation import decide, weight_kg
from database.connect import ReadConnection
from domain.network import Network, ShipComplete
from domain.order import Address, NewHold, NewLine
from domain.sourcing import OrderFacts, Plan, Wanted
from domain.text import Label, Moment, Money, NodeId, Word
from network.geography import locate
from starter.http.access import OperatorOrChannel, Wired, own_channel
from starter.http.problems import INVALID, NOT_ALLOWED, NOT_READY, Problem
from starter.intake import WrongField, check_destination, check_pickup

router = APIRouter(tags=["promises"])


class PromiseLine(NewLine):
    """A line of a cart; its id and price may be absent."""

    line: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{0,64}$")] = ""
    unit_price: Money = 0


class PromiseRequest(BaseModel):
    """An order's body without its number; only the destination's country and postal code are needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
    placed_at: Moment | None = None
    currency: Label | None = None
    service: Word | None = None
    ship_to: Address
    pickup_node: NodeId | None = None
    priority: Annotated[int, Field(ge=1, le=9, strict=True)] = 5
    customer_tier: Word | None = None
    ship_complete: ShipComplete | None = None
    not_before: Moment | None = None
    not_after: Moment | None = None
    holds: tuple[NewHold, ...] = ()
    shipping_price: Money = 0
    paid: Money | None = None
    lines: tuple[PromiseLine, ...] = Field(min_length=1, max_length=2000)


@router.post("/promises")
async def promise(body: PromiseRequest, holder: OperatorOrChannel, service: Wired) -> dict[str, Any]:
    """What would be promised now; without a service, one answer for each that is offered."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    try:
        async with service.database.read() as connection:
            _, network = await service.networks.active(connection)
            _check(body, network)
            if body.service is not None:
                return await _promise(connection, network, body, body.service)
            services = sorted(network.policy.transit)
            return {"services": {name: await _promise(connection, network, body, name) for name in services}}
    except WrongField as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error


def _check(body: PromiseRequest, network: Network) -> None:
    check_destination(body.service, body.ship_to.country, body.ship_to.postal_code, network)
    check_pickup(body.pickup_node, network)
    for index, line in enumerate(body.lines):
        if line.sku not in network.items:
            raise WrongField(f"lines.{index}.sku", f"{line.sku} is not an item of the network")


async def _promise(connection: ReadConnection, network: Network, body: PromiseRequest, service: str) -> dict[str, Any]:
    wanted = [Wanted(line.line or str(n), line.sku, line.quantity) for n, line in enumerate(body.lines, 1)]
    now = max(datetime.now(UTC), body.not_before or datetime.min.replace(tzinfo=UTC))
    decided = await decide(connection, network, _facts(body, service, wanted, network), wanted, now)
    return _document(decided.plan)


def _facts(body: PromiseRequest, service: str, wanted: list[Wanted], network: Network) -> OrderFacts:
    return OrderFacts(
        channel=body.channel,
        service=service,
        country=body.ship_to.country,
        region=body.ship_to.region or "",
        postal_code=body.ship_to.postal_code,
        place=locate(body.ship_to.country, body.ship_to.postal_code),
        customer_tier=body.customer_tier or "",
        value=sum(line.unit_price * line.quantity - line.discount for line in body.lines),
        units=sum(line.quantity for line in body.lines),
        priority=body.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=body.ship_complete,
        pickup_node=body.pickup_node,
    )


def _document(decided: Plan) -> dict[str, Any]:
    document = decided.document()
    shipments = [
        {name: shipment[name] for name in ("node", "lines", "cost", "days")} for shipment in document["shipments"]
    ]
    return {
        "fillable": not decided.unfilled,
        "ship_by": document["ship_by"],
        "deliver_by": document["deliver_by"],
        "shipments": shipments,
        "cost": decided.cost,
    }

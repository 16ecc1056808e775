"""Decides where a customer collects: what they may choose when the node that they chose cannot hand the order out, and where
they get what replaces it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.fulfillment import FulfillmentOrder
from domain.network import Far, Network, Node, distance_km
from domain.order import Address
from domain.sourcing import OrderFacts, Plan, Wanted


@dataclass(frozen=True, slots=True)
class PickupPlace:
    """Another node where the customer may collect all of it; its distance is measured from the order's address."""

    node: str
    name: str
    distance_km: float | None
    """None = no distance to the address can be measured."""
    ready_by: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What would be promised if it were sent to the order's address."""

    ship_by: datetime
    deliver_by: datetime | None
    """None = nobody knows how long it is on the way."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What can be offered now; no stock is pinned for it."""

    pickup: tuple[PickupPlace, ...]
    """The nearest first."""
    delivery: Delivery | None


def places(
    order: OrderFacts, wanted: Sequence[Wanted], network: Network, available: Mapping[tuple[str, str], int]
) -> list[Node]:
    """The pickup nodes that have all the wanted units in stock, without the chosen one: the nearest first, or by their ids
    where no distance can be measured.

    `available` is by (node, SKU). Whether the policy lets a node fill it, the planner decides.
    """
    needed: dict[str, int] = {}
    for one in wanted:
        for sku, count in network.components(one.sku):
            needed[sku] = needed.get(sku, 0) + count * one.quantity
    able = [
        node
        for node in network.nodes.values()
        if node.pickup
        and node.id != order.pickup_node
        and all(available.get((node.id, sku), 0) >= units for sku, units in needed.items())
    ]
    return sorted(able, key=lambda node: (_distance_km(order, node) or 0.0, node.id))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request wants a replacement to go; both None = the way that the order went."""

    pickup_node: str | None = None
    ship_to: Address | None = None


def collected_at(fulfillment_orders: Iterable[FulfillmentOrder], lines: Collection[str]) -> str | None:
    """The node where the customer collected units of these lines last; None when a unit of them was shipped instead."""
    gone = [fo for fo in fulfillment_orders if any(fo.counts(line).shipped for line in lines if line in fo.lines)]
    is_collected = bool(gone) and all(fo.pickup for fo in gone)
    return (
        max(gone, key=lambda fo: (fo.shipped_at or fo.released_at, fo.fulfillment_order)).node if is_collected else None
    )


def replacement_place(wanted: Destination, collected: str | None, ship_to: Address, network: Network) -> str | None:
    """The node where the customer collects a replacement that would otherwise go to `ship_to`; None = it is shipped there.

    `collected` is where they collected what is replaced. Where neither can be, because the place hands nothing out and the
    address has no street, it is the place all the same: no plan can fill that, and a person is asked.
    """
    place = wanted.pickup_node or (None if wanted.ship_to else collected)
    node = network.nodes.get(place) if place else None
    return place if (node is not None and node.pickup) or not ship_to.street else None


def as_place(order: OrderFacts, node: Node, plan: Plan) -> PickupPlace | None:
    """A node as a choice for the customer, by the plan for pickup there; None when that plan does not fill everything."""
    if plan.ship_by is None:
        return None
    distance = _distance_km(order, node)
    return PickupPlace(node.id, node.name, None if distance is None else round(distance, 1), plan.ship_by)


def as_delivery(plan: Plan) -> Delivery | None:
    """The promise of the plan that ships it; None when that plan does not fill everything."""
    return Delivery(plan.ship_by, plan.deliver_by) if plan.ship_by else None


def _distance_km(order: OrderFacts, node: Node) -> float | None:
    if order.place.far is Far.MILITARY:
        return None
    return distance_km(node.latitude, node.longitude, order.place.latitude, order.place.longitude)

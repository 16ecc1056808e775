"""Decides what a customer may choose between when the place that he chose cannot hand his order out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.network import Network, Node, distance_km
from domain.sourcing import OrderFacts, Plan, Wanted


@dataclass(frozen=True, slots=True)
class PickupPlace:
    """Another node where the customer may collect all of it, as the crow flies from where the order was to go."""

    node: str
    name: str
    distance_km: float
    ready_by: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What would be promised if it were sent to the order's address."""

    ship_by: datetime
    deliver_by: datetime


@dataclass(frozen=True, slots=True)
class Alternatives:
    """What can be offered now; nothing of it is pinned."""

    pickup: tuple[PickupPlace, ...]
    """The nearest first."""
    delivery: Delivery | None


def places(
    order: OrderFacts, wanted: Sequence[Wanted], network: Network, available: Mapping[tuple[str, str], int]
) -> list[Node]:
    """The nodes where customers collect that have all that is wanted on the shelf, the nearest first; not the one chosen.

    `available` is by (node, SKU). Whether a place may fill it by the policy is for the planner to say.
    """
    needed: dict[str, int] = {}
    for wish in wanted:
        for sku, count in network.components(wish.sku):
            needed[sku] = needed.get(sku, 0) + count * wish.quantity
    able = [
        node
        for node in network.nodes.values()
        if node.pickup
        and node.id != order.pickup_node
        and all(available.get((node.id, sku), 0) >= units for sku, units in needed.items())
    ]
    return sorted(able, key=lambda node: (_distance_km(order, node), node.id))


def as_place(order: OrderFacts, node: Node, plan: Plan) -> PickupPlace | None:
    """A node as the customer may choose it, by the plan of collecting there; None when it does not fill everything."""
    if plan.ship_by is None:
        return None
    return PickupPlace(node.id, node.name, round(_distance_km(order, node), 1), plan.ship_by)


def as_delivery(plan: Plan) -> Delivery | None:
    """What would be promised by the plan of sending it; None when that does not fill everything."""
    return Delivery(plan.ship_by, plan.deliver_by) if plan.ship_by and plan.deliver_by else None


def _distance_km(order: OrderFacts, node: Node) -> float:
    return distance_km(node.latitude, node.longitude, order.place.latitude, order.place.longitude)

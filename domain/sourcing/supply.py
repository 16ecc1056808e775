"""Decides what a claimant may take of the stock, and plans within that."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from domain.network import Network
from domain.sourcing.facts import CoolDown, OrderFacts, Situation, Wanted
from domain.sourcing.planner import plan
from domain.sourcing.plans import Plan
from domain.stock import Movement, MovementKind, StockLevel

Places = Mapping[tuple[str, str], int]
"""Units by (node, SKU)."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a claimant may take beside what everybody may."""

    offers: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Offers to the orders that wait, when it is this order's turn."""
    own: Places = field(default_factory=dict)
    """Units that its own cart or its own pins hold."""
    pinned_for: Mapping[str, date] = field(default_factory=dict)
    """The local day for which its own pins at a node have claimed capacity: they do not keep their node from it."""


def supply_of(
    network: Network, shelves: Mapping[tuple[str, str], StockLevel], channel: str, rights: Entitlement
) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Units that a claim may take at each node of the network; and by SKU how many in all, where some are kept back."""
    known = {place: shelf for place, shelf in shelves.items() if place[0] in network.nodes}
    supply = {
        place: shelf.sellable(
            network.safety_stock(*place), offer=rights.offers.get(place), own=rights.own.get(place, 0)
        )
        for place, shelf in known.items()
    }
    limits = _limits(network, known, channel, rights.own)
    return {place: min(quantity, limits.get(place[1], quantity)) for place, quantity in supply.items()}, limits


def _limits(
    network: Network, shelves: Mapping[tuple[str, str], StockLevel], channel: str, own: Places
) -> dict[str, int]:
    kept_back = {sku: network.kept_back(sku, channel) for _, sku in shelves}
    return {
        sku: max(0, _available(network, shelves, sku) - kept) + sum(q for (_, s), q in own.items() if s == sku)
        for sku, kept in kept_back.items()
        if kept
    }


def _available(network: Network, shelves: Mapping[tuple[str, str], StockLevel], sku: str) -> int:
    found = [shelf for shelf in shelves.values() if shelf.sku == sku and shelf.stopped_at is None]
    return sum(shelf.available(network.safety_stock(shelf.node, sku)) for shelf in found)


def keep_within(supply: Places, limits: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """The supply with no more of a SKU in all than its limit: what is kept back stays where most of it lies."""
    kept = dict(supply)
    for sku, limit in limits.items():
        places = sorted((place for place in kept if place[1] == sku), key=lambda place: (-kept[place], place))
        excess = sum(kept[place] for place in places) - limit
        for place in places:
            taken_off = min(kept[place], max(0, excess))
            kept[place] -= taken_off
            excess -= taken_off
    return kept


def plan_within(
    facts: OrderFacts, wanted: Sequence[Wanted], situation: Situation, limits: Mapping[str, int]
) -> tuple[Plan, Situation]:
    """The best plan that takes no more of a SKU, over all nodes, than its limit (absent = none), and what it was made from."""
    decided = plan(facts, wanted, situation)
    if any(taken > limits.get(sku, taken) for sku, taken in _taken(decided, situation.network).items()):
        situation = replace(situation, supply=keep_within(situation.supply, limits))
        decided = plan(facts, wanted, situation)
    return decided, situation


def _taken(decided: Plan, network: Network) -> dict[str, int]:
    taken: dict[str, int] = {}
    for movement in claims(decided, network):
        taken[movement.sku] = taken.get(movement.sku, 0) + movement.reserved
    return taken


def claims(plan: Plan, network: Network) -> list[Movement]:
    """The stock that a plan wants to pin, one movement a node and stocked SKU, summed over its lines."""
    wanted_units: Counter[tuple[str, str]] = Counter()
    for shipment in plan.shipments:
        for part in shipment.parts:
            for sku, quantity in network.components(part.sku):
                wanted_units[shipment.node, sku] += part.quantity * quantity
    return [
        Movement(MovementKind.RESERVED, node, sku, reserved=quantity)
        for (node, sku), quantity in sorted(wanted_units.items())
    ]


def parts(network: Network, skus: Collection[str]) -> set[str]:
    """The stocked SKUs that items are made of."""
    return {part for sku in skus for part, _ in network.components(sku)}


def cooling_at(
    network: Network, shelves: Mapping[tuple[str, str], StockLevel], at: datetime
) -> dict[tuple[str, str], CoolDown]:
    """The shelves whose node rejected the goods so lately that no plan that releases at this instant asks it for them."""
    cooldown = network.policy.orders.reject_cooldown
    return {
        place: CoolDown(shelf.rejected_at, shelf.rejected_at + cooldown)
        for place, shelf in shelves.items()
        if shelf.rejected_at is not None and at < shelf.rejected_at + cooldown
    }


def paused(shelves: Mapping[tuple[str, str], StockLevel]) -> frozenset[str]:
    """The paused nodes among those that have any of it; a node without shelves gives nothing anyway."""
    return frozenset(node for (node, _), shelf in shelves.items() if shelf.is_paused)


def looks_again_at(
    decided: Plan, situation: Situation, supply: Places, full: Mapping[str, datetime]
) -> datetime | None:
    """When the first node that could take something unfilled, and has it, is kept from it no more by what ends by itself.

    `full` are the nodes of whose day nothing is left, with the beginning of their next day.
    """
    moments: list[datetime] = []
    for part in decided.unfilled:
        hopes = decided.hopes.get(part.wanted_index)
        for sku, _ in situation.network.components(part.sku):
            kept_from = [((node, sku), begins_at) for node, begins_at in full.items()]
            kept_from += [(place, cooling.ends_at) for place, cooling in situation.cooling.items() if place[1] == sku]
            moments += [at for place, at in kept_from if supply.get(place) and (hopes is None or place[0] in hopes)]
    return min(moments, default=None)

"""Decides which stock an order or cart may take, and plans within that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from domain.availability import knows
from domain.network import Network
from domain.sourcing.facts import CoolDown, OrderFacts, Situation, Wanted
from domain.sourcing.planner import plan
from domain.sourcing.plans import Plan
from domain.stock import Movement, MovementKind, StockLevel

Places = Mapping[tuple[str, str], int]
"""Units by (node, SKU)."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one order or cart may take in addition to what any order may."""

    offers: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Offers to the waiting orders, when it is this order's turn."""
    own: Places = field(default_factory=dict)
    """Units that its own cart or pins hold."""
    pinned_for: Mapping[str, date] = field(default_factory=dict)
    """By node: the local day for which its own pins have claimed capacity; this claim does not make the node full for it."""
    kept_for_others: Places = field(default_factory=dict)
    """Offered units that have arrived for other orders, to which they were promised: it may not take them."""


def supply_of(
    network: Network, levels: Mapping[tuple[str, str], StockLevel], channel: str, entitlement: Entitlement
) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Units that a claim may take at each node; and by SKU how many in all, where some are kept back."""
    known = {place: level for place, level in levels.items() if knows(network, level)}
    supply = {
        place: level.sellable(
            network.kept_at(*place, channel), offer=entitlement.offers.get(place), own=entitlement.own.get(place, 0)
        )
        for place, level in known.items()
    }
    for place in entitlement.kept_for_others.keys() & supply.keys():
        supply[place] = max(0, supply[place] - entitlement.kept_for_others[place])
    limits = _limits(network, known, channel, entitlement.own)
    return {place: min(quantity, limits.get(place[1], quantity)) for place, quantity in supply.items()}, limits


def _limits(
    network: Network, levels: Mapping[tuple[str, str], StockLevel], channel: str, own: Places
) -> dict[str, int]:
    kept_back = {sku: network.kept_back(sku, channel) for sku in {sku for _, sku in levels}}
    return {
        sku: max(0, _available(network, levels, sku, channel) - kept) + sum(q for (_, s), q in own.items() if s == sku)
        for sku, kept in kept_back.items()
        if kept
    }


def _available(network: Network, levels: Mapping[tuple[str, str], StockLevel], sku: str, channel: str) -> int:
    found = [level for level in levels.values() if level.sku == sku and level.stopped_at is None]
    return sum(level.available(network.kept_at(level.node, sku, channel)) for level in found)


def keep_within(supply: Places, limits: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """The supply with no more of a SKU in all than its limit: units are kept back at the nodes that have most of them."""
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
    """The best plan that takes no more of a SKU over all nodes than its limit (absent = none), and its situation."""
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
    """The stock that a plan pins, one movement for each node and stocked SKU, summed over its lines."""
    wanted_units: Counter[tuple[str, str]] = Counter()
    for shipment in plan.shipments:
        for part in shipment.parts:
            for sku, quantity in network.components(part.sku):
                wanted_units[shipment.node, sku] += part.quantity * quantity
    return [
        Movement(MovementKind.RESERVED, node, sku, reserved=quantity)
        for (node, sku), quantity in sorted(wanted_units.items())
    ]


def parts(network: Network, skus: Iterable[str]) -> set[str]:
    """The stocked SKUs that items are made of."""
    return {part for sku in skus for part, _ in network.components(sku)}


def cooling_at(
    network: Network, levels: Mapping[tuple[str, str], StockLevel], at: datetime, least: timedelta = timedelta()
) -> dict[tuple[str, str], CoolDown]:
    """The cool-downs, by (node, SKU), that are not over for a plan that releases at this instant. They last as long as
    the policy says, and at least `least`."""
    cooldown = max(least, network.policy.orders.reject_cooldown)
    return {
        place: CoolDown(level.rejected_at, level.rejected_at + cooldown)
        for place, level in levels.items()
        if level.rejected_at is not None and at < level.rejected_at + cooldown
    }


def paused(levels: Mapping[tuple[str, str], StockLevel]) -> frozenset[str]:
    """The paused nodes with a stock level; a node without one has nothing to give."""
    return frozenset(node for (node, _), level in levels.items() if level.is_paused)


def looks_again_at(
    decided: Plan, situation: Situation, supply: Places, full: Mapping[str, datetime]
) -> datetime | None:
    """When the first cool-down or full day ends at a node that may take unfilled units and has stock for them.

    `full` are the nodes without capacity left today, with the beginning of their next day.
    """
    moments: list[datetime] = []
    for part in decided.unfilled:
        candidates = decided.hopes.get(part.wanted_index)
        for sku, _ in situation.network.components(part.sku):
            kept_from = [((node, sku), begins_at) for node, begins_at in full.items()]
            kept_from += [(place, cooling.ends_at) for place, cooling in situation.cooling.items() if place[1] == sku]
            moments += [
                at for place, at in kept_from if supply.get(place) and (candidates is None or place[0] in candidates)
            ]
    return min(moments, default=None)

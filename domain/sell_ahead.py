"""Decides how many units may wait for stock: the `sell_ahead_max` of items limits it (docs/decisions/0069)."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from domain.network import Network, Unfilled
from domain.sourcing.plans import Part, Plan


@dataclass(frozen=True, slots=True)
class Room:
    """What of limited items may still be sold ahead, by stocked SKU; one that is absent has no limit."""

    units: Mapping[str, int] = field(default_factory=dict)
    """Units that one order may have waiting."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """The `sell_ahead_max` of each."""


def limits(network: Network, skus: Iterable[str]) -> dict[str, int]:
    """The `sell_ahead_max` of those of these stocked SKUs that have one."""
    items = [network.items.get(sku) for sku in skus]
    return {item.sku: item.sell_ahead_max for item in items if item and item.sell_ahead_max is not None}


def in_parts(network: Network, waiting: Mapping[str, int]) -> Counter[str]:
    """Units of items that wait, in units of the stocked SKUs that they are made of."""
    units: Counter[str] = Counter()
    for sku, quantity in waiting.items():
        for part, count in network.components(sku) if network.knows_item(sku) else ():
            units[part] += quantity * count
    return units


def room(limits: Mapping[str, int], others: Mapping[str, int], own: Mapping[str, int]) -> Room:
    """The room of an order, of whose units `own` wait already, beside what waits for `others`, by stocked SKU.

    What waits already goes on waiting: a limit that was lowered takes nothing from anybody.
    """
    units = {sku: max(limit - others.get(sku, 0), own.get(sku, 0)) for sku, limit in limits.items()}
    return Room(units, limits)


def parts_beyond(plan: Plan, room: Room, network: Network, waits: Collection[int] = ()) -> list[Part]:
    """Of what a plan leaves unfilled, what would wait and may not. What `waits` already, by the position of its wanted, is let
    wait first.
    """
    if not room.limits or plan.unfilled_action is not Unfilled.BACKORDER:
        return []
    asked = [part for part in plan.unfilled if part.wanted_index not in plan.hopeless]
    left, found = dict(room.units), []
    for part in sorted(asked, key=lambda part: part.wanted_index not in waits):
        limited = [(sku, count) for sku, count in network.components(part.sku) if sku in left]
        may_wait = min([part.quantity, *(left[sku] // count for sku, count in limited)])
        for sku, count in limited:
            left[sku] -= may_wait * count
        if may_wait < part.quantity:
            found.append(part._replace(quantity=part.quantity - may_wait))
    return sorted(found)

"""Divides a demand that competes with no other, and counts the steps of a search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.network import ShipComplete


@dataclass(frozen=True, slots=True)
class Demand:
    """Units of one SKU that may come from the same nodes, with the units that each node could give alone."""

    line: str
    components: tuple[tuple[str, int], ...]
    quantity: int
    limits: tuple[int, ...]
    """By node: units it can supply, at most `quantity`; 0 where it may not."""
    unit_costs: tuple[int, ...]
    """By node, in thousandths of a minor unit."""


Portions = tuple[tuple[int, int], ...]
"""(node, units) of one demand."""


class Division(NamedTuple):
    """The units that each node gives: per demand, in order."""

    units: int
    cost: int
    portions: tuple[Portions, ...]


_NOTHING = Division(0, 0, ((),))


class SearchCut(Exception):
    """The search took more steps than a customer can wait for."""


class Steps:
    """Counts the steps of one search, and cuts it short after too many."""

    def __init__(self, steps_max: int) -> None:
        self._left = steps_max

    @property
    def exhausted(self) -> bool:
        """Whether the search was cut short."""
        return self._left < 0

    def take(self, count: int = 1) -> None:
        """Count steps. Raises SearchCut when none are left."""
        self._left -= count
        if self._left < 0:
            raise SearchCut


def divide_one(demand: Demand, chosen: Sequence[int], split: bool, complete: ShipComplete) -> Division | None:
    """The best division of a demand that competes with no other; None when it cannot be filled and must be.

    If it may be split, it takes all that the cheapest node has, then from the next; at equal cost from the fullest, for
    fewer parts. Otherwise it takes all from the node that has most of it; at equal units from the cheapest.
    """
    limits, costs = demand.limits, demand.unit_costs
    useful = [node for node in chosen if limits[node]]
    if len(useful) > 1:
        if split:
            useful = [node for _, _, node in sorted([(costs[node], -limits[node], node) for node in useful])]
        else:
            useful = [min([(-limits[node], costs[node], node) for node in useful])[2]]
    portions: list[tuple[int, int]] = []
    missing, cost = demand.quantity, 0
    for node in useful:
        taken = limits[node] if limits[node] < missing else missing
        portions.append((node, taken))
        missing -= taken
        cost += taken * costs[node]
        if not missing:
            break
    if missing and complete is not ShipComplete.NO:
        return None if complete is ShipComplete.ORDER else _NOTHING
    return Division(demand.quantity - missing, cost, (tuple(portions),))

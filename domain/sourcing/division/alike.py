"""Caches what demands that differ only in quantity and limits get from an amount of their component."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.network import ShipComplete
from domain.sourcing.division.demand import Demand, Portions, Steps
from domain.sourcing.division.sharing import Sharing


class GroupShare(NamedTuple):
    """What a group of demands that are alike gets."""

    worth: int
    units: int
    cost: int
    rows: tuple[Portions, ...]
    """By demand of the group."""


class Alike:
    """Demands for the same component at the same costs: they differ only in quantity and limits."""

    def __init__(
        self,
        members: Mapping[int, Demand],
        uses: Sequence[tuple[int, int]],
        unit_worth: int,
        split: bool,
        complete: ShipComplete,
    ) -> None:
        """`members` are demands by their position in the cluster; the other values are those of the cluster."""
        self.members = tuple(members)
        demands = list(members.values())
        self._demands = demands
        self._split, self._complete = split, complete
        self._unit_worth = unit_worth
        self.unit_costs = demands[0].unit_costs
        self.component = uses[0][0] if uses else None
        self.count = uses[0][1] if uses else 1
        """How much of their scarce component, if any, one unit of them takes."""
        self._reach = [sum(at_node) for at_node in zip(*(demand.limits for demand in demands), strict=True)]
        """By node: the most that all of them could take."""
        self._batches = _batches(demands, complete)
        self._known: dict[tuple[tuple[int, int], ...], GroupShare | None] = {}

    def best(self, nodes: Sequence[int], left: Sequence[int] | None, steps: Steps) -> GroupShare | None:
        """The most units, then the least cost, that `left` of the component by node allows (None = it is not scarce).

        None when everything must be filled and cannot be.
        """
        reach, count = self._reach, self.count
        rooms = [reach[node] for node in nodes]
        if left is not None:
            rooms = [min(room, units // count) for room, units in zip(rooms, left, strict=True)]
        key = tuple([(node, room) for node, room in zip(nodes, rooms, strict=True) if room])
        if key not in self._known:
            self._known[key] = self._found(key, steps)
        return self._known[key]

    def _found(self, offered: Sequence[tuple[int, int]], steps: Steps) -> GroupShare | None:
        nodes = [node for node, _ in offered]
        sharing = Sharing(
            [demand.quantity for demand in self._demands],
            [[demand.limits[node] for node in nodes] for demand in self._demands],
            [self._unit_worth - self.unit_costs[node] for node in nodes],
            self._batches,
            self._complete,
            steps,
        )
        rooms = tuple([room for _, room in offered])
        rows = sharing.split(rooms) if self._split else sharing.whole(rooms)
        if rows is None:
            return None
        portions = tuple([tuple([(node, n) for node, n in zip(nodes, row, strict=True) if n]) for row in rows])
        units = sum([n for row in portions for _, n in row])
        cost = sum([n * self.unit_costs[node] for row in portions for node, n in row])
        return GroupShare(units * self._unit_worth - cost, units, cost, portions)


def _batches(demands: Sequence[Demand], complete: ShipComplete) -> list[list[int]]:
    """Demands, by position, of which all or none may ship, the largest first; if lines need not be whole, each alone."""
    if complete is not ShipComplete.LINE:
        batches = [[one] for one in range(len(demands))]
    else:
        lines: dict[str, list[int]] = defaultdict(list)
        for one, demand in enumerate(demands):
            lines[demand.line].append(one)
        batches = list(lines.values())
    return sorted(batches, key=lambda batch: -sum(demands[one].quantity for one in batch))

"""Decides which of the chosen nodes gives how many units of each demand, exactly, at the least cost per unit.

Demands that compete for the same scarce component form a cluster and are divided together; all others are clusters of
one, for which taking from the cheapest node first is optimal. Nodes are numbers here, in the order of their ids.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from domain.network import ShipComplete


@dataclass(frozen=True, slots=True)
class Demand:
    """Units of one SKU that may come from the same nodes, with what each node could give if it were alone."""

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
    """Who gives what: per demand of the cluster, in order."""

    units: int
    cost: int
    portions: tuple[Portions, ...]


class SearchCut(Exception):
    """The search took more steps than a waiting customer can be asked to wait for."""


class Steps:
    """Counts the steps of one search, and cuts it short when there are too many."""

    def __init__(self, steps_max: int) -> None:
        self._left = steps_max

    @property
    def exhausted(self) -> bool:
        """Whether the search was cut short."""
        return self._left < 0

    def take(self, count: int = 1) -> None:
        """Count steps, one for each demand that is looked at. Raises SearchCut when none are left."""
        self._left -= count
        if self._left < 0:
            raise SearchCut


@dataclass(frozen=True, slots=True)
class Cluster:
    """Demands that must be divided together because they compete for a component."""

    demands: tuple[Demand, ...]
    supply: Sequence[Mapping[str, int]]
    """By node: available units of each component."""
    split: bool
    """Whether one demand may be divided among several nodes."""

    def filled_by(self, chosen: Sequence[int], steps: Steps) -> bool:
        """Whether the chosen nodes can give every unit."""
        reach = sum if self.split else max
        for demand in self.demands:
            if reach([demand.limits[node] for node in chosen]) < demand.quantity:
                return False
        return len(self.demands) == 1 or self.divide(chosen, ShipComplete.ORDER, steps) is not None

    def divide(self, chosen: Sequence[int], complete: ShipComplete, steps: Steps) -> Division | None:
        """The best division among the chosen nodes: most units first, then least cost.

        `complete` says what must be whole: everything (None when that cannot be), each line, or nothing.
        """
        if len(self.demands) == 1:
            demand = self.demands[0]
            return _divide_one(demand, chosen, demand.limits, self.split, complete)
        if complete is ShipComplete.LINE:
            return _divide_lines(self, chosen, steps)
        return _divide_together(self, chosen, complete, steps)


def clusters(
    demands: Sequence[Demand], supply: Sequence[Mapping[str, int]], complete: ShipComplete
) -> list[tuple[int, ...]]:
    """Group demands, by position, that must be divided together.

    They share a component of which some node has less than they want, or a line of which all or nothing may ship. In a
    group the largest demand comes first, since it is the hardest to place.
    """
    scarce = _scarce_components(demands, supply)
    groups: list[tuple[set[tuple[str, str]], list[int]]] = []
    for position, demand in enumerate(demands):
        bonds = {("component", sku) for sku, _ in demand.components if sku in scarce}
        if complete is ShipComplete.LINE:
            bonds.add(("line", demand.line))
        positions = [position]
        for group in [group for group in groups if group[0] & bonds]:
            groups.remove(group)
            bonds |= group[0]
            positions += group[1]
        groups.append((bonds, positions))
    return sorted(tuple(sorted(group, key=lambda one: (-demands[one].quantity, one))) for _, group in groups)


def _scarce_components(demands: Sequence[Demand], supply: Sequence[Mapping[str, int]]) -> set[str]:
    """Components wanted by several demands, of which some node has less than those want that it may serve."""
    wanting = Counter(sku for demand in demands for sku, _ in demand.components)
    shared = {sku for sku, count in wanting.items() if count > 1}
    return {sku for sku in shared if any(_is_scarce(sku, node, demands, stock) for node, stock in enumerate(supply))}


def _is_scarce(sku: str, node: int, demands: Sequence[Demand], stock: Mapping[str, int]) -> bool:
    served = (demand for demand in demands if demand.limits[node])
    asked = sum(demand.quantity * count for demand in served for one, count in demand.components if one == sku)
    return asked > stock.get(sku, 0)


def _divide_one(
    demand: Demand, chosen: Sequence[int], rooms: Sequence[int] | Mapping[int, int], split: bool, complete: ShipComplete
) -> Division | None:
    """Divide one demand among nodes with so much room each, at most the demand's quantity."""
    portions = _from_cheapest(demand, chosen, rooms) if split else _from_fullest(demand, chosen, rooms)
    units = sum(quantity for _, quantity in portions)
    if units < demand.quantity and complete is not ShipComplete.NO:
        return None if complete is ShipComplete.ORDER else Division(0, 0, ((),))
    return Division(units, _cost(demand, portions), (portions,))


def _from_cheapest(demand: Demand, chosen: Sequence[int], rooms: Sequence[int] | Mapping[int, int]) -> Portions:
    """Take from the cheapest node what it has, then from the next; at equal cost from the fullest, for fewer parts."""
    portions: list[tuple[int, int]] = []
    missing = demand.quantity
    for node in sorted(chosen, key=lambda node: (demand.unit_costs[node], -rooms[node], node)):
        taken = min(rooms[node], missing)
        if taken:
            portions.append((node, taken))
            missing -= taken
    return tuple(portions)


def _from_fullest(demand: Demand, chosen: Sequence[int], rooms: Sequence[int] | Mapping[int, int]) -> Portions:
    """Take all from the one node that has most of it; at equal units from the cheapest."""
    node = min(chosen, key=lambda node: (-rooms[node], demand.unit_costs[node], node))
    return ((node, rooms[node]),) if rooms[node] else ()


def _divide_lines(cluster: Cluster, chosen: Sequence[int], steps: Steps) -> Division:
    """Fill whole lines only: try every choice of lines that could still beat the best one found."""
    best = Division(0, 0, ((),) * len(cluster.demands))

    def keep(kept: frozenset[str], undecided: tuple[str, ...]) -> None:
        nonlocal best
        steps.take(len(cluster.demands))
        division = _divide_kept(cluster, kept, chosen, steps)
        if division is None:
            return
        best = min(best, division, key=lambda one: (-one.units, one.cost))
        for position, line in enumerate(undecided):
            if division.units + _units_of(cluster, undecided[position:]) >= best.units:
                keep(kept | {line}, undecided[position + 1 :])

    with suppress(SearchCut):
        keep(frozenset(), tuple(dict.fromkeys(demand.line for demand in cluster.demands)))
    return best


def _units_of(cluster: Cluster, lines: Iterable[str]) -> int:
    return sum(demand.quantity for demand in cluster.demands if demand.line in lines)


def _divide_kept(cluster: Cluster, kept: frozenset[str], chosen: Sequence[int], steps: Steps) -> Division | None:
    """Divide the demands of the kept lines, all of them, and leave the others out."""
    members = [position for position, demand in enumerate(cluster.demands) if demand.line in kept]
    portions: list[Portions] = [()] * len(cluster.demands)
    if not members:
        return Division(0, 0, tuple(portions))
    part = Cluster(tuple(cluster.demands[position] for position in members), cluster.supply, cluster.split)
    division = part.divide(chosen, ShipComplete.ORDER, steps)
    if division is None:
        return None
    for position, portion in zip(members, division.portions, strict=True):
        portions[position] = portion
    return division._replace(portions=tuple(portions))


def _divide_together(cluster: Cluster, chosen: Sequence[int], complete: ShipComplete, steps: Steps) -> Division | None:
    """Depth first over every division that could beat the best one found; the first descent is the greedy one."""
    together = _Together(cluster, chosen, complete, steps)
    try:
        together.place(0, {node: cluster.supply[node] for node in chosen}, Division(0, 0, ()))
    except SearchCut:
        if together.best is None:
            raise
    return together.best


class _Together:
    """One search for the best division of a cluster."""

    def __init__(self, cluster: Cluster, chosen: Sequence[int], complete: ShipComplete, steps: Steps) -> None:
        self.best: Division | None = None
        self._demands = cluster.demands
        self._chosen = chosen
        self._split = cluster.split
        self._complete = complete
        self._steps = steps

    def place(self, position: int, supply: Mapping[int, Mapping[str, int]], done: Division) -> None:
        """Divide the demands from `position` on, given what is left and what is done."""
        self._steps.take(len(self._demands) - position)
        rooms = [self._rooms(demand, supply) for demand in self._demands[position:]]
        if not self._hopeful(position, rooms, done):
            return
        demand, room = self._demands[position], rooms[0]
        if position == len(self._demands) - 1:
            self._offer(done, _divide_one(demand, self._chosen, room, self._split, self._complete))
            return
        for portions in _portions(demand, self._chosen, room, self._split, self._complete):
            self.place(position + 1, _without(supply, demand, portions), _with(done, demand, portions))

    def _rooms(self, demand: Demand, supply: Mapping[int, Mapping[str, int]]) -> dict[int, int]:
        return {
            node: min(demand.limits[node], *(supply[node].get(sku, 0) // count for sku, count in demand.components))
            for node in self._chosen
        }

    def _hopeful(self, position: int, rooms: Sequence[Mapping[int, int]], done: Division) -> bool:
        """Whether the rest could still be filled as required, and better than the best division found.

        Each remaining demand is looked at as if it were alone, at the least cost per unit: no division does better.
        """
        units, cost = done.units, done.cost
        for demand, room in zip(self._demands[position:], rooms, strict=True):
            reach = min(demand.quantity, sum(room.values()) if self._split else max(room.values()))
            if reach < demand.quantity and self._complete is ShipComplete.ORDER:
                return False
            units += reach
            cost += reach * min((demand.unit_costs[node] for node in self._chosen if room[node]), default=0)
        if self.best is None or units > self.best.units:
            return True
        return units == self.best.units and cost < self.best.cost

    def _offer(self, done: Division, last: Division | None) -> None:
        if last is None:
            return
        division = Division(done.units + last.units, done.cost + last.cost, done.portions + last.portions)
        if self.best is None or (-division.units, division.cost) < (-self.best.units, self.best.cost):
            self.best = division


def _portions(
    demand: Demand, chosen: Sequence[int], room: Mapping[int, int], split: bool, complete: ShipComplete
) -> Iterator[Portions]:
    """Every way to give units of one demand, the most units from the cheapest node first."""
    cheapest_first = sorted(chosen, key=lambda node: (demand.unit_costs[node], -room[node], node))
    whole = complete is ShipComplete.ORDER
    if split:
        yield from _compositions(demand.quantity, [(node, room[node]) for node in cheapest_first], whole)
        return
    for node in cheapest_first:
        units_min = demand.quantity if whole else 1
        for units in range(min(room[node], demand.quantity), units_min - 1, -1):
            yield ((node, units),)
    if not whole:
        yield ()


def _compositions(quantity: int, rooms: Sequence[tuple[int, int]], whole: bool) -> Iterator[Portions]:
    """Every way to take `quantity` (or, unless `whole`, up to it) from nodes with so much room, the most first."""
    if not rooms:
        if quantity == 0 or not whole:
            yield ()
        return
    (node, room), *others = rooms
    for units in range(min(room, quantity), -1, -1):
        if whole and quantity - units > sum(other for _, other in others):
            return
        for rest in _compositions(quantity - units, others, whole):
            yield ((node, units), *rest) if units else rest


def _without(
    supply: Mapping[int, Mapping[str, int]], demand: Demand, portions: Portions
) -> Mapping[int, Mapping[str, int]]:
    """What is left of the supply after these portions were taken."""
    left = dict(supply)
    for node, units in portions:
        left[node] = {**left[node], **{sku: left[node][sku] - count * units for sku, count in demand.components}}
    return left


def _with(done: Division, demand: Demand, portions: Portions) -> Division:
    """What is done after these portions were added."""
    units = sum(quantity for _, quantity in portions)
    return Division(done.units + units, done.cost + _cost(demand, portions), (*done.portions, portions))


def _cost(demand: Demand, portions: Portions) -> int:
    return sum(demand.unit_costs[node] * quantity for node, quantity in portions)

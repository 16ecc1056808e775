"""Decides which of the chosen nodes gives how many units of each demand, exactly: most units, then least cost per unit.

Demands that compete for the same scarce component form a cluster and are divided together; all others are divided
alone, where taking from the cheapest node first is optimal. Nodes are numbers here, in the order of their ids.

A cluster is divided by branch and bound. Each demand takes what would be best for it if it were alone: no division is
better than all of these together. Where they take no more of any component than there is, they are the best division.
Where they overdraw a component at a node, the units that one of the demands takes there are limited from above in one
branch and from below in the other, so that no division is lost and none is met twice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """Who gives what: per demand, in order."""

    units: int
    cost: int
    portions: tuple[Portions, ...]


_NOTHING = Division(0, 0, ((),))


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
        """Count steps. Raises SearchCut when none are left."""
        self._left -= count
        if self._left < 0:
            raise SearchCut


def divide_one(demand: Demand, chosen: Sequence[int], split: bool, complete: ShipComplete) -> Division | None:
    """The best division of a demand that competes with no other; None when it cannot be filled and must be.

    If it may be split it takes from the cheapest node what that has, then from the next; at equal cost from the
    fullest, for fewer parts. Otherwise it takes all from the one node that has most of it; at equal units from the
    cheapest.
    """
    limits, costs = demand.limits, demand.unit_costs
    portions: list[tuple[int, int]] = []
    missing, cost = demand.quantity, 0
    if split:
        for unit_cost, negative, node in sorted([(costs[node], -limits[node], node) for node in chosen]):
            taken = -negative if -negative < missing else missing
            if taken:
                portions.append((node, taken))
                missing -= taken
                cost += taken * unit_cost
    else:
        negative, unit_cost, node = min([(-limits[node], costs[node], node) for node in chosen])
        if negative:
            portions.append((node, -negative))
            missing += negative
            cost = -negative * unit_cost
    if missing and complete is not ShipComplete.NO:
        return None if complete is ShipComplete.ORDER else _NOTHING
    return Division(demand.quantity - missing, cost, (tuple(portions),))


class Cluster:
    """Demands that must be divided together because they compete for a component, or because they are one line."""

    def __init__(
        self, demands: Sequence[Demand], supply: Sequence[Mapping[str, int]], split: bool, complete: ShipComplete
    ) -> None:
        """`supply` is by node: available units of each component; `split` as in `divide_one`."""
        self.demands = tuple(demands)
        self.split = split
        self.complete = complete
        scarce = _scarce_components(demands, supply)
        counts = [dict(demand.components) for demand in demands]
        self.users = [[(one, parts[sku]) for one, parts in enumerate(counts) if sku in parts] for sku in scarce]
        """By component for which they compete: (demand, units of it in one unit of the demand)."""
        self.stocks = [[stock.get(sku, 0) for stock in supply] for sku in scarce]
        """By component and node: available units."""
        self.uses = [[(place, parts[sku]) for place, sku in enumerate(scarce) if sku in parts] for parts in counts]
        """By demand: (component for which they compete, units of it in one unit of the demand)."""
        self.useful = [any(at_node) for at_node in zip(*(demand.limits for demand in demands), strict=True)]
        """By node: whether it could give anything."""
        self._known: dict[tuple[int, ...], Division | None] = {}

    def divide(self, chosen: Sequence[int], steps: Steps) -> Division | None:
        """The best division among the chosen nodes; None when everything must be filled and cannot be.

        Raises SearchCut when that takes too long.
        """
        useful = tuple(sorted(node for node in chosen if self.useful[node]))
        if useful not in self._known:
            self._known[useful] = _Together(self, useful, steps).best()
        return self._known[useful]


def clusters(
    demands: Sequence[Demand], supply: Sequence[Mapping[str, int]], complete: ShipComplete
) -> list[tuple[int, ...]]:
    """Group demands, by position, that must be divided together; those that may be divided alone are in no group.

    They share a component of which some node has less than they want, or a line of which all or nothing may ship.
    """
    scarce = _scarce_components(demands, supply)
    by_line = complete is ShipComplete.LINE and len({demand.line for demand in demands}) < len(demands)
    if not scarce and not by_line:
        return []
    groups: list[tuple[set[tuple[str, str]], list[int]]] = []
    for position, demand in enumerate(demands):
        bonds = {("component", sku) for sku, _ in demand.components if sku in scarce}
        if by_line:
            bonds.add(("line", demand.line))
        positions = [position]
        for group in [group for group in groups if group[0] & bonds]:
            groups.remove(group)
            bonds |= group[0]
            positions = group[1] + positions
        groups.append((bonds, positions))
    return sorted(tuple(sorted(positions)) for _, positions in groups if len(positions) > 1)


def _scarce_components(demands: Sequence[Demand], supply: Sequence[Mapping[str, int]]) -> list[str]:
    """Components wanted by several demands, of which some node has less than those want that it may serve."""
    wanting = Counter(sku for demand in demands for sku, _ in demand.components)
    if len(wanting) == wanting.total():
        return []
    shared = [sku for sku, count in wanting.items() if count > 1]
    return [sku for sku in shared if _is_scarce(sku, demands, supply)]


def _is_scarce(sku: str, demands: Sequence[Demand], supply: Sequence[Mapping[str, int]]) -> bool:
    wanting = [(d.limits, d.quantity * count) for d in demands for one, count in d.components if one == sku]
    return any(
        sum(asked for limits, asked in wanting if limits[node]) > stock.get(sku, 0) for node, stock in enumerate(supply)
    )


class _Together:
    """One search for the best division of a cluster among some nodes, which are numbered anew from 0."""

    def __init__(self, cluster: Cluster, nodes: tuple[int, ...], steps: Steps) -> None:
        self._nodes = nodes
        self._steps = steps
        self._split = cluster.split
        self._complete = cluster.complete
        self._demands = cluster.demands
        self._quantities = [demand.quantity for demand in cluster.demands]
        self._costs = [[demand.unit_costs[node] for node in nodes] for demand in cluster.demands]
        self._preferred = [sorted(range(len(nodes)), key=costs.__getitem__) for costs in self._costs]
        self._users = cluster.users
        self._supply = [[stock[node] for node in nodes] for stock in cluster.stocks]
        """By component and node."""
        self._best: tuple[int, int, Sequence[Sequence[int]]] | None = None
        """(-units, cost, units by demand and node)."""

    def best(self) -> Division | None:
        """The best division."""
        limits = [[demand.limits[node] for node in self._nodes] for demand in self._demands]
        if not self._enough():
            return None
        try:
            self._branch([[0] * len(self._nodes) for _ in self._demands], limits)
        except SearchCut:
            if self._best is None:
                raise
        if self._best is None:
            return None
        units, cost, taken = self._best
        portions = (tuple((node, n) for node, n in zip(self._nodes, row, strict=True) if n) for row in taken)
        return Division(-units, cost, tuple(portions))

    def _enough(self) -> bool:
        """Whether all nodes together have enough of each component, where everything must be filled."""
        if self._complete is not ShipComplete.ORDER:
            return True
        for users, stock in zip(self._users, self._supply, strict=True):
            if sum(self._quantities[one] * count for one, count in users) > sum(stock):
                return False
        return True

    def _branch(self, least: list[list[int]], most: list[list[int]]) -> None:
        """Look at every division that takes between so much and so much, by demand and node."""
        self._steps.take()
        if any(map(any, least)):
            most = self._tightened(least, most)
        taken = self._each_alone(least, most)
        if taken is None or not self._hopeful(taken):
            return
        overdrawn = self._overdrawn(taken, least)
        if overdrawn is None:
            self._best = (*self._value(taken), taken)
            return
        one, node, units = overdrawn
        self._branch(least, _with(most, one, node, units))
        self._branch(_with(least, one, node, units + 1), most)

    def _tightened(self, least: list[list[int]], most: list[list[int]]) -> list[list[int]]:
        """No more of a demand than what the least of the others leaves."""
        tightened = [list(row) for row in most]
        for users, stock in zip(self._users, self._supply, strict=True):
            for node, left in enumerate(stock):
                spare = left - sum(least[one][node] * count for one, count in users)
                for one, count in users:
                    room = least[one][node] + spare // count
                    if room < tightened[one][node]:
                        tightened[one][node] = room
        return tightened

    def _each_alone(self, least: list[list[int]], most: list[list[int]]) -> list[list[int]] | None:
        """What each demand would take if it were alone; None when that cannot be, or must be complete and is not."""
        taken: list[list[int]] = []
        dropped: set[str] = set()
        take = self._take_split if self._split else self._take_whole
        for one, quantity in enumerate(self._quantities):
            if any(low > high for low, high in zip(least[one], most[one], strict=True)):
                return None
            row = take(one, least[one], most[one])
            units = sum(row)
            if units > quantity or (units < quantity and self._complete is ShipComplete.ORDER):
                return None
            if units < quantity and self._complete is ShipComplete.LINE:
                dropped.add(self._demands[one].line)
            taken.append(row)
        return self._without(dropped, least, taken) if dropped else taken

    def _without(self, lines: set[str], least: list[list[int]], taken: list[list[int]]) -> list[list[int]] | None:
        """The same without lines that cannot be whole; None when something of them must be taken."""
        for one, demand in enumerate(self._demands):
            if demand.line in lines:
                if any(least[one]):
                    return None
                taken[one] = [0] * len(self._nodes)
        return taken

    def _take_split(self, one: int, least: list[int], most: list[int]) -> list[int]:
        row = list(least)
        missing = self._quantities[one] - sum(row)
        for node in self._preferred[one]:
            if missing <= 0:
                break
            more = most[node] - row[node]
            if more > missing:
                more = missing
            row[node] += more
            missing -= more
        return row

    def _take_whole(self, one: int, least: list[int], most: list[int]) -> list[int]:
        """From one node; two that must give something are too many, which shows as more units than are wanted."""
        bound = [node for node, units in enumerate(least) if units]
        row = [0] * len(least)
        if len(bound) > 1:
            row[0] = self._quantities[one] + 1
        elif row:
            node = bound[0] if bound else max(self._preferred[one], key=most.__getitem__)
            row[node] = min(most[node], self._quantities[one])
        return row

    def _value(self, taken: list[list[int]]) -> tuple[int, int]:
        units = sum(map(sum, taken))
        cost = sum(
            n * c for row, costs in zip(taken, self._costs, strict=True) for n, c in zip(row, costs, strict=True) if n
        )
        return -units, cost

    def _hopeful(self, taken: list[list[int]]) -> bool:
        """Whether a division within the limits could beat the best one found."""
        if self._best is None:
            return True
        negative, cost = self._value(taken)
        if (negative, cost) >= self._best[:2]:
            return False
        reached = list(map(sum, taken))
        units = min((self._units_max(users, sum(stock), reached) for users, stock in self._totals()), default=-negative)
        if units != -self._best[0] or units == -negative:
            return units >= -self._best[0]
        return self._least_cost(units, taken) < self._best[1]

    def _totals(self) -> Iterable[tuple[list[tuple[int, int]], list[int]]]:
        return zip(self._users, self._supply, strict=True)

    def _units_max(self, users: list[tuple[int, int]], stock: int, reached: list[int]) -> int:
        """Units of all demands, at most so many each, that so much of one component allows: the frugal ones first."""
        units = sum(reached)
        for count, one in sorted((count, one) for one, count in users):
            units -= max(0, reached[one] - stock // count)
            stock = max(0, stock - reached[one] * count)
        return units

    def _least_cost(self, units: int, taken: list[list[int]]) -> int:
        """What so many units cost at least: the cheapest of what each demand would take alone."""
        cost = 0
        for least, available in sorted((min(self._costs[one]), sum(row)) for one, row in enumerate(taken)):
            used = min(units, available)
            cost += used * least
            units -= used
        return cost

    def _overdrawn(self, taken: list[list[int]], least: list[list[int]]) -> tuple[int, int, int] | None:
        """The demand that takes most of the most overdrawn component, the node, and the units that would be too few to
        overdraw it; None when no component is overdrawn."""
        excess, node, users = 0, 0, self._users[0] if self._users else []
        for more, stock in self._totals():
            for place, units in enumerate(stock):
                over = sum(taken[one][place] * count for one, count in more) - units
                if over > excess:
                    excess, node, users = over, place, more
        if not excess:
            return None
        _, one, count = max(
            (taken[one][node] * count, one, count) for one, count in users if taken[one][node] > least[one][node]
        )
        return one, node, max(least[one][node], taken[one][node] - -(-excess // count))


def _with(limits: list[list[int]], one: int, node: int, units: int) -> list[list[int]]:
    changed = list(limits)
    changed[one] = [*limits[one][:node], units, *limits[one][node + 1 :]]
    return changed

"""Decides how the demands of a cluster are divided among some nodes: branch and bound over those that link components."""

from collections import Counter
from collections.abc import Sequence

from domain.network import ShipComplete
from domain.sourcing.division.alike import GroupShare
from domain.sourcing.division.cluster import Cluster
from domain.sourcing.division.demand import Division, Portions, SearchCut, Steps


def divide_together(cluster: Cluster, chosen: Sequence[int], steps: Steps) -> Division | None:
    """The best division of a cluster among the chosen nodes; None when everything must be filled and cannot be.

    Raises SearchCut when that takes too long.
    """
    useful = tuple(sorted(node for node in chosen if cluster.useful[node]))
    if useful not in cluster.divisions:
        cluster.divisions[useful] = _Together(cluster, useful, steps).best()
    return cluster.divisions[useful]


class _Together:
    """One search for the best division of a cluster among some nodes, which are numbered from 0 here: its places.

    Only the linking demands are searched. Each group of demands that are alike counts as one demand, numbered after them.
    """

    def __init__(self, cluster: Cluster, nodes: tuple[int, ...], steps: Steps) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self._steps = steps
        self._complete = cluster.complete
        linking = cluster.linking
        self._linking = [cluster.demands[one] for one in linking]
        self._quantities = [demand.quantity for demand in self._linking]
        self._costs = [[demand.unit_costs[node] for node in nodes] for demand in self._linking]
        self._preferred = [sorted(range(len(nodes)), key=costs.__getitem__) for costs in self._costs]
        self._least_costs = [min(costs, default=0) for costs in self._costs]
        self._least_costs += [min([alike.unit_costs[node] for node in nodes], default=0) for alike in cluster.alike]
        number = {one: position for position, one in enumerate(linking)}
        self._users = [[(number[one], count) for one, count in users if one in number] for users in cluster.users]
        self._groups: list[list[tuple[int, int]]] = [[] for _ in cluster.users]
        """By component: the groups that need it, numbered after the linking demands, and how much a unit of them takes."""
        for position, alike in enumerate(cluster.alike, start=len(linking)):
            if alike.component is not None:
                self._groups[alike.component].append((position, alike.count))
        self._supply = [[stock[node] for node in nodes] for stock in cluster.stocks]
        """By component and place."""
        self._best: tuple[int, list[list[int]], list[GroupShare]] | None = None
        """Its value, units by linking demand and place, and what the groups get."""

    def best(self) -> Division | None:
        """The best division."""
        if not self._enough():
            return None
        limits = [[demand.limits[node] for node in self._nodes] for demand in self._linking]
        try:
            self._branch([[0] * len(self._nodes) for _ in self._linking], limits)
        except SearchCut:
            if self._best is None:
                raise
        return None if self._best is None else self._division(*self._best[1:])

    def _division(self, taken: list[list[int]], shares: list[GroupShare]) -> Division:
        cluster = self._cluster
        portions: list[Portions] = [()] * len(cluster.demands)
        for one, row in zip(cluster.linking, taken, strict=True):
            portions[one] = tuple([(node, n) for node, n in zip(self._nodes, row, strict=True) if n])
        for alike, share in zip(cluster.alike, shares, strict=True):
            for one, given in zip(alike.members, share.rows, strict=True):
                portions[one] = given
        units = sum(map(sum, taken)) + sum(share.units for share in shares)
        return Division(units, self._cost(taken) + sum(share.cost for share in shares), tuple(portions))

    def _enough(self) -> bool:
        """Whether all nodes together have enough of each component, where everything must be filled."""
        if self._complete is not ShipComplete.ORDER:
            return True
        demands = self._cluster.demands
        for users, stock in zip(self._cluster.users, self._supply, strict=True):
            if sum(demands[one].quantity * count for one, count in users) > sum(stock):
                return False
        return True

    def _branch(self, least: list[list[int]], most: list[list[int]]) -> None:
        """Search every division that takes between `least` and `most`, by linking demand and place."""
        self._steps.take()
        if any(map(any, least)):
            most = self._tightened(least, most)
        taken = self._each_alone(least, most)
        shares = None if taken is None else self._shares(least)
        if taken is None or shares is None:
            return
        units = sum(map(sum, taken)) + sum([share.units for share in shares])
        cost = self._cost(taken) + sum([share.cost for share in shares])
        if not self._can_improve(units, cost, taken, shares):
            return
        overdrawn = self._overdrawn(taken, shares, least)
        if overdrawn is None:
            self._best = units * self._cluster.unit_worth - cost, taken, shares
            return
        one, place, limit = overdrawn
        self._branch(least, _with(most, one, place, limit))
        self._branch(_with(least, one, place, limit + 1), most)

    def _tightened(self, least: list[list[int]], most: list[list[int]]) -> list[list[int]]:
        """`most`, limited for each demand to what the least of the others leaves."""
        tightened = [list(row) for row in most]
        for users, stock in zip(self._users, self._supply, strict=True):
            for place, left in enumerate(stock):
                spare = left - sum([least[one][place] * count for one, count in users])
                for one, count in users:
                    room = least[one][place] + spare // count
                    if room < tightened[one][place]:
                        tightened[one][place] = room
        return tightened

    def _shares(self, least: list[list[int]]) -> list[GroupShare] | None:
        """The most that each group gets while the linking demands take `least`; None when that is too little."""
        shares: list[GroupShare] = []
        for alike in self._cluster.alike:
            left = None if alike.component is None else self._left(alike.component, least)
            share = alike.best(self._nodes, left, self._steps)
            if share is None:
                return None
            shares.append(share)
        return shares

    def _left(self, component: int, taken: list[list[int]]) -> list[int]:
        """Units of a component by place that the linking demands leave; below 0 where they overdraw it."""
        left = self._supply[component]
        for one, count in self._users[component]:
            if any(taken[one]):
                left = [units - n * count for units, n in zip(left, taken[one], strict=True)]
        return left

    def _each_alone(self, least: list[list[int]], most: list[list[int]]) -> list[list[int]] | None:
        """What each demand would take alone; None when that is impossible, or must be complete and is not."""
        taken: list[list[int]] = []
        dropped: set[str] = set()
        take = self._take_split if self._cluster.split else self._take_whole
        for one, quantity in enumerate(self._quantities):
            if any(low > high for low, high in zip(least[one], most[one], strict=True)):
                return None
            row = take(one, least[one], most[one])
            units = sum(row)
            if units > quantity or (units < quantity and self._complete is ShipComplete.ORDER):
                return None
            if units < quantity and self._complete is ShipComplete.LINE:
                dropped.add(self._linking[one].line)
            taken.append(row)
        return self._without(dropped, least, taken) if dropped else taken

    def _without(self, lines: set[str], least: list[list[int]], taken: list[list[int]]) -> list[list[int]] | None:
        """The same without lines that cannot be whole; None when units of them must be taken."""
        for one, demand in enumerate(self._linking):
            if demand.line in lines:
                if any(least[one]):
                    return None
                taken[one] = [0] * len(self._nodes)
        return taken

    def _take_split(self, one: int, least: list[int], most: list[int]) -> list[int]:
        row = list(least)
        missing = self._quantities[one] - sum(row)
        for place in self._preferred[one]:
            if missing <= 0:
                break
            more = most[place] - row[place]
            if more > missing:
                more = missing
            row[place] += more
            missing -= more
        return row

    def _take_whole(self, one: int, least: list[int], most: list[int]) -> list[int]:
        """From one node. If two nodes must give units, the row gets more units than are wanted, so the caller drops it."""
        bound = [place for place, units in enumerate(least) if units]
        row = [0] * len(least)
        if len(bound) > 1:
            row[0] = self._quantities[one] + 1
        elif row:
            place = bound[0] if bound else max(self._preferred[one], key=most.__getitem__)
            row[place] = min(most[place], self._quantities[one])
        return row

    def _cost(self, taken: list[list[int]]) -> int:
        return sum(
            [n * c for row, costs in zip(taken, self._costs, strict=True) for n, c in zip(row, costs, strict=True) if n]
        )

    def _can_improve(self, units: int, cost: int, taken: list[list[int]], shares: list[GroupShare]) -> bool:
        """Whether a division within the limits could beat the best one: none gives more units, or the same for less."""
        if self._best is None:
            return True
        worth, best = self._cluster.unit_worth, self._best[0]
        if units * worth - cost <= best:
            return False
        reached = [*map(sum, taken), *(share.units for share in shares)]
        fewer = min(
            map(self._units_max, self._users, self._groups, map(sum, self._supply), [reached] * len(self._users))
        )
        return fewer >= units or fewer * worth - self._least_cost(fewer, reached) > best

    def _units_max(
        self, users: list[tuple[int, int]], groups: list[tuple[int, int]], stock: int, reached: list[int]
    ) -> int:
        """The most units of all, at most `reached` each, that this much of one component allows: the frugal ones first."""
        units = sum(reached)
        for count, one in sorted([(count, one) for one, count in (*users, *groups)]):
            units -= max(0, reached[one] - stock // count)
            stock = max(0, stock - reached[one] * count)
        return units

    def _least_cost(self, units: int, reached: list[int]) -> int:
        """The least cost of this many units, with at most `reached` of each."""
        cost = 0
        for least, available in sorted(zip(self._least_costs, reached, strict=True)):
            used = min(units, available)
            cost += used * least
            units -= used
        return cost

    def _overdrawn(
        self, taken: list[list[int]], shares: list[GroupShare], least: list[list[int]]
    ) -> tuple[int, int, int] | None:
        """The linking demand that takes most of the most overdrawn component, the place, and the units that would be too few
        to overdraw it; None when no component is overdrawn."""
        excess, place, users = 0, 0, self._users[0] if self._users else []
        for component, more in enumerate(self._users):
            if not more:
                continue
            left = self._left(component, taken)
            for position, count in self._groups[component]:
                given = Counter[int]()
                for row in shares[position - len(self._linking)].rows:
                    given.update(dict(row))
                left = [units - given[node] * count for node, units in zip(self._nodes, left, strict=True)]
            short = min(left, default=0)
            if -short > excess:
                excess, place, users = -short, left.index(short), more
        if not excess:
            return None
        _, one, count = max(
            (taken[one][place] * count, one, count) for one, count in users if taken[one][place] > least[one][place]
        )
        return one, place, max(least[one][place], taken[one][place] - -(-excess // count))


def _with(limits: list[list[int]], one: int, node: int, units: int) -> list[list[int]]:
    changed = list(limits)
    changed[one] = [*limits[one][:node], units, *limits[one][node + 1 :]]
    return changed

"""Decides which of the chosen nodes gives how many units of each demand, exactly: most units, then least cost per unit.

Demands that compete for the same scarce component form a cluster and are divided together; all others are divided
alone, where taking from the cheapest node first is optimal. Nodes are numbers here, in the order of their ids.

Most demands of a cluster are alike: lines of one SKU, which want one scarce component and cost the same wherever they
come from. What those get out of so much of their component depends on nothing else, so it is found exactly and remembered.
The others link components, as bundles do. They are divided by branch and bound: each takes what would be best for it if
it were alone, and the alike ones get what is left beside the least that the linking ones take. No division is better than
all of that together. Where nobody takes more of a component than there is, it is the best division. Where a component is
overdrawn at a node, the units that one linking demand takes there are limited from above in one branch and from below in
the other, so that no division is lost and none is met twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
        self.unit_worth = 1 + sum(demand.quantity * max(demand.unit_costs, default=0) for demand in demands)
        """What a unit counts beside its cost: more than all costs together, because more units come first."""
        groups = _alike_groups(self)
        self.alike = [_Alike(self, members) for members in groups]
        together = {one for members in groups for one in members}
        self.linking = [one for one in range(len(demands)) if one not in together]
        """The demands that link components, or lines across them."""
        self._known: dict[tuple[int, ...], Division | None] = {}

    def divide(self, chosen: Sequence[int], steps: Steps) -> Division | None:
        """The best division among the chosen nodes; None when everything must be filled and cannot be.

        Raises SearchCut when that takes too long.
        """
        useful = tuple(sorted(node for node in chosen if self.useful[node]))
        if useful not in self._known:
            self._known[useful] = _Together(self, useful, steps).best()
        return self._known[useful]


def _alike_groups(cluster: Cluster) -> list[list[int]]:
    """Demands, by position, that want nothing scarce but as much of one component, at the same costs; whole lines of them.

    No two groups want the same component, so that what one gets leaves the others alone.
    """
    groups: dict[object, list[int]] = defaultdict(list)
    for one, (demand, uses) in enumerate(zip(cluster.demands, cluster.uses, strict=True)):
        if len(uses) < 2:
            groups[tuple(uses), demand.unit_costs].append(one)
    if cluster.complete is ShipComplete.LINE:
        lines = Counter(demand.line for demand in cluster.demands)
        for key, members in groups.items():
            here = Counter(cluster.demands[one].line for one in members)
            groups[key] = [
                one for one in members if here[cluster.demands[one].line] == lines[cluster.demands[one].line]
            ]
    largest: dict[object, list[int]] = {}
    for members in filter(None, groups.values()):
        uses = cluster.uses[members[0]]
        wanted = uses[0][0] if uses else ("nothing scarce", members[0])
        if len(members) > len(largest.get(wanted, ())):
            largest[wanted] = members
    return list(largest.values())


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
    users: dict[str, list[tuple[Sequence[int], int]]] = defaultdict(list)
    for demand in demands:
        for sku, count in demand.components:
            users[sku].append((demand.limits, demand.quantity * count))
    return [sku for sku, wanting in users.items() if len(wanting) > 1 and _is_scarce(sku, wanting, supply)]


def _is_scarce(sku: str, wanting: Sequence[tuple[Sequence[int], int]], supply: Sequence[Mapping[str, int]]) -> bool:
    """`wanting` has the limits by node of each demand for the component, and how much of it that wants."""
    return any(
        sum([asked for limits, asked in wanting if limits[node]]) > stock.get(sku, 0)
        for node, stock in enumerate(supply)
    )


class Share(NamedTuple):
    """What demands that are alike get."""

    worth: int
    units: int
    cost: int
    rows: tuple[Portions, ...]
    """By demand of the group."""


Rooms = tuple[int, ...]
"""Units that may still be taken, by place; a place is a node of the division at hand."""


class _Alike:
    """Demands for the same component at the same costs: they differ only in how much they want, and from where."""

    def __init__(self, cluster: Cluster, members: Sequence[int]) -> None:
        self.members = members
        demands = [cluster.demands[one] for one in members]
        self._demands = demands
        self._split, self._complete = cluster.split, cluster.complete
        self._unit_worth = cluster.unit_worth
        self.unit_costs = demands[0].unit_costs
        uses = cluster.uses[members[0]]
        self.component = uses[0][0] if uses else None
        self.count = uses[0][1] if uses else 1
        """How much of the scarce component that they want, if any, one unit of them takes."""
        self._reach = [sum(at_node) for at_node in zip(*(demand.limits for demand in demands), strict=True)]
        """By node: the most that all of them could take."""
        self._wishes = _wishes(demands, cluster.complete)
        self._known: dict[tuple[tuple[int, int], ...], Share | None] = {}

    def best(self, nodes: Sequence[int], left: Sequence[int] | None, steps: Steps) -> Share | None:
        """The most units, then the least cost, that so much of the component by node allows (None = it is not scarce).

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

    def _found(self, offered: Sequence[tuple[int, int]], steps: Steps) -> Share | None:
        nodes = [node for node, _ in offered]
        sharing = _Sharing(
            [demand.quantity for demand in self._demands],
            [[demand.limits[node] for node in nodes] for demand in self._demands],
            [self._unit_worth - self.unit_costs[node] for node in nodes],
            self._wishes,
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
        return Share(units * self._unit_worth - cost, units, cost, portions)


def _wishes(demands: Sequence[Demand], complete: ShipComplete) -> list[list[int]]:
    """Demands, by position, of which all or nothing may ship, the largest first; where that does not matter, each alone."""
    if complete is not ShipComplete.LINE:
        wishes = [[one] for one in range(len(demands))]
    else:
        lines: dict[str, list[int]] = defaultdict(list)
        for one, demand in enumerate(demands):
            lines[demand.line].append(one)
        wishes = list(lines.values())
    return sorted(wishes, key=lambda wish: -sum(demands[one].quantity for one in wish))


class _Sharing:
    """One search for who of those that are alike gets what from where."""

    def __init__(
        self,
        quantities: list[int],
        limits: list[list[int]],
        worths: list[int],
        wishes: Sequence[Sequence[int]],
        complete: ShipComplete,
        steps: Steps,
    ) -> None:
        """`limits` is by demand and place; `worths` by place: what a unit from there counts, always more than 0."""
        self._quantities, self._limits, self._worths, self._wishes = quantities, limits, worths, wishes
        self._complete, self._steps = complete, steps
        self._best_first = sorted(range(len(worths)), key=worths.__getitem__, reverse=True)
        self._wanted = [sum(quantities[one] for wish in wishes[start:] for one in wish) for start in range(len(wishes))]
        """By wish: units of it and of all later ones."""
        self._wanted.append(0)
        self._known: dict[tuple[int, Rooms], tuple[int, tuple[tuple[int, int, int], ...]] | None] = {}

    def whole(self, rooms: Rooms) -> list[list[int]] | None:
        """Units by demand and place where each demand comes from one place; None when all must be filled and cannot be."""
        found = self._whole_from(0, rooms)
        if found is None:
            return None
        rows = [[0] * len(rooms) for _ in self._quantities]
        for one, place, units in found[1]:
            rows[one][place] = units
        return rows

    def _whole_from(self, start: int, rooms: Rooms) -> tuple[int, tuple[tuple[int, int, int], ...]] | None:
        """What the wishes from this one on are worth at most, and (demand, place, units) of each that is served."""
        if start == len(self._wishes):
            return 0, ()
        key = start, rooms
        if key in self._known:
            return self._known[key]
        self._steps.take()
        best: tuple[int, tuple[tuple[int, int, int], ...]] | None = None
        for worth, left, taken in self._ways(self._wishes[start], rooms):
            if best is not None and worth + self._worth_at_most(self._wanted[start + 1], left) <= best[0]:
                continue
            later = self._whole_from(start + 1, left)
            if later is not None and (best is None or worth + later[0] > best[0]):
                best = worth + later[0], taken + later[1]
        self._known[key] = best
        return best

    def _worth_at_most(self, wanted: int, rooms: Rooms) -> int:
        """What so many units are worth at most, as if they could be divided at will."""
        worth = 0
        for place in self._best_first:
            if not wanted:
                break
            units = min(wanted, rooms[place])
            worth += units * self._worths[place]
            wanted -= units
        return worth

    def _ways(self, wish: Sequence[int], rooms: Rooms) -> list[tuple[int, Rooms, tuple[tuple[int, int, int], ...]]]:
        """What a wish can get: what it is worth, what it leaves, and (demand, place, units); the best first.

        Where units count one by one, a demand takes all that it can wherever it comes from: a unit that it left would be
        worth as much to another, not more. For the same reason it then takes nothing only where there is nothing.
        """
        ways = sorted(self._served(wish, rooms), key=lambda way: -way[0])
        if self._complete is ShipComplete.LINE or (self._complete is ShipComplete.NO and not ways):
            ways.append((0, rooms, ()))
        return ways

    def _served(
        self, wish: Sequence[int], rooms: Rooms
    ) -> Iterator[tuple[int, Rooms, tuple[tuple[int, int, int], ...]]]:
        if not wish:
            yield 0, rooms, ()
            return
        one, quantity = wish[0], self._quantities[wish[0]]
        for place, (room, limit) in enumerate(zip(rooms, self._limits[one], strict=True)):
            units = min(room, limit, quantity)
            if units == quantity or (units and self._complete is ShipComplete.NO):
                left = (*rooms[:place], room - units, *rooms[place + 1 :])
                for worth, rest, taken in self._served(wish[1:], left):
                    yield worth + units * self._worths[place], rest, ((one, place, units), *taken)

    def split(self, rooms: Rooms) -> list[list[int]] | None:
        """The same where a demand may come from several places."""
        if self._complete is not ShipComplete.LINE:
            return self._flow(
                [one for wish in self._wishes for one in wish], rooms, self._complete is ShipComplete.ORDER
            )
        best = 0, [[0] * len(rooms) for _ in self._quantities]
        return self._lines(0, [], rooms, best)[1]

    def _lines(
        self, start: int, kept: list[int], rooms: Rooms, best: tuple[int, list[list[int]]]
    ) -> tuple[int, list[list[int]]]:
        """The best of what was found and of what the kept demands get with some of the wishes from this one on."""
        self._steps.take()
        if start == len(self._wishes):
            rows = self._flow(kept, rooms, True)
            worth = sum(n * w for row in rows for n, w in zip(row, self._worths, strict=True)) if rows else 0
            return (worth, rows) if rows and worth > best[0] else best
        more = [*kept, *self._wishes[start]]
        if self._flow(more, rooms, True) is not None:
            best = self._lines(start + 1, more, rooms, best)
        wanted = sum(self._quantities[one] for one in kept) + self._wanted[start + 1]
        if self._worth_at_most(wanted, rooms) > best[0]:
            best = self._lines(start + 1, kept, rooms, best)
        return best

    def _flow(self, demands: Sequence[int], rooms: Rooms, must_fill: bool) -> list[list[int]] | None:
        """The best way to divide these demands at will; None when they must be filled and cannot be.

        The places are filled in turn, the best first, each as far as those filled before can stay so: what can be served
        from where is a matroid, so this is best.
        """
        rows = [[0] * len(rooms) for _ in self._quantities]
        missing = [0] * len(self._quantities)
        for one in demands:
            missing[one] = self._quantities[one]
        for place in self._best_first:
            room = rooms[place]
            while room:
                taken = self._push(place, room, demands, rows, missing, {place})
                if not taken:
                    break
                room -= taken
        return None if must_fill and any(missing) else rows

    def _push(
        self, place: int, room: int, demands: Sequence[int], rows: list[list[int]], missing: list[int], met: set[int]
    ) -> int:
        """Take up to so many units more from a place, moving what was taken from others; answer how many it were."""
        for one in demands:
            more = min(room, self._limits[one][place] - rows[one][place])
            if more > 0 and missing[one]:
                more = min(more, missing[one])
                rows[one][place] += more
                missing[one] -= more
                return more
        for one in demands:
            more = min(room, self._limits[one][place] - rows[one][place])
            if more <= 0:
                continue
            for other, units in enumerate(rows[one]):
                if units and other not in met:
                    met.add(other)
                    moved = self._push(other, min(more, units), demands, rows, missing, met)
                    if moved:
                        rows[one][other] -= moved
                        rows[one][place] += moved
                        return moved
        return 0


class _Together:
    """One search for the best division of a cluster among some nodes, which are numbered anew from 0: its places.

    Only the linking demands are searched. Those that are alike count as one demand each group: theirs come after.
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
        """By component: the groups that want it, numbered after the linking demands, and how much a unit of them takes."""
        for position, alike in enumerate(cluster.alike, start=len(linking)):
            if alike.component is not None:
                self._groups[alike.component].append((position, alike.count))
        self._supply = [[stock[node] for node in nodes] for stock in cluster.stocks]
        """By component and place."""
        self._best: tuple[int, list[list[int]], list[Share]] | None = None
        """What it is worth, units by linking demand and place, and what the groups get."""

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

    def _division(self, taken: list[list[int]], shares: list[Share]) -> Division:
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
        """Look at every division that takes between so much and so much, by linking demand and place."""
        self._steps.take()
        if any(map(any, least)):
            most = self._tightened(least, most)
        taken = self._each_alone(least, most)
        shares = None if taken is None else self._shares(least)
        if taken is None or shares is None:
            return
        units = sum(map(sum, taken)) + sum([share.units for share in shares])
        cost = self._cost(taken) + sum([share.cost for share in shares])
        if not self._hopeful(units, cost, taken, shares):
            return
        overdrawn = self._overdrawn(taken, shares, least)
        if overdrawn is None:
            self._best = units * self._cluster.unit_worth - cost, taken, shares
            return
        one, place, limit = overdrawn
        self._branch(least, _with(most, one, place, limit))
        self._branch(_with(least, one, place, limit + 1), most)

    def _tightened(self, least: list[list[int]], most: list[list[int]]) -> list[list[int]]:
        """No more of a demand than what the least of the others leaves."""
        tightened = [list(row) for row in most]
        for users, stock in zip(self._users, self._supply, strict=True):
            for place, left in enumerate(stock):
                spare = left - sum([least[one][place] * count for one, count in users])
                for one, count in users:
                    room = least[one][place] + spare // count
                    if room < tightened[one][place]:
                        tightened[one][place] = room
        return tightened

    def _shares(self, least: list[list[int]]) -> list[Share] | None:
        """What each group gets at most while the linking demands take at least so much; None when that is too little."""
        shares: list[Share] = []
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
        """What each demand would take if it were alone; None when that cannot be, or must be complete and is not."""
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
        """The same without lines that cannot be whole; None when something of them must be taken."""
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
        """From one node; two that must give something are too many, which shows as more units than are wanted."""
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

    def _hopeful(self, units: int, cost: int, taken: list[list[int]], shares: list[Share]) -> bool:
        """Whether a division within the limits could beat the best one found: none gives more units, or the same for less."""
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
        """Units of all, at most so many each, that so much of one component allows: the frugal ones first."""
        units = sum(reached)
        for count, one in sorted([(count, one) for one, count in (*users, *groups)]):
            units -= max(0, reached[one] - stock // count)
            stock = max(0, stock - reached[one] * count)
        return units

    def _least_cost(self, units: int, reached: list[int]) -> int:
        """What so many units cost at least, at most so many of each."""
        cost = 0
        for least, available in sorted(zip(self._least_costs, reached, strict=True)):
            used = min(units, available)
            cost += used * least
            units -= used
        return cost

    def _overdrawn(
        self, taken: list[list[int]], shares: list[Share], least: list[list[int]]
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

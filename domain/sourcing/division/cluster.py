"""Decides which demands must be divided together, and which of those are alike."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from domain.network import ShipComplete
from domain.sourcing.division.alike import Alike
from domain.sourcing.division.demand import Demand, Division


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
        """By node: whether it could give any unit."""
        self.unit_worth = 1 + sum(demand.quantity * max(demand.unit_costs, default=0) for demand in demands)
        """The value of a unit before its cost: more than all costs together, because more units come first."""
        groups = _alike_groups(self)
        self.alike = [self._alike(members) for members in groups]
        together = {one for members in groups for one in members}
        self.linking = [one for one in range(len(demands)) if one not in together]
        """The demands that link components, or lines across them."""
        self.divisions: dict[tuple[int, ...], Division | None] = {}
        """The best divisions found so far, by the useful nodes of a choice."""

    def _alike(self, members: Sequence[int]) -> Alike:
        demands = {one: self.demands[one] for one in members}
        return Alike(demands, self.uses[members[0]], self.unit_worth, self.split, self.complete)


def _alike_groups(cluster: Cluster) -> list[list[int]]:
    """Demands, by position, that need at most one scarce component, in equal amounts and at the same costs; only whole lines.

    No two groups need the same component, so what one gets does not change the others.
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

    They share a component of which some node has less than they need, or a line that must ship whole.
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
    """Components that several demands need, of which some node has less than the demands that it may serve need."""
    users: dict[str, list[tuple[Sequence[int], int]]] = defaultdict(list)
    for demand in demands:
        for sku, count in demand.components:
            users[sku].append((demand.limits, demand.quantity * count))
    return [sku for sku, wanting in users.items() if len(wanting) > 1 and _is_scarce(sku, wanting, supply)]


def _is_scarce(sku: str, wanting: Sequence[tuple[Sequence[int], int]], supply: Sequence[Mapping[str, int]]) -> bool:
    """`wanting` has, for each demand for the component, its limits by node and how much of the component it needs."""
    return any(
        sum([asked for limits, asked in wanting if limits[node]]) > stock.get(sku, 0)
        for node, stock in enumerate(supply)
    )

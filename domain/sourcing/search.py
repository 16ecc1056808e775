"""Decides which nodes ship together: the lexicographically best choices under a rank, exactly, without trying them all.

1. Every measure of a plan (cost, shipments, distance, days, priority) can only grow when a node is added, and the
   units of each demand cost at least what they cost at their cheapest node. So the measures of a partial choice of
   nodes, with that floor, bound every choice that contains it; one that is worse than the best found is left.
2. `cover` fills everything: some node must serve the demand that fewest nodes can serve, so it branches over those,
   then over those for the next demand that is still open. A node tried in one branch is left out of the later ones,
   so that no choice is met twice. With one shipment left, a node must serve every open demand at once.
3. A choice that covers is extended only where units cost more at one node than at another: otherwise more nodes are
   never better.
4. `fill` fills as many units as it can: what a further node adds alone, ignoring what others compete for, bounds what
   it adds to any larger choice, so the largest such additions bound what can still be reached.

Nodes are numbers here, in the order of their ids, so that ties are broken by node id.
"""

from bisect import insort
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.network import Rank, ShipComplete
from domain.sourcing.division import Cluster, Demand, Division, Portions, SearchCut, Steps, clusters

CHOICES_MAX = 6
"""The plan and five runners-up."""

STEPS_MAX = 100_000
"""Steps of one search, 1 to 15 microseconds each: beyond them a waiting customer gets the best plan found so far."""

Value = tuple[int, ...]
"""What is minimized, compared from left to right."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What one shipment from a node adds to a plan, in whole numbers so that equal plans compare equal."""

    cost: int
    """Thousandths of a minor unit, before any cost per unit."""
    distance_m: int
    days: int
    priority: int


@dataclass(frozen=True, slots=True)
class Problem:
    """The units wanted and the nodes that may take part in one tier."""

    demands: tuple[Demand, ...]
    supply: Sequence[Mapping[str, int]]
    """By node: available units of each component."""
    measures: tuple[Measures, ...]
    """By node."""
    rank: tuple[Rank, ...]
    shipments_max: int
    split: bool


@dataclass(frozen=True, order=True)
class Choice:
    """Nodes that ship together, and who gives what; the smaller the better."""

    value: Value
    nodes: tuple[int, ...]
    units: int = field(compare=False)
    portions: tuple[Portions, ...] = field(compare=False)
    """Per demand."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best choices, best first, at most CHOICES_MAX; `exact` unless the search was cut short."""

    choices: tuple[Choice, ...]
    exact: bool


def cover(problem: Problem, steps_max: int = STEPS_MAX) -> Found:
    """The best choices that fill every demand; none when there is none within the shipments allowed."""
    search = _Search(problem, ShipComplete.ORDER, steps_max)
    every_node = (1 << len(problem.measures)) - 1
    with suppress(SearchCut):
        _cover(search, (), _NOTHING, search.hardest_first(), every_node)
    return search.found()


def fill(problem: Problem, complete: ShipComplete, steps_max: int = STEPS_MAX) -> Found:
    """The choices that fill the most units (`complete` LINE: in whole lines), then the best by rank."""
    search = _Search(problem, complete, steps_max)
    with suppress(SearchCut):
        _fill(search, (), _NOTHING, (0,) * len(problem.demands), tuple(range(len(problem.measures))))
    return search.found()


def alone(problem: Problem) -> list[Division]:
    """What each node could fill by itself, most units first, and its cost by units; without portions."""
    search = _Search(problem, ShipComplete.NO, 0)
    return [search.alone(node) for node in range(len(problem.measures))]


class _Totals(NamedTuple):
    """What a choice of nodes measures, in the order of `_RANKED`."""

    cost: int
    shipments: int
    distance_m: int
    days: int
    priority: int

    def plus(self, more: Measures) -> "_Totals":
        return _Totals(
            self.cost + more.cost,
            self.shipments + 1,
            self.distance_m + more.distance_m,
            max(self.days, more.days),
            self.priority + more.priority,
        )


_NOTHING = _Totals(0, 0, 0, 0, 0)
_RANKED = {Rank.COST: 0, Rank.SHIPMENTS: 1, Rank.DISTANCE: 2, Rank.DAYS: 3, Rank.PRIORITY: 4}


class _Search:
    """What is known of one problem while it is searched: its clusters, its bounds and the best choices so far."""

    def __init__(self, problem: Problem, complete: ShipComplete, steps_max: int) -> None:
        self.problem = problem
        self.complete = complete
        self.steps = Steps(steps_max)
        self.members = clusters(problem.demands, problem.supply, complete)
        self.clusters = [
            Cluster(tuple(problem.demands[member] for member in members), problem.supply, problem.split)
            for members in self.members
        ]
        self.useful = [_useful_nodes(cluster, complete) for cluster in self.clusters]
        self.contested = any(len(cluster.demands) > 1 for cluster in self.clusters)
        self.uneven = any(_is_uneven(demand) for demand in problem.demands)
        self._ranked = [_RANKED[rank] for rank in problem.rank]
        self._floor = sum(map(_floor, problem.demands)) if complete is ShipComplete.ORDER else 0
        self.units_wanted = sum(demand.quantity for demand in problem.demands)
        self._choices: list[Choice] = []
        nodes = range(len(problem.measures))
        self.best_first = sorted(nodes, key=lambda node: (self._value(_NOTHING.plus(problem.measures[node])), node))

    def hardest_first(self) -> tuple[int, ...]:
        """The clusters, those first that the fewest nodes can serve."""
        return tuple(sorted(range(len(self.clusters)), key=lambda one: self.useful[one].bit_count()))

    def serves(self, chosen: tuple[int, ...], cluster: int) -> bool:
        """Whether the chosen nodes can fill all demands of a cluster."""
        return self.clusters[cluster].filled_by(chosen, self.steps)

    def hopeless(self, totals: _Totals, units_max: int) -> bool:
        """Whether every choice with at least these totals, and at most these units, is worse than those found."""
        if len(self._choices) < CHOICES_MAX:
            return False
        return self._value(totals._replace(cost=totals.cost + self._floor), units_max) > self._choices[-1].value

    def offer(self, chosen: tuple[int, ...], totals: _Totals) -> None:
        """Divide the demands among the chosen nodes and keep the choice if it is among the best.

        One that needs a node for nothing is left out: the choice without that node is met elsewhere and is better.
        """
        self.steps.take(len(self.problem.demands))
        if self.complete is ShipComplete.ORDER and not self.uneven and self._is_wasteful(chosen):
            return
        portions: list[Portions] = [()] * len(self.problem.demands)
        units = cost = 0
        for members, cluster in zip(self.members, self.clusters, strict=True):
            division = cluster.divide(chosen, self.complete, self.steps)
            if division is None:
                return
            units, cost = units + division.units, cost + division.cost
            for member, portion in zip(members, division.portions, strict=True):
                portions[member] = portion
        if len({node for portion in portions for node, _ in portion}) < len(chosen):
            return
        value = self._value(totals._replace(cost=totals.cost + cost), units)
        insort(self._choices, Choice(value, tuple(sorted(chosen)), units, tuple(portions)))
        del self._choices[CHOICES_MAX:]

    def _is_wasteful(self, chosen: tuple[int, ...]) -> bool:
        """Whether the choice would fill everything without one of its nodes; the last one was needed when it came."""
        without = (chosen[:position] + chosen[position + 1 :] for position in range(len(chosen) - 1))
        return any(all(cluster.filled_by(rest, self.steps) for cluster in self.clusters) for rest in without)

    def alone(self, node: int) -> Division:
        """What a node could fill by itself."""
        # The first descent through a cluster of n demands takes n (n + 1) / 2 steps, so this many find an answer.
        steps = Steps(1000 + len(self.problem.demands) ** 2)
        divisions = [cluster.divide((node,), ShipComplete.NO, steps) for cluster in self.clusters]
        filled = [division for division in divisions if division is not None]
        return Division(sum(one.units for one in filled), sum(one.cost for one in filled), ())

    def found(self) -> Found:
        """The answer so far."""
        return Found(tuple(self._choices), exact=not self.steps.exhausted)

    def _value(self, totals: _Totals, units: int = 0) -> Value:
        """What is minimized: missing units, the rank, and where that ties, shipments."""
        return (-units, *(totals[ranked] for ranked in self._ranked), totals.shipments)


def _cover(search: _Search, chosen: tuple[int, ...], totals: _Totals, unserved: tuple[int, ...], allowed: int) -> None:
    """Extend a choice by each allowed node (a bit mask) that serves the hardest unserved cluster."""
    if not unserved:
        search.offer(chosen, totals)
    slots = search.problem.shipments_max - len(chosen)
    if slots == 0 or not (unserved or search.uneven):
        return
    useful = allowed
    for cluster in unserved if slots == 1 else unserved[:1]:
        useful &= search.useful[cluster]
    for node in search.best_first:
        if not useful >> node & 1:
            continue
        allowed &= ~(1 << node)
        extended = totals.plus(search.problem.measures[node])
        if not search.hopeless(extended, search.units_wanted):
            search.steps.take(1 + len(unserved))
            with_node = (*chosen, node)
            still = tuple(cluster for cluster in unserved if not search.serves(with_node, cluster))
            _cover(search, with_node, extended, still, allowed)


def _fill(
    search: _Search, chosen: tuple[int, ...], totals: _Totals, reached: tuple[int, ...], allowed: tuple[int, ...]
) -> None:
    """Extend a choice by each allowed node, the one that adds the most first; `reached` is by demand, alone."""
    if chosen:
        search.offer(chosen, totals)
    slots = search.problem.shipments_max - len(chosen)
    if slots == 0:
        return
    search.steps.take(len(allowed) * len(reached))
    reaches = {node: _reach(search.problem, reached, node) for node in allowed}
    units = sum(reached)
    gains = sorted((units - sum(reach), node) for node, reach in reaches.items())
    for position, (gain, node) in enumerate(gains):
        if gain == 0 and not (search.uneven or search.contested):
            return
        units_max = units - sum(more for more, _ in gains[position : position + slots])
        extended = totals.plus(search.problem.measures[node])
        if not search.hopeless(extended, units_max):
            later = tuple(node for _, node in gains[position + 1 :])
            _fill(search, (*chosen, node), extended, reaches[node], later)


def _reach(problem: Problem, reached: tuple[int, ...], node: int) -> tuple[int, ...]:
    """What each demand can reach with one more node, as if it were alone."""
    if problem.split:
        more = (
            min(demand.quantity, units + demand.limits[node])
            for demand, units in zip(problem.demands, reached, strict=True)
        )
    else:
        more = (max(units, demand.limits[node]) for demand, units in zip(problem.demands, reached, strict=True))
    return tuple(more)


def _useful_nodes(cluster: Cluster, complete: ShipComplete) -> int:
    """The nodes, as a bit mask, of which at least one must be chosen to fill a cluster (or any part of it)."""
    partly = cluster.split or complete is not ShipComplete.ORDER
    mask = 0
    for demand in cluster.demands:
        for node, limit in enumerate(demand.limits):
            if limit >= (1 if partly else demand.quantity):
                mask |= 1 << node
    return mask


def _is_uneven(demand: Demand) -> bool:
    """Whether units cost more at one node that has some than at another."""
    return len({cost for cost, limit in zip(demand.unit_costs, demand.limits, strict=True) if limit}) > 1


def _floor(demand: Demand) -> int:
    """What a demand costs at least, filled from the node where its units are cheapest."""
    costs = (cost for cost, limit in zip(demand.unit_costs, demand.limits, strict=True) if limit)
    return demand.quantity * min(costs, default=0)

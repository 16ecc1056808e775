"""Decides which nodes ship together: the lexicographically best choices under a rank, exactly, without trying them all.

1. The value of a choice is one whole number: missing units, then the ranked measures, then shipments, then node ids,
   each in digits of its own. All but the days and the cost of the units are sums over the chosen nodes, so a choice is
   valued by adding; and the smaller number is the better choice, ties included.
2. No measure but the cost of the units can shrink when a node is added, and each unit costs at least what it costs at
   its cheapest node. So the value of a partial choice with that floor bounds every choice that contains it; one that
   cannot beat those found is left.
3. `cover` fills everything: some node must serve the demand that fewest nodes can serve, so it branches over those,
   then over those for the next demand that is still open. A node tried in one branch is left out of the later ones,
   so that no choice is met twice. The most that as many nodes as may still be added could give of a demand is known
   beforehand; where it is too little, the branch is left. The last node must give all that is missing.
4. A choice that covers is extended only where units cost more at one node than at another and cost is ranked:
   otherwise more nodes are never better.
5. `fill` fills as many units as it can: a node adds at most as many units to a larger choice as to a smaller one, so
   the largest such additions bound what can still be reached.
6. Demands that compete for a component are first looked at as if they did not: no division gives more units, or the
   same for less. What each component lacks in all is a demand of its own. Only a choice that could then still be among
   the best is divided exactly (`division.py`).

7. A long search for what fills everything bounds more closely: the cost of each shipment is shared out among the
   demands, so that a demand costs what it costs at the chosen nodes, or at least its share with its cheapest node.
8. A short search prunes against the sixth best choice, so that its runners-up are proven too, a long one against the
   best. For a very large order good choices are found by prices, which say how much better another could be
   (`very_large.py`).
9. Of many nodes that are alike but for what a shipment adds, only the best few are looked at.

What is open of all demands is kept in one whole number with as many digits as there are demands, because adding a node
to a choice is then a handful of operations, however many lines an order has.
"""

import sys
from array import array
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import floor
from typing import NamedTuple

from domain.network import Rank, ShipComplete
from domain.sourcing.division import Cluster, Demand, Division, Portions, SearchCut, Steps, clusters, divide_one

CHOICES_MAX = 6
"""The plan and five runners-up."""

STEPS_MAX = 100_000
"""Steps of one search, 1 to 20 microseconds each: beyond them a waiting customer gets the best plan found so far."""

MANY_NODES = 100
"""Nodes beyond which it pays to find out which of them are alike."""

LARGE = 10_000
"""Demands times nodes beyond which nobody waits for the proof: a good choice is improved, and its gap is told."""

LARGE_CHOICES_MAX = 4
"""The good choices of such an order that are divided exactly: the plan and runners-up."""

LARGE_STEPS_MAX = 50
"""Steps of such a search where no good choice was found, each about 10 milliseconds."""

SHORT_STEPS = 20
"""A search that is over after so many steps has also proven its runners-up to be the next best choices, unless demands
compete. A longer one has proven the best choice only, and keeps the best others that it met."""


class Measures(NamedTuple):
    """What one shipment from a node adds to a plan, in whole numbers so that equal plans compare equal; none negative."""

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


class Choice(NamedTuple):
    """Nodes that ship together, and who gives what."""

    nodes: tuple[int, ...]
    units: int
    portions: tuple[Portions, ...]
    """Per demand."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best choices, best first, at most CHOICES_MAX; `exact` unless the search was cut short."""

    choices: tuple[Choice, ...]
    exact: bool
    gap: float | None = None
    """How much less the first measure of the rank could be at most, as a share; None where that is not known."""


def cover(problem: Problem, steps_max: int = STEPS_MAX) -> Found:
    """The best choices that fill every demand; none when there is none within the shipments allowed."""
    nodes = _nodes_to_cover(problem)
    if nodes is None:
        return Found((), exact=True)
    nodes = _in_best_choices(problem, nodes)
    search = _Cover(problem, nodes, steps_max)
    if len(problem.demands) * len(nodes) > LARGE:
        with suppress(SearchCut):
            search.start()
        if search.has_choices:
            return search.found()
        search.is_whole = True
        search.steps = Steps(min(steps_max, LARGE_STEPS_MAX))
    with suppress(SearchCut):
        search.run()
    return search.found()


def _nodes_to_cover(problem: Problem) -> list[int] | None:
    """The nodes that can take part in filling everything; None when it is plain that they cannot."""
    slots, split, nodes = problem.shipments_max, problem.split, set(range(len(problem.measures)))
    useful: set[int] = set()
    for demand in problem.demands:
        quantity, limits = demand.quantity, demand.limits
        if max(limits, default=0) < quantity and (not split or sum(sorted(limits)[-slots:]) < quantity):
            return None
        able = {node for node, limit in enumerate(limits) if limit >= quantity or (split and slots > 1 and limit)}
        nodes &= able
        useful |= able
    if slots == 1:
        return sorted(nodes) or (None if problem.demands else [])
    return sorted(useful)


def fill(problem: Problem, complete: ShipComplete, steps_max: int = STEPS_MAX) -> Found:
    """The choices that fill the most units (`complete` LINE: in whole lines), then the best by rank."""
    if complete is ShipComplete.LINE:
        problem = _whole_lines(problem)
    nodes = [node for node in range(len(problem.measures)) if any(demand.limits[node] for demand in problem.demands)]
    nodes = _in_best_choices(problem, nodes)
    if len(problem.demands) * len(nodes) > LARGE:
        steps_max = min(steps_max, problem.shipments_max * (3 + len(nodes) // 8))  # one descent to the last shipment
    search = _Fill(problem, nodes, complete, steps_max)
    with suppress(SearchCut):
        search.run()
    return search.found()


def _in_best_choices(problem: Problem, nodes: list[int]) -> list[int]:
    """Of many nodes, those that could be in one of the best choices.

    Nodes are alike when they give as much of everything, at the same costs, on the same day. A choice with one of them is
    worse than that with a better one in its place, unless it has that one too; so of those alike only as many are needed as
    there are shipments, and one more for each runner-up.
    """
    if len(nodes) <= MANY_NODES:
        return nodes
    needed = problem.shipments_max + CHOICES_MAX - 1
    value = _Value(problem, nodes, 0)
    met: Counter[object] = Counter()
    kept = []
    for node, days in zip(value.nodes, value.days, strict=True):
        given = [(one.limits[node], one.unit_costs[node]) if one.limits[node] else None for one in problem.demands]
        alike = days, tuple(given), tuple(problem.supply[node].items())
        met[alike] += 1
        if met[alike] <= needed:
            kept.append(node)
    return sorted(kept)


def _whole_lines(problem: Problem) -> Problem:
    """The same without what can never be part of a whole line: no choice that ships only whole lines takes any of it."""
    possible = [_possible(demand, problem) for demand in problem.demands]
    broken = {demand.line for demand, limits in zip(problem.demands, possible, strict=True) if not any(limits)}
    demands = [
        replace(demand, limits=(0,) * len(limits) if demand.line in broken else limits)
        for demand, limits in zip(problem.demands, possible, strict=True)
    ]
    return replace(problem, demands=tuple(demands))


def _possible(demand: Demand, problem: Problem) -> tuple[int, ...]:
    """By node: what it could give of a demand that ships whole; 0 everywhere where the most shipments have too little."""
    limits, quantity = demand.limits, demand.quantity
    if not problem.split:
        return tuple([limit if limit >= quantity else 0 for limit in limits])
    return limits if sum(sorted(limits)[-problem.shipments_max :]) >= quantity else (0,) * len(limits)


def alone(problem: Problem) -> list[tuple[int, int]]:
    """By node: the most units that it could give by itself, and what those cost."""
    members = clusters(problem.demands, problem.supply, ShipComplete.NO)
    together = {member for group in members for member in group}
    units, costs = [0] * len(problem.measures), [0] * len(problem.measures)
    for position, demand in enumerate(problem.demands):
        if position not in together:
            for node, limit in enumerate(demand.limits):
                if limit:
                    units[node] += limit
                    costs[node] += limit * demand.unit_costs[node]
    for group in members:
        cluster = Cluster([problem.demands[one] for one in group], problem.supply, problem.split, ShipComplete.NO)
        for node in range(len(units)):
            more, cost = _alone_together(cluster, node)
            units[node] += more
            costs[node] += cost
    return list(zip(units, costs, strict=True))


def _alone_together(cluster: Cluster, node: int) -> tuple[int, int]:
    """What one node could give to demands that compete, and what that costs: those first that use least for a unit.

    That is nearly always the most that it could give, and this is for the explanation only.
    """
    left = [stock[node] for stock in cluster.stocks]
    uses = cluster.uses
    units = cost = 0
    for one in sorted(range(len(uses)), key=lambda one: sum(count for _, count in uses[one])):
        demand = cluster.demands[one]
        taken = min([demand.limits[node], *(left[component] // count for component, count in uses[one])])
        for component, count in uses[one]:
            left[component] -= taken * count
        units, cost = units + taken, cost + taken * demand.unit_costs[node]
    return units, cost


WORD_BITS = 64
WORDS_MIN = 64
"""Numbers from which on wide digits cost less than packing narrow ones."""


class _Digits:
    """Several whole numbers in one, of equal width, each with a guard bit above it that shows who is smaller."""

    def __init__(self, count: int, number_max: int) -> None:
        self.width = number_max.bit_length() + 1
        if count >= WORDS_MIN and self.width <= WORD_BITS and sys.byteorder == "little":
            self.width = WORD_BITS  # whole words are packed at once
        ones = self.pack([1] * count)
        self._guard_shift = self.width - 1
        self.guards = ones << self._guard_shift
        self._all = (1 << self.width) - 1

    def pack(self, numbers: Iterable[int]) -> int:
        """The numbers as one, the first lowest."""
        if self.width == WORD_BITS and sys.byteorder == "little":
            return int.from_bytes(array("Q", numbers).tobytes(), "little")
        packed = shift = 0
        for number in numbers:
            packed |= number << shift
            shift += self.width
        return packed

    def pack_columns(self, rows: Sequence[Sequence[int]], count: int) -> list[int]:
        """So many packed numbers from rows that have one number for each."""
        if not rows:
            return [0] * count
        return list(map(self.pack, zip(*rows, strict=True)))

    def total(self, packed: int) -> int:
        """The sum of the numbers; right while it is at most the largest number told beforehand."""
        return packed % self._all

    def less(self, packed: int, other: int) -> int:
        """Each number less the other's, but not below 0."""
        apart = (packed | self.guards) - other
        kept = apart & self.guards
        return apart & (kept - (kept >> self._guard_shift))

    def smaller(self, packed: int, other: int) -> int:
        """The smaller of each two numbers."""
        kept = ((packed | self.guards) - other) & self.guards
        return packed ^ ((packed ^ other) & (kept - (kept >> self._guard_shift)))

    def lowest(self, packed: int) -> int:
        """The position of the first number that is not 0."""
        return ((packed & -packed).bit_length() - 1) // self.width

    def nonzero(self, packed: int) -> int:
        """All bits of each number that is not 0."""
        kept = (packed + (self.guards - (self.guards >> self._guard_shift))) & self.guards
        return kept - (kept >> self._guard_shift)


class _Value:
    """How choices are valued: one whole number, the smaller the better, with a digit for each thing that is compared."""

    def __init__(self, problem: Problem, nodes: Sequence[int], units_cost_max: int) -> None:
        """Only these nodes take part; the units cost at most so much."""
        self.cost_shift: int | None = None
        """Where the cost is; None where cost is not ranked."""
        count, slots = len(problem.measures), problem.shipments_max
        every = 1 << count
        steps = [every - (1 << count - 1 - node) for node in nodes]
        days = [0] * len(nodes)
        shift = count + slots.bit_length()
        measures = [problem.measures[node] for node in nodes]
        for rank in reversed(dict.fromkeys((*problem.rank, Rank.SHIPMENTS))):
            measured = _measured(rank, measures)
            largest = slots * max(measured, default=0)
            if rank is Rank.DAYS:
                days = [one << shift for one in measured]
            else:
                steps = [step + (one << shift) for step, one in zip(steps, measured, strict=True)]
            if rank is Rank.COST:
                self.cost_shift = shift
                largest += units_cost_max
            shift += largest.bit_length()
        self.units_shift = shift
        self.worst = 1 << shift + 64
        best_first = sorted(zip(map(int.__add__, steps, days), nodes, steps, days, strict=True))
        self.nodes = [node for _, node, _, _ in best_first]
        """By position: the best by itself first."""
        self.steps = [step for _, _, step, _ in best_first]
        """By position: what a node adds."""
        self.days = [one for _, _, _, one in best_first]
        """By position: a choice has the largest of them."""


def _measured(rank: Rank, measures: Sequence[Measures]) -> list[int]:
    if rank is Rank.COST:
        return [one.cost for one in measures]
    if rank is Rank.DISTANCE:
        return [one.distance_m for one in measures]
    if rank is Rank.DAYS:
        return [one.days for one in measures]
    if rank is Rank.PRIORITY:
        return [one.priority for one in measures]
    return [1] * len(measures)


class _Search:
    """What is known of one problem while it is searched: its clusters, its bounds and the best choices so far.

    Nodes are numbered by position here: the best by itself first. Fields whose names begin with `by_` are by position.
    """

    def __init__(self, problem: Problem, nodes: Sequence[int], complete: ShipComplete, steps_max: int) -> None:
        self.problem = problem
        self.complete = complete
        self.steps = Steps(steps_max)
        self.members = clusters(problem.demands, problem.supply, complete)
        self.clusters = [
            Cluster([problem.demands[one] for one in group], problem.supply, problem.split, complete)
            for group in self.members
        ]
        together = {one for group in self.members for one in group}
        self.singles = [one for one in range(len(problem.demands)) if one not in together]
        costly = Rank.COST in problem.rank
        self.units_cost_max = sum(d.quantity * max(d.unit_costs, default=0) for d in problem.demands) if costly else 0
        self.value = value = _Value(problem, nodes, self.units_cost_max)
        self.uneven = costly and any(map(_is_uneven, problem.demands))
        self.nodes = value.nodes
        self.by_step = value.steps
        self.by_days = value.days
        self.daily = any(value.days)
        """Whether days are ranked; where they are not, each further position is worse than the one before."""
        self.least_step = min(self.by_step, default=0)
        self.threshold = value.worst
        """What a choice must be better than to be kept."""
        self.is_long = False
        self.is_whole = True
        """Whether every choice was looked at, or is known to be worse."""
        self._short = 0 if self.clusters else SHORT_STEPS
        self._choices: list[tuple[int, tuple[int, ...], tuple[Portions, ...] | None, int]] = []

    @property
    def has_choices(self) -> bool:
        """Whether any choice was found."""
        return bool(self._choices)

    def step(self) -> None:
        """Count a step; from a certain number on only better choices than the best count, and no more runners-up."""
        self.steps.take()
        self._short -= 1
        if self._short <= 0 and self._choices and not self.is_long:
            self.is_long = True
            self.threshold = self._choices[0][0]

    def keep(self, worth: int, chosen: tuple[int, ...], portions: tuple[Portions, ...] | None, units: int) -> None:
        """Remember a choice that is among the best; its portions may be computed later."""
        insort(self._choices, (worth, chosen, portions, units))
        del self._choices[CHOICES_MAX:]
        if not self.is_long:
            self.threshold = self._choices[-1][0] if len(self._choices) == CHOICES_MAX else self.value.worst
        elif worth < self.threshold:
            self.threshold = worth

    def divide(self, chosen: Sequence[int]) -> Division | tuple[Cluster]:
        """The best division of all demands among the chosen positions, or the cluster for which there is none."""
        nodes = [self.nodes[one] for one in chosen]
        portions: list[Portions] = [()] * len(self.problem.demands)
        units = cost = 0
        for one in self.singles:
            division = divide_one(self.problem.demands[one], nodes, self.problem.split, self.complete)
            if division is not None:
                portions[one] = division.portions[0]
                units, cost = units + division.units, cost + division.cost
        for members, cluster in zip(self.members, self.clusters, strict=True):
            division = cluster.divide(nodes, self.steps)
            if division is None:
                return (cluster,)
            units, cost = units + division.units, cost + division.cost
            for member, portion in zip(members, division.portions, strict=True):
                portions[member] = portion
        return Division(units, cost, tuple(portions))

    def found(self) -> Found:
        """The answer so far."""
        exact = self.is_whole and not self.steps.exhausted
        gap = 0.0 if exact else self.gap()
        return Found(tuple(self._choice(*kept) for kept in self._choices), exact, gap)

    def gap(self) -> float | None:
        """How much less the first measure of the rank could be at most, as a share; here nothing is known of it."""
        return None

    def _choice(self, _: int, chosen: tuple[int, ...], portions: tuple[Portions, ...] | None, units: int) -> Choice:
        if portions is None:
            divided = self.divide(chosen)
            assert isinstance(divided, Division)
            portions = divided.portions
        return Choice(tuple(sorted(self.nodes[one] for one in chosen)), units, portions)


def _is_uneven(demand: Demand) -> bool:
    """Whether units cost more at one node that has some than at another."""
    return len({cost for cost, limit in zip(demand.unit_costs, demand.limits, strict=True) if limit}) > 1


class _Cover(_Search):
    """The search for choices that fill everything."""

    def __init__(self, problem: Problem, nodes: Sequence[int], steps_max: int) -> None:
        super().__init__(problem, nodes, ShipComplete.ORDER, steps_max)
        self.units = sum(demand.quantity for demand in problem.demands)
        needs = [*map(self._need, problem.demands), *self._component_needs()]
        needs.sort(key=lambda need: len(need[1]) - need[1].count(0))
        digits = self.digits = _Digits(len(needs), max((quantity for quantity, _ in needs), default=0))
        self.by_limit_of = [limits for _, limits in needs]
        self.wanted = digits.pack(quantity for quantity, _ in needs)
        self.by_limits = digits.pack_columns(self.by_limit_of, len(self.nodes))
        self.most = self._most(needs, min(problem.shipments_max, len(self.nodes)))
        """By shipments: the most that so many nodes could give."""
        self._able: dict[int, int] = {}
        self.costs = _UnitCosts(self) if self.uneven else None
        self.floor = self._floor() << (self.value.cost_shift or 0)
        self._least_cost: int | None = None
        """Of a very large order: what nothing costs less than."""

    def _floor(self) -> int:
        """What all units cost at least, where cost is ranked."""
        if self.value.cost_shift is None:
            return 0
        return sum(demand.quantity * _least_unit_cost(demand) for demand in self.problem.demands)

    def _need(self, demand: Demand) -> tuple[int, list[int]]:
        """A demand as something that sums up, by position: its units, or where it may not be split, itself as one."""
        limits, quantity = demand.limits, demand.quantity
        if self.problem.split:
            return quantity, [limits[node] for node in self.nodes]
        return 1, [1 if limits[node] >= quantity else 0 for node in self.nodes]

    def _component_needs(self) -> Iterable[tuple[int, list[int]]]:
        """The same of components for which demands compete."""
        for cluster in self.clusters:
            for users, supply in zip(cluster.users, cluster.stocks, strict=True):
                need = sum(cluster.demands[one].quantity * count for one, count in users)
                served = [(cluster.demands[one].limits, count) for one, count in users]
                usable = [sum(limits[node] * count for limits, count in served) for node in self.nodes]
                yield need, [min(use, supply[node], need) for use, node in zip(usable, self.nodes, strict=True)]

    def _most(self, needs: Sequence[tuple[int, list[int]]], slots: int) -> list[int]:
        best_first = [(quantity, sorted(limits, reverse=True)[:slots]) for quantity, limits in needs]
        return [
            self.digits.pack(min(quantity, sum(limits[:count])) for quantity, limits in best_first)
            for count in range(slots + 1)
        ]

    def run(self) -> None:
        """Search everything."""
        self._extend((), 0, 0, self.wanted, self.costs.most if self.costs else 0, (1 << len(self.nodes)) - 1)

    def start(self) -> None:
        """Find good choices where cost decides, and how much less another could cost."""
        if self.problem.rank[0] is not Rank.COST or not self.nodes:
            return
        self.is_whole = False
        # numpy takes a tenth of a second to load and 20 MB, which only an order of a thousand lines repays.
        from domain.sourcing.very_large import PricedSearch

        shipments = [self.problem.measures[node].cost for node in self.nodes]
        priced = PricedSearch(
            self.problem.demands, self.nodes, shipments, self.problem.shipments_max, self.problem.split
        )
        for chosen in priced.choices(LARGE_CHOICES_MAX):
            if self._covers(chosen):
                worth = sum(self.by_step[node] for node in chosen) + max(self.by_days[node] for node in chosen)
                self._offer(chosen, worth, self.costs.of(chosen) if self.costs else 0)
        self._least_cost = floor(priced.least)

    def gap(self) -> float | None:
        """How much less the cost could be at most, as a share, where cost comes first in the rank."""
        if self._least_cost is None or not self._choices:
            return None
        cost = self._choices[0][0] >> (self.value.cost_shift or 0)
        return max(0.0, (cost - self._least_cost) / cost) if cost else 0.0

    def _extend(self, chosen: tuple[int, ...], worth: int, days: int, missing: int, costs: int, allowed: int) -> None:
        """Look at every choice that has the chosen nodes, and of the others only allowed ones (a bit mask)."""
        slots = len(self.most) - 1 - len(chosen)
        if missing:
            if self.digits.less(missing, self.most[max(slots, 0)]):
                return
            candidates = allowed & self._able_to_end(missing) if slots == 1 else allowed & self._useful(missing)
        else:
            candidates = allowed & self._offer(chosen, worth + days, costs)
            if not slots:
                return
        self._branch(chosen, worth, days, missing, costs, allowed, candidates)

    def _branch(
        self, chosen: tuple[int, ...], worth: int, days: int, missing: int, costs: int, allowed: int, candidates: int
    ) -> None:
        """Extend the chosen nodes by each candidate in turn; the later choices do without the earlier candidates."""
        is_last = len(self.most) - 2 == len(chosen)
        less, by_limits, by_step, by_days, floor = (
            self.digits.less,
            self.by_limits,
            self.by_step,
            self.by_days,
            self.floor,
        )
        unit_costs = self.costs
        with_costs = 0
        while candidates:
            low = candidates & -candidates
            candidates ^= low
            allowed ^= low
            node = low.bit_length() - 1
            with_node = worth + by_step[node]
            with_days = max(days, by_days[node])
            if with_node + with_days + floor >= self.threshold:
                if self.daily:
                    continue
                return
            still = less(missing, by_limits[node]) if missing else 0
            if unit_costs:
                with_costs = unit_costs.digits.smaller(costs, unit_costs.by_node[node])
                least = unit_costs.total(with_costs) if is_last else unit_costs.bound(with_costs)
                if with_node + with_days + least >= self.threshold:
                    continue
            elif still and with_node + with_days + floor + self.least_step >= self.threshold:
                continue
            self.step()
            self._extend((*chosen, node), with_node, with_days, still, with_costs, allowed)

    def _useful(self, missing: int) -> int:
        """The positions of which at least one must be chosen, because the hardest demand is still open."""
        return self._at_least(self.digits.lowest(missing), 1)

    def _able_to_end(self, missing: int) -> int:
        """The positions that could give all that is missing."""
        able, number_max = -1, (1 << self.digits.width) - 1
        while missing and able:
            shift = (missing & -missing).bit_length() - 1
            demand = shift // self.digits.width
            shift = demand * self.digits.width
            units = missing >> shift & number_max
            able &= self._at_least(demand, units)
            missing ^= units << shift
        return able

    def _at_least(self, demand: int, units: int) -> int:
        key = units * len(self.by_limit_of) + demand
        if key not in self._able:
            mask = 0
            for node, limit in enumerate(self.by_limit_of[demand]):
                if limit >= units:
                    mask |= 1 << node
            self._able[key] = mask
        return self._able[key]

    def _offer(self, chosen: tuple[int, ...], worth: int, costs: int) -> int:
        """Keep a choice if it is among the best; answer which positions (a bit mask) it is worth extending by."""
        more = -1 if self.uneven else 0
        cost_shift = self.value.cost_shift
        least = self.costs.total(costs) if self.costs else self.floor
        if worth + least >= self.threshold:
            return more
        if not self.uneven and not self.clusters:
            if not self._is_wasteful(chosen):
                self.keep(worth + least, chosen, None, self.units)
            return 0
        division = self.divide(chosen)
        if not isinstance(division, Division):
            return self._helping(division[0])
        if len({node for portion in division.portions for node, _ in portion}) < len(chosen):
            return more
        if not self.uneven and self._is_wasteful(chosen):
            return 0
        worth += (division.cost << cost_shift) if cost_shift is not None else 0
        if worth < self.threshold:
            self.keep(worth, chosen, division.portions, self.units)
        return more

    def _helping(self, cluster: Cluster) -> int:
        return sum(1 << position for position, node in enumerate(self.nodes) if cluster.useful[node])

    def _is_wasteful(self, chosen: tuple[int, ...]) -> bool:
        """Whether the choice would fill everything without one of its nodes; then that choice is better."""
        return any(self._covers(chosen[:one] + chosen[one + 1 :]) for one in range(len(chosen) - 1))

    def _covers(self, chosen: tuple[int, ...]) -> bool:
        missing = self.wanted
        for node in chosen:
            missing = self.digits.less(missing, self.by_limits[node])
        return not missing and (not self.clusters or isinstance(self.divide(chosen), Division))


class _UnitCosts:
    """What the units of each demand cost at least, by position of the node, in one number each."""

    def __init__(self, search: _Cover) -> None:
        demands, split, nodes = search.problem.demands, search.problem.split, search.nodes
        self._shift = search.value.cost_shift or 0
        self._search = search
        shipment_max = max((search.problem.measures[node].cost for node in nodes), default=0)
        self.digits = _Digits(len(demands), search.units_cost_max + shipment_max * len(demands))
        self._largest = [d.quantity * max(d.unit_costs, default=0) + shipment_max for d in demands]
        """By demand: what counts where it is not served."""
        self._rows: list[list[int]] = []
        for demand, largest in zip(demands, self._largest, strict=True):
            quantity, limits, costs = demand.quantity, demand.limits, demand.unit_costs
            least = 1 if split else quantity
            self._rows.append([quantity * costs[node] if limits[node] >= least else largest for node in nodes])
        self.most = self.digits.pack(self._largest)
        self.by_node = self.digits.pack_columns(self._rows, len(nodes))
        self._shares: int | None = None

    def of(self, chosen: Sequence[int]) -> int:
        """The costs of a choice."""
        costs = self.most
        for node in chosen:
            costs = self.digits.smaller(costs, self.by_node[node])
        return costs

    def total(self, costs: int) -> int:
        """The sum over the demands, where the value has its cost."""
        return self.digits.total(costs) << self._shift

    def bound(self, costs: int) -> int:
        """What they will at least sum up to, with the further shipments that this takes; in a short search a floor."""
        if not self._search.is_long:
            return self._search.floor
        if self._shares is None:
            self._shares = self.digits.pack(self._with_shares(_ASCENTS))
        return self.digits.total(self.digits.smaller(costs, self._shares)) << self._shift

    def _with_shares(self, ascents: int) -> Iterable[int]:
        measures, search = self._search.problem.measures, self._search
        shares = _with_shares(self._rows, [measures[node].cost for node in search.nodes], ascents)
        return map(min, shares, self._largest)


def _with_shares(rows: Sequence[Sequence[int]], shipments: Sequence[int], ascents: int) -> list[int]:
    """What each demand costs at least with its share of a shipment, where the shares of a shipment sum up to its cost.

    `rows` has what a demand costs by node. So whatever nodes are added to a choice, each demand costs what it costs in
    the choice, or at least this. Each share is raised in turn while every node at which the demand would then be
    served has some of its cost left: the dual ascent of facility location (Erlenkotter, 1978).
    """
    left = list(shipments)
    costs = [min(row, default=0) for row in rows]
    for _ in range(ascents):
        for demand, row in enumerate(rows):
            cost = costs[demand]
            reached = [node for node, at_node in enumerate(row) if at_node <= cost]
            more = min((left[node] for node in reached), default=0)
            beyond = min((at_node for at_node in row if at_node > cost), default=cost + more)
            more = min(more, beyond - cost)
            if more > 0:
                costs[demand] = cost + more
                for node in reached:
                    left[node] -= more
    return costs


_ASCENTS = 6


def _least_unit_cost(demand: Demand) -> int:
    """What a unit costs at the node where it is cheapest."""
    return min([cost for cost, limit in zip(demand.unit_costs, demand.limits, strict=True) if limit], default=0)


class _Fill(_Search):
    """The search for choices that fill as much as possible."""

    def __init__(self, problem: Problem, nodes: Sequence[int], complete: ShipComplete, steps_max: int) -> None:
        super().__init__(problem, nodes, complete, steps_max)
        demands = problem.demands
        self.quantities = [demand.quantity for demand in demands]
        self.units_wanted = sum(self.quantities)
        self.cost_bits = 0 if problem.split else self.units_cost_max.bit_length()
        """Where a demand must come from one node, what it costs there stands below what it lacks: the smaller of two
        such numbers is what the better node means for it."""
        most = (self.units_wanted << self.cost_bits) + (0 if problem.split else self.units_cost_max)
        self.digits = digits = _Digits(len(demands), most)
        self.wanted = digits.pack(quantity << self.cost_bits for quantity in self.quantities)
        self.add = digits.less if problem.split else digits.smaller
        self.by_limits = digits.pack_columns(list(map(self._means, demands)), len(self.nodes))
        self._whole = complete is ShipComplete.LINE and problem.split
        self._floors: dict[int, int] = {}
        self._cheapest_first = sorted([(_least_unit_cost(demand), demand.quantity) for demand in demands])
        self._shortages = [
            _Shortage(self, members, cluster) for members, cluster in zip(self.members, self.clusters, strict=True)
        ]

    def _means(self, demand: Demand) -> list[int]:
        """By position: what a node means for a demand."""
        limits = demand.limits
        if self.problem.split:
            return [limits[node] for node in self.nodes]
        quantity, costs, bits = demand.quantity, demand.unit_costs, self.cost_bits
        if not bits:
            return [quantity - limits[node] for node in self.nodes]
        return [(quantity - limits[node] << bits) + limits[node] * costs[node] for node in self.nodes]

    def run(self) -> None:
        """Search everything."""
        if self.nodes:
            self._extend((), 0, 0, self.wanted, list(range(len(self.nodes))))

    def _extend(self, chosen: tuple[int, ...], worth: int, days: int, missing: int, allowed: Sequence[int]) -> None:
        """Look at every choice that has the chosen nodes, and of the others only allowed ones."""
        slots = self.problem.shipments_max - len(chosen)
        total, add, by_limits = self.digits.total, self.add, self.by_limits
        self.steps.take(1 + len(allowed) // 8)
        rests = [(add(missing, by_limits[node]), node) for node in allowed]
        ways = sorted([(total(rest), node, rest) for rest, node in rests])
        cost_bits = self.cost_bits
        lacking = total(missing) >> cost_bits
        useless_too = self.uneven or self.clusters or self._whole
        later = [node for _, node, _ in ways]
        by_step, by_days = self.by_step, self.by_days
        for position, (counted, node, rest) in enumerate(ways):
            left = counted >> cost_bits
            if left == lacking and not useless_too:
                return
            least = left
            if slots > 1 and left:
                further = ways[position + 1 : position + slots]
                least = max(0, left - sum([lacking - (one >> cost_bits) for one, _, _ in further]))
            bound = self._bound(least)
            if bound + worth + self.least_step >= self.threshold:
                return
            with_node, with_days = worth + by_step[node], max(days, by_days[node])
            if bound + with_node + with_days >= self.threshold:
                continue
            with_chosen = (*chosen, node)
            if self._bound(left) + with_node + with_days < self.threshold:
                self._offer(with_chosen, with_node + with_days, rest, counted)
            if slots > 1 and bound + with_node + with_days + self.least_step < self.threshold:
                self._extend(with_chosen, with_node, with_days, rest, later[position + 1 :])

    def _bound(self, missing: int) -> int:
        """What missing units count, and what the others cost at least."""
        if missing not in self._floors:
            cost_shift = self.value.cost_shift
            cost = 0 if cost_shift is None else self._floor(self.units_wanted - missing) << cost_shift
            self._floors[missing] = (missing << self.value.units_shift) + cost
        return self._floors[missing]

    def _floor(self, units: int) -> int:
        """What so many units cost at least, of whatever demand."""
        cost = 0
        for least, quantity in self._cheapest_first:
            taken = min(units, quantity)
            cost += taken * least
            units -= taken
        return cost

    def _offer(self, chosen: tuple[int, ...], worth: int, rest: int, counted: int) -> None:
        """Divide the demands among the chosen nodes and keep the choice if it is among the best.

        One that needs a node for nothing is left out: the choice without that node is met elsewhere and is better.
        """
        if self._least(chosen, rest, counted) + worth >= self.threshold:
            return
        if self.clusters:
            self.step()
        division = self.divide(chosen)
        assert isinstance(division, Division)
        worth += (self.units_wanted - division.units) << self.value.units_shift
        if self.value.cost_shift is not None:
            worth += division.cost << self.value.cost_shift
        if worth >= self.threshold:
            return
        if not self.clusters:
            self.step()
        if len({node for portion in division.portions for node, _ in portion}) < len(chosen):
            return
        self.keep(worth, chosen, division.portions, division.units)

    def _least(self, chosen: tuple[int, ...], rest: int, counted: int) -> int:
        """What a choice is worth at least, beside what its nodes add."""
        beyond = sum([shortage.beyond(chosen, rest) for shortage in self._shortages])
        missing = (counted >> self.cost_bits) + beyond
        if self._whole:
            # What lacks a unit lacks all of its units, but then others no longer compete with it: never both together.
            missing = max(missing, self.digits.total(self.digits.nonzero(rest) & self.wanted))
        if beyond or self._whole or self.value.cost_shift is None:
            return self._bound(missing)
        if self.cost_bits:
            cost = counted - (missing << self.cost_bits)
        else:
            return self._bound(missing)
        return (missing << self.value.units_shift) + (cost << self.value.cost_shift)


class _Shortage:
    """What demands of a cluster must lack because they compete, beyond what each lacks alone."""

    def __init__(self, search: _Fill, members: Sequence[int], cluster: Cluster) -> None:
        self._digits, self._cost_bits = search.digits, search.cost_bits
        numbers = [search.quantities[one] if one in set(members) else 0 for one in range(len(search.quantities))]
        self._mask = search.digits.nonzero(search.digits.pack(numbers))
        self._components = []
        for users, supply in zip(cluster.users, cluster.stocks, strict=True):
            need = sum(cluster.demands[one].quantity * count for one, count in users)
            self._components.append((need, max(count for _, count in users), [supply[node] for node in search.nodes]))

    def beyond(self, chosen: Sequence[int], rest: int) -> int:
        """More units that are missing, at least, than `rest` says."""
        lacking = 0
        for need, count, stock in self._components:
            short = need - sum(stock[node] for node in chosen)
            lacking = max(lacking, -(-short // count))
        return max(0, lacking - (self._digits.total(rest & self._mask) >> self._cost_bits))

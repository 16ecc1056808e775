"""Decides which nodes together fill everything best."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import floor

from domain.network import Rank, ShipComplete
from domain.sourcing.division import Cluster, Demand, Division, SearchCut, Steps
from domain.sourcing.search.base import Search, least_unit_cost
from domain.sourcing.search.best_nodes import in_best_choices
from domain.sourcing.search.digits import Digits
from domain.sourcing.search.problem import LARGE, STEPS_MAX, Found, Problem

LARGE_CHOICES_MAX = 4
"""How many good choices of a very large order are divided exactly: the plan and runners-up."""

LARGE_STEPS_MAX = 50
"""Steps of the search of a very large order where no good choice was found, each about 10 milliseconds."""


def cover(problem: Problem, steps_max: int = STEPS_MAX) -> Found:
    """The best choices that fill every demand; none when no choice does within the allowed shipments."""
    nodes = _nodes_to_cover(problem)
    if nodes is None:
        return Found((), exact=True)
    nodes = in_best_choices(problem, nodes)
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
    """The nodes that can take part in filling everything; None when the limits show that none can."""
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


class _Cover(Search):
    """The search for choices that fill everything."""

    def __init__(self, problem: Problem, nodes: Sequence[int], steps_max: int) -> None:
        super().__init__(problem, nodes, ShipComplete.ORDER, steps_max)
        self.units = sum(demand.quantity for demand in problem.demands)
        needs = [*map(self._need, problem.demands), *self._component_needs()]
        needs.sort(key=lambda need: len(need[1]) - need[1].count(0))
        digits = self.digits = Digits(len(needs), max((quantity for quantity, _ in needs), default=0))
        self.by_limit_of = [limits for _, limits in needs]
        self.wanted = digits.pack(quantity for quantity, _ in needs)
        self.by_limits = digits.pack_columns(self.by_limit_of, len(self.nodes))
        self.most = self._most(needs, min(problem.shipments_max, len(self.nodes)))
        """By number of shipments: the most that they could give."""
        self._able: dict[int, int] = {}
        self.costs = _UnitCosts(self) if self.uneven else None
        self.floor = self._floor() << (self.value.cost_shift or 0)
        self._least_cost: int | None = None
        """For a very large order: a lower bound on the cost of every choice."""

    def _floor(self) -> int:
        """The least cost of all units, where cost is ranked."""
        if self.value.cost_shift is None:
            return 0
        return sum(demand.quantity * least_unit_cost(demand) for demand in self.problem.demands)

    def _need(self, demand: Demand) -> tuple[int, list[int]]:
        """A demand as numbers that add up, by position: its units; or 1 for the whole demand where it may not be split."""
        limits, quantity = demand.limits, demand.quantity
        if self.problem.split:
            return quantity, [limits[node] for node in self.nodes]
        return 1, [1 if limits[node] >= quantity else 0 for node in self.nodes]

    def _component_needs(self) -> Iterable[tuple[int, list[int]]]:
        """The same for components for which demands compete."""
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
        """Find good choices where cost comes first, and how much less another could cost."""
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
        """Search every choice with the chosen nodes and other nodes from `allowed` (a bit mask)."""
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
        """Extend the chosen nodes by each candidate in turn; later choices leave out the earlier candidates."""
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
        """Keep a choice if it is among the best; answers the positions (a bit mask) by which extending it is worthwhile."""
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
        """Whether the choice would fill everything without one of its nodes; then the smaller choice is better."""
        return any(self._covers(chosen[:one] + chosen[one + 1 :]) for one in range(len(chosen) - 1))

    def _covers(self, chosen: tuple[int, ...]) -> bool:
        missing = self.wanted
        for node in chosen:
            missing = self.digits.less(missing, self.by_limits[node])
        return not missing and (not self.clusters or isinstance(self.divide(chosen), Division))


class _UnitCosts:
    """The least cost of the units of each demand, by position of the node, in one number each."""

    def __init__(self, search: _Cover) -> None:
        demands, split, nodes = search.problem.demands, search.problem.split, search.nodes
        self._shift = search.value.cost_shift or 0
        self._search = search
        shipment_max = max((search.problem.measures[node].cost for node in nodes), default=0)
        self.digits = Digits(len(demands), search.units_cost_max + shipment_max * len(demands))
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
        """The costs of a choice, by demand."""
        costs = self.most
        for node in chosen:
            costs = self.digits.smaller(costs, self.by_node[node])
        return costs

    def total(self, costs: int) -> int:
        """The sum over the demands, where the value has its cost."""
        return self.digits.total(costs) << self._shift

    def bound(self, costs: int) -> int:
        """The least that they will sum to, with the further shipments that this needs; in a short search the floor."""
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
    """The least cost of each demand with its share of a shipment, where the shares of a shipment sum to its cost.

    `rows` has the cost of a demand by node. So for any nodes that are added to a choice, each demand costs what it costs in
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

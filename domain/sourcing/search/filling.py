"""Decides which nodes together fill as much as they can, and best."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from domain.network import ShipComplete
from domain.sourcing.division import Cluster, Demand, Division, SearchCut
from domain.sourcing.search.base import Search, least_unit_cost
from domain.sourcing.search.best_nodes import in_best_choices
from domain.sourcing.search.digits import Digits
from domain.sourcing.search.problem import LARGE, STEPS_MAX, Found, Problem


def fill(problem: Problem, complete: ShipComplete, steps_max: int = STEPS_MAX) -> Found:
    """The choices that fill the most units (`complete` LINE: in whole lines), then the best by rank."""
    if complete is ShipComplete.LINE:
        problem = _whole_lines(problem)
    nodes = [node for node in range(len(problem.measures)) if any(demand.limits[node] for demand in problem.demands)]
    nodes = in_best_choices(problem, nodes)
    if len(problem.demands) * len(nodes) > LARGE:
        steps_max = min(steps_max, problem.shipments_max * (3 + len(nodes) // 8))  # one descent to the last shipment
    search = _Fill(problem, nodes, complete, steps_max)
    with suppress(SearchCut):
        search.run()
    return search.found()


def _whole_lines(problem: Problem) -> Problem:
    """The problem without lines that can never be whole: no choice that ships only whole lines takes any of their units."""
    possible = [_possible(demand, problem) for demand in problem.demands]
    broken = {demand.line for demand, limits in zip(problem.demands, possible, strict=True) if not any(limits)}
    demands = [
        replace(demand, limits=(0,) * len(limits) if demand.line in broken else limits)
        for demand, limits in zip(problem.demands, possible, strict=True)
    ]
    return replace(problem, demands=tuple(demands))


def _possible(demand: Demand, problem: Problem) -> tuple[int, ...]:
    """By node: units that it could give of a demand that ships whole; 0 everywhere if no allowed shipments have enough."""
    limits, quantity = demand.limits, demand.quantity
    if not problem.split:
        return tuple([limit if limit >= quantity else 0 for limit in limits])
    return limits if sum(sorted(limits)[-problem.shipments_max :]) >= quantity else (0,) * len(limits)


class _Fill(Search):
    """The search for choices that fill as much as possible."""

    def __init__(self, problem: Problem, nodes: Sequence[int], complete: ShipComplete, steps_max: int) -> None:
        super().__init__(problem, nodes, complete, steps_max)
        demands = problem.demands
        self.quantities = [demand.quantity for demand in demands]
        self.units_wanted = sum(self.quantities)
        self.cost_bits = 0 if problem.split else self.units_cost_max.bit_length()
        """Where a demand must come from one node, its cost there is in the digits below its missing units: the smaller of two
        such numbers belongs to the better node."""
        most = (self.units_wanted << self.cost_bits) + (0 if problem.split else self.units_cost_max)
        self.digits = digits = Digits(len(demands), most)
        self.wanted = digits.pack(quantity << self.cost_bits for quantity in self.quantities)
        self.add = digits.less if problem.split else digits.smaller
        self.by_limits = digits.pack_columns(list(map(self._means, demands)), len(self.nodes))
        self._whole = complete is ShipComplete.LINE and problem.split
        self._floors: dict[int, int] = {}
        self._cheapest_first = sorted([(least_unit_cost(demand), demand.quantity) for demand in demands])
        self._shortages = [
            _Shortage(self, members, cluster) for members, cluster in zip(self.members, self.clusters, strict=True)
        ]

    def _means(self, demand: Demand) -> list[int]:
        """By position: the units of a demand at a node; or, if it must come from one node, its missing units and cost."""
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
        """Search every choice with the chosen nodes and other nodes from `allowed`."""
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
        """The value of the missing units, and the least cost of the others."""
        if missing not in self._floors:
            cost_shift = self.value.cost_shift
            cost = 0 if cost_shift is None else self._floor(self.units_wanted - missing) << cost_shift
            self._floors[missing] = (missing << self.value.units_shift) + cost
        return self._floors[missing]

    def _floor(self, units: int) -> int:
        """The least cost of this many units, of any demand."""
        cost = 0
        for least, quantity in self._cheapest_first:
            taken = min(units, quantity)
            cost += taken * least
            units -= taken
        return cost

    def _offer(self, chosen: tuple[int, ...], worth: int, rest: int, counted: int) -> None:
        """Divide the demands among the chosen nodes and keep the choice if it is among the best.

        A choice with an unused node is left out: the choice without that node is found elsewhere and is better.
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
        """The least value of a choice, without what its nodes add."""
        beyond = sum([shortage.beyond(chosen, rest) for shortage in self._shortages])
        missing = (counted >> self.cost_bits) + beyond
        if self._whole:
            # A line that misses a unit misses all of its units, but then others do not compete with it: never both together.
            missing = max(missing, self.digits.total(self.digits.nonzero(rest) & self.wanted))
        if beyond or self._whole or self.value.cost_shift is None:
            return self._bound(missing)
        if self.cost_bits:
            cost = counted - (missing << self.cost_bits)
        else:
            return self._bound(missing)
        return (missing << self.value.units_shift) + (cost << self.value.cost_shift)


class _Shortage:
    """The units that demands of a cluster must miss because they compete, beyond those that each misses alone."""

    def __init__(self, search: _Fill, members: Sequence[int], cluster: Cluster) -> None:
        self._digits, self._cost_bits = search.digits, search.cost_bits
        numbers = [search.quantities[one] if one in set(members) else 0 for one in range(len(search.quantities))]
        self._mask = search.digits.nonzero(search.digits.pack(numbers))
        self._components = []
        for users, supply in zip(cluster.users, cluster.stocks, strict=True):
            need = sum(cluster.demands[one].quantity * count for one, count in users)
            self._components.append((need, max(count for _, count in users), [supply[node] for node in search.nodes]))

    def beyond(self, chosen: Sequence[int], rest: int) -> int:
        """How many more units are missing, at least, than `rest` contains."""
        lacking = 0
        for need, count, stock in self._components:
            short = need - sum(stock[node] for node in chosen)
            lacking = max(lacking, -(-short // count))
        return max(0, lacking - (self._digits.total(rest & self._mask) >> self._cost_bits))

"""The common part of both searches: values of their problem, and the best choices found."""

from bisect import insort
from collections.abc import Sequence

from domain.network import Rank, ShipComplete
from domain.sourcing.division import Cluster, Demand, Division, Portions, Steps, clusters, divide_one, divide_together
from domain.sourcing.search.problem import CHOICES_MAX, Choice, Found, Problem
from domain.sourcing.search.value import Value

SHORT_STEPS = 20
"""A search that ends within these steps has also proven that its runners-up are the next best choices, unless demands
compete. A longer one has proven the best choice only, and keeps the best others that it found."""


class Search:
    """The state of the search of one problem: its clusters, its bounds and the best choices so far.

    Nodes are numbered by position here: the node that is best alone comes first. Fields named `by_…` are by position.
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
        self.value = value = Value(problem, nodes, self.units_cost_max)
        self.uneven = costly and any(map(_is_uneven, problem.demands))
        self.nodes = value.nodes
        self.by_step = value.steps
        self.by_days = value.days
        self.daily = any(value.days)
        """Whether days are ranked; where they are not, each further position is worse than the one before."""
        self.least_step = min(self.by_step, default=0)
        self.threshold = value.worst
        """A choice must be better than this to be kept."""
        self.is_long = False
        self.is_whole = True
        """Whether every choice was searched, or is known to be worse."""
        self._short = 0 if self.clusters else SHORT_STEPS
        self._choices: list[tuple[int, tuple[int, ...], tuple[Portions, ...] | None, int]] = []

    @property
    def has_choices(self) -> bool:
        """Whether any choice was found."""
        return bool(self._choices)

    def step(self) -> None:
        """Count a step; after `SHORT_STEPS` only choices better than the best one are kept, and no more runners-up."""
        self.steps.take()
        self._short -= 1
        if self._short <= 0 and self._choices and not self.is_long:
            self.is_long = True
            self.threshold = self._choices[0][0]

    def keep(self, worth: int, chosen: tuple[int, ...], portions: tuple[Portions, ...] | None, units: int) -> None:
        """Keep a choice that is among the best; its portions may be computed later."""
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
            division = divide_together(cluster, nodes, self.steps)
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
        """How much less the first measure of the rank could be at most, as a share; None = not known."""
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


def least_unit_cost(demand: Demand) -> int:
    """What a unit costs at the node where it is cheapest."""
    return min([cost for cost, limit in zip(demand.unit_costs, demand.limits, strict=True) if limit], default=0)

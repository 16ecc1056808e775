"""Decides which of two choices is better: one whole number contains everything that is compared."""

from collections.abc import Sequence

from domain.network import Rank
from domain.sourcing.search.problem import Measures, Problem


class Value:
    """How choices are valued: one whole number, the smaller the better, with a digit for each thing that is compared."""

    def __init__(self, problem: Problem, nodes: Sequence[int], units_cost_max: int) -> None:
        """Only these nodes take part; the units cost at most `units_cost_max`."""
        self.cost_shift: int | None = None
        """The lowest bit of the cost; None where cost is not ranked."""
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
        """By position: the node that is best alone comes first."""
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

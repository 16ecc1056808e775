"""Decides which of very many nodes could be in one of the best choices."""

from collections import Counter

from domain.sourcing.search.problem import CHOICES_MAX, Problem
from domain.sourcing.search.value import Value

MANY_NODES = 100
"""Number of nodes from which it pays to find equal ones."""


def in_best_choices(problem: Problem, nodes: list[int]) -> list[int]:
    """Of many nodes, those that could be in one of the best choices.

    Nodes are alike when they can give the same units, at the same costs, on the same day. A choice with one of them is worse
    than the choice with a better one instead, unless it has that one too. So of nodes that are alike only as many are needed as
    there are shipments, and one more for each runner-up.
    """
    if len(nodes) <= MANY_NODES:
        return nodes
    needed = problem.shipments_max + CHOICES_MAX - 1
    value = Value(problem, nodes, 0)
    met: Counter[object] = Counter()
    kept = []
    for node, days in zip(value.nodes, value.days, strict=True):
        given = [(one.limits[node], one.unit_costs[node]) if one.limits[node] else None for one in problem.demands]
        alike = days, tuple(given), tuple(problem.supply[node].items())
        met[alike] += 1
        if met[alike] <= needed:
            kept.append(node)
    return sorted(kept)

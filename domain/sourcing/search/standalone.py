"""The units that each node could give alone, for the explanation of a plan."""

from domain.network import ShipComplete
from domain.sourcing.division import Cluster, clusters
from domain.sourcing.search.problem import Problem


def alone(problem: Problem) -> list[tuple[int, int]]:
    """By node: the most units that it could give alone, and what those cost."""
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
    """Units that one node could give to competing demands, and their cost: demands that use least for a unit come first.

    That is nearly always the most that it could give; it is used in the explanation only.
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

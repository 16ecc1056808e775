"""Decides how many units of each demand each chosen node gives, exactly: most units, then least cost per unit.

Demands that compete for the same scarce component form a cluster and are divided together; all others are divided
alone, where taking from the cheapest node first is optimal. Nodes are numbers here, in the order of their ids.

Most demands of a cluster are alike: lines of one SKU, which need one scarce component and cost the same at each node.
What they get from an amount of their component depends on nothing else, so it is found exactly and cached.
The others link components, as bundles do. They are divided by branch and bound: each takes what would be best for it
alone, and the alike ones get what is left after the least that the linking ones take. No division is better than all of
that together. Where no component is overdrawn, it is the best division. Where a component is overdrawn at a node, the units
that one linking demand takes there are limited from above in one branch and from below in the other, so that no division is
lost and none is met twice.
"""

from domain.sourcing.division.cluster import Cluster, clusters
from domain.sourcing.division.demand import Demand, Division, Portions, SearchCut, Steps, divide_one
from domain.sourcing.division.together import divide_together

__all__ = [
    "Cluster",
    "Demand",
    "Division",
    "Portions",
    "SearchCut",
    "Steps",
    "clusters",
    "divide_one",
    "divide_together",
]

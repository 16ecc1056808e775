"""Decides which nodes ship together: the lexicographically best choices under a rank, exactly, without trying all.

1. The value of a choice is one whole number: missing units, then the ranked measures, then shipments, then node ids,
   each in digits of its own. All but the days and the cost of the units are sums over the chosen nodes, so a choice is
   valued by addition; and the smaller number is the better choice, ties included.
2. No measure but the cost of the units can shrink when a node is added, and each unit costs at least what it costs at
   its cheapest node. So the value of a partial choice with that floor bounds every choice that contains it; one that
   cannot beat those found is dropped.
3. `cover` fills everything: some node must serve the demand that fewest nodes can serve, so it branches over those,
   then over those for the next demand that is still open. A node tried in one branch is left out of the later ones,
   so that no choice is met twice. The most that the nodes which may still be added could give of a demand is known
   beforehand; where it is too little, the branch is dropped. The last node must give all that is missing.
4. A choice that covers is extended only where units cost more at one node than at another and cost is ranked:
   otherwise more nodes are never better.
5. `fill` fills as many units as it can: a node adds at most as many units to a larger choice as to a smaller one, so
   the largest such additions bound what can still be reached.
6. Demands that compete for a component are first treated as if they did not: no division gives more units, or the
   same for less. The need of all demands for such a component is a demand of its own. Only a choice that could then still
   be among the best is divided exactly (`division/`).

7. A long search for what fills everything bounds more closely: the cost of each shipment is shared out among the
   demands, so that a demand costs what it costs at the chosen nodes, or at least its share with its cheapest node.
8. A short search prunes against the sixth best choice, so that its runners-up are proven too, a long one against the
   best. For a very large order good choices are found by prices, which also bound how much better another could be
   (`very_large.py`).
9. Of many nodes that differ only in what a shipment adds, only the best few are searched.

The open units of all demands are one whole number with one digit for each demand, because adding a node to a choice then
takes a few operations, for any number of lines.
"""

from domain.sourcing.search.covering import cover
from domain.sourcing.search.filling import fill
from domain.sourcing.search.problem import Choice, Found, Measures, Problem
from domain.sourcing.search.standalone import alone

__all__ = [
    "Choice",
    "Found",
    "Measures",
    "Problem",
    "alone",
    "cover",
    "fill",
]

"""Finds good choices for a very large order, and how much less another could cost: prices instead of a proof.

Every demand gets a price for its units. A node is worth opening if the demands save more there, against their prices, than its
shipment costs. The sum of the prices, less what the best nodes save, is a lower bound on the cost of every choice, for any
prices (Lagrangian relaxation). If the best nodes serve too little of a demand, its price rises; if too much, it falls. So the
bound rises, and the nodes that are best by good prices are good choices, which a few exchanges improve.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domain.sourcing.division import Demand

ROUNDS_MAX = 160
"""Changes of the prices, each about half a millisecond for a thousand demands and a hundred nodes."""

STALLED_ROUNDS_MAX = 8
"""Rounds without a better bound after which the prices change by less."""

CLOSE_ENOUGH = 0.001
"""Gap at which the search ends."""

EXCHANGED_MAX = 10
"""How many nodes outside of a choice, the best by the prices, are tried instead of each of its own."""

STARTS = 2
"""Choices from which exchanges begin."""

Numbers = NDArray[np.float64]


class PricedSearch:
    """One very large order under prices; nodes are positions here."""

    def __init__(
        self, demands: Sequence[Demand], nodes: Sequence[int], shipments: Sequence[int], slots: int, split: bool
    ) -> None:
        """`shipments` has the cost of each node's shipment, by position; at most `slots` nodes may ship."""
        self._wanted = np.array([demand.quantity for demand in demands], dtype=np.float64)
        self._costs = np.array([demand.unit_costs for demand in demands], dtype=np.float64)[:, list(nodes)]
        limits = np.array([demand.limits for demand in demands], dtype=np.float64)[:, list(nodes)]
        self._limits = limits if split else np.where(limits >= self._wanted[:, None], limits, 0.0)
        self._shipments = np.array(shipments, dtype=np.float64)
        self._slots = min(slots, len(nodes))
        self._missing = float(self._costs.max() + self._shipments.sum() + 1)
        """The cost of a unit that a choice cannot give: more than at any node."""
        self._known: dict[tuple[int, ...], float] = {}
        self._savings = np.empty_like(self._costs)
        self.least = 0.0
        """A lower bound on the cost of every choice."""

    def choices(self, count: int) -> list[tuple[int, ...]]:
        """The best choices found, the best first; they may be too small to fill everything."""
        ranked = self._improve_prices()
        for start in sorted(self._known, key=self._known.__getitem__)[:STARTS]:
            self._exchange(start, ranked)
        return sorted(self._known, key=lambda chosen: (self._known[chosen], chosen))[:count]

    def _improve_prices(self) -> list[int]:
        """Raise the bound, and collect choices on the way; answers the nodes, the best by the best prices first."""
        offered = np.where(self._limits > 0, self._costs, np.inf)
        prices = np.where(np.isfinite(cheapest := offered.min(axis=1)), cheapest, 0.0)
        prices = prices + np.sort(self._shipments)[: self._slots].sum() / self._wanted.sum()
        stride, waited, ranked = 1.0, 0, np.arange(len(self._shipments))
        for turn in range(ROUNDS_MAX):
            worth = self._worth_of_nodes(prices)
            by_worth = np.argsort(worth, kind="stable")
            opened = by_worth[: self._slots][worth[by_worth[: self._slots]] < 0]
            bound = float(prices @ self._wanted + worth[opened].sum())
            waited += 1
            if bound > self.least or turn == 0:
                self.least, ranked, waited = max(bound, 0.0), by_worth, 0
            if turn % STALLED_ROUNDS_MAX == 0 or waited == 0:
                met = opened if len(opened) and turn else by_worth[: self._slots]
                self._cost(tuple(sorted(met.tolist())))
            best = min(self._known.values())
            if waited >= STALLED_ROUNDS_MAX:
                stride, waited = stride / 2, 0
            served = np.where(self._savings[:, opened] < 0, self._limits[:, opened], 0.0).sum(axis=1)
            lacking = self._wanted - served
            size = float(lacking @ lacking)
            if size == 0 or best - self.least <= CLOSE_ENOUGH * best:
                break
            prices = prices + stride * (best - bound) / size * lacking
        return [int(node) for node in ranked]

    def _worth_of_nodes(self, prices: Numbers) -> Numbers:
        """By node: the cost of its shipment, less what demands save there against their prices."""
        savings = np.subtract(self._costs, prices[:, None], out=self._savings)
        np.minimum(savings, 0.0, out=savings)
        worth: Numbers = self._shipments + np.einsum("dn,dn->n", savings, self._limits)
        return worth

    def _exchange(self, best: tuple[int, ...], ranked: Sequence[int]) -> None:
        """Drop or exchange one node of a choice, as long as that improves it."""
        improved = True
        while improved:
            improved = False
            outside = [node for node in ranked if node not in best][:EXCHANGED_MAX]
            for gone in best:
                kept = [node for node in best if node != gone]
                options = [tuple(kept), *(tuple(sorted([*kept, node])) for node in outside)]
                found = min(options, key=self._cost)
                if self._cost(found) < self._cost(best):
                    best, improved = found, True
                    break

    def _cost(self, chosen: tuple[int, ...]) -> float:
        """The cost of a choice, where each demand takes all that the cheapest node has, then from the next."""
        if chosen not in self._known:
            own = list(chosen)
            order = np.argsort(self._costs[:, own], axis=1)
            costs = np.take_along_axis(self._costs[:, own], order, axis=1)
            offered = np.cumsum(np.take_along_axis(self._limits[:, own], order, axis=1), axis=1)
            reached = np.minimum(offered, self._wanted[:, None])
            taken = np.diff(reached, axis=1, prepend=0.0)
            missing = self._wanted.sum() - taken.sum()
            units = float((taken * costs).sum() + missing * self._missing)
            self._known[chosen] = units + float(self._shipments[own].sum())
        return self._known[chosen]

"""Prices of stock: what a unit of a SKU at a node is worth to the orders that will come, learned from those that came.

A plan that is the best for one order may take the last units of a node that later orders need more. So a few futures are drawn
from the orders that were seen, and in each of them every unit gets a price: where a node would be asked for more than it has,
its price rises, and where for less, it falls, until the orders, each shipped in its cheapest way under the prices, ask each
node for what it has (Lagrangian relaxation; the prices are the dual values of the stock). The mean of several futures is what
counts: one future alone is certain of things that nobody knows, and their mean demand takes none of them seriously.

A price only says at which node a unit is missed more. It is counted from the node where the SKU is missed least, so it is no
reason to ship nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FUTURES = 6
"""Futures that are drawn: with 3 the benchmark's results were a little less even, with 12 hardly other."""

STEPS = 40
"""Changes of the prices in each future: with 15 a tenth less of the gap was closed, with 120 hardly more."""

SLOWER_AFTER = 2
"""After so many steps they are half as large, after twice as many a third. More slowly, the last ones are too large, and prices
too high where all orders would rather have the same unit."""

LARGEST_STEP = 0.6
"""Of what one shipment costs in the median, or one unit, where that is more. In the end a step is three hundredths of that, and
prices are no finer."""

CANDIDATES_MAX = 10
"""Nodes that may ship an order: those that are cheapest for all of it."""

NODES_TOGETHER_MAX = 2
"""Nodes that ship one order together. A real plan may have more: then its order was seen as cheaper or dearer than it is."""

LINES_MAX = 8
"""Lines of one order. One with more counts as several orders, which are not shipped together."""

MISSING = 4
"""What a unit counts that nobody ships: so many times the dearest shipment of one."""

CERTAINTY = 0.9
"""The share of a price that counts: an order that came is certain, and those that may come are not. Without it, a unit would be
kept for ever for later orders that need it no more than this one."""

Places = Mapping[tuple[str, str], int]
"""A number by (node, SKU)."""

_Numbers = NDArray[np.float64]
_Positions = NDArray[np.int64]


class SeenLine(NamedTuple):
    """Units of a stocked SKU that an order wanted."""

    sku: str
    quantity: int
    unit_costs: Mapping[str, int]
    """By node of the order: what one unit adds to the cost of its shipment."""


@dataclass(frozen=True, slots=True)
class SeenOrder:
    """An order that came, and what each node would ask for shipping it. Costs are in thousandths of a minor unit."""

    shipment_costs: Mapping[str, int]
    """By node that may ship it: what its shipment costs before any unit."""
    lines: tuple[SeenLine, ...]
    nodes_max: int = NODES_TOGETHER_MAX
    """How many nodes may ship it together."""
    count: int = 1
    """How often one like it came."""


def look_ahead_prices(seen: Sequence[SeenOrder], stock: Places, ahead: int, seed: int) -> dict[tuple[str, str], int]:
    """The price of a unit by (node, SKU), in thousandths of a minor unit; absent = 0.

    `stock` is what orders may take, and must last for `ahead` orders such as those seen. The same input gives the same prices.
    """
    held = {place: units for place, units in stock.items() if units > 0}
    orders = [part for order in seen for part in _in_parts(order, held)]
    if not orders or ahead <= 0:
        return {}
    futures = _Futures(orders, held)
    parts = max(1, round(ahead * sum(order.count for order in orders) / sum(order.count for order in seen)))
    chance = np.random.default_rng(seed)
    mean = np.mean([futures.prices(parts, chance) for _ in range(FUTURES)], axis=0)
    return futures.by_place(mean)


def _in_parts(order: SeenOrder, held: Places) -> list[SeenOrder]:
    """An order as those that can be looked at: without lines that no node has, of at most LINES_MAX lines."""
    lines = [line for line in order.lines if any((node, line.sku) in held for node in order.shipment_costs)]
    return [
        SeenOrder(order.shipment_costs, tuple(lines[first : first + LINES_MAX]), order.nodes_max, order.count)
        for first in range(0, len(lines), LINES_MAX)
    ]


class _Futures:
    """The orders that were seen, as arrays: by order, line and candidate node."""

    def __init__(self, orders: Sequence[SeenOrder], held: Places) -> None:
        self._nodes = sorted({node for node, _ in held})
        self._skus = sorted({sku for _, sku in held})
        node_at = {node: number for number, node in enumerate(self._nodes)}
        sku_at = {sku: number for number, sku in enumerate(self._skus)}
        self._stock = np.zeros((len(self._nodes), len(self._skus) + 1))
        for (node, sku), units in held.items():
            self._stock[node_at[node], sku_at[sku]] = units
        self._chance = np.array([order.count for order in orders], dtype=np.float64)
        self._chance /= self._chance.sum()
        self._missing = MISSING * max(
            (cost + max(line.unit_costs[node] for line in order.lines))
            for order in orders
            for node, cost in order.shipment_costs.items()
        )
        width = min(CANDIDATES_MAX, len(self._nodes))
        lines = max(len(order.lines) for order in orders)
        shape = (len(orders), lines)
        self._candidates: _Positions = np.zeros((len(orders), width), dtype=np.int64)
        self._shipments: _Numbers = np.full((len(orders), width), np.inf)
        self._units: _Numbers = np.full((*shape, width), np.inf)
        self._sku: _Positions = np.full(shape, len(self._skus), dtype=np.int64)
        self._wanted: _Numbers = np.zeros(shape)
        for at, order in enumerate(orders):
            self._fill(at, order, held, node_at, sku_at)
        self._sets = _Sets(width)
        too_many = self._sets.sizes[None, :] > np.array([order.nodes_max for order in orders])[:, None]
        self._together: _Numbers = self._sets.summed(self._shipments)
        self._together[too_many] = np.inf
        a_unit = self._units[np.isfinite(self._units)]
        self._step = LARGEST_STEP * float(max(np.median(self._shipments.min(axis=1)), np.median(a_unit)))

    def _fill(
        self, at: int, order: SeenOrder, held: Places, node_at: Mapping[str, int], sku_at: Mapping[str, int]
    ) -> None:
        """Write one order into the arrays: its candidates are the nodes that are cheapest alone, with what they have not."""

        def alone(node: str) -> tuple[float, str]:
            units = (
                line.quantity * (line.unit_costs[node] if (node, line.sku) in held else self._missing)
                for line in order.lines
            )
            return order.shipment_costs[node] + sum(units), node

        known = [node for node in order.shipment_costs if node in node_at]
        for position, node in enumerate(sorted(known, key=alone)[: self._candidates.shape[1]]):
            self._candidates[at, position] = node_at[node]
            self._shipments[at, position] = order.shipment_costs[node]
            for number, line in enumerate(order.lines):
                if (node, line.sku) in held:
                    self._units[at, number, position] = line.unit_costs[node]
        for number, line in enumerate(order.lines):
            self._sku[at, number] = sku_at[line.sku]
            self._wanted[at, number] = line.quantity

    def prices(self, ahead: int, chance: np.random.Generator) -> _Numbers:
        """The prices of one future with so many orders, by node and SKU."""
        times = chance.multinomial(ahead, self._chance).astype(np.float64)
        come = np.flatnonzero(times)
        future = _Future(
            self._candidates[come],
            self._together[come],
            self._units[come],
            self._sku[come],
            self._wanted[come],
            times[come],
        )
        share = np.maximum(future.demand(self._stock.shape[1]), 1.0) / 3
        prices = np.zeros_like(self._stock)
        total = np.zeros_like(self._stock)
        for step in range(STEPS):
            beyond = (future.asked_for(prices, self._sets, self._missing) - self._stock) / share
            size = self._step / (1 + step / SLOWER_AFTER)
            prices = np.maximum(0.0, prices + size * np.clip(beyond, -1.0, 1.0))
            if step >= STEPS // 2:  # they swing around what they should be: the mean of the later half is nearer to it
                total += prices
        return total / (STEPS - STEPS // 2)

    def by_place(self, prices: _Numbers) -> dict[tuple[str, str], int]:
        """Prices by (node, SKU), counted from the node where the SKU is cheapest."""
        found = {}
        for number, sku in enumerate(self._skus):
            having = np.flatnonzero(self._stock[:, number])
            least = prices[having, number].min()
            for node in having:
                if price := round(CERTAINTY * float(prices[node, number] - least)):
                    found[self._nodes[node], sku] = price
        return found


class _Future(NamedTuple):
    """The orders of one future, as arrays."""

    candidates: _Positions
    """Node by order and candidate."""
    together: _Numbers
    """What the shipments of a set cost, by order and set."""
    units: _Numbers
    """What a unit costs, by order, line and candidate."""
    sku: _Positions
    wanted: _Numbers
    times: _Numbers
    """How often an order comes."""

    def demand(self, skus: int) -> _Numbers:
        """Units by SKU."""
        demand = np.zeros(skus)
        np.add.at(demand, self.sku, self.wanted * self.times[:, None])
        return demand

    def asked_for(self, prices: _Numbers, sets: "_Sets", missing: float) -> _Numbers:
        """Units by node and SKU when each order ships in its cheapest way under the prices."""
        costs = self.units + prices[self.candidates[:, None, :], self.sku[:, :, None]]
        totals = self.together.copy()
        for line in range(costs.shape[1]):
            wants = np.flatnonzero(self.wanted[:, line])
            least = np.minimum(sets.least(costs[wants, line]), missing)
            totals[wants] += least * self.wanted[wants, line, None]
        costs[~np.broadcast_to(sets.members[totals.argmin(axis=1)][:, None, :], costs.shape)] = np.inf
        position = costs.argmin(axis=2)
        ships = (costs.min(axis=2) < missing) & (self.wanted > 0)
        asked = np.zeros_like(prices)
        node = np.take_along_axis(self.candidates, position, axis=1)
        np.add.at(asked, (node[ships], self.sku[ships]), (self.wanted * self.times[:, None])[ships])
        return asked


class _Sets:
    """Every choice of up to NODES_TOGETHER_MAX of the candidates, by position."""

    def __init__(self, width: int) -> None:
        chosen = [
            positions
            for size in range(1, min(NODES_TOGETHER_MAX, width) + 1)
            for positions in combinations(range(width), size)
        ]
        self.sizes = np.array([len(positions) for positions in chosen])
        self.members = np.zeros((len(chosen), width), dtype=bool)
        for number, positions in enumerate(chosen):
            self.members[number, list(positions)] = True
        padded = [positions + positions[-1:] * (NODES_TOGETHER_MAX - len(positions)) for positions in chosen]
        self._columns = np.array(padded).T

    def least(self, costs: _Numbers) -> _Numbers:
        """The least of the candidates' costs in each set, by row."""
        by_candidate = np.ascontiguousarray(costs.T)
        first, *others = self._columns
        least = by_candidate[first]
        for other in others:
            np.minimum(least, by_candidate[other], out=least)
        return np.ascontiguousarray(least.T)

    def summed(self, costs: _Numbers) -> _Numbers:
        """The sum of the candidates' costs in each set."""
        return sum(
            (np.where(self.members[:, position], costs[:, position, None], 0.0) for position in range(costs.shape[1])),
            start=np.zeros((len(costs), len(self.sizes))),
        )

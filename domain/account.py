"""Decides what the units of an order cost: the one account that its value, cancels, refunds and exchanges read.

What a unit cost is fixed when it is ordered. The units of a line are a stack of layers: a raised quantity puts one on top,
cancelled units leave from the top, and what is shipped, paid back or captured is counted from the bottom.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from domain.money import cost_of_first, in_proportion, spread


@dataclass(frozen=True, slots=True)
class Cost:
    """What units cost, in minor units."""

    goods: int = 0
    """After all discounts."""
    tax: int = 0
    """Contained in the goods, or on top of them, as the order says."""

    def __add__(self, other: Self) -> "Cost":
        return Cost(self.goods + other.goods, self.tax + other.tax)

    def __sub__(self, other: Self) -> "Cost":
        return Cost(self.goods - other.goods, self.tax - other.tax)


@dataclass(frozen=True, slots=True)
class Layer:
    """Units of a line that were ordered together, in minor units; cancelled units count in the discount and the tax."""

    ordered: int
    cancelled: int
    unit_price: int
    discount: int = 0
    """Of all its units: the line's own and its share of the order's."""
    tax: int = 0
    """Of all its units."""

    @property
    def left(self) -> int:
        """Units that are not cancelled."""
        return self.ordered - self.cancelled

    @property
    def goods(self) -> int:
        """What all its units cost after discounts."""
        return self.unit_price * self.ordered - self.discount

    def cost_of_first(self, units: int) -> Cost:
        """What its first units cost."""
        return Cost(cost_of_first(units, self.ordered, self.goods), cost_of_first(units, self.ordered, self.tax))


Layers = tuple[Layer, ...]
"""The layers of a line, the oldest first."""


def left(layers: Layers) -> int:
    """Units of a line that are not cancelled."""
    return sum(layer.left for layer in layers)


def cost_between(layers: Layers, first: int, last: int) -> Cost:
    """What units of a line cost: those after the first `first`, up to the `last`-th, of the ones that are not cancelled."""
    return _cost_of_first(layers, last) - _cost_of_first(layers, first)


def _cost_of_first(layers: Layers, units: int) -> Cost:
    cost = Cost()
    for layer in layers:
        cost += layer.cost_of_first(min(units, layer.left))
        units -= min(units, layer.left)
    return cost


def raised(layers: Layers, units: int, cost: Cost | None = None) -> Layers:
    """The layers of a line after units were added: at its price, with the discount that lets them cost this, which is no more
    than that. Where nobody has said what they cost, without a discount, and taxed as the first layer is."""
    first = layers[0]
    whole = first.unit_price * units
    cost = cost or Cost(whole, in_proportion(first.tax, whole, first.goods))
    return (*layers, Layer(units, 0, first.unit_price, whole - cost.goods, cost.tax))


def lowered(layers: Layers, units: int) -> Layers:
    """The layers of a line after units were cancelled: they leave from the top."""
    after = list[Layer]()
    for layer in reversed(layers):
        taken = min(units, layer.left)
        after.append(replace(layer, cancelled=layer.cancelled + taken))
        units -= taken
    return tuple(reversed(after))


@dataclass(frozen=True, slots=True)
class Charges:
    """What an order costs beside its lines, and how its taxes count; in minor units."""

    prices_include_tax: bool = True
    shipping_price: int = 0
    shipping_tax: int = 0

    def due(self, cost: Cost) -> int:
        """What the customer pays for something that costs this: with its tax, unless prices include it."""
        return cost.goods + (0 if self.prices_include_tax else cost.tax)

    def part(self, cost: Cost, due: int) -> Cost:
        """The part of something that costs this for which the customer pays `due`."""
        if self.prices_include_tax:
            return Cost(due, in_proportion(cost.tax, due, cost.goods))
        return Cost(*spread(due, [cost.goods, cost.tax]))

    @property
    def shipping(self) -> int:
        """What the customer pays for shipping."""
        return self.due(Cost(self.shipping_price, self.shipping_tax))


@dataclass(frozen=True, slots=True)
class Prices:
    """What an order costs: its lines by their layers, and its charges."""

    lines: Mapping[str, Layers]
    charges: Charges = field(default_factory=Charges)

    @property
    def value(self) -> int:
        """What the goods that are not cancelled cost after discounts, without a tax on top."""
        return self._cost.goods

    @property
    def total(self) -> int:
        """What the customer pays for what is not cancelled, with tax and shipping; 0 when everything was cancelled."""
        shipping = self.charges.shipping if any(map(left, self.lines.values())) else 0
        return self.charges.due(self._cost) + shipping

    @property
    def _cost(self) -> Cost:
        return _sum(cost_between(layers, 0, left(layers)) for layers in self.lines.values())


def _sum(costs: Iterable[Cost]) -> Cost:
    return sum(costs, Cost())

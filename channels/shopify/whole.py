"""Shares out what only a shop's order as a whole has, whichever way it came: a tax or a discount that no line names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from channels.money import decimal, minor
from channels.shopify.shop_order import ShopLine, ShopShipping
from domain.money import spread


@dataclass(frozen=True, slots=True)
class Whole:
    """What an order as a whole has."""

    tax: Decimal
    discount: Decimal
    """With the parts that lines and shipping name."""
    untaxed: Collection[str]
    """The lines whose items are not taxed."""
    is_shared: bool
    """Whether a line says what its part of the discounts is."""


def shared_out(
    lines: Sequence[ShopLine], shipping: Sequence[ShopShipping], whole: Whole, currency: str
) -> list[ShopLine]:
    """The lines with their parts, by what they cost."""
    found = list(lines)
    if not any([*(line.tax for line in lines), *(one.tax for one in shipping)]):
        weights = [Decimal(0) if line.id in whole.untaxed else _cost(line) for line in lines]
        taxes = _parts(whole.tax, weights, currency)
        found = [replace(line, tax=part) for line, part in zip(found, taxes, strict=True)]
    if not whole.is_shared:
        named = [*(line.discount for line in lines), *(one.discount for one in shipping)]
        left = max(Decimal(0), whole.discount - sum(named, Decimal(0)))
        parts = _parts(left, [_cost(line) for line in lines], currency)
        found = [replace(line, discount=line.discount + part) for line, part in zip(found, parts, strict=True)]
    return found


def _cost(line: ShopLine) -> Decimal:
    return line.price * line.quantity - line.discount


def _parts(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Parts of an amount by weight, exact to the minor unit."""
    if not amount or not any(weight > 0 for weight in weights):
        return [Decimal(0)] * len(weights)
    shares = spread(minor(amount, currency), [max(0, minor(weight, currency)) for weight in weights])
    return [Decimal(decimal(share, currency)) for share in shares]

"""Builds what lines of a channel have in common: what an item is called that nobody knows here, and what units of it cost."""

from decimal import Decimal

from channels.given import on_one_line
from channels.money import minor, minor_at_least
from domain.account import Cost
from domain.order import NewLine

SKU_MOST = 64


def called(sku: str, otherwise: str) -> str:
    """What the channel calls an item that nobody knows here: its SKU, or something else where that cannot be one of ours."""
    plain = on_one_line(sku, SKU_MOST)
    return plain if plain and plain == sku.strip() else otherwise


def prices(
    each: Decimal, currency: str, quantity: int, units_of_one: int, *, discount: int, tax: int
) -> dict[str, int]:
    """What a quantity of a line costs, less a discount, which is no more than the goods cost; each is several units of ours.

    A price with more decimals than its currency is rounded up; the rest is discount.
    """
    goods = minor(each * quantity, currency)
    discount = min(goods, discount)
    if units_of_one > 1:
        shared = NewLine.that_costs(Cost(goods - discount, tax), "-", "-", quantity * units_of_one)
        return {"unit_price": shared.unit_price, "discount": shared.discount, "tax": shared.tax}
    unit_price = minor_at_least(each, currency)
    return {"unit_price": unit_price, "discount": discount + unit_price * quantity - goods, "tax": tax}

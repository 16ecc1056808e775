"""Reads an order as webhooks of Shopify have it: the order of its REST interface."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from channels.channel import Misfit
from channels.given import Given, Listed, Text, Typed, fitting
from channels.shopify.given import Address, Id
from channels.shopify.shop_order import ShopFulfillment, ShopLine, ShopOrder, ShopRefund, ShopShipping
from channels.shopify.whole import Whole, shared_out

OWN_SERVICES = ("", "manual")
"""How Shopify calls the fulfillment by the shop's own people."""


class _Side(Given):
    amount: Decimal
    currency_code: str


class _Set(Given):
    shop_money: _Side | None = None


class _Pair(Given):
    name: Text = ""
    value: Typed = ""


class _Share(Given):
    amount: Decimal
    amount_set: _Set | None = None


class _Tax(Given):
    price: Decimal
    price_set: _Set | None = None


class _Line(Given):
    id: Id
    name: Text = ""
    title: Text = ""
    sku: Text = ""
    variant_id: Id | None = None
    quantity: int
    current_quantity: int | None = None
    price: Decimal
    price_set: _Set | None = None
    gift_card: bool | None = None
    requires_shipping: bool | None = None
    tip_payment_gateway: str | None = None
    tip: Any = None
    fulfillment_service: Text = ""
    properties: Annotated[tuple[_Pair, ...], Listed] = ()
    taxable: bool | None = None
    total_discount: Decimal = Decimal(0)
    total_discount_set: _Set | None = None
    discount_allocations: Annotated[tuple[_Share, ...], Listed] = ()
    """Empty in all lines = it does not say how the order's discounts are shared out, as orders of old versions and of some
    apps."""
    tax_lines: Annotated[tuple[_Tax, ...], Listed] = ()


class _Shipping(Given):
    title: Text = ""
    price: Decimal = Decimal(0)
    price_set: _Set | None = None
    discounted_price: Decimal | None = None
    discounted_price_set: _Set | None = None
    is_removed: bool | None = None
    discount_allocations: Annotated[tuple[_Share, ...], Listed] = ()
    tax_lines: Annotated[tuple[_Tax, ...], Listed] = ()


class _Units(Given):
    id: Id
    quantity: int


class _Fulfillment(Given):
    status: Text = ""
    location_id: Id | None = None
    created_at: datetime
    line_items: Annotated[tuple[_Units, ...], Listed] = ()


class _RefundLine(Given):
    line_item_id: Id
    quantity: int
    restock_type: Text = ""


class _Refund(Given):
    """Its money is left out: a webhook of an order that is placed or cancelled says nothing of units that left."""

    refund_line_items: Annotated[tuple[_RefundLine, ...], Listed] = ()


class _Code(Given):
    code: Text = ""


class _Order(Given):
    id: Id
    name: Text = ""
    created_at: datetime
    updated_at: datetime
    cancelled_at: datetime | None = None
    test: bool | None = None
    currency: str
    financial_status: Text = ""
    taxes_included: bool | None = None
    source_name: Text = ""
    po_number: Text = ""
    email: Text = ""
    phone: Text = ""
    tax_lines: Annotated[tuple[_Tax, ...], Listed] = ()
    total_discounts: Decimal = Decimal(0)
    total_discounts_set: _Set | None = None
    note: Text = ""
    tags: Text = ""
    note_attributes: Annotated[tuple[_Pair, ...], Listed] = ()
    discount_codes: Annotated[tuple[_Code, ...], Listed] = ()
    payment_gateway_names: Annotated[tuple[str, ...], Listed] = ()
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_lines: Annotated[tuple[_Shipping, ...], Listed] = ()
    line_items: Annotated[tuple[_Line, ...], Listed] = ()
    fulfillments: Annotated[tuple[_Fulfillment, ...], Listed] = ()
    refunds: Annotated[tuple[_Refund, ...], Listed] = ()


def read(content: Any, own_service: str | None) -> ShopOrder:
    """The order; `own_service` is what Shopify calls our fulfillment service. Raises `Misfit`."""
    order = fitting(_Order, content)
    shipping = [_shipping(one, order.currency) for one in order.shipping_lines if not one.is_removed]
    return ShopOrder(
        id=order.id,
        name=order.name,
        created_at=order.created_at,
        updated_at=order.updated_at,
        currency=order.currency,
        payment=order.financial_status.lower(),
        is_cancelled=order.cancelled_at is not None,
        is_test=bool(order.test),
        source=order.source_name,
        lines=_lines(order, shipping, own_service),
        shipping=shipping,
        fulfillments=[_fulfillment(one) for one in order.fulfillments if one.status in ("success", "open", "pending")],
        refunds=_refunds(order.refunds),
        prices_include_tax=bool(order.taxes_included),
        ship_to=order.shipping_address.as_ours() if order.shipping_address else None,
        bill_to=order.billing_address.as_ours() if order.billing_address else None,
        purchase_order=order.po_number,
        email=order.email,
        phone=order.phone,
        note=order.note,
        tags=[tag.strip() for tag in order.tags.split(",")],
        attributes=[(pair.name, pair.value) for pair in order.note_attributes],
        discount_codes=[code.code for code in order.discount_codes],
        gateways=order.payment_gateway_names,
    )


def _lines(order: _Order, shipping: Sequence[ShopShipping], own_service: str | None) -> list[ShopLine]:
    whole = Whole(
        _taxes(order.tax_lines, order.currency),
        _of_the_shop(order.total_discounts, order.total_discounts_set, order.currency),
        {line.id for line in order.line_items if line.taxable is False},
        is_shared=any(line.discount_allocations for line in order.line_items),
    )
    lines = [_line(line, order.currency, own_service) for line in order.line_items]
    return shared_out(lines, shipping, whole, order.currency)


def _line(line: _Line, currency: str, own_service: str | None) -> ShopLine:
    is_tip = line.tip_payment_gateway is not None or line.tip is not None
    of_all = _of_the_shop(line.total_discount, line.total_discount_set, currency)
    return ShopLine(
        id=line.id,
        name=line.name or line.title,
        sku=line.sku,
        variant=line.variant_id,
        quantity=line.quantity,
        current=line.quantity if line.current_quantity is None else line.current_quantity,
        price=_of_the_shop(line.price, line.price_set, currency),
        discount=_sum(line.discount_allocations, currency) if line.discount_allocations else of_all,
        tax=_taxes(line.tax_lines, currency),
        is_goods=not line.gift_card and line.requires_shipping is not False and not is_tip,
        properties=[(pair.name, pair.value) for pair in line.properties],
        is_of_another_service=line.fulfillment_service not in (*OWN_SERVICES, own_service),
    )


def _shipping(shipping: _Shipping, currency: str) -> ShopShipping:
    price, discount = _of_the_shop(shipping.price, shipping.price_set, currency), Decimal(0)
    if shipping.discount_allocations:
        discount = _sum(shipping.discount_allocations, currency)
    elif shipping.discounted_price is not None:
        discount = price - _of_the_shop(shipping.discounted_price, shipping.discounted_price_set, currency)
    return ShopShipping(shipping.title, price, discount, _taxes(shipping.tax_lines, currency))


def _of_the_shop(plain: Decimal, both: _Set | None, currency: str) -> Decimal:
    """The amount in the shop's currency: a plain amount is, and of two it is named so."""
    if both is None or both.shop_money is None:
        return plain
    if both.shop_money.currency_code != currency:
        raise Misfit(f"shop_money: is in {both.shop_money.currency_code}, and the order is in {currency}")
    return both.shop_money.amount


def _sum(shares: Iterable[_Share], currency: str) -> Decimal:
    return sum((_of_the_shop(share.amount, share.amount_set, currency) for share in shares), Decimal(0))


def _taxes(taxes: Iterable[_Tax], currency: str) -> Decimal:
    return sum((_of_the_shop(tax.price, tax.price_set, currency) for tax in taxes), Decimal(0))


def _fulfillment(fulfillment: _Fulfillment) -> ShopFulfillment:
    units = Counter[str]()
    for line in fulfillment.line_items:
        units[line.id] += line.quantity
    return ShopFulfillment(fulfillment.location_id, fulfillment.created_at, units)


def _refunds(refunds: Iterable[_Refund]) -> list[ShopRefund]:
    return [
        ShopRefund(line.line_item_id, line.quantity, line.restock_type.lower(), Decimal(0))
        for refund in refunds
        for line in refund.refund_line_items
    ]

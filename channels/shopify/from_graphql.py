"""Reads an order as GraphQL has it: `documents.ORDER` and what belongs to it, collected by `reading`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AliasChoices, Field

from channels.channel import Misfit
from channels.given import Given, Listed, Text, Typed, fitting
from channels.shopify.given import Address, Id
from channels.shopify.shop_order import ShopFulfillment, ShopLine, ShopOrder, ShopRefund, ShopShipping
from channels.shopify.whole import Whole, shared_out

Node = TypeVar("Node")

HOLDS = {"HIGH_RISK_OF_FRAUD": "fraud", "AWAITING_PAYMENT": "payment", "INCORRECT_ADDRESS": "address"}
"""Shopify's reasons of a hold that have a name here; every other is the hold `shop`."""

ENDED = ("CLOSED", "CANCELLED")
LEFT = ("SUCCESS", "OPEN", "PENDING")


class _Nodes(Given, Generic[Node]):
    nodes: tuple[Node, ...]


class _Side(Given):
    amount: Decimal
    currency: str = Field(validation_alias="currencyCode")


class _Money(Given):
    shop: _Side = Field(validation_alias="shopMoney")


class _Pair(Given):
    name: Text = Field(default="", validation_alias="key")
    value: Typed = ""


class _Share(Given):
    amount: _Money = Field(validation_alias="allocatedAmountSet")


class _Tax(Given):
    price: _Money = Field(validation_alias="priceSet")


class _Variant(Given):
    id: Id


class _Line(Given):
    id: Id
    name: Text = ""
    sku: Text = ""
    variant: _Variant | None = None
    quantity: int
    current: int = Field(validation_alias="currentQuantity")
    is_gift_card: bool = Field(default=False, validation_alias="isGiftCard")
    requires_shipping: bool = Field(default=True, validation_alias="requiresShipping")
    price: _Money = Field(validation_alias="originalUnitPriceSet")
    taxable: bool = True
    total_discount: _Money | None = Field(default=None, validation_alias="totalDiscountSet")
    properties: Annotated[tuple[_Pair, ...], Listed] = Field(default=(), validation_alias="customAttributes")
    discounts: Annotated[tuple[_Share, ...], Listed] = Field(default=(), validation_alias="discountAllocations")
    taxes: Annotated[tuple[_Tax, ...], Listed] = Field(default=(), validation_alias="taxLines")


class _Shipping(Given):
    title: Text = ""
    price: _Money = Field(validation_alias="originalPriceSet")
    discounted: _Money | None = Field(default=None, validation_alias="discountedPriceSet")
    discounts: Annotated[tuple[_Share, ...], Listed] = Field(default=(), validation_alias="discountAllocations")
    taxes: Annotated[tuple[_Tax, ...], Listed] = Field(default=(), validation_alias="taxLines")


class _Address(Address):
    first_name: Text = Field(default="", validation_alias="firstName")
    last_name: Text = Field(default="", validation_alias="lastName")
    province_code: Text = Field(default="", validation_alias="provinceCode")
    country_code: Text = Field(default="", validation_alias=AliasChoices("countryCodeV2", "countryCode"))


class _LineId(Given):
    id: Id


class _FulfillmentOrderLine(Given):
    remaining: int = Field(validation_alias="remainingQuantity")
    line: _LineId = Field(validation_alias="lineItem")


class _Location(Given):
    id: Id
    is_service: bool = Field(default=False, validation_alias="isFulfillmentService")


class _Assigned(Given):
    country: Text = Field(default="", validation_alias="countryCode")
    location: _Location | None = None


class _Method(Given):
    type: Text = Field(default="", validation_alias="methodType")


class _Hold(Given):
    reason: Text = ""
    notes: Text = Field(default="", validation_alias="reasonNotes")


class _FulfillmentOrder(Given):
    status: str
    request: str = Field(validation_alias="requestStatus")
    assigned: _Assigned = Field(validation_alias="assignedLocation")
    method: _Method | None = Field(default=None, validation_alias="deliveryMethod")
    holds: Annotated[tuple[_Hold, ...], Listed] = Field(default=(), validation_alias="fulfillmentHolds")
    lines: _Nodes[_FulfillmentOrderLine] = Field(validation_alias="lineItems")

    @property
    def location(self) -> str | None:
        """Where it is assigned."""
        return self.assigned.location.id if self.assigned.location else None


class _FulfillmentLine(Given):
    quantity: int | None = None
    line: _LineId = Field(validation_alias="lineItem")


class _Fulfillment(Given):
    status: str
    at: datetime = Field(validation_alias="createdAt")
    location: _Location | None = None
    lines: _Nodes[_FulfillmentLine] = Field(validation_alias="fulfillmentLineItems")


class _RefundLine(Given):
    quantity: int
    restock: str = Field(validation_alias="restockType")
    worth: _Money = Field(validation_alias="subtotalSet")
    line: _LineId = Field(validation_alias="lineItem")
    location: _Location | None = None


class _Refund(Given):
    paid: _Money = Field(validation_alias="totalRefundedSet")
    lines: _Nodes[_RefundLine] = Field(validation_alias="refundLineItems")


class _Order(Given):
    id: Id
    name: Text = ""
    created_at: datetime = Field(validation_alias="createdAt")
    updated_at: datetime = Field(validation_alias="updatedAt")
    cancelled_at: datetime | None = Field(default=None, validation_alias="cancelledAt")
    test: bool = False
    currency: str = Field(validation_alias="currencyCode")
    payment: Text = Field(default="", validation_alias="displayFinancialStatus")
    taxes_included: bool = Field(default=False, validation_alias="taxesIncluded")
    taxes: Annotated[tuple[_Tax, ...], Listed] = Field(default=(), validation_alias="taxLines")
    discount: _Money | None = Field(default=None, validation_alias="totalDiscountsSet")
    source: Text = Field(default="", validation_alias="sourceName")
    po_number: Text = Field(default="", validation_alias="poNumber")
    email: Text = ""
    phone: Text = ""
    note: Text = ""
    tags: Annotated[tuple[str, ...], Listed] = ()
    attributes: Annotated[tuple[_Pair, ...], Listed] = Field(default=(), validation_alias="customAttributes")
    discount_codes: Annotated[tuple[str, ...], Listed] = Field(default=(), validation_alias="discountCodes")
    gateways: Annotated[tuple[str, ...], Listed] = Field(default=(), validation_alias="paymentGatewayNames")
    ship_to: _Address | None = Field(default=None, validation_alias="shippingAddress")
    bill_to: _Address | None = Field(default=None, validation_alias="billingAddress")
    shipping: _Nodes[_Shipping] = Field(validation_alias="shippingLines")
    lines: _Nodes[_Line] = Field(validation_alias="lineItems")
    fulfillment_orders: _Nodes[_FulfillmentOrder] = Field(validation_alias="fulfillmentOrders")
    fulfillments: tuple[_Fulfillment, ...]
    refunds: Annotated[tuple[_Refund, ...], Listed] = ()


def read(content: Any, own_location: str | None) -> ShopOrder:
    """The order; `own_location` is the id of our fulfillment service's location. Raises `Misfit`."""
    order = fitting(_Order, content)
    work = order.fulfillment_orders.nodes
    shipping = [_shipping(one, order.currency) for one in order.shipping.nodes]
    pickup = next((one for one in work if one.method and one.method.type == "PICK_UP"), None)
    return ShopOrder(
        id=order.id,
        name=order.name,
        created_at=order.created_at,
        updated_at=order.updated_at,
        currency=order.currency,
        payment=order.payment.lower(),
        is_cancelled=order.cancelled_at is not None,
        is_test=order.test,
        source=order.source,
        lines=_lines(order, shipping),
        shipping=shipping,
        fulfillments=[_fulfillment(one) for one in order.fulfillments if one.status in LEFT],
        refunds=[line for refund in order.refunds for line in _refund(refund, order.currency)],
        kept_out=_kept_out(work, own_location),
        holds=_holds(work),
        pickup_location=pickup.location if pickup else None,
        pickup_country=pickup.assigned.country if pickup else None,
        prices_include_tax=order.taxes_included,
        ship_to=order.ship_to.as_ours() if order.ship_to else None,
        bill_to=order.bill_to.as_ours() if order.bill_to else None,
        purchase_order=order.po_number,
        email=order.email,
        phone=order.phone,
        note=order.note,
        tags=order.tags,
        attributes=[(pair.name, pair.value) for pair in order.attributes],
        discount_codes=order.discount_codes,
        gateways=order.gateways,
    )


def _lines(order: _Order, shipping: Sequence[ShopShipping]) -> list[ShopLine]:
    given = order.lines.nodes
    whole = Whole(
        _sum((tax.price for tax in order.taxes), order.currency),
        _known(order.discount, order.currency),
        {line.id for line in given if not line.taxable},
        is_shared=any(line.discounts for line in given),
    )
    return shared_out([_line(line, order.currency) for line in given], shipping, whole, order.currency)


def _line(line: _Line, currency: str) -> ShopLine:
    of_all = _known(line.total_discount, currency)
    return ShopLine(
        id=line.id,
        name=line.name,
        sku=line.sku,
        variant=line.variant.id if line.variant else None,
        quantity=line.quantity,
        current=line.current,
        price=_of_the_shop(line.price, currency),
        discount=_sum((share.amount for share in line.discounts), currency) if line.discounts else of_all,
        tax=_sum((tax.price for tax in line.taxes), currency),
        is_goods=line.requires_shipping and not line.is_gift_card,
        properties=[(pair.name, pair.value) for pair in line.properties],
    )


def _shipping(shipping: _Shipping, currency: str) -> ShopShipping:
    price, discount = _of_the_shop(shipping.price, currency), Decimal(0)
    if shipping.discounts:
        discount = _sum((share.amount for share in shipping.discounts), currency)
    elif shipping.discounted is not None:
        discount = price - _of_the_shop(shipping.discounted, currency)
    return ShopShipping(shipping.title, price, discount, _sum((tax.price for tax in shipping.taxes), currency))


def _known(money: _Money | None, currency: str) -> Decimal:
    return Decimal(0) if money is None else _of_the_shop(money, currency)


def _of_the_shop(money: _Money, currency: str) -> Decimal:
    if money.shop.currency != currency:
        raise Misfit(f"shopMoney: is in {money.shop.currency}, and the order is in {currency}")
    return money.shop.amount


def _sum(amounts: Iterable[_Money], currency: str) -> Decimal:
    return sum((_of_the_shop(amount, currency) for amount in amounts), Decimal(0))


def _fulfillment(fulfillment: _Fulfillment) -> ShopFulfillment:
    units = Counter[str]()
    for line in fulfillment.lines.nodes:
        units[line.line.id] += line.quantity or 0
    return ShopFulfillment(fulfillment.location.id if fulfillment.location else None, fulfillment.at, units)


def _refund(refund: _Refund, currency: str) -> list[ShopRefund]:
    """Each line gets its share of what was paid by what it is worth: fees and shipping are in the whole."""
    paid, whole = _of_the_shop(refund.paid, currency), _sum((line.worth for line in refund.lines.nodes), currency)
    shares = [paid * _of_the_shop(line.worth, currency) / whole if whole else whole for line in refund.lines.nodes]
    return [
        ShopRefund(
            line.line.id, line.quantity, line.restock.lower(), share, line.location.id if line.location else None
        )
        for line, share in zip(refund.lines.nodes, shares, strict=True)
    ]


def _kept_out(work: Iterable[_FulfillmentOrder], own_location: str | None) -> Counter[str]:
    """Units of another service, units whose cancellation is requested, and those that wait for a new request after one was
    accepted: Shopify makes a new fulfillment order of them, which nobody has asked for yet."""
    work = list(work)
    accepted = {line.line.id for one in work if one.request == "CANCELLATION_ACCEPTED" for line in one.lines.nodes}
    units = Counter[str]()
    for one in (one for one in work if one.status not in ENDED):
        is_of_another = bool(
            one.assigned.location and one.assigned.location.is_service and one.location != own_location
        )
        for line in one.lines.nodes:
            is_not_asked_again = one.request == "UNSUBMITTED" and line.line.id in accepted
            if is_of_another or is_not_asked_again or one.request == "CANCELLATION_REQUESTED":
                units[line.line.id] += line.remaining
    return units


def _holds(work: Iterable[_FulfillmentOrder]) -> list[tuple[str, str | None]]:
    """Each name once, with the first reason."""
    found = dict[str, str | None]()
    for hold in (hold for one in work if one.status == "ON_HOLD" for hold in one.holds):
        found.setdefault(HOLDS.get(hold.reason, "shop"), hold.notes or hold.reason.lower().replace("_", " "))
    if not found and any(one.status == "ON_HOLD" for one in work):
        found["shop"] = None
    return sorted(found.items())

"""Decides what an order of Amazon's means here: which units are wanted, at what price, until when, and what holds them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from channels.amazon.amazon_order import Address, AmazonOrder, Item, Package
from channels.amazon.attributes import of_item, of_order
from channels.amazon.marketplaces import CURRENCIES
from channels.amazon.parcels import is_ours
from channels.channel import Catalogue, Misfit, Said, Settings, Units, Unmapped
from channels.given import free_text, misfit, on_one_line, postal_code
from channels.lines import called, prices
from channels.money import minor
from domain.order import NewOrder

READY = ("UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED")
"""The statuses at which an order is to be shipped, or was."""
CANCELLED = "CANCELLED"

LABELS_OF_AMAZON = frozenset({"EASY_SHIP", "DELIVERY_BY_AMAZON", "FBM_SHIP_PLUS"})
"""Programs whose shipping labels are bought from Amazon, which so knows of the parcels by itself."""
OTHER_WAY = frozenset({"IN_STORE_PICK_UP", *LABELS_OF_AMAZON})
"""Programs whose goods do not leave as a parcel with a label of ours."""
PREORDER = "PREORDER"
PROGRAM = "amazon_program"
ADDRESS = "address"
CANCELLATION = "cancel_requested"
"""Holds."""

GOODS, TAX, DISCOUNT = "ITEM", "TAX", "DISCOUNT"
"""Of what an item's money is: all else is paid beside the goods, such as SHIPPING and GIFT_WRAP, and here it is the price of
shipping. Amazon may add to its list."""


def said(settings: Settings, catalogue: Catalogue, order: AmazonOrder) -> Said | None:
    """What Amazon wants of us for this order now. None = it says nothing for us: it is not paid yet, Amazon ships it, or its
    status is one that nobody knew when this was written. Raises `Misfit`."""
    if order.fulfillment.fulfilledBy == "AMAZON":
        return None
    if order.status == CANCELLED:
        return Said(order.orderId, order.lastUpdatedTime, None, "cancelled")
    if order.status not in READY:
        return None
    if order.packages is None and any(item.fulfillment.quantityFulfilled for item in order.orderItems):
        return None  # who has shipped these units, it does not show
    units = wanted(settings, order)
    by_others = {
        item.orderItemId: (item.quantityOrdered - units[item.orderItemId]) * _units_of_one(catalogue, item)
        for item in order.orderItems
    }
    lines = [
        _line(catalogue, order, item, units[item.orderItemId]) for item in order.orderItems if units[item.orderItemId]
    ]
    if not lines:
        why_not = "nothing of it is left to ship"
        return Said(order.orderId, order.lastUpdatedTime, None, why_not, shipped_elsewhere=by_others)
    content = _content(settings, order) | _beside_goods(order) | {"lines": [line.line for line in lines]}
    try:
        new = NewOrder.model_validate(content)
    except ValidationError as failed:
        raise misfit(failed) from None
    unmapped = tuple(line.unmapped for line in lines if line.unmapped)
    return Said(
        order.orderId,
        order.lastUpdatedTime,
        new,
        unmapped=unmapped,
        shipped_elsewhere=by_others,
        requests=_requests(order),
    )


def wanted(settings: Settings, order: AmazonOrder) -> Counter[str]:
    """By item, the units that we have shipped and are to ship: not those in packages that somebody else has confirmed."""
    by_others = Counter[str]()
    for package in order.packages or ():
        if not is_ours(package.packageReferenceId) or _left_before(package, settings.kept.get("connected_at")):
            for line in package.packageItems:
                by_others[line.orderItemId] += line.quantity
    return Counter(
        {item.orderItemId: max(0, item.quantityOrdered - by_others[item.orderItemId]) for item in order.orderItems}
    )


def _left_before(package: Package, connected_at: str | None) -> bool:
    at = package.createdTime or package.shipTime
    return at is not None and connected_at is not None and at < datetime.fromisoformat(connected_at)


@dataclass(frozen=True, slots=True)
class _Line:
    line: dict[str, Any]
    unmapped: Unmapped | None = None


def _line(catalogue: Catalogue, order: AmazonOrder, item: Item, quantity: int) -> _Line:
    """A line of our order: its discount and tax are the share of the units that are wanted."""
    known = _known(catalogue, item)
    name = on_one_line(item.product.title, 500) or None
    units = known.units if known else 1
    sku = known.sku if known else _unmapped(item)
    unmapped = None if known else Unmapped(item.orderItemId, sku, name)
    own = {"line": item.orderItemId, "sku": sku, "name": name, "quantity": quantity * units}
    shown = {"gift_message": free_text(item.fulfillment.packing.giftOption.giftMessage) or None}
    return _Line(own | shown | {"attributes": of_item(item, units)} | _prices(order, item, quantity, units), unmapped)


def _known(catalogue: Catalogue, item: Item) -> Units | None:
    external = item.product.sellerSku.strip()
    known = catalogue.item("sku", external) if external else None
    return known or (catalogue.item("variant", item.product.asin) if item.product.asin else None)


def _units_of_one(catalogue: Catalogue, item: Item) -> int:
    known = _known(catalogue, item)
    return known.units if known else 1


def _unmapped(item: Item) -> str:
    """What Amazon calls an item that nobody knows here."""
    otherwise = f"variant:{item.product.asin}" if item.product.asin else f"item:{item.orderItemId}"
    return called(item.product.sellerSku, otherwise)


def _prices(order: AmazonOrder, item: Item, quantity: int, units: int) -> dict[str, int]:
    """What the wanted units cost: the amounts that Amazon shows are those of all that were ordered."""
    currency, share = _currency(order), Decimal(quantity) / max(1, item.quantityOrdered)
    discount = minor(_goods_of(item, DISCOUNT) * share, currency)
    tax = max(0, minor(_goods_of(item, TAX) * share, currency))
    return prices(_each(item, currency), currency, quantity, units, discount=discount, tax=tax)


def _each(item: Item, currency: str) -> Decimal:
    """The price of one unit, as Amazon shows it. Where what all units cost differs from it by less than a minor unit for each,
    the unit's price was rounded, and the sum counts."""
    ordered, price, goods = max(1, item.quantityOrdered), item.product.price.unitPrice, _subtotal(item, GOODS)
    if price is None:
        return goods / ordered
    is_rounded = goods and abs(minor(goods, currency) - minor(price.amount * ordered, currency)) < ordered
    return goods / ordered if is_rounded else price.amount


def _subtotal(item: Item, kind: str) -> Decimal:
    return sum((part.subtotal.amount for part in item.proceeds.breakdowns if part.type == kind), Decimal(0))


def _beside(item: Item, kind: str) -> Decimal:
    """The part of a tax or discount that is on something else than the goods."""
    return sum(
        (
            detail.value.amount
            for part in item.proceeds.breakdowns
            if part.type == kind
            for detail in part.detailedBreakdowns
            if detail.subtype not in ("", GOODS) and detail.value
        ),
        Decimal(0),
    )


def _goods_of(item: Item, kind: str) -> Decimal:
    """The tax or discount of an item's goods, never below 0: whether a discount has a minus, the models do not say."""
    return abs(_subtotal(item, kind) - _beside(item, kind))


def _beside_goods(order: AmazonOrder) -> dict[str, int]:
    """The price and tax of what is paid beside the goods, less discounts on it."""
    price, tax = Decimal(0), Decimal(0)
    for item in order.orderItems:
        parts = [part for part in item.proceeds.breakdowns if part.type not in (GOODS, TAX, DISCOUNT)]
        price += sum((part.subtotal.amount for part in parts), Decimal(0)) - abs(_beside(item, DISCOUNT))
        tax += _beside(item, TAX)
    currency = _currency(order)
    return {"shipping_price": max(0, minor(price, currency)), "shipping_tax": max(0, minor(tax, currency))}


def _currency(order: AmazonOrder) -> str:
    for item in order.orderItems:
        amounts = [item.product.price.unitPrice, *(part.subtotal for part in item.proceeds.breakdowns)]
        for amount in amounts:
            if amount:
                return amount.currencyCode
    known = CURRENCIES.get(order.salesChannel.marketplaceId)
    if known is None:
        raise Misfit("orderItems: no item has a price, and so nobody knows the currency")
    return known


def _content(settings: Settings, order: AmazonOrder) -> dict[str, Any]:
    level = order.fulfillment.fulfillmentServiceLevel
    service = settings.entry.get("services", {}).get(level)
    preference = order.recipient.deliveryPreference if order.recipient else None
    note = (preference.addressInstruction, preference.dropOffLocation) if preference else ()
    return {
        "channel": settings.name,
        "number": order.orderId,
        "reference": _reference(order),
        "purchase_order": on_one_line(order.buyer.buyerPurchaseOrderNumber, 64) or None if order.buyer else None,
        "placed_at": order.createdTime,
        "currency": _currency(order),
        "service": service or "standard",
        "ship_to": _ship_to(order),
        "bill_to": _bill_to(order),
        "not_before": _not_before(order),
        "promised": _promised(order),
        "holds": _holds(settings, order),
        "prices_include_tax": False,
        "tags": [on_one_line(program) for program in order.programs if on_one_line(program)][:250],
        "attributes": of_order(order, "" if service else level),
        "note": free_text("\n".join(filter(None, note))) or None,
    }


def _reference(order: AmazonOrder) -> str | None:
    own = [alias.aliasId for alias in order.orderAliases if alias.aliasType == "SELLER_ORDER_ID"]
    return on_one_line(own[0], 64) or None if own else None


def _ship_to(order: AmazonOrder) -> dict[str, Any]:
    address = (order.recipient and order.recipient.deliveryAddress) or Address()
    if not address.countryCode.strip():
        raise Misfit(
            "recipient: Amazon shows no address. Its app needs the role “Direct-to-Consumer Delivery (Restricted)”; when it "
            "has it, retry the connection"
        )
    found = {
        "name": on_one_line(address.name),
        "company": on_one_line(address.companyName),
        "street": _street(address),
        "city": on_one_line(address.city),
        "region": on_one_line(address.stateOrRegion),
        "postal_code": postal_code(address.postalCode),
        "country": address.countryCode.strip().upper(),
        "phone": on_one_line(address.phone),
        "email": on_one_line(order.buyer.buyerEmail) if order.buyer else "",
    }
    return {name: value for name, value in found.items() if value}


def _street(address: Address) -> list[str]:
    """The lines of the street, with the parts of a Brazilian address where the lines lack them."""
    lines = (address.addressLine1, address.addressLine2, address.addressLine3)
    known = " ".join(lines).casefold()
    parts = [str(part) for part in address.extendedFields.values() if part and str(part).casefold() not in known]
    found = (*lines, ", ".join(parts), address.districtOrCounty, address.municipality)
    shown = [part for part in map(on_one_line, found) if part]
    return [*shown[:4], on_one_line(", ".join(shown[4:]))] if len(shown) > 5 else shown


def _bill_to(order: AmazonOrder) -> dict[str, Any] | None:
    buyer = order.buyer
    if buyer is None or not (buyer.buyerName.strip() or buyer.buyerCompanyName.strip()):
        return None
    found = {"name": on_one_line(buyer.buyerName), "company": on_one_line(buyer.buyerCompanyName)}
    return {name: value for name, value in found.items() if value}


def _not_before(order: AmazonOrder) -> datetime | None:
    """What is sold before it is published must not arrive before that; any other order may ship before its window."""
    ships = order.fulfillment.shipByWindow
    is_open = ships.latestDateTime is None or (ships.earliestDateTime or ships.latestDateTime) < ships.latestDateTime
    return ships.earliestDateTime if PREORDER in order.programs and is_open else None


def _promised(order: AmazonOrder) -> dict[str, datetime | None]:
    """Until when Amazon must see it shipped, and the customer have it: a duty that never cancels."""
    ship_by = order.fulfillment.shipByWindow.latestDateTime
    deliver_by = order.fulfillment.deliverByWindow.latestDateTime
    return {"ship_by": ship_by, "deliver_by": None if ship_by and deliver_by and deliver_by < ship_by else deliver_by}


def _holds(settings: Settings, order: AmazonOrder) -> Sequence[dict[str, str]]:
    """What stops it: no name and street to print, a program whose label is not ours, a request to cancel."""
    found = dict[str, str]()
    address = (order.recipient and order.recipient.deliveryAddress) or Address()
    if order.status != "SHIPPED" and not (address.name.strip() and address.addressLine1.strip()):
        found[ADDRESS] = (
            "Amazon shows no name and street: its app lacks the role Direct-to-Consumer Delivery (Restricted)"
        )
    other = sorted(OTHER_WAY.intersection(order.programs))
    if other and settings.entry.get("hold_amazon_programs", True):
        found[PROGRAM] = f"{', '.join(other)}: print its label in Seller Central, then release it"
    if _cancellations(order):
        found[CANCELLATION] = "the customer asks Amazon to cancel it"
    return [{"hold": hold, "reason": reason} for hold, reason in sorted(found.items())]


def _cancellations(order: AmazonOrder) -> list[Item]:
    """The items that somebody asks to cancel and that have not all left."""
    return [
        item
        for item in order.orderItems
        if item.cancellation.cancellationRequest
        and item.quantityOrdered
        and item.fulfillment.quantityUnfulfilled != 0
        and order.status != "SHIPPED"
    ]


def _requests(order: AmazonOrder) -> tuple[str, ...]:
    items = _cancellations(order)
    if not items:
        return ()
    ship_by = order.fulfillment.shipByWindow.latestDateTime
    until = f", which Amazon wants to see shipped by {ship_by:%Y-%m-%d %H:%M} UTC" if ship_by else ""
    return (
        f"the customer asks to cancel {_listed(item.orderItemId for item in items)}{until}: cancel it here and in Seller "
        f"Central, or release the hold {CANCELLATION} and ship it in time",
    )


def _listed(lines: Iterable[str]) -> str:
    return ", ".join(f"line {line}" for line in lines)

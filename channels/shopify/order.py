"""Decides what a shop's order means here: which units are wanted, at what price, where to, and what holds them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from channels.attributes import attributes
from channels.channel import Catalogue, Misfit, Said, Settings, Unmapped
from channels.given import free_text, misfit, on_one_line
from channels.lines import called, prices
from channels.money import minor
from channels.parcels import UNITS_OF_ONE
from channels.shopify.given import id_of
from channels.shopify.item import item_of
from channels.shopify.location import is_one, locations, node_of
from channels.shopify.shop_order import NOT_RESTOCKED, RETURNED, ShopFulfillment, ShopLine, ShopOrder
from channels.shopify.till import is_only_of_the_till, sold_there
from domain.channel_difference import PaidBack
from domain.money import in_proportion
from domain.order import NewOrder

CANCELLED = "cancelled"

PAID = ("paid", "partially_refunded", "refunded")
"""The payment statuses at which an order ships without a question; a refund of it lowers its quantities."""

GIFT_MESSAGES = ("giftmessage", "giftnote", "giftcardmessage")
"""What apps call the text for whom an item is given to, without blanks, hyphens and capitals."""


def said(settings: Settings, catalogue: Catalogue, order: ShopOrder) -> Said:
    """What the shop wants of us for this order now. Raises `Misfit`."""
    if why_not := _why_not(settings, order):
        return Said(order.id, order.updated_at, None, why_not, sold_there=sold_there(settings, catalogue, order))
    wanted = _wanted(settings, order)
    lines = [_line(catalogue, order, line, wanted[line.id]) for line in order.lines if wanted[line.id]]
    if not lines:
        return Said(order.id, order.updated_at, None, _why_nothing(order))
    content = _content(settings, order) | {"lines": [line.line for line in lines]}
    try:
        new = NewOrder.model_validate(content)
    except ValidationError as failed:
        raise misfit(failed) from None
    return Said(
        order.id,
        order.updated_at,
        new,
        unmapped=tuple(line.unmapped for line in lines if line.unmapped),
        paid_back=paid_back(order, {line.line["line"]: line.units_of_one for line in lines}),
    )


def has_no_destination(order: ShopOrder) -> bool:
    """Whether the order has goods and a webhook cannot say where they go: the customer collects them, or the till sold them."""
    return order.ship_to is None and any(line.is_goods for line in order.lines) and not order.is_cancelled


def _why_not(settings: Settings, order: ShopOrder) -> str | None:
    if order.is_cancelled:
        return CANCELLED
    if order.is_test and not settings.entry.get("test_orders", False):
        return "a test order"
    if is_only_of_the_till(order):
        return "sold at the till"
    if order.pickup_location and node_of(settings, order.pickup_location) is None:
        return "collected at a location that is no node"
    return None


def _why_nothing(order: ShopOrder) -> str:
    if not any(line.is_goods for line in order.lines):
        return "nothing of it is shipped"
    return "nothing of it is left to ship"


def _wanted(settings: Settings, order: ShopOrder) -> Counter[str]:
    """By line, the units that we have shipped and those that we are to ship.

    Units that came back are not in `current`, and did leave: wanting them no longer would be a cancel of what was shipped.
    """
    left, by_others = _left(order), Counter[str]()
    for fulfillment in order.fulfillments:
        if _is_by_others(settings, fulfillment):
            by_others.update(fulfillment.units)
    wanted = Counter[str]()
    for line in (line for line in order.lines if line.is_goods and not line.is_of_another_service):
        still = line.current + order.refunded(line.id, RETURNED)
        units = max(min(still, line.quantity), min(left[line.id], line.quantity))
        wanted[line.id] = max(0, units - by_others[line.id] - order.kept_out.get(line.id, 0))
    return wanted


def _left(order: ShopOrder) -> Counter[str]:
    left = Counter[str]()
    for fulfillment in order.fulfillments:
        left.update(fulfillment.units)
    return left


def paid_back(order: ShopOrder, units_of_one: Mapping[str, int]) -> dict[str, PaidBack]:
    """By line, what was paid back for units that had left; in our units. Of units that are not restocked, as many had left as
    left beyond what is wanted still."""
    left, found = _left(order), dict[str, PaidBack]()
    for line in (line for line in order.lines if line.id in units_of_one):
        returned, lost = (order.refunded(line.id, restock) for restock in (RETURNED, NOT_RESTOCKED))
        gone = min(lost, max(0, left[line.id] - line.current - returned))
        amount = _amount(order, line, RETURNED) + (_amount(order, line, NOT_RESTOCKED) * gone / lost if lost else 0)
        if returned + gone:
            units = (returned + gone) * units_of_one[line.id]
            found[line.id] = PaidBack(units=units, amount=minor(amount, order.currency))
    return found


def _amount(order: ShopOrder, line: ShopLine, restock: str) -> Decimal:
    shares = (refund.amount for refund in order.refunds if (refund.line, refund.restock) == (line.id, restock))
    return sum(shares, Decimal(0))


def _is_by_others(settings: Settings, fulfillment: ShopFulfillment) -> bool:
    """Whether these units left before the connection was made, or at a location that is not ours."""
    begun = settings.kept.get("connected_at")
    if begun is not None and fulfillment.at < datetime.fromisoformat(begun):
        return True
    own = _own_locations(settings)
    return bool(own) and fulfillment.location is not None and fulfillment.location not in own


def _own_locations(settings: Settings) -> Sequence[str]:
    if not is_one(settings.entry):
        return list(locations(settings).values())
    return [id_of(settings.kept["location"])] if settings.kept.get("location") else []


@dataclass(frozen=True, slots=True)
class _Line:
    line: dict[str, Any]
    units_of_one: int
    unmapped: Unmapped | None = None


def _line(catalogue: Catalogue, order: ShopOrder, line: ShopLine, quantity: int) -> _Line:
    """A line of our order: its discount and tax are the share of the units that are left."""
    item = item_of(catalogue, line)
    name = on_one_line(line.name, 500) or None
    gift, properties = _gift_message(line.properties)
    unmapped = None if item else Unmapped(line.id, _unmapped(line), name)
    units = item.units if item else 1
    extra = [(UNITS_OF_ONE, str(units))] if units > 1 else []
    sku = item.sku if item else _unmapped(line)
    own = {"line": line.id, "sku": sku, "name": name, "quantity": quantity * units}
    shown = {"gift_message": free_text(gift) or None, "attributes": attributes(properties, extra)}
    return _Line(own | _prices(order, line, quantity, units) | shown, units, unmapped)


def _unmapped(line: ShopLine) -> str:
    """What the shop calls an item that nobody knows here."""
    return called(line.sku, f"variant:{line.variant}" if line.variant else f"line:{line.id}")


def _prices(order: ShopOrder, line: ShopLine, quantity: int, units: int) -> dict[str, int]:
    """What the units cost that are left."""
    of = max(line.quantity, quantity)
    discount = in_proportion(minor(line.discount, order.currency), quantity, of)
    tax = in_proportion(minor(line.tax, order.currency), quantity, of)
    return prices(line.price, order.currency, quantity, units, discount=discount, tax=tax)


def _gift_message(properties: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """The text for whom it is given to, and the other properties."""
    gifts = [value for name, value in properties if _plain(name) in GIFT_MESSAGES]
    return "\n".join(gifts), [(name, value) for name, value in properties if _plain(name) not in GIFT_MESSAGES]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _content(settings: Settings, order: ShopOrder) -> dict[str, Any]:
    service, title = _service(settings, order)
    own = [
        ("discount_codes", " ".join(order.discount_codes)),
        ("gateway", " ".join(order.gateways)),
        ("source", order.source),
        ("shipping", title),
    ]
    return {
        "channel": settings.name,
        "number": order.id,
        "reference": on_one_line(order.name, 64) or None,
        "purchase_order": on_one_line(order.purchase_order or "", 64) or None,
        "placed_at": order.created_at,
        "currency": order.currency,
        "service": service,
        "ship_to": _ship_to(order),
        "bill_to": _known(order.bill_to) if order.bill_to else None,
        "pickup_node": node_of(settings, order.pickup_location) if order.pickup_location else None,
        "holds": _holds(settings, order),
        "prices_include_tax": order.prices_include_tax,
        "tags": [tag for tag in map(on_one_line, order.tags) if tag][:250],
        "attributes": attributes(order.attributes, [pair for pair in own if pair[1]]),
        "note": free_text(order.note or "") or None,
    } | _shipping_cost(order)


def _shipping_cost(order: ShopOrder) -> dict[str, int]:
    price = sum((one.price - one.discount for one in order.shipping), Decimal(0))
    tax = sum((one.tax for one in order.shipping), Decimal(0))
    return {
        "shipping_price": max(0, minor(price, order.currency)),
        "shipping_tax": max(0, minor(tax, order.currency)),
    }


def _service(settings: Settings, order: ShopOrder) -> tuple[str, str]:
    """Our service for the shipping title, and the title where nobody has mapped it: it travels as `standard` then."""
    title = on_one_line(order.shipping[0].title) if order.shipping else ""
    service = settings.entry.get("services", {}).get(title)
    return ("standard", title) if service is None else (service, "")


def _ship_to(order: ShopOrder) -> dict[str, Any]:
    """Where it goes. Goods that are collected go to the country of their location."""
    if order.ship_to is None:
        if not order.pickup_location or not order.pickup_country:
            raise Misfit("shipping address: the order has none, and nobody collects it")
        return {"country": order.pickup_country, "name": (order.bill_to or {}).get("name")} | _reached_by(order)
    if not order.ship_to["country"]:
        raise Misfit("shipping address: it has no country")
    return _known(order.ship_to) | _known(_reached_by(order))


def _reached_by(order: ShopOrder) -> dict[str, Any]:
    """How the customer is reached: the address's own phone counts before the order's."""
    own = (order.ship_to or {}).get("phone") or order.phone or ""
    return {"email": on_one_line(order.email or "") or None, "phone": on_one_line(str(own)) or None}


def _known(address: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in address.items() if value not in (None, "", [])}


def _holds(settings: Settings, order: ShopOrder) -> list[dict[str, Any]]:
    """The hold `payment` until it is paid, by the settings, and those that the shop has placed."""
    enough = (*PAID, *settings.entry.get("ship_unpaid", "").replace(",", " ").split())
    found = dict(order.holds)
    if order.payment not in enough:
        found.setdefault("payment", f"the shop says: {order.payment.replace('_', ' ') or 'payment not known'}")
    return [{"hold": name, "reason": free_text(reason or "") or None} for name, reason in sorted(found.items())]

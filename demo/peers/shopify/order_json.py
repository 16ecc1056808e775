"""The bodies of the simulated shop's webhooks: the JSON of Shopify's former REST interface, which webhooks still have.

In it `quantity` counts removed and refunded units, `current_quantity` is today's; amounts are texts with a point; `*_set` has
the shop's currency and the customer's.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from demo.peers.shopify.state import Address, Fulfillment, Level, Line, MerchantRequest, Order, Refund, Work
from domain.money import MINOR_DIGITS

Document = dict[str, Any]

ADDRESS: Address = {
    "first_name": "Ada",
    "last_name": "Buyer",
    "company": None,
    "address1": "1 Example Street",
    "address2": "",
    "city": "Denver",
    "province": "Colorado",
    "province_code": "CO",
    "zip": "80202",
    "country": "United States",
    "country_code": "US",
    "phone": "+15550100",
}
"""Where an order goes when nobody says otherwise."""


PERSONAL = ("first_name", "last_name", "company", "address1", "address2", "phone", "latitude", "longitude")
"""The parts of an address that an app of a shop on a small plan does not get: they come empty."""


def amount(minor: int, currency: str) -> str:
    """An amount as Shopify writes it: two digits for most currencies, none for yen, three for dinars."""
    digits = MINOR_DIGITS.get(currency, 2)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"


def money(order: Order, minor: int) -> Document:
    """An amount in the shop's currency and in the customer's."""
    currency, rate = order.presentment or (order.currency, "1")
    digits = MINOR_DIGITS.get(currency, 2) - MINOR_DIGITS.get(order.currency, 2)
    presented = int((Decimal(minor).scaleb(digits) * Decimal(rate)).to_integral_value())
    return {
        "shop_money": {"amount": amount(minor, order.currency), "currency_code": order.currency},
        "presentment_money": {"amount": amount(presented, currency), "currency_code": currency},
    }


def instant(at: datetime | None) -> str | None:
    """A moment as webhooks have it: with the shop's offset, to the second."""
    return at.isoformat(timespec="seconds") if at else None


def gid(kind: str, number: int) -> str:
    """The global id of something."""
    return f"gid://shopify/{kind}/{number}"


def totals(order: Order) -> dict[str, int]:
    """What the units of today cost, in minor units: subtotal, discounts, tax, total."""
    goods = sum(line.price * line.current for line in order.lines)
    discounts = sum(part(line.discount, line) for line in order.lines) + order.discount
    tax = sum(part(line.tax, line) for line in order.lines) + order.tax
    on_top = 0 if order.taxes_included else tax
    subtotal = goods - discounts
    return {"subtotal": subtotal, "discounts": discounts, "tax": tax, "total": subtotal + on_top + order.shipping_price}


def part(whole: int, line: Line) -> int:
    """The share that today's units of a line have of an amount of all that were ordered."""
    return whole * line.current // line.quantity


def order(order: Order, *, shows_people: bool = True) -> Document:
    """An order as `orders/create`, `orders/updated` and `orders/cancelled` carry it."""
    now = totals(order)
    email = order.email if shows_people else None
    currency = order.currency
    return {
        "id": order.id,
        "admin_graphql_api_id": gid("Order", order.id),
        "buyer_accepts_marketing": False,
        "cancel_reason": order.cancel_reason.lower() if order.cancel_reason else None,
        "cancelled_at": instant(order.cancelled_at),
        "closed_at": instant(order.closed_at),
        "confirmed": True,
        "contact_email": email,
        "created_at": instant(order.created_at),
        "currency": currency,
        "current_subtotal_price": amount(now["subtotal"], currency),
        "current_total_discounts": amount(now["discounts"], currency),
        "current_total_price": amount(now["total"], currency),
        "current_total_price_set": money(order, now["total"]),
        "current_total_tax": amount(now["tax"], currency),
        "email": email,
        "financial_status": order.paid.lower(),
        "fulfillment_status": _fulfillment_status(order),
        "name": order.name,
        "note": order.note,
        "note_attributes": [{"name": name, "value": value} for name, value in order.attributes.items()],
        "number": order.number - 1000,
        "order_number": order.number,
        "phone": None,
        "po_number": None,
        "presentment_currency": (order.presentment or (currency,))[0],
        "processed_at": instant(order.created_at),
        "source_name": order.source,
        "tags": ", ".join(order.tags),
        "taxes_included": order.taxes_included,
        "test": order.is_test,
        "total_shipping_price_set": money(order, order.shipping_price),
        "updated_at": instant(order.updated_at),
        "billing_address": _address(order.bill_to, shows_people),
        "customer": _customer(order) if shows_people else None,
        "discount_codes": [],
        "fulfillments": [fulfillment(one) for one in order.fulfillments],
        "line_items": [line(order, one) for one in order.lines],
        "refunds": [refund(order, one) for one in order.refunds],
        "shipping_address": _address(order.ship_to, shows_people),
        "shipping_lines": _shipping_lines(order),
        "tax_lines": taxes(order, order.tax),
        "total_discounts": amount(total_discount(order), currency),
        "total_discounts_set": money(order, total_discount(order)),
    }


def total_discount(order: Order) -> int:
    """All discounts of an order as it was placed."""
    return sum(line.discount for line in order.lines) + order.discount


def line(order: Order, line: Line) -> Document:
    """A line of an order."""
    currency = order.currency
    return {
        "id": line.id,
        "admin_graphql_api_id": gid("LineItem", line.id),
        "current_quantity": line.current,
        "discount_allocations": _discounts(order, line),
        "fulfillable_quantity": line.fulfillable,
        "fulfillment_service": "manual",
        "fulfillment_status": "fulfilled" if line.fulfilled >= line.quantity else "partial" if line.fulfilled else None,
        "gift_card": line.is_gift_card,
        "grams": 200,
        "name": line.title,
        "price": amount(line.price, currency),
        "price_set": money(order, line.price),
        "product_exists": line.item is not None,
        "product_id": line.item.product if line.item else None,
        "properties": [{"name": name, "value": value} for name, value in line.properties.items()],
        "quantity": line.quantity,
        "requires_shipping": line.requires_shipping,
        "sku": line.sku,
        "tax_lines": taxes(order, line.tax),
        "taxable": True,
        "title": line.title,
        "total_discount": "0.00",
        "variant_id": line.item.id if line.item else None,
        "variant_inventory_management": "shopify" if line.item else None,
        "variant_title": None,
        "vendor": None,
        **({"tip_payment_gateway": "shopify_payments", "tip_payment_method": "visa"} if line.is_tip else {}),
    }


def refund(order: Order, refund: Refund) -> Document:
    """A refund as `refunds/create` and an order carry it."""
    return {
        "id": refund.id,
        "admin_graphql_api_id": gid("Refund", refund.id),
        "order_id": order.id,
        "created_at": instant(refund.created_at),
        "processed_at": instant(refund.created_at),
        "note": refund.note,
        "restock": any(one.restock != "NO_RESTOCK" for one in refund.lines),
        "refund_line_items": [
            {
                "id": one.id,
                "line_item_id": one.line.id,
                "location_id": one.location.id if one.location else None,
                "quantity": one.quantity,
                "restock_type": one.restock.lower(),
                "subtotal": float(amount(one.subtotal, order.currency)),
                "subtotal_set": money(order, one.subtotal),
                "total_tax": float(amount(one.tax, order.currency)),
                "line_item": line(order, one.line),
            }
            for one in refund.lines
        ],
        "transactions": [
            {"id": refund.id + 1, "kind": "refund", "status": "success", "order_id": order.id,
             "amount": amount(refund.amount, order.currency), "currency": order.currency}
        ],
    }  # fmt: skip


def fulfillment(made: Fulfillment) -> Document:
    """What left, as an order carries it."""
    first: Mapping[str, Any] = made.tracking[0] if made.tracking else {}
    return {
        "id": made.id,
        "admin_graphql_api_id": gid("Fulfillment", made.id),
        "order_id": made.order.id,
        "created_at": instant(made.created_at),
        "updated_at": instant(made.updated_at),
        "location_id": made.location.id,
        "name": made.name,
        "service": made.location.service or "manual",
        "shipment_status": made.events[-1].status.lower() if made.events else None,
        "status": made.status.lower(),
        "tracking_company": first.get("company"),
        "tracking_number": first.get("number"),
        "tracking_numbers": [one["number"] for one in made.tracking if one.get("number")],
        "tracking_url": first.get("url"),
        "tracking_urls": [one["url"] for one in made.tracking if one.get("url")],
        "line_items": [line(made.order, work_line.line) | {"quantity": units} for _, work_line, units in made.lines],
    }


def submitted(work: Work, asked: MerchantRequest) -> Document:
    """`fulfillment_orders/fulfillment_request_submitted`: it names no order."""
    short = _short(work)
    return {
        "original_fulfillment_order": short,
        "submitted_fulfillment_order": short,
        "fulfillment_order_merchant_request": _merchant_request(asked) | {"kind": "fulfillment_request"},
    }


def cancellation(work: Work, asked: MerchantRequest) -> Document:
    """`fulfillment_orders/cancellation_request_submitted`: it names no order."""
    return {"fulfillment_order": _short(work), "fulfillment_order_merchant_request": _merchant_request(asked)}


def edited(order: Order, line: Line, change: int, identifier: int) -> Document:
    """`orders/edited`: only what changed, not the order."""
    additions = [{"id": line.id, "delta": change}] if change > 0 else []
    removals = [{"id": line.id, "delta": -change}] if change < 0 else []
    return {
        "order_edit": {
            "id": identifier,
            "order_id": order.id,
            "created_at": instant(order.updated_at),
            "committed_at": instant(order.updated_at),
            "notify_customer": False,
            "staff_note": "",
            "line_items": {"additions": additions, "removals": removals},
        }
    }


def level(inventory_item: int, location: int, level: Level, at: datetime) -> Document:
    """`inventory_levels/update`."""
    return {
        "inventory_item_id": inventory_item,
        "location_id": location,
        "available": level.available,
        "updated_at": instant(at),
        "admin_graphql_api_id": gid("InventoryLevel", location) + f"?inventory_item_id={inventory_item}",
    }


def _fulfillment_status(order: Order) -> str | None:
    return {"FULFILLED": "fulfilled", "PARTIALLY_FULFILLED": "partial"}.get(order.fulfillment_status)


def _address(address: Address | None, shows_people: bool) -> Document | None:
    if address is None:
        return None
    if not shows_people:
        return {**address, **dict.fromkeys(PERSONAL), "name": None}
    name = " ".join(filter(None, [address.get("first_name"), address.get("last_name")]))
    return {"latitude": None, "longitude": None, **address, "name": name}


def _customer(order: Order) -> Document | None:
    if order.email is None:
        return None
    person = order.ship_to or {}
    return {
        "id": order.id + 1,
        "email": order.email,
        "first_name": person.get("first_name"),
        "last_name": person.get("last_name"),
        "phone": None,
        "state": "disabled",
        "verified_email": True,
        "tags": "",
    }


def _discounts(order: Order, line: Line) -> list[Document]:
    if not line.discount:
        return []
    written = amount(line.discount, order.currency)
    return [{"amount": written, "amount_set": money(order, line.discount), "discount_application_index": 0}]


def taxes(order: Order, tax: int) -> list[Document]:
    """The tax of a line, or what only the order as a whole has."""
    if not tax:
        return []
    return [{"title": "Tax", "rate": 0.06, "price": amount(tax, order.currency), "price_set": money(order, tax)}]


def _shipping_lines(order: Order) -> list[Document]:
    if order.shipping_title is None:
        return []
    price = amount(order.shipping_price, order.currency)
    priced = {"price": price, "price_set": money(order, order.shipping_price), "discounted_price": price}
    return [{"id": order.id + 2, "code": order.shipping_title, "title": order.shipping_title, "source": "shopify",
             "discount_allocations": [], "tax_lines": [], **priced}]  # fmt: skip


def _short(work: Work) -> Document:
    return {
        "id": gid("FulfillmentOrder", work.id),
        "status": work.status.lower(),
        "request_status": work.request.lower(),
    }


def _merchant_request(asked: MerchantRequest) -> Document:
    return {
        "id": gid("FulfillmentOrderMerchantRequest", asked.id),
        "message": asked.message,
        "request_options": dict(asked.options),
    }

"""One invented order as a shop has it, in its two spellings: the body of a webhook, and what GraphQL answers."""

import json
from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any

from channels.channel import Settings, Units

ORDER = "820982911946154508"
"""Above 2**53: read as a float it would be another order."""

LINE, OTHER = "866550311766439020", "141249953214522974"
LOCATION = "655441491"


class Items:
    """A catalogue of own SKUs and aliases."""

    def __init__(
        self, *own: str, aliases: Mapping[tuple[str, str], Units] | None = None, may_ship: Collection[str] = ()
    ) -> None:
        self.may_ship = may_ship
        self.known = {("sku", sku): Units(sku) for sku in own} | dict(aliases or {})

    def nodes(self) -> Collection[str]:
        """The nodes that may ship the channel's orders."""
        return self.may_ship

    def item(self, kind: str, external: str) -> Units | None:
        """What is known of it."""
        return self.known.get((kind, external))


CATALOGUE = Items(
    "TEE-RED-M", "MUG", aliases={("variant", "39072856"): Units("TEE-RED-M"), ("sku", "MUG-CASE"): Units("MUG", 12)}
)


def settings(kept: Mapping[str, Any] | None = None, **entry: Any) -> Settings:
    """A connection."""
    own = {"api": "https://acme.myshopify.com", "mode": "one", "services": {"Express": "express"}}
    made = {"location": LOCATION, "connected_at": "2026-01-01T00:00:00+00:00"} if kept is None else kept
    return Settings("web", own | entry, {"client_id": "id", "client_secret": "hush"}, made)


def rest_money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    """An amount as the shop counts it, and as a customer in the United States saw it."""
    return {
        "shop_money": {"amount": amount, "currency_code": currency},
        "presentment_money": {"amount": "999.99", "currency_code": "USD"},
    }


def graphql_money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    """The same, in GraphQL."""
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


WEBHOOK: dict[str, Any] = {
    "id": int(ORDER),
    "admin_graphql_api_id": f"gid://shopify/Order/{ORDER}",
    "name": "#1005",
    "order_number": 1005,
    "created_at": "2026-11-20T10:00:00+01:00",
    "updated_at": "2026-11-20T10:05:00+01:00",
    "cancelled_at": None,
    "closed_at": None,
    "test": False,
    "currency": "EUR",
    "presentment_currency": "USD",
    "financial_status": "paid",
    "taxes_included": True,
    "source_name": "web",
    "po_number": "4500/A-12",
    "email": "ada@example.com",
    "phone": None,
    "note": "Ring twice.",
    "tags": "gold, first order",
    "note_attributes": [{"name": "engraving", "value": "A & B"}],
    "discount_codes": [{"code": "TEN", "amount": "4.00", "type": "percentage"}],
    "payment_gateway_names": ["shopify_payments"],
    "customer": {"id": 115310627314723954, "email": "ada@example.com"},
    "shipping_address": {
        "name": "Ada Example",
        "company": "Example Ltd",
        "address1": "1 Long Street",
        "address2": "",
        "city": "Berlin",
        "province_code": "BE",
        "zip": "10115",
        "country_code": "DE",
        "phone": "+49 30 1234",
        "latitude": 52.5,
        "longitude": 13.4,
    },
    "billing_address": {"name": "Ben Example", "address1": "2 Long Street", "city": "Berlin", "country_code": "DE"},
    "shipping_lines": [
        {
            "title": "Express",
            "price": "6.00",
            "price_set": rest_money("6.00"),
            "is_removed": False,
            "discount_allocations": [{"amount": "1.00", "amount_set": rest_money("1.00")}],
            "tax_lines": [{"price": "0.80", "price_set": rest_money("0.80")}],
        }
    ],
    "line_items": [
        {
            "id": int(LINE),
            "variant_id": 39072856,
            "name": "Tee - red / M",
            "sku": "TEE-RED-M",
            "quantity": 4,
            "current_quantity": 4,
            "fulfillable_quantity": 4,
            "price": "19.99",
            "price_set": rest_money("19.99"),
            "gift_card": False,
            "requires_shipping": True,
            "fulfillment_service": "manual",
            "properties": [{"name": "size note", "value": "loose"}],
            "discount_allocations": [{"amount": "4.00", "amount_set": rest_money("4.00")}],
            "tax_lines": [{"price": "12.12", "price_set": rest_money("12.12")}],
        },
        {
            "id": int(OTHER),
            "variant_id": 49148385,
            "name": "Mug",
            "sku": "MUG",
            "quantity": 1,
            "current_quantity": 1,
            "price": "5.00",
            "price_set": rest_money("5.00"),
            "gift_card": False,
            "requires_shipping": True,
            "fulfillment_service": "manual",
            "properties": [],
            "discount_allocations": [],
            "tax_lines": [],
        },
    ],
    "fulfillments": [],
    "refunds": [],
}

GRAPHQL: dict[str, Any] = {
    "id": f"gid://shopify/Order/{ORDER}",
    "name": "#1005",
    "createdAt": "2026-11-20T09:00:00Z",
    "updatedAt": "2026-11-20T09:05:00Z",
    "cancelledAt": None,
    "closedAt": None,
    "test": False,
    "currencyCode": "EUR",
    "displayFinancialStatus": "PAID",
    "taxesIncluded": True,
    "sourceName": "web",
    "poNumber": "4500/A-12",
    "email": "ada@example.com",
    "phone": None,
    "note": "Ring twice.",
    "tags": ["gold", "first order"],
    "customAttributes": [{"key": "engraving", "value": "A & B"}],
    "discountCodes": ["TEN"],
    "paymentGatewayNames": ["shopify_payments"],
    "shippingAddress": {
        "name": "Ada Example",
        "company": "Example Ltd",
        "address1": "1 Long Street",
        "address2": None,
        "city": "Berlin",
        "provinceCode": "BE",
        "zip": "10115",
        "countryCodeV2": "DE",
        "phone": "+49 30 1234",
        "latitude": 52.5,
        "longitude": 13.4,
    },
    "billingAddress": {
        "name": "Ben Example",
        "address1": "2 Long Street",
        "city": "Berlin",
        "countryCodeV2": "DE",
    },
    "shippingLines": {
        "nodes": [
            {
                "title": "Express",
                "originalPriceSet": graphql_money("6.0"),
                "discountAllocations": [{"allocatedAmountSet": graphql_money("1.0")}],
                "taxLines": [{"priceSet": graphql_money("0.8")}],
            }
        ]
    },
    "lineItems": {
        "nodes": [
            {
                "id": f"gid://shopify/LineItem/{LINE}",
                "variant": {"id": "gid://shopify/ProductVariant/39072856"},
                "name": "Tee - red / M",
                "sku": "TEE-RED-M",
                "quantity": 4,
                "currentQuantity": 4,
                "isGiftCard": False,
                "requiresShipping": True,
                "originalUnitPriceSet": graphql_money("19.99"),
                "customAttributes": [{"key": "size note", "value": "loose"}],
                "discountAllocations": [{"allocatedAmountSet": graphql_money("4.0")}],
                "taxLines": [{"priceSet": graphql_money("12.12")}],
            },
            {
                "id": f"gid://shopify/LineItem/{OTHER}",
                "variant": {"id": "gid://shopify/ProductVariant/49148385"},
                "name": "Mug",
                "sku": "MUG",
                "quantity": 1,
                "currentQuantity": 1,
                "isGiftCard": False,
                "requiresShipping": True,
                "originalUnitPriceSet": graphql_money("5.0"),
                "customAttributes": [],
                "discountAllocations": [],
                "taxLines": [],
            },
        ]
    },
    "fulfillmentOrders": {"nodes": []},
    "fulfillments": [],
    "refunds": [],
}


def fulfillment_order(line: str, remaining: int, **more: Any) -> dict[str, Any]:
    """A fulfillment order of the shop, at our location."""
    return {
        "id": "gid://shopify/FulfillmentOrder/1",
        "status": "OPEN",
        "requestStatus": "UNSUBMITTED",
        "assignedLocation": {
            "countryCode": "DE",
            "location": {"id": f"gid://shopify/Location/{LOCATION}", "isFulfillmentService": True},
        },
        "deliveryMethod": {"methodType": "SHIPPING"},
        "fulfillmentHolds": [],
        "lineItems": {
            "nodes": [{"remainingQuantity": remaining, "lineItem": {"id": f"gid://shopify/LineItem/{line}"}}]
        },
    } | more


def at(location: str, is_service: bool = False) -> dict[str, Any]:
    """Assigned to a location of the shop."""
    place = {"id": f"gid://shopify/Location/{location}", "isFulfillmentService": is_service}
    return {"countryCode": "DE", "location": place}


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a document with other values at these paths, such as `line_items.0.sku`; `-1` adds to a list."""
    copy: dict[str, Any] = deepcopy(dict(document))
    for path, value in changes.items():
        *way, last = path.split(".")
        place: Any = copy
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if isinstance(place, list):
            place.append(value) if last == "-1" else place.__setitem__(int(last), value)
        else:
            place[last] = value
    return copy


def body(document: Mapping[str, Any]) -> bytes:
    """As it comes."""
    return json.dumps(document).encode()

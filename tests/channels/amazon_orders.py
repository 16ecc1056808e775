"""One invented order as Amazon's Orders API of 2026-01-01 has it, and changes of it."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from channels.channel import Settings, Units
from tests.channels.shopify_orders import Items

ORDER = "902-7391845-6620418"
MUG, BOWL = "40911620735561", "40911620735569"
US = "ATVPDKIKX0DER"
CONNECTED_AT = "2026-11-01T00:00:00+00:00"

CATALOGUE = Items("MUG-BLUE", "BOWL-12", aliases={("sku", "BOWL-CASE"): Units("BOWL-12", 12)})


def settings(kept: Mapping[str, Any] | None = None, **entry: Any) -> Settings:
    """A connection."""
    own = {"api": "https://sellingpartnerapi-na.amazon.com", "services": {"SECOND_DAY": "express"}}
    credentials = {"client_id": "amzn1.id", "client_secret": "amzn1.secret", "refresh_token": "Atzr|x"}
    return Settings("amz", own | entry, credentials, {"connected_at": CONNECTED_AT} if kept is None else kept)


def money(amount: str, currency: str = "USD") -> dict[str, str]:
    """An amount."""
    return {"amount": amount, "currencyCode": currency}


UNSHIPPED: dict[str, Any] = {
    "orderId": ORDER,
    "orderAliases": [{"aliasId": "OUR/4711", "aliasType": "SELLER_ORDER_ID"}],
    "createdTime": "2026-11-20T08:00:00Z",
    "lastUpdatedTime": "2026-11-20T08:31:00Z",
    "programs": ["AMAZON_BUSINESS"],
    "salesChannel": {"channelName": "AMAZON", "marketplaceId": US, "marketplaceName": "Amazon.com"},
    "buyer": {
        "buyerName": "Nora Field",
        "buyerEmail": "k3v9@marketplace.amazon.com",
        "buyerCompanyName": "Field and Sons",
        "buyerPurchaseOrderNumber": "PO 77/3",
    },
    "recipient": {
        "deliveryAddress": {
            "name": "Sam Field",
            "companyName": "Field and Sons",
            "addressLine1": "9 Mill Lane",
            "addressLine2": "Dock 2",
            "addressLine3": "",
            "city": "Denver",
            "stateOrRegion": "CO",
            "postalCode": "80202-1234",
            "countryCode": "US",
            "phone": "+1 303 555 0100 ext. 1",
            "addressType": "COMMERCIAL",
        },
        "deliveryPreference": {"addressInstruction": "Ring at the gate."},
    },
    "fulfillment": {
        "fulfillmentStatus": "UNSHIPPED",
        "fulfilledBy": "MERCHANT",
        "fulfillmentServiceLevel": "SECOND_DAY",
        "shipByWindow": {"earliestDateTime": "2026-11-20T08:00:00Z", "latestDateTime": "2026-11-23T07:59:59Z"},
        "deliverByWindow": {"earliestDateTime": "2026-11-24T08:00:00Z", "latestDateTime": "2026-11-27T07:59:59Z"},
    },
    "orderItems": [
        {
            "orderItemId": MUG,
            "quantityOrdered": 3,
            "product": {
                "asin": "B0INVENTED",
                "title": "Mug, blue",
                "sellerSku": "MUG-BLUE",
                "price": {"unitPrice": money("12.50")},
            },
            "proceeds": {
                "proceedsTotal": money("43.69"),
                "breakdowns": [
                    {"type": "ITEM", "subtotal": money("37.50")},
                    {"type": "SHIPPING", "subtotal": money("5.00")},
                    {
                        "type": "DISCOUNT",
                        "subtotal": money("-3.00"),
                        "detailedBreakdowns": [{"subtype": "SHIPPING", "value": money("-1.50")}],
                    },
                    {
                        "type": "TAX",
                        "subtotal": money("4.19"),
                        "detailedBreakdowns": [
                            {"subtype": "ITEM", "value": money("3.60")},
                            {"subtype": "SHIPPING", "value": money("0.59")},
                        ],
                    },
                ],
            },
            "fulfillment": {
                "quantityFulfilled": 0,
                "quantityUnfulfilled": 3,
                "packing": {"giftOption": {"giftMessage": "For your new home.", "giftWrapLevel": "CLASSIC"}},
                "shipping": {
                    "shippingConstraints": {"signatureConfirmation": "MANDATORY"},
                    "internationalShipping": {"iossNumber": "IM5280001234"},
                },
            },
        },
        {
            "orderItemId": BOWL,
            "quantityOrdered": 1,
            "product": {
                "asin": "B0INVENTE2",
                "title": "Bowls, case of 12",
                "sellerSku": "BOWL-CASE",
                "price": {"unitPrice": money("60.00")},
            },
            "proceeds": {"breakdowns": [{"type": "ITEM", "subtotal": money("60.00")}]},
            "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 1},
        },
    ],
    "packages": [],
}


def changed(*path: Any, to: Any, of: Mapping[str, Any] = UNSHIPPED) -> dict[str, Any]:
    """The order with another value in one place; `...` takes it out."""
    made: Any = deepcopy(dict(of))
    part = made
    for name in path[:-1]:
        part = part[name]
    if to is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return dict(made)


def body(order: Mapping[str, Any]) -> bytes:
    """An order as bytes."""
    return json.dumps(order).encode()

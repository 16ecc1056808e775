"""An example of every body that the interface takes, with every field of it, for the OpenAPI document and the page /docs.

They belong together: an order of the example network, its work, its return. Those that need nothing before them can be sent as
they are.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_WHEN = "2026-11-21T15:04:05Z"
_LINES = [{"line": "1", "quantity": 2}]
_SHIP_TO = {
    "name": "Ada Lovelace",
    "company": "Analytical Engines",
    "street": ["Larimer Street 1"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
    "email": "ada@example.org",
    "phone": "+1 303 555 0100",
}
_CART: dict[str, Any] = {
    "channel": "web",
    "reference": "#1001",
    "purchase_order": "PO/7-33",
    "placed_at": _WHEN,
    "currency": "USD",
    "service": "standard",
    "ship_to": _SHIP_TO,
    "bill_to": _SHIP_TO | {"email": "books@example.org"},
    "pickup_node": None,
    "from_node": None,
    "priority": 5,
    "customer_tier": "gold",
    "ship_complete": None,
    "not_before": None,
    "not_after": None,
    "promised": {"ship_by": "2026-11-24T23:00:00Z", "deliver_by": "2026-11-30T23:00:00Z"},
    "holds": [{"hold": "fraud", "reason": "billing and shipping address differ"}],
    "shipping_price": 500,
    "shipping_tax": 41,
    "prices_include_tax": False,
    "discount": 300,
    "paid": 10831,
    "tags": ["gift", "first order"],
    "attributes": {"gift_wrap": "red paper"},
    "note": "please leave it with the neighbour",
    "lines": [
        {
            "line": "1",
            "sku": "SET-01",
            "name": "Evening set, large",
            "quantity": 2,
            "unit_price": 4900,
            "discount": 0,
            "tax": 790,
            "gift_message": "Happy birthday, Charles!",
            "attributes": {"engraving": "C. B."},
        }
    ],
}
_PARCEL = {"package": "1", "carrier": "ups", "tracking": "1Z999", "lines": _LINES}
_LABEL = {
    "package": "1",
    "carrier": None,
    "format": "zpl",
    "weight_g": 1200,
    "sides": {"length_mm": 300, "width_mm": 200, "height_mm": 120},
    "reason": None,
    "actor": "Ada",
}


def _because(reason: str, **more: Any) -> dict[str, Any]:
    return more | {"reason": reason, "actor": "Ada"}


EXAMPLES: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "place_order": {"number": "1001", "reservation": None} | _CART,
        "search_orders": {"email": "ada@example.org", "phone": None, "name": None},
        "get_promise": _CART,
        "make_reservation": _CART | {"expires_in": "15m"},
        "cancel_order": _because("the customer changed their mind", lines=_LINES, code="customer_request"),
        "hold_order": _because("billing and shipping address differ", hold="fraud"),
        "release_order": _because("checked by phone", hold="fraud"),
        "change_order_address": _because("the customer moved", ship_to=_SHIP_TO),
        "change_order_quantities": _because("the customer wants two", lines=_LINES),
        "change_order_service": _because("the customer cannot wait", service="two_day"),
        "add_order_lines": _because(
            "the customer wants a pen, and another scent",
            lines=_CART["lines"],
            swap=[{"line": "1", "sku": "SERUM-30", "quantity": 1}],
        ),
        "change_order_pickup": _because("this store is nearer", pickup_node="chi"),
        "reroute_order": _because("snow", fulfillment_order="web-1001-f1", to_node="nwk"),
        "resolve_order_exception": _because("called the warehouse", exception="web-1001-x7"),
        "request_return": _because(
            "wrong scent",
            lines=[{"line": "1", "quantity": 1, "exchange_for": "SERUM-30", "reason": "wrong scent"}],
            resolution="exchange",
            node="slc",
            pickup_node=None,
            ship_to=_SHIP_TO,
        ),
        "forget_order": _because("the customer asked for it", even_if_open=True),
        "make_claim": _because(
            "the bottle is broken",
            lines=_LINES,
            kind="damaged",
            resolution="replacement",
            pickup_node=None,
            ship_to=_SHIP_TO,
            evidence={"photo": "https://shop.example/1.jpg"},
        ),
        "send_claim_message": {
            "message_id": "web-7",
            "kind": "settled",
            "occurred_at": _WHEN,
            "amount": 4900,
            "reason": "paid back",
        },
        "send_payment": {"message_id": "web-8", "kind": "authorized", "amount": 9800, "occurred_at": _WHEN},
        "send_node_message": {
            "message_id": "slc-000123",
            "kind": "shipped",
            "occurred_at": _WHEN,
            "lines": _LINES,
            "packages": [_PARCEL],
            "package": None,
            "reason": None,
            "final": True,
        },
        "buy_label": _LABEL,
        "buy_return_label": _LABEL,
        "void_label": _because("the parcel did not leave"),
        "make_manifest": {"carrier": "usps", "reason": None, "actor": "Ada"},
        "settle_manifest": _because("it is not on their site", outcome="not_made"),
        "pause_node": _because("snow", open_work="reroute"),
        "resume_node": _because("the roads are clear"),
        "send_stock_message": {
            "message_id": "slc-000124",
            "node": "slc",
            "kind": "received",
            "occurred_at": _WHEN,
            "lines": [{"sku": "SERUM-30", "quantity": 12}],
            "from_state": None,
            "to_state": None,
            "expected_at": None,
            "expected": None,
            "supplier": None,
            "transfer": None,
            "reason": None,
        },
        "make_transfer": {
            "transfer": "T-7",
            "from": "slc",
            "to": "chi",
            "service": "standard",
            "ship_after": None,
            "lines": [{"line": "1", "sku": "SERUM-30", "quantity": 2}],
        },
        "cancel_transfer": _because("the store needs fewer", lines=_LINES, code=None),
        "take_needs": _because("before the weekend", node="chi", skus=["SERUM-30"]),
        "stop_selling": _because("recalled", node="slc"),
        "resume_selling": _because("the recall is over", node="slc"),
        "send_return_message": {
            "message_id": "slc-000125",
            "kind": "graded",
            "occurred_at": _WHEN,
            "node": "slc",
            "lines": [{"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}],
            "refund": None,
            "amount": None,
            "reason": None,
        },
        "send_blind_return": {
            "message_id": "slc-000126",
            "occurred_at": _WHEN,
            "node": "slc",
            "order": "web-1001",
            "lines": [{"sku": "SERUM-30", "quantity": 1}],
            "reason": "no label",
        },
        "approve_return": _because("a good customer"),
        "decline_return": _because("worn for years"),
        "cancel_return": _because("the customer keeps it"),
        "change_return_dispositions": _because(
            "cleaned", lines=[{"line": "1", "quantity": 1, "from": "quarantine", "to": "restock", "node": "slc"}]
        ),
        "resolve_exception": _because("counted again"),
        "assign_exception": _because("the late shift looks at it", owner="night-shift"),
        "register_webhook": {"url": "https://shop.example/switchyard", "secret": "whsec_" + "A" * 32},
        "retry_webhook": _because("the shop is up again"),
        "retry_connection": _because("the service is offered now"),
        "make_key": {"kind": "operator", "name": "night-shift", "role": "act"},
    }
)
"""By operation id."""

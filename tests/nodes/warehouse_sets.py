"""Fulfillment orders as their node sees them, and sets of a warehouse, as short texts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from formats.x12.parts import Segment, Set
from nodes.x12.items import Received

AT = datetime(2026, 11, 30, 18, 5, tzinfo=UTC)


def line(line_id: str, sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    """A line of a fulfillment order; what is not named is as for a plain item of which nothing was reported."""
    plain: dict[str, Any] = {
        "line": line_id,
        "sku": sku,
        "name": sku.title(),
        "barcode": None,
        "components": [],
        "weight_g": 250,
        "hazmat": False,
        "ships_alone": False,
        "unit_price": 990,
        "gift_message": None,
        "attributes": {},
        "quantity": quantity,
        "picked": 0,
        "shipped": 0,
        "short": 0,
        "in_doubt": 0,
        "cancel_requested": 0,
    }
    return plain | more


def part(sku: str, quantity: int) -> dict[str, Any]:
    """A component of a bundle."""
    return {"sku": sku, "quantity": quantity, "name": sku.title(), "barcode": None}


def document(*lines: Mapping[str, Any], request: str = "unsent", **more: Any) -> dict[str, Any]:
    """A fulfillment order with these lines."""
    ship_to = {
        "name": "Ann Ode",
        "company": "Corner Shop 12",
        "street": ["1 Main St", "Dock 4"],
        "city": "Denver",
        "region": "CO",
        "postal_code": "80202",
        "country": "US",
        "phone": "3035550100",
    }
    plain = {
        "fulfillment_order": "web-1001-f1",
        "order": "web-1001",
        "reference": "#1001",
        "purchase_order": "4500/A-12",
        "request": request,
        "service": "standard",
        "pickup": False,
        "ship_by": "2026-12-01T23:00:00+00:00",
        "lines": list(lines),
        "ship_to": ship_to,
    }
    return plain | more


def received(code: str, text: str, key: str = "261130-000000012-7-0001") -> Received:
    """A set of a warehouse, a segment on each line."""
    lines = [one.strip().split("*") for one in text.strip().splitlines() if one.strip()]
    segments = tuple(Segment.of(name, *elements) for name, *elements in lines)
    return Received(Set(code, "0001", segments), key, AT)

"""The documents of fulfillment orders as their nodes see them: one, and a page of many."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document, sometimes
from database.documents.filters import given
from domain.fulfillment import FulfillmentOrderStatus, Quantity, RequestStatus
from domain.order import Address


class ShippedPackage(Document):
    """A package that left a node."""

    package: str
    """Its id, given by the node; `#2` behind it tells it from another package with this id."""
    carrier: str | None
    """The carrier in the node's words; null when it named none."""
    tracking: str | None
    """The carrier's tracking number; null when the node named none, or the order was forgotten."""
    lines: list[Quantity]
    """The units in it; empty when the node did not say."""


class FulfillmentOrderLine(Document):
    """A line of a fulfillment order as its node sees it."""

    line: str
    """The line's id in its order."""
    sku: str
    quantity: int
    """Units that the node is asked to ship."""
    picked: int
    """Units that it has picked."""
    shipped: int
    """Units that it has shipped."""
    short: int
    """Units that it does not ship; they left this fulfillment order."""
    in_doubt: int
    """Units of an attempt that was given up: it is not known whether the node still has them."""
    cancel_requested: int
    """Units that the node is asked to stop: those that the customer cancelled, or all that it still owes."""


class ShipTo(Document):
    """The address of a fulfillment order. A field that the order does not have is absent. Once the order was forgotten, every
    field except `country` is null."""

    name: str | None = sometimes()
    street: list[str] | None = sometimes()
    """Up to five lines."""
    city: str | None = sometimes()
    region: str | None = sometimes()
    postal_code: str | None = sometimes()
    country: str
    """Two letters, ISO 3166-1."""
    email: str | None = sometimes()
    phone: str | None = sometimes()
    latitude: float | None = sometimes()
    """Degrees."""
    longitude: float | None = sometimes()
    """Degrees."""


class FulfillmentOrder(Document):
    """Work for one node, as the node sees it: what to ship, where to, and until when."""

    fulfillment_order: str
    """Its id: the order's id with `-f1`, `-f2` and so on."""
    order: str
    """The order's id."""
    node: str
    attempt: int
    """Which try this is for the same units, from 1."""
    status: FulfillmentOrderStatus
    """How far the work is."""
    request: RequestStatus
    """The status of the request to the node."""
    service: str
    """How fast it travels: a service of the policy, such as `standard`."""
    pickup: bool
    """Whether the customer collects it at the node."""
    ship_by: AwareDatetime
    """When it should leave."""
    released_at: AwareDatetime
    """When it was released to the node."""
    cancel_asked_at: AwareDatetime | None
    """When the node was last asked to cancel; null when it was not asked, or has answered in time."""
    lines: list[FulfillmentOrderLine]
    packages: list[ShippedPackage]
    """The packages that left, sorted by id."""
    ship_to: ShipTo
    forgotten: bool
    """Whether the order's personal data was erased."""
    reason: str | None
    """The last reason that the node gave; null when it gave none, or the order was forgotten."""


async def show(connection: ReadConnection, *, node: str | None, fulfillment_order: str) -> dict[str, Any] | None:
    """One fulfillment order as its node sees it; None when there is none, or it is another node's."""
    asked = given({"f.fulfillment_order_id = :fulfillment_order": fulfillment_order, "f.node = :node": node})
    rows = await connection.execute(
        text(f"{_SHOWN} WHERE {asked}"), {"node": node, "fulfillment_order": fulfillment_order}
    )
    row = rows.one_or_none()
    return _shown(connection, row) if row else None


async def listed(
    connection: ReadConnection,
    *,
    node: str | None,
    status: str | None,
    request: str | None,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Fulfillment orders of a node (None = of all), the oldest first, after the one with the id `after`."""
    of_node = given({"a.node = :node": node})
    asked = given(
        {
            "f.node = :node": node,
            "s.status = :status": status,
            "f.request = :request": request,
            f"(f.released_at, f.fulfillment_order_id) > ({_AFTER} AND {of_node})": after,
        }
    )
    rows = await connection.execute(
        text(f"{_SHOWN} WHERE {asked} ORDER BY f.released_at, f.fulfillment_order_id LIMIT :limit"),
        {"node": node, "status": status, "request": request, "after": after, "limit": limit},
    )
    return [_shown(connection, row) for row in rows]


def _shown(connection: ReadConnection, row: Any) -> dict[str, Any]:
    """A fulfillment order with its address; of a forgotten order only the country is left."""
    shown: dict[str, Any] = json.loads(row.shown)
    key = personal.open_key(connection, shown["order"], row.wrapped)
    ship_to = personal.unseal(key, "address", row.ship_to)
    return shown | {
        "ship_to": ship_to or dict.fromkeys(Address.model_fields) | {"country": row.country},
        "forgotten": ship_to is None,
        "reason": personal.remark(key, row.remark)["reason"],
    }


_SHOWN = """
    SELECT jsonb_build_object(
               'fulfillment_order', f.fulfillment_order_id, 'order', f.order_id, 'node', f.node, 'attempt', f.attempt,
               'status', s.status, 'request', f.request, 'service', o.service,
               'pickup', f.pickup, 'ship_by', f.ship_by, 'released_at', f.released_at,
               'cancel_asked_at', f.cancel_asked_at,
               'lines', (SELECT jsonb_agg(jsonb_build_object(
                                    'line', l.line, 'sku', l.sku, 'quantity', l.quantity, 'picked', l.picked,
                                    'shipped', l.shipped, 'short', l.short, 'in_doubt', l.in_doubt,
                                    'cancel_requested', CASE
                                        WHEN f.request = 'cancel_requested' AND f.asked_for_all
                                        THEN l.quantity - l.shipped - l.short ELSE l.cancel_wanted END)
                                    ORDER BY l.position)
                         FROM fulfillment_order_line l WHERE l.fulfillment_order_id = f.fulfillment_order_id),
               'packages', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'package', p.package, 'carrier', p.carrier, 'tracking', p.tracking,
                                    'lines', p.lines) ORDER BY p.package), '[]')
                            FROM package p WHERE p.fulfillment_order_id = f.fulfillment_order_id)
           )::text AS shown, o.country, r.ship_to, k.wrapped, m.sealed AS remark
    FROM fulfillment_order f
    JOIN fulfillment_order_status s USING (fulfillment_order_id)
    JOIN orders o USING (order_id)
    LEFT JOIN personal.recipient r USING (order_id)
    LEFT JOIN personal.key k ON k.owner = f.order_id
    LEFT JOIN personal.remark m ON m.remark_id = f.reason_remark
"""

_AFTER = """
    SELECT a.released_at, a.fulfillment_order_id FROM fulfillment_order a WHERE a.fulfillment_order_id = :after
"""

"""Named statements that read orders and stock out, page by page: for trials, spreadsheets and other systems."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import details, personal
from database.connect import Database, ReadConnection
from database.details import Details

PAGE = 500
"""Orders that one statement reads."""
WITHOUT_A_PERSON = ("country", "region", "postal_code")
"""What is read out of an address without personal data: of the postal code, its area."""


@dataclass(frozen=True, slots=True)
class ExportedOrder:
    """An order as its channel sent it, and where its units are."""

    body: dict[str, Any]
    """The body of a `POST /orders`."""
    facts: dict[str, Any]
    """Its id, when it came, and its status."""
    has_whole_code: bool
    """Whether its postal code is the customer's, and not only the area."""
    buckets: dict[str, dict[str, int]]
    """By line: the units that were shipped, cancelled and returned."""


async def count_orders(connection: ReadConnection, since: datetime) -> int:
    """How many orders came since then."""
    return int((await connection.execute(COUNT, {"since": since})).scalar_one())


COUNT = text("SELECT count(*) FROM orders WHERE received_at >= :since AND to_node IS NULL")


async def orders(
    database: Database, since: datetime, *, is_personal: bool, only: Sequence[str] | None = None
) -> AsyncIterator[ExportedOrder]:
    """Every order that came since then, by id; with `only`, those of these ids. Personal data is read out only where it is
    asked for."""
    after, page = "", PAGE
    while page == PAGE:
        async with database.read() as connection:
            rows = (
                await connection.execute(ORDERS, {"since": since, "only": only, "after": after, "limit": PAGE})
            ).all()
            for row in rows:
                yield _order(connection, row, is_personal=is_personal)
        page, after = len(rows), rows[-1].order_id if rows else after


ORDERS = text(
    """
    SELECT o.*, s.status, r.ship_to, r.details, k.wrapped,
           (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                'line', l.line, 'sku', l.sku, 'name', l.name, 'quantity', l.ordered, 'unit_price', l.unit_price,
                'discount', nullif(l.discount + a.discount, 0), 'tax', nullif(l.tax + a.tax, 0))) ORDER BY l.position)
            FROM order_line l
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(y.discount), 0) AS discount, coalesce(sum(y.tax), 0) AS tax
                FROM order_layer y WHERE y.order_id = l.order_id AND y.line = l.line) a
            WHERE l.order_id = o.order_id) AS lines,
           (SELECT sum(order_discount)::bigint FROM order_line l WHERE l.order_id = o.order_id) AS discount,
           (SELECT jsonb_object_agg(l.line, jsonb_build_object('shipped', l.shipped, 'cancelled', l.cancelled, 'returned',
                (SELECT coalesce(sum(rl.returned), 0) FROM return JOIN return_line rl USING (return_id)
                 WHERE return.order_id = o.order_id AND rl.line = l.line)))
            FROM order_line l WHERE l.order_id = o.order_id) AS buckets
    FROM orders o JOIN order_status s USING (order_id) LEFT JOIN personal.recipient r USING (order_id)
    LEFT JOIN personal.key k ON k.owner = o.order_id
    WHERE o.received_at >= :since AND o.to_node IS NULL AND o.order_id > :after
      AND (CAST(:only AS text[]) IS NULL OR o.order_id = ANY(CAST(:only AS text[]))) ORDER BY o.order_id LIMIT :limit
    """
)
OPTIONAL: dict[str, Any] = {
    **dict.fromkeys(
        ("reference", "purchase_order", "pickup_node", "from_node", "ship_complete", "not_before", "not_after", "paid")
    ),
    **dict.fromkeys(("shipping_price", "shipping_tax", "discount"), 0),
    "customer_tier": "",
    "tags": [],
    "prices_include_tax": True,
}
"""Fields that are left out where an order has what stands here."""


def _order(connection: ReadConnection, row: Any, *, is_personal: bool) -> ExportedOrder:
    key = personal.open_key(connection, row.order_id, row.wrapped)
    ship_to = personal.unseal(key, "address", row.ship_to) or {}
    has_whole_code = is_personal and bool(ship_to)
    ship_to |= {"country": row.country} | ({} if has_whole_code else {"postal_code": row.postal_area})
    if not is_personal:
        ship_to = {name: ship_to[name] for name in WITHOUT_A_PERSON if name in ship_to}
    body = {
        "channel": row.channel,
        "number": row.number,
        "placed_at": _text(row.placed_at),
        "currency": row.currency,
        "service": row.service,
        "ship_to": ship_to,
        "priority": row.priority,
        "lines": row.lines,
    }
    body |= {name: _text(value) for name, absent in OPTIONAL.items() if (value := getattr(row, name)) != absent}
    duty = {"ship_by": row.duty_ship_by, "deliver_by": row.duty_deliver_by}
    if promised := {name: _text(moment) for name, moment in duty.items() if moment}:
        body["promised"] = promised
    if is_personal:
        _add_details(body, details.unseal(key, row.details))
    facts = {"order": row.order_id, "received_at": _text(row.received_at), "status": row.status}
    return ExportedOrder(body, facts, has_whole_code, row.buckets)


def _add_details(body: dict[str, Any], own: Details) -> None:
    """Add what is personal beside the address."""
    body |= {name: value for name in ("bill_to", "note", "attributes") if (value := getattr(own, name))}
    for line in body["lines"]:
        of_line = own.line(line["line"])
        line |= {name: value for name in ("gift_message", "attributes") if (value := getattr(of_line, name))}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


async def stock(connection: ReadConnection, at: datetime | None) -> list[tuple[str, str, int]]:
    """The units on hand by (node, SKU), at a moment or now; without places where there are none."""
    return [(row.node, row.sku, row.on_hand) for row in await connection.execute(STOCK, {"at": at})]


STOCK = text(
    """
    SELECT node, sku, sum(on_hand)::bigint AS on_hand FROM movement
    WHERE CAST(:at AS timestamptz) IS NULL OR occurred_at < :at
    GROUP BY node, sku HAVING sum(on_hand) <> 0 ORDER BY node, sku
    """
)
"""From the ledger, which is never changed: what is on hand now is its sum."""

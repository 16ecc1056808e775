"""Named statements about what a marketplace measures a channel by: its orders of the last weeks, and their parcels."""

from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection
from domain.marketplace_health import MONTH, SOON, MeasuredOrder, MeasuredParcel

UNSCANNED_AFTER = SOON * 2
"""A parcel that its carrier, which is asked for it, has not scanned for so long after it left cannot be followed."""


async def orders(connection: ReadConnection, channel: str, at: datetime) -> list[MeasuredOrder]:
    """The orders of a channel that were placed, or had to leave, in the last thirty days or have to."""
    rows = await connection.execute(ORDERS, {"channel": channel, "since": at - MONTH})
    return [MeasuredOrder(**row._mapping) for row in rows]


ORDERS = text(
    """
    SELECT o.order_id AS "order", o.placed_at, o.duty_ship_by AS ship_by,
           CASE WHEN u.shipped > 0 AND u.left_over = 0 AND n.waiting = 0
                THEN greatest(f.shipped_at, n.confirmed_at) END AS confirmed_at,
           u.ordered = u.cancelled AS is_cancelled,
           u.cancelled > 0 AND NOT EXISTS (
               SELECT FROM request r WHERE r.order_id = o.order_id AND r.kind = 'cancel'
                 AND (r.asker LIKE 'channel:%' OR r.facts->>'code' = 'customer_request')) AS is_cancelled_by_seller,
           u.waits > 0 AS waits_for_stock
    FROM orders o
    CROSS JOIN LATERAL (
        SELECT sum(ordered) AS ordered, sum(shipped) AS shipped, sum(cancelled) AS cancelled,
               sum(open + backordered + reserved + allocated) AS left_over, sum(backordered) AS waits
        FROM order_line l WHERE l.order_id = o.order_id) u
    LEFT JOIN LATERAL (
        SELECT max(shipped_at) AS shipped_at FROM fulfillment_order f WHERE f.order_id = o.order_id) f ON true
    LEFT JOIN LATERAL (
        SELECT max(coalesce(c.notified_at, x.resolved_at)) AS confirmed_at,
               count(*) FILTER (WHERE c.notified_at IS NULL AND x.resolved_at IS NULL) AS waiting
        FROM channel_notice c
        LEFT JOIN exception x ON c.refused IS NOT NULL AND x.order_id = c.order_id AND x.code = 'channel_refused'
                             AND x.subject = c.transaction_id || '-' || c.event_id
        WHERE c.order_id = o.order_id AND c.kind = 'shipped') n ON true
    WHERE o.channel = :channel AND (o.placed_at >= :since OR o.duty_ship_by >= :since)
    """
)
"""A notice that was refused and that a person has resolved was entered at the channel by hand. A channel without a connection
has no notices: its orders count as confirmed when they left."""


async def parcels(connection: ReadConnection, channel: str, at: datetime) -> list[MeasuredParcel]:
    """The parcels of a channel that left, or had to arrive, in the last thirty days or have to."""
    asked = {"channel": channel, "since": at - MONTH, "unscanned": UNSCANNED_AFTER, "at": at}
    return [MeasuredParcel(**row._mapping) for row in await connection.execute(PARCELS, asked)]


PARCELS = text(
    """
    SELECT o.order_id AS "order", p.shipped_at AS left_at, o.duty_deliver_by AS deliver_by,
           coalesce(p.tracking, '') <> '' AND coalesce(p.carrier, '') <> '' AND NOT EXISTS (
               SELECT FROM parcel_tracking t
               WHERE t.fulfillment_order_id = p.fulfillment_order_id AND t.package = p.package
                 AND t.first_scan_at IS NULL AND p.shipped_at < CAST(:at AS timestamptz) - CAST(:unscanned AS interval)
           ) AS is_tracked,
           f.delivered_at, f.assumed_delivered AS is_assumed
    FROM orders o JOIN fulfillment_order f USING (order_id) JOIN package p USING (fulfillment_order_id)
    WHERE o.channel = :channel AND p.shipped_at IS NOT NULL AND p.voided_at IS NULL
      AND (p.shipped_at >= :since OR o.duty_deliver_by >= :since)
      AND NOT EXISTS (SELECT FROM forgotten g WHERE g.order_id = o.order_id)
    """
)
"""Of an order that was forgotten nobody knows the tracking numbers any more: its parcels are not measured."""

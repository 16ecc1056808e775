"""Named statements that show orders and returns to people and channels, free text included."""

import json
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection
from domain.order import OrderState


async def order(connection: ReadConnection, name: str, *, channel: str | None) -> dict[str, Any] | None:
    """The document of `GET /orders/{order}`; None when there is no such order in this channel (any, without one)."""
    row = (await connection.execute(ORDER, {"order": name, "channel": channel})).one_or_none()
    if row is None:
        return None
    document = OrderState.model_validate_json(row.state).model_dump(mode="json")
    extras: dict[str, Any] = json.loads(row.extras)
    for fo in document["fulfillment_orders"]:
        fo |= {"packages": extras["packages"].get(fo["fulfillment_order"], [])}
        fo |= {"reason": extras["reasons"].get(fo["fulfillment_order"])}
    return document | {
        "needs_attention": bool(document["exceptions"]),
        "holds": extras["holds"],
        "exceptions": [known | {"detail": extras["details"][known["exception"]]} for known in document["exceptions"]],
    }


ORDER = text(
    """
    SELECT s.state::text AS state, jsonb_build_object(
               'packages', (SELECT coalesce(jsonb_object_agg(f.fulfillment_order_id, f.packages), '{}') FROM (
                                SELECT fo.fulfillment_order_id, jsonb_agg(jsonb_build_object(
                                           'package', p.package, 'carrier', p.carrier, 'tracking', p.tracking,
                                           'lines', p.lines) ORDER BY p.package) AS packages
                                FROM fulfillment_order fo JOIN package p USING (fulfillment_order_id)
                                WHERE fo.order_id = o.order_id GROUP BY 1) f),
               'reasons', (SELECT coalesce(jsonb_object_agg(fo.fulfillment_order_id, m.reason), '{}')
                           FROM fulfillment_order fo JOIN personal.remark m ON m.remark_id = fo.reason_remark
                           WHERE fo.order_id = o.order_id),
               'holds', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'hold', h.hold, 'reason', m.reason, 'actor', m.actor, 'since', h.since)
                                    ORDER BY h.hold_id), '[]')
                         FROM hold h LEFT JOIN personal.remark m ON m.remark_id = h.remark
                         WHERE h.order_id = o.order_id AND h.released_at IS NULL),
               'details', (SELECT coalesce(jsonb_object_agg(e.exception_id, e.detail), '{}') FROM exception e
                           WHERE e.order_id = o.order_id AND e.resolved_at IS NULL)
           )::text AS extras
    FROM orders o JOIN order_state s USING (order_id)
    WHERE o.order_id = :order AND (CAST(:channel AS text) IS NULL OR o.channel = :channel)
    """
)


async def orders(
    connection: ReadConnection,
    *,
    status: str | None,
    channel: str | None,
    node: str | None,
    needs_attention: bool | None,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Orders as a list shows them, the newest first, after the one with the id `after`."""
    rows = await connection.execute(
        ORDERS,
        {
            "status": status,
            "channel": channel,
            "node": node,
            "needs_attention": needs_attention,
            "after": after,
            "limit": limit,
        },
    )
    return [json.loads(row.shown) for row in rows]


ORDERS = text(
    """
    SELECT jsonb_build_object(
               'order', o.order_id, 'channel', o.channel, 'status', s.status, 'needs_attention', s.needs_attention,
               'placed_at', o.placed_at,
               'promise', CASE WHEN o.promise_ship_by IS NOT NULL THEN jsonb_build_object(
                              'ship_by', o.promise_ship_by, 'deliver_by', o.promise_deliver_by) END)::text AS shown
    FROM orders o JOIN order_status s USING (order_id)
    WHERE (CAST(:channel AS text) IS NULL OR o.channel = :channel)
      AND (CAST(:status AS text) IS NULL OR s.status = :status)
      AND (CAST(:needs_attention AS boolean) IS NULL OR s.needs_attention = :needs_attention)
      AND (CAST(:node AS text) IS NULL
           OR EXISTS (SELECT FROM fulfillment_order f WHERE f.order_id = o.order_id AND f.node = :node)
           OR EXISTS (SELECT FROM reservation v WHERE v.order_id = o.order_id AND v.node = :node))
      AND (CAST(:after AS text) IS NULL OR (o.received_at, o.order_id) < (
               SELECT a.received_at, a.order_id FROM orders a
               WHERE a.order_id = :after AND (CAST(:channel AS text) IS NULL OR a.channel = :channel)))
    ORDER BY o.received_at DESC, o.order_id DESC
    LIMIT :limit
    """
)


async def stock(
    connection: ReadConnection, *, skus: list[str] | None, node: str | None, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """Rows of stock by (SKU, node), after `SKU@node`."""
    rows = await connection.execute(STOCK, {"skus": skus, "node": node, "after": after, "limit": limit})
    return [dict(row._mapping) for row in rows]


STOCK = text(
    """
    SELECT sku, node, on_hand, reserved, allocated, set_aside FROM stock
    WHERE (CAST(:skus AS text[]) IS NULL OR sku = ANY(CAST(:skus AS text[])))
      AND (CAST(:node AS text) IS NULL OR node = :node)
      AND (CAST(:after AS text) IS NULL OR sku || '@' || node > :after)
    ORDER BY sku || '@' || node
    LIMIT :limit
    """
)


async def backordered(connection: ReadConnection, sku: str) -> int:
    """Units of an item that open orders wait for."""
    found: int = (await connection.execute(BACKORDERED, {"sku": sku})).scalar_one()
    return found


BACKORDERED = text(
    "SELECT coalesce(sum(backordered), 0)::int FROM order_line JOIN orders USING (order_id) "
    "WHERE sku = :sku AND closed_at IS NULL"
)

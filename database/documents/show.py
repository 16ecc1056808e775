"""Named statements that show orders and returns to people and channels, free text included."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import personal, returns
from database.connect import ReadConnection
from database.documents.filters import given
from domain.order import OrderState


async def order(connection: ReadConnection, name: str, *, channel: str | None, at: datetime) -> dict[str, Any] | None:
    """The document of `GET /orders/{order}` then; None when there is no such order in this channel (any, without one)."""
    row = (await connection.execute(ORDER, {"order": name, "channel": channel})).one_or_none()
    if row is None:
        return None
    document = OrderState.model_validate_json(row.state).model_dump(mode="json", exclude={"totals"})
    extras: dict[str, Any] = json.loads(row.extras)
    key = personal.open_key(connection, name, row.wrapped)
    for fo in document["fulfillment_orders"]:
        fo |= {"packages": extras["packages"].get(fo["fulfillment_order"], [])}
        fo |= {"reason": personal.remark(key, extras["remarks"].get(fo["fulfillment_order"]))["reason"]}
    sold = await returns.sold(connection, name) if any(line["delivered"] for line in document["lines"]) else {}
    for line in document["lines"]:
        line |= {"returnable": sold[line["line"]].returnable(at) if sold else 0}
    return document | {
        "forgotten": extras["forgotten"],
        "needs_attention": bool(document["exceptions"]),
        "holds": [placed | personal.remark(key, placed.pop("remark")) for placed in extras["holds"]],
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
               'remarks', (SELECT coalesce(jsonb_object_agg(fo.fulfillment_order_id, encode(m.sealed, 'base64')), '{}')
                           FROM fulfillment_order fo JOIN personal.remark m ON m.remark_id = fo.reason_remark
                           WHERE fo.order_id = o.order_id),
               'holds', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'hold', h.hold, 'remark', encode(m.sealed, 'base64'), 'owner', h.owner,
                                    'stock', h.stock, 'since', h.since)
                                    ORDER BY h.hold_id), '[]')
                         FROM hold h LEFT JOIN personal.remark m ON m.remark_id = h.remark
                         WHERE h.order_id = o.order_id AND h.released_at IS NULL),
               'forgotten', EXISTS (SELECT FROM forgotten g WHERE g.order_id = o.order_id),
               'details', (SELECT coalesce(jsonb_object_agg(e.exception_id, e.detail), '{}') FROM exception e
                           WHERE e.order_id = o.order_id AND e.resolved_at IS NULL)
           )::text AS extras, k.wrapped
    FROM orders o JOIN order_state s USING (order_id) LEFT JOIN personal.key k ON k.owner = o.order_id
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
    of_channel = given({"a.channel = :channel": channel})
    asked = given(
        {
            "o.channel = :channel": channel,
            "s.status = :status": status,
            "s.needs_attention = :needs_attention": needs_attention,
            _AT_NODE: node,
            f"(o.received_at, o.order_id) < ({_AFTER} AND {of_channel})": after,
        }
    )
    rows = await connection.execute(
        text(f"{_LISTED} WHERE {asked} ORDER BY o.received_at DESC, o.order_id DESC LIMIT :limit"),
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


_LISTED = """
    SELECT jsonb_build_object(
               'order', o.order_id, 'channel', o.channel, 'status', s.status, 'needs_attention', s.needs_attention,
               'placed_at', o.placed_at,
               'promise', CASE WHEN o.promise_ship_by IS NOT NULL THEN jsonb_build_object(
                              'ship_by', o.promise_ship_by, 'deliver_by', o.promise_deliver_by) END)::text AS shown
    FROM orders o JOIN order_status s USING (order_id)
"""

_AT_NODE = """
    (EXISTS (SELECT FROM fulfillment_order f WHERE f.order_id = o.order_id AND f.node = :node)
     OR EXISTS (SELECT FROM reservation v WHERE v.order_id = o.order_id AND v.node = :node))
"""

_AFTER = "SELECT a.received_at, a.order_id FROM orders a WHERE a.order_id = :after"

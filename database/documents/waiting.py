"""The documents of units that wait for stock, in the sequence in which new stock goes to them."""

import json
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection
from database.order.sequence import PLACED


async def first(connection: ReadConnection, limit: int) -> list[dict[str, Any]]:
    """The units that wait for stock, of all items: who is served first comes first."""
    return [json.loads(row.shown) for row in await connection.execute(FIRST, {"limit": limit})]


FIRST = text(
    f"""
    SELECT jsonb_build_object('order', w.order_id, 'reference', w.reference, 'line', w.line, 'sku', l.sku,
                              'quantity', w.quantity, 'priority', w.priority, 'placed_at', w.placed_at,
                              'promise', w.promise_deliver_by, 'gives_up_at', w.gives_up_at,
                              'looks_again_at', w.looks_again_at, 'nodes', w.nodes)::text AS shown
    FROM (SELECT w.*, o.reference, o.priority, o.placed_at, o.promise_deliver_by, {PLACED} AS placed FROM waiting w
          CROSS JOIN LATERAL (SELECT * FROM orders p WHERE p.order_id = w.order_id OFFSET 0) o
          WHERE w.awaits = 'stock'
          ORDER BY o.priority, o.promise_deliver_by NULLS LAST, placed, w.order_id, w.waiting_id LIMIT :limit) w
    JOIN order_line l USING (order_id, line)
    ORDER BY w.priority, w.promise_deliver_by NULLS LAST, w.placed, w.order_id, w.waiting_id
    """
)
"""All that waits is sorted, then the page is chosen. `OFFSET` has PostgreSQL look each order up by its key: joined, it reads
all orders there are as soon as a few in a hundred wait."""


async def of_item(connection: ReadConnection, sku: str, limit: int) -> list[dict[str, Any]]:
    """The orders that wait for stock of an item, also as a part of a bundle: who is served first comes first."""
    rows = await connection.execute(OF_ITEM, {"sku": sku, "limit": limit})
    return [json.loads(row.shown) for row in rows]


OF_ITEM = text(
    f"""
    SELECT jsonb_build_object('order', o.order_id, 'reference', o.reference, 'line', w.line, 'quantity', w.quantity,
                              'priority', o.priority, 'placed_at', o.placed_at, 'gives_up_at', w.gives_up_at)::text AS shown
    FROM waiting w JOIN orders o USING (order_id)
    WHERE w.awaits = 'stock' AND w.parts @> ARRAY[CAST(:sku AS text)]
    ORDER BY o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, o.order_id, w.waiting_id LIMIT :limit
    """
)

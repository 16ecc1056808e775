"""Named statements that show what is on the shelves: how much, how old, why set aside, and what is on its way."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from database import stock
from database.connect import ReadConnection
from domain.stock import Shelf


@dataclass(frozen=True, slots=True)
class Totals:
    """What is known of an item beside its shelves."""

    backordered: int
    """Units of its lines that wait for stock."""
    is_stopped: bool
    """Whether it, or a part of it, is sold nowhere."""
    incoming: Mapping[str, int]
    """Units that were announced and have not arrived, by node."""


async def totals(connection: ReadConnection, sku: str, parts: Collection[str]) -> Totals:
    """What is known of an item beside its shelves; `parts` are the stocked SKUs that it is made of."""
    row = (await connection.execute(TOTALS, {"sku": sku, "parts": list(parts)})).one()
    return Totals(row.backordered, row.is_stopped, json.loads(row.incoming))


TOTALS = text(
    """
    SELECT (SELECT coalesce(sum(w.quantity), 0)::bigint FROM waiting w JOIN order_line l USING (order_id, line)
            WHERE w.awaits = 'stock' AND w.parts && CAST(:parts AS text[]) AND l.sku = :sku) AS backordered,
           EXISTS (SELECT FROM stop WHERE sku = ANY(CAST(:parts AS text[])) AND node IS NULL AND lifted_at IS NULL)
           AS is_stopped,
           (SELECT coalesce(jsonb_object_agg(node, units), '{}') FROM (
                SELECT node, sum(quantity - arrived) AS units FROM incoming
                WHERE sku = :sku AND arrived < quantity GROUP BY node) i)::text AS incoming
    """
)


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a shelf beside its counters."""

    set_aside: Mapping[str, int]
    """Units on hand that are not sold, by state."""
    incoming: int
    """Units that were announced and have not arrived."""
    incoming_at: datetime | None
    """When the first of them are expected."""
    oldest_received_at: datetime | None
    """When the oldest unit on hand came, if those that come first leave first; None without any."""


async def details(connection: ReadConnection, shelves: Collection[Shelf]) -> dict[tuple[str, str], Details]:
    """What is known of some shelves beside their counters, by (node, SKU)."""
    parameters = {
        "nodes": [shelf.node for shelf in shelves],
        "skus": [shelf.sku for shelf in shelves],
        "on_hand": [shelf.on_hand for shelf in shelves],
    }
    rows = await connection.execute(DETAILS, parameters)
    return {
        (row.node, row.sku): Details(json.loads(row.set_aside), row.incoming, row.incoming_at, row.oldest_received_at)
        for row in rows
    }


DETAILS = text(
    """
    SELECT p.node, p.sku,
           (SELECT coalesce(jsonb_object_agg(state, units), '{}') FROM (
                SELECT m.state, sum(m.set_aside) AS units FROM movement m
                WHERE m.node = p.node AND m.sku = p.sku AND m.state IS NOT NULL
                GROUP BY m.state HAVING sum(m.set_aside) <> 0) a)::text AS set_aside,
           i.incoming, i.incoming_at,
           (SELECT a.occurred_at FROM (
                SELECT m.occurred_at, sum(m.on_hand) OVER (ORDER BY m.occurred_at DESC) AS came FROM movement m
                WHERE m.node = p.node AND m.sku = p.sku AND m.on_hand > 0) a
            WHERE p.on_hand > 0 AND a.came >= p.on_hand ORDER BY a.occurred_at DESC LIMIT 1) AS oldest_received_at
    FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:on_hand AS bigint[])) AS p(node, sku, on_hand)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(quantity - arrived), 0)::bigint AS incoming, min(expected_at) AS incoming_at FROM incoming
        WHERE incoming.node = p.node AND incoming.sku = p.sku AND arrived < quantity) i
    """
)
"""What came is read from the newest backwards along its index, and no further than to the oldest unit that is still there."""


async def page(
    connection: ReadConnection,
    *,
    node: str | None,
    free_below: int | None,
    after: tuple[str, str],
    limit: int,
) -> list[Shelf]:
    """Shelves by SKU and node, after one (SKU, node).

    With `free_below` only those that are stopped, or where fewer units than that are on hand and promised to nobody; how many
    of these a node never sells is known to the network, and not here.
    """
    parameters = {"free_below": free_below, "after_sku": after[0], "after_node": after[1], "limit": limit}
    if node is None:
        return [stock.shelf(row) for row in await connection.execute(PAGE, parameters)]
    return [stock.shelf(row) for row in await connection.execute(PAGE_OF_NODE, parameters | {"node": node})]


_PAGE = """
      (s.sku, s.node) > (CAST(:after_sku AS text), CAST(:after_node AS text))
      AND (CAST(:free_below AS bigint) IS NULL OR s.stopped_at IS NOT NULL
           OR s.on_hand - greatest(s.set_aside, 0) - s.reserved - s.allocated < :free_below)
    ORDER BY s.sku, s.node LIMIT :limit
"""

PAGE = text(f"{stock.ON_SHELF} WHERE {_PAGE}")
PAGE_OF_NODE = text(f"{stock.ON_SHELF} WHERE s.node = :node AND {_PAGE}")
"""Two statements, because each goes along an index of its own."""

"""Named statements about what is sold ahead of stock: release dates, and how many units may wait (docs/decisions/0069)."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection


async def waiting(connection: ReadConnection, skus: Collection[str], but_for: str | None = None) -> Mapping[str, int]:
    """Units of items that wait for these stocked SKUs, by the item's SKU; without transfers and the order `but_for`.

    It is exact, and stays so until the transaction ends, where the gates of the SKUs are closed for it alone.
    """
    rows = await connection.execute(WAITING, {"skus": sorted(skus), "order": but_for})
    return {row.sku: row.units for row in rows}


WAITING = text(
    """
    SELECT l.sku, sum(w.quantity)::bigint AS units
    FROM waiting w JOIN order_line l USING (order_id, line) JOIN orders o USING (order_id)
    WHERE w.awaits = 'stock' AND o.to_node IS NULL AND w.parts && CAST(:skus AS text[])
      AND w.order_id IS DISTINCT FROM CAST(:order AS text)
    GROUP BY l.sku
    """
)


async def released_otherwise(connection: ReadConnection, release_at: Mapping[str, datetime]) -> list[str]:
    """Open orders of customers with a stored release date that is not that of their items, which `release_at` has by SKU."""
    parameters = {"skus": list(release_at), "release_at": list(release_at.values())}
    return list((await connection.execute(RELEASED_OTHERWISE, parameters)).scalars())


RELEASED_OTHERWISE = text(
    """
    WITH named AS (
        SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:release_at AS timestamptz[])) AS n(sku, release_at)
    ), concerned AS (
        SELECT order_id FROM orders WHERE items_release_at IS NOT NULL AND closed_at IS NULL
        UNION
        SELECT l.order_id FROM named n JOIN order_line l USING (sku)
        WHERE n.release_at > clock_timestamp() AND l.open + l.backordered + l.reserved > 0
    )
    SELECT o.order_id FROM concerned JOIN orders o USING (order_id)
    WHERE o.closed_at IS NULL AND o.to_node IS NULL AND o.items_release_at IS DISTINCT FROM (
        SELECT max(n.release_at) FROM order_line l JOIN named n USING (sku)
        WHERE l.order_id = o.order_id AND l.ordered > l.cancelled)
    ORDER BY o.order_id
    """
)
"""An order without a stored date is looked at only where a date that is to come concerns units that were not released."""

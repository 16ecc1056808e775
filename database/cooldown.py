"""Named statements about cool-downs: a node that rejected a SKU or found it short is not asked for it again for a while."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from database.connect import WriteConnection


async def begin(connection: WriteConnection, node: str, skus: Collection[str], at: datetime) -> None:
    """Begin the cool-down of SKUs that the node rejected or found short at `at`.

    A SKU that the node has counted or received later has none. The caller holds the locks of the stock rows.
    """
    await connection.execute(BEGIN, {"node": node, "skus": list(skus), "at": at})


BEGIN = text(
    """
    UPDATE stock s SET rejected_at = greatest(s.rejected_at, CAST(:at AS timestamptz))
    WHERE s.node = :node AND s.sku = ANY(CAST(:skus AS text[])) AND (s.counted_at IS NULL OR s.counted_at <= :at)
      AND NOT EXISTS (SELECT FROM movement m
                      WHERE m.node = s.node AND m.sku = s.sku AND m.kind = 'received' AND m.on_hand > 0
                        AND m.occurred_at > :at)
    """
)


async def end(connection: WriteConnection, node: str, skus: Collection[str]) -> None:
    """End the cool-down of SKUs that the node has counted or received since, and offer them to the orders that wait.

    The caller holds the gates of the SKUs and the locks of the stock rows.
    """
    await connection.execute(END, {"node": node, "skus": list(skus)})


END = text(
    """
    UPDATE stock s
    SET rejected_at = NULL,
        offered_at = CASE WHEN EXISTS (SELECT FROM waiting w
                                       WHERE w.awaits = 'stock' AND w.parts @> ARRAY[s.sku]
                                         AND (w.nodes IS NULL OR s.node = ANY(w.nodes)))
                          THEN clock_timestamp() ELSE s.offered_at END
    WHERE s.node = :node AND s.sku = ANY(CAST(:skus AS text[]))
    """
)

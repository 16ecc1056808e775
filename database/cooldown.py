"""Named statements about shelves that are left in peace because their node rejected the goods, or did not find them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from database.connect import WriteConnection


async def begin(connection: WriteConnection, node: str, skus: Collection[str], at: datetime) -> None:
    """The node rejected these at that moment, or found them short; not where it has told of later stock already.

    Whoever says so holds the locks of the shelves.
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
    """The node has told of these since: it may be asked for them again, those who wait for them before all others.

    Whoever says so holds the gates of the SKUs and the locks of the shelves.
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

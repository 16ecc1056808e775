"""Named statements about counts: what has happened since one was taken, and which shelves were counted when."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection


async def differences_after(
    connection: ReadConnection, node: str, skus: Collection[str], moment: datetime
) -> dict[str, int]:
    """By SKU, how many units more or fewer are on hand at a node by what happened after a moment; absent = nothing did."""
    rows = await connection.execute(DIFFERENCES_AFTER, {"node": node, "skus": list(skus), "moment": moment})
    return {row.sku: row.difference for row in rows}


DIFFERENCES_AFTER = text(
    """
    SELECT sku, sum(on_hand)::bigint AS difference FROM movement
    WHERE node = :node AND sku = ANY(CAST(:skus AS text[])) AND occurred_at > :moment
    GROUP BY sku
    """
)


async def not_counted_since(connection: ReadConnection, node: str, moment: datetime) -> set[str]:
    """Every SKU that a node has a row of stock for, but those whose last count was taken after a moment."""
    return set((await connection.execute(NOT_COUNTED_SINCE, {"node": node, "moment": moment})).scalars())


NOT_COUNTED_SINCE = text("SELECT sku FROM stock WHERE node = :node AND (counted_at IS NULL OR counted_at <= :moment)")


async def mark(connection: WriteConnection, node: str, skus: Collection[str], taken_at: datetime) -> None:
    """These shelves were counted at `taken_at`; whoever says so holds their locks."""
    await connection.execute(MARK, {"node": node, "skus": list(skus), "taken_at": taken_at})


MARK = text("UPDATE stock SET counted_at = :taken_at WHERE node = :node AND sku = ANY(CAST(:skus AS text[]))")

"""Named statements about counts: what has happened since a count was taken, and when each stock level was counted."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection


async def differences_after(
    connection: ReadConnection, node: str, skus: Collection[str], moment: datetime
) -> dict[str, int]:
    """By SKU, how the units on hand at a node changed by what happened after a moment; absent = not at all."""
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
    """The SKUs of a node that were not counted after a moment."""
    return set((await connection.execute(NOT_COUNTED_SINCE, {"node": node, "moment": moment})).scalars())


NOT_COUNTED_SINCE = text("SELECT sku FROM stock WHERE node = :node AND (counted_at IS NULL OR counted_at <= :moment)")


async def mark_counted(connection: WriteConnection, node: str, skus: Collection[str], taken_at: datetime) -> None:
    """Note that these SKUs of a node were counted at `taken_at`. The caller holds the locks of their stock rows."""
    await connection.execute(MARK_COUNTED, {"node": node, "skus": list(skus), "taken_at": taken_at})


MARK_COUNTED = text("UPDATE stock SET counted_at = :taken_at WHERE node = :node AND sku = ANY(CAST(:skus AS text[]))")

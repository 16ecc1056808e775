"""Named statements about shelves that hold less than is promised of them, pinned units among it."""

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection


async def short(connection: ReadConnection) -> list[tuple[str, str]]:
    """The (node, SKU) of every shelf that holds less than is promised, pinned units among it."""
    return [(row.node, row.sku) for row in await connection.execute(SHORT)]


SHORT = text("SELECT node, sku FROM stock WHERE short_at IS NOT NULL ORDER BY sku, node")


async def missing(connection: ReadConnection, node: str, sku: str) -> int:
    """Units that are promised and not there; 0 when there are enough."""
    found: int | None = (await connection.execute(MISSING, {"node": node, "sku": sku})).scalar()
    return max(0, found or 0)


MISSING = text(
    "SELECT reserved + allocated + greatest(set_aside, 0) - on_hand FROM stock WHERE node = :node AND sku = :sku"
)


async def youngest(connection: ReadConnection, node: str, skus: list[str]) -> str | None:
    """The open order that was placed last among those that have one of the items pinned at a node; None when there is none."""
    found: str | None = (await connection.execute(YOUNGEST, {"node": node, "skus": skus})).scalar()
    return found


YOUNGEST = text(
    """
    SELECT v.order_id FROM reservation v JOIN order_line l USING (order_id, line) JOIN orders o USING (order_id)
    WHERE v.node = :node AND l.sku = ANY(CAST(:skus AS text[]))
    ORDER BY o.placed_at DESC, o.received_at DESC, o.order_id DESC LIMIT 1
    """
)


async def settled(connection: WriteConnection, node: str, sku: str) -> None:
    """Nothing that is pinned is short any more: what may still be is in released work, and left to its node."""
    await connection.execute(SETTLED, {"node": node, "sku": sku})


SETTLED = text(
    """
    UPDATE stock SET short_at = NULL
    WHERE node = :node AND sku = :sku AND (reserved = 0 OR on_hand - greatest(set_aside, 0) >= reserved + allocated)
    """
)

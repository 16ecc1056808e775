"""Named statements about shortages: fewer units on hand than are promised, pinned units among them."""

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.order.parts import units_of
from database.order.sequence import PLACED


async def short(connection: ReadConnection) -> list[tuple[str, str]]:
    """Every (node, SKU) with fewer units on hand than are promised, pinned units among them."""
    return [(row.node, row.sku) for row in await connection.execute(SHORT)]


SHORT = text("SELECT node, sku FROM stock WHERE short_at IS NOT NULL ORDER BY sku, node")


async def missing(connection: ReadConnection, node: str, sku: str) -> int:
    """Units that are promised and not on hand; 0 or less when there are enough."""
    found: int | None = (await connection.execute(MISSING, {"node": node, "sku": sku})).scalar()
    return max(0, found or 0)


MISSING = text(
    "SELECT reserved + allocated + greatest(set_aside, 0) - on_hand FROM stock WHERE node = :node AND sku = :sku"
)


async def youngest(connection: ReadConnection, node: str, sku: str) -> str | None:
    """Of the open orders that have units of a stocked SKU pinned at a node, the one that was placed last; None without any."""
    found: str | None = (await connection.execute(YOUNGEST, {"node": node, "sku": sku})).scalar()
    return found


YOUNGEST = text(
    f"""
    SELECT v.order_id FROM reservation v JOIN order_line l USING (order_id, line) JOIN orders o USING (order_id)
    WHERE v.node = :node AND {units_of("l")} > 0
    ORDER BY {PLACED} DESC, o.received_at DESC, o.order_id DESC LIMIT 1
    """
)


async def clear(connection: WriteConnection, node: str, sku: str) -> None:
    """Clear the mark of a shortage: no pinned unit is missing any more. If released work is short, its node reports that."""
    await connection.execute(CLEAR, {"node": node, "sku": sku})


CLEAR = text(
    """
    UPDATE stock SET short_at = NULL
    WHERE node = :node AND sku = :sku AND (reserved = 0 OR on_hand - greatest(set_aside, 0) >= reserved + allocated)
    """
)

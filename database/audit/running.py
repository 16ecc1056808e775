"""The orders that must have a running workflow, for the audit to look each of them up."""

from sqlalchemy import text

from database.connect import ReadConnection


async def open_orders(connection: ReadConnection) -> list[str]:
    """Every open order that a workflow has acted on; one that waits for its first start is on its way."""
    return list((await connection.execute(OPEN_ORDERS)).scalars())


OPEN_ORDERS = text("SELECT order_id FROM orders WHERE closed_at IS NULL AND version > 0 ORDER BY order_id")

"""Named statements that say whether what an open page shows has changed: a fingerprint, another one after each change."""

from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.owed import DUE


async def of_order(connection: ReadConnection, order: str) -> str:
    """A fingerprint of an order and its exceptions."""
    return str((await connection.execute(OF_ORDER, {"order": order})).scalar_one())


async def of_exceptions(connection: ReadConnection) -> str:
    """A fingerprint of the open exceptions and their owners."""
    return str((await connection.execute(OF_EXCEPTIONS)).scalar_one())


async def of_node(connection: ReadConnection, node: str) -> str:
    """A fingerprint of what a node owes."""
    return str((await connection.execute(OF_NODE, {"node": node})).scalar_one())


OF_NODE = text(
    f"""
    SELECT md5(concat(count(*), ' ', max(f.updated_at), ' ', min(f.fulfillment_order_id)))
    FROM fulfillment_order f WHERE f.node = :node AND {DUE}
    """
)

OF_ORDER = text(
    """
    SELECT md5(concat((SELECT o.version FROM orders o WHERE o.order_id = :order), ' ', count(*), ' ', count(e.resolved_at),
                      ' ', max(e.assigned_by)))
    FROM exception e WHERE e.order_id = :order
    """
)

OF_EXCEPTIONS = text(
    """
    SELECT md5(concat(count(*), ' ', max(e.assigned_by), ' ', count(e.escalated_at), ' ',
                      sum(('x' || substr(md5(e.exception_id), 1, 8))::bit(32)::bigint)))
    FROM exception e WHERE e.resolved_at IS NULL
    """
)

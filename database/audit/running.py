"""The orders that must have a running workflow, for the audit to look each of them up."""

from collections.abc import Sequence

from sqlalchemy import text

from database.connect import ReadConnection


async def open_orders(connection: ReadConnection) -> list[str]:
    """Every open order that a workflow has acted on; one that waits for its first start is on its way."""
    return list((await connection.execute(OPEN_ORDERS)).scalars())


async def without_workflow(connection: ReadConnection, orders: Sequence[str]) -> list[str]:
    """A sentence for each of these orders that is still open: when the sweep starts its workflow again, and for what."""
    return list((await connection.execute(WITHOUT_WORKFLOW, {"orders": orders})).scalars())


OPEN_ORDERS = text("SELECT order_id FROM orders WHERE closed_at IS NULL AND version > 0 ORDER BY order_id")

WITHOUT_WORKFLOW = text(
    """
    SELECT format('%s: no workflow runs; the sweep starts it again at %s UTC, and a message or a request at once; %s',
                  o.order_id, to_char(greatest(o.sweep_at, clock_timestamp()) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
                  CASE WHEN d.to_source > 0 THEN 'units of it have no node yet'
                       WHEN d.due_at IS NULL THEN 'it waits for stock or for a person'
                       WHEN d.due_at = d.closes_at THEN 'it waits until its return window is over'
                       WHEN d.due_at = d.releases_at THEN 'it waits until it may be released'
                       WHEN d.due_at = d.gives_up_at THEN 'it waits until unreleased units are cancelled'
                       WHEN d.due_at = d.looks_again_at THEN 'it waits until a node may accept units again'
                       ELSE 'it waits for a node' END)
    FROM orders o JOIN order_due d USING (order_id)
    WHERE o.order_id = ANY(CAST(:orders AS text[])) AND o.closed_at IS NULL
    ORDER BY o.order_id
    """
)

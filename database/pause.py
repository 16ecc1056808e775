"""Named statements about paused nodes: pause and resume, find the open work that must go elsewhere, offer their stock again."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.order.sequence import PLACED

CLEARED_AFTER = timedelta(minutes=1)
"""For this time after its pause, a node may still get units from a sourcing round that began before."""


async def place(
    connection: WriteConnection, node: str, open_work: str, remark: int | None, *, is_by_node: bool
) -> datetime:
    """Pause a node, or change `open_work` of a paused node; answers since when it is paused.

    A pause that an operator places is the operator's from then on, also where the node had paused itself before.
    """
    parameters = {"node": node, "open_work": open_work, "remark": remark, "is_by_node": is_by_node}
    since: datetime = (await connection.execute(PLACE, parameters)).scalar_one()
    return since


PLACE = text(
    """
    INSERT INTO node_pause AS p (node, since, open_work, remark, is_by_node)
    VALUES (:node, clock_timestamp(), :open_work, :remark, :is_by_node)
    ON CONFLICT (node) WHERE lifted_at IS NULL DO UPDATE SET
        open_work = excluded.open_work, cleared_at = NULL, is_by_node = p.is_by_node AND excluded.is_by_node,
        remark = CASE WHEN p.is_by_node AND NOT excluded.is_by_node THEN excluded.remark ELSE p.remark END
    RETURNING since
    """
)


async def is_by_operator(connection: WriteConnection, node: str) -> bool:
    """Whether a node is paused by an operator; the pause is locked, so that it stays as it is."""
    return (await connection.execute(BY_OPERATOR, {"node": node})).scalar() is True


BY_OPERATOR = text("SELECT NOT is_by_node FROM node_pause WHERE node = :node AND lifted_at IS NULL FOR UPDATE")


async def lift(connection: WriteConnection, node: str, remark: int | None) -> tuple[datetime, datetime] | None:
    """Resume a node; answers since when it was paused and until when, None when it was not paused."""
    row = (await connection.execute(LIFT, {"node": node, "remark": remark})).one_or_none()
    return (row.since, row.lifted_at) if row else None


LIFT = text(
    """
    UPDATE node_pause SET lifted_at = clock_timestamp(), lifted_by = :remark
    WHERE node = :node AND lifted_at IS NULL RETURNING since, lifted_at
    """
)


async def on_hand(connection: ReadConnection, node: str) -> list[str]:
    """The SKUs that a node has on hand."""
    return list((await connection.execute(ON_HAND, {"node": node})).scalars())


ON_HAND = text("SELECT sku FROM stock WHERE node = :node AND on_hand > 0 ORDER BY sku")


async def offer(connection: WriteConnection, node: str) -> None:
    """Offer a node's stock to the orders that wait, before any other claim may have it."""
    await connection.execute(OFFER, {"node": node})


OFFER = text(
    """
    UPDATE stock s SET offered_at = clock_timestamp()
    FROM (SELECT k.node, k.sku FROM stock k
          WHERE k.node = :node AND k.on_hand > 0
            AND EXISTS (SELECT FROM waiting w WHERE w.awaits = 'stock' AND w.parts @> ARRAY[k.sku])
          ORDER BY k.sku FOR UPDATE OF k) waited
    WHERE s.node = waited.node AND s.sku = waited.sku
    """
)


async def to_clear(connection: ReadConnection) -> list[str]:
    """Paused nodes whose open work must go elsewhere and may not have gone yet."""
    return list((await connection.execute(TO_CLEAR)).scalars())


TO_CLEAR = text(
    "SELECT node FROM node_pause WHERE lifted_at IS NULL AND open_work = 'reroute' AND cleared_at IS NULL ORDER BY node"
)


async def open_work(
    connection: ReadConnection, node: str, limit: int, *, except_for: Collection[str] = ()
) -> list[str]:
    """Open orders with pins at a node, or with unshipped work there that the node was not asked to stop, or refuses to stop."""
    parameters = {"node": node, "limit": limit, "except_for": sorted(except_for)}
    return list((await connection.execute(OPEN_WORK, parameters)).scalars())


OPEN_WORK = text(
    f"""
    SELECT o.order_id FROM orders o
    JOIN (SELECT order_id FROM reservation WHERE node = :node
          UNION
          SELECT f.order_id FROM fulfillment_order f
          WHERE f.node = :node AND NOT f.pickup AND f.request <> 'cancel_rejected'
            AND NOT (f.request = 'cancel_requested' AND f.asked_for_all)
            AND EXISTS (SELECT FROM fulfillment_order_line l
                        WHERE l.fulfillment_order_id = f.fulfillment_order_id AND l.quantity > l.shipped + l.short)
         ) w USING (order_id)
    WHERE o.closed_at IS NULL AND o.pickup_node IS NULL AND o.order_id <> ALL(CAST(:except_for AS text[]))
    ORDER BY o.priority, {PLACED}, o.order_id LIMIT :limit
    """
)


async def cleared(connection: WriteConnection, node: str) -> None:
    """Note that all open work of a paused node has gone elsewhere, and that no sourcing round from before the pause is left."""
    await connection.execute(CLEARED, {"node": node, "age": CLEARED_AFTER})


CLEARED = text(
    """
    UPDATE node_pause SET cleared_at = clock_timestamp()
    WHERE node = :node AND lifted_at IS NULL AND since < clock_timestamp() - CAST(:age AS interval)
    """
)

"""Named statements about orders that another system has begun: what was before is stored, and not announced."""

from datetime import datetime

from sqlalchemy import text

from database.connect import WriteConnection


async def note(connection: WriteConnection, order: str, at: datetime) -> None:
    """Note in the transaction that stores an order that it was begun elsewhere: its channel has heard of it there."""
    await connection.execute(NOTE, {"order": order, "at": at})
    await connection.execute(UNANNOUNCE, {"order": order})


NOTE = text("UPDATE orders SET taken_over_at = :at WHERE order_id = :order")
UNANNOUNCE = text("DELETE FROM event WHERE order_id = :order")


async def note_what_left_before(connection: WriteConnection, order: str) -> None:
    """Note that what has shipped of an order until now left no stock of ours."""
    await connection.execute(LEFT_BEFORE, {"order": order})


LEFT_BEFORE = text(
    """
    UPDATE fulfillment_order_line l SET left_before = l.shipped FROM fulfillment_order f
    WHERE f.order_id = :order AND l.fulfillment_order_id = f.fulfillment_order_id
    """
)


async def close_return(connection: WriteConnection, name: str, node: str, at: datetime) -> None:
    """Store that all of a return came back and that it is over. Its units are in no stock by it: they are where a count finds
    them."""
    await connection.execute(COME_BACK, {"return": name})
    await connection.execute(PUT_NOWHERE, {"return": name, "node": node})
    await connection.execute(CLOSE, {"return": name, "at": at})


COME_BACK = text(
    """
    UPDATE return_line SET told_received = quantity, received = quantity, graded = quantity, returned = quantity
    WHERE return_id = :return
    """
)
PUT_NOWHERE = text(
    """
    INSERT INTO return_lot (return_id, line, node, condition, disposition, quantity)
    SELECT return_id, line, :node, 'used', 'missing', quantity FROM return_line WHERE return_id = :return
    """
)
CLOSE = text("UPDATE return SET settled_at = :at, closed_at = :at, sweep_at = NULL WHERE return_id = :return")

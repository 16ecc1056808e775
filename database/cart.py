"""Named statements about carts: units that a channel has pinned for a customer who has not ordered yet."""

from datetime import datetime

from sqlalchemy import text

from database import stock
from database.connect import WriteConnection
from domain.stock import Movement, MovementKind


async def hand_over(connection: WriteConnection, order: str, at: datetime) -> None:
    """Give back what the cart of an order held: the order has pinned its own units in this transaction."""
    rows = (await connection.execute(HAND_OVER, {"order": order})).all()
    movements = [Movement(MovementKind.FREED, row.node, row.sku, reserved=-row.quantity) for row in rows]
    await stock.record(connection, movements, order=order, cause="cart handed over", actor="workflow", at=at)


HAND_OVER = text(
    """
    DELETE FROM cart_unit u USING cart c WHERE c.cart_id = u.cart_id AND c.order_id = :order
    RETURNING u.node, u.sku, u.quantity
    """
)


async def drop_youngest(connection: WriteConnection, node: str, sku: str, at: datetime) -> bool:
    """Give back what the youngest cart holds of a shelf that is short; false when it is not, or no cart holds any of it."""
    row = (await connection.execute(DROP_YOUNGEST, {"node": node, "sku": sku})).one_or_none()
    if row is None:
        return False
    freed = Movement(MovementKind.FREED, node, sku, reserved=-row.quantity)
    cause = f"cart {row.cart_id} dropped: fewer are on hand than are promised"
    await stock.record(connection, [freed], order=None, cause=cause, actor="clock", at=at)
    return True


DROP_YOUNGEST = text(
    """
    DELETE FROM cart_unit WHERE (cart_id, node, sku) = (
        SELECT u.cart_id, u.node, u.sku FROM cart_unit u JOIN cart c USING (cart_id) JOIN stock s USING (node, sku)
        WHERE u.node = :node AND u.sku = :sku AND c.order_id IS NULL
          AND s.on_hand - s.set_aside < s.reserved + s.allocated
        ORDER BY c.reserved_at DESC, c.cart_id DESC LIMIT 1
        FOR UPDATE OF u SKIP LOCKED)
    RETURNING cart_id, quantity
    """
)

"""Named statements about holds: place one, release it, and see who placed it."""

from datetime import datetime

from sqlalchemy import text, update

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.schema.tables import hold
from domain.hold import POLICY, Placement


async def place_with_reason(
    connection: WriteConnection, order: str, placement: Placement, actor: str, at: datetime
) -> bool:
    """Place a hold with its own reason: a hold of the policy as actor `policy`, another one as `actor`. False when a hold of
    this name is active."""
    if not await place(connection, order, placement, None, at):
        return False
    remark_id = await personal.note(connection, order, POLICY if placement.is_by_policy else actor, placement.reason)
    standing = (hold.c.order_id == order, hold.c.hold == placement.hold, hold.c.released_at.is_(None))
    await connection.execute(update(hold).where(*standing).values(remark=remark_id))
    return True


async def place(
    connection: WriteConnection, order: str, placement: Placement, remark_id: int | None, at: datetime
) -> bool:
    """Place a named hold, with the remark of who placed it and why. False when a hold of this name is active: it is kept."""
    parameters = {
        "order": order,
        "hold": placement.hold,
        "owner": placement.owner,
        "stock": placement.stock,
        "is_by_policy": placement.is_by_policy,
        "since": at,
        "remark": remark_id,
    }
    return (await connection.execute(PLACE_HOLD, parameters)).rowcount > 0


PLACE_HOLD = text(
    """
    INSERT INTO hold (order_id, hold, owner, stock, is_by_policy, since, remark)
    VALUES (:order, :hold, :owner, :stock, :is_by_policy, :since, :remark)
    ON CONFLICT (order_id, hold) WHERE released_at IS NULL DO NOTHING
    """
)


async def is_held_by_policy(connection: ReadConnection, order: str, name: str, channel: str) -> bool:
    """Whether an order of the channel has an active hold of this name that the policy placed."""
    parameters = {"order": order, "hold": name, "channel": channel}
    return bool((await connection.execute(IS_HELD_BY_POLICY, parameters)).scalar_one())


IS_HELD_BY_POLICY = text(
    """
    SELECT EXISTS (SELECT FROM hold JOIN orders USING (order_id)
                   WHERE order_id = :order AND hold = :hold AND channel = :channel AND released_at IS NULL AND is_by_policy)
    """
)


async def take_off(connection: WriteConnection, order: str, name: str, remark_id: int | None, at: datetime) -> bool:
    """Release a named hold; False when no hold of this name is active."""
    statement = (
        update(hold)
        .where(hold.c.order_id == order, hold.c.hold == name, hold.c.released_at.is_(None))
        .values(released_at=at, released_by=remark_id)
    )
    return (await connection.execute(statement)).rowcount > 0

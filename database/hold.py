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
    remark_id = await personal.note(connection, order, POLICY if placement.is_by_policy else actor, placement.reason)
    return await place(connection, order, placement, remark_id, at)


async def place(
    connection: WriteConnection, order: str, placement: Placement, remark_id: int | None, at: datetime
) -> bool:
    """Place a named hold, with the remark of who placed it and why. False when a hold of this name is active: it is kept, but
    when it was the channel's and another places it now, the channel cannot take it off any more."""
    parameters = {
        "order": order,
        "hold": placement.hold,
        "owner": placement.owner,
        "stock": placement.stock,
        "is_by_policy": placement.is_by_policy,
        "is_by_channel": placement.is_by_channel,
        "since": at,
        "remark": remark_id,
    }
    return bool((await connection.execute(PLACE_HOLD, parameters)).scalar())


PLACE_HOLD = text(
    """
    INSERT INTO hold AS h (order_id, hold, owner, stock, is_by_policy, is_by_channel, since, remark)
    VALUES (:order, :hold, :owner, :stock, :is_by_policy, :is_by_channel, :since, :remark)
    ON CONFLICT (order_id, hold) WHERE released_at IS NULL
    DO UPDATE SET is_by_policy = excluded.is_by_policy, is_by_channel = false, remark = excluded.remark
    WHERE h.is_by_channel AND NOT excluded.is_by_channel
    RETURNING xmax = 0 AS is_new
    """
)
"""`xmax` is 0 for a row that was inserted, and not for one that was updated."""


async def is_not_the_channels(connection: ReadConnection, order: str, name: str) -> bool:
    """Whether an order has an active hold of this name that an operator or the policy placed."""
    return bool((await connection.execute(IS_NOT_THE_CHANNELS, {"order": order, "hold": name})).scalar_one())


IS_NOT_THE_CHANNELS = text(
    """
    SELECT EXISTS (SELECT FROM hold WHERE order_id = :order AND hold = :hold AND released_at IS NULL AND NOT is_by_channel)
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

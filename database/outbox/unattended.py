"""Named statements about open orders and returns whose workflows the relay must start or signal."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection


class UnattendedOrder(NamedTuple):
    """An open order: its id, the input of its workflow as JSON, and whether a deadline of it has passed unnoticed."""

    name: str
    input: str
    is_overdue: bool = False


class UnattendedReturn(NamedTuple):
    """An open return and its order, by their ids."""

    name: str
    order: str


async def unstarted(connection: ReadConnection, age: timedelta, limit: int) -> list[UnattendedOrder]:
    """Orders that no workflow has acted on and that were accepted, or last checked, longer ago than `age`; oldest first."""
    rows = await connection.execute(UNSTARTED, {"age": age, "limit": limit})
    return [UnattendedOrder(row.order_id, row.input) for row in rows]


async def open_order(connection: ReadConnection, order: str) -> str | None:
    """The input of an open order's workflow as JSON; None when the order is closed or unknown."""
    return (await connection.execute(OPEN_ORDER, {"order": order})).scalar_one_or_none()


async def orders(connection: ReadConnection, limit: int) -> list[UnattendedOrder]:
    """Open orders to check: those with a deadline, of the order or a fulfillment order, that passed a minute ago, and every
    open order several times a day, because its workflow may be gone. To start a workflow that runs costs no event; a signal
    does, so the relay signals only the overdue ones."""
    rows = await connection.execute(UNATTENDED, {"limit": limit})
    return [UnattendedOrder(row.order_id, row.input, row.is_overdue) for row in rows]


async def returns(connection: ReadConnection, limit: int) -> list[UnattendedReturn]:
    """Open returns to check: a minute after their request, and several times a day. Nothing else starts the workflow of
    a return for which no message comes. When goods come after a return was over, their message starts it."""
    rows = await connection.execute(UNATTENDED_RETURNS, {"limit": limit})
    return [UnattendedReturn(row.return_id, row.order_id) for row in rows]


async def note_checked(connection: WriteConnection, found: UnattendedOrder | UnattendedReturn) -> None:
    """Note that the workflow of an order or a return was checked just now."""
    statement = NOTE_CHECKED_RETURN if isinstance(found, UnattendedReturn) else NOTE_CHECKED
    await connection.execute(statement, {"name": found.name})


_INPUT = """
    jsonb_build_object(
        'order', o.order_id, 'channel', o.channel, 'service', o.service, 'country', o.country,
        'postal_area', o.postal_area,
        'lines', (SELECT jsonb_agg(jsonb_build_object('line', l.line, 'sku', l.sku, 'quantity', l.ordered)
                                   ORDER BY l.position)
                  FROM order_line l WHERE l.order_id = o.order_id))::text AS input
"""

UNSTARTED = text(
    f"""
    SELECT o.order_id, {_INPUT} FROM orders o
    WHERE o.version = 0 AND o.closed_at IS NULL
      AND coalesce(o.looked_after_at, o.received_at) < clock_timestamp() - CAST(:age AS interval)
    ORDER BY coalesce(o.looked_after_at, o.received_at) LIMIT :limit
    """
)

OPEN_ORDER = text(f"SELECT {_INPUT} FROM orders o WHERE o.order_id = :order AND o.closed_at IS NULL")

UNATTENDED = text(
    f"""
    SELECT o.order_id, {_INPUT}, d.is_overdue FROM orders o
    CROSS JOIN LATERAL (SELECT clock_timestamp() - interval '1 minute' AS moment) a
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM fulfillment_order f WHERE f.order_id = o.order_id AND f.deadline < a.moment)
            OR EXISTS (SELECT FROM waiting w WHERE w.order_id = o.order_id
                         AND (o.not_after < a.moment
                              OR w.awaits = 'stock' AND least(w.gives_up_at, w.looks_again_at) < a.moment))
            OR EXISTS (SELECT FROM reservation r WHERE r.order_id = o.order_id
                         AND (o.not_after < a.moment
                              OR o.release_at < a.moment
                                 AND NOT EXISTS (SELECT FROM hold h
                                                 WHERE h.order_id = o.order_id AND h.released_at IS NULL)))
    ) d(is_overdue)
    WHERE o.closed_at IS NULL AND o.version > 0
      AND coalesce(o.looked_after_at, o.received_at)
          < clock_timestamp() - CASE WHEN d.is_overdue THEN interval '1 minute' ELSE interval '6 hours' END
    ORDER BY d.is_overdue DESC, coalesce(o.looked_after_at, o.received_at) LIMIT :limit
    """
)

NOTE_CHECKED = text("UPDATE orders SET looked_after_at = clock_timestamp() WHERE order_id = :name")

UNATTENDED_RETURNS = text(
    """
    SELECT return_id, order_id FROM return
    WHERE coalesce(closed_at, cancelled_at, declined_at, expired_at) IS NULL
      AND coalesce(looked_after_at + interval '6 hours', requested_at + interval '1 minute') < clock_timestamp()
    ORDER BY coalesce(looked_after_at, requested_at) LIMIT :limit
    """
)

NOTE_CHECKED_RETURN = text("UPDATE return SET looked_after_at = clock_timestamp() WHERE return_id = :name")

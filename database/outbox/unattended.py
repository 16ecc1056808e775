"""Named statements about open orders and returns whose workflows the relay must start or signal."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.refund import has_something_to_do
from domain.returns import ReturnState


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


async def unstarted_in(connection: ReadConnection, age: timedelta) -> timedelta | None:
    """In what time the next order is one of `unstarted`; None when a workflow has acted on every open order."""
    found: timedelta | None = (await connection.execute(UNSTARTED_IN, {"age": age})).scalar_one()
    return found


async def open_order(connection: ReadConnection, order: str) -> str | None:
    """The input of an open order's workflow as JSON; None when the order is closed or unknown."""
    return (await connection.execute(OPEN_ORDER, {"order": order})).scalar_one_or_none()


async def orders(connection: ReadConnection, limit: int) -> list[UnattendedOrder]:
    """Open orders to check: those that had something to do a minute ago (see the view `order_due`), and every open order
    several times a day, because its workflow may be gone. To start a workflow that runs costs no event; a signal does, so the
    relay signals only the orders whose own copy of a deadline may be wrong, and none that only has to call its node."""
    rows = await connection.execute(UNATTENDED, {"limit": limit})
    return [UnattendedOrder(row.order_id, row.input, row.is_overdue) for row in rows]


async def returns(connection: ReadConnection, limit: int) -> list[UnattendedReturn]:
    """Returns to check that are not over, by the same rule. Nothing else starts the workflow of a return for which no message
    comes."""
    rows = await connection.execute(UNATTENDED_RETURNS, {"limit": limit})
    return [UnattendedReturn(row.return_id, row.order_id) for row in rows]


async def note_started(connection: WriteConnection, found: Sequence[UnattendedOrder]) -> None:
    """Note that the first start of the orders' workflows was tried just now. One that is locked has begun to act."""
    await connection.execute(NOTE_STARTED, {"names": [order.name for order in found]})


async def note_checked(connection: WriteConnection, found: Sequence[UnattendedOrder]) -> None:
    """Note that the workflows of orders were checked just now, and when each is checked next: what is still not done is
    checked again after a minute, or after an eighth of the time that it is late."""
    await connection.execute(NOTE_CHECKED, {"names": [order.name for order in found]})


async def note_checked_return(connection: WriteConnection, state: ReturnState) -> None:
    """Note that the workflow of a return was checked just now, and by its state when it is checked next."""
    await connection.execute(NOTE_CHECKED_RETURN, {"name": state.return_} | when_due(state))


def when_due(state: ReturnState) -> dict[str, Any]:
    """The parameters of `RETURN_DUE_AT`: when the workflow of a return has something to do."""
    return {"is_over": state.status.is_over, "is_due": has_something_to_do(state), "wakes_at": state.wakes_at}


RETURN_DUE_AT = "CASE WHEN :is_due THEN '-infinity' ELSE CAST(:wakes_at AS timestamptz) END"


def sweep_at(due_at: str, time_for_it: str = "interval '1 minute'") -> str:
    """SQL for when the sweep looks at what has something to do at `due_at`: after the time that its workflow is given
    for it, and at the latest after six hours. `due_at` = SQL; NULL = it waits for a report or a request, -infinity = it has
    something to do at once."""
    return f"""
        least(clock_timestamp() + interval '6 hours',
              CASE WHEN {due_at} IS NOT NULL THEN greatest({due_at}, clock_timestamp()) + {time_for_it} END)
    """


def sweep_again_at(due_at: str) -> str:
    """The same after the sweep has looked: what is late for long is looked at again after an eighth of that time."""
    return sweep_at(due_at, f"greatest(interval '1 minute', (clock_timestamp() - nullif({due_at}, '-infinity')) / 8)")


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

UNSTARTED_IN = text(
    """
    SELECT min(coalesce(looked_after_at, received_at)) + CAST(:age AS interval) - clock_timestamp()
    FROM orders WHERE version = 0 AND closed_at IS NULL
    """
)

OPEN_ORDER = text(f"SELECT {_INPUT} FROM orders o WHERE o.order_id = :order AND o.closed_at IS NULL")

UNATTENDED = text(
    f"""
    SELECT o.order_id, {_INPUT},
           (SELECT coalesce(d.deadline < clock_timestamp(), false) OR d.to_source > 0
            FROM order_due d WHERE d.order_id = o.order_id) AS is_overdue
    FROM orders o WHERE o.sweep_at < statement_timestamp() ORDER BY o.sweep_at LIMIT :limit
    """
)
"""Both are subqueries of the row: a join would compute what is due for all open orders."""

NOTE_STARTED = text(
    """
    WITH found AS MATERIALIZED (
        SELECT order_id FROM orders WHERE order_id = ANY(CAST(:names AS text[])) FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE orders o SET looked_after_at = clock_timestamp() FROM found WHERE o.order_id = found.order_id
    """
)

NOTE_CHECKED = text(
    f"""
    WITH found AS MATERIALIZED (
        SELECT order_id FROM orders WHERE order_id = ANY(CAST(:names AS text[])) FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE orders o
    SET looked_after_at = clock_timestamp(),
        sweep_at = (SELECT {sweep_again_at("d.due_at")} FROM order_due d
                    WHERE d.order_id = o.order_id AND o.closed_at IS NULL)
    FROM found
    WHERE o.order_id = found.order_id AND o.sweep_at < statement_timestamp()
    """
)
"""An order that is locked is being changed, which says by itself when it is checked next; so does a change just before."""

UNATTENDED_RETURNS = text(
    """
    SELECT return_id, order_id FROM return
    WHERE sweep_at < statement_timestamp() ORDER BY sweep_at LIMIT :limit
    """
)

NOTE_CHECKED_RETURN = text(
    f"""
    UPDATE return r
    SET looked_after_at = clock_timestamp(),
        sweep_at = CASE WHEN NOT :is_over THEN {sweep_again_at("d.due_at")} END
    FROM (SELECT {RETURN_DUE_AT} AS due_at) d
    WHERE r.return_id = :name AND r.sweep_at < statement_timestamp()
    """
)

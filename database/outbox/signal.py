"""Named statements about signals: the outbox of signals that workflows must still receive.

A row is written in the transaction that changed something, and deleted when Temporal has accepted the signal. There is no
cursor over the serial ids: it would skip a row that commits late. A relay takes rows by moving `due_at` ahead, so that no
transaction is open during a call to Temporal: an open transaction would delay the feed of events.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection

CHANGED = "changed"
"""The signal that carries an order's new state to its workflow, or makes the workflow read it again."""

NODE_MESSAGE = "node_message"
"""The signal that carries a node's message to the order's workflow."""

RETURN_MESSAGE = "return_message"
"""The signal that carries a return's new state to its workflow."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that Temporal has not accepted yet."""

    wake_id: int
    workflow_id: str
    order: str
    signal: str
    facts: dict[str, Any]


async def add(connection: WriteConnection, workflow_id: str, order: str, signal: str, facts: dict[str, Any]) -> Signal:
    """Store a signal for a workflow. The caller sends it after the commit; otherwise the relay sends it."""
    parameters = {"workflow_id": workflow_id, "order": order, "signal": signal, "facts": json.dumps(facts)}
    wake_id: int = (await connection.execute(ADD, parameters)).scalar_one()
    return Signal(wake_id, workflow_id, order, signal, facts)


ADD = text(
    """
    INSERT INTO wake (workflow_id, order_id, signal, facts)
    VALUES (:workflow_id, :order, :signal, CAST(:facts AS jsonb)) RETURNING wake_id
    """
)


async def sent(connection: WriteConnection, wake_ids: list[int]) -> None:
    """Delete signals that Temporal has accepted."""
    if wake_ids:
        await connection.execute(SENT, {"wake_ids": wake_ids})


SENT = text("DELETE FROM wake WHERE wake_id = ANY(CAST(:wake_ids AS bigint[]))")


async def claim(connection: WriteConnection, limit: int, lease: timedelta) -> list[Signal]:
    """Take signals that are due, the oldest first; they are due again after `lease`. Until then no other relay takes these
    signals, or later ones of the same workflows."""
    rows = await connection.execute(CLAIM, {"limit": limit, "lease": lease})
    return [Signal(row.wake_id, row.workflow_id, row.order_id, row.signal, json.loads(row.facts)) for row in rows]


CLAIM = text(
    """
    WITH begun AS MATERIALIZED (
        SELECT workflow_id FROM wake w
        WHERE due_at <= clock_timestamp()
          AND NOT EXISTS (SELECT FROM wake b WHERE b.workflow_id = w.workflow_id AND b.wake_id < w.wake_id
                                               AND b.due_at <= clock_timestamp() + CAST(:lease AS interval))
        ORDER BY wake_id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), due AS (
        SELECT wake_id FROM wake JOIN begun USING (workflow_id) WHERE due_at <= clock_timestamp()
        ORDER BY wake_id LIMIT :limit
    ), claimed AS (
        UPDATE wake w SET due_at = clock_timestamp() + CAST(:lease AS interval)
        FROM due WHERE w.wake_id = due.wake_id
        RETURNING w.*
    )
    SELECT wake_id, workflow_id, order_id, signal, facts::text AS facts FROM claimed ORDER BY wake_id
    """
)
"""A relay claims a workflow with its oldest signal: until that is due again, no other signal of the workflow is the oldest,
unless the oldest was postponed for longer than a lease. All signals of one workflow are stored under the lock of its order, so
their numbers follow the order of the commits."""


async def due_in(connection: ReadConnection) -> timedelta | None:
    """In what time the next signal is due; None when there is none."""
    found: timedelta | None = (await connection.execute(DUE_IN)).scalar_one()
    return found


DUE_IN = text("SELECT min(due_at) - clock_timestamp() FROM wake")


async def postpone(connection: WriteConnection, wake_ids: list[int], span: timedelta) -> None:
    """Let signals that were taken and not sent be due again after a span; 0 for those that were not tried."""
    if wake_ids:
        await connection.execute(POSTPONE, {"wake_ids": wake_ids, "span": span})


POSTPONE = text(
    """
    UPDATE wake SET due_at = clock_timestamp() + CAST(:span AS interval) WHERE wake_id = ANY(CAST(:wake_ids AS bigint[]))
    """
)

"""Named statements about wake-ups: the outbox of signals that workflows must still hear.

A row is written in the transaction that changed something and deleted when Temporal took the signal. There is no cursor over
its serial ids: a row that commits late would be skipped by one. A relay takes rows by moving `due_at` ahead, so that no
transaction stays open while Temporal is spoken to: one would hold the feed of events back.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from database.connect import WriteConnection


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that a workflow has not taken yet."""

    wake_id: int
    workflow_id: str
    order: str
    signal: str
    facts: dict[str, Any]


async def add(connection: WriteConnection, workflow_id: str, order: str, signal: str, facts: dict[str, Any]) -> Signal:
    """Owe a workflow a signal; send it after the commit, or let the relay do it."""
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
    """Signals that Temporal took are owed no longer."""
    if wake_ids:
        await connection.execute(SENT, {"wake_ids": wake_ids})


SENT = text("DELETE FROM wake WHERE wake_id = ANY(CAST(:wake_ids AS bigint[]))")


async def claim(connection: WriteConnection, limit: int, lease: timedelta) -> list[Signal]:
    """Take signals that nobody has sent in their time, the oldest first; they are due again after `lease`. Until then their
    workflows are this relay's: another one sends neither the same nor what was owed to them later."""
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
"""A workflow is claimed by its oldest signal: while that is not due again, none of the others is the oldest, unless it was put
off for longer than a lease. All signals of one workflow are owed under the same lock, its order's, so they are numbered in the
order in which they are committed."""


async def postpone(connection: WriteConnection, wake_ids: list[int], span: timedelta) -> None:
    """Let signals that were taken and not sent be due again after a span: at once what was not even tried."""
    if wake_ids:
        await connection.execute(PUT_OFF, {"wake_ids": wake_ids, "span": span})


PUT_OFF = text(
    """
    UPDATE wake SET due_at = clock_timestamp() + CAST(:span AS interval) WHERE wake_id = ANY(CAST(:wake_ids AS bigint[]))
    """
)

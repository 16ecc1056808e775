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
class Wake:
    """A signal that a workflow has not taken yet."""

    wake_id: int
    workflow_id: str
    order: str
    signal: str
    facts: dict[str, Any]


async def add(connection: WriteConnection, workflow_id: str, order: str, signal: str, facts: dict[str, Any]) -> Wake:
    """Owe a workflow a signal; send it after the commit, or let the relay do it."""
    parameters = {"workflow_id": workflow_id, "order": order, "signal": signal, "facts": json.dumps(facts)}
    wake_id: int = (await connection.execute(ADD, parameters)).scalar_one()
    return Wake(wake_id, workflow_id, order, signal, facts)


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


async def claim(connection: WriteConnection, limit: int, lease: timedelta) -> list[Wake]:
    """Take signals that nobody has sent in their time, the oldest first; they are due again after `lease`."""
    rows = await connection.execute(CLAIM, {"limit": limit, "lease": lease})
    return [Wake(row.wake_id, row.workflow_id, row.order_id, row.signal, json.loads(row.facts)) for row in rows]


CLAIM = text(
    """
    WITH due AS (
        SELECT wake_id FROM wake WHERE due_at <= clock_timestamp()
        ORDER BY wake_id LIMIT :limit FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE wake w SET due_at = clock_timestamp() + CAST(:lease AS interval)
        FROM due WHERE w.wake_id = due.wake_id
        RETURNING w.*
    )
    SELECT wake_id, workflow_id, order_id, signal, facts::text AS facts FROM claimed ORDER BY wake_id
    """
)


async def leave(connection: WriteConnection, wake_ids: list[int]) -> None:
    """Signals that were taken and not even tried are due at once."""
    if wake_ids:
        await connection.execute(LEAVE, {"wake_ids": wake_ids})


LEAVE = text("UPDATE wake SET due_at = clock_timestamp() WHERE wake_id = ANY(CAST(:wake_ids AS bigint[]))")

"""Named statements about notices: the events that connected channels must still be notified of.

The statement that writes an event of an order which came through a connection writes its notice, too. A sender moves `due_at`
into the future before it talks to the channel, so that no other sender talks about the same order, and no transaction is open
meanwhile.

A notice is due only when no earlier one of its order is owed. One that the channel has refused is not owed, and the others of
the order go on: each is computed from the facts when it is sent. Only those about the same fulfillment order, return or claim
wait, while a person has not decided: a channel cannot be notified of the delivery of a parcel that it does not know.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database.connect import WriteConnection
from domain.event import EventKind

_NEW = """
    INSERT INTO channel_notice (transaction_id, event_id, channel, order_id, kind, about, due_at)
    SELECT e.transaction_id, e.event_id, c.channel, e.order_id, e.kind,
           coalesce(e.data->>'fulfillment_order', e.data->>'return', e.data->>'claim'), clock_timestamp()
"""

INSERT_NOTICES = f"""
    {_NEW}
    FROM written e JOIN channel_order c ON c.order_id = e.order_id
    WHERE e.kind = ANY(CAST(:heard AS text[]))
    ON CONFLICT DO NOTHING
"""
"""A part of a larger statement, whose part `written` are new events."""


async def owe_all(connection: WriteConnection, order: str, heard: Collection[EventKind]) -> None:
    """Owe the channel of an order all events of these kinds so far: the order was just stored for the connection.

    Call it once `channel_order` names the order. It waits for transactions that write events of the order: none is missed.
    """
    await connection.execute(LOCK, {"order": order})
    await connection.execute(OWE_ALL, {"order": order, "heard": list(heard)})


LOCK = text("SELECT order_id FROM orders WHERE order_id = :order FOR NO KEY UPDATE")

OWE_ALL = text(
    f"""
    {_NEW}
    FROM event e JOIN channel_order c ON c.order_id = e.order_id
    WHERE e.order_id = :order AND e.kind = ANY(CAST(:heard AS text[]))
    ON CONFLICT DO NOTHING
    """
)
"""Not part of storing the order: the row in `channel_order` needs the stored order, and its first event is written with it."""


async def owe_missed(connection: WriteConnection, channel: str, heard: Collection[EventKind]) -> None:
    """Owe a channel the events of these kinds that its open orders had while it was not connected."""
    await connection.execute(OWE_MISSED, {"channel": channel, "heard": list(heard)})


OWE_MISSED = text(
    f"""
    {_NEW}
    FROM channel_order c JOIN orders o ON o.order_id = c.order_id JOIN event e ON e.order_id = c.order_id
    WHERE c.channel = :channel AND o.closed_at IS NULL AND e.kind = ANY(CAST(:heard AS text[]))
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class Owed:
    """A notice that a channel must be given, with what is known of its order there."""

    transaction_id: int
    event_id: int
    channel: str
    order: str
    kind: str
    data: Mapping[str, Any]
    """Of the event."""
    external: str
    """The channel's own id of the order."""
    ids: Mapping[str, str]
    """Names that the channel gave when it was notified before."""
    tries: int
    since: datetime
    """Since when it is tried: since its event, or since somebody asked to have it sent again."""
    has_exception: bool
    """Whether an exception is open about it."""
    is_silence_known: bool
    """Whether an exception is open that the channel does not answer."""
    at: datetime
    """When it happened."""

    @property
    def name(self) -> str:
        """The event's id, the same whenever the channel is notified of it."""
        return f"{self.transaction_id}-{self.event_id}"

    def key(self) -> dict[str, Any]:
        """The parameters that name its row."""
        return {"transaction_id": self.transaction_id, "event_id": self.event_id}


SILENCE = "silence of "


def silence_of(channel: str) -> str:
    """What the exception is about that a channel does not answer."""
    return f"{SILENCE}{channel}"


async def channels(connection: WriteConnection) -> list[str]:
    """The channels with a due notice."""
    return list((await connection.execute(CHANNELS)).scalars())


CHANNELS = text(
    """
    SELECT c.channel FROM connection c
    WHERE EXISTS (SELECT FROM channel_notice n WHERE n.channel = c.channel AND n.due_at <= clock_timestamp())
    """
)


def _waits_for_a_person(notice: str) -> str:
    """SQL for whether one about the same thing was refused before it, and a person has not decided."""
    return f"""
        EXISTS (SELECT FROM channel_notice r
                JOIN exception x ON x.order_id = r.order_id AND x.code = 'channel_refused' AND x.resolved_at IS NULL
                                AND x.subject = r.transaction_id || '-' || r.event_id
                WHERE r.order_id = {notice}.order_id AND r.refused IS NOT NULL AND r.event_id < {notice}.event_id
                  AND r.about = {notice}.about)
    """


HAS_ITS_TURN = f"""
    NOT EXISTS (SELECT FROM channel_notice b
                WHERE b.order_id = n.order_id AND b.due_at IS NOT NULL AND b.event_id < n.event_id
                  AND NOT {_waits_for_a_person("b")})
    AND NOT {_waits_for_a_person("n")}
"""


async def claim(connection: WriteConnection, channel: str, limit: int, lease: timedelta) -> list[Owed]:
    """Take due notices of a channel, at most one for each order; they are due again after `lease`."""
    rows = await connection.execute(CLAIM, {"channel": channel, "limit": limit, "lease": lease})
    return [Owed(**row._mapping, channel=channel) for row in rows]


CLAIM = text(
    f"""
    WITH due AS (
        SELECT transaction_id, event_id FROM channel_notice n
        WHERE n.channel = :channel AND n.due_at <= clock_timestamp() AND {HAS_ITS_TURN}
        ORDER BY n.due_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE channel_notice n SET due_at = clock_timestamp() + CAST(:lease AS interval), tries = tries + 1
        FROM due WHERE n.transaction_id = due.transaction_id AND n.event_id = due.event_id
        RETURNING n.*
    )
    SELECT transaction_id, event_id, n.order_id AS "order", n.kind, e.data, o.external, o.ids, n.tries,
           greatest(n.recorded_at, n.retried_at) AS since,
           EXISTS (SELECT FROM exception x
                   WHERE x.order_id = n.order_id AND x.code = 'channel_refused' AND x.resolved_at IS NULL
                     AND x.subject = n.transaction_id || '-' || n.event_id) AS has_exception,
           EXISTS (SELECT FROM exception x
                   WHERE x.order_id IS NULL AND x.code = 'channel_refused' AND x.resolved_at IS NULL
                     AND x.subject = '{SILENCE}' || n.channel) AS is_silence_known,
           e.occurred_at AS at
    FROM claimed n JOIN event e USING (transaction_id, event_id)
    JOIN channel_order o ON o.order_id = n.order_id AND o.channel = n.channel
    ORDER BY transaction_id, event_id
    """
)


_NAMED = """
    named AS (
        UPDATE channel_order SET ids = ids || CAST(:ids AS jsonb)
        WHERE channel = :channel AND external = :external AND NOT ids @> CAST(:ids AS jsonb)
    )
"""


async def took(connection: WriteConnection, owed: Owed, ids: Mapping[str, str]) -> bool:
    """Note that the channel took a notice, and the names that it gave; False when that was noted before."""
    return int((await connection.execute(TOOK, owed.key() | _names(owed, ids))).scalar_one()) > 0


TOOK = text(
    f"""
    WITH notified AS (
        UPDATE channel_notice SET due_at = NULL, notified_at = clock_timestamp(), refused = NULL
        WHERE transaction_id = :transaction_id AND event_id = :event_id AND notified_at IS NULL
        RETURNING 1
    ), {_NAMED}
    , noted AS (UPDATE connection SET last_out_at = clock_timestamp() WHERE channel = :channel)
    SELECT count(*) FROM notified
    """
)


async def refused(connection: WriteConnection, owed: Owed, why: str, ids: Mapping[str, str]) -> bool:
    """Note that the channel will not take a notice, and the names of what it took all the same. False when somebody has asked
    meanwhile to have it sent again."""
    asked = owed.key() | {"tries": owed.tries, "why": why} | _names(owed, ids)
    return int((await connection.execute(REFUSED, asked)).scalar_one()) > 0


REFUSED = text(
    f"""
    WITH refused AS (
        UPDATE channel_notice SET due_at = NULL, refused = :why
        WHERE transaction_id = :transaction_id AND event_id = :event_id AND due_at IS NOT NULL AND tries = :tries
        RETURNING 1
    ), {_NAMED}
    SELECT count(*) FROM refused
    """
)


def _names(owed: Owed, ids: Mapping[str, str]) -> dict[str, Any]:
    return {"channel": owed.channel, "external": owed.external, "ids": json.dumps(dict(ids))}


async def postpone(connection: WriteConnection, owed: Owed, wait: timedelta) -> None:
    """Let a notice be due again after `wait`, and later ones of its order not before; nothing when a retry was requested."""
    await connection.execute(POSTPONE, owed.key() | {"tries": owed.tries, "wait": wait})


POSTPONE = text(
    """
    WITH tried AS (
        UPDATE channel_notice SET due_at = clock_timestamp() + CAST(:wait AS interval)
        WHERE transaction_id = :transaction_id AND event_id = :event_id AND due_at IS NOT NULL AND tries = :tries
        RETURNING order_id, event_id, due_at
    )
    UPDATE channel_notice n SET due_at = t.due_at FROM tried t
    WHERE n.order_id = t.order_id AND n.event_id > t.event_id AND n.due_at < t.due_at
    """
)
"""Later notices of the order are postponed as well: otherwise a claim would read every notice of a day's outage."""


async def retry_about(connection: WriteConnection, order: str, about: str) -> None:
    """Make notices due again that the channel has refused and a person has not decided: what they are about is another now."""
    await connection.execute(RETRY_ABOUT, {"order": order, "about": about})


RETRY_ABOUT = text(
    """
    UPDATE channel_notice n SET due_at = clock_timestamp(), retried_at = clock_timestamp(), tries = 0
    WHERE n.order_id = :order AND n.about = :about AND n.refused IS NOT NULL AND n.due_at IS NULL AND EXISTS (
        SELECT FROM exception x
        WHERE x.order_id = n.order_id AND x.code = 'channel_refused' AND x.resolved_at IS NULL
          AND x.subject = n.transaction_id || '-' || n.event_id)
    """
)


async def retry(connection: WriteConnection, channel: str) -> int:
    """Make all notices due now that a channel has not taken, also refused ones about which an exception is open, with the
    full time for each. Answers how many were not due before."""
    return (await connection.execute(RETRY, {"channel": channel})).rowcount


RETRY = text(
    """
    WITH asked AS MATERIALIZED (
        SELECT transaction_id, event_id FROM channel_notice n
        WHERE n.channel = :channel AND (due_at > clock_timestamp() OR (due_at IS NULL AND refused IS NOT NULL AND EXISTS (
            SELECT FROM exception x
            WHERE x.order_id = n.order_id AND x.code = 'channel_refused' AND x.resolved_at IS NULL
              AND x.subject = n.transaction_id || '-' || n.event_id)))
        ORDER BY transaction_id, event_id FOR UPDATE
    )
    UPDATE channel_notice n SET due_at = clock_timestamp(), retried_at = clock_timestamp(), tries = 0
    FROM asked WHERE n.transaction_id = asked.transaction_id AND n.event_id = asked.event_id
    """
)
"""A notice that a person has decided to leave stays as it is. The rows are locked in the order in which a sender locks them."""

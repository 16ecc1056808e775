"""Named statements about webhooks: the addresses of channels, and the events that must still be delivered to them.

Addresses and secrets are sealed with the common key: a dump is not enough to call a channel or to sign as Switchyard.

An event is owed while its `due_at` is set. A sender moves it into the future before the call, so that no other sender delivers
the event at the same time, and no transaction is open during a call. An event is due only when no earlier event of its order is
owed. An event that the channel has not accepted for too long is given up: it is not owed until a retry is requested.

A transaction that changes several events of a channel locks the row of its webhook first, so that there are no deadlocks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.documents.event import SHOWN
from database.sealing import Key


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered webhook: the secret that signs now, and until when the previous secret signs as well (None = not)."""

    secret: str
    previous_until: datetime | None


@dataclass(frozen=True, slots=True)
class Owed:
    """An event that must be delivered to a channel, with the address and secrets of the channel's webhook."""

    transaction_id: int
    event_id: int
    channel: str
    document: str
    """The event as the feed shows it, as JSON."""
    tries: int
    url: str
    secrets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The event's id, the same whenever it is delivered."""
        return f"{self.transaction_id}-{self.event_id}"


async def keep(
    connection: WriteConnection, channel: str, url: str, secret: str | None, *, otherwise: str, overlap: timedelta
) -> Registration:
    """Register a channel's webhook, or change it. A new secret signs at once; the previous one signs as well for `overlap`.

    Without `secret` the present secret stays, or `otherwise` becomes the first one. Raises `NoCommonKey` and `WrongMasterKey`.
    """
    key = await personal.common_key(connection)
    await connection.execute(ONE_AT_A_TIME, {"channel": channel})
    known = personal.unseal(key, "webhook", (await connection.execute(KNOWN, {"channel": channel})).scalar()) or {}
    before = known.get("secret")
    kept = {"url": url, "secret": secret or before or otherwise, "previous_secret": known.get("previous_secret")}
    is_changed = before is not None and kept["secret"] != before
    if is_changed:
        kept["previous_secret"] = before
    parameters = {"channel": channel, "sealed": key.seal("webhook", kept), "overlap": overlap if is_changed else None}
    previous_until = (await connection.execute(KEEP, parameters)).scalar_one()
    return Registration(str(kept["secret"]), previous_until)


ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('webhook ' || CAST(:channel AS text), 0))")
"""Two first registrations of a channel have no row to lock; the secret that one of them makes must not be lost."""

KNOWN = text("SELECT sealed FROM webhook WHERE channel = :channel FOR UPDATE")

KEEP = text(
    """
    INSERT INTO webhook AS w (channel, sealed) VALUES (:channel, :sealed)
    ON CONFLICT (channel) DO UPDATE SET
        sealed = excluded.sealed,
        previous_until = coalesce(clock_timestamp() + CAST(:overlap AS interval), w.previous_until)
    RETURNING CASE WHEN previous_until > clock_timestamp() THEN previous_until END AS previous_until
    """
)


async def remove(connection: WriteConnection, channel: str) -> None:
    """Delete a channel's webhook; its events are not owed any more."""
    await connection.execute(REMOVE, {"channel": channel})
    await connection.execute(OWE_NOTHING, {"channel": channel})


REMOVE = text("DELETE FROM webhook WHERE channel = :channel")

OWE_NOTHING = text(
    """
    UPDATE event SET due_at = NULL, given_up_at = NULL
    WHERE channel = :channel AND (due_at IS NOT NULL OR given_up_at IS NOT NULL)
    """
)

FIRST_OF_ITS_ORDER = """
    NOT EXISTS (SELECT FROM event b WHERE b.order_id = e.order_id AND b.due_at IS NOT NULL AND b.event_id < e.event_id)
"""


async def retry(connection: WriteConnection, channel: str) -> int | None:
    """Make all events that a channel is owed, or that were given up, due now, with the full time for delivery.

    Answers how many of them were not due before; None when the channel has no webhook. An event whose delivery is under way may
    be delivered twice.
    """
    if (await connection.execute(LOCK, {"channel": channel})).one_or_none() is None:
        return None
    return (await connection.execute(RETRY, {"channel": channel})).rowcount


LOCK = text("SELECT channel FROM webhook WHERE channel = :channel FOR UPDATE")

RETRY = text(
    """
    UPDATE event SET due_at = clock_timestamp(), retried_at = clock_timestamp(), given_up_at = NULL, tries = 0
    WHERE channel = :channel AND (due_at > clock_timestamp() OR given_up_at IS NOT NULL)
    """
)


async def channels(connection: ReadConnection) -> list[str]:
    """The channels with a due event."""
    return list((await connection.execute(CHANNELS)).scalars())


CHANNELS = text(
    """
    SELECT w.channel FROM webhook w
    WHERE EXISTS (SELECT FROM event e WHERE e.channel = w.channel AND e.due_at <= clock_timestamp())
    """
)


async def due_in(connection: ReadConnection) -> timedelta | None:
    """In what time the next event is due; None when no channel is owed one."""
    found: timedelta | None = (await connection.execute(DUE_IN)).scalar_one()
    return found


DUE_IN = text(
    """
    SELECT min(e.due_at) - clock_timestamp() FROM webhook w
    CROSS JOIN LATERAL (SELECT min(due_at) AS due_at FROM event
                        WHERE event.channel = w.channel AND event.due_at IS NOT NULL) e
    """
)
"""Channel by channel, along the index of events that are owed."""


async def claim(connection: WriteConnection, channel: str, limit: int, lease: timedelta) -> list[Owed]:
    """Take due events of a channel, at most one for each order; they are due again after `lease`."""
    key = await personal.common_key(connection)
    rows = await connection.execute(CLAIM, {"channel": channel, "limit": limit, "lease": lease})
    return [_owed(key, channel, row) for row in rows]


def _owed(key: Key, channel: str, row: Any) -> Owed:
    opened = personal.unseal(key, "webhook", row.sealed) or {}
    signing = [opened["secret"], opened["previous_secret"] if row.previous_signs else None]
    return Owed(
        row.transaction_id,
        row.event_id,
        channel,
        row.shown,
        row.tries,
        opened["url"],
        tuple(filter(None, signing)),
    )


CLAIM = text(
    f"""
    WITH due AS (
        SELECT transaction_id, event_id FROM event e
        WHERE e.channel = :channel AND e.due_at <= clock_timestamp() AND {FIRST_OF_ITS_ORDER}
        ORDER BY e.due_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE event e SET due_at = clock_timestamp() + CAST(:lease AS interval), tries = tries + 1
        FROM due WHERE e.transaction_id = due.transaction_id AND e.event_id = due.event_id
        RETURNING e.*
    )
    SELECT transaction_id, event_id, {SHOWN}, tries, w.sealed, w.previous_until > clock_timestamp() AS previous_signs
    FROM claimed e JOIN webhook w USING (channel)
    ORDER BY transaction_id, event_id
    """
)


async def delivered(connection: WriteConnection, owed: Owed) -> None:
    """Note that the channel accepted an event."""
    await connection.execute(DELIVERED, {"transaction_id": owed.transaction_id, "event_id": owed.event_id})


DELIVERED = text(
    """
    UPDATE event SET due_at = NULL, given_up_at = NULL WHERE transaction_id = :transaction_id AND event_id = :event_id
    """
)


async def postpone(connection: WriteConnection, owed: Owed, why: str, wait: timedelta, keeps_trying: timedelta) -> bool:
    """Note why a channel did not accept an event, and let it be due again after `wait`.

    False when the event is given up, because it is older than `keeps_trying`. Nothing changes when the webhook was removed, the
    event was accepted, or a retry was requested during the call.
    """
    parameters = {
        "channel": owed.channel,
        "transaction_id": owed.transaction_id,
        "event_id": owed.event_id,
        "tries": owed.tries,
        "why": why,
        "wait": wait,
        "keeps_trying": keeps_trying,
    }
    return (await connection.execute(POSTPONE, parameters)).scalar() is not True


POSTPONE = text(
    """
    WITH failed AS (
        UPDATE webhook SET failed_at = clock_timestamp(), failure = :why WHERE channel = :channel
        RETURNING channel, failed_at, failed_at - CAST(:keeps_trying AS interval) AS given_up_until
    ), tried AS (
        UPDATE event e
        SET due_at = CASE WHEN greatest(e.recorded_at, e.retried_at) > f.given_up_until
                          THEN f.failed_at + CAST(:wait AS interval) END,
            given_up_at = CASE WHEN greatest(e.recorded_at, e.retried_at) <= f.given_up_until THEN f.failed_at END
        FROM failed f
        WHERE e.channel = f.channel AND e.transaction_id = :transaction_id AND e.event_id = :event_id
          AND e.due_at IS NOT NULL AND e.tries = :tries
        RETURNING e.order_id, e.event_id, e.due_at, e.given_up_at
    ), behind AS (
        UPDATE event e SET due_at = t.due_at FROM tried t
        WHERE e.order_id = t.order_id AND e.event_id > t.event_id AND e.due_at < t.due_at
    )
    SELECT given_up_at IS NOT NULL FROM tried
    """
)
"""Later events of the order are postponed as well: otherwise a claim would read every event of a day's outage."""

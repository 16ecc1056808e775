"""Named statements about webhooks: where channels want to be called, and the events that they are still owed.

An event is owed while its `due_at` is set. Whoever delivers it moves that into the future first, so that nobody else does
meanwhile, and no transaction stays open during a call. An event is due only when no earlier one of its order is owed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import WriteConnection
from database.event import SHOWN


@dataclass(frozen=True, slots=True)
class Kept:
    """What a registration made of a webhook: the secret that signs now, and until when the one before signs along."""

    secret: str
    previous_until: datetime | None


@dataclass(frozen=True, slots=True)
class Owed:
    """An event that a channel is owed, with where and how it wants to be told."""

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
) -> Kept:
    """Register a channel's webhook, or change it. Another secret takes over at once; the one before signs along for `overlap`.

    Without a secret the known one stays, and `otherwise` becomes the first.
    """
    parameters = {"channel": channel, "url": url, "secret": secret, "otherwise": otherwise, "overlap": overlap}
    row = (await connection.execute(KEEP, parameters)).one()
    return Kept(row.secret, row.previous_until)


KEEP = text(
    """
    INSERT INTO webhook AS w (channel, url, secret) VALUES (:channel, :url, coalesce(CAST(:secret AS text), :otherwise))
    ON CONFLICT (channel) DO UPDATE SET
        url = excluded.url,
        secret = coalesce(CAST(:secret AS text), w.secret),
        previous_secret = CASE WHEN CAST(:secret AS text) <> w.secret THEN w.secret ELSE w.previous_secret END,
        previous_until = CASE WHEN CAST(:secret AS text) <> w.secret THEN clock_timestamp() + CAST(:overlap AS interval)
                              ELSE w.previous_until END
    RETURNING secret, CASE WHEN previous_until > clock_timestamp() THEN previous_until END AS previous_until
    """
)


async def remove(connection: WriteConnection, channel: str) -> None:
    """Forget a channel's webhook and what it is owed."""
    await connection.execute(REMOVE, {"channel": channel})


REMOVE = text(
    """
    WITH removed AS (DELETE FROM webhook WHERE channel = :channel)
    UPDATE event SET due_at = NULL WHERE channel = :channel AND due_at IS NOT NULL
    """
)


async def channels(connection: WriteConnection) -> list[str]:
    """The channels that an event is due for."""
    return list((await connection.execute(CHANNELS)).scalars())


CHANNELS = text(
    """
    SELECT w.channel FROM webhook w
    WHERE EXISTS (SELECT FROM event e WHERE e.channel = w.channel AND e.due_at <= clock_timestamp())
    """
)


async def claim(connection: WriteConnection, channel: str, limit: int, lease: timedelta) -> list[Owed]:
    """Take events that are due for a channel, each of another order; they are due again after `lease`."""
    rows = await connection.execute(CLAIM, {"channel": channel, "limit": limit, "lease": lease})
    return [
        Owed(
            row.transaction_id,
            row.event_id,
            channel,
            row.shown,
            row.tries,
            row.url,
            tuple(filter(None, (row.secret, row.previous_secret))),
        )
        for row in rows
    ]


CLAIM = text(
    f"""
    WITH due AS (
        SELECT transaction_id, event_id FROM event e
        WHERE e.channel = :channel AND e.due_at <= clock_timestamp()
          AND NOT EXISTS (SELECT FROM event b WHERE b.order_id = e.order_id AND b.due_at IS NOT NULL
                                                AND b.event_id < e.event_id)
        ORDER BY e.due_at LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE event e SET due_at = clock_timestamp() + CAST(:lease AS interval), tries = tries + 1
        FROM due WHERE e.transaction_id = due.transaction_id AND e.event_id = due.event_id
        RETURNING e.*
    )
    SELECT transaction_id, event_id, {SHOWN}, tries, w.url, w.secret,
           CASE WHEN w.previous_until > clock_timestamp() THEN w.previous_secret END AS previous_secret
    FROM claimed JOIN webhook w USING (channel)
    ORDER BY transaction_id, event_id
    """
)


async def delivered(connection: WriteConnection, owed: Owed) -> None:
    """The channel took an event."""
    await connection.execute(DELIVERED, {"transaction_id": owed.transaction_id, "event_id": owed.event_id})


DELIVERED = text("UPDATE event SET due_at = NULL WHERE transaction_id = :transaction_id AND event_id = :event_id")


async def postpone(connection: WriteConnection, owed: Owed, wait: timedelta, keeps_trying: timedelta) -> bool:
    """The channel did not take an event: try again after `wait`. False when it is given up, since it is older than allowed."""
    parameters = {"transaction_id": owed.transaction_id, "event_id": owed.event_id}
    found = await connection.execute(POSTPONE, parameters | {"wait": wait, "keeps_trying": keeps_trying})
    return found.scalar() is not None


POSTPONE = text(
    """
    WITH tried AS (
        UPDATE event
        SET due_at = CASE WHEN recorded_at > clock_timestamp() - CAST(:keeps_trying AS interval)
                          THEN clock_timestamp() + CAST(:wait AS interval) END
        WHERE transaction_id = :transaction_id AND event_id = :event_id AND due_at IS NOT NULL
        RETURNING order_id, event_id, due_at
    ), behind AS (
        UPDATE event e SET due_at = t.due_at FROM tried t
        WHERE e.order_id = t.order_id AND e.event_id > t.event_id AND e.due_at < t.due_at
    )
    SELECT due_at FROM tried
    """
)
"""What waits behind it is put off as long: else a claim would look at everything that a channel was told in a day's outage."""

"""Named statements about webhooks: where channels want to be called, and the events that they are still owed.

An event is owed while its `due_at` is set. Whoever delivers it moves that into the future first, so that nobody else does
meanwhile, and no transaction stays open during a call. An event is due only when no earlier one of its order is owed. One
that was not taken for too long is given up, and no more owed, until somebody asks to have it tried anew.

What changes several events of a channel locks the row of its webhook first, so that no two wait for each other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import WriteConnection
from database.documents.event import SHOWN


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
    """Make what a channel is owed, and what was given up, due now, to be tried as long as what is new.

    Answers how many events had to wait; None when it has no webhook. What is just being delivered may be told twice.
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
        WHERE e.channel = :channel AND e.due_at <= clock_timestamp() AND {FIRST_OF_ITS_ORDER}
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


DELIVERED = text(
    """
    UPDATE event SET due_at = NULL, given_up_at = NULL WHERE transaction_id = :transaction_id AND event_id = :event_id
    """
)


async def postpone(connection: WriteConnection, owed: Owed, why: str, wait: timedelta, keeps_trying: timedelta) -> bool:
    """The channel did not take an event: keep why, and try again after `wait`.

    False when it is given up, since it is older than allowed. What was removed, taken or asked to be tried anew during the call
    stays as it is.
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
"""What waits behind it is put off as long: else a claim would look at everything that a channel was told in a day's outage."""

"""Named statements about what comes from connected channels: it is kept sealed, byte for byte, before it is carried out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from sqlalchemy import text

from channels.channel import Message
from database import personal
from database.connect import ReadConnection, WriteConnection

State = Literal["applied", "passed_over", "misfit"]


def subject_of(exchange: int) -> str:
    """How an exception names what came."""
    return f"exchange {exchange}"


async def keep(connection: WriteConnection, channel: str, messages: Sequence[tuple[str, Message]]) -> int:
    """Keep messages under the ids that their repeats have in common, due now; answers how many were not kept before."""
    common = await personal.common_key(connection)
    parameters = {
        "channel": channel,
        "event_ids": [event_id for event_id, _ in messages],
        "topics": [message.topic for _, message in messages],
        "bodies": [common.seal_bytes("exchange", message.body) for _, message in messages],
    }
    return int((await connection.execute(KEEP, parameters)).scalar_one())


KEEP = text(
    """
    WITH heard AS (
        UPDATE connection SET last_in_at = clock_timestamp()
        WHERE channel = :channel AND last_in_at < clock_timestamp() - interval '1 second' IS NOT FALSE
    ), kept AS (
        INSERT INTO exchange (channel, event_id, topic, body, due_at)
        SELECT :channel, n.event_id, n.topic, n.body, clock_timestamp()
        FROM unnest(CAST(:event_ids AS text[]), CAST(:topics AS text[]), CAST(:bodies AS bytea[])) AS n(event_id, topic, body)
        ON CONFLICT (channel, event_id) DO NOTHING RETURNING 1)
    SELECT count(*) FROM kept
    """
)
"""The row of the connection is written once a second at most: a sale's webhooks would wait for each other there."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Something that its sender has numbered: under one number there must be one content."""

    event_id: str
    digest: str
    """A keyed fingerprint of the content."""
    message: Message = field(repr=False)


async def digests(connection: ReadConnection, channel: str, event_ids: Collection[str]) -> dict[str, str]:
    """What came under these numbers before."""
    rows = await connection.execute(DIGESTS, {"channel": channel, "event_ids": list(event_ids)})
    return {row.event_id: row.digest for row in rows}


DIGESTS = text(
    """
    SELECT event_id, digest FROM exchange WHERE channel = :channel AND event_id = ANY(CAST(:event_ids AS text[]))
    """
)


async def keep_numbered(connection: WriteConnection, channel: str, some: Sequence[Numbered]) -> int:
    """As `keep`, with the fingerprints that `digests` answers later."""
    new = await keep(connection, channel, [(one.event_id, one.message) for one in some])
    numbers = {"event_ids": [one.event_id for one in some], "digests": [one.digest for one in some]}
    await connection.execute(KEEP_DIGESTS, {"channel": channel} | numbers)
    return new


KEEP_DIGESTS = text(
    """
    UPDATE exchange e SET digest = n.digest
    FROM unnest(CAST(:event_ids AS text[]), CAST(:digests AS text[])) AS n(event_id, digest)
    WHERE e.channel = :channel AND e.event_id = n.event_id AND e.digest IS NULL
    """
)


async def keep_misfit(connection: WriteConnection, channel: str, one: Numbered, reason: str) -> int | None:
    """Keep something that is not carried out before somebody asks for it; None = it is there already."""
    common = await personal.common_key(connection)
    parameters = {
        "channel": channel,
        "event_id": one.event_id,
        "digest": one.digest,
        "topic": one.message.topic,
        "body": common.seal_bytes("exchange", one.message.body),
        "reason": reason,
    }
    found: int | None = (await connection.execute(KEEP_MISFIT, parameters)).scalar_one_or_none()
    return found


KEEP_MISFIT = text(
    """
    INSERT INTO exchange (channel, event_id, digest, topic, body, state, reason)
    VALUES (:channel, :event_id, :digest, :topic, :body, 'misfit', :reason)
    ON CONFLICT (channel, event_id) DO NOTHING RETURNING exchange_id
    """
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came from a channel, and is to be carried out."""

    exchange: int
    channel: str
    topic: str
    message: Message | None = field(repr=False)
    """None = its bytes are kept no longer."""
    externals: tuple[str, ...]
    """The orders that were found in it when it was read before."""
    tries: int
    """How often it was tried since it came or was retried, this time included."""
    was_misfit: bool
    """Whether it did not fit when it was tried before."""


async def channels(connection: ReadConnection) -> list[str]:
    """The channels of which something is due."""
    return list((await connection.execute(CHANNELS)).scalars())


CHANNELS = text("SELECT DISTINCT channel FROM exchange WHERE due_at <= clock_timestamp() ORDER BY channel")


async def claim(connection: WriteConnection, channel: str, limit: int, lease: timedelta) -> list[Exchange]:
    """Claim what is due of a channel, the first that came first. What is not finished within the lease is due again."""
    common = await personal.common_key(connection)
    rows = await connection.execute(CLAIM, {"channel": channel, "limit": limit, "lease": lease})
    return [
        Exchange(
            row.exchange_id,
            channel,
            row.topic,
            None if row.body is None else Message(row.topic, common.open_bytes("exchange", row.body)),
            tuple(row.externals),
            row.tries,
            row.was_misfit,
        )
        for row in sorted(rows, key=lambda row: row.exchange_id)
    ]


CLAIM = text(
    """
    UPDATE exchange SET due_at = clock_timestamp() + CAST(:lease AS interval), tries = tries + 1
    WHERE exchange_id IN (
        SELECT exchange_id FROM exchange WHERE channel = :channel AND due_at <= clock_timestamp()
        ORDER BY due_at, exchange_id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING exchange_id, topic, body, externals, tries, was_misfit
    """
)


async def name_orders(connection: WriteConnection, exchange: int, externals: Collection[str]) -> None:
    """Note of which orders something is, before it is carried out: others of the same orders then count it in."""
    await connection.execute(NAME_ORDERS, {"exchange": exchange, "externals": sorted(externals)})


NAME_ORDERS = text("UPDATE exchange SET externals = CAST(:externals AS text[]) WHERE exchange_id = :exchange")


async def is_there(connection: ReadConnection, channel: str, external: str, but: int) -> bool:
    """Whether anything came of an order of a channel, beside one thing."""
    asked = {"channel": channel, "external": external, "but": but}
    return bool((await connection.execute(IS_THERE, asked)).scalar_one())


IS_THERE = text(
    """
    SELECT EXISTS (SELECT FROM exchange
                   WHERE channel = :channel AND externals @> ARRAY[CAST(:external AS text)] AND exchange_id <> :but)
    """
)


async def about(connection: ReadConnection, channel: str, external: str, but: int) -> list[tuple[Message, bool]]:
    """Everything that came of an order of a channel, did fit and has its bytes still, each with whether it waits to be carried
    out; without one of them."""
    common = await personal.common_key(connection)
    rows = await connection.execute(ABOUT, {"channel": channel, "external": external, "but": but})
    return [(Message(row.topic, common.open_bytes("exchange", row.body)), row.state == "kept") for row in rows]


ABOUT = text(
    """
    SELECT topic, body, state FROM exchange
    WHERE channel = :channel AND externals @> ARRAY[CAST(:external AS text)] AND exchange_id <> :but
      AND state <> 'misfit' AND body IS NOT NULL
    ORDER BY exchange_id
    """
)


async def finish(
    connection: WriteConnection, exchange: int, state: State, externals: Collection[str], reason: str | None = None
) -> None:
    """Note what became of something that came, and of which orders it was. It is not due any more."""
    parameters = {"exchange": exchange, "state": state, "reason": reason, "externals": sorted(externals)}
    await connection.execute(FINISH, parameters)


FINISH = text(
    """
    UPDATE exchange SET state = :state, reason = :reason, externals = CAST(:externals AS text[]), due_at = NULL
    WHERE exchange_id = :exchange
    """
)


async def postpone(connection: WriteConnection, exchange: int, reason: str, wait: timedelta) -> None:
    """Try something again after a while, for this reason."""
    await connection.execute(POSTPONE, {"exchange": exchange, "reason": reason, "wait": wait})


POSTPONE = text(
    """
    UPDATE exchange SET reason = :reason, due_at = clock_timestamp() + CAST(:wait AS interval) WHERE exchange_id = :exchange
    """
)


async def retry(connection: WriteConnection, channel: str) -> int:
    """Let what did not fit be tried again now; answers how many that are."""
    return (await connection.execute(RETRY, {"channel": channel})).rowcount


RETRY = text(
    """
    UPDATE exchange SET state = 'kept', was_misfit = true, due_at = clock_timestamp(), tries = 0
    WHERE channel = :channel AND state = 'misfit'
    """
)


async def look_at_unmapped_again(connection: WriteConnection) -> int:
    """Let the newest document of every order with an item that nobody knew be read again; answers how many orders these are."""
    return (await connection.execute(LOOK_AT_UNMAPPED_AGAIN)).rowcount


LOOK_AT_UNMAPPED_AGAIN = text(
    """
    UPDATE exchange SET due_at = clock_timestamp(), tries = 0
    WHERE exchange_id IN (
        SELECT max(e.exchange_id) FROM hold h JOIN channel_order c USING (order_id)
        JOIN exchange e ON e.channel = c.channel AND e.externals @> ARRAY[c.external] AND e.state = 'applied'
        WHERE h.hold = 'unmapped' AND h.released_at IS NULL
        GROUP BY c.channel, c.external)
    """
)


async def pass_over_older(connection: WriteConnection, channel: str, external: str, exchange: int) -> list[int]:
    """Pass over what did not fit of an order before a newer document of it was carried out; answers what that was."""
    parameters = {"channel": channel, "external": external, "exchange": exchange}
    return list((await connection.execute(PASS_OVER_OLDER, parameters)).scalars())


PASS_OVER_OLDER = text(
    """
    UPDATE exchange SET state = 'passed_over', reason = 'a newer document of its order was carried out', due_at = NULL
    WHERE channel = :channel AND externals = ARRAY[CAST(:external AS text)] AND state = 'misfit' AND exchange_id < :exchange
    RETURNING exchange_id
    """
)


async def erase(connection: WriteConnection, exchange: int) -> None:
    """Erase the bytes of something that came."""
    await connection.execute(ERASE, {"exchange": exchange})


ERASE = text("UPDATE exchange SET body = NULL WHERE exchange_id = :exchange")


async def erase_old(connection: WriteConnection, channel: str, older_than: timedelta, limit: int) -> int:
    """Erase the bytes of what was carried out or passed over long ago; answers of how much."""
    parameters = {"channel": channel, "older_than": older_than, "limit": limit}
    return (await connection.execute(ERASE_OLD, parameters)).rowcount


ERASE_OLD = text(
    """
    UPDATE exchange SET body = NULL
    WHERE exchange_id IN (
        SELECT exchange_id FROM exchange
        WHERE channel = :channel AND body IS NOT NULL AND due_at IS NULL
          AND received_at < clock_timestamp() - CAST(:older_than AS interval)
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    """
)

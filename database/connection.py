"""Named statements about connections: what authorizes us at a channel, what its last check set up, where the next poll begins.

Credentials and tokens are sealed with the common key: a dump of the database is not enough to call a channel.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from channels.channel import Finding, Token
from database import personal
from database.connect import ReadConnection, WriteConnection


@dataclass(frozen=True, slots=True)
class Access:
    """What authorizes us at a channel, and what its last check set up there."""

    credentials: Mapping[str, str] = field(repr=False)
    token: Token | None = field(repr=False)
    """None = it is to be renewed."""
    settings: Mapping[str, Any]
    sealed: bytes = field(repr=False)
    """The credentials as they are stored: a token belongs to these."""


async def keep_credentials(connection: WriteConnection, channel: str, credentials: Mapping[str, str]) -> None:
    """Store the credentials of a channel, in place of earlier ones and of the token that they gave.

    Raises `NoCommonKey` and `WrongMasterKey`.
    """
    key = await personal.common_key(connection)
    sealed = key.seal("credentials", dict(credentials))
    await connection.execute(KEEP_CREDENTIALS, {"channel": channel, "sealed": sealed})


KEEP_CREDENTIALS = text(
    """
    INSERT INTO connection (channel, credentials) VALUES (:channel, :sealed)
    ON CONFLICT (channel) DO UPDATE SET credentials = excluded.credentials, token = NULL, token_until = NULL,
                                        poll_due_at = NULL
    """
)


async def keep_first_credentials(connection: WriteConnection, channel: str, credentials: Mapping[str, str]) -> None:
    """As `keep_credentials`, where none are stored yet."""
    key = await personal.common_key(connection)
    sealed = key.seal("credentials", dict(credentials))
    await connection.execute(KEEP_FIRST_CREDENTIALS, {"channel": channel, "sealed": sealed})


KEEP_FIRST_CREDENTIALS = text(
    """
    INSERT INTO connection AS c (channel, credentials) VALUES (:channel, :sealed)
    ON CONFLICT (channel) DO UPDATE SET credentials = excluded.credentials WHERE c.credentials IS NULL
    """
)


async def access(connection: ReadConnection, channel: str) -> Access | None:
    """What authorizes us at a channel; None when it was never connected. Raises `NoCommonKey` and `WrongMasterKey`."""
    row = (await connection.execute(ACCESS, {"channel": channel})).one_or_none()
    if row is None:
        return None
    key = await personal.common_key(connection)
    token = personal.unseal(key, "token", row.token)
    return Access(
        credentials=personal.unseal(key, "credentials", row.credentials) or {},
        token=Token(token["secret"], row.token_until) if token else None,
        settings=row.settings,
        sealed=row.credentials,
    )


ACCESS = text(
    """
    SELECT credentials, token, token_until, settings FROM connection
    WHERE channel = :channel AND credentials IS NOT NULL
    """
)


async def keep_token(connection: WriteConnection, channel: str, token: Token, of: Access) -> None:
    """Store a token that these credentials gave, unless the channel has others by now."""
    key = await personal.common_key(connection)
    parameters = {
        "channel": channel,
        "credentials": of.sealed,
        "token": key.seal("token", {"secret": token.secret}),
        "until": token.until,
    }
    await connection.execute(KEEP_TOKEN, parameters)


KEEP_TOKEN = text(
    """
    UPDATE connection SET token = :token, token_until = CAST(:until AS timestamptz)
    WHERE channel = :channel AND credentials = :credentials
    """
)


async def found_before(connection: WriteConnection, channel: str) -> Sequence[Finding]:
    """What the last check of a channel found. No other transaction stores a check of it until this one ends."""
    found = (await connection.execute(FOUND_BEFORE, {"channel": channel})).scalar_one_or_none() or ()
    return [Finding(**one) for one in found]


FOUND_BEFORE = text("SELECT findings FROM connection WHERE channel = :channel FOR UPDATE")


async def keep_check(
    connection: WriteConnection,
    channel: str,
    settings: Mapping[str, Any],
    findings: Sequence[Finding],
    due_in: timedelta | None = None,
) -> None:
    """Store what a check found at a channel that has credentials, and what it set up there; the next one is due in `due_in`,
    None = only when somebody asks for it."""
    parameters = {
        "due_in": due_in,
        "channel": channel,
        "settings": json.dumps(dict(settings)),
        "findings": json.dumps([asdict(finding) for finding in findings]),
        "orders_flow": not any(finding.is_fault for finding in findings),
    }
    await connection.execute(KEEP_CHECK, parameters)


KEEP_CHECK = text(
    """
    UPDATE connection SET settings = CAST(:settings AS jsonb), findings = CAST(:findings AS jsonb),
                          checked_at = CASE WHEN :orders_flow THEN clock_timestamp() ELSE checked_at END,
                          check_due_at = clock_timestamp() + CAST(:due_in AS interval)
    WHERE channel = :channel
    """
)


async def claim_check(connection: WriteConnection, channel: str, lease: timedelta) -> bool:
    """Take the check of a channel; it is due again after `lease`. False when nobody has connected the channel yet: `connect`
    is about to make what a second check at the same time would make, too."""
    return (await connection.execute(CLAIM_CHECK, {"channel": channel, "lease": lease})).rowcount > 0


CLAIM_CHECK = text(
    """
    UPDATE connection SET check_due_at = clock_timestamp() + CAST(:lease AS interval)
    WHERE channel = :channel AND check_due_at IS NOT NULL
    """
)


async def polls(connection: ReadConnection) -> dict[str, timedelta]:
    """The channels with credentials, each with how long until it is asked for what has changed; 0 = it is due."""
    return {row.channel: row.wait for row in await connection.execute(POLLS)}


POLLS = text(
    """
    SELECT channel, greatest(coalesce(poll_due_at - clock_timestamp(), interval '0'), interval '0') AS wait
    FROM connection WHERE credentials IS NOT NULL AND NOT starts_with(channel, 'carrier:')
    """
)


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll that this process has taken."""

    cursor: Mapping[str, Any]
    """Where it begins; {} = at the beginning."""
    needs_check: bool
    """Whether the channel is to be checked, too."""


async def claim_poll(connection: WriteConnection, channel: str, lease: timedelta) -> Poll | None:
    """Take the poll of a channel; it is due again after `lease`. None when another process has taken it."""
    found = (await connection.execute(CLAIM_POLL, {"channel": channel, "lease": lease})).one_or_none()
    return None if found is None else Poll(dict(found.cursor), found.needs_check)


CLAIM_POLL = text(
    """
    UPDATE connection SET poll_due_at = clock_timestamp() + CAST(:lease AS interval)
    WHERE channel = :channel AND (poll_due_at IS NULL OR poll_due_at <= clock_timestamp())
    RETURNING cursor, coalesce(check_due_at <= clock_timestamp(), false) AS needs_check
    """
)


async def keep_page(
    connection: WriteConnection, channel: str, cursor: Mapping[str, Any], *, is_last: bool, due_in: timedelta
) -> None:
    """Store where the next page of a poll begins, together with what the page before it brought.

    `is_last` ends the poll; the next one, or the next page in another process, is due in `due_in`.
    """
    parameters = {"channel": channel, "cursor": json.dumps(dict(cursor)), "is_last": is_last, "due_in": due_in}
    await connection.execute(KEEP_PAGE, parameters)


KEEP_PAGE = text(
    """
    UPDATE connection SET cursor = CAST(:cursor AS jsonb), poll_due_at = clock_timestamp() + CAST(:due_in AS interval),
                          polled_at = CASE WHEN :is_last THEN clock_timestamp() ELSE polled_at END,
                          poll_failing_since = CASE WHEN NOT :is_last THEN poll_failing_since END
    WHERE channel = :channel
    """
)


async def postpone_poll(connection: WriteConnection, channel: str, wait: timedelta) -> None:
    """Ask a channel again after a while for what has changed."""
    await connection.execute(POSTPONE_POLL, {"channel": channel, "wait": wait})


POSTPONE_POLL = text(
    "UPDATE connection SET poll_due_at = clock_timestamp() + CAST(:wait AS interval) WHERE channel = :channel"
)


async def poll_failed(connection: WriteConnection, channel: str, wait: timedelta) -> timedelta:
    """Ask a channel again after a while, because the poll failed; answers for how long no poll has ended well."""
    return timedelta(
        seconds=(await connection.execute(POLL_FAILED, {"channel": channel, "wait": wait})).scalar_one_or_none() or 0
    )


POLL_FAILED = text(
    """
    UPDATE connection SET poll_due_at = clock_timestamp() + CAST(:wait AS interval),
                          poll_failing_since = coalesce(poll_failing_since, clock_timestamp())
    WHERE channel = :channel
    RETURNING extract(epoch FROM clock_timestamp() - poll_failing_since)::float
    """
)


async def failed(connection: WriteConnection, channel: str, why: str) -> None:
    """Note that a request to a channel failed; `why` holds no address and nothing that was sent or answered."""
    await connection.execute(FAILED, {"channel": channel, "why": why})


FAILED = text("UPDATE connection SET failed_at = clock_timestamp(), failure = :why WHERE channel = :channel")


async def works(connection: WriteConnection, channel: str) -> None:
    """Note that a channel answers again after a failure."""
    await connection.execute(WORKS, {"channel": channel})


WORKS = text(
    "UPDATE connection SET failed_at = NULL, failure = NULL WHERE channel = :channel AND failed_at IS NOT NULL"
)

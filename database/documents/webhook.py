"""The document of a webhook: the events that it is owed, and why the last try failed."""

from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from database.outbox.webhook import FIRST_OF_ITS_ORDER


class WebhookFailure(Document):
    """A try that failed."""

    at: AwareDatetime
    reason: str
    """The HTTP status of the answer, such as `status 503`, or the kind of error, such as `ConnectError`."""


class WebhookState(Document):
    """Delivery status of a webhook. An event is owed until it is delivered or given up."""

    channel: str
    url: str
    """Where events are sent."""
    registered_at: AwareDatetime
    owed: int
    """Events that are not delivered yet."""
    owed_since: AwareDatetime | None
    """When the oldest of them was written; null when none is owed."""
    next_try_at: AwareDatetime | None
    """When the first of them is sent next. In the past: at any moment. During a call: when it is repeated if the call fails.
    Null when none is owed."""
    last_failure: WebhookFailure | None
    """The last try that failed. It stays when a later try succeeds, so look at `at` and `owed`. Null when none has failed."""
    given_up: int
    """Events that the channel did not accept for 7 days."""
    given_up_since: AwareDatetime | None
    """When the first of them was given up; null without any."""


async def show(connection: ReadConnection, channel: str) -> dict[str, Any] | None:
    """The delivery status of a channel's webhook; None when the channel has none."""
    row = (await connection.execute(SHOW, {"channel": channel})).one_or_none()
    if row is None:
        return None
    known = dict(row._mapping)
    opened = personal.unseal(await personal.common_key(connection), "webhook", known.pop("sealed")) or {}
    at, reason = known.pop("failed_at"), known.pop("failure")
    failure = {"at": at, "reason": reason} if at and reason else None
    return known | {"channel": channel, "url": opened["url"], "last_failure": failure}


SHOW = text(
    f"""
    SELECT w.sealed, w.recorded_at AS registered_at, o.owed, o.owed_since, n.next_try_at, g.given_up, g.given_up_since,
           w.failed_at, w.failure
    FROM webhook w
    CROSS JOIN LATERAL (SELECT count(*) AS owed, min(e.recorded_at) AS owed_since FROM event e
                        WHERE e.channel = w.channel AND e.due_at IS NOT NULL) o
    LEFT JOIN LATERAL (SELECT e.due_at AS next_try_at FROM event e
                       WHERE e.channel = w.channel AND e.due_at IS NOT NULL AND {FIRST_OF_ITS_ORDER}
                       ORDER BY e.due_at LIMIT 1) n ON true
    CROSS JOIN LATERAL (SELECT count(*) AS given_up, min(e.given_up_at) AS given_up_since FROM event e
                        WHERE e.channel = w.channel AND e.given_up_at IS NOT NULL) g
    WHERE w.channel = :channel
    """
)

"""Sends webhooks: every event of a channel's orders as a signed POST, until the channel accepts it.

Events that are owed are in PostgreSQL (`event.due_at`), so any process can go on at any moment. An event is delivered at
least once, and never before an earlier one of its order; a channel that does not accept events does not stop the others.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from database.connect import Database
from database.outbox import webhook
from database.outbox.webhook import Owed
from formats.standard_webhooks import signed_headers
from jobs.waiting import wait_after
from runtime.breaker import Breaker
from runtime.outbound import CallFailed, Outbound

ANSWER_WITHIN = timedelta(seconds=10)
LEASE = timedelta(minutes=1)
"""After this time another process sends what a dead process had claimed; every call must have ended well before."""
AT_ONCE_MAX = 20
FAILURES_MAX = 5
"""After so many failed calls in a row a channel rests, whatever is due: a silent one does not have calls under way for ever."""
REST = ANSWER_WITHIN
"""How long it rests before one event is tried."""
KEEPS_TRYING = timedelta(days=7)

log = structlog.get_logger("webhook")


class WebhookSender:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(self, database: Database, outbound: Outbound) -> None:
        """`outbound` decides which addresses channels may name."""
        self._database = database
        self._outbound = outbound
        self._breaker = Breaker(FAILURES_MAX, REST)
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def visit(self) -> timedelta | None:
        """Begin to serve every channel that has a due event, is not being served and does not rest.

        Answers in what time the next event is due, None when no channel is owed one.

        Raises what ended the serving of a channel since the last visit; another one begins all the same.
        """
        ended = [self._serving.pop(channel) for channel, task in list(self._serving.items()) if task.done()]
        async with self._database.read_once() as connection:
            due = await webhook.channels(connection)
            due_in = timedelta() if due else await webhook.due_in(connection)
        for channel in filter(self._breaker.admits, set(due) - self._serving.keys()):
            self._serving[channel] = asyncio.create_task(self._serve(channel))
        for task in ended:
            task.result()
        return due_in

    def end_the_rest(self, channel: str) -> None:
        """Call a channel as usual from now on: somebody has changed its address, or says that it works again."""
        self._breaker.succeeded(channel)

    async def close(self) -> None:
        """Stop serving; what was not accepted is due again when its lease is over."""
        for task in self._serving.values():
            task.cancel()
        await asyncio.gather(*self._serving.values(), return_exceptions=True)

    async def _serve(self, channel: str) -> None:
        """Deliver a channel's due events until none is left, or one is not accepted; after a rest, one event as a trial."""
        takes = True
        while takes:
            at_once = AT_ONCE_MAX if self._breaker.is_closed(channel) else 1
            async with self._database.at_once() as connection:
                owed = await webhook.claim(connection, channel, at_once, LEASE)
            failures = await asyncio.gather(*map(self._deliver, owed))
            # Not at once: each writes to the row of the webhook, and would hold a connection until it is its turn.
            for one, why in zip(owed, failures, strict=True):
                if why is not None:
                    await self._postpone(one, why)
            takes = bool(owed) and not any(failures)

    async def _deliver(self, owed: Owed) -> str | None:
        """Send an event to its channel; return why it was not accepted, or None."""
        why = await self._send(owed)
        if why is not None:
            self._breaker.failed(owed.channel)
            return why
        self._breaker.succeeded(owed.channel)
        async with self._database.at_once() as connection:
            await webhook.delivered(connection, owed)
        return None

    async def _send(self, owed: Owed) -> str | None:
        body = owed.document.encode()
        headers = signed_headers(owed.secrets, owed.name, datetime.now(UTC), body)
        try:
            answer = await self._outbound.send("POST", owed.url, headers, body, within=ANSWER_WITHIN)
        except CallFailed as error:
            return str(error)
        return None if answer.is_success else f"status {answer.status}"

    async def _postpone(self, owed: Owed, why: str) -> None:
        async with self._database.at_once() as connection:
            goes_on = await webhook.postpone(connection, owed, why, wait_after(owed.tries), KEEPS_TRYING)
        what = "a channel did not take an event" if goes_on else "an event was given up; the feed still has it"
        log.warning(what, channel=owed.channel, event_id=owed.name, tries=owed.tries, reason=why)

"""Holds conversations with connected channels: performs the requests that a kind of channel asks for, and brings the answers.

Every request goes through here, whatever it is for. The runner adds what authorizes it, waits as the channel asks, leaves a
silent channel alone for a while, and notes a failure where people look. No transaction is open during a call.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from traceback import extract_tb
from typing import TypeVar

import structlog

from channels.channel import (
    Answer,
    ChannelKind,
    Conversation,
    Misfit,
    NoAccess,
    NoAnswer,
    Quota,
    Request,
    Settings,
    Token,
)
from channels.kinds import KINDS
from database import connection as statements
from database.connect import Database
from database.connection import Access
from network.channels_toml import is_loopback
from runtime.breaker import Breaker
from runtime.bucket import Bucket
from runtime.outbound import CallFailed, Outbound
from transactions.network import Networks

ANSWER_WITHIN = timedelta(seconds=15)
ANSWER_BYTES_MAX = 16 * 1024 * 1024
AT_ONCE_MAX = 4
"""Requests to one channel that are under way at once."""
WAIT_MAX = timedelta(seconds=20)
"""How long a request may wait in all, because the channel asks for it; then the conversation fails and is held later."""
FAILURES_MAX = 5
"""After so many requests in a row without an answer a channel rests."""
REST = ANSWER_WITHIN
RENEWED_BEFORE = timedelta(minutes=1)
"""A token is renewed this long before its end, so that it does not end on its way."""

REASONS = {
    "TimeoutError": f"no answer within {ANSWER_WITHIN.seconds} seconds",
    "ConnectError": "no connection",
    "gaierror": "its name leads to no address",
}
"""What is said of the failures that a person often meets."""

Result = TypeVar("Result")

log = structlog.get_logger("connection")


class ConversationFailed(Exception):
    """A conversation did not come to its end."""

    what = "{} cannot be asked for what has changed"
    """What a poll that fails so for long means, with a place for the name of the connection."""

    def __init__(self, why: str, wait: timedelta | None = None) -> None:
        """`why` holds no address and nothing that was sent or answered; `wait` is what the channel asked for, None = it did not
        say."""
        super().__init__(why)
        self.why, self.wait = why, wait


class AccessRefused(ConversationFailed):
    """The channel does not accept what authorizes us: a person must look, and run `connect` again."""


class Unreadable(ConversationFailed):
    """The channel answered, and the answer cannot be read: that says nothing of other conversations."""


@dataclass(slots=True)
class _Channel:
    """What this process knows about a channel."""

    clock: Callable[[], float]
    buckets: dict[str, Bucket] = field(default_factory=dict)
    """By the name of the quota; `""` counts what names none."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_MAX))
    renewal: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_noted: bool = True
    """Whether its row may show a failure."""

    def bucket(self, quota: Quota | None) -> Bucket:
        """What a request of this quota counts against."""
        return self.buckets.setdefault(quota.name if quota else "", Bucket(self.clock, quota))


class Conversations:
    """The conversations of one process."""

    def __init__(
        self,
        database: Database,
        networks: Networks,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`clock` counts seconds and `sleep` waits for some; a test has its own."""
        self._database = database
        self._networks = networks
        self._clock, self._sleep = clock, sleep
        self._public = Outbound(allows_private_addresses=False)
        self._local = Outbound(allows_private_addresses=True)
        self._breaker = Breaker(FAILURES_MAX, REST, clock)
        self._channels: dict[str, _Channel] = {}

    def close(self) -> None:
        """Forget the look-ups that have not begun."""
        self._public.close()
        self._local.close()

    def end_the_rest(self, channel: str) -> None:
        """Call a channel as usual from now on: somebody says that it works again."""
        self._breaker.succeeded(channel)

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """A connected channel of the active network and its kind; None = it has no entry there, or no credentials."""
        async with self._database.read() as connection:
            _, network = await self._networks.active(connection)
            access = await statements.access(connection, channel)
        entry = network.connections.get(channel)
        if entry is None or access is None:
            return None
        return Settings(channel, entry.entry, access.credentials, access.settings), KINDS[entry.kind]

    async def run(self, settings: Settings, kind: ChannelKind, conversation: Conversation[Result]) -> Result:
        """Hold a conversation. Raises `ConversationFailed`; what was asked until then may be done."""
        try:
            return await self._hold(conversation, lambda request: self._authorized(settings, kind, request))
        except ConversationFailed as error:
            if isinstance(error.__cause__, NoAccess):
                raise await self._refused(settings.name, error.why) from error
            raise

    async def _hold(self, conversation: Conversation[Result], ask: Callable[[Request], Awaitable[Answer]]) -> Result:
        with closing(conversation):
            go_on: Callable[[], Request] = partial(next, conversation)
            while True:
                try:
                    request = go_on()
                except StopIteration as end:
                    result: Result = end.value
                    return result
                except NoAnswer as error:
                    raise ConversationFailed(str(error)) from error
                except Misfit as error:
                    raise Unreadable(str(error)) from error
                except Exception as error:  # answers are what somebody else wrote: they may be anything
                    raise _unreadable(error) from error
                try:
                    go_on = partial(conversation.send, await ask(request))
                except NoAnswer as silence:
                    go_on = partial(conversation.throw, silence)

    async def _authorized(self, settings: Settings, kind: ChannelKind, request: Request) -> Answer:
        """The answer to a request with the present token; once with a new one, where the channel refuses that.

        A token that has ended may be refused with a 403, which also says that we may not do this: the conversation gets it
        when a new token changes nothing.
        """
        token = await self._token(settings, kind, refused=None)
        answer = await self._perform(settings, kind, kind.authorized(settings, token, request))
        if answer.status in (401, 403) and token is not None:
            token = await self._token(settings, kind, refused=token)
            answer = await self._perform(settings, kind, kind.authorized(settings, token, request))
        if answer.status == 401:
            raise await self._refused(settings.name, "it does not accept our credentials (status 401)")
        return answer

    async def _token(self, settings: Settings, kind: ChannelKind, *, refused: Token | None) -> Token | None:
        """The token that is stored, unless it ends soon or is the one that was `refused`: then a new one."""
        async with self._channel(settings.name).renewal:
            async with self._database.read() as connection:
                access = await statements.access(connection, settings.name)
            if access is None:
                raise ConversationFailed("it has no credentials any more")
            now = datetime.now(UTC)
            if access.token is not None and access.token != refused and not _ends_soon(access.token, now):
                return access.token
            # A token is kept with the credentials that gave it, and these may have changed since the conversation began.
            conversation = kind.token(replace(settings, credentials=access.credentials), now)
            return None if conversation is None else await self._renewed(settings, kind, conversation, access)

    async def _renewed(
        self, settings: Settings, kind: ChannelKind, conversation: Conversation[Token], access: Access
    ) -> Token:
        try:
            token = await self._hold(conversation, lambda request: self._perform(settings, kind, request))
        except ConversationFailed as error:
            if isinstance(error.__cause__, Misfit):
                raise await self._refused(settings.name, error.why) from error
            raise
        async with self._database.at_once() as connection:
            await statements.keep_token(connection, settings.name, token, access)
        return token

    async def _perform(self, settings: Settings, kind: ChannelKind, request: Request) -> Answer:
        """Send a request as it is, as often as the channel says that it did not look at it.

        Raises `NoAnswer` when the channel may or may not have done it, and `ConversationFailed` when it cannot be asked now.
        """
        channel, waited = self._channel(settings.name), 0.0
        bucket = channel.bucket(request.quota)
        while True:
            async with channel.turns:
                waited += await self._wait_for_points(bucket, request.cost, waited)
                with bucket.asking(request.cost):
                    answer = await self._send(settings, request)
            allowance = kind.allowance(answer)
            if allowance is not None:
                bucket.said(allowance)
            if answer.status != 429 and not (allowance and allowance.was_exceeded):
                return answer
            waited += await self._wait_as_asked(answer, waited)

    async def _wait_for_points(self, bucket: Bucket, cost: float, waited: float) -> float:
        spent = 0.0
        while wait := bucket.wait(cost):
            spent += await self._pause(wait, waited + spent)
        return spent

    async def _wait_as_asked(self, answer: Answer, waited: float) -> float:
        asked = retry_after(answer, datetime.now(UTC))
        return await self._pause(asked.total_seconds() if asked else max(1.0, waited), waited)

    async def _pause(self, seconds: float, waited: float) -> float:
        """Wait, unless that would be too long with what was waited before. Raises `ConversationFailed`."""
        if waited + seconds > WAIT_MAX.total_seconds():
            raise ConversationFailed("it asks us to wait: too many requests", timedelta(seconds=seconds))
        await self._sleep(seconds)
        return seconds

    async def _send(self, settings: Settings, request: Request) -> Answer:
        """Send a request once, and note how the channel takes requests."""
        name, api = settings.name, request.api or str(settings.entry["api"])
        if not self._breaker.admits(name):
            raise ConversationFailed("it answered none of the last requests, and is asked again in a moment", REST)
        outbound = self._local if is_loopback(api) else self._public
        try:
            found = await outbound.send(
                request.method,
                api + request.path,
                request.headers,
                request.body,
                within=ANSWER_WITHIN,
                answer_max=ANSWER_BYTES_MAX,
            )
        except CallFailed as error:
            raise NoAnswer(await self._failed(name, REASONS.get(str(error), str(error)))) from error
        if found.status >= 500 and not (found.status == 503 and "retry-after" in found.headers):
            raise NoAnswer(await self._failed(name, f"status {found.status}"))
        if 300 <= found.status <= 399:
            said = f"status {found.status}: it redirects, which is not followed; write the address it has now into api"
            raise ConversationFailed(await self._failed(name, said))
        self._breaker.succeeded(name)
        if found.is_success:
            await self._works(name)
        status = 429 if found.status == 503 else found.status
        return Answer(status, found.headers, found.body)

    async def _failed(self, channel: str, why: str) -> str:
        self._breaker.failed(channel)
        await self._note(channel, why)
        return why

    async def _refused(self, channel: str, why: str) -> AccessRefused:
        await self._note(channel, why)
        return AccessRefused(why)

    async def _note(self, channel: str, why: str) -> None:
        self._channel(channel).is_noted = True
        log.warning("a channel did not answer well", channel=channel, reason=why)
        async with self._database.at_once() as connection:
            await statements.failed(connection, channel, why)

    async def _works(self, channel: str) -> None:
        if self._channel(channel).is_noted:
            self._channel(channel).is_noted = False
            async with self._database.at_once() as connection:
                await statements.works(connection, channel)

    def _channel(self, name: str) -> _Channel:
        if name not in self._channels:
            self._channels[name] = _Channel(self._clock)
        return self._channels[name]


def _ends_soon(token: Token, now: datetime) -> bool:
    return token.until is not None and token.until - now < RENEWED_BEFORE


def _unreadable(error: Exception) -> Unreadable:
    """An error of a kind while it read an answer. Its text may hold what was answered; its place does not."""
    place = extract_tb(error.__traceback__)[-1]
    log.warning(
        "an answer of a channel cannot be read", reason=type(error).__name__, place=f"{place.name}:{place.lineno}"
    )
    return Unreadable(f"its answer cannot be read ({type(error).__name__} in {place.name})")


def retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """How long an answer asks to wait, by its Retry-After: seconds or a date (RFC 9110, 10.2.3); None = it does not say."""
    written = answer.headers.get("retry-after", "").strip()
    try:
        seconds = float(written) if written.replace(".", "", 1).isdecimal() else None
        until = None if seconds is not None else parsedate_to_datetime(written)
    except ValueError:
        return None
    if seconds is not None:
        return timedelta(seconds=min(seconds, 86_400))
    return max(timedelta(0), until - now) if until and until.tzinfo else None

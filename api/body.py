"""Guards what a body may cost: its key is looked at before it is read, and its size, its time and its turn are limited."""

import asyncio
import contextlib
from datetime import timedelta
from weakref import WeakValueDictionary

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import access, problems
from api.limits import is_webhook, subscriber
from api.problems import NOT_READY, TOO_LARGE, TOO_MANY, TOO_SLOW, Problem
from runtime.breaker import AtOnce

BODY_BYTES_MAX = 1_048_576
"""A body of 2,000 order lines is a third of it."""
WEBHOOK_BYTES_MAX = 8 * 1_048_576
"""A channel's order may have thousands of lines with everything that the channel knows of them."""
LARGE_WEBHOOKS_MAX = 8
"""Large webhooks that are in memory at once, before anybody knows whether they are genuine."""
BODY_WITHIN = timedelta(seconds=20)
"""How long a body may take to arrive, once we read it."""
LARGE_BYTES = 65_536
"""Bodies above this size, and those that do not announce theirs, are read and answered one after another for each key:
thousands of lines keep a processor and PostgreSQL busy, and other keys wait for them too."""
UNDER_WAY_MAX = 100
"""Requests with a body that one key may have under way, those that wait for their turn included."""


class BodyGuard:
    """Answers 401, 408, 413 and 429 before a body is kept; a body that passes is given to the application as a whole.

    Every route that takes a body needs a key, but for webhooks of channels and carriers: their bytes must be read before
    their signature can be checked. So each address has its own places there, and few large ones are in memory at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wraps an application."""
        self._app = app
        self._under_way = AtOnce(UNDER_WAY_MAX)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._large_webhooks = asyncio.Semaphore(LARGE_WEBHOOKS_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the key, then read the body, then pass the request on."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            await self._guarded(scope, receive, send)
        except _Refused as refused:
            await problems.answer(refused.problem)(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = _announced(scope)
        bytes_max = WEBHOOK_BYTES_MAX if is_webhook(scope) else BODY_BYTES_MAX
        if announced is not None and announced > bytes_max:
            raise _Refused(_too_large(bytes_max))
        key = f"webhooks from {subscriber(scope)}" if is_webhook(scope) else await _key_of(scope)
        is_large = announced is None or announced > LARGE_BYTES
        with self._under_way.one_more(key) as has_place:
            if not has_place:
                raise _Refused(Problem(TOO_MANY, f"{UNDER_WAY_MAX} requests with this key or from here are under way"))
            turn = self._turns.setdefault(key, asyncio.Lock()) if is_large else asyncio.Lock()
            async with turn, self._large_webhooks if is_large and is_webhook(scope) else contextlib.nullcontext():
                body = await _read(receive, bytes_max)
                await self._app(scope, _replay(body, receive), send)


class _Refused(Exception):
    """A problem of the guard itself; the application answers its own."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _announced(scope: Scope) -> int | None:
    """The size that was announced; None when none was."""
    announced = Headers(scope=scope).get("content-length")
    if announced is None:
        return None
    return int(announced) if announced.isdecimal() else WEBHOOK_BYTES_MAX + 1


async def _key_of(scope: Scope) -> str:
    """The id of the request's key."""
    try:
        return (await access.holder_of(scope)).key_id
    except Problem as problem:
        raise _Refused(problem) from None
    except problems.AWAY:
        raise _Refused(Problem(NOT_READY, problems.REPEAT_LATER)) from None


async def _read(receive: Receive, bytes_max: int) -> bytes:
    """The whole body."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN.total_seconds()):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > bytes_max:
                    raise _Refused(_too_large(bytes_max))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise _Refused(Problem(TOO_SLOW, f"the body did not arrive within {BODY_WITHIN.seconds} seconds")) from None


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _too_large(bytes_max: int) -> Problem:
    return Problem(TOO_LARGE, f"a body can have at most {bytes_max:,} bytes")

"""Calls carriers: in a few threads, each call with a deadline, and a carrier that does not answer is left alone for a while.

Packages of carriers wait for answers in the thread that calls them, and a call cannot be stopped: after its deadline it goes on
in its thread, and what it brings then is handed to `late`.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from carriers.carrier import NoAnswer
from runtime.breaker import AtOnce, Breaker

ANSWER_WITHIN = timedelta(seconds=20)
SOCKET_TIMEOUT_SECONDS = 15.0
"""Of each read of a package that sets none of its own: without it a silent carrier would hold a thread for ever."""
THREADS = 8
AT_ONCE_MAX = 4
"""Calls of one carrier, those that go on after their deadline counted: a silent carrier leaves threads to the others."""
FAILURES_MAX = 5
REST = timedelta(seconds=30)

Result = TypeVar("Result")

log = structlog.get_logger("carrier")


class NotNow(Exception):
    """The carrier was not called, because its last calls were not answered or are still under way; nothing was asked for."""


class CarrierCalls:
    """The calls of one process."""

    def __init__(self, within: timedelta = ANSWER_WITHIN) -> None:
        """A call may take so long."""
        self._within = within
        self._threads = ThreadPoolExecutor(THREADS, "carrier")
        self._breaker = Breaker(FAILURES_MAX, max(REST, within))
        self._at_once = AtOnce(AT_ONCE_MAX)
        self._running: set[asyncio.Future[Any]] = set()

    async def call(
        self, carrier: str, ask: Callable[[], Result], late: Callable[[Result], object] = lambda _: None
    ) -> Result:
        """What a carrier answers. Raises `NotNow`, `NoAnswer`, and what `ask` raises.

        `late` gets an answer that came after the deadline, or after who waits for it was cancelled.
        """
        place = self._at_once.one_more(carrier)
        if not place.__enter__():
            raise NotNow(f"{AT_ONCE_MAX} calls of {carrier} are under way")
        if not self._breaker.admits(carrier):
            place.__exit__(None, None, None)
            raise NotNow(f"{carrier} answered none of the last calls, and is asked again in a moment")
        socket.setdefaulttimeout(SOCKET_TIMEOUT_SECONDS)
        running = asyncio.get_running_loop().run_in_executor(self._threads, ask)
        running.add_done_callback(lambda _: place.__exit__(None, None, None))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                answer = await asyncio.shield(running)
        except TimeoutError:
            self._breaker.failed(carrier)
            running.add_done_callback(partial(_hand_on, carrier, late))
            raise NoAnswer(f"no answer within {self._within.total_seconds():g} seconds") from None
        except asyncio.CancelledError:
            running.add_done_callback(partial(_hand_on, carrier, late))
            raise
        except NoAnswer:
            self._breaker.failed(carrier)
            raise
        self._breaker.succeeded(carrier)
        return answer

    async def answered(self, within: timedelta) -> None:
        """Wait until the calls that are under way were answered, and not longer than this."""
        if self._running:
            await asyncio.wait(self._running, timeout=within.total_seconds())

    def close(self) -> None:
        """Begin no more calls."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _hand_on(carrier: str, late: Callable[[Result], object], running: "asyncio.Future[Result]") -> None:
    if running.cancelled() or running.exception() is not None:
        return
    log.warning("a carrier answered when nobody waited any more", carrier=carrier)
    late(running.result())

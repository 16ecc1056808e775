"""Runs every job of the service again and again, and keeps the status of each.

A job is a function that does what is due and may stop at any moment: what it has not done is still in PostgreSQL, and the
next run, here or in another process, goes on with it. So a run that fails is logged and repeated; it ends nothing.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog

JITTER = 0.1
"""The part of an interval by which a wait is longer or shorter, at random: processes that started together drift apart."""

log = structlog.get_logger("jobs")


@dataclass(slots=True)
class JobStatus:
    """The status of a job in this process since its start; a time is None until there is one."""

    runs: int = 0
    """Runs that have ended, with success or not."""
    failures: int = 0
    """Of these, the ones that failed."""
    last_started_at: datetime | None = None
    last_duration: timedelta | None = None
    """Of the last run that has ended."""
    last_succeeded_at: datetime | None = None
    last_failed_at: datetime | None = None
    last_error: str | None = None
    """The type of the last error, also after later runs have succeeded. Never its text, which may hold personal data."""


@dataclass(frozen=True, slots=True)
class Job:
    """A function that is repeated, under a unique name."""

    name: str
    run: Callable[[], Awaitable[timedelta | None]]
    """Answers how long it has nothing to do if nothing is committed meanwhile; None = it does not know."""
    status: JobStatus = field(default_factory=JobStatus)


@dataclass(frozen=True, slots=True)
class Lane:
    """Jobs that run one after another, in this order: what one frees, the next can use."""

    name: str
    every: timedelta
    """About how often a round begins; of a lane that is notified, the least time between two rounds."""
    jobs: Sequence[Job]
    at_least_every: timedelta | None = None
    """About how often a round begins when no commit is announced; None = the lane is not notified."""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the next round should begin without waiting."""
    announced: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something was committed since the last round began."""

    async def repeat(self, is_notified: Callable[[], bool]) -> None:
        """Run round after round until cancelled; the first one begins at once. While `is_notified` is false, the lane looks by
        itself whether there is something to do."""
        while True:
            self.wanted.clear()
            self.announced.clear()
            idle = [await _run(job) for job in self.jobs]
            if await _is_set_within(self.wanted, self.every):
                continue
            if self.at_least_every is not None and is_notified():
                longest = min((self.at_least_every, *(span for span in idle if span is not None)))
                await self._is_called_within(longest - self.every)

    async def _is_called_within(self, span: timedelta) -> None:
        """Wait until something is committed or the next round is wanted, for `span` at most."""
        events = [asyncio.create_task(event.wait()) for event in (self.announced, self.wanted)]
        try:
            await asyncio.wait(events, timeout=_about(span), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in events:
                waiting.cancel()


class Driver:
    """The jobs of one process. Several processes share the work, as every job allows for it."""

    def __init__(self, lanes: Sequence[Lane], is_notified: Callable[[], bool] = lambda: False) -> None:
        """The lanes run beside each other. `is_notified` = every commit of any process is announced to this one."""
        self.lanes = {lane.name: lane for lane in lanes}
        self._is_notified = is_notified

    def run_soon(self, lane: str) -> None:
        """Begin the next round of a lane without waiting; a round that is under way is followed by another."""
        self.lanes[lane].wanted.set()

    def announce(self) -> None:
        """Something was committed, or may have been: let every lane that is notified look soon."""
        for lane in self.lanes.values():
            lane.announced.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all jobs while the block lasts."""
        lanes = [asyncio.create_task(lane.repeat(self._is_notified)) for lane in self.lanes.values()]
        try:
            yield
        finally:
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)


def _about(span: timedelta) -> float:
    return max(0.0, span.total_seconds()) * random.uniform(1 - JITTER, 1 + JITTER)


async def _is_set_within(event: asyncio.Event, span: timedelta) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_about(span)):  # `wait_for` of Python 3.11 can swallow the cancellation
            await event.wait()
    return event.is_set()


async def _run(job: Job) -> timedelta | None:
    """Run a job once; how long it has nothing to do, as it answers."""
    status, began = job.status, monotonic()
    status.last_started_at = datetime.now(UTC)
    idle: timedelta | None = None
    try:
        idle = await job.run()
        status.last_succeeded_at = datetime.now(UTC)
    except Exception as error:
        status.failures += 1
        status.last_failed_at, status.last_error = datetime.now(UTC), type(error).__name__
        log.warning("a job failed and will be run again", job=job.name, reason=f"{type(error).__name__}: {error}")
    status.runs += 1
    status.last_duration = timedelta(seconds=monotonic() - began)
    return idle

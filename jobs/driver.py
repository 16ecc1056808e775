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
    run: Callable[[], Awaitable[object]]
    status: JobStatus = field(default_factory=JobStatus)


@dataclass(frozen=True, slots=True)
class Lane:
    """Jobs that run one after another, in this order, about every `every`: what one frees, the next can use."""

    name: str
    every: timedelta
    jobs: Sequence[Job]
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the next round should begin without waiting."""

    async def repeat(self) -> None:
        """Run round after round until cancelled; the first one begins at once."""
        while True:
            self.wanted.clear()
            for job in self.jobs:
                await _run(job)
            wait = self.every.total_seconds() * random.uniform(1 - JITTER, 1 + JITTER)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # `wait_for` of Python 3.11 can swallow the cancellation
                    await self.wanted.wait()


class Driver:
    """The jobs of one process. Several processes share the work, as every job allows for it."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        """The lanes run beside each other."""
        self.lanes = {lane.name: lane for lane in lanes}

    def run_soon(self, lane: str) -> None:
        """Begin the next round of a lane without waiting; a round that is under way is followed by another."""
        self.lanes[lane].wanted.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all jobs while the block lasts."""
        lanes = [asyncio.create_task(lane.repeat()) for lane in self.lanes.values()]
        try:
            yield
        finally:
            for task in lanes:
                task.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)


async def _run(job: Job) -> None:
    status, began = job.status, monotonic()
    status.last_started_at = datetime.now(UTC)
    try:
        await job.run()
        status.last_succeeded_at = datetime.now(UTC)
    except Exception as error:
        status.last_failed_at, status.last_error = datetime.now(UTC), type(error).__name__
        log.warning("a job failed and will be run again", job=job.name, reason=f"{type(error).__name__}: {error}")
    status.runs += 1
    status.last_duration = timedelta(seconds=monotonic() - began)

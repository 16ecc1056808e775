"""Drives many lives at once in a closed loop: whenever one ends, the next begins."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from benchmarks.lives import Life

LIFE_SECONDS_MAX = 60.0
_numbers: Iterator[int] = count(1)


@dataclass(frozen=True)
class Load:
    """How many lives are under way at once, how long until the loop is steady, and how long it is then measured."""

    in_flight: int
    ramp_seconds: float
    measured_seconds: float


@dataclass
class Driven:
    """What came of it: every life, and those that ended while the loop was steady."""

    lives: int = 0
    ended_at: list[float] = field(default_factory=list)
    placed_in: list[float] = field(default_factory=list)
    """Seconds from handing an order in to the answer with its promise."""

    def per_second(self, begin: float, end: float) -> float:
        """Lives that ended between two moments, per second."""
        return sum(begin <= moment < end for moment in self.ended_at) / (end - begin)


async def one(life: Life) -> int:
    """Live one life alone; answers its number."""
    number = next(_numbers)
    async with asyncio.timeout(LIFE_SECONDS_MAX):
        await life.live(number)
    return number


async def drive(life: Life, load: Load) -> tuple[Driven, float]:
    """Keep `load.in_flight` lives under way until the time is over, then let them end; answers lives per second."""
    driven = Driven()
    begin = time.perf_counter() + load.ramp_seconds
    end = begin + load.measured_seconds
    async with asyncio.TaskGroup() as loops:
        for place in range(load.in_flight):
            loops.create_task(_live_until(end, life, driven, place / load.in_flight * load.ramp_seconds))
    return driven, driven.per_second(begin, end)


async def _live_until(end: float, life: Life, driven: Driven, delay: float) -> None:
    """One place of the loop. Starting late by its own delay, the places do not march in step."""
    await asyncio.sleep(delay)
    while time.perf_counter() < end:
        async with asyncio.timeout(LIFE_SECONDS_MAX):
            driven.placed_in.append(await life.live(next(_numbers)))
        driven.ended_at.append(time.perf_counter())
        driven.lives += 1

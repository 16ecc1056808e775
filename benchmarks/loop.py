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
    """What came of it: when each life ended, how many seconds its placing took, and which time was measured."""

    begin: float
    end: float
    ended_at: list[float] = field(default_factory=list)
    placed_in: list[float] = field(default_factory=list)

    def per_second(self) -> float:
        """Lives that ended in the measured time, per second. Raises `TooSlow`."""
        ended = sum(self.begin <= moment < self.end for moment in self.ended_at)
        if not ended:
            raise TooSlow(
                f"no life ended in {self.end - self.begin:.0f} s; measure again when the machine is less busy"
            )
        return ended / (self.end - self.begin)


class TooSlow(Exception):
    """Nothing ended in the time that is measured."""


async def one(life: Life) -> int:
    """Live one life alone; answers its number."""
    number = next(_numbers)
    async with asyncio.timeout(LIFE_SECONDS_MAX):
        await life.live(number)
    return number


async def drive(life: Life, load: Load) -> Driven:
    """Keep `load.in_flight` lives under way until the measured time is over, then let them end."""
    begin = time.perf_counter() + load.ramp_seconds
    driven = Driven(begin, begin + load.measured_seconds)
    async with asyncio.TaskGroup() as loops:
        for place in range(load.in_flight):
            loops.create_task(_live_on(life, driven, place / load.in_flight * load.ramp_seconds))
    return driven


async def _live_on(life: Life, driven: Driven, delay: float) -> None:
    """One place of the loop. As each starts late by its own delay, they do not march in step."""
    await asyncio.sleep(delay)
    while time.perf_counter() < driven.end:
        async with asyncio.timeout(LIFE_SECONDS_MAX):
            driven.placed_in.append(await life.live(next(_numbers)))
        driven.ended_at.append(time.perf_counter())

"""Drives many lives at once in a closed loop: whenever one ends, the next begins."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from benchmarks.http_life import Life

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
    """The result: when each life ended, how many seconds its placing took, and which time was measured."""

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
    await _live_all(life, driven, load.in_flight, load.ramp_seconds, lambda: time.perf_counter() < driven.end)
    return driven


async def drive_number(life: Life, lives: int, in_flight: int, ramp_seconds: float) -> Driven:
    """Live exactly this number of lives, `in_flight` at once; the measured time ends when the last of them has begun."""
    driven = Driven(time.perf_counter() + ramp_seconds, math.inf)
    left = iter(range(lives))

    def is_one_left() -> bool:
        if next(left, None) is not None:
            return True
        driven.end = min(driven.end, time.perf_counter())
        return False

    await _live_all(life, driven, in_flight, ramp_seconds, is_one_left)
    return driven


async def _live_all(life: Life, driven: Driven, places: int, ramp_seconds: float, goes_on: Callable[[], bool]) -> None:
    async with asyncio.TaskGroup() as loops:
        for place in range(places):
            loops.create_task(_live_on(life, driven, place / places * ramp_seconds, goes_on))


async def _live_on(life: Life, driven: Driven, delay: float, goes_on: Callable[[], bool]) -> None:
    """One place of the loop. As each starts late by its own delay, they do not march in step."""
    await asyncio.sleep(delay)
    while goes_on():
        async with asyncio.timeout(LIFE_SECONDS_MAX):
            driven.placed_in.append(await life.live(next(_numbers)))
        driven.ended_at.append(time.perf_counter())

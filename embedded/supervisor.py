"""Keeps the parts of the stack running: starts them in groups, starts again what dies, stops all in reverse order."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from embedded.process import Child, Command, Part, stop_part, wait_until_ready
from runtime.failure import EmbeddedFailure

STEADY_SECONDS = 30.0  # a process that ran this long did not fail at its start
PAUSE_SECONDS_MIN = 0.2
PAUSE_SECONDS_MAX = 10.0
RUN_LINES_MAX = 200  # of a command that failed: each line may be another mistake to correct


def pause_seconds(failures_in_a_row: int) -> float:
    """How long to wait before the next start: 0.2 s after the first failure, doubling up to 10 s."""
    return min(PAUSE_SECONDS_MIN * 2.0 ** min(failures_in_a_row - 1, 10), PAUSE_SECONDS_MAX)


@dataclass
class _Kept:
    """A part and its present child process; a new one after each end."""

    part: Part
    child: Child


class Supervisor:
    """Runs parts. Whatever ends this process ends them too; see `embedded.process`."""

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        """`logs` is the folder for one `NAME.log` a part; `say` prints progress or a failure."""
        self._logs = logs
        self._say = say
        self._groups: list[list[_Kept]] = []

    async def start(self, *parts: Part) -> None:
        """Start a group at once and return when all of it answers; raises `EmbeddedFailure` for what does not."""
        group: list[_Kept] = []
        self._groups.append(group)
        for part in parts:
            group.append(_Kept(part, self._launch(part)))
        await asyncio.gather(*(self._until_ready(kept) for kept in group))

    async def run(self, name: str, command: Command) -> None:
        """Run a command that ends by itself; raises `EmbeddedFailure` with its last lines unless it exits with 0."""
        child = Child(name, command, self._log_of(name))
        try:
            if await child.exited() != 0:
                raise EmbeddedFailure(f"{name} failed ({child.end_in_words()})", child.log_tail(RUN_LINES_MAX))
        finally:
            child.stop(())

    async def keep(self) -> None:
        """Start every part again that ends, until cancelled."""
        await asyncio.gather(*(self._keep(kept) for group in self._groups for kept in group))

    async def stop(self) -> None:
        """End all parts: the group that was started last goes first, the parts of a group at once."""
        for group in reversed(self._groups):
            await asyncio.gather(*(asyncio.to_thread(stop_part, kept.child, kept.part) for kept in group))

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name.lower().replace(' ', '-')}.log"

    def _launch(self, part: Part) -> Child:
        return Child(part.name, part.command(), self._log_of(part.name))

    async def _until_ready(self, kept: _Kept) -> None:
        await asyncio.to_thread(wait_until_ready, kept.child, kept.part)
        self._say(f"{kept.part.name} is ready")

    async def _keep(self, kept: _Kept) -> NoReturn:
        failures, born = 0, time.monotonic()
        trouble = await _end_of(kept.child)
        while True:
            failures = 1 if time.monotonic() - born > STEADY_SECONDS else failures + 1
            pause = pause_seconds(failures)
            self._say(f"{trouble}\n    failure {failures} in a row; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            born = time.monotonic()
            trouble = await self._live_again(kept)

    async def _live_again(self, kept: _Kept) -> str:
        """Run a part once, from its start to its end; return how it ended."""
        try:
            kept.child = self._launch(kept.part)
            await self._until_ready(kept)
        except (EmbeddedFailure, OSError) as failure:
            await asyncio.to_thread(stop_part, kept.child, kept.part)
            return str(failure)
        return await _end_of(kept.child)


async def _end_of(child: Child) -> str:
    await child.exited()
    return str(EmbeddedFailure(f"{child.name} ended by itself ({child.end_in_words()})", child.log_tail()))

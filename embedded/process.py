"""Starts child processes that cannot outlive this one, waits until they answer, and stops them (Linux only)."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from runtime.failure import EmbeddedFailure

TETHER = Path(__file__).with_name("tether.py")
READY_SECONDS_MAX = 60.0
READY_POLL_SECONDS = 0.05
LOG_BYTES_MAX = 10_000_000
LOG_TAIL_LINES = 15

StopStep = tuple[signal.Signals, float]
"""A signal, and how many seconds to wait for its effect before the next step."""


@dataclass(frozen=True)
class Command:
    """What to run and as whom.

    `account` is (uid, gid); `death_signal` is what the kernel sends to the child when this process ends; `input` is
    what the child reads from its standard input.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    account: tuple[int, int] = field(default_factory=lambda: (os.geteuid(), os.getegid()))
    death_signal: signal.Signals = signal.SIGKILL
    input: str = ""


@dataclass(frozen=True)
class Part:
    """One long-lived process of the stack.

    `command` makes what the process needs and says how to start it, before every start. `obstacle` answers None once
    the process serves, else what is still missing. Whatever ignores `stop_steps` is killed, and `clean_up` ends what
    outlived it.
    """

    name: str
    command: Callable[[], Command]
    obstacle: Callable[[], str | None]
    stop_steps: tuple[StopStep, ...] = ((signal.SIGTERM, 6.0),)
    clean_up: Callable[[], None] = lambda: None


class Child:
    """A running child, leader of its own session, and the log file that it writes.

    Start it from the main thread: the kernel's parent-death signal follows the thread that forked, not the process.
    Neither a terminal's Ctrl-C nor the end of that terminal reaches it.
    """

    def __init__(self, name: str, command: Command, log: Path) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"{name} must be started from the main thread, or it dies when this thread ends")
        self.name = name
        self._log = log
        with _opened(log) as output:
            self._log_begins_at = output.tell()
            self._process = subprocess.Popen(
                _tethered(command),
                env=dict(command.environment),
                cwd=command.directory,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
            )
        self._feed(command.input)

    def _feed(self, text: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(text.encode())

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self._process.poll()

    def wait(self, seconds_max: float) -> int:
        """The exit code once it ends; raises `EmbeddedFailure` when it still runs after `seconds_max`."""
        try:
            return self._process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            raise EmbeddedFailure(f"{self.name} still runs after {seconds_max:.0f} s", self.log_tail()) from None

    async def exited(self) -> int:
        """The exit code once it ends. By pidfd: asyncio's own watcher starts a thread for each child."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        descriptor = os.pidfd_open(self.pid) if self.exit_code() is None else None
        if descriptor is not None:
            loop.add_reader(descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        return self._process.wait()

    def stop(self, steps: tuple[StopStep, ...]) -> None:
        """Send each step's signal in turn until the child has ended; kill its whole group when none helped."""
        for number, seconds_max in steps:
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds_max)
                return
        if self.exit_code() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def end_in_words(self) -> str:
        """How it ended: `exit code 1` or `SIGKILL`."""
        code = self._process.wait()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def log_tail(self, lines_max: int = LOG_TAIL_LINES) -> str:
        """The last lines that this child wrote, indented, for a report."""
        return "\n".join(f"    {line}" for line in self.log_lines()[-lines_max:])

    def log_lines(self) -> list[str]:
        """All lines that this child wrote."""
        with self._log.open("rb") as log:
            log.seek(self._log_begins_at)
            return log.read().decode(errors="replace").splitlines()


def wait_until_ready(child: Child, part: Part, seconds_max: float = READY_SECONDS_MAX) -> None:
    """Return when nothing is missing any more; raise `EmbeddedFailure` when the child ends first or takes too long."""
    deadline = time.monotonic() + seconds_max
    while (missing := part.obstacle()) is not None:
        if child.exit_code() is not None:
            raise EmbeddedFailure(f"{part.name} ended while starting ({child.end_in_words()})", child.log_tail())
        if time.monotonic() > deadline:
            raise EmbeddedFailure(f"{part.name} is not ready after {seconds_max:.0f} s: {missing}", child.log_tail())
        time.sleep(READY_POLL_SECONDS)


def stop_part(child: Child, part: Part) -> None:
    """End the child the way its part wants it, and all that it started."""
    child.stop(part.stop_steps)
    part.clean_up()


def run_to_end(name: str, command: Command, log: Path, seconds_max: float = READY_SECONDS_MAX) -> None:
    """Run a one-shot command; raise `EmbeddedFailure` with its last lines unless it exits with 0 in time."""
    child = Child(name, command, log)
    try:
        if child.wait(seconds_max) != 0:
            raise EmbeddedFailure(f"{name} failed ({child.end_in_words()})", child.log_tail())
    finally:
        child.stop(())


def bare_environment() -> dict[str, str]:
    """An environment for servers that no PG* or TEMPORAL_* variable, locale or library path of the user can bend."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _tethered(command: Command) -> list[str]:
    numbers = (os.getpid(), command.death_signal.value, *command.account)
    return [sys.executable, "-I", "-S", str(TETHER), *map(str, numbers), *command.arguments]


def _opened(log: Path) -> BinaryIO:
    """The log, opened for appending by its owner only; one that grew too long becomes `NAME.log.1` first."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
    return open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

"""`up` keeps the stack running, tells where it is, and takes everything along when it ends, however it ends."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from embedded.process import Command, Part
from embedded.supervisor import Supervisor, pause_seconds
from runtime.failure import EmbeddedFailure
from runtime.where import Stack, running_stack

ROOT = Path(__file__).parents[2]
Processes = set[tuple[int, str]]
Family = Callable[[int], Processes]
Remaining = Callable[[Processes], Processes]
SAID_WITHIN_SECONDS = 60.0


class Up:
    """A running `up` with small stand-ins for our own programs."""

    def __init__(self, data: Path, prepare_exit_code: int = 0) -> None:
        self.data = data
        self._said = data.with_name(f"said-{time.monotonic_ns()}.txt")
        script = Path(__file__).with_name("stand_in_stack.py")
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(script), "up", str(data), str(prepare_exit_code)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def ready(self) -> dict[str, Any]:
        """The ready line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.said()
        found: dict[str, Any] = json.loads(line)
        return found

    def said(self) -> str:
        """What it wrote to standard error until now."""
        return self._said.read_text()

    def says(self, words: str, times: int = 1) -> None:
        """Wait until it has said this so many times."""
        deadline = time.monotonic() + SAID_WITHIN_SECONDS
        while self.said().count(words) < times:
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; answers the exit code. Nothing more may have come on standard output."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate()
        assert rest == ""
        return self.process.returncode


@pytest.fixture
def up(open_folder: Path, family: Family, remaining: Remaining) -> Iterator[Callable[..., Up]]:
    """Starts `up` on one data directory, again if need be."""
    started: list[Up] = []

    def start(prepare_exit_code: int = 0) -> Up:
        started.append(Up(open_folder / "data", prepare_exit_code))
        return started[-1]

    yield start
    for one in started:
        everyone = family(one.process.pid)
        with one.process:
            one.process.kill()
        remaining(everyone)


def child(family: Processes, words: str) -> int:
    """The process id of the one whose command line has these words."""
    (found,) = (
        pid for pid, _ in family if words in Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    )
    return found


CHILDREN = {
    "PostgreSQL": "bin/postgres -D",
    "Temporal": "temporal server start-dev",
    "worker": "stand_in_stack.py worker",
    "HTTP": "stand_in_stack.py serve",
}


async def answers(url: str) -> bool:
    """Whether PostgreSQL answers at this address."""
    connection = await asyncpg.connect(url)
    answer = await connection.fetchval("SELECT 1")
    await connection.close()
    return bool(answer == 1)


def test_what_dies_is_started_again_at_the_same_address(up: Callable[..., Up], family: Family) -> None:
    stack = up()
    ready = stack.ready()
    for name, words in CHILDREN.items():
        before = child(family(stack.process.pid), words)
        command = Path(f"/proc/{before}/cmdline").read_bytes()
        os.kill(before, signal.SIGKILL)
        stack.says(f"{name} ended by itself (SIGKILL)")
        stack.says(f"{name} is ready", times=2)
        after = child(family(stack.process.pid), words)
        assert after != before
        assert Path(f"/proc/{after}/cmdline").read_bytes() == command
    assert json.loads((stack.data / "ready.json").read_text()) == ready
    assert stack.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_to_stop_leaves_no_process_and_no_announcement(
    up: Callable[..., Up], family: Family, remaining: Remaining, number: signal.Signals
) -> None:
    inherited = signal.signal(number, signal.SIG_DFL)  # under nohup a child would inherit that SIGHUP is ignored
    stack = up()
    signal.signal(number, inherited)
    stack.ready()
    everyone = family(stack.process.pid)
    assert len(everyone) > len(CHILDREN)
    assert stack.end(number) == 0
    assert not remaining(everyone)
    assert not (stack.data / "ready.json").exists()


def test_a_stop_while_starting_is_obeyed(up: Callable[..., Up], family: Family, remaining: Remaining) -> None:
    stack = up()
    stack.says("PostgreSQL is ready")
    everyone = family(stack.process.pid)
    assert stack.end(signal.SIGTERM) == 0
    assert not remaining(everyone)


async def test_after_a_kill_of_the_supervisor_nothing_runs_and_the_next_start_needs_no_help(
    up: Callable[..., Up], family: Family, remaining: Remaining
) -> None:
    stack = up()
    key = stack.ready()["operator_key"]
    everyone = family(stack.process.pid)
    assert stack.end(signal.SIGKILL) == -signal.SIGKILL
    assert not remaining(everyone)
    assert (stack.data / "ready.json").exists()
    again = up()
    again.says("PostgreSQL is ready")
    assert running_stack(stack.data) is None
    ready = again.ready()
    assert ready["operator_key"] == key
    assert running_stack(stack.data) == Stack(**ready)
    assert await answers(ready["database"])


def test_a_second_one_on_the_same_directory_is_refused_in_one_line_and_harms_nothing(up: Callable[..., Up]) -> None:
    first = up()
    ready = first.ready()
    second = up()
    output, _ = second.process.communicate()
    assert (second.process.returncode, output) == (1, "")
    assert second.said().count("\n") == 1
    assert f"{first.data} is in use by process {first.process.pid}" in second.said()
    assert json.loads((first.data / "ready.json").read_text()) == ready


def test_a_broken_network_ends_the_start_with_every_mistake(up: Callable[..., Up]) -> None:
    stack = up(prepare_exit_code=1)
    output, _ = stack.process.communicate()
    assert (stack.process.returncode, output) == (1, "")
    assert "nodes.toml:3: no such country\n" in stack.said()
    assert "policy.toml:7: no such node\n" in stack.said()


def test_the_ready_line_says_where_everything_is_and_secrets_stay_with_their_owner(up: Callable[..., Up]) -> None:
    stack = up()
    ready = stack.ready()
    assert list(ready) == ["http", "ui", "temporal", "namespace", "database", "operator_key"]
    for name in ("ready.json", "operator.key", "temporal.db", "logs/worker.log"):
        assert stat.filemode((stack.data / name).stat().st_mode) == "-rw-------", name
    assert (stack.data / "operator.key").read_text() == ready["operator_key"]


async def test_a_part_that_keeps_dying_is_reported_each_time_with_its_last_lines(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path, said.append)
    command = Command(("/bin/sh", "-c", "echo no disk left; exit 3"), {}, tmp_path)
    await supervisor.start(Part("worker", lambda: command, lambda: None))
    keeping = asyncio.create_task(supervisor.keep())
    async with asyncio.timeout(SAID_WITHIN_SECONDS):
        while not any("failure 3 in a row" in line for line in said):  # noqa: ASYNC110 - it appends to a list
            await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait({keeping})
    await supervisor.stop()
    ends = [line for line in said if "in a row" in line]
    assert all("worker ended by itself (exit code 3)\n    no disk left" in line for line in ends)


async def test_a_part_that_cannot_start_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda _: None)
    with pytest.raises(EmbeddedFailure, match=r"worker ended while starting \(exit code 1\)\n    cannot run /no/such"):
        await supervisor.start(Part("worker", lambda: Command(("/no/such",), {}, tmp_path), lambda: "not there"))
    await supervisor.stop()


def test_what_keeps_dying_is_started_at_ever_longer_intervals() -> None:
    assert [pause_seconds(failures) for failures in (1, 2, 3, 4, 5, 6, 7, 100)] == [
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        6.4,
        10,
        10,
    ]

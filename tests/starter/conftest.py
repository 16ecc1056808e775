"""What the tests of the embedded stack share: folders that PostgreSQL can enter, and a look at processes."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Process = tuple[int, str]
"""A process id, and when it began: an id alone may be used again."""

GONE_SECONDS_MAX = 10.0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may pass through; pytest's own are closed, and too deep for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="switchyard-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def family() -> Callable[[int], set[Process]]:
    """All processes below one, itself included."""

    def found(ancestor: int) -> set[Process]:
        living = {pid: facts for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if (facts := _facts(pid))}
        members = {ancestor}
        while more := {pid for pid, (parent, _) in living.items() if parent in members} - members:
            members |= more
        return {(pid, living[pid][1]) for pid in members if pid in living}

    return found


@pytest.fixture
def remaining() -> Callable[[set[Process]], set[Process]]:
    """Which of these processes are still there after all had time to end."""

    def still(processes: set[Process]) -> set[Process]:
        deadline = time.monotonic() + GONE_SECONDS_MAX
        while (left := {one for one in processes if _runs(one)}) and time.monotonic() < deadline:
            time.sleep(0.02)
        return left

    return still


def _runs(process: Process) -> bool:
    facts = _facts(process[0])
    return facts is not None and facts[1] == process[1]


def _facts(pid: int) -> tuple[int, str] | None:
    """The parent and the moment of the beginning of a process that is more than an entry waiting for its parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else (int(fields[1]), fields[19])

"""Processor time of processes, read from /proc. It imports nothing of the product, as it also watches other versions of it."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def difference(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was added between two readings."""
    return {name: after[name] - before[name] for name in after}


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Processor time of each process with those below it that have no name of their own, by the name of the process."""
    stats = dict(_stats())
    named = set(pids.values())
    return {name: sum(_seconds(stats[one]) for one in _family(pid, stats, named)) for name, pid in pids.items()}


def named_children(parent: int, words: Mapping[str, str]) -> dict[str, int]:
    """The children of a process whose command lines have the words of a name, by that name."""
    children = [pid for pid, fields in _stats() if int(fields[1]) == parent]
    lines = {pid: _command_line(pid) for pid in children}
    return {name: pid for name, part in words.items() for pid, line in lines.items() if part in line}


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _stats() -> Iterator[tuple[int, list[str]]]:
    """The fields of /proc/PID/stat after the command's name, of every process."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            yield int(name), Path("/proc", name, "stat").read_text().rpartition(")")[2].split()


def _family(pid: int, stats: Mapping[int, list[str]], named: Collection[int]) -> list[int]:
    children = [one for one, fields in stats.items() if int(fields[1]) == pid and one not in named]
    return [pid] + [one for child in children for one in _family(child, stats, named)]


def _seconds(fields: list[str]) -> float:
    """User and system time of a process, and of its children that have ended: what a process used is never lost."""
    return sum(map(int, fields[11:15])) / TICKS_PER_SECOND

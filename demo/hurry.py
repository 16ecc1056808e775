"""Shortens the time spans of a network for the demo: an hour becomes three seconds, a week one second, and no node closes.

Nodes, items, buffers and sourcing rules stay the same.
"""

import re
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from network.load import FILES, check
from runtime.failure import EmbeddedFailure

DEADLINES = timedelta(hours=1) / timedelta(seconds=3)
"""How many times shorter a node's deadlines are: two hours become six seconds."""

CALENDAR = timedelta(weeks=1) / timedelta(seconds=1)
"""How many times shorter everything else is: a return window of 30 days is over in four seconds."""

SPEEDS: Mapping[str, float] = {
    "accept_within": DEADLINES,
    "ship_within": DEADLINES,
    "grace": CALENDAR,
    "assume_delivered": CALENDAR,
    "window": CALENDAR,
    "cancel_after": CALENDAR,
}

ALWAYS_OPEN = 'cutoff = "23:59"\nworking_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
"""The demo also runs at night and on Sundays, and its numbers must be the same."""

_DURATION = re.compile(rf'^({"|".join(SPEEDS)})( *= *)"(\d+)(ms|s|m|h|d)"', re.MULTILINE)
_OPENING = re.compile(r"^(?:hours|holidays|closed|open|working_days|cutoff) *=.*\n", re.MULTILINE)
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def hurried_copy(source: Path, target: Path) -> None:
    """Copy a network directory into the demo's time. Raises `EmbeddedFailure` when the copy is no valid network."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES.values():
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    nodes, policy = target / FILES["nodes"], target / FILES["policy"]
    nodes.write_text(always_open(hurried(nodes.read_text("utf-8"))), "utf-8")
    policy.write_text(hurried(policy.read_text("utf-8")), "utf-8")
    if mistakes := check(target):
        raise EmbeddedFailure("the hurried network is not valid", "\n".join(map(str, mistakes)))


def hurried(text: str) -> str:
    """A network file with every time span of SPEEDS shortened, to no less than a millisecond unless it was 0."""
    return _DURATION.sub(_shortened, text)


def always_open(nodes: str) -> str:
    """A nodes.toml whose nodes never close: no hours, no holidays, every day a working day until its last minute."""
    return _OPENING.sub("", nodes).replace("[[node]]", f"[[node]]\n{ALWAYS_OPEN}")


def _shortened(found: re.Match[str]) -> str:
    key, equals, number, unit = found.groups()
    span = timedelta(**{_UNITS[unit]: int(number)})
    milliseconds = span / SPEEDS[key] / timedelta(milliseconds=1)
    return f'{key}{equals}"{max(round(milliseconds), 1 if span else 0)}ms"'

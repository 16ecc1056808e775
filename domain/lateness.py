"""Decides how much later than announced the goods of a supplier are counted on, from how late it was (docs/decisions/0069)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

ANNOUNCEMENTS_MAX = 20
"""Announcements that are learned from: the last that have arrived whole."""
ANNOUNCEMENTS_MIN = 5
"""With fewer nothing is learned: one bad week would be a rule."""
SHARE = 0.8
"""The share of the announcements that were not later than what is learned."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a supplier's announcements say of the next one."""

    days: int
    """Whole days after the first announced date; 0 = it is on time."""
    announcements: int
    """How many it was learned from."""


def learned(late: Sequence[timedelta]) -> Learned | None:
    """What is learned of a supplier whose last announcements were so late, the latest first; None while there are too few.

    It is the 80th percentile by nearest rank of the last 20, in whole days: half a day and more counts as one, early goods
    as 0.
    """
    days = sorted(_whole_days(one) for one in late[:ANNOUNCEMENTS_MAX])
    if len(days) < ANNOUNCEMENTS_MIN:
        return None
    return Learned(days[ceil(SHARE * len(days)) - 1], len(days))


def _whole_days(late: timedelta) -> int:
    return max(0, (late + _DAY / 2) // _DAY)

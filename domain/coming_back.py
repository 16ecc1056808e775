"""Decides what of goods that come back may be promised, and from when: as experience says (docs/decisions/0080)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

from domain.lateness import learned
from domain.peg import DatedRow, RowName

LINES_MAX = 20
"""Lines of returns that are learned from: the last whose outcome is known."""
UNITS_MIN = 5
"""With fewer units in them nothing is known, and nothing is promised."""
EXPECTED_AFTER = timedelta(days=14)
"""How long after its authorization a return is expected in stock while nothing was learned of its node."""


class Outcome(NamedTuple):
    """What became of a line of a return."""

    units: int
    """Units that were to come back."""
    restocked: int
    """How many of them were restocked, at whatever node."""


def restocked_percent(outcomes: Sequence[Outcome]) -> int | None:
    """Of 100 units that are to come back, how many are restocked, by the last outcomes of their item; None while there are too
    few. Units that never came count as well: they were no supply.
    """
    last = outcomes[:LINES_MAX]
    units = sum(one.units for one in last)
    if units < UNITS_MIN:
        return None
    return 100 * sum(min(one.restocked, one.units) for one in last) // units


def expected_at(authorized_at: datetime, took: Sequence[timedelta]) -> datetime:
    """When the units of a return should be restocked. `took` says how long the last returns to its node took from their
    authorization until then, the latest first: 8 in 10 took no longer than what is added.
    """
    known = learned(took)
    return authorized_at + (timedelta(days=known.days) if known else EXPECTED_AFTER)


def unpromised(rows: Sequence[tuple[DatedRow, int]]) -> dict[RowName, int]:
    """How many units of the goods of one item that come back to one node may still be promised, by row. Each row has its
    pegged units; the earliest comes first.

    Of all that come up to any date, no more is promised than the share that is restocked: of five single units of which 80 in
    100 are, the first is promised to nobody, and then one with each.
    """
    shares = accumulate((row.restocked_percent or 0) * row.open for row, _ in rows)
    pegged = accumulate(units for _, units in rows)
    rooms = [share // 100 - units for share, units in zip(shares, pegged, strict=True)]
    found, given = dict[RowName, int](), 0
    for place, (row, units) in enumerate(rows):
        found[row.name] = max(0, min(min(rooms[place:]) - given, row.open - units))
        given += found[row.name]
    return found

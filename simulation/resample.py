"""Says how far the difference of two trials depends on the days that were in them: the days are drawn again and again."""

import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

from domain.money import written
from simulation.comparison import OrderOutcome

DRAWS = 400
WITHIN = 0.9
"""The share of the draws that lies between the two values which are said."""


class Day(NamedTuple):
    """The outcomes of one day's orders under both networks."""

    day: date
    before: Sequence[OrderOutcome]
    after: Sequence[OrderOutcome]


class _Sums(NamedTuple):
    """What a day adds up to under one network."""

    cost: int
    shipping: int
    filled: int
    units: int


_Pair = tuple[_Sums, _Sums]


def differences(days: Sequence[Day], currency: str | None) -> list[str]:
    """The differences B − A in words, each with the range in which nine of ten draws lie; none of fewer than two days."""
    if len(days) < 2:
        return []
    sums = [(_summed(one.before), _summed(one.after)) for one in days]
    chance = random.Random("days")
    draws = [chance.choices(sums, k=len(sums)) for _ in range(DRAWS)]
    low, high = _between(draws, lambda one: one.cost / one.shipping if one.shipping else 0.0)
    fewer, more = _between(draws, lambda one: 100 * one.filled / one.units if one.units else 0.0)
    return [
        f"With the {len(days)} days drawn again {DRAWS} times, nine of ten times B − A is between:",
        f"  cost per order {_signed(low, currency)} and {_signed(high, currency)}",
        f"  units filled {fewer:+.1f} and {more:+.1f} points",
    ]


def _summed(outcomes: Sequence[OrderOutcome]) -> _Sums:
    return _Sums(
        sum(one.cost for one in outcomes),
        sum(one.shipments > 0 for one in outcomes),
        sum(one.units_filled for one in outcomes),
        sum(one.units for one in outcomes),
    )


def _between(draws: Sequence[Sequence[_Pair]], figure: Callable[[_Sums], float]) -> tuple[float, float]:
    found = sorted(
        figure(_total([after for _, after in one])) - figure(_total([before for before, _ in one])) for one in draws
    )
    beyond = round(len(found) * (1 - WITHIN) / 2)
    return found[beyond], found[-1 - beyond]


def _total(sums: Sequence[_Sums]) -> _Sums:
    return _Sums(*map(sum, zip(*sums, strict=True)))


def _signed(minor_units: float, currency: str | None) -> str:
    return f"{'−' if minor_units < 0 else '+'}{written(abs(minor_units), currency)}"

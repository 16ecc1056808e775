"""Decides what an amount of one currency is in another, by the dated rates that the business keeps."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction

from domain.money import minor_digits


@dataclass(frozen=True, slots=True)
class Rates:
    """What one unit of a currency is worth in another, from a day on, until the next day that is named.

    An amount is converted by the rate of its own direction, or else divided by the rate of the other direction. It is never
    converted through a third currency: a rate that nobody has written down would decide.
    """

    by_pair: Mapping[tuple[str, str], Sequence[tuple[date, Fraction]]] = field(default_factory=dict)
    """By (from, to) the rates, each with the day from which it is in force, the earliest first."""

    def converted(self, amount: int, source: str, target: str, at: datetime) -> int | None:
        """An amount of minor units in another currency's minor units, half a unit rounded to the even one.

        The day is that of `at` in UTC. None = no rate was in force on that day.
        """
        rate = self._in_force(source, target, at.astimezone(UTC).date())
        if rate is None:
            return None
        return round(amount * rate * Fraction(10) ** (minor_digits(target) - minor_digits(source)))

    def knows(self, currency: str) -> bool:
        """Whether any amount can be converted from or to a currency."""
        return any(currency in pair for pair in self.by_pair)

    def _in_force(self, source: str, target: str, day: date) -> Fraction | None:
        if source == target:
            return Fraction(1)
        direct, inverse = self._latest((source, target), day), self._latest((target, source), day)
        return direct or (1 / inverse if inverse else None)

    def _latest(self, pair: tuple[str, str], day: date) -> Fraction | None:
        rates = self.by_pair.get(pair, ())
        position = bisect_right(rates, day, key=lambda rate: rate[0])
        return rates[position - 1][1] if position else None


NO_RATES = Rates()

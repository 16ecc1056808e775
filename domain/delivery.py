"""Holds on which days the carriers of a service deliver, and where."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DeliveryDays:
    """The days on which the carriers of a service deliver at one place."""

    working_days: frozenset[int]
    """Days of the week, Monday = 0; at least one."""
    holidays: Container[date] = frozenset()

    def __contains__(self, day: date) -> bool:
        return day.weekday() in self.working_days and day not in self.holidays


@dataclass(frozen=True, slots=True)
class DeliveryCalendar:
    """The days on which the carriers of a service deliver."""

    working_days: frozenset[int] = frozenset(range(7))
    holidays_at: Callable[[str, str], Container[date]] = lambda _country, _region: frozenset()
    """The holidays on which they do not, by the country and region of the destination; equal ones compare equal."""

    def at(self, country: str, region: str) -> DeliveryDays:
        """The days on which they deliver at a place."""
        return DeliveryDays(self.working_days, self.holidays_at(country, region))

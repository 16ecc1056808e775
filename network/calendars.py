"""Public holidays, read from the `holidays` library one year at a time and cached."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from functools import cache

import holidays


class UnknownCalendar(ValueError):
    """A calendar that the library does not have; the message lists those that it has."""


@dataclass(frozen=True, slots=True)
class HolidayCalendar(Container[date]):
    """The public holidays of a country, such as "US", or of a part of it, such as "US-CA"."""

    country: str
    part: str | None

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and day in _holidays(self.country, self.part, day.year)


@cache
def holiday_calendar(name: str) -> HolidayCalendar:
    """The calendar of that name. Raises UnknownCalendar."""
    country, _, part = name.partition("-")
    supported = holidays.list_supported_countries(include_aliases=False)
    if country not in supported:
        raise UnknownCalendar(f"no holiday calendar {name!r}; write a country such as US, or a part such as US-CA")
    if part and part not in supported[country]:
        known = ", ".join(supported[country]) or "none"
        raise UnknownCalendar(f"no holiday calendar {name!r}; parts of {country}: {known}")
    return HolidayCalendar(country, part or None)


@cache
def _holidays(country: str, part: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=part, years=year))

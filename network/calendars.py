"""Public holidays, read from the `holidays` library one year at a time and cached."""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
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

    def name_of(self, day: date) -> str | None:
        """The English name of a holiday; None for any other day."""
        return _holidays(self.country, self.part, day.year).get(day)


@dataclass(frozen=True, slots=True)
class PartsOnly:
    """A holiday that only some parts of a country keep."""

    day: date
    name: str
    parts: Sequence[str]


@cache
def holiday_calendar(name: str) -> HolidayCalendar:
    """The calendar of that name. Raises UnknownCalendar."""
    country, _, part = name.partition("-")
    supported = _parts_by_country()
    if country not in supported:
        raise UnknownCalendar(f"no holiday calendar {name!r}; write a country such as US, or a part such as US-CA")
    if part and part not in supported[country]:
        known = ", ".join(supported[country]) or "none"
        raise UnknownCalendar(f"no holiday calendar {name!r}; parts of {country}: {known}")
    return HolidayCalendar(country, part or None)


def calendar_of(country: str, region: str) -> Container[date]:
    """The holidays of a place: of its region, where that names a part of the country ("CO", "US-CO", "Colorado"), otherwise
    those of the whole country; none for a country that the library does not have."""
    if country not in _parts_by_country():
        return frozenset()
    return HolidayCalendar(country, _parts_by_name(country).get(region.strip().removeprefix(f"{country}-").casefold()))


def kept_by_parts_only(country: str, first: date, last: date) -> list[PartsOnly]:
    """The holidays of a span of days that a country without its parts lacks, because only some of its parts keep them."""
    whole = HolidayCalendar(country, None)
    parts: dict[date, list[HolidayCalendar]] = defaultdict(list)
    for part in _parts_by_country()[country]:
        calendar = HolidayCalendar(country, part)
        for day in _days(calendar, first, last):
            if day not in whole:
                parts[day].append(calendar)
    return [
        PartsOnly(day, keeping[0].name_of(day) or "", [calendar.part or "" for calendar in keeping])
        for day, keeping in sorted(parts.items())
    ]


def _days(calendar: HolidayCalendar, first: date, last: date) -> Iterator[date]:
    for year in range(first.year, last.year + 1):
        yield from (day for day in _holidays(calendar.country, calendar.part, year) if first <= day <= last)


@cache
def _parts_by_country() -> Mapping[str, Sequence[str]]:
    return holidays.list_supported_countries(include_aliases=False)


@cache
def _parts_by_name(country: str) -> Mapping[str, str]:
    """The parts of a country by their codes and names, in lower case."""
    names = {part.casefold(): part for part in _parts_by_country()[country]}
    known = holidays.country_holidays(country).get_subdivision_aliases()
    return {name.casefold(): part for part, written in known.items() for name in written} | names


@cache
def _holidays(country: str, part: str | None, year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays(country, subdiv=part, years=year, language="en_US"))

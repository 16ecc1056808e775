"""Reads on which days parcels are delivered, as policy.toml has it for a service and carriers.toml for a carrier."""

from collections.abc import Callable, Container
from datetime import date

from domain.delivery import DeliveryCalendar
from network.calendars import UnknownCalendar, calendar_of, holiday_calendar
from network.nodes_toml import WEEK
from network.toml_tables import Table

DESTINATION = "destination"
"""In place of a calendar: that of the country and region to which the parcel goes."""


def read_delivery_days(table: Table, days: str) -> DeliveryCalendar:
    """The days of the week that stand under the key `days`, or all seven, without the table's holidays."""
    week = table.words(days, WEEK) or WEEK
    return DeliveryCalendar(frozenset(map(WEEK.index, week)), _read_holidays(table))


def _read_holidays(table: Table) -> Callable[[str, str], Container[date]]:
    """The holidays on which nothing is delivered: those of the destination, or of one calendar."""
    name = table.text("holidays")
    if name == DESTINATION:
        return calendar_of
    try:
        calendar = holiday_calendar(name) if name else frozenset[date]()
    except UnknownCalendar as error:
        table.wrong("holidays", f'{error}; or "{DESTINATION}", the calendar of where the parcel goes')
        calendar = frozenset()
    return lambda _country, _region: calendar

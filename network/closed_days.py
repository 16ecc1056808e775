"""Says on which days nodes are closed next, and warns of calendars and single days that are probably not what was meant."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice

from domain.network import Node
from network.calendars import HolidayCalendar, kept_by_parts_only
from network.nodes_toml import WEEK, NodesRead
from network.toml_tables import Table

DAYS_AHEAD = 366
"""How far calendars are looked at: every holiday comes once."""

DAYS_SHOWN = 4
NODES_NAMED_MAX = 4
PARTS_NAMED_MAX = 3
GROUPS_SHOWN_MAX = 20


def next_closed(nodes: Sequence[Node], now: datetime) -> list[str]:
    """A line for each group of nodes with the same days: the next days on which they are closed although their week has them,
    and the days on which they are open although their week has them not."""
    days: dict[tuple[object, date], str] = {}
    groups: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        today = _today(node, now)
        key = (node.working_days, node.holidays, node.closed_days, node.open_days), today
        if key not in days:
            days[key] = _days(node, today)
        groups[days[key]].append(node.id)
    lines = [f"{_named(names)}: {said}" for said, names in groups.items()]
    more = len(lines) - GROUPS_SHOWN_MAX
    return lines[:GROUPS_SHOWN_MAX] + ([f"and {more} more groups of nodes with other days"] if more > 0 else [])


def warn_of_days(read: NodesRead, now: datetime) -> None:
    """Add warnings: single days that are over or change nothing, and countries whose parts have holidays of their own."""
    warned: set[str] = set()
    for name, table in read.tables.items():
        node = read.nodes[name]
        _warn_of_single_days(table, node, _today(node, now))
        calendar = node.holidays
        if isinstance(calendar, HolidayCalendar) and calendar.part is None and calendar.country not in warned:
            warned.add(calendar.country)
            _warn_of_parts(table, calendar.country, _today(node, now))


def _warn_of_single_days(table: Table, node: Node, today: date) -> None:
    for key, is_open in (("closed", False), ("open", True)):
        for position, day in enumerate(table.days(key)):
            if day < today:
                table.warn(key, f"{day} is over; take it out of {key}", position)
            elif node.usually_works_on(day) is is_open:
                table.warn(key, f"{_written(day)} changes nothing: the node is {key} on that day anyway", position)


def _warn_of_parts(table: Table, country: str, today: date) -> None:
    lacking = kept_by_parts_only(country, today, today + timedelta(days=DAYS_AHEAD - 1))
    if not lacking:
        return
    best_known = max(lacking, key=lambda one: len(one.parts))
    parts = ", ".join(best_known.parts[:PARTS_NAMED_MAX]) + (", …" if len(best_known.parts) > PARTS_NAMED_MAX else "")
    days = f"{len(lacking)} day" + "s" * (len(lacking) != 1)
    said = f"{country} without a part lacks {days} of the coming year that only some parts keep"
    instead = f'write the part where the node is, such as "{country}-{best_known.parts[0]}"'
    table.warn("holidays", f"{said}, such as {_written(best_known.day)} ({best_known.name}: {parts}); {instead}")


def _today(node: Node, now: datetime) -> date:
    return now.astimezone(node.time_zone).date()


def _days(node: Node, today: date) -> str:
    coming = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD)]
    usual = replace(node, holidays=frozenset(), closed_days=frozenset(), open_days=frozenset())
    closed = (day for day in coming if usual.works_on(day) and not node.works_on(day))
    opened = (day for day in coming if node.works_on(day) and not usual.works_on(day))
    said, also = _listed(node, closed), _listed(node, opened)
    said = f"closed next on {said}" if said else "closed on no day of its week in the coming year"
    return f"{said}; open also on {also}" if also else said


def _listed(node: Node, days: Iterator[date]) -> str:
    return ", ".join(_written(day) + _reason(node, day) for day in islice(days, DAYS_SHOWN))


def _reason(node: Node, day: date) -> str:
    """The name of a holiday, in brackets."""
    name = node.holidays.name_of(day) if isinstance(node.holidays, HolidayCalendar) else None
    return f" ({name})" if name else ""


def _written(day: date) -> str:
    return f"{WEEK[day.weekday()].capitalize()} {day}"


def _named(names: Sequence[str]) -> str:
    more = len(names) - NODES_NAMED_MAX
    return ", ".join(names[:NODES_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")

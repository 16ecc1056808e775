"""Computes deadlines within the hours in which a node is open."""

from datetime import UTC, date, datetime, time, timedelta

from domain.network import Node


def working_deadline(node: Node, start: datetime, span: timedelta) -> datetime:
    """The moment, in UTC, at which the node will have been open for `span` since `start`.

    A node without hours is always open, so this is plain addition. Otherwise only the hours of its working days count,
    in its local time: a day on which clocks change is an hour longer or shorter if the change falls into the hours.
    """
    if node.hours is None:
        return start.astimezone(UTC) + span
    day = start.astimezone(node.time_zone).date()
    left = span
    while True:
        opens, closes = _open_spell(node, node.hours, day)
        begins = max(opens, start)
        if closes - begins >= left:
            return begins.astimezone(UTC) + left
        left -= max(closes - begins, timedelta())
        day += timedelta(days=1)


def _open_spell(node: Node, hours: tuple[time, time], day: date) -> tuple[datetime, datetime]:
    """The moments, in UTC, at which the node opens and closes on a local day; on a day off it closes as it opens."""
    opens, closes = hours
    opening = datetime.combine(day, opens, node.time_zone).astimezone(UTC)
    if not node.works_on(day):
        return opening, opening
    closing_day = day + timedelta(days=1) if closes == time() else day
    return opening, datetime.combine(closing_day, closes, node.time_zone).astimezone(UTC)

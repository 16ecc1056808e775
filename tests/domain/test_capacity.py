"""A node's day: which one it is, and when the next one begins."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.capacity import day, next_day_begins
from domain.network import Node, NodeKind
from nodes.pull import Pull


@pytest.mark.parametrize(
    ("zone", "at", "begins"),
    [
        ("UTC", "2026-11-23T12:00:00Z", "2026-11-24T00:00:00Z"),
        ("America/Denver", "2026-11-24T06:59:59Z", "2026-11-24T07:00:00Z"),
        ("Pacific/Kiritimati", "2026-11-23T09:59:59Z", "2026-11-23T10:00:00Z"),
        ("Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T22:00:00Z"),  # 23 hours
        ("Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T23:00:00Z"),  # 25 hours
        ("America/Santiago", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"),  # the next one begins at one o'clock
    ],
)
def test_the_next_day_begins_at_the_first_instant_of_it(zone: str, at: str, begins: str) -> None:
    node = Node(
        id="n",
        name="N",
        kind=NodeKind.DC,
        country="US",
        latitude=0.0,
        longitude=0.0,
        time_zone=ZoneInfo(zone),
        dispatch=Pull.dispatch,
    )
    today, found = day(node, datetime.fromisoformat(at)), next_day_begins(node, datetime.fromisoformat(at))

    assert found == datetime.fromisoformat(begins)
    assert day(node, found) == today + timedelta(days=1)
    assert day(node, found - timedelta(seconds=1)) == today

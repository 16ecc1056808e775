"""What pages of the console say of times, clocks and acts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console import words
from domain.fulfillment import WaitingFor
from domain.network import HoldStock

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NO_HOLD: list[dict[str, Any]] = []


def order(holds: list[dict[str, Any]] = NO_HOLD, **buckets: int) -> dict[str, Any]:
    """An order of one line with units in these buckets."""
    empty = dict.fromkeys(("open", "backordered", "reserved", "allocated", "shipped", "cancelled"), 0)
    return {"lines": [empty | buckets], "holds": holds}


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(seconds=-59), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=-1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(hours=-23, minutes=-59), "23 h ago"),
        (timedelta(days=3, hours=5), "in 3 d"),
    ],
)
def test_a_time_is_said_as_people_say_it(away: timedelta, said: str) -> None:
    assert words.from_now(NOW + away, NOW) == said


def test_every_wait_of_a_fulfillment_order_has_its_words() -> None:
    assert all(words.clock({"waiting_for": wait}) for wait in WaitingFor)
    assert words.clock({"waiting_for": None}) == ""


def test_a_hold_says_what_it_stops_and_what_it_does_not_stop() -> None:
    assert words.of_hold(order(reserved=2, allocated=1), "fraud", HoldStock.WAIT) == [
        "Not released to a node yet: 2 units. None of them is released while the hold is there.",
        "The stock that is reserved for them is given back, and other orders may take it.",
        "With a node already: 1 unit. A hold does not stop them.",
    ]
    assert len(words.of_hold(order(reserved=2), "fraud", HoldStock.RESERVE)) == 1
    held = order([{"hold": "fraud", "actor": None, "reason": None}])
    assert words.of_hold(held, "fraud", HoldStock.WAIT) == ["The order has the hold fraud already: nothing changes."]


def test_a_release_says_whether_the_order_goes_on() -> None:
    fraud = {"hold": "fraud", "actor": "operator:rosa", "reason": "looks odd"}
    payment = {"hold": "payment", "actor": "policy", "reason": None}
    assert words.of_release(order([fraud], reserved=2), "fraud") == [
        "The hold fraud was placed by operator:rosa, because: looks odd.",
        "It is the last hold: the order goes on. Not released to a node yet: 2 units.",
    ]
    assert words.of_release(order([fraud, payment]), "payment") == [
        "The hold payment was placed by policy.",
        "The order still waits: it also has fraud.",
    ]
    assert words.of_release(order(), "fraud") == ["The order has no hold fraud: nothing changes."]


def test_a_cancel_says_unit_by_unit_what_would_become_of_it() -> None:
    answer = {
        "cancelled": [{"line": "1", "quantity": 2, "reason": "cancelled before a node accepted it"}],
        "pending": [{"line": "2", "quantity": 1, "reason": "the node was asked to cancel"}],
        "refused": [],
    }
    assert words.of_cancel(answer) == [
        "2 units of line 1 would be cancelled: cancelled before a node accepted it.",
        "1 unit of line 2 would be pending: the node was asked to cancel.",
    ]

"""When something happened that is reported by another clock, and what counts from it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.clock import happened_at
from domain.fulfillment import NodeMessage, apply_message
from tests.domain.test_fulfillment import work_for

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LONG_AGO, FUTURE = datetime(1999, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)

# fmt: off
MOMENTS = [
    # what it follows   reported          arrived        happened
    (MONDAY,            MONDAY + DAY,     MONDAY + 2*DAY, MONDAY + DAY),
    (MONDAY,            FUTURE,           MONDAY + 2*DAY, MONDAY + 2*DAY),
    (MONDAY,            LONG_AGO,         MONDAY + 2*DAY, MONDAY),
    (MONDAY + 3*DAY,    LONG_AGO,         MONDAY,         MONDAY + 3*DAY),
]
# fmt: on


@pytest.mark.parametrize(("follows", "reported", "arrived", "happened"), MOMENTS)
def test_it_happened_as_reported_but_not_after_the_report_nor_before_what_it_follows(
    follows: datetime, reported: datetime, arrived: datetime, happened: datetime
) -> None:
    assert happened_at(reported, arrived=arrived, follows=follows) == happened


def message(kind: str, occurred_at: datetime, units: int) -> NodeMessage:
    lines = [{"line": "1", "quantity": units}]
    return NodeMessage.model_validate({"message_id": "m", "kind": kind, "occurred_at": occurred_at, "lines": lines})


def test_the_last_parcel_does_not_arrive_before_it_left_and_an_earlier_one_may() -> None:
    left = replace(work_for(3), released_at=MONDAY)
    for units, day in ((1, MONDAY + DAY), (2, MONDAY + 3 * DAY)):
        left = apply_message(left, message("shipped", day, units), MONDAY + 4 * DAY).fulfillment_order
    first = apply_message(left, message("delivered", MONDAY + 2 * DAY, 1), MONDAY + 4 * DAY).fulfillment_order
    assert first.delivered_at == MONDAY + 2 * DAY
    both = apply_message(first, message("delivered", MONDAY, 2), MONDAY + 4 * DAY).fulfillment_order
    assert both.delivered_at == both.shipped_at == MONDAY + 3 * DAY

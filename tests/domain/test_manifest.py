"""When a manifest is made, looked for and given up, and when a node's day ends."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.manifest import ManifestState, ManifestStep, Missing, cutoff_of, next_step, when_missing
from domain.network import Dispatch, Node, NodeKind

ASKED, MADE, UNKNOWN, REFUSED = ManifestState
STEPS = [
    # state   called  next
    (ASKED,   False,  ManifestStep.MAKE),
    (ASKED,   True,   ManifestStep.FIND),
    (UNKNOWN, True,   ManifestStep.FIND),
    (MADE,    True,   None),
    (REFUSED, True,   None),
    (REFUSED, False,  None),
]  # fmt: skip
NODE = Node(
    id="slc",
    name="slc",
    kind=NodeKind.DC,
    country="US",
    latitude=40.8,
    longitude=-111.9,
    time_zone=ZoneInfo("America/Denver"),
    cutoff=time(14),
    dispatch=Dispatch("pull", is_called=False, asks_before_cancel=False),
)
MONDAY = date(2026, 11, 30)
CUTOFFS = [
    # UTC                                   the day whose cut-off has passed
    (datetime(2026, 11, 30, 20, 59, tzinfo=UTC), None),
    (datetime(2026, 11, 30, 21, 0, tzinfo=UTC),  MONDAY),
    (datetime(2026, 12, 1, 6, 59, tzinfo=UTC),   MONDAY),
    (datetime(2026, 12, 1, 7, 0, tzinfo=UTC),    None),
    (datetime(2026, 11, 29, 23, 0, tzinfo=UTC),  None),
]  # fmt: skip


@pytest.mark.parametrize(("state", "was_called", "step"), STEPS)
def test_a_manifest_is_asked_for_once_and_looked_for_after_that(
    state: ManifestState, was_called: bool, step: ManifestStep | None
) -> None:
    assert next_step(state, was_called=was_called) is step


def test_a_manifest_that_the_carrier_does_not_have_after_five_minutes_was_not_made() -> None:
    at = datetime(2026, 11, 30, 21, tzinfo=UTC)
    assert when_missing(at, at + timedelta(minutes=2)) == Missing(UNKNOWN, timedelta(minutes=1))
    assert when_missing(at, at + timedelta(minutes=5)) == Missing(REFUSED, None)


@pytest.mark.parametrize(("now", "day"), CUTOFFS)
def test_a_nodes_day_ends_at_its_cut_off_on_its_working_days(now: datetime, day: date | None) -> None:
    passed = cutoff_of(NODE, now)
    assert (passed and passed.day) == day
    assert passed is None or passed.at == datetime(2026, 11, 30, 21, tzinfo=UTC)

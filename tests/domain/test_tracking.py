"""What scans mean for a parcel, in whatever order they come."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from domain.fulfillment import MessageKind
from domain.tracking import FOLLOWED_FOR, Followed, ScanKind, Seen, asked_again_in, facts_of, followed

DAY = datetime(2026, 11, 27, tzinfo=UTC)
LABEL = Seen(ScanKind.LABEL, DAY)
PICKED_UP = Seen(ScanKind.IN_TRANSIT, DAY + timedelta(hours=18))
OUT = Seen(ScanKind.OUT_FOR_DELIVERY, DAY + timedelta(hours=31))
DELIVERED = Seen(ScanKind.DELIVERED, DAY + timedelta(hours=34))
FAILED = Seen(ScanKind.FAILED, DAY + timedelta(hours=33))
LOST = Seen(ScanKind.LOST, DAY + timedelta(days=9))
OTHER = Seen(ScanKind.OTHER, DAY + timedelta(days=30))


@pytest.mark.parametrize("order", list(itertools.permutations([LABEL, PICKED_UP, OUT, DELIVERED, OTHER])))
def test_what_is_known_does_not_depend_on_the_order_in_which_scans_come(order: tuple[Seen, ...]) -> None:
    known, facts = Followed(), []
    for scan in order:
        after = followed(known, [scan])
        facts.append(facts_of(known, after))
        known = after
    assert (known.first_scan_at, known.last) == (PICKED_UP.at, DELIVERED)
    assert [fact for fact in facts if fact] == [MessageKind.DELIVERED]


FACTS = [
    ([PICKED_UP, FAILED], MessageKind.DELIVERY_FAILED),
    ([LOST], MessageKind.DELIVERY_FAILED),
    ([FAILED, DELIVERED], MessageKind.DELIVERED),
    ([PICKED_UP, OUT, OTHER], None),
]


@pytest.mark.parametrize(("scans", "fact"), FACTS)
def test_only_delivered_failed_and_lost_are_facts(scans: list[Seen], fact: MessageKind | None) -> None:
    assert facts_of(Followed(), followed(Followed(), scans)) == fact


def test_a_parcel_that_was_delivered_does_not_fail_later_and_a_failure_is_said_once() -> None:
    arrived = followed(Followed(), [DELIVERED])
    assert facts_of(arrived, followed(arrived, [FAILED, LOST])) is None
    failed = followed(Followed(), [FAILED])
    assert facts_of(failed, followed(failed, [LOST])) is None
    assert facts_of(failed, followed(failed, [DELIVERED])) is MessageKind.DELIVERED


def test_of_scans_of_one_day_without_a_time_the_one_that_is_further_counts() -> None:
    noon = DAY.replace(hour=12)
    scans = [Seen(kind, noon, is_day_only=True) for kind in (ScanKind.DELIVERED, ScanKind.OUT_FOR_DELIVERY)]
    last = followed(Followed(), scans).last
    assert last is not None
    assert last.kind is ScanKind.DELIVERED


def test_a_carrier_is_asked_until_the_parcel_is_there_or_nobody_waits_any_more() -> None:
    assert asked_again_in(Followed(), DAY, DAY) == timedelta(hours=4)
    assert asked_again_in(followed(Followed(), [OUT]), DAY, DAY) == timedelta(hours=1)
    assert asked_again_in(followed(Followed(), [DELIVERED]), DAY, DAY) is None
    assert asked_again_in(Followed(), DAY, DAY + FOLLOWED_FOR + timedelta(days=1)) is None

"""Promises: when a parcel leaves and arrives, over cut-offs, weekends, holidays, handling days and changing clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from domain.network import Node, NodeKind, TransitBand
from domain.promise import Promise, pickup_promise, promise, ship_day

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NODE = Node(
    id="lax",
    name="Los Angeles",
    kind=NodeKind.STORE,
    country="US",
    latitude=34.0,
    longitude=-118.0,
    time_zone=LOS_ANGELES,
    cutoff=time(14),
    holidays=frozenset({date(2026, 11, 26)}),
)
TRANSIT = {
    "standard": (TransitBand(250, 1), TransitBand(1000, 3), TransitBand(20_000, 6)),
    "next_day": (TransitBand(500, 1),),
}


def at(text: str) -> datetime:
    """A moment in Los Angeles, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=LOS_ANGELES).astimezone(UTC)


@pytest.mark.parametrize(
    ("released", "handling_days", "ships"),
    [
        # Thanksgiving is Thursday the 26th of November 2026.
        ("2026-11-24 13:59", 0, date(2026, 11, 24)),
        ("2026-11-24 14:00", 0, date(2026, 11, 25)),
        ("2026-11-25 13:59", 0, date(2026, 11, 25)),
        ("2026-11-25 14:00", 0, date(2026, 11, 27)),
        ("2026-11-25 14:00", 2, date(2026, 12, 1)),
        ("2026-11-24 09:00", 1, date(2026, 11, 25)),
        ("2026-11-26 09:00", 0, date(2026, 11, 27)),
        ("2026-11-27 15:00", 0, date(2026, 11, 30)),
        ("2026-11-28 09:00", 0, date(2026, 11, 30)),
        ("2026-11-28 09:00", 1, date(2026, 12, 1)),
    ],
)
def test_the_ship_day_follows_cut_off_working_days_holidays_and_handling(
    released: str, handling_days: int, ships: date
) -> None:
    assert ship_day(replace(NODE, handling_days=handling_days), at(released)) == ships


def test_both_promised_moments_are_ends_of_days_where_the_node_is() -> None:
    assert promise(NODE, "standard", 800, at("2026-11-24 09:00"), TRANSIT) == Promise(
        ship_by=at("2026-11-24 23:59:59"), deliver_by=at("2026-11-27 23:59:59"), days=3
    )


def test_a_promise_over_the_change_of_clocks_still_ends_with_the_local_day() -> None:
    promised = promise(NODE, "standard", 100, at("2026-03-06 09:00"), TRANSIT)
    assert promised is not None
    assert promised.deliver_by == datetime(2026, 3, 8, 7, 59, 59, tzinfo=UTC)
    later = promise(replace(NODE, working_days=frozenset(range(7))), "standard", 100, at("2026-03-07 09:00"), TRANSIT)
    assert later is not None
    assert later.deliver_by == datetime(2026, 3, 9, 6, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("service", "distance_km", "days"),
    [
        ("standard", 250.0, 1),
        ("standard", 250.1, 3),
        ("standard", 19_000.0, 6),
        ("next_day", 500.0, 1),
        ("next_day", 501.0, None),
        ("balloon", 1.0, None),
    ],
)
def test_transit_days_come_from_the_services_table_by_distance(
    service: str, distance_km: float, days: int | None
) -> None:
    promised = promise(NODE, service, distance_km, at("2026-11-24 09:00"), TRANSIT)
    assert (promised.days if promised else None) == days


def test_days_are_counted_from_the_nodes_own_today() -> None:
    just_before_midnight = promise(NODE, "standard", 100, at("2026-11-24 23:59"), TRANSIT)
    just_after_midnight = promise(NODE, "standard", 100, at("2026-11-25 00:00"), TRANSIT)
    assert just_before_midnight is not None
    assert just_after_midnight is not None
    assert just_before_midnight.deliver_by == just_after_midnight.deliver_by
    assert (just_before_midnight.days, just_after_midnight.days) == (2, 1)


def test_a_pickup_is_ready_on_the_day_on_which_other_orders_would_ship() -> None:
    assert pickup_promise(NODE, at("2026-11-25 14:00")) == Promise(
        ship_by=at("2026-11-27 23:59:59"), deliver_by=at("2026-11-27 23:59:59"), days=2
    )

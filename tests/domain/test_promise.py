"""Promises: when a parcel leaves and arrives, over cut-offs, weekends, holidays, handling days and changing clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from domain.network import Node, NodeKind, TransitBand
from domain.promise import Promise, pickup_promise, promise, ship_day
from network.calendars import holiday_calendar
from nodes.pull import Pull

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NODE = Node(
    id="lax",
    name="Los Angeles",
    kind=NodeKind.STORE,
    country="US",
    latitude=34.0,
    longitude=-118.0,
    time_zone=LOS_ANGELES,
    dispatch=Pull.dispatch,
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


# In Los Angeles it is 2:00 and at once 3:00 on Sunday the 8th of March 2026, and twice 1:00 to 2:00 on Sunday the 1st
# of November. Moments are in UTC, what the clocks show is beside them.
CLOCKS = """
released (UTC)      || clocks show          || cut-off || handling days || ships
2026-03-08 09:59    || 01:59                || 02:30   || 0             || 2026-03-08
2026-03-08 10:00    || 03:00, 2:30 is past  || 02:30   || 0             || 2026-03-09
2026-03-08 20:59    || 13:59                || 14:00   || 0             || 2026-03-08
2026-03-08 21:00    || 14:00                || 14:00   || 0             || 2026-03-09
2026-03-07 21:59    || 13:59, the day before|| 14:00   || 1             || 2026-03-08
2026-03-07 22:00    || 14:00, the day before|| 14:00   || 1             || 2026-03-09
2026-03-08 06:59    || 22:59, the day before|| 23:30   || 2             || 2026-03-09
2026-11-01 08:29    || 01:29, first time    || 01:30   || 0             || 2026-11-01
2026-11-01 08:30    || 01:30, first time    || 01:30   || 0             || 2026-11-02
2026-11-01 09:15    || 01:15, second time   || 01:30   || 0             || 2026-11-02
2026-11-01 09:45    || 01:45, second time   || 01:30   || 0             || 2026-11-02
2026-11-01 09:15    || 01:15, second time   || 02:00   || 0             || 2026-11-01
2026-11-01 21:59    || 13:59                || 14:00   || 0             || 2026-11-01
2026-11-01 22:00    || 14:00                || 14:00   || 0             || 2026-11-02
2026-11-01 06:59    || 23:59, the day before|| 23:59   || 1             || 2026-11-02
"""


@pytest.mark.parametrize(
    ("released", "clocks_show", "cutoff", "handling_days", "ships"),
    [tuple(cell.strip() for cell in row.split("||")) for row in CLOCKS.strip().splitlines()[1:]],
)
def test_on_days_when_clocks_change_the_cut_off_passes_once_and_handling_counts_days(
    released: str, clocks_show: str, cutoff: str, handling_days: str, ships: str
) -> None:
    everyday = replace(
        NODE,
        working_days=frozenset(range(7)),
        cutoff=time.fromisoformat(cutoff),
        handling_days=int(handling_days),
    )
    now = datetime.fromisoformat(released).replace(tzinfo=UTC)
    assert now.astimezone(LOS_ANGELES).strftime("%H:%M") == clocks_show[:5]
    assert ship_day(everyday, now) == date.fromisoformat(ships)


# Released at a moment, by the clocks of the node, with a cut-off at 17:00, Monday to Friday.
HOLIDAYS = """
calendar || time zone           || released         || ships      || because
US       || America/New_York    || 2026-12-24 16:59 || 2026-12-24 || it is before the cut-off
US       || America/New_York    || 2026-12-24 17:00 || 2026-12-28 || Christmas is on a Friday
US       || America/New_York    || 2026-07-02 17:00 || 2026-07-06 || Independence Day is a Saturday, and observed on Friday
US       || America/Los_Angeles || 2027-03-30 17:00 || 2027-03-31 || Cesar Chavez Day is none of the whole country
US-CA    || America/Los_Angeles || 2027-03-30 17:00 || 2027-04-01 || it is one of California
CA       || America/Toronto     || 2026-06-30 17:00 || 2026-07-02 || Canada Day
DE       || Europe/Berlin       || 2026-12-24 17:00 || 2026-12-28 || both days of Christmas, and a Sunday
DE       || Europe/Berlin       || 2027-01-05 17:00 || 2027-01-06 || Epiphany is none of the whole country
DE-BY    || Europe/Berlin       || 2027-01-05 17:00 || 2027-01-07 || it is one of Bavaria
FR       || Europe/Paris        || 2026-05-07 17:00 || 2026-05-11 || Victory Day is a Friday
GB-SCT   || Europe/London       || 2026-12-31 17:00 || 2027-01-05 || two days of New Year, the second moved to Monday
JP       || Asia/Tokyo          || 2026-05-01 17:00 || 2026-05-07 || Golden Week, with a day for the one on a Sunday
"""


@pytest.mark.parametrize(
    ("calendar", "time_zone", "released", "ships", "because"),
    [tuple(cell.strip() for cell in row.split("||")) for row in HOLIDAYS.strip().splitlines()[1:]],
)
def test_nothing_ships_on_a_holiday_of_the_country_or_its_part(
    calendar: str, time_zone: str, released: str, ships: str, because: str
) -> None:
    zone = ZoneInfo(time_zone)
    node = replace(NODE, time_zone=zone, cutoff=time(17), holidays=holiday_calendar(calendar))
    assert ship_day(node, datetime.fromisoformat(released).replace(tzinfo=zone)) == date.fromisoformat(ships), because


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

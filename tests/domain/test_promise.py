"""Promises: when a parcel leaves and arrives, over cut-offs, weekends, holidays, handling days and changing clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery import DeliveryCalendar, DeliveryDays
from domain.network import Node, NodeKind, TransitBand
from domain.promise import Promise, arrival_day, pickup_promise, promise, ship_day
from network.calendars import calendar_of, holiday_calendar
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


# Released at 16:00 in London, before the cut-off, to a node that works every day but 25 December. `delivers`: the carrier's
# days of the week, and whether the holidays of the destination are none of them.
DELIVERY_DAYS = """
released   || transit || delivers            || to        || arrives    || because
2026-12-24 || 1       || always              || GB        || 2026-12-25 || nothing says that it does not
2026-12-24 || 1       || mon-fri, holidays   || GB        || 2026-12-29 || Christmas, Boxing Day, and Monday for it
2026-12-24 || 1       || mon-sat, holidays   || GB        || 2026-12-29 || the Saturday is Boxing Day
2026-12-24 || 1       || mon-sat             || GB        || 2026-12-25 || no holiday counts
2026-12-24 || 1       || mon-fri, holidays   || US        || 2026-12-28 || only Christmas
2026-12-24 || 1       || mon-fri, holidays   || JP        || 2026-12-25 || it is none in Japan
2026-12-24 || 2       || mon-fri, holidays   || DE        || 2026-12-29 || both days of Christmas, and a Sunday; then two days
2026-12-31 || 1       || mon-fri, holidays   || GB        || 2027-01-04 || New Year, and a weekend
2026-12-31 || 1       || mon-fri, holidays   || GB-SCT    || 2027-01-05 || two days of New Year in Scotland, the second moved
2026-12-31 || 1       || mon-fri, holidays   || GB-xyz    || 2027-01-04 || of a region that nobody knows the country decides
2027-01-05 || 1       || mon-sat, holidays   || DE        || 2027-01-06 || Epiphany is none of the whole country
2027-01-05 || 1       || mon-sat, holidays   || DE-Bayern || 2027-01-07 || it is one of Bavaria
2026-11-27 || 2       || mon-fri             || US        || 2026-12-01 || Friday's two days are Monday and Tuesday
2026-11-27 || 1       || mon-fri             || US        || 2026-11-30 || the next day of a Friday is Monday
2026-11-27 || 1       || mon-sat             || US        || 2026-11-28 || they deliver on Saturdays
2026-11-27 || 0       || mon-fri             || US        || 2026-11-27 || no day on the way
2026-11-28 || 0       || mon-fri             || US        || 2026-11-30 || not on a Saturday
2026-11-28 || 1       || mon-fri             || US        || 2026-11-30 || what ships on a Saturday has its first day on Monday
2026-11-27 || 1       || tue-sat             || US        || 2026-11-28 || a week of its own
2026-11-27 || 3       || tue-sat             || US        || 2026-12-02 || Saturday, Tuesday, Wednesday
2026-12-24 || 1       || mon-fri, holidays   || KP-xyz    || 2026-12-25 || a country with a calendar, without parts
2026-12-24 || 1       || mon-fri, holidays   || XX        || 2026-12-25 || a place without a calendar has no holidays
"""
WEEKS = {"always": range(7), "mon-fri": range(5), "mon-sat": range(6), "tue-sat": range(1, 6)}


@pytest.mark.parametrize(
    ("released", "transit", "delivers", "to", "arrives", "because"),
    [tuple(cell.strip() for cell in row.split("||")) for row in DELIVERY_DAYS.strip().splitlines()[1:]],
)
def test_a_parcel_arrives_on_a_day_on_which_its_carrier_delivers_there(
    released: str, transit: str, delivers: str, to: str, arrives: str, because: str
) -> None:
    week, _, holidays = delivers.partition(", ")
    calendar = DeliveryCalendar(frozenset(WEEKS[week]), *([calendar_of] if holidays else []))
    country, _, region = to.partition("-")
    zone = ZoneInfo("Europe/London")
    node = replace(NODE, time_zone=zone, working_days=frozenset(range(7)), cutoff=time(17), holidays=frozenset())
    now = datetime.fromisoformat(released).replace(hour=16, tzinfo=zone)
    bands = {"standard": (TransitBand(20_000, int(transit)),)}
    promised = promise(node, "standard", 1, now, bands, None if week == "always" else calendar.at(country, region))
    assert promised is not None
    assert promised.deliver_by is not None
    assert promised.deliver_by.astimezone(zone).date() == date.fromisoformat(arrives), because
    assert promised.days == (date.fromisoformat(arrives) - date.fromisoformat(released)).days


DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))
DELIVERY = st.builds(
    DeliveryDays,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.sampled_from([frozenset(), *map(holiday_calendar, ("DE-BY", "GB-SCT", "US", "JP"))]),
)


@given(DAYS, st.integers(0, 12), DELIVERY)
def test_as_many_delivery_days_pass_as_the_parcel_needs(ships_on: date, needed: int, delivery: DeliveryDays) -> None:
    arrives = arrival_day(ships_on, needed, delivery)
    later = [ships_on + timedelta(days=number) for number in range(1, (arrives - ships_on).days + 1)]
    assert arrives in delivery
    assert sum(day in delivery for day in later) == (needed if needed or ships_on in delivery else 1)


@given(DAYS, st.integers(0, 12), DELIVERY)
def test_what_ships_later_or_needs_longer_never_arrives_earlier(
    ships_on: date, needed: int, delivery: DeliveryDays
) -> None:
    arrives = arrival_day(ships_on, needed, delivery)
    assert arrives <= arrival_day(ships_on + timedelta(days=1), needed, delivery)
    assert arrives <= arrival_day(ships_on, needed + 1, delivery)
    assert arrives >= arrival_day(ships_on, needed, None)


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

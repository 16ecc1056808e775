"""A channel is measured as marketplaces measure a seller, and the orders that would pass a threshold are named before."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.marketplace_health import (
    MarketplaceRate,
    Measure,
    MeasuredOrder,
    MeasuredParcel,
    RateVerdict,
    measures,
)

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = {
    MarketplaceRate.LATE_SHIPMENT: 0.04,
    MarketplaceRate.CANCELLATION: 0.025,
    MarketplaceRate.VALID_TRACKING: 0.95,
    MarketplaceRate.ON_TIME_DELIVERY: 0.90,
}


def order(
    name: str,
    ship_by: timedelta | None,
    confirmed: timedelta | None = None,
    *,
    placed: timedelta = -2 * DAY,
    cancelled: bool = False,
    by_seller: bool = False,
    waits: bool = False,
) -> MeasuredOrder:
    """An order, with moments from now."""
    return MeasuredOrder(
        name,
        AT + placed,
        None if ship_by is None else AT + ship_by,
        None if confirmed is None else AT + confirmed,
        cancelled,
        by_seller,
        waits,
    )


def parcel(
    name: str,
    left: timedelta,
    deliver_by: timedelta | None = None,
    delivered: timedelta | None = None,
    *,
    tracked: bool = True,
    assumed: bool = False,
) -> MeasuredParcel:
    """A parcel, with moments from now."""
    return MeasuredParcel(
        name,
        AT + left,
        None if deliver_by is None else AT + deliver_by,
        tracked,
        None if delivered is None else AT + delivered,
        assumed,
    )


def measure(
    rate: MarketplaceRate, orders: list[MeasuredOrder] | None = None, parcels: list[MeasuredParcel] | None = None
) -> Measure:
    [found] = measures(orders or [], parcels or [], {rate: LIMITS[rate]}, AT)
    return found


LATE = [
    ("confirmed in time", order("a", -DAY, -DAY - HOUR), (0, 1), []),
    ("confirmed at its ship-by", order("a", -DAY, -DAY), (0, 1), []),
    ("confirmed late", order("a", -DAY, -HOUR), (1, 1), []),
    ("never confirmed, and over", order("a", -HOUR), (1, 1), []),
    ("confirmed before it is due", order("a", 2 * DAY, -HOUR), (0, 1), []),
    ("due within a day", order("a", HOUR), (0, 0), ["a"]),
    ("due later", order("a", 2 * DAY), (0, 0), []),
    ("cancelled before it left", order("a", -DAY, cancelled=True), (0, 0), []),
    ("without a ship-by of the channel", order("a", None, -HOUR), (0, 0), []),
    ("longer ago than thirty days", order("a", -31 * DAY, -DAY), (0, 0), []),
]


@pytest.mark.parametrize(("one", "counted", "soon"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_an_order_is_late_when_its_confirmation_comes_after_the_ship_by(
    one: MeasuredOrder, counted: tuple[int, int], soon: list[str]
) -> None:
    found = measure(MarketplaceRate.LATE_SHIPMENT, [one])
    assert (found.counted, found.of) == counted
    assert list(found.would_be_faults) == soon


CANCELLED = [
    ("shipped", order("a", DAY, -HOUR), (0, 1), []),
    ("cancelled by the seller", order("a", DAY, cancelled=True, by_seller=True), (1, 1), []),
    ("cancelled as the customer asked", order("a", DAY, cancelled=True), (0, 1), []),
    ("waits for stock", order("a", DAY, waits=True), (0, 1), ["a"]),
    ("placed eight days ago", order("a", DAY, by_seller=True, placed=-8 * DAY), (0, 0), []),
]


@pytest.mark.parametrize(("one", "counted", "soon"), [row[1:] for row in CANCELLED], ids=[row[0] for row in CANCELLED])
def test_a_cancel_counts_when_the_customer_has_not_asked_for_it(
    one: MeasuredOrder, counted: tuple[int, int], soon: list[str]
) -> None:
    found = measure(MarketplaceRate.CANCELLATION, [one])
    assert (found.counted, found.of) == counted
    assert list(found.would_be_faults) == soon


def test_a_parcel_without_a_number_lowers_the_rate_of_valid_tracking() -> None:
    parcels = [parcel("a", -DAY), parcel("b", -DAY, tracked=False), parcel("c", -31 * DAY, tracked=False)]
    found = measure(MarketplaceRate.VALID_TRACKING, parcels=parcels)
    assert (found.counted, found.of, found.faults, found.verdict) == (1, 2, ("b",), RateVerdict.MISSED)


DELIVERED = [
    ("in time", parcel("a", -3 * DAY, -DAY, -DAY), (1, 1), []),
    ("late", parcel("a", -3 * DAY, -DAY, -HOUR), (0, 1), []),
    ("not yet, and over", parcel("a", -3 * DAY, -DAY), (0, 1), []),
    ("before it is due", parcel("a", -3 * DAY, DAY, -HOUR), (1, 1), []),
    ("due within a day", parcel("a", -3 * DAY, HOUR), (0, 0), ["a"]),
    ("only assumed", parcel("a", -9 * DAY, -5 * DAY, -DAY, assumed=True), (0, 0), []),
    ("cannot be followed", parcel("a", -3 * DAY, -DAY, tracked=False), (0, 0), []),
]


@pytest.mark.parametrize(("one", "counted", "soon"), [row[1:] for row in DELIVERED], ids=[row[0] for row in DELIVERED])
def test_a_parcel_is_in_time_when_it_is_delivered_by_the_channels_own_moment(
    one: MeasuredParcel, counted: tuple[int, int], soon: list[str]
) -> None:
    found = measure(MarketplaceRate.ON_TIME_DELIVERY, parcels=[one])
    assert (found.counted, found.of) == counted
    assert list(found.would_be_faults) == soon


def in_time(count: int) -> list[MeasuredOrder]:
    return [order(f"good{number}", -DAY, -DAY) for number in range(count)]


def test_the_warning_comes_before_the_threshold_is_passed_with_the_orders_that_would_pass_it() -> None:
    late, first, second = order("late", -DAY, -HOUR), order("second", 5 * HOUR), order("first", HOUR)
    calm = measure(MarketplaceRate.LATE_SHIPMENT, [*in_time(99), late])
    assert (calm.value, calm.verdict) == (0.01, RateVerdict.GOOD)

    found = measure(MarketplaceRate.LATE_SHIPMENT, [*in_time(40), late, first, second])
    assert found.verdict is RateVerdict.AT_RISK
    assert found.value is not None
    assert found.value < 0.04 < 3 / 43 == found.foreseen
    assert found.would_be_faults == ("first", "second"), "the most urgent first"
    assert found.faults == ("late",)


def test_a_rate_that_has_passed_its_threshold_is_missed_and_one_that_is_just_there_is_good() -> None:
    late = [order(f"late{number}", -DAY, -HOUR) for number in range(4)]
    assert measure(MarketplaceRate.LATE_SHIPMENT, [*in_time(96), *late]).verdict is RateVerdict.GOOD
    assert measure(MarketplaceRate.LATE_SHIPMENT, [*in_time(95), *late]).verdict is RateVerdict.MISSED


def test_nothing_is_missed_where_nothing_is_counted_and_only_rates_with_a_threshold_are_measured() -> None:
    found = measures([], [], LIMITS, AT)
    assert [(one.value, one.verdict) for one in found] == [(None, RateVerdict.GOOD)] * 4
    assert measures([], [], {}, AT) == []


def test_an_order_with_two_late_parcels_is_named_once() -> None:
    parcels = [parcel("a", -3 * DAY, -DAY, -HOUR), parcel("a", -3 * DAY, -DAY), parcel("b", -4 * DAY, -2 * DAY)]
    assert measure(MarketplaceRate.ON_TIME_DELIVERY, parcels=parcels).faults == ("b", "a")

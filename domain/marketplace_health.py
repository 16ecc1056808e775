"""Measures a channel as marketplaces measure a seller, and says before a threshold is passed which orders would pass it.

The formulas are those of Amazon's help for sellers, read in November 2026: late shipment (Seller Central help 202152050: late
when the confirmation comes after the expected ship date), cancellation (200285210: orders that the seller cancelled, wholly or
in part, without the customer having asked, of all orders of seven days), valid tracking (201817070: packages with a valid
number of all packages) and on-time delivery (WDA4S96KYS493ME: tracked packages delivered on time of all that are tracked).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

MONTH, WEEK = timedelta(days=30), timedelta(days=7)
SOON = timedelta(days=1)
"""What is due within this time is looked at before it is late."""


class MarketplaceRate(StrEnum):
    """What is measured."""

    LATE_SHIPMENT = "late_shipment_rate"
    CANCELLATION = "cancellation_rate"
    VALID_TRACKING = "valid_tracking_rate"
    ON_TIME_DELIVERY = "on_time_delivery_rate"

    @property
    def is_of_faults(self) -> bool:
        """Whether it counts what went wrong: then less is better, and its threshold is the most."""
        return self in (MarketplaceRate.LATE_SHIPMENT, MarketplaceRate.CANCELLATION)

    @property
    def period(self) -> timedelta:
        """How far it looks back."""
        return WEEK if self is MarketplaceRate.CANCELLATION else MONTH


class RateVerdict(StrEnum):
    """How a rate stands to its threshold."""

    GOOD = "good"
    AT_RISK = "at_risk"
    """It will pass the threshold if nothing happens."""
    MISSED = "missed"
    """It has passed the threshold."""


@dataclass(frozen=True, slots=True)
class MeasuredOrder:
    """An order as a marketplace sees it."""

    order: str
    placed_at: datetime
    ship_by: datetime | None
    """The channel's own moment."""
    confirmed_at: datetime | None
    """When the channel was notified of the last unit that left; None = units have not left, or it was not notified yet."""
    is_cancelled: bool
    """Whether no unit of it is to be shipped."""
    is_cancelled_by_seller: bool
    """Whether units were cancelled that the customer had not asked to cancel."""
    waits_for_stock: bool


@dataclass(frozen=True, slots=True)
class MeasuredParcel:
    """A parcel as a marketplace sees it."""

    order: str
    left_at: datetime
    deliver_by: datetime | None
    """The channel's own moment."""
    is_tracked: bool
    """Whether it has a carrier and a number, and the carrier did not leave it unscanned."""
    delivered_at: datetime | None
    """As reported."""
    is_assumed: bool
    """Whether its delivery is only assumed, so that nobody knows when it was."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A rate of a channel."""

    rate: MarketplaceRate
    counted: int
    """Those that it counts: faults, or what went well."""
    of: int
    threshold: float
    faults: tuple[str, ...]
    """The orders that lower it, the oldest first; an order with two faults is there once."""
    would_be_faults: tuple[str, ...]
    """The orders that will lower it within a day if nothing happens."""
    more_counted: int
    """What `would_be_faults` will add to `counted`."""
    more_of: int
    """What they will add to `of`."""

    @property
    def value(self) -> float | None:
        """The rate, from 0 to 1; None = nothing is counted."""
        return self.counted / self.of if self.of else None

    @property
    def foreseen(self) -> float | None:
        """The rate when all of `would_be_faults` have become faults."""
        of = self.of + self.more_of
        return (self.counted + self.more_counted) / of if of else None

    @property
    def verdict(self) -> RateVerdict:
        """How it stands to its threshold."""
        if self._misses(self.value):
            return RateVerdict.MISSED
        return RateVerdict.AT_RISK if self.would_be_faults and self._misses(self.foreseen) else RateVerdict.GOOD

    def _misses(self, value: float | None) -> bool:
        if value is None:
            return False
        return value > self.threshold if self.rate.is_of_faults else value < self.threshold


def measures(
    orders: Sequence[MeasuredOrder],
    parcels: Sequence[MeasuredParcel],
    thresholds: Mapping[MarketplaceRate, float],
    at: datetime,
) -> list[Measure]:
    """The rates that have a threshold, at a moment. Orders and parcels outside of a rate's period are left out."""
    return [_HOW[rate](orders, parcels, threshold, at) for rate, threshold in thresholds.items()]


_Fact = TypeVar("_Fact", MeasuredOrder, MeasuredParcel)
_Orders = Sequence[MeasuredOrder]
_Parcels = Sequence[MeasuredParcel]


def _late(orders: _Orders, _: _Parcels, threshold: float, at: datetime) -> Measure:
    """Of the orders whose ship-by is over or that were confirmed before: those that were not confirmed by then."""
    open_ones = [
        one for one in orders if one.ship_by is not None and not (one.is_cancelled and one.confirmed_at is None)
    ]
    counted = [one for one in open_ones if at - MONTH <= _ship_by(one) and (_ship_by(one) <= at or one.confirmed_at)]
    late = [one for one in counted if (one.confirmed_at or at) > _ship_by(one)]
    soon = [one for one in open_ones if one.confirmed_at is None and at < _ship_by(one) <= at + SOON]
    names = _names(late, _ship_by), _names(soon, _ship_by)
    return Measure(MarketplaceRate.LATE_SHIPMENT, len(late), len(counted), threshold, *names, len(soon), len(soon))


def _ship_by(one: MeasuredOrder) -> datetime:
    assert one.ship_by is not None, "orders without a ship-by are not measured by it"
    return one.ship_by


def _cancelled(orders: _Orders, _: _Parcels, threshold: float, at: datetime) -> Measure:
    """Of the orders of a week: those of which the seller cancelled units. What waits for stock may be cancelled next."""
    counted = [one for one in orders if at - WEEK <= one.placed_at <= at]
    cancelled = [one for one in counted if one.is_cancelled_by_seller]
    waiting = [one for one in counted if one.waits_for_stock and not one.is_cancelled_by_seller]
    names = _names(cancelled, _placed_at), _names(waiting, _placed_at)
    return Measure(MarketplaceRate.CANCELLATION, len(cancelled), len(counted), threshold, *names, len(waiting), 0)


def _placed_at(one: MeasuredOrder) -> datetime:
    return one.placed_at


def _tracked(_: _Orders, parcels: _Parcels, threshold: float, at: datetime) -> Measure:
    """Of the parcels that left: those that can be followed."""
    counted = [one for one in parcels if at - MONTH <= one.left_at <= at]
    good = [one for one in counted if one.is_tracked]
    faults = _names([one for one in counted if not one.is_tracked], _left_at)
    return Measure(MarketplaceRate.VALID_TRACKING, len(good), len(counted), threshold, faults, (), 0, 0)


def _left_at(one: MeasuredParcel) -> datetime:
    return one.left_at


def _on_time(_: _Orders, parcels: _Parcels, threshold: float, at: datetime) -> Measure:
    """Of the parcels that can be followed and whose deliver-by is over, or that came before: those that came by then."""
    known = [one for one in parcels if one.is_tracked and one.deliver_by is not None and not one.is_assumed]
    counted = [one for one in known if at - MONTH <= _deliver_by(one) and (_deliver_by(one) <= at or one.delivered_at)]
    good = [one for one in counted if one.delivered_at is not None and one.delivered_at <= _deliver_by(one)]
    late = [one for one in counted if one not in good]
    soon = [one for one in known if one.delivered_at is None and at < _deliver_by(one) <= at + SOON]
    names = _names(late, _deliver_by), _names(soon, _deliver_by)
    return Measure(MarketplaceRate.ON_TIME_DELIVERY, len(good), len(counted), threshold, *names, 0, len(soon))


def _deliver_by(one: MeasuredParcel) -> datetime:
    assert one.deliver_by is not None, "parcels without a deliver-by are not measured by it"
    return one.deliver_by


def _names(found: Sequence[_Fact], moment: Callable[[_Fact], datetime]) -> tuple[str, ...]:
    """The orders of facts, each once, by the moment that they are measured by."""
    return tuple(dict.fromkeys(one.order for one in sorted(found, key=lambda one: (moment(one), one.order))))


_HOW: Mapping[MarketplaceRate, Callable[[_Orders, _Parcels, float, datetime], Measure]] = {
    MarketplaceRate.LATE_SHIPMENT: _late,
    MarketplaceRate.CANCELLATION: _cancelled,
    MarketplaceRate.VALID_TRACKING: _tracked,
    MarketplaceRate.ON_TIME_DELIVERY: _on_time,
}

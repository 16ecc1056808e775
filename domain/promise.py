"""Decides when a parcel leaves a node and arrives: cut-off, handling, working days, holidays, zones, transit, delivery days."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from domain.delivery import DeliveryDays
from domain.network import Node, TransitBand

END_OF_DAY = time(23, 59, 59)


class Promise(NamedTuple):
    """What the customer is promised: both moments are the last second of a day in the node's time zone, in UTC."""

    ship_by: datetime
    deliver_by: datetime | None
    """None = nobody knows how long it is on the way."""
    days: int | None
    """Calendar days from the node's local today to the day of delivery."""


def promise(
    node: Node,
    service: str,
    distance_km: float,
    now: datetime,
    transit: Mapping[str, Sequence[TransitBand]],
    delivery: DeliveryDays | None = None,
) -> Promise | None:
    """The promise for goods released to this node now; None where the transit table has no answer.

    The service's table says for the distance how many days after it ships the parcel arrives: see `arrival_day`. The
    node's zone is used for both moments because a postal area does not name the customer's.
    """
    days = transit_days(transit.get(service, ()), distance_km)
    return None if days is None else _promise(node, now, days, delivery)


def pickup_promise(node: Node, now: datetime) -> Promise:
    """When goods released to this node now will be ready for pickup there: on the day on which a parcel would ship."""
    return _promise(node, now, 0)


def promise_on(
    node: Node, today: date, is_late: bool, transit_days: int | None, delivery: DeliveryDays | None = None
) -> Promise:
    """The promise of goods released on this local day of the node, before its cut-off or late, `transit_days` on the way.

    Nothing else decides it, so one answer is right for every order of that part of the day.
    """
    ships_on = _ship_day(node, today, is_late)
    if transit_days is None:
        return Promise(_day_end(node, ships_on), None, None)
    arrives_on = arrival_day(ships_on, transit_days, delivery)
    return Promise(_day_end(node, ships_on), _day_end(node, arrives_on), (arrives_on - today).days)


def arrival_day(ships_on: date, transit_days: int, delivery: DeliveryDays | None) -> date:
    """The day on which a parcel arrives that ships on this day.

    Carriers state their days as days on which they deliver, not counting the day of shipment: so only delivery days count,
    and what takes none arrives on the day of shipment or the first delivery day after it. None = every day is one.
    """
    if delivery is None:
        return ships_on + timedelta(days=transit_days)
    day = _first(delivery, ships_on) if transit_days == 0 else ships_on
    for _ in range(transit_days):
        day = _first(delivery, day + timedelta(days=1))
    return day


def _first(delivery: DeliveryDays, day: date) -> date:
    while day not in delivery:
        day += timedelta(days=1)
    return day


def ship_day(node: Node, now: datetime) -> date:
    """The local day on which goods released to this node now leave it.

    Released before the cut-off of a working day they leave on that day, otherwise on the next working day; each
    handling day is one more working day.
    """
    local = now.astimezone(node.time_zone)
    return _ship_day(node, local.date(), cutoff_has_passed(node, local))


def cutoff_has_passed(node: Node, local: datetime) -> bool:
    """Whether it is too late for today; an hour that clocks repeat does not bring a cut-off back.

    `local` is in the node's time zone.
    """
    if local.fold and local.time() < node.cutoff:
        return local.astimezone(UTC) >= datetime.combine(local.date(), node.cutoff, node.time_zone).astimezone(UTC)
    return local.time() >= node.cutoff


def last_arrival(arrivals: Iterable[datetime | None]) -> datetime | None:
    """The latest of some moments of delivery; None when one of them is not known, or there are none."""
    moments = list(arrivals)
    known = [moment for moment in moments if moment is not None]
    return max(known, default=None) if len(known) == len(moments) else None


def transit_days(bands: Sequence[TransitBand], distance_km: float) -> int | None:
    """Days on the way for this distance, from a table ascending in distance; None beyond its last band."""
    return next((band.days for band in bands if distance_km <= band.distance_km_max), None)


def _promise(node: Node, now: datetime, transit_days: int, delivery: DeliveryDays | None = None) -> Promise:
    local = now.astimezone(node.time_zone)
    return promise_on(node, local.date(), cutoff_has_passed(node, local), transit_days, delivery)


def _ship_day(node: Node, day: date, is_late: bool) -> date:
    if is_late or not node.works_on(day):
        day = _next_working_day(node, day)
    for _ in range(node.handling_days):
        day = _next_working_day(node, day)
    return day


def _next_working_day(node: Node, day: date) -> date:
    day += timedelta(days=1)
    while not node.works_on(day):
        day += timedelta(days=1)
    return day


def _day_end(node: Node, day: date) -> datetime:
    return datetime.combine(day, END_OF_DAY, node.time_zone).astimezone(UTC)

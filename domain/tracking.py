"""Decides what scans of carriers mean for a parcel: they are data by the carrier's clock, and only three of them are facts.

A parcel that is delivered, could not be delivered or is lost is a fact like one that its node reports. Everything else is kept,
and moves nothing. Scans come late, twice and in any order.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from domain.fulfillment import MessageKind
from domain.text import Label, Moment, Strict

FOLLOWED_FOR = timedelta(days=60)
"""After so long nobody is asked about a parcel any more."""
AHEAD_MAX = timedelta(days=1)
"""A carrier's clock may be so far ahead: where it gives no zone, a day is certain at most."""


class ScanKind(StrEnum):
    """What a scan of a parcel means."""

    LABEL = "label"
    """Its data came, but no parcel yet."""
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    FAILED = "failed"
    """It could not be delivered, and comes back or waits for a person."""
    LOST = "lost"
    RETURNED = "returned"
    """It is on its way back to its sender."""
    OTHER = "other"
    """What is not known: it changes nothing."""


UNMOVED = frozenset({ScanKind.LABEL, ScanKind.OTHER})
"""Scans that do not say that the carrier has the parcel."""
OVER = frozenset({ScanKind.DELIVERED, ScanKind.LOST, ScanKind.RETURNED})
"""After these the carrier is asked no more."""


class ReportedScan(Strict):
    """A scan that a carrier, or who speaks for it, reports (`POST /carriers/{carrier}/webhooks`)."""

    tracking: Label
    kind: ScanKind
    code: Label
    at: Moment


class ScanReport(Strict):
    """The body of a carrier's webhook."""

    scans: Annotated[tuple[ReportedScan, ...], Field(min_length=1, max_length=1000)]


class Seen(NamedTuple):
    """A scan as it is kept."""

    kind: ScanKind
    at: datetime
    is_day_only: bool = False


class Followed(NamedTuple):
    """What is known about a parcel on its way."""

    first_scan_at: datetime | None = None
    last: Seen | None = None
    kinds: frozenset[ScanKind] = frozenset()
    """Of all its scans."""


def followed(known: Followed, new: Iterable[Seen]) -> Followed:
    """What is known with these scans; the latest by the carrier's clock counts, in whatever order they come."""
    for scan in new:
        first, last = known.first_scan_at, known.last
        if scan.kind not in UNMOVED:
            first = scan.at if first is None else min(first, scan.at)
        if scan.kind is not ScanKind.OTHER and (last is None or _is_later(scan, last)):
            last = scan
        known = Followed(first, last, known.kinds | {scan.kind})
    return known


def _is_later(scan: Seen, last: Seen) -> bool:
    """Whether a scan is later than another; of two of one day, of which one has no time, the one that is further counts."""
    if (scan.is_day_only or last.is_day_only) and scan.at.date() == last.at.date():
        return _ORDER.index(scan.kind) > _ORDER.index(last.kind)
    return scan.at > last.at


_ORDER = (
    ScanKind.OTHER,
    ScanKind.LABEL,
    ScanKind.IN_TRANSIT,
    ScanKind.OUT_FOR_DELIVERY,
    ScanKind.FAILED,
    ScanKind.RETURNED,
    ScanKind.LOST,
    ScanKind.DELIVERED,
)


def is_ahead(at: datetime, now: datetime) -> bool:
    """Whether a scan cannot have been yet. It would stay the latest for ever, whatever came after it."""
    return at - now > AHEAD_MAX


def facts_of(before: Followed, after: Followed) -> MessageKind | None:
    """What the node of a parcel would report now; None = nothing. A parcel that was delivered does not fail any more."""
    new = after.kinds - before.kinds
    if ScanKind.DELIVERED in after.kinds:
        return MessageKind.DELIVERED if ScanKind.DELIVERED in new else None
    bad = {ScanKind.FAILED, ScanKind.LOST}
    return MessageKind.DELIVERY_FAILED if new & bad and not before.kinds & bad else None


def asked_again_in(parcel: Followed, since: datetime, now: datetime) -> timedelta | None:
    """When the carrier is asked again about a parcel; None = never."""
    if parcel.kinds & OVER or now - since > FOLLOWED_FOR:
        return None
    is_near = parcel.last is not None and parcel.last.kind is ScanKind.OUT_FOR_DELIVERY
    return timedelta(hours=1) if is_near else timedelta(hours=4)

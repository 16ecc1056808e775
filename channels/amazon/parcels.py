"""Numbers our parcels as Amazon wants it, builds the confirmation of each, and finds them among Amazon's packages.

Amazon takes only positive numbers, as a text, for the seller's own id of a package (`packageReferenceId`; a number instead of
the text, or other characters, are refused: amzn/selling-partner-api-models issue 5094, jlevers/selling-partner-api issue 489).
A parcel has the same number whenever it is sent: a repeat says the same again, and does not make a second package.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels.amazon.amazon_order import Package
from channels.amazon.carriers import OTHER, code
from channels.given import on_one_line
from channels.parcels import Parcel

FIRST = 1_000_000_000
STEP = 97
STEPS = 10_000_000
"""Our numbers are `FIRST` and some steps: so it is known which packages are ours, also when nothing else is known."""
CARRIER_MAX = 100
TRACKING_MAX = 100


def numbers(keys: Iterable[str], ids: Mapping[str, str]) -> dict[str, str]:
    """The number of each parcel of an order, by its key; no two have the same. One in `ids` keeps the number from there."""
    keys = list(keys)
    found = {key: ids[key].partition(" ")[0] for key in keys if key in ids}
    for key in keys:
        step = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % STEPS
        while key not in found:
            if (number := str(FIRST + STEP * step)) not in found.values():
                found[key] = number
            step = (step + 1) % STEPS
    return found


def is_ours(reference: str) -> bool:
    """Whether Switchyard has numbered a package so."""
    if not (reference.isascii() and reference.isdigit() and len(reference) <= len(str(FIRST + STEP * STEPS))):
        return False
    steps, rest = divmod(int(reference) - FIRST, STEP)
    return rest == 0 and 0 <= steps < STEPS


def confirmation(
    parcel: Parcel, number: str, marketplace: str, at: datetime, own_codes: Mapping[str, str]
) -> Mapping[str, Any]:
    """The body of confirmShipment (orders v0) for a parcel that left `at`; its carrier and tracking number are known."""
    carrier = on_one_line(parcel.carrier or "", CARRIER_MAX)
    known = code(carrier, own_codes)
    detail = {
        "packageReferenceId": number,
        "carrierCode": known or OTHER,
        "trackingNumber": on_one_line(parcel.tracking or "", TRACKING_MAX),
        "shipDate": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "orderItems": [{"orderItemId": line, "quantity": units} for line, units in sorted(parcel.units.items())],
    }
    return {"marketplaceId": marketplace, "packageDetail": detail | ({} if known else {"carrierName": carrier})}


def kept(body: Mapping[str, Any]) -> str:
    """What is kept of a confirmation: the parcel's number, and a fingerprint of what was said of it beside its day."""
    detail = {name: value for name, value in body["packageDetail"].items() if name != "shipDate"}
    content = hashlib.sha256(json.dumps(detail, sort_keys=True).encode()).hexdigest()
    return f"{detail['packageReferenceId']} {content[:16]}"


@dataclass(slots=True)
class Matched:
    """Which parcel is which package of Amazon's."""

    standing: dict[str, Package] = field(default_factory=dict)
    """By the parcel's key."""
    left_over: list[Package] = field(default_factory=list)
    """Packages that are no parcel of ours."""


def matched(ours: Iterable[Parcel], numbers: Mapping[str, str], packages: Iterable[Package]) -> Matched:
    """Which parcel is which package: that of its number, else one with its tracking number and units; one that has no tracking
    number here, one with its units that a person has confirmed. Parcels may share a tracking number: a package is one parcel.
    """

    def has_its_number(parcel: Parcel, package: Package) -> bool:
        return package.packageReferenceId == numbers[parcel.key]

    made, free, waiting = Matched(), list(packages), list(ours)
    for is_it in (has_its_number, _has_its_content, _is_confirmed_by_a_person):
        for parcel in list(waiting):
            if one := next((one for one in free if is_it(parcel, one)), None):
                made.standing[parcel.key] = one
                free.remove(one)
                waiting.remove(parcel)
    made.left_over = free
    return made


def _has_its_content(parcel: Parcel, package: Package) -> bool:
    has_its_tracking = bool(parcel.tracking) and package.trackingNumber == parcel.tracking
    return has_its_tracking and units_of(package) == dict(parcel.units)


def _is_confirmed_by_a_person(parcel: Parcel, package: Package) -> bool:
    is_one = not can_be_confirmed(parcel) and not is_ours(package.packageReferenceId)
    return is_one and units_of(package) == dict(parcel.units)


def can_be_confirmed(parcel: Parcel) -> bool:
    """Whether a parcel has what Amazon takes none without."""
    return bool(parcel.tracking and (parcel.carrier or "").strip())


def says(package: Package, body: Mapping[str, Any]) -> bool:
    """Whether a package is as a confirmation has it; its carrier is not compared where Amazon shows none."""
    detail = body["packageDetail"]
    units = {item["orderItemId"]: item["quantity"] for item in detail["orderItems"]}
    carrier = detail.get("carrierName") or detail["carrierCode"]
    has_its_carrier = package.carrier.lower() in ("", carrier.lower())
    return package.trackingNumber == detail["trackingNumber"] and units_of(package) == units and has_its_carrier


def units_of(package: Package) -> dict[str, int]:
    """By item, the units in a package."""
    found = Counter[str]()
    for item in package.packageItems:
        found[item.orderItemId] += item.quantity
    return dict(+found)

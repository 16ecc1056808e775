"""Numbers our parcels as Amazon wants it, builds the confirmation of each, and finds them among Amazon's packages.

Amazon takes only positive numbers, as a text, for the seller's own id of a package (`packageReferenceId`; a number instead of
the text, or other characters, are refused: amzn/selling-partner-api-models issue 5094, jlevers/selling-partner-api issue 489).
A parcel has the same number whenever it is sent: a repeat says the same again, and does not make a second package.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
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


def numbers(keys: Iterable[str]) -> dict[str, str]:
    """The number of each parcel of an order, by its key; no two have the same."""
    found, used = dict[str, str](), set[int]()
    for key in keys:
        step = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % STEPS
        while step in used:
            step = (step + 1) % STEPS
        used.add(step)
        found[key] = str(FIRST + STEP * step)
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


def standing(parcel: Parcel, number: str, packages: Sequence[Package]) -> Package | None:
    """The package of Amazon's that a parcel is: that of its number, else one with its tracking number and units."""
    for package in packages:
        if package.packageReferenceId == number:
            return package
    for package in packages:
        if parcel.tracking and package.trackingNumber == parcel.tracking and units_of(package) == dict(parcel.units):
            return package
    return None


def units_of(package: Package) -> dict[str, int]:
    """By item, the units in a package."""
    found = dict[str, int]()
    for item in package.packageItems:
        found[item.orderItemId] = found.get(item.orderItemId, 0) + item.quantity
    return found

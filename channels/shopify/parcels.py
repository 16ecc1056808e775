"""Decides which parcels of ours are which fulfillments of the shop, in units of the shop's lines."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from channels.parcels import REST, Parcel

ACTIVE = ("SUCCESS", "OPEN", "PENDING")


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """What the shop knows of units that left."""

    id: str
    location: str | None
    numbers: Sequence[str]
    units: Mapping[str, int]
    is_delivered: bool


@dataclass(slots=True)
class Matched:
    """Which parcel is which fulfillment."""

    known: dict[str, Fulfillment] = field(default_factory=dict)
    """By the parcel's key."""
    unknown: list[Parcel] = field(default_factory=list)
    """Parcels that the shop does not know."""
    left_over: list[Fulfillment] = field(default_factory=list)
    """Fulfillments that are no parcel of ours."""


def fulfillments(found: Iterable[Mapping[str, Any]]) -> list[Fulfillment]:
    """The fulfillments of an order that were not cancelled, as GraphQL has them."""
    return [_fulfillment(one) for one in found if one["status"] in ACTIVE]


def _fulfillment(one: Mapping[str, Any]) -> Fulfillment:
    units = Counter[str]()
    for line in one["fulfillmentLineItems"]["nodes"]:
        units[line_of(line["lineItem"]["id"])] += line["quantity"] or 0
    numbers = [tracking["number"] for tracking in one["trackingInfo"] if tracking["number"]]
    location = one["location"] and one["location"]["id"]
    return Fulfillment(one["id"], location, numbers, dict(+units), one["displayStatus"] == "DELIVERED")


def line_of(gid: str) -> str:
    """The line's id here: the number of the shop's line item."""
    return gid.rpartition("/")[2]


def matched(ours: Iterable[Parcel], theirs: Iterable[Fulfillment], ids: Mapping[str, str]) -> Matched:
    """Which parcel is which fulfillment: by the names that were kept, else by number and units, else by units alone.

    The names are lost when the sender stops between the shop's answer and keeping it; then the content shows what is done.
    Of a parcel that has grown, what the shop does not know yet is a parcel of its own.
    """
    made, free = Matched(), {one.id: one for one in theirs}
    waiting = [
        left for parcel in ours for left in (_rest_of(parcel, made, free, ids) if _is_rest(parcel) else [parcel])
    ]
    for fits in (_is_kept, _has_its_number, _has_no_number):
        for parcel in list(waiting):
            if one := next((one for one in free.values() if fits(parcel, one, ids) and _same_units(parcel, one)), None):
                made.known[parcel.key] = free.pop(one.id)
                waiting.remove(parcel)
    made.unknown = [left for parcel in waiting for left in _rest_of(parcel, made, free, ids)]
    made.left_over = list(free.values())
    return made


def _is_rest(parcel: Parcel) -> bool:
    """Whether it is what left without a package."""
    return parcel.key.endswith(f"/{REST}")


def _rest_of(parcel: Parcel, made: Matched, free: dict[str, Fulfillment], ids: Mapping[str, str]) -> Iterable[Parcel]:
    """The part of a parcel that the shop does not know yet."""
    own = {id for name, id in ids.items() if name == parcel.key or name.startswith(f"{parcel.key}.")}
    left, parts = Counter(parcel.units), 0
    for one in list(free.values()):
        is_part = one.id in own or (one.id not in ids.values() and _may_be_part(parcel, one))
        if is_part and all(quantity <= left[line] for line, quantity in one.units.items()):
            parts += 1
            made.known[_part(parcel, parts)] = free.pop(one.id)
            left.subtract(one.units)
    return [replace(parcel, key=_part(parcel, parts + 1), units=dict(+left))] if +left else []


def _may_be_part(parcel: Parcel, one: Fulfillment) -> bool:
    return not one.numbers if _is_rest(parcel) else _has_its_number(parcel, one, {})


def _part(parcel: Parcel, number: int) -> str:
    """The key of a part of a parcel; the first part of a package is the package."""
    return parcel.key if number == 1 and not _is_rest(parcel) else f"{parcel.key}.{number}"


def _is_kept(parcel: Parcel, one: Fulfillment, ids: Mapping[str, str]) -> bool:
    return ids.get(parcel.key) == one.id


def _has_its_number(parcel: Parcel, one: Fulfillment, _: Mapping[str, str]) -> bool:
    return parcel.tracking is not None and [parcel.tracking] == list(one.numbers)


def _has_no_number(parcel: Parcel, one: Fulfillment, ids: Mapping[str, str]) -> bool:
    return one.id not in ids.values() and not one.numbers


def _same_units(parcel: Parcel, one: Fulfillment) -> bool:
    return dict(parcel.units) == dict(one.units)

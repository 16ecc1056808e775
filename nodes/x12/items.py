"""Reads what 945, 944, 947 and 846 have in common: which item a segment means, how many units of it, and when."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple, Protocol

from pydantic import ValidationError

from domain.stock import LINE_UNITS_MAX
from formats.sscc import gtin_14
from formats.x12.elements import ElementError, day, decimal, pairs
from formats.x12.parts import Segment, Set
from formats.x12.write import clean
from nodes.x12.profile import SINGLES, WarehouseProfile

MEASURED = frozenset({"LB", "KG", "GR", "OZ", "FT", "MR", "LT", "GA"})
"""Units of measure that weigh or measure goods, and do not count them."""


class Misfit(Exception):
    """What a warehouse sent cannot be understood; the text says why, in words without personal data."""


class Received(NamedTuple):
    """A set as it came: by `key` its repeats are known, and `at` is the instant of its interchange."""

    set: Set
    key: str
    at: datetime


class Items(Protocol):
    """The items of the active network."""

    def sku(self, kind: str, value: str) -> str | None:
        """The SKU that a warehouse means by a SKU or a GTIN (`kind`); None = there is no such item."""


class Named(NamedTuple):
    """What a segment calls an item: its ids by kind (`sku`, `gtin`), those that the profile names first."""

    ids: Sequence[tuple[str, str]]
    called: str
    """The first of them as it is written, for people; empty = the segment names no item."""


def first_fault(error: ValidationError) -> str:
    """What is wrong with a message that was made of a set, with the field but not with what stands in it."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"


def the(one: Set, name: str) -> Segment:
    """The first segment of a name. Raises `Misfit` when there is none."""
    found = next((segment for segment in one.segments if segment.name == name), None)
    if found is None:
        raise Misfit(f"segment {name} is missing")
    return found


def named(segment: Segment, at: int, profile: WarehouseProfile) -> Named:
    """The item of a segment whose first product id qualifier is its element `at`; the U.P.C. case code stands before it."""
    found = [
        (profile.item_ids[qualifier], value.strip(), f"{qualifier} {value.strip()}")
        for qualifier, value in pairs(segment.elements[at - 1 :])
        if qualifier in profile.item_ids
    ]
    kinds = list(dict.fromkeys(profile.item_ids.values()))
    found.sort(key=lambda one: kinds.index(one[0]))
    if code := segment[at - 1].strip():
        found.append(("gtin", code, f"UPC {code}"))
    return Named([(kind, value) for kind, value, _ in found], found[0][2] if found else "")


def same(kind: str, ours: str | None, theirs: str) -> bool:
    """Whether an id of ours is meant. SKUs are compared as X12 can spell them, in any case; GTINs at 14 digits."""
    if not ours:
        return False
    if kind == "gtin":
        return gtin(ours) == gtin(theirs)
    return spelled(ours) == spelled(theirs)


def spelled(text: str) -> str:
    """A SKU as X12 can spell it, in one case."""
    return clean(text).strip().casefold()


def gtin(code: str) -> str:
    """A barcode at 14 digits; one that is no GTIN as it is."""
    try:
        return gtin_14(code)
    except ValueError:
        return code


def line_name(called: str) -> str:
    """A name for a line that an item of nobody is on, with only what an id can hold."""
    return re.sub(r"[^A-Za-z0-9._:/-]+", ":", called)[:64] or "nameless"


def units(quantity: str, unit: str, where: str, profile: WarehouseProfile) -> int:
    """How many of our units a quantity is, with its sign. Raises `Misfit`, which names the element."""
    if not quantity.strip():
        raise Misfit(f"{where} is empty: it says no quantity")
    try:
        value = decimal(quantity, where) * _each(unit.strip().upper(), where, profile)
    except ElementError as error:
        raise Misfit(str(error)) from error
    if value != value.to_integral_value():
        raise Misfit(f"{where} is {quantity} {unit}: that is no whole number of units")
    if abs(value) > LINE_UNITS_MAX:
        raise Misfit(f"{where} is {quantity} {unit}: more than {LINE_UNITS_MAX} units")
    return int(value)


def _each(unit: str, where: str, profile: WarehouseProfile) -> int:
    if unit in profile.units:
        return profile.units[unit]
    if unit in SINGLES:
        return 1
    if unit in MEASURED:
        raise Misfit(f"{where} is in {unit}, which measures goods and does not count them")
    raise Misfit(f"{where} is in {unit}: nothing says how many units one is; name it in [units] of the partner's file")


def moment(written: str, where: str, received: Received, profile: WarehouseProfile, clock: str = "") -> datetime:
    """The instant of a date and time in the warehouse's zone. Without a time it is that of the interchange, if that was made on
    this day, and else noon."""
    try:
        on = day(written.strip(), where)
    except ElementError as error:
        raise Misfit(str(error)) from error
    if at := _time(clock):
        return datetime.combine(on, at, profile.zone).astimezone(UTC)
    if on == received.at.astimezone(profile.zone).date():
        return received.at
    return datetime.combine(on, time(12), profile.zone).astimezone(UTC)


def _time(clock: str) -> time | None:
    """HHMM with or without seconds; None when it is no time."""
    digits = clock.strip()[:6].ljust(6, "0")
    if not clock.strip() or not (digits.isascii() and digits.isdigit()):
        return None
    hour, minute, second = (int(digits[at : at + 2]) for at in (0, 2, 4))
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def interchanged_at(written_date: str, written_time: str, profile: WarehouseProfile) -> datetime:
    """The instant of ISA09 and ISA10 in the warehouse's zone. Raises `Misfit`."""
    try:
        on = day(written_date.strip(), "ISA09")
    except ElementError as error:
        raise Misfit(str(error)) from error
    return datetime.combine(on, _time(written_time) or time(12), profile.zone).astimezone(UTC)

"""Decides which parcels of an order a channel is to know, in units of the channel's lines."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.new_lines import stem_of

UNITS_OF_ONE = "units_of_one"
"""The attribute of a line that says how many of our units one of the channel's is; absent = 1."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units that left a node."""

    key: str
    """Under which the channel's name of it is kept: the fulfillment order and the package."""
    fulfillment_order: str
    node: str
    carrier: str | None
    tracking: str | None
    units: Mapping[str, int]
    """By line, in the channel's units; never empty."""
    left_at: datetime | None = None
    """None = nobody knows when."""


def line_there(name: str) -> str:
    """The channel's line that a line of ours is, or whose units it took the place of: more units that the channel added after
    the release, or another item that was sent instead."""
    while (stem := stem_of(name)) is not None:
        name = stem
    return name


def there(units: Mapping[str, int]) -> Counter[str]:
    """Units of our lines by the line of the channel."""
    found = Counter[str]()
    for line, quantity in units.items():
        found[line_there(line)] += quantity
    return found


def parcels(order: Mapping[str, Any], left_at: Mapping[str, datetime] | None = None) -> list[Parcel]:
    """The parcels of an order's document in the order in which they left; `left_at` is by the parcel's key.

    A case of twelve at the channel counts when its last unit has left.
    """
    ratio = {line["line"]: int(line["attributes"].get(UNITS_OF_ONE, 1)) for line in order["lines"]}
    ours, counted = Counter[str](), Counter[str]()
    made = list[Parcel]()
    for key, fo, package, units in _in_sequence(order, left_at or {}):
        whole = dict[str, int]()
        for line, quantity in there(units).items():
            ours[line] += quantity
            whole[line] = ours[line] // ratio.get(line, 1) - counted[line]
            counted[line] += whole[line]
        if whole := {line: quantity for line, quantity in whole.items() if quantity > 0}:
            of = package["carrier"], package["tracking"]
            at = (left_at or {}).get(key)
            made.append(Parcel(key, fo["fulfillment_order"], fo["node"], *of, whole, at))
    return made


_Left = tuple[str, Mapping[str, Any], Mapping[str, Any], Mapping[str, int]]
"""A parcel's key, its fulfillment order, its package, and its units by line of ours."""


def _in_sequence(order: Mapping[str, Any], left_at: Mapping[str, datetime]) -> list[_Left]:
    """What left first comes first: a parcel that leaves later changes nothing of an earlier one."""
    found = [
        (f"{fo['fulfillment_order']}/{package['package']}", fo, package, units)
        for fo in order["fulfillment_orders"]
        for package, units in _packages(fo)
    ]
    return sorted(found, key=lambda one: left_at.get(one[0], datetime.max.replace(tzinfo=UTC)))


def _packages(fo: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, int]]]:
    """The packages of a fulfillment order with their units. What left and stands in no package is in the first one that does
    not say what is in it, or in a package of its own."""
    shipped = Counter({line["line"]: line["shipped"] for line in fo["lines"]})
    listed = [(package, _units(package["lines"])) for package in fo["packages"]]
    for _, units in listed:
        shipped.subtract(units)
    rest = dict(+shipped)
    found = list[tuple[Mapping[str, Any], Mapping[str, int]]]()
    for package, units in listed:
        found.append((package, units or rest))
        rest = rest if units else {}
    return [*found, ({"package": REST, "carrier": None, "tracking": None}, rest)] if rest else found


REST = "rest"
"""The name of what left without a package."""


def _units(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    units = Counter[str]()
    for line in lines:
        units[line["line"]] += line["quantity"]
    return units

"""What a buyer was sent of each package by a shipment notice, kept with the order: a correction begins from it.

The value of a package is JSON. Its name is part of the key only, where it is hidden when the order is forgotten. A value that
is the bare id of an event is of an order that was shipped before contents were kept.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.channel import Notice, loose_package

PACKED = "package"
TAKEN_BACK = ""
"""The value of a package that did not leave after all."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A package as the buyer knows it."""

    shipment: str
    """BSN02 of the notice that has it now."""
    invoice: str
    """BIG02 of the invoice for it."""
    units: Mapping[str, int] | None = field(default=None)
    """Our units by line; None = they were not kept."""
    sscc: str | None = None
    """Its number, where it is one of ours for goods in no package."""

    def kept(self) -> str:
        """The value that is kept."""
        found = {"in": self.shipment, "invoice": self.invoice, "units": self.units, "sscc": self.sscc}
        return json.dumps({name: value for name, value in found.items() if value is not None})


def name_of(fulfillment_order: str, package: str) -> str:
    """Under which name it is kept."""
    return f"{PACKED} {fulfillment_order}/{package}"


def packed(ids: Mapping[str, str], fulfillment_order: str) -> dict[str, Packed]:
    """By package, what the buyer knows of a fulfillment order; what was taken back is absent."""
    begin = name_of(fulfillment_order, "")
    kept = {name.removeprefix(begin): value for name, value in ids.items() if name.startswith(begin)}
    return {package: _read(value) for package, value in kept.items() if value != TAKEN_BACK}


def _read(value: str) -> Packed:
    if not value.startswith("{"):
        return Packed(value, value)
    found = json.loads(value)
    return Packed(found["in"], found["invoice"], found.get("units"), found.get("sscc"))


def is_loose(package: str) -> bool:
    """Whether it is of goods that left in no package that their node named."""
    return package.startswith(loose_package(""))


def new_packages(notice: Notice) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The packages of a shipment that no notice had before, with no more units in them than have left by it; units without a
    package are in one of their own."""
    left = Counter({line["line"]: line["quantity"] for line in notice.data["lines"]})
    work = notice.data["fulfillment_order"]
    new = [one for one in notice.data["packages"] if name_of(work, one["package"]) not in notice.ids]
    for package in sorted(new, key=lambda one: not one["lines"]):
        named = units_of(package["lines"]) if package["lines"] else left
        units = {line: taken for line, quantity in named.items() if (taken := min(quantity, left[line])) > 0}
        left.subtract(units)
        if units:
            yield package["package"], units
    if rest := dict(+left):
        yield loose_package(notice.event), rest


def units_of(lines: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Units by line."""
    units = Counter[str]()
    for line in lines:
        units[line["line"]] += line["quantity"]
    return units

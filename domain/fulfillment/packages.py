"""Decides which parcel a message means: many nodes number the parcels of each message from 1.

A parcel keeps its name unless another parcel of its fulfillment order has it: then it gets `#2`, `#3` and so on behind it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count

from domain.fulfillment.messages import MessageKind, NodeMessage, Package, Quantity
from domain.fulfillment.work import FulfillmentOrderLine


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A parcel of a fulfillment order as it is stored."""

    package: str
    carrier: str | None = None
    tracking: str | None = None
    lines: tuple[Quantity, ...] = ()
    has_shipped: bool = False
    """Whether it was reported as shipped, and not only as packed or delivered."""
    is_voided: bool = False
    """Whether it did not leave after all: its name stays taken, and no later message is about it."""
    shipped_at: datetime | None = None
    """When it was reported to have left."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The parcels that a message names, each as it is stored after the message; and where its parcels and its lines differ."""

    packages: tuple[StoredPackage, ...]
    mismatches: tuple[str, ...] = ()


_SHIPS = (MessageKind.SHIPPED, MessageKind.COLLECTED)


def place(message: NodeMessage, known: Iterable[StoredPackage], *, brings_units: bool) -> Placed:
    """Find the stored parcel that each parcel of a message is, or give it a name of its own.

    `brings_units` says whether the message reports units as shipped. A parcel that brings units is another one than those of
    its name that have shipped, unless it has the tracking number of one of them. A parcel that brings none corrects the one of
    its name, but only a message about a shipment replaces a tracking number. A message names each parcel once.
    """
    stored = {package.package: package for package in known}
    named: dict[str, StoredPackage] = {}
    repeated: list[Package] = []
    for parcel in message.packages:
        ships = brings_units and _has_its_share(message, parcel)
        same = _meant(parcel, message.kind, stored, named, ships=ships)
        if same and same.package not in named and parcel.lines == same.lines:
            repeated.append(parcel)
        adds = same is not None and (same.package in named or (ships and message.lines is None and same.has_shipped))
        after = _after(parcel, same or StoredPackage(_name(parcel.package, stored)), adds, message.kind in _SHIPS)
        stored[after.package] = named[after.package] = after
    return Placed(tuple(named.values()), _differences(message, repeated))


def _has_its_share(message: NodeMessage, parcel: Package) -> bool:
    """Whether a parcel brings some of the units: when only some parcels say what they hold, the others bring none."""
    return message.lines is not None or bool(parcel.lines) or not any(package.lines for package in message.packages)


def _meant(
    parcel: Package,
    kind: MessageKind,
    stored: Mapping[str, StoredPackage],
    named: Collection[str],
    *,
    ships: bool,
) -> StoredPackage | None:
    """The stored parcel that a parcel is; None = it is another one."""
    base = _base(parcel.package)
    of_its_name = [one for name, one in stored.items() if _base(name) == base and not one.is_voided]
    for package in of_its_name:
        if parcel.tracking is not None and package.tracking == parcel.tracking:
            return package
    free = [package for package in of_its_name if package.package not in named]
    if ships:
        return next((one for one in free if not one.has_shipped and not _differs(parcel, one)), None)
    same = next((package for package in free if package.package == parcel.package), None)
    if same is None or kind in _SHIPS:
        return same
    packs_again = kind is not MessageKind.DELIVERED and same.has_shipped and parcel.lines not in ((), same.lines)
    return None if packs_again or _differs(parcel, same) else same


def _differs(parcel: Package, package: StoredPackage) -> bool:
    """Whether both have a tracking number, and not the same one."""
    return None not in (parcel.tracking, package.tracking) and parcel.tracking != package.tracking


def _base(name: str) -> str:
    return name.partition("#")[0]


def _name(wanted: str, taken: Collection[str]) -> str:
    if wanted not in taken:
        return wanted
    return next(name for number in count(2) if (name := f"{_base(wanted)}#{number}") not in taken)


def _after(parcel: Package, before: StoredPackage, adds: bool, has_left: bool) -> StoredPackage:
    """A stored parcel after a message about it: a field that the message does not have stays."""
    lines = parcel.lines or before.lines
    if adds:
        lines = tuple(Quantity(line=line, quantity=n) for line, n in _sum((*before.lines, *parcel.lines)).items())
    return replace(
        before,
        carrier=before.carrier if parcel.carrier is None else parcel.carrier,
        tracking=before.tracking if parcel.tracking is None else parcel.tracking,
        lines=lines,
        has_shipped=before.has_shipped or has_left,
    )


def contents(
    package: StoredPackage, known: Iterable[StoredPackage], lines: Mapping[str, FulfillmentOrderLine]
) -> dict[str, int] | None:
    """What a parcel that left holds, by line. The one that does not say holds what shipped in no other; None = several do not
    say."""
    if package.lines:
        return dict(_sum(package.lines))
    others = [one for one in known if one.has_shipped and not one.is_voided and one.package != package.package]
    if not all(one.lines for one in others):
        return None
    packed = _sum(quantity for one in others for quantity in one.lines)
    left = {line: fo_line.shipped - fo_line.voided - packed[line] for line, fo_line in lines.items()}
    return {line: quantity for line, quantity in left.items() if quantity > 0}


def _sum(quantities: Iterable[Quantity]) -> Counter[str]:
    found: Counter[str] = Counter()
    for quantity in quantities:
        found[quantity.line] += quantity.quantity
    return found


def _differences(message: NodeMessage, repeated: Collection[Package]) -> tuple[str, ...]:
    """Where the lines of a message and what its parcels hold differ; parcels that are only named again do not count."""
    new = [parcel for parcel in message.packages if parcel not in repeated]
    packed = _sum(quantity for parcel in new for quantity in parcel.lines)
    if not message.lines or not packed:
        return ()
    reported = _sum(message.lines)
    is_whole = all(parcel.lines for parcel in new)
    return tuple(
        f"line {line}: {packed[line]} in packages, {reported[line]} in lines"
        for line in sorted(reported | packed)
        if packed[line] > reported[line] or (is_whole and packed[line] < reported[line])
    )

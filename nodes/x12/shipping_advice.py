"""Reads a warehouse shipping advice (X12 945): what a warehouse has shipped of a 940, in which cartons, and what it has not.

It becomes messages of the node. Units beyond the order, and items that are not in it, go on into them as they are: what does
not fit a fulfillment order is decided where messages are applied.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from domain.fulfillment import MessageKind, NodeMessage, Package, Quantity
from formats.x12.elements import pairs
from formats.x12.parts import Segment
from nodes.x12.items import Items, Misfit, Named, Received, first_fault, line_name, moment, named, same, the, units
from nodes.x12.profile import WarehouseProfile
from nodes.x12.shipping_order import REFERENCE_MAX, Row, rows

SSCC = "GM"
LOOSE = "loose"
"""The name of the parcel of units that are in none of the cartons which a 945 names."""
TRACKING = ("CP", "CN", "2I")
"""MAN01 (data element 88) and N901 (128) of a carrier's tracking number."""


def number(received: Received) -> str:
    """W0602, the order number that the 945 answers. Raises `Misfit`."""
    found = the(received.set, "W06")[2].strip()
    if not found:
        raise Misfit("W0602, our order number, is empty")
    return found


def read(received: Received, document: Mapping[str, Any], profile: WarehouseProfile) -> list[NodeMessage]:
    """The messages of a 945 about a fulfillment order, as its node sees it now. Raises `Misfit`."""
    try:
        return _Advice(received, document, profile).messages()
    except ValidationError as error:
        raise Misfit(first_fault(error)) from error


def summary(received: Received, items: Items, profile: WarehouseProfile) -> list[str]:
    """What a 945 says, for people, without the order that it answers. Raises `Misfit`."""
    found = [f"ships order {number(received)}"]
    for loop in _loops(received.set.segments):
        for w12, _ in _details(loop):
            item, shipped = _detail(w12, profile)
            known = next((sku for kind, value in item.ids if (sku := items.sku(kind, value))), None)
            found.append(f"{shipped} of {known}" if known else f"{shipped} of {item.called}, which nobody knows")
    return found


def _detail(w12: Segment, profile: WarehouseProfile) -> tuple[Named, int]:
    """What a W12 names, and how many of our units were shipped."""
    item = named(w12, profile.item_id_at, profile)
    if not item.ids:
        at = profile.item_id_at
        raise Misfit(f"a W12 names no item: the first product id qualifier is looked for in its element {at}")
    shipped = units(w12[3], w12[5], f"W1203 of {item.called}", profile)
    if shipped < 0:
        raise Misfit(f"W1203 of {item.called} is {w12[3]}: units that were shipped are not below 0")
    return item, shipped


@dataclass(slots=True)
class _Carton:
    """An LX loop: what stands on the cartons, and the units in them by line."""

    codes: list[str] = field(default_factory=list)
    trackings: list[str] = field(default_factory=list)
    units: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Advice:
    received: Received
    document: Mapping[str, Any]
    profile: WarehouseProfile

    def messages(self) -> list[NodeMessage]:
        loops = _loops(self.received.set.segments)
        cartons = self._cartons(loops)
        shipped = sum((carton.units for carton in cartons), Counter[str]())
        may_give_back = any(self._asked_back(line) for line in self.document["lines"])
        if not may_give_back and not any(segment.name == "W12" for loop in loops for segment in loop):
            raise Misfit("it has no W12: it does not say what was shipped")
        is_last = self._is_last(shipped)
        back = self._given_back(shipped) if is_last else {}
        found = [self._cancelled(back)] if back else []
        if shipped or (is_last and not self._is_all(back)):
            found.append(self._shipped(shipped, cartons, is_last))
        return found

    def _is_last(self, shipped: Counter[str]) -> bool:
        """Whether the 945 ends its order."""
        if not self.profile.several_shipments:
            return True
        is_whole = all(_held(line) <= shipped[line["line"]] for line in self.document["lines"])
        return is_whole or the(self.received.set, "W06")[1].strip() in self.profile.last_shipment

    def _given_back(self, shipped: Counter[str]) -> dict[str, int]:
        """By line, the units that the warehouse was asked to cancel and has not shipped."""
        back: dict[str, int] = {}
        for line in self.document["lines"]:
            if left := max(0, min(self._asked_back(line), _held(line) - shipped[line["line"]])):
                back[line["line"]] = left
        return back

    def _asked_back(self, line: Mapping[str, Any]) -> int:
        """Units that the warehouse was asked to stop: now, or before the attempt or a part of it was given up."""
        return int(line["cancel_requested"] if self.document["request"] == "cancel_requested" else line["in_doubt"])

    def _is_all(self, back: Mapping[str, int]) -> bool:
        return all(_held(line) <= back.get(line["line"], 0) for line in self.document["lines"])

    def _cancelled(self, back: Mapping[str, int]) -> NodeMessage:
        return NodeMessage(
            message_id=f"{self.received.key}-cancelled",
            kind=MessageKind.CANCEL_ACCEPTED,
            occurred_at=self._at(),
            lines=_quantities(back),
        )

    def _shipped(self, shipped: Counter[str], cartons: Sequence[_Carton], is_last: bool) -> NodeMessage:
        return NodeMessage(
            message_id=f"{self.received.key}-shipped",
            kind=MessageKind.SHIPPED,
            occurred_at=self._at(),
            lines=_quantities(shipped),
            packages=tuple(self._packages(cartons)),
            final=is_last,
        )

    def _at(self) -> datetime:
        w06 = the(self.received.set, "W06")
        shipped_on = [segment for segment in self.received.set.segments if segment.name == "G62" and segment[1] == "11"]
        if shipped_on and shipped_on[0][2]:
            return moment(shipped_on[0][2], "G6202", self.received, self.profile, shipped_on[0][4])
        return moment(w06[3], "W0603", self.received, self.profile) if w06[3] else self.received.at

    def _cartons(self, loops: Sequence[Sequence[Segment]]) -> list[_Carton]:
        """The cartons in which something is. Units of one SKU go to its lines in their sequence, each as far as it is due."""
        assigned = _Assigned(self.document)
        found: list[_Carton] = []
        for loop in loops:
            carton = _Carton()
            for segment in loop:
                if segment.name == "MAN":
                    _add_marks(carton, segment)
                elif segment.name == "N9" and segment[1] in TRACKING and not carton.units:
                    carton.trackings.append(segment[2].strip())
            for w12, behind in _details(loop):
                item, shipped = _detail(w12, self.profile)
                assigned.add(carton, item, _meant(item, assigned.rows, behind), shipped)
            found.append(carton)
        assigned.finish()
        return [replace(carton, units=+carton.units) for carton in found if +carton.units]

    def _packages(self, cartons: Sequence[_Carton]) -> Iterator[Package]:
        """The parcels, each once: by the codes on them, else by tracking numbers; else one, if the whole 945 has a tracking
        number. Units of no carton are in a parcel of their own."""
        carrier, of_all = _carrier(self.received.set.segments), _trackings(self.received.set.segments)
        is_marked = any(carton.codes or carton.trackings for carton in cartons)
        if not is_marked and not of_all:
            return
        parcels: dict[str, tuple[str | None, Counter[str]]] = {}
        for carton in cartons:
            names = carton.codes or carton.trackings or ([LOOSE] if is_marked else of_all[:1])
            trackings = carton.trackings or of_all
            for index, name in enumerate(names):
                tracking = trackings[min(index, len(trackings) - 1)] if trackings else None
                _, held = parcels.setdefault(name, (tracking, Counter[str]()))
                if len(names) == 1:
                    held.update(carton.units)
        for name, (tracking, held) in parcels.items():
            yield _package(name, carrier, tracking, held)


def _held(line: Mapping[str, Any]) -> int:
    """Units of a line that the node should still have: those that are due, and those in doubt, which count as short."""
    return int(line["quantity"] - line["shipped"] - line["short"] + line["in_doubt"])


def _loops(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The LX loops, up to W03; a W12 before the first LX begins one too."""
    loops: list[list[Segment]] = []
    for segment in segments:
        if segment.name == "W03":
            break
        if segment.name == "LX" or (segment.name == "W12" and not loops):
            loops.append([])
        if loops:
            loops[-1].append(segment)
    return loops


def _details(loop: Sequence[Segment]) -> Iterator[tuple[Segment, list[Segment]]]:
    """Each W12 with the segments that belong to it."""
    w12: Segment | None = None
    behind: list[Segment] = []
    for segment in loop:
        if segment.name == "W12":
            if w12 is not None:
                yield w12, behind
            w12, behind = segment, []
        else:
            behind.append(segment)
    if w12 is not None:
        yield w12, behind


def _add_marks(carton: _Carton, segment: Segment) -> None:
    """The marks of a MAN: an SSCC of a carton, of 20 digits with its identifier 00 or of 18; or a tracking number."""
    for qualifier, value in ((segment[1], segment[2].strip()), (segment[4], segment[5].strip())):
        if qualifier == SSCC and value:
            carton.codes.append(value[2:] if len(value) == 20 and value.startswith("00") else value)
        elif qualifier in TRACKING and value:
            carton.trackings.append(value)


def _meant(item: Named, asked: Sequence[Row], behind: Sequence[Segment]) -> list[Row]:
    """The rows that a W12 is about: those with its item, or the one of them whose line an N9*LI behind it names."""
    found: list[Row] = []
    for kind, value in item.ids:
        found = [row for row in asked if same(kind, row.sku if kind == "sku" else row.barcode, value)]
        if found:
            break
    lines = {segment[2].strip() for segment in behind if segment.name == "N9" and segment[1] == "LI"}
    return [row for row in found if row.line[:REFERENCE_MAX] in lines] or found


class _Assigned:
    """Gives shipped units to the lines of a fulfillment order."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.rows = rows(document)
        due = {line["line"]: _held(line) for line in document["lines"]}
        self._left = {(row.line, row.sku): due[row.line] * row.each for row in self.rows}
        self._bundles = {row.line: [other for other in self.rows if other.line == row.line] for row in self.rows}
        self._parts: dict[str, list[tuple[_Carton, str, int]]] = {}

    def add(self, carton: _Carton, item: Named, meant: Sequence[Row], shipped: int) -> None:
        """Units of one W12. More than is due goes to the last of its lines; what nobody asked for, to a line of its name."""
        if not meant:
            carton.units[line_name(item.called)] += shipped
        for row in meant:
            key = (row.line, row.sku)
            taken = shipped if row is meant[-1] else min(shipped, max(0, self._left[key]))
            self._left[key] -= taken
            shipped -= taken
            if len(self._bundles[row.line]) == 1 and row.each == 1:
                carton.units[row.line] += taken
            elif taken:
                self._parts.setdefault(row.line, []).append((carton, row.sku, taken))

    def finish(self) -> None:
        """Make bundles of their components; all of them are in the carton in which the first component is. Raises `Misfit`."""
        for line, parts in self._parts.items():
            sums: Counter[str] = Counter()
            for _, sku, quantity in parts:
                sums[sku] += quantity
            whole = {divmod(sums[row.sku], row.each) for row in self._bundles[line]}
            if len(whole) != 1 or (pair := whole.pop())[1]:
                counted = ", ".join(f"{sums[row.sku]} {row.sku}" for row in self._bundles[line])
                raise Misfit(f"line {line} is a bundle, and what was shipped of it makes no whole ones: {counted}")
            parts[0][0].units[line] += pair[0]


def _quantities(shipped: Mapping[str, int]) -> tuple[Quantity, ...]:
    return tuple(Quantity(line=line, quantity=quantity) for line, quantity in shipped.items() if quantity)


def _package(name: str, carrier: str | None, tracking: str | None, contents: Mapping[str, int]) -> Package:
    return Package(package=line_name(name), carrier=carrier, tracking=tracking, lines=_quantities(contents))


def _carrier(segments: Sequence[Segment]) -> str | None:
    """W2702, the carrier's SCAC, else the routing in words."""
    found = next((segment for segment in segments if segment.name == "W27"), None)
    return (found[2].strip() or found[3].strip() or None) if found else None


def _trackings(segments: Sequence[Segment]) -> list[str]:
    """Tracking numbers of the whole shipment: N9 before the first loop."""
    found: list[str] = []
    for segment in segments:
        if segment.name in ("LX", "W12"):
            break
        if segment.name == "N9":
            found += [value.strip() for kind, value in pairs(segment.elements[:2]) if kind in TRACKING]
    return found

"""Reads a purchase order change (X12 860): what of an 850 it changes, so that both together are the order as it is wanted.

An 860 names only what changes. Lines may be added, deleted and given other quantities; the ship-to and the routing may change.
Prices and dates of an order that was placed are not followed: who reads it is shown them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from channels.channel import DIVIDED, Misfit
from channels.x12.purchase_order import CANCEL, LINE
from formats.x12.elements import divided, loop_of, pairs
from formats.x12.parts import Segment, Set

CHANGE = "POC"
ADDED, DELETED, UNCHANGED = "AI", "DI", "NC"
CHANGED = frozenset({"CA", "CT", "PC", "PQ", "PR", "QD", "QI", "RA", "RQ", "RZ", "RS"})
"""Codes of POC02 (data element 670) after which POC03, where it is there, is the quantity that is wanted now."""
OF_QUANTITIES = frozenset({"PQ", "QD", "QI", "RQ"})
"""Those that change a quantity: POC03 must be there."""
OF_NO_PLACED_ORDER = frozenset({"CT", "RA"})
"""Those that change dates, or how it is shipped."""
FOLLOWED_OF_A_LINE = frozenset({"SDQ", "PID", "MSG", "NTE"})
"""Segments of a changed line that are followed, or only describe."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A set, and the instant of its interchange."""

    at: datetime
    one: Set


@dataclass(slots=True)
class Amended:
    """An order as several documents of it leave it."""

    one: Set | None = None
    """The 850 with all changes; None = it was cancelled as a whole."""
    not_followed: list[str] = field(default_factory=list)
    """What the last change changes beside, for a person."""


def amended(documents: Sequence[Dated], store: str | None = None) -> Amended:
    """What 850s and 860s of one order say together, whatever the sequence in which they came. An 850 that comes again as it was
    takes back no change, and an 860 that comes again next is no other change. With a `store`, the changes are of the part that
    SDQ gives it.

    Raises `Misfit` when there is no 850, or a change does not fit it.
    """
    original, found, before = None, Amended(), None
    for document in sorted(documents, key=lambda one: one.at):
        is_repeat, before = document.one.segments == before, document.one.segments
        if is_repeat:
            continue
        if document.one.code == "850":
            if original is None or document.one.segments != original.segments:
                original, found = document.one, Amended(document.one)
        elif original is None:
            raise Misfit("the 850 of the order that it changes is not here")
        else:
            found = _changed(found, document.one, store)
    return found


def named_store(change: Set) -> str | None:
    """The code of the ship-to, or else of the buying party, in the header: the store, where the order was divided."""
    header, _ = divided(change.segments, CHANGE)
    loops = (loop_of(header, entity) for entity in ("ST", "BY"))
    return next((loop[0][4] for loop in loops if loop and loop[0][4]), None)


def purchase_order_of(change: Set) -> str:
    """BCH03: the number of the purchase order. Raises `Misfit`."""
    number = next((segment[3] for segment in change.segments if segment.name == "BCH"), "")
    if not number:
        raise Misfit("BCH03, the number of the purchase order, is empty")
    return number


def line_called(name: str, lines: Collection[str]) -> str:
    """The one of these lines that is called so, with or without zeros before its number; the name itself where none is, or
    several are."""
    name = name.strip()
    same = [line for line in lines if line.lstrip("0") == name.lstrip("0")]
    return same[0] if name not in lines and len(same) == 1 else name


def _changed(found: Amended, change: Set, store: str | None) -> Amended:
    bch = next(segment for segment in change.segments if segment.name == "BCH")
    if bch[1] == CANCEL:
        return Amended()
    if bch[1] not in ("04", "05"):
        raise Misfit(f"BCH01 {bch[1]!r} is no purpose that is understood: 01 and 04 are")
    if found.one is None:
        raise Misfit("it changes an order that was cancelled as a whole")
    if store is None and any(segment.name == "SDQ" for segment in (*found.one.segments, *change.segments)):
        raise Misfit(DIVIDED)
    segments, notes = list(found.one.segments), list[str]()
    header, lines = divided(change.segments, CHANGE)
    header = [segment for segment in header if segment.name != "BCH"]
    _change_header(segments, header if store is None else _without_store(header, store, notes), notes)
    for line in lines:
        _change_line(segments, line, notes, store)
    return Amended(Set(found.one.code, found.one.control, tuple(segments)), notes)


def _change_header(segments: list[Segment], header: Sequence[Segment], notes: list[str]) -> None:
    """Put a ship-to and a routing in place of the earlier ones, and note everything else that is another."""
    for entity in dict.fromkeys(segment[1] for segment in header if segment.name == "N1"):
        _replace(segments, loop_of(_header_of(segments), entity), loop_of(header, entity))
    routing = [segment for segment in header if segment.name == "TD5"]
    if routing:
        _replace(segments, [segment for segment in _header_of(segments) if segment.name == "TD5"], routing)
    of_places = ("N1", "N2", "N3", "N4", "PER", "TD5")
    others = [segment for segment in header if segment.name not in of_places and segment not in segments]
    notes += [f"{segment.name}*{segment[1]}" for segment in others]


def _header_of(segments: Sequence[Segment]) -> list[Segment]:
    first = next((index for index, segment in enumerate(segments) if segment.name == LINE), len(segments))
    return list(segments[:first])


def _replace(segments: list[Segment], old: Sequence[Segment], new: Sequence[Segment]) -> None:
    """Put segments in place of others, or at the end of the header where there are none."""
    at = segments.index(old[0]) if old else len(_header_of(segments))
    segments[at : at + len(old)] = new


def _change_line(segments: list[Segment], line: Sequence[Segment], notes: list[str], store: str | None) -> None:
    change, code = line[0], line[0][2].strip().upper()
    if code == UNCHANGED:
        return
    if code == ADDED:
        _add_line(segments, line if store is None else _only_of(store, line))
        return
    if code not in CHANGED | {DELETED}:
        raise Misfit(f"POC02 {change[2]!r} of line {change[1]} is no change that is understood")
    if code in OF_QUANTITIES and not change[3].strip() and not any(segment.name == "SDQ" for segment in line):
        raise Misfit(f"POC03 of line {change[1]} is empty: it changes the quantity, and names none")
    at, until = _place_of(segments, change[1])
    if code in CHANGED:
        _note_line(segments[at:until], line, notes)
    if store is not None:
        segments[at:until] = _of_store(segments[at:until], line, store, notes)
    elif code == DELETED:
        del segments[at:until]
    else:
        segments[at] = _with(segments[at], change, notes)


def _note_line(ordered: Sequence[Segment], line: Sequence[Segment], notes: list[str]) -> None:
    """Note what a change says of a line beside its quantity and price, where that is another than was ordered."""
    change = line[0]
    others = [segment for segment in line[1:] if segment.name not in FOLLOWED_OF_A_LINE and segment not in ordered]
    notes += [f"{segment.name}*{segment[1]} of line {change[1]}" for segment in others]
    if not others and change[2].strip().upper() in OF_NO_PLACED_ORDER:
        notes.append(f"{change[2]} of line {change[1]}")


def _add_line(segments: list[Segment], line: Sequence[Segment]) -> None:
    change = line[0]
    _, _, quantity, _, unit, price, basis, *ids = (*change.elements, *[""] * 7)
    new = Segment.of(LINE, change[1], quantity, unit, price, basis, *ids)
    at = next((index for index, segment in enumerate(segments) if segment.name == "CTT"), len(segments))
    segments[at:at] = [new, *line[1:]]


def _of_store(ordered: Sequence[Segment], line: Sequence[Segment], store: str, notes: list[str]) -> list[Segment]:
    """A line with another quantity for one store; what the others get stays."""
    change = line[0]
    if change[5] and change[5] != ordered[0][3]:
        raise Misfit(
            f"line {change[1]} is ordered in {ordered[0][3]} and changed in {change[5]}, for one of its stores only"
        )
    if change[6] and change[6] != ordered[0][4]:
        notes.append(f"the price of line {change[1]}")
    others = [_without(segment, store) if segment.name == "SDQ" else segment for segment in ordered]
    wanted = "0" if change[2].strip().upper() == DELETED else _quantity_of(line, store)
    return [*others, Segment.of("SDQ", ordered[0][3], "92", store, wanted)] if wanted else list(ordered)


def _only_of(store: str, line: Sequence[Segment]) -> list[Segment]:
    """A line that is added for one store."""
    own = Segment.of("SDQ", line[0][5], "92", store, _quantity_of(line, store))
    return [*(segment for segment in line if segment.name != "SDQ"), own]


def _quantity_of(line: Sequence[Segment], store: str) -> str:
    """The quantity that a store wants now, as it is written; "" = it does not say."""
    divided_among = dict(pair for segment in line if segment.name == "SDQ" for pair in pairs(segment.elements[2:]))
    return divided_among.get(store, line[0][3])


def _without(divides: Segment, store: str) -> Segment:
    """An SDQ without one of its stores."""
    kept = [element for pair in pairs(divides.elements[2:]) if pair[0] != store for element in pair]
    return Segment.of("SDQ", divides[1], divides[2], *kept)


def _without_store(header: Sequence[Segment], store: str, notes: list[str]) -> list[Segment]:
    """A header without the loops that only say which store it is. Another address of it is noted: the profile has it."""
    named = [loop for entity in ("ST", "BY") if (loop := loop_of(header, entity)) and loop[0][4] == store]
    notes += [f"the address of store {store}" for loop in named if any(one.name in ("N3", "N4") for one in loop)]
    said = [id(segment) for loop in named for segment in loop]
    return [segment for segment in header if id(segment) not in said]


def _place_of(segments: Sequence[Segment], name: str) -> tuple[int, int]:
    """Where the segments of a line begin, and where they end. A line is found by its number with or without zeros before it,
    where that is the number of one only. Raises `Misfit`."""
    starts = [index for index, segment in enumerate(segments) if segment.name in (LINE, "CTT")]
    lines = {segments[index][1].strip(): index for index in reversed(starts) if segments[index].name == LINE}
    at = lines.get(line_called(name, lines))
    if at is None:
        raise Misfit(f"it changes line {name!r}, which the order does not have")
    return at, next((later for later in starts if later > at), len(segments))


def _with(line: Segment, change: Segment, notes: list[str]) -> Segment:
    """A line with another quantity and unit. Its price stays, and another one is noted."""
    elements = [*line.elements, *[""] * max(0, 4 - len(line.elements))]
    elements[1], elements[2] = change[3] or line[2], change[5] or line[3]
    if change[6] and change[6] != line[4]:
        notes.append(f"the price of line {change[1]}")
    return Segment.of(line.name, *elements)

"""Keeps what a partner says in a purchase order and the order document has no field for: as attributes, by where it stands.

A segment that nothing else reads is kept as it came, its elements with blanks between them, under its name in small letters:
`fob`, `itd`. Several of one name are one text, a line each. So a guide that uses a segment which nobody foresaw loses nothing.
"""

from collections.abc import Collection, Iterator, Sequence

from formats.x12.elements import PARTS_OF_A_PLACE
from formats.x12.parts import Segment

Named = tuple[str, str]

BY_QUALIFIER = {"REF": "ref", "N9": "ref", "DTM": "date", "PER": "contact", "PKG": "packaging"}
"""Segments whose first element says what they are about: it is part of the name."""
SHIP_TO = ("ST", "BS")
"""N101 of where it goes, the first that is there: BS = who is billed, too."""
READ_OF_THE_ORDER = frozenset({"BEG", "CUR", "MSG", "NTE", "TXI", *PARTS_OF_A_PLACE})
READ_OF_A_LINE = frozenset({"PO1", "PID", "SDQ", "TXI"})


def of_order(header: Sequence[Segment], dates: Collection[str], bill_to: Sequence[Segment]) -> Iterator[Named]:
    """What the header says beside the fields of an order. `dates` are the qualifiers of DTM that are read; of who is billed
    only the code is left."""
    beg = next(segment for segment in header if segment.name == "BEG")
    yield "contract", beg[6]
    yield "beg", " ".join(filter(None, beg.elements[6:]))
    if bill_to:
        yield "bill_to", bill_to[0][4]
    for loop in parties(header):
        if loop[0][1] not in SHIP_TO and list(loop) != list(bill_to):
            yield f"party_{loop[0][1]}", party(loop)
    yield from _of_segments(header, READ_OF_THE_ORDER, dates)


def of_line(line: Sequence[Segment]) -> Iterator[Named]:
    """What the segments of a line say beside the fields of a line."""
    yield "price_basis", line[0][5]
    yield "note", "\n".join(_notes(line))
    for loop in (one for one in parties(line) if one[0][1] not in SHIP_TO):
        yield f"party_{loop[0][1]}", party(loop)
    yield from _of_segments(line, READ_OF_A_LINE | {"MSG", "NTE"} | PARTS_OF_A_PLACE, ())


def _notes(line: Sequence[Segment]) -> Iterator[str]:
    for segment in line:
        if segment.name in ("MSG", "NTE"):
            yield segment[1 if segment.name == "MSG" else 2]


def _of_segments(segments: Sequence[Segment], read: Collection[str], dates: Collection[str]) -> Iterator[Named]:
    for segment in segments:
        if segment.name in read and segment.name not in ("REF", "PER"):
            continue
        name = BY_QUALIFIER.get(segment.name)
        if segment.name == "DTM" and segment[1] in dates:
            continue
        if name and segment[1]:
            yield f"{name}_{segment[1]}", written(segment.elements[1:])
        else:
            yield segment.name.lower(), written(segment.elements)


def parties(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The loops of N1, one for each party."""
    loops: list[list[Segment]] = []
    is_open = False
    for segment in segments:
        if segment.name == "N1":
            loops.append([])
        is_open = segment.name == "N1" or (is_open and segment.name in PARTS_OF_A_PLACE)
        if is_open:
            loops[-1].append(segment)
    return loops


def party(loop: Sequence[Segment]) -> str:
    """A party as one text: its code, its name and its address."""
    parts = [loop[0][4], loop[0][2]]
    parts += [written(segment.elements) for segment in loop[1:] if segment.name in ("N2", "N3", "N4")]
    return ", ".join(filter(None, parts))


def written(elements: Sequence[str]) -> str:
    """The elements that are not empty, with blanks between them."""
    return " ".join(filter(None, (element.strip() for element in elements)))

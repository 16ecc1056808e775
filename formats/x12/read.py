"""Reads X12 as it is found in the world: any delimiters, wrong counts, several interchanges, a file that was cut off.

What is wrong with an envelope is a fault of that envelope, and the rest is read: the public examples of large partners have
wrong counts. The cases that were seen, between the standard and practice, are rows of tests/formats/test_x12.py.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from formats.x12.elements import whole
from formats.x12.parts import Delimiters, Fault, Group, Interchange, Party, Segment, Set

ISA_ELEMENTS = 16
HEADER_MAX = 1_000
"""The characters in which ISA and the segment behind it must be found; the standard has 106 for ISA."""
LAST_DELIMITERS_MAX = 8
"""The characters between ISA15 and the next segment: a separator, a terminator and a line break, with room for blanks."""
BLANKS = " \t\r\n"
"""What stands between segments and says nothing. Python counts the characters 1C to 1F among blanks; here they are
delimiters."""
EDIFACT = ("UNA", "UNB")
STRAY = f"{BLANKS}~'\x00\x02\x1a"
"""What may stand before an interchange."""
REPEATS_FROM = "00402"
"""The first version whose ISA11 is the repetition character. Before, it named a standard: `U`."""
CONTROL_NUMBERS_DIFFER, COUNT_OF_GROUPS, STRUCTURE, ENDS_EARLY, CONTENT = "001", "021", "022", "023", "024"
"""Codes of TA105 for faults of an interchange."""
NO_TRAILER_OF_SET = Fault("2", "the set ends without SE")
NO_TRAILER_OF_GROUP = Fault("3", "the group ends without GE")


class NotX12(ValueError):
    """This is no X12: no interchange begins where one should."""


def read(content: bytes) -> list[Interchange]:
    """All interchanges of a file. What follows them and is none is a fault of the last. Raises `NotX12` when there is none."""
    text = _text(content)
    found: list[Interchange] = []
    position = _start(text, 0)
    while position is not None:
        try:
            reader = _Reader(_header(text, position))
        except NotX12 as error:
            if not found:
                raise
            fault = Fault(STRUCTURE, f"something follows that is no interchange: {error}")
            found[-1] = replace(found[-1], faults=(*found[-1].faults, fault))
            break
        position = _start(text, reader.read(text))
        found.append(reader.interchange())
    if not found:
        raise NotX12("the file is empty")
    return found


def _text(content: bytes) -> str:
    """The content without a byte order mark. What is no UTF-8 is read as Latin-1, which can read everything; no-break spaces,
    which some programs write to fill elements, count as blanks."""
    if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return content.decode("utf-16", errors="replace").replace("\u00a0", " ")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\u00a0", " ")


def _start(text: str, position: int) -> int | None:
    """Where the next interchange should begin; None at the end. Blanks and stray terminators may stand before it."""
    while position < len(text) and text[position] in STRAY:
        position += 1
    return position if position < len(text) else None


@dataclass(frozen=True, slots=True)
class _Header:
    elements: tuple[str, ...]
    delimiters: Delimiters
    ends_at: int


def _header(text: str, start: int) -> _Header:
    """The ISA segment. Its parts are found by counting separators: real files do not fill their elements up."""
    begin = text[start : start + HEADER_MAX]
    if begin[:3].upper() in EDIFACT:
        raise NotX12("it is EDIFACT, which is not read: ask the sender for X12")
    if begin[:3].upper() != "ISA" or len(begin) == 3:
        raise NotX12(f"an interchange begins with ISA, not with {begin[:10]!r}")
    element = begin[3]
    parts = begin.split(element, ISA_ELEMENTS)
    if element.isalnum() or element in " \r\n":
        raise NotX12(f"behind ISA stands {element!r}, which separates no elements")
    if len(parts) <= ISA_ELEMENTS:
        raise NotX12(f"ISA has {len(parts) - 1} elements, not {ISA_ELEMENTS}")
    elements = tuple(_unbroken(part).replace("\x00", " ").strip(BLANKS) for part in parts[1:ISA_ELEMENTS])
    at = start + sum(len(part) + 1 for part in parts[:ISA_ELEMENTS])
    component, segment, ends_at = _last_delimiters(text, at, element)
    is_repetition = elements[11] >= REPEATS_FROM and len(elements[10]) == 1 and not elements[10].isalnum()
    repetition = elements[10] if is_repetition else None
    return _Header(elements, Delimiters(element, component, segment, repetition), ends_at)


def _last_delimiters(text: str, at: int, element: str) -> tuple[str | None, str, int]:
    """The component separator, the segment terminator, and where the next segment begins.

    ISA16 may be missing, and the terminator may be a line break alone: `>~`, `~` and `>` before a line break all occur. A
    single mark is the terminator if the following segment ends with it.
    """
    following = re.compile(rf"[{BLANKS}]*(?:GS|TA1|IEA){re.escape(element)}", re.IGNORECASE)
    for length in range(LAST_DELIMITERS_MAX):
        if following.match(text, at + length):
            break
    else:
        raise NotX12("after ISA comes neither GS nor TA1 nor IEA")
    between = text[at : at + length]
    marks = between.strip(BLANKS)
    if len(marks) > 2:
        raise NotX12(f"{marks!r} ends the ISA segment, which holds one separator and one terminator at the most")
    if len(marks) == 2:
        return marks[0], marks[1], at + length
    if marks and _ends_with(text, at + length, marks):
        return None, marks, at + length
    gap = following.match(text, at + length)
    breaks = between + (gap[0] if gap else "")
    return marks or None, "\r" if "\r" in breaks and "\n" not in breaks else "\n", at + length


def _ends_with(text: str, at: int, mark: str) -> bool:
    """Whether the segment that begins here ends with this mark: it comes before the next line break, or there is none."""
    return mark in re.split("[\r\n]", text[at : at + HEADER_MAX].lstrip(BLANKS), maxsplit=1)[0]


class _Reader:
    """Reads one interchange, segment by segment."""

    def __init__(self, header: _Header) -> None:
        self._header = header
        self._groups: list[Group] = []
        self._acknowledgments: list[Segment] = []
        self._faults: list[Fault] = []
        self._group: _OpenGroup | None = None

    def read(self, text: str) -> int:
        """Read up to IEA, to the next ISA of a file whose IEA is missing, or to the end; answers the position behind it."""
        position = self._header.ends_at
        for segment, ends_at in _segments(text, position, self._header.delimiters):
            if segment.name == "ISA":
                break
            position = ends_at
            if segment.name == "IEA":
                self._end(segment)
                return position
            self._take(segment)
        self._end(None)
        return position

    def interchange(self) -> Interchange:
        """The interchange as it was read."""
        elements = self._header.elements
        return Interchange(
            sender=Party(elements[4], elements[5]),
            receiver=Party(elements[6], elements[7]),
            date=elements[8],
            time=elements[9],
            version=elements[11],
            control=elements[12],
            wants_acknowledgment=elements[13] == "1",
            is_test=elements[14] == "T",
            delimiters=self._header.delimiters,
            groups=tuple(self._groups),
            faults=tuple(self._faults),
            acknowledgments=tuple(self._acknowledgments),
        )

    def _take(self, segment: Segment) -> None:
        if self._group is not None and segment.name not in ("GS", "GE"):  # nearly all segments
            self._group.take(segment)
            return
        match segment.name:
            case "GS":
                self._end_group(None)
                self._group = _OpenGroup(segment)
            case "GE":
                self._end_group(segment)
            case "TA1":
                self._acknowledgments.append(segment)
            case _:
                self._faults.append(Fault(CONTENT, f"{segment.name} stands outside of a group"))

    def _end_group(self, trailer: Segment | None) -> None:
        if self._group is not None:
            self._groups.append(self._group.end(trailer))
        elif trailer is not None:
            self._faults.append(Fault(STRUCTURE, "GE ends no group"))
        self._group = None

    def _end(self, trailer: Segment | None) -> None:
        self._end_group(None)
        if trailer is None:
            self._faults.append(Fault(ENDS_EARLY, "the interchange ends without IEA"))
            return
        if not _is_count(trailer[1], len(self._groups)):
            self._faults.append(
                Fault(COUNT_OF_GROUPS, f"IEA counts {trailer[1]} groups, and there are {len(self._groups)}")
            )
        if not _is_same(trailer[2], self._header.elements[12]):
            said = f"IEA has control number {trailer[2]}, ISA has {self._header.elements[12]}"
            self._faults.append(Fault(CONTROL_NUMBERS_DIFFER, said))


@dataclass(slots=True)
class _OpenGroup:
    header: Segment
    sets: list[Set] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    set_header: Segment | None = None
    segments: list[Segment] = field(default_factory=list)

    def take(self, segment: Segment) -> None:
        if self.set_header is not None and segment.name not in ("ST", "SE"):
            self.segments.append(segment)
            return
        match segment.name:
            case "ST":
                self._end_set(None)
                self.set_header = segment
            case "SE":
                self._end_set(segment)
            case _:
                self.faults.append(Fault("", f"{segment.name} stands outside of a set"))

    def end(self, trailer: Segment | None) -> Group:
        self._end_set(None)
        header = self.header
        faults = [*self.faults, *self._faults_of(trailer)]
        names = (header[1], header[2].strip(), header[3].strip(), header[4], header[5], header[6], header[8])
        return Group(*names, tuple(self.sets), tuple(faults))

    def _faults_of(self, trailer: Segment | None) -> Iterator[Fault]:
        if trailer is None:
            yield NO_TRAILER_OF_GROUP
            return
        if not _is_same(trailer[2], self.header[6]):
            yield Fault("4", f"GE has control number {trailer[2]}, GS has {self.header[6]}")
        if not _is_count(trailer[1], len(self.sets)):
            yield Fault("5", f"GE counts {trailer[1]} sets, and there are {len(self.sets)}")

    def _end_set(self, trailer: Segment | None) -> None:
        header = self.set_header
        if header is not None:
            faults = tuple(_faults_of_set(header, trailer, len(self.segments) + 2))
            self.sets.append(Set(header[1], header[2], tuple(self.segments), faults))
        elif trailer is not None:
            self.faults.append(Fault("", "SE ends no set"))
        self.set_header, self.segments = None, []


def _faults_of_set(header: Segment, trailer: Segment | None, count: int) -> Iterator[Fault]:
    if trailer is None:
        yield NO_TRAILER_OF_SET
        return
    if not _is_same(trailer[2], header[2]):
        yield Fault("3", f"SE has control number {trailer[2]}, ST has {header[2]}")
    if not _is_count(trailer[1], count):
        yield Fault("4", f"SE counts {trailer[1]} segments, and there are {count}")


def _segments(text: str, position: int, delimiters: Delimiters) -> Iterator[tuple[Segment, int]]:
    """The segments from a position on, each with the position behind it. Blanks and tabs between segments belong to none, and
    neither do line breaks inside of one: some programs break a file every 80 characters. Blanks that fill an element up are no
    part of it, nor are NULs, which PostgreSQL cannot keep."""
    element, terminator = delimiters.element, delimiters.segment
    around, filled = " \t\x00\x1a".replace(element, ""), f" {element}"
    length, width = len(text), len(terminator)
    while position < length:
        end = text.find(terminator, position)
        line = text[position : end if end >= 0 else length].strip(around)
        position = end + width if end >= 0 else length
        if "\n" in line or "\r" in line:
            line = _unbroken(line).strip(around)
        if "\x00" in line and element != "\x00":
            line = line.replace("\x00", " ").strip(around)
        if line:
            name, *elements = line.split(element)
            if filled in line:
                elements = [value.rstrip(" ") for value in elements]
            while elements and not elements[-1]:
                elements.pop()
            yield Segment(name.strip().upper(), tuple(elements)), position


def _unbroken(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def _is_count(written: str, count: int) -> bool:
    return whole(written) == count


def _is_same(one: str, other: str) -> bool:
    """Whether two control numbers are the same; partners write leading zeros in one place and not in the other."""
    return one.strip().lstrip("0") == other.strip().lstrip("0")


def composite(element: str, delimiters: Delimiters) -> Sequence[str]:
    """The components of an element."""
    return element.split(delimiters.component) if delimiters.component else (element,)

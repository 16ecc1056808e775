"""The parts of an X12 file: an interchange (ISA) holds groups (GS), a group holds sets (ST), and a set holds segments."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters between the parts of one interchange. Each file brings its own: they stand in its ISA segment."""

    element: str = "*"
    component: str | None = ">"
    """None = the file names none: its ISA16 is missing."""
    segment: str = "~"
    repetition: str | None = None
    """Only from version 00402 on: before that, the same place holds the letter U."""

    @property
    def reserved(self) -> frozenset[str]:
        """The characters that no element can hold. X12 has no escape character."""
        return frozenset(filter(None, (self.element, self.component, self.segment, self.repetition)))


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: its name, such as `N1`, and its elements as they came, without empty ones at the end."""

    name: str
    elements: tuple[str, ...]

    @classmethod
    def of(cls, name: str, *elements: object) -> "Segment":
        """A segment of these values; None is an empty element, and empty elements at the end are left out."""
        texts = ["" if element is None else str(element) for element in elements]
        while texts and not texts[-1]:
            texts.pop()
        return cls(name, tuple(texts))

    def __getitem__(self, position: int) -> str:
        """The element at a position, as X12 counts them: `N1[1]` is N101. `""` where there is none."""
        return self.elements[position - 1] if 0 < position <= len(self.elements) else ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with an envelope, and is tolerated."""

    code: str
    """Of a set as AK502 to AK506 name it, of a group as AK905 to AK909 do, of an interchange as TA105 does; `""` = none."""
    text: str


@dataclass(frozen=True, slots=True)
class Set:
    """A transaction set: one business document, without its ST and SE."""

    code: str
    """ST01, such as `850`."""
    control: str
    """ST02 as it came."""
    segments: tuple[Segment, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A functional group: sets of one kind, from one application to another."""

    function: str
    """GS01, such as `PO`."""
    sender: str
    receiver: str
    date: str
    time: str
    control: str
    """GS06 as it came."""
    version: str
    """GS08, such as `004010`."""
    sets: tuple[Set, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """Who sends or receives an interchange."""

    qualifier: str
    """`ZZ`, `01` (DUNS), `12` (a phone number) and others."""
    id: str
    """Without the blanks that fill it up to 15 characters."""


@dataclass(frozen=True, slots=True)
class Interchange:
    """An envelope with what one party sends to another at once."""

    sender: Party
    receiver: Party
    date: str
    """YYMMDD."""
    time: str
    """HHMM."""
    version: str
    """ISA12, such as `00401`."""
    control: str
    """ISA13 as it came."""
    is_test: bool
    """ISA15 is `T`."""
    groups: tuple[Group, ...]
    delimiters: Delimiters = Delimiters()
    wants_acknowledgment: bool = False
    """ISA14 asks for a TA1."""
    faults: tuple[Fault, ...] = ()
    acknowledgments: tuple[Segment, ...] = field(default=())
    """TA1 segments, which stand beside the groups."""


GROUP_OF_SET = {
    "810": "IN",
    "812": "CD",
    "846": "IB",
    "850": "PO",
    "855": "PR",
    "856": "SH",
    "860": "PC",
    "865": "CA",
    "940": "OW",
    "943": "AR",
    "944": "RE",
    "945": "SW",
    "947": "AW",
    "997": "FA",
}
"""The GS01 of each set (data element 479 of the X12 dictionary). A judge of ours takes any, so this is tested on its own."""


def texts(segments: Sequence[Segment]) -> list[str]:
    """Segments as text with `*`, for messages and tests."""
    return ["*".join((segment.name, *segment.elements)) for segment in segments]

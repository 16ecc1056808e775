"""Writes X12: an interchange with correct counts and control numbers.

X12 has no escape character, and most partners agree on its extended character set, which is ASCII. So a character that
delimits, or is not printable, becomes a blank, and letters lose their accents.
"""

import unicodedata

from formats.x12.parts import Delimiters, Group, Interchange, Party, Segment, Set

ID_LENGTH = 15
STANDARD = Delimiters()
REPEATS_FROM = "00402"
SUBSTITUTES = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)
"""Letters that Unicode takes apart into nothing else."""


class Unwritable(ValueError):
    """A value does not fit where the standard fixes a length."""


def written(interchange: Interchange) -> bytes:
    """The interchange as bytes, each segment on a line. Raises `Unwritable` for an id or control number that is too long."""
    delimiters = interchange.delimiters
    lines = [_isa(interchange), *interchange.acknowledgments]
    for group in interchange.groups:
        lines += _group(group)
    lines.append(Segment("IEA", (str(len(interchange.groups)), interchange.control.zfill(9))))
    text = "".join(_line(segment, delimiters) for segment in lines)
    return text.encode("ascii")


def _isa(interchange: Interchange) -> Segment:
    delimiters = interchange.delimiters
    if len(interchange.control) > 9 or not interchange.control.isdigit():
        raise Unwritable(f"{interchange.control!r} is no control number: it has one to nine digits")
    repetition = delimiters.repetition if interchange.version >= REPEATS_FROM and delimiters.repetition else "U"
    return Segment(
        "ISA",
        (
            "00",
            " " * 10,
            "00",
            " " * 10,
            *_party(interchange.sender),
            *_party(interchange.receiver),
            interchange.date,
            interchange.time,
            repetition,
            interchange.version,
            interchange.control.zfill(9),
            "1" if interchange.wants_acknowledgment else "0",
            "T" if interchange.is_test else "P",
            delimiters.component or ">",
        ),
    )


def _party(party: Party) -> tuple[str, str]:
    if len(party.qualifier) != 2 or len(party.id) > ID_LENGTH:
        raise Unwritable(
            f"{party.qualifier}:{party.id} does not fit: a qualifier has 2 characters, an id at most {ID_LENGTH}"
        )
    return party.qualifier, party.id.ljust(ID_LENGTH)


def _group(group: Group) -> list[Segment]:
    names = (group.function, group.sender, group.receiver, group.date, group.time, group.control, "X", group.version)
    lines = [Segment("GS", names)]
    for one in group.sets:
        lines += _set(one)
    lines.append(Segment("GE", (str(len(group.sets)), group.control)))
    return lines


def _set(one: Set) -> list[Segment]:
    control = one.control.zfill(4)
    trailer = Segment("SE", (str(len(one.segments) + 2), control))
    return [Segment("ST", (one.code, control)), *one.segments, trailer]


def _line(segment: Segment, delimiters: Delimiters) -> str:
    if segment.name == "ISA":  # its last element is a delimiter
        return delimiters.element.join((segment.name, *segment.elements)) + delimiters.segment + "\n"
    cleaned = Segment.of(segment.name, *(clean(element, delimiters) for element in segment.elements))
    return delimiters.element.join((cleaned.name, *cleaned.elements)) + delimiters.segment + "\n"


def clean(value: str, delimiters: Delimiters = STANDARD) -> str:
    """The value as it can stand in an element: in ASCII, and without delimiters and control characters. A component separator
    is kept, because a composite element needs it."""
    apart = unicodedata.normalize("NFKD", value.translate(SUBSTITUTES))
    ascii_ = "".join("" if unicodedata.combining(letter) else letter if letter.isascii() else "?" for letter in apart)
    forbidden = delimiters.reserved - {delimiters.component}
    return "".join(" " if letter in forbidden or not letter.isprintable() else letter for letter in ascii_).rstrip()

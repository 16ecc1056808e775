"""A trading partner as far as every document needs it: its ids, and what is agreed of acknowledgments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from formats.x12.acknowledgment import NEVER_ACKNOWLEDGED, TA1
from formats.x12.parts import GROUP_OF_SET, Delimiters, Fault, Group, Interchange, Party, Segment, Set
from formats.x12.read import NO_TRAILER_OF_SET

CONTROL_MAX = 999_999_999
"""The largest control number: ISA13 has nine digits."""
ONLY_SET = "0001"
"""ST02 of the one set of an interchange of ours."""
ACKNOWLEDGED_WITHIN = timedelta(hours=24)
NEVER_SENT_AGAIN_ALONE = frozenset({"810", "812", "940"})
"""Sets that only a person sends again: a partner that took them twice would pay or ship twice."""


ASKED, ALWAYS, NEVER = "asked", "always", "never"
SENDER_UNKNOWN, RECEIVER_UNKNOWN, NO_TESTS = "006", "008", "020"
"""Codes of TA105 for an interchange that is not taken."""


@dataclass(frozen=True, slots=True)
class Partner:
    """What is agreed with a trading partner of its envelopes; `name` is its channel's or node's."""

    name: str
    us: Party
    them: Party
    version: str = "004010"
    """GS08; ISA12 are its first five digits."""
    is_test: bool = False
    """Whether nothing is meant: what we send is marked as a test, and tests are accepted."""
    first_control: int = 1
    """The first control number that we use; a partner that knows us from another system expects higher ones."""
    acknowledged_within: timedelta = ACKNOWLEDGED_WITHIN
    """How long the partner's 997 may take before a person looks."""
    sends_again: bool = False
    """Whether a document without a 997 is sent again once by itself; never an 810 or 940."""
    ta1: str = "asked"
    """Whether its interchanges are answered by a TA1: where ISA14 asks for it, always, or never."""

    def may_send_again(self, code: str) -> bool:
        """Whether a set of this code is sent again by itself when its 997 does not come."""
        return self.sends_again and code not in NEVER_SENT_AGAIN_ALONE

    def stranger(self, interchange: Interchange) -> Fault | None:
        """Why an interchange is none of this partner's, for a person and as a code of TA105; None = it is one."""
        expected = (
            ("ISA05/06", interchange.sender, self.them, SENDER_UNKNOWN),
            ("ISA07/08", interchange.receiver, self.us, RECEIVER_UNKNOWN),
        )
        for where, found, wanted, code in expected:
            if found != wanted:
                said = (
                    f"{where} is {found.qualifier}:{found.id}, and {self.name} has {wanted.qualifier}:{wanted.id} there"
                )
                return Fault(code, said)
        if interchange.is_test and not self.is_test:
            return Fault(NO_TESTS, f"it is marked as a test (ISA15 is T), and {self.name} does not test")
        return None

    def asks_for_ta1(self, interchange: Interchange) -> bool:
        """Whether an interchange is answered by a TA1. One that only acknowledges is not: two systems would go on for ever."""
        sets = [one for group in interchange.groups for one in group.sets]
        if interchange.acknowledgments and not sets:
            return False
        is_answer = bool(sets) and all(one.code in NEVER_ACKNOWLEDGED for one in sets)
        return (self.ta1 == ALWAYS and not is_answer) or (self.ta1 == ASKED and interchange.wants_acknowledgment)

    def envelope(self, one: Set, control: int, at: datetime) -> Interchange:
        """An interchange of ours with one set, or with one TA1; the control number is of the interchange and of its group."""
        number = str(control)
        return Interchange(
            sender=self.us,
            receiver=self.them,
            date=f"{at:%y%m%d}",
            time=f"{at:%H%M}",
            version=self.version[:5],
            control=number,
            is_test=self.is_test,
            groups=() if one.code == TA1 else (self._group(one, number, at),),
            acknowledgments=one.segments if one.code == TA1 else (),
        )

    def _group(self, one: Set, number: str, at: datetime) -> Group:
        written = f"{at:%Y%m%d}", f"{at:%H%M}"
        return Group(GROUP_OF_SET[one.code], self.us.id, self.them.id, *written, number, self.version, (one,))


def alone(interchange: Interchange, group: Group, one: Set) -> bytes:
    """An interchange of a partner with only one of its sets, which is read as it was: with its own delimiters and letters, and
    without SE where it was cut off."""
    names = (group.function, group.sender, group.receiver, group.date, group.time, group.control, "X", group.version)
    segments = [Segment("GS", names), Segment("ST", (one.code, one.control)), *one.segments]
    if NO_TRAILER_OF_SET not in one.faults:
        segments.append(Segment("SE", (str(len(one.segments) + 2), one.control)))
        segments.append(Segment("GE", ("1", group.control)))
    return _bytes(interchange, segments, groups=1)


def acknowledgment_alone(interchange: Interchange, acknowledgment: Segment) -> bytes:
    """An interchange of a partner with only one of its TA1 segments."""
    return _bytes(interchange, [acknowledgment], groups=0)


def _bytes(interchange: Interchange, segments: list[Segment], groups: int) -> bytes:
    delimiters = interchange.delimiters
    lines = [_isa(interchange), *segments, Segment("IEA", (str(groups), interchange.control))]
    joined = [delimiters.element.join((segment.name, *segment.elements)) for segment in lines]
    return "".join(line + delimiters.segment for line in joined).encode()


def _isa(interchange: Interchange) -> Segment:
    delimiters, blank = interchange.delimiters, " " * 10
    return Segment(
        "ISA",
        (
            *("00", blank, "00", blank),
            *(interchange.sender.qualifier, interchange.sender.id.ljust(15)),
            *(interchange.receiver.qualifier, interchange.receiver.id.ljust(15)),
            *(interchange.date, interchange.time, delimiters.repetition or "U", interchange.version),
            *(interchange.control, "1" if interchange.wants_acknowledgment else "0", "PT"[interchange.is_test]),
            _component(delimiters),
        ),
    )


def _component(delimiters: Delimiters) -> str:
    """A component separator; where the file names none, a character that delimits nothing else in it."""
    return delimiters.component or next(mark for mark in ">:^" if mark not in delimiters.reserved)

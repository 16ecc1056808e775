"""The functional acknowledgment 997: says of every set of a group whether it was taken.

A 999 is read as one: its IK5 is AK5.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from formats.x12.parts import Fault, Group, Interchange, Segment, Set

NEVER_ACKNOWLEDGED = frozenset({"997", "999"})
"""Acknowledgments are not acknowledged: two systems would answer each other for ever."""
TA1 = "TA1"
"""The acknowledgment of an interchange: a segment beside the groups, where a document of ours has the code of a set."""
NOT_SUPPORTED = "1"
TRAILER_MISSING = "2"
SEGMENTS_IN_ERROR = "5"
CONTROL_NUMBER_INVALID = "7"
"""Codes of AK502 (data element 718) for a set that is not taken."""
ACKNOWLEDGES_NOTHING = "it acknowledges nothing: an AK1 with its AK9 is missing"
MEANINGS: Mapping[str, str] = {
    "1": "this set is not taken",
    "2": "its trailer is missing",
    "3": "the control numbers of its header and trailer differ",
    "4": "its count of segments is wrong",
    "5": "segments of it are in error",
    "6": "its code is missing or wrong",
    "7": "its control number is missing or wrong",
    "23": "its control number is not unique",
}
"""What codes of AK502 say."""
MEANINGS_OF_INTERCHANGE: Mapping[str, str] = {
    "000": "there is no error",
    "001": "the control numbers of its header and trailer differ",
    "006": "its sender is unknown",
    "008": "its receiver is unknown",
    "014": "its date is wrong",
    "015": "its time is wrong",
    "020": "its test indicator is wrong",
    "021": "its count of groups is wrong",
    "022": "its structure is wrong",
    "023": "it ends too early",
    "024": "its content is wrong",
    "025": "its control number came before",
}
"""What codes of TA105 say."""
FAULTS_MAX = 5
"""The fault codes that AK5 and AK9 have room for."""

Verdict = Literal["A", "E", "R"]
"""Accepted; accepted although there were faults; rejected."""


@dataclass(frozen=True, slots=True)
class SetVerdict:
    """What was decided of one set."""

    code: str
    control: str
    verdict: Verdict
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """What a 997 says about a group."""

    function: str
    control: str
    """GS06 of the group that is acknowledged."""
    verdict: Literal["A", "E", "P", "R"]
    """As for a set; P = partly accepted."""
    sets: tuple[SetVerdict, ...]

    @property
    def is_accepting(self) -> bool:
        """Whether all of the group was taken."""
        return self.verdict in ("A", "E")


def acknowledge(group: Group, control: str, rejected: Mapping[int, str] = {}) -> Set:
    """The 997 for a group. `rejected` = by position, the code of AK502 for why a set is not taken, such as `NOT_SUPPORTED`; the
    others are accepted, with their faults noted."""
    verdicts = [_verdict(one, rejected.get(index)) for index, one in enumerate(group.sets)]
    segments = [Segment.of("AK1", group.function, group.control)]
    for one in verdicts:
        segments.append(Segment.of("AK2", one.code, one.control))
        segments.append(Segment.of("AK5", one.verdict, *one.faults))
    taken = sum(one.verdict != "R" for one in verdicts)
    counts = len(group.sets), len(group.sets), taken
    segments.append(Segment.of("AK9", _of_group(verdicts, group.faults), *counts, *_codes(group.faults)))
    return Set("997", control, tuple(segments))


def _verdict(one: Set, reason: str | None) -> SetVerdict:
    if reason is not None:
        return SetVerdict(one.code, one.control, "R", _codes((*one.faults, Fault(reason, ""))))
    return SetVerdict(one.code, one.control, "E" if one.faults else "A", _codes(one.faults))


def _codes(faults: Sequence[Fault]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fault.code for fault in faults if fault.code))[:FAULTS_MAX]


def _of_group(verdicts: Sequence[SetVerdict], faults: Sequence[Fault]) -> str:
    rejected = [one for one in verdicts if one.verdict == "R"]
    if rejected:
        return "R" if len(rejected) == len(verdicts) else "P"
    return "E" if faults or any(one.verdict == "E" for one in verdicts) else "A"


DATE_WRONG, TIME_WRONG, CAME_BEFORE = "014", "015", "025"
"""Codes of TA105 for an interchange that is taken all the same."""


def acknowledge_interchange(interchange: Interchange, refused: str | None, faults: Sequence[str] = ()) -> Set:
    """The TA1 for an interchange: rejected for this reason, or taken, with the first thing noted that is wrong with it."""
    noted = [*faults, *_codes(interchange.faults), *_wrong_moment(interchange)]
    verdict = "R" if refused else "E" if noted else "A"
    code = refused or (noted[0] if noted else "000")
    named = interchange.control.zfill(9), interchange.date, interchange.time
    return Set(TA1, "", (Segment.of("TA1", *named, verdict, code),))


def _wrong_moment(interchange: Interchange) -> Iterator[str]:
    """Codes for an ISA09 or ISA10 that is none."""
    for code, form, written in ((DATE_WRONG, "%y%m%d", interchange.date), (TIME_WRONG, "%H%M", interchange.time)):
        try:
            datetime.strptime(written, form).replace(tzinfo=UTC)
        except ValueError:
            yield code


def acknowledged(one: Set) -> list[Acknowledgment]:
    """What a 997 says, by group. A 997 that names no sets speaks of all of them by its AK9."""
    found: list[Acknowledgment] = []
    header: Segment | None = None
    sets: list[SetVerdict] = []
    named: Segment | None = None
    for segment in one.segments:
        match segment.name:
            case "AK1":
                header, sets, named = segment, [], None
            case "AK2":
                named = segment
            case "AK5" | "IK5" if named is not None:
                faults = tuple(filter(None, segment.elements[1:]))
                sets.append(SetVerdict(named[1], named[2], _as_verdict(segment[1]), faults))
            case "AK9" if header is not None:
                found.append(Acknowledgment(header[1], header[2], _of_ak9(segment[1]), tuple(sets)))
    return found


def _as_verdict(code: str) -> Verdict:
    """M, W and X are rejections too, for reasons of encryption; what is unknown counts as one, so that a person looks."""
    match code.strip().upper():
        case "A":
            return "A"
        case "E":
            return "E"
    return "R"


def _of_ak9(code: str) -> Literal["A", "E", "P", "R"]:
    return "P" if code.strip().upper() == "P" else _as_verdict(code)

"""Each set of a partner's file can be kept alone, and is read as it was, whatever the file's delimiters and letters are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.x12.partner import Partner, acknowledgment_alone, alone
from formats.x12.parts import GROUP_OF_SET, Delimiters, Fault, Group, Interchange, Party, Segment, Set
from formats.x12.read import NO_TRAILER_OF_SET, read
from formats.x12.write import written

AT = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
US, THEM = Party("12", "5551234567"), Party("ZZ", "ACME")
PARTNER = Partner("acme", US, THEM)
DELIMITERS = st.sampled_from(
    [
        Delimiters(),
        Delimiters("|", ":", "'"),
        Delimiters("*", None, "~"),
        Delimiters("^", "<", "\n"),
        Delimiters("+", ">", "~"),
    ]
)
VALUES = st.text("ABCäß漢0 9.-/&", max_size=8).map(str.strip)
SEGMENTS = st.builds(lambda values: Segment.of("REF", "ZZ", *values, "X"), st.lists(VALUES, max_size=5))


def envelope(one: Set, delimiters: Delimiters) -> tuple[Interchange, Group]:
    """An interchange of the partner with one set."""
    group = Group("PO", "ACME", "5551234567", "20261130", "0815", "7", "004010", (one,))
    return Interchange(THEM, US, "261130", "0815", "00401", "000000042", False, (group,), delimiters), group


@given(st.lists(SEGMENTS, min_size=1, max_size=5), DELIMITERS, st.booleans())
def test_a_set_alone_is_read_as_it_was(segments: list[Segment], delimiters: Delimiters, is_cut_off: bool) -> None:
    one = Set("850", "0001", tuple(segments), (NO_TRAILER_OF_SET,) if is_cut_off else ())
    interchange, group = envelope(one, delimiters)

    (found,) = read(alone(interchange, group, one))

    ((again,),) = [group.sets for group in found.groups]
    assert (again.segments, again.faults) == (one.segments, one.faults)
    assert (found.sender, found.receiver, found.control, found.date) == (THEM, US, "000000042", "261130")
    assert found.groups[0].control == "7"


def test_an_acknowledgment_of_an_interchange_alone_is_read_as_it_was() -> None:
    interchange, _ = envelope(Set("850", "0001", ()), Delimiters())
    ta1 = Segment.of("TA1", "000000007", "261130", "0815", "R", "006")

    (found,) = read(acknowledgment_alone(interchange, ta1))

    assert (found.acknowledgments, found.groups, found.faults) == ((ta1,), (), ())


@pytest.mark.parametrize("code", GROUP_OF_SET)
def test_a_document_of_ours_has_both_ids_and_its_number_twice(code: str) -> None:
    (found,) = read(written(PARTNER.envelope(Set(code, "0001", (Segment.of("A", "1"),)), 42, AT)))

    group = found.groups[0]
    assert (found.sender, found.receiver, found.control, found.is_test) == (US, THEM, "000000042", False)
    assert (group.function, group.sender, group.receiver, group.control) == (GROUP_OF_SET[code], US.id, THEM.id, "42")
    assert found.faults == group.faults == group.sets[0].faults == ()


def test_only_a_partner_that_tests_gets_tests_and_sends_them() -> None:
    test = Partner("acme", US, THEM, is_test=True)
    (marked,) = read(written(test.envelope(Set("856", "0001", (Segment.of("A", "1"),)), 1, AT)))
    returned = Interchange(THEM, US, "261130", "0815", "00401", "1", True, ())

    assert marked.is_test
    assert test.stranger(returned) is None
    assert PARTNER.stranger(returned) == Fault("020", "it is marked as a test (ISA15 is T), and acme does not test")

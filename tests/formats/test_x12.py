"""X12 files are read as partners send them, and written as partners can read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.x12.acknowledgment import SEGMENTS_IN_ERROR, acknowledge, acknowledged
from formats.x12.parts import Delimiters, Group, Interchange, Party, Segment, Set, texts
from formats.x12.read import NotX12, read
from formats.x12.write import Unwritable, clean, written

ISA = "ISA*00*          *00*          *ZZ*ACME           *12*5551234567     *261130*0815*U*00401*000000042*0*P*>~"
GS = "GS*PO*ACME*5551234567*20261130*0815*7*X*004010~"
ORDER = "ST*850*0001~BEG*00*SA*4500017**20261130~PO1*1*2*EA*9.95**UP*036000291452~SE*4*0001~"
END = "GE*1*7~IEA*1*000000042~"
WHOLE = ISA + GS + ORDER + END


def the_only_set(content: str | bytes) -> Set:
    """The one set of a file, after a check that its envelope is whole."""
    (interchange,) = read(content if isinstance(content, bytes) else content.encode())
    (group,) = interchange.groups
    (one,) = group.sets
    assert (one.code, texts(one.segments)) == (
        "850",
        ["BEG*00*SA*4500017**20261130", "PO1*1*2*EA*9.95**UP*036000291452"],
    )
    return one


AS_FOUND = {
    "as the standard has it": WHOLE,
    "one segment a line": WHOLE.replace("~", "~\n"),
    "one segment a line, as Windows breaks lines": WHOLE.replace("~", "~\r\n"),
    "line breaks alone end the segments": WHOLE.replace("~", "\n"),
    "line breaks alone end the segments, as Windows breaks lines": WHOLE.replace("~", "\r\n"),
    "an apostrophe ends the segments": WHOLE.replace("~", "'"),
    "ISA16 is missing": WHOLE.replace("*>~", "*~", 1),
    "ISA16 is missing and each segment has a line": WHOLE.replace("*>~", "*~", 1).replace("~", "~\n"),
    "ISA16 is missing and line breaks end the segments": WHOLE.replace("*>~", "*~", 1).replace("~", "\n"),
    "other separators": WHOLE.replace("*", "|").replace(">", "^"),
    "separators that Python counts among blanks": WHOLE.replace("*", "\x1d").replace(">", "\x1f").replace("~", "\x1c"),
    "a terminator that Python counts among blanks, and a line each": WHOLE.replace("~", "\x1c\r\n"),
    "tabs separate the elements": WHOLE.replace("*", "\t"),
    "line breaks of old systems end the segments": WHOLE.replace("~", "\r"),
    "the file is broken every 80 characters, ISA too": "\n".join(
        WHOLE[at : at + 80] for at in range(0, len(WHOLE), 80)
    ),
    "a character of the line that it came by": "\x02" + WHOLE,
    "segments are indented by tabs": WHOLE.replace("~", "~\n\t\t"),
    "blanks before the file": "\n  \t" + WHOLE,
    "blanks and a terminator behind IEA": WHOLE + "  ~\n\n",
    "a byte order mark": "\ufeff" + WHOLE,
    "no-break spaces fill the elements": WHOLE.replace("          ", "\u00a0" * 10),
    "the elements of ISA are not filled up": WHOLE.replace("     *", "*").replace("          ", ""),
    "the file is broken every 80 characters": "\n".join(
        [ISA + GS, *((ORDER + END)[at : at + 80] for at in range(0, len(ORDER + END), 80))]
    ),
    "blanks fill the elements of every segment": WHOLE.replace("4500017*", "4500017     *").replace("EA*9", "EA   *9"),
    "NULs fill the elements, which PostgreSQL cannot keep": WHOLE.replace("*4500017*", "\0*4500017\0\0*"),
    "blanks before the terminators": WHOLE.replace("452~", "452   ~"),
    "small letters name the segments": WHOLE.replace("BEG", "beg").replace("PO1", "po1"),
    "the character of an old file's end": WHOLE + "\x1a",
}


@pytest.mark.parametrize("content", AS_FOUND.values(), ids=AS_FOUND.keys())
def test_a_file_is_read_however_a_partner_writes_it(content: str) -> None:
    assert the_only_set(content).faults == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_with_a_byte_order_mark_is_read_in_its_encoding(encoding: str) -> None:
    (interchange,) = read(WHOLE.encode(encoding))
    assert (interchange.sender.id, interchange.time, len(interchange.groups[0].sets)) == ("ACME", "0815", 1)


def test_a_letter_that_is_no_utf_8_does_not_stop_a_file() -> None:
    content = WHOLE.replace("BEG", "N1*ST*Caf\u00e9~BEG").replace("SE*4", "SE*5").encode("latin-1")
    assert texts(read(content)[0].groups[0].sets[0].segments)[0] == "N1*ST*Caf\u00e9"


WRONG_BUT_READ = {
    "SE counts 9 segments, and there are 4": WHOLE.replace("SE*4", "SE*9"),
    "SE has control number 0002, ST has 0001": WHOLE.replace("SE*4*0001", "SE*4*0002"),
    "GE counts 3 sets, and there are 1": WHOLE.replace("GE*1*7", "GE*3*7"),
    "GE has control number 8, GS has 7": WHOLE.replace("GE*1*7", "GE*1*8"),
    "IEA counts 2 groups, and there are 1": WHOLE.replace("IEA*1", "IEA*2"),
    "IEA has control number 000000043, ISA has 000000042": WHOLE.replace("IEA*1*000000042", "IEA*1*000000043"),
    "the set ends without SE": WHOLE.replace("SE*4*0001~", ""),
    "the group ends without GE": WHOLE.replace("GE*1*7~", ""),
    "the interchange ends without IEA": WHOLE.replace("IEA*1*000000042~", ""),
    "BIG stands outside of a set": WHOLE.replace("GE*1*7~", "BIG*1~GE*1*7~"),
    "REF stands outside of a group": WHOLE.replace("IEA", "REF*1~IEA"),
    "something follows that is no interchange: an interchange begins with ISA, not with 'ORDER;4'": WHOLE + "ORDER;4",
    "something follows that is no interchange: it is EDIFACT, which is not read: ask the sender for X12": WHOLE
    + "UNB+UNOA:4+1'",
}


@pytest.mark.parametrize(("fault", "content"), WRONG_BUT_READ.items(), ids=WRONG_BUT_READ.keys())
def test_a_wrong_envelope_is_noted_and_its_order_is_read(fault: str, content: str) -> None:
    one = the_only_set(content)
    (interchange,) = read(content.encode())
    assert fault in [found.text for found in (*one.faults, *interchange.groups[0].faults, *interchange.faults)]


def test_leading_zeros_of_control_numbers_make_no_difference() -> None:
    (interchange,) = read(WHOLE.replace("IEA*1*000000042", "IEA*1*42").encode())
    assert interchange.faults == ()


def test_several_interchanges_groups_and_sets_of_one_file_are_all_read() -> None:
    second = ORDER.replace("0001", "0002")
    other = WHOLE.replace("*", "|").replace("|>~", "|^'").replace("~", "'")
    found = read(f"{ISA}{GS}{ORDER}{second}GE*2*7~{GS}{ORDER}GE*1*7~IEA*2*000000042~\n\n{other}".encode())
    assert [[len(group.sets) for group in interchange.groups] for interchange in found] == [[2, 1], [1]]
    assert [(one.delimiters.element, one.delimiters.segment) for one in found] == [("*", "~"), ("|", "'")]


def test_a_set_that_was_cut_off_does_not_sink_the_one_before() -> None:
    (interchange,) = read((ISA + GS + ORDER + "ST*850*0002~BEG*00*SA*45").encode())
    whole, cut_off = interchange.groups[0].sets
    assert (whole.faults, [fault.text for fault in cut_off.faults]) == ((), ["the set ends without SE"])


def test_isa11_is_a_separator_only_from_version_00402_on() -> None:
    assert read(WHOLE.encode())[0].delimiters.repetition is None
    newer = WHOLE.replace("*U*00401*", "*^*00501*")
    assert read(newer.encode())[0].delimiters.repetition == "^"
    assert read(WHOLE.replace("*U*", "*^*").encode())[0].delimiters.repetition is None


@pytest.mark.parametrize(
    "content", [b"", b"  \n", b"UNB+UNOA:4+1'", b"ISA", b"ISA*00*", b"<xml/>", ISA.encode(), b"\xff\xfe\x00"]
)
def test_what_is_no_x12_is_refused(content: bytes) -> None:
    with pytest.raises(NotX12):
        read(content)


def test_a_997_answers_each_set_and_names_what_was_tolerated() -> None:
    content = ISA + GS + ORDER + ORDER.replace("0001", "0002").replace("SE*4", "SE*9") + ORDER.replace("0001", "0003")
    group = read((content + "GE*3*7~IEA*1*000000042~").encode())[0].groups[0]
    assert texts(acknowledge(group, "1", {2: SEGMENTS_IN_ERROR}).segments) == [
        "AK1*PO*7",
        "AK2*850*0001",
        "AK5*A",
        "AK2*850*0002",
        "AK5*E*4",
        "AK2*850*0003",
        "AK5*R*5",
        "AK9*P*3*3*2",
    ]


@pytest.mark.parametrize(
    ("segments", "verdict", "is_accepting"),
    [
        (["AK1*SH*12", "AK9*A*1*1*1"], "A", True),
        (["AK1*SH*12", "AK2*856*0001", "AK5*E*4", "AK9*E*1*1*1"], "E", True),
        (["AK1*SH*12", "AK2*856*0001", "AK5*R*5", "AK9*R*1*1*0"], "R", False),
        (["AK1*SH*12", "AK2*856*0001", "IK5*R*5", "AK9*R*1*1*0"], "R", False),
        (["AK1*SH*12", "AK9*P*2*2*1"], "P", False),
        (["AK1*SH*12", "AK9*M*1*1*0"], "R", False),
    ],
)
def test_a_997_of_a_partner_is_understood(segments: list[str], verdict: str, is_accepting: bool) -> None:
    one = Set("997", "1", tuple(Segment.of(*segment.split("*")) for segment in segments))
    (found,) = acknowledged(one)
    assert (found.function, found.control, found.verdict, found.is_accepting) == ("SH", "12", verdict, is_accepting)


@pytest.mark.parametrize(
    ("value", "written_as"),
    [
        ("Gr\u00f6\u00dfe M", "Grosse M"),
        ("Caf\u00e9 \u0141\u00f3d\u017a", "Cafe Lodz"),
        ("50*60~cm", "50 60 cm"),
        ("two\nlines", "two lines"),
        ("\u6771\u4eac", "??"),
        ("blank at the end ", "blank at the end"),
        ("A>B", "A>B"),
    ],
)
def test_what_x12_cannot_hold_is_replaced(value: str, written_as: str) -> None:
    assert clean(value) == written_as


@pytest.mark.parametrize(
    ("qualifier", "name", "control"), [("Z", "ACME", "1"), ("ZZ", "A" * 16, "1"), ("ZZ", "ACME", "1" * 10)]
)
def test_what_does_not_fit_into_an_envelope_is_an_error_and_never_cut(qualifier: str, name: str, control: str) -> None:
    with pytest.raises(Unwritable):
        written(an_interchange((), control=control, sender=Party(qualifier, name)))


def an_interchange(
    groups: tuple[Group, ...], *, control: str = "42", sender: Party | None = None, delimiters: Delimiters | None = None
) -> Interchange:
    """An envelope of our own."""
    return Interchange(
        sender or Party("ZZ", "ACME"),
        Party("12", "5551234567"),
        "261130",
        "0815",
        "00401",
        control,
        False,
        groups,
        delimiters or Delimiters(),
    )


VALUE = st.text(st.characters(codec="ascii", exclude_categories=["C"], exclude_characters="*~|'^>:"), max_size=12).map(
    str.strip
)
SEGMENT = st.builds(
    lambda name, elements: Segment.of(name, *elements),
    st.sampled_from(["BEG", "N1", "PO1", "REF"]),
    st.lists(VALUE, min_size=1),
)
SETS = st.lists(st.tuples(st.sampled_from(["850", "855", "856"]), st.lists(SEGMENT, max_size=8).map(tuple)), max_size=4)
DELIMITERS = st.sampled_from(
    [Delimiters(), Delimiters("|", "^", "'"), Delimiters("*", ":", "|"), Delimiters("^", ">", "~")]
)


def a_file(sets: list[tuple[str, tuple[Segment, ...]]], delimiters: Delimiters) -> Interchange:
    """An interchange with one group of these sets."""
    numbered = tuple(Set(code, f"{index:04}", segments) for index, (code, segments) in enumerate(sets, 1))
    group = Group("PO", "ACME", "5551234567", "20261130", "0815", "7", "004010", numbered)
    return an_interchange((group,), control="000000042", delimiters=delimiters)


@settings(max_examples=300, deadline=None)
@given(SETS, DELIMITERS)
def test_what_is_written_is_read_again(sets: list[tuple[str, tuple[Segment, ...]]], delimiters: Delimiters) -> None:
    interchange = a_file(sets, delimiters)
    assert read(written(interchange)) == [interchange]


@settings(max_examples=300, deadline=None)
@given(SETS, DELIMITERS, st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    sets: list[tuple[str, tuple[Segment, ...]]], delimiters: Delimiters, data: st.DataObject
) -> None:
    content = bytearray(written(a_file(sets, delimiters)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=3))
    try:
        found = read(bytes(content))
    except NotX12:
        return
    assert all(isinstance(one, Interchange) for one in found)

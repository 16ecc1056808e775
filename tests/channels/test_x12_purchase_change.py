"""An 860 says only what is different: with its 850 it is the order as the buyer wants it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from channels.channel import Misfit
from channels.x12.purchase_change import Amended, Dated, amended, named_store, purchase_order_of
from formats.x12.parts import Segment, Set, texts

AT = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
ORDER = """BEG*00*SA*4500017**20261130
DTM*001*20261215
N1*ST*Corner Shop*92*0042
N3*1 Main St
N4*Denver*CO*80202*US
PO1*1*6*EA*9.95**VN*MUG
PID*F****Mug
PO1*2*12*EA*8.25**VN*POT
CTT*2"""
CHANGED = "BCH*04*SA*4500017**1*20261130"


def one(text: str, code: str = "860", hour: int = 1) -> Dated:
    """A set with these segments, of an hour."""
    segments = tuple(Segment.of(*line.split("*")) for line in text.strip().splitlines())
    return Dated(AT + timedelta(hours=hour), Set(code, "0001", segments))


BASE = one(ORDER, "850", 0)


def changed(*segments: str) -> Amended:
    """The order after one 860 with these segments."""
    return amended([BASE, one("\n".join([CHANGED, *segments]))])


def lines(found: Amended) -> Sequence[str]:
    """The segments of the order."""
    assert found.one is not None
    return texts(found.one.segments)


@pytest.mark.parametrize(
    ("segments", "there", "gone"),
    [
        (["POC*1*QD*5**EA*9.95**VN*MUG"], "PO1*1*5*EA*9.95**VN*MUG", "PO1*1*6*EA*9.95**VN*MUG"),
        (["POC*1*QI*9"], "PO1*1*9*EA*9.95**VN*MUG", "PO1*1*6*EA*9.95**VN*MUG"),
        (["POC*1*CA*1**CA"], "PO1*1*1*CA*9.95**VN*MUG", "PO1*1*6*EA*9.95**VN*MUG"),
        (["POC*001*qd*5"], "PO1*1*5*EA*9.95**VN*MUG", "PO1*1*6*EA*9.95**VN*MUG"),
        (["POC*2*DI*0"], "PO1*1*6*EA*9.95**VN*MUG", "PO1*2*12*EA*8.25**VN*POT"),
        (["POC*1*DI*0"], "PO1*2*12*EA*8.25**VN*POT", "PID*F****Mug"),
        (["POC*1*NC*99"], "PO1*1*6*EA*9.95**VN*MUG", "PO1*1*99*EA*9.95**VN*MUG"),
        (["POC*3*AI*4**EA*2**VN*LID", "PID*F****Lid"], "PO1*3*4*EA*2**VN*LID", "POC*3*AI*4**EA*2**VN*LID"),
        (["N1*ST*Other Shop*92*0043", "N4*Boulder*CO*80301*US"], "N4*Boulder*CO*80301*US", "N4*Denver*CO*80202*US"),
        (["TD5**2*UPS"], "TD5**2*UPS", ""),
    ],
)
def test_a_change_is_made_to_the_order_as_it_was(segments: list[str], there: str, gone: str) -> None:
    found = changed(*segments)

    assert there in lines(found)
    assert gone not in lines(found)
    assert found.not_followed == []


def test_an_added_line_stands_before_the_summary_with_what_belongs_to_it() -> None:
    assert lines(changed("POC*3*AI*4**EA*2**VN*LID", "PID*F****Lid"))[-3:] == [
        *("PO1*3*4*EA*2**VN*LID", "PID*F****Lid", "CTT*2"),
    ]


@pytest.mark.parametrize(
    ("segments", "not_followed"),
    [
        (["DTM*001*20261215"], []),
        (["DTM*001*20270115", "REF*DP*7"], ["DTM*001", "REF*DP"]),
        (["POC*1*PC*6**EA*10"], ["the price of line 1"]),
        (["POC*1*CT", "DTM*002*20270115"], ["DTM*002 of line 1"]),
        (["POC*1*RS*6", "PID*F****Mug", "SCH*6*EA***002*20270115"], ["SCH*6 of line 1"]),
        (["POC*1*RA"], ["RA of line 1"]),
    ],
)
def test_what_a_placed_order_does_not_follow_is_named(segments: list[str], not_followed: list[str]) -> None:
    assert changed(*segments).not_followed == not_followed


def test_a_change_that_comes_again_in_a_new_file_is_no_other_change() -> None:
    added = [CHANGED, "POC*3*AI*4**EA*2**VN*LID", "POC*1*DI*0"]
    twice = [one("\n".join(added), hour=hour) for hour in (1, 2)]
    assert lines(amended([BASE, *twice])) == lines(changed(*added[1:]))


def test_the_sequence_in_which_documents_come_makes_no_difference() -> None:
    less, more, again = (
        one(f"{CHANGED}\nPOC*1*QD*5", hour=1),
        one(f"{CHANGED}\nPOC*1*QI*9\nPOC*2*DI*0", hour=2),
        Dated(AT + timedelta(hours=3), BASE.one),
    )

    found = {tuple(lines(amended(some))) for some in permutations([BASE, less, more, again])}

    assert [[line for line in one if line.startswith("PO1")] for one in found] == [["PO1*1*9*EA*9.95**VN*MUG"]]


def test_an_850_with_another_content_begins_again() -> None:
    new = Dated(AT + timedelta(hours=2), one(ORDER.replace("PO1*1*6", "PO1*1*7"), "850").one)

    found = amended([BASE, one(f"{CHANGED}\nPOC*2*DI*0"), new])

    assert {"PO1*1*7*EA*9.95**VN*MUG", "PO1*2*12*EA*8.25**VN*POT"} <= set(lines(found))


def test_an_order_is_taken_back_as_a_whole() -> None:
    assert amended([BASE, one("BCH*01*SA*4500017")]).one is None


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([one(CHANGED)], "the 850 of the order that it changes is not here"),
        ([BASE, one("BCH*99*SA*1")], "BCH01 '99' is no purpose that is understood: 01 and 04 are"),
        ([BASE, one(f"{CHANGED}\nPOC*7*DI*0")], "it changes line '7', which the order does not have"),
        ([BASE, one(f"{CHANGED}\nPOC*1*XX*1")], "POC02 'XX' of line 1 is no change that is understood"),
        (
            [BASE, one(f"{CHANGED}\nPOC*1*QD**2*EA")],
            "POC03 of line 1 is empty: it changes the quantity, and names none",
        ),
        ([BASE, one("BCH*01*SA*1"), one(CHANGED, hour=2)], "it changes an order that was cancelled as a whole"),
        ([BASE, one(f"{CHANGED}\nPOC*1*QI*9\nSDQ*EA*92*1*9")], "it changes an order that SDQ divides among stores"),
    ],
)
def test_a_change_that_does_not_fit_says_why(documents: list[Dated], said: str) -> None:
    with pytest.raises(Misfit, match=said.replace("(", r"\(")):
        amended(documents)


DIVIDED = one(
    """BEG*00*SA*4500017**20261130
PO1*1*9*CA*60**VN*MUG
SDQ*CA*92*0042*4*0043*5
PO1*2*3*EA*8**VN*POT
SDQ*EA*92*0042*3
CTT*2""",
    "850",
    0,
)


@pytest.mark.parametrize(
    ("segments", "there"),
    [
        (["POC*1*QD*2**CA"], ["SDQ*CA*92*0043*5", "SDQ*CA*92*0042*2"]),
        (["POC*1*QD*7**CA", "SDQ*CA*92*0042*2"], ["SDQ*CA*92*0043*5", "SDQ*CA*92*0042*2"]),
        (["POC*2*DI*0"], ["SDQ*CA*92*0042*4*0043*5", "SDQ*EA*92", "SDQ*EA*92*0042*0"]),
        (["POC*3*AI*6**EA*2**VN*LID"], ["PO1*3*6*EA*2**VN*LID", "SDQ*EA*92*0042*6"]),
    ],
)
def test_a_change_that_names_a_store_changes_what_that_store_gets_and_not_the_others(
    segments: list[str], there: list[str]
) -> None:
    change = one("\n".join([CHANGED, "N1*ST*Corner Shop*92*0042", *segments]))
    assert named_store(change.one) == "0042"
    found = amended([DIVIDED, change], "0042")
    assert set(there) <= set(lines(found))
    assert found.not_followed == []


def test_a_store_keeps_its_address_and_unit_when_its_order_changes() -> None:
    moved = one(f"{CHANGED}\nN1*ST*Corner Shop*92*0042\nN3*9 New St\nPOC*1*QD*2")
    assert amended([DIVIDED, moved], "0042").not_followed == ["the address of store 0042"]
    with pytest.raises(Misfit, match="ordered in CA and changed in EA, for one of its stores only"):
        amended([DIVIDED, one(f"{CHANGED}\nPOC*1*QD*2**EA")], "0042")


def test_a_change_without_the_number_of_its_order_does_not_fit() -> None:
    assert purchase_order_of(one(CHANGED).one) == "4500017"
    with pytest.raises(Misfit, match="BCH03"):
        purchase_order_of(one("BCH*04*SA").one)

"""What partners write otherwise than the standard, or than other partners, is understood or has a named outcome."""

from collections.abc import Collection
from datetime import date

import pytest

from channels.channel import Acknowledged, Amends, Message, Misfit, Said, Settings, Units
from channels.x12.change_answer import ChangeAnswer
from channels.x12.kind import X12
from channels.x12.profile import Profile
from domain.order import Address
from formats.x12.parts import Segment, Set
from tests.channels.test_x12_change_answer import AT, order, wanted
from tests.database.trade import ISA

STORES = {f"{number:04d}": Address(postal_code="80202", country="US") for number in range(1, 7)}
BUYER = Settings("buyco", {"profile": Profile(stores=STORES)}, {})
ITEMS = {
    ("sku", "MUG-01"): Units("MUG-01"),
    ("gtin", "036000291452"): Units("MUG-01"),
    ("buyer_part", "X-1"): Units("MUG-01", 12),
}
SHIP_TO = "N1*ST*Shop*92*0001~N3*1 Main St~N4*Denver*CO*80202*US~"


class Catalogue:
    """A mug, by its SKU, its UPC, and a buyer's number for twelve of it."""

    def item(self, kind: str, external: str) -> Units | None:
        return ITEMS.get((kind, external))

    def nodes(self) -> Collection[str]:
        return ()


def message(code: str, body: str, version: str = "004010") -> Message:
    """A set alone in its interchange."""
    group = f"GS*PO*MOCKEDI*NORTHWIND*20261130*0815*42*X*{version}~"
    whole = (
        f"{ISA.format(control=42)}{group}ST*{code}*0001~{body}SE*{body.count('~') + 2}*0001~GE*1*42~IEA*1*000000042~"
    )
    return Message(code, whole.encode())


def ordered(lines: str, header: str = SHIP_TO, version: str = "004010") -> list[Said]:
    """The orders of an 850."""
    one = message("850", f"BEG*00*SA*4500017**20261130~{header}{lines}", version)
    return [found.together([one]) for found in X12().read(BUYER, Catalogue(), one) if isinstance(found, Amends)]


@pytest.mark.parametrize(
    ("line", "units"),
    [
        ("PO1*1*6*EA*9.95**UP*036000291452~", 6),
        ("PO1*1*6*EA*9.95**VN*MUG-01~", 6),
        ("PO1*1*6*EA*9.95**IN*X-1~", 72),
        ("PO1*1*6*EA*9.95**IN*NOBODYS*UP*036000291452~", 6),
        ("po1*1*6.000*ea*9.95**vn* MUG-01 *****~", 6),
        ("PO1*1*2*CA*120**VN*MUG-01~PO4*12*1*EA***********4~", 96),
    ],
)
@pytest.mark.parametrize("version", ["004010", "004010VICS", "005010"])
def test_an_item_is_found_by_whichever_of_its_ids_is_known_in_every_version(
    line: str, units: int, version: str
) -> None:
    (said,) = ordered(line, version=version)
    assert said.order is not None
    assert [(one.sku, one.quantity) for one in said.order.lines] == [("MUG-01", units)]
    assert said.unmapped == ()


def test_of_several_parties_the_goods_go_to_the_ship_to_and_each_date_means_what_its_qualifier_says() -> None:
    parties = (
        "N1*BY*Buyer*92*0099~N1*SF*Us~"
        + SHIP_TO.replace("ST", "st", 1)
        + "N1*Z7*Mark*92*0007~N1*RI*Remit~N4*Reno*NV*89501~"
    )
    days = {"001": 20, "002": 15, "010": 10, "037": 5, "038": 12, "063": 18}
    dates = "".join(f"DTM*{qualifier}*202701{day:02d}~" for qualifier, day in days.items())
    (said,) = ordered("PO1*1*6*EA*9.95**VN*MUG-01~", dates + parties)
    assert said.order is not None
    assert said.order.promised is not None
    assert said.order.ship_to.city == "Denver"
    found = [said.order.not_before, said.order.promised.ship_by, said.order.promised.deliver_by, said.order.not_after]
    assert [at and at.date() for at in found] == [date(2027, 1, day) for day in (5, 10, 15, 20)]


def test_six_stores_are_six_orders_and_a_store_without_a_quantity_is_none_that_is_left_out() -> None:
    divided = "SDQ*EA*92*0001*1*0002*2*0003*3~SDQ*EA*92*0004*4*0005*5*0006*6~"
    found = ordered(f"PO1*1*21*EA*2**VN*MUG-01~{divided}", "")
    assert [said.order.lines[0].quantity for said in found if said.order] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(Misfit, match="line 1 orders 3 units, and SDQ divides 1"):
        ordered("PO1*1*3*EA*2**VN*MUG-01~SDQ*EA*92*0001*1*0002~", "")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("AK1*PR*7~AK2*855*0001~AK3*PO1*3~AK4*2**7~AK5*E*5~AK9*E*1*1*1~", "E"),
        ("AK1*PR*7~AK2*855*0001~AK5*R*5~AK2*855*0002~AK5*A~AK9*P*2*2*1~", "P"),
        ("ak1*PR*7~ak9*a*1*1*1~", "A"),
    ],
)
def test_a_997_is_read_with_its_verdict(body: str, verdict: str) -> None:
    (found,) = X12().read(BUYER, Catalogue(), message("997", body))
    assert isinstance(found, Acknowledged)
    assert (found.verdict, found.is_accepted) == (verdict, verdict in "AE")


@pytest.mark.parametrize("body", ["", "AK1*PR*7~AK2*855*0001~AK5*A~"])
def test_a_997_that_speaks_of_no_group_as_a_whole_does_not_fit(body: str) -> None:
    with pytest.raises(Misfit, match="it acknowledges nothing"):
        X12().read(BUYER, Catalogue(), message("997", body))


def test_a_line_whose_number_has_zeros_in_an_860_is_answered_by_its_own_number() -> None:
    segments = [Segment.of(*one.split("*")) for one in ("BCH*04*SA*1**1*20261130", "POC*002*QD*3**CA")]
    found = ChangeAnswer(Set("860", "1", tuple(segments))).document(
        order({"line": "2", "ordered": 36}), wanted(l2=36), (), AT
    )
    assert [one[1] for one in found.segments if one.name == "POC"] == ["2"]

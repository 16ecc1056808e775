"""A buyer gets its own numbers back: what is accepted, what left in which carton, and what is owed for it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.x12.answers import (
    Available,
    Buyer,
    Carton,
    OrderedLine,
    adjustment,
    buyer_of,
    in_unit,
    inventory,
    invoice,
    response,
    shipment_notice,
    shipped_units,
)
from formats.x12.parts import GROUP_OF_SET, Set, texts

AT = datetime(2026, 12, 1, 9, 5, tzinfo=UTC)
MUGS = OrderedLine("1", "EA", 1, (("VN", "MUG-01"), ("UP", "036000291452")), 24, 0, 0, 24 * 4900)
POTS = OrderedLine("2", "CA", 12, (("IN", "065322-117"),), 48, 0, 0, 4 * 6000)
BUYER = Buyer("4500/A-12", datetime(2026, 11, 30, tzinfo=UTC), "USD", "0012", (MUGS, POTS))
CARTONS = (
    Carton("006141410012345675", "ups", "1Z999", {"1": 20}, 12_500),
    Carton("006141410012345682", "ups", "1Z998", {"1": 4, "2": 24}),
)


def lines(one: Set) -> list[str]:
    """The segments of a set."""
    return texts(one.segments)


def changed(backordered: int = 0, cancelled: int = 0) -> Buyer:
    """The order, with units of its second line that have no node or were cancelled."""
    pots = OrderedLine(POTS.line, POTS.unit, POTS.pack, POTS.ids, POTS.ordered, backordered, cancelled, POTS.goods)
    return Buyer(BUYER.purchase_order, BUYER.ordered_at, BUYER.currency, BUYER.store, (MUGS, pots))


def test_an_order_that_is_accepted_as_it_is() -> None:
    assert lines(response(BUYER, AT, "1")) == [
        "BAK*00*AD*4500/A-12*20261130",
        "N1*ST**92*0012",
        "PO1*1*24*EA*49**VN*MUG-01*UP*036000291452",
        "ACK*IA*24*EA*068*20261201",
        "PO1*2*4*CA*60**IN*065322-117",
        "ACK*IA*4*CA*068*20261201",
        "CTT*2",
    ]


@pytest.mark.parametrize(
    ("backordered", "cancelled", "acknowledged"),
    [
        (12, 0, ["ACK*IQ*3*CA*068*20261201", "ACK*IB*1*CA"]),
        (0, 24, ["ACK*IQ*2*CA*068*20261201", "ACK*IR*2*CA"]),
        (0, 48, ["ACK*IR*4*CA"]),
        (5, 0, ["ACK*IQ*43*EA*068*20261201", "ACK*IB*5*EA"]),
    ],
)
def test_what_waits_and_what_will_not_come_is_said_in_the_buyers_unit(
    backordered: int, cancelled: int, acknowledged: list[str]
) -> None:
    found = lines(response(changed(backordered, cancelled), AT, "1"))
    assert found[0] == "BAK*00*AC*4500/A-12*20261130"
    assert found[found.index("PO1*2*4*CA*60**IN*065322-117") + 1 : -1] == acknowledged


def test_each_carton_is_named_with_what_is_in_it() -> None:
    assert lines(shipment_notice(BUYER, "S-1", CARTONS, AT, "1")) == [
        "BSN*00*S-1*20261201*0905*0001",
        "HL*1**S",
        "TD1*CTN*2****G*12.500*KG",
        "TD5**2*UPS",
        "REF*CN*1Z999",
        "REF*CN*1Z998",
        "DTM*011*20261201",
        "N1*ST**92*0012",
        "HL*2*1*O",
        "PRF*4500/A-12***20261130",
        "HL*3*2*P",
        "MAN*GM*00006141410012345675",
        "MAN*CP*1Z999",
        "HL*4*3*I",
        "LIN*1*VN*MUG-01*UP*036000291452",
        "SN1**20*EA**24*EA",
        "HL*5*2*P",
        "MAN*GM*00006141410012345682",
        "MAN*CP*1Z998",
        "HL*6*5*I",
        "LIN*1*VN*MUG-01*UP*036000291452",
        "SN1**4*EA**24*EA",
        "HL*7*5*I",
        "LIN*2*IN*065322-117",
        "SN1**2*CA**4*CA",
        "CTT*7",
    ]


def continued(*more: dict[str, Any], cancelled: int = 0) -> Buyer:
    """The order of 24 mugs of 49.00 on line `10`, with lines of ours that continue it."""
    sent = {"unit": "EA", "pack": "1", "id_VN": "MUG-01"}
    whole = {"open": 0, "backordered": 0, "cancelled": 0, "unit_price": 4900, "discount": 0, "attributes": sent}
    mugs = {"line": "10", "sku": "MUG", "ordered": 24, "cancelled": cancelled}
    head = {"purchase_order": "4500", "number": "1", "placed_at": "2026-11-30T00:00:00+00:00", "currency": "USD"}
    return buyer_of({**head, "attributes": {}, "lines": [whole | line for line in (mugs, *more)]})


MORE = {"line": "10-s1", "sku": "MUG", "ordered": 6}
CUPS = {"line": "10-s1", "sku": "CUP", "ordered": 4, "attributes": {}}
"""Another item that is sent for four of the mugs: they are cancelled on their own line."""


def test_more_units_that_came_after_the_release_stand_on_the_buyers_own_line() -> None:
    buyer = continued(MORE)
    assert lines(response(buyer, AT, "1"))[1:] == ["PO1*10*30*EA*49**VN*MUG-01", "ACK*IA*30*EA*068*20261201", "CTT*1"]
    carton = Carton("006141410012345675", "", "", {"10": 20, "10-s1": 6})
    notice = [one for one in lines(shipment_notice(buyer, "S-1", [carton], AT, "1")) if one[:3] in ("LIN", "SN1")]
    assert notice == ["LIN*10*VN*MUG-01", "SN1**26*EA**30*EA"]
    owed = lines(invoice(buyer, "I-1", carton.units, {"10": 2}, AT, "1"))
    assert owed[2:] == ["IT1*10*26*EA*49**VN*MUG-01", "TDS*127400", "CTT*1"]
    credit = lines(adjustment(buyer, "9-1", "I-1", {"10-s1": 6}, {"10-s1": 29400}, 0, AT, "1"))
    assert credit[-2:] == ["CDD*59*C*10*29400***6*EA", "LIN*10*VN*MUG-01"]


def test_another_item_that_is_sent_instead_has_our_id_on_the_buyers_own_line() -> None:
    buyer = continued(CUPS, cancelled=4)
    found = lines(response(buyer, AT, "1"))
    assert found[0].startswith("BAK*00*AC*")
    assert found[1:] == [
        "PO1*10*24*EA*49**VN*MUG-01",
        "ACK*IQ*20*EA*068*20261201",
        "ACK*IS*4*EA*068*20261201**VN*CUP",
        "CTT*1",
    ]
    carton = Carton("006141410012345675", "", "", {"10": 20, "10-s1": 4})
    notice = [one for one in lines(shipment_notice(buyer, "S-1", [carton], AT, "1")) if one[:3] in ("LIN", "SN1")]
    assert notice == ["LIN*10*VN*MUG-01", "SN1**20*EA**24*EA", "LIN*10*VN*CUP", "SN1**4*EA**4*EA"]
    owed = lines(invoice(buyer, "I-1", carton.units, {}, AT, "1"))
    assert owed[2:] == ["IT1*10*20*EA*49**VN*MUG-01", "IT1*10*4*EA*49**VN*CUP", "TDS*117600", "CTT*2"]


def test_units_that_wait_or_will_not_come_are_counted_once_beside_another_item() -> None:
    buyer = continued(CUPS | {"backordered": 1}, MORE | {"line": "10-s2", "backordered": 2}, cancelled=9)
    assert lines(response(buyer, AT, "1"))[1:] == [
        "PO1*10*30*EA*49**VN*MUG-01",
        "ACK*IQ*19*EA*068*20261201",
        "ACK*IS*3*EA*068*20261201**VN*CUP",
        "ACK*IB*3*EA",
        "ACK*IR*5*EA",
        "CTT*1",
    ]


def test_every_level_has_a_parent_that_came_before_it() -> None:
    levels = [segment for segment in shipment_notice(BUYER, "S-1", CARTONS, AT, "1").segments if segment.name == "HL"]
    assert [level[1] for level in levels] == [str(number) for number in range(1, len(levels) + 1)]
    assert all(not level[2] or int(level[2]) < int(level[1]) for level in levels)


def test_what_has_shipped_is_invoiced() -> None:
    found = invoice(BUYER, "INV-7", shipped_units(CARTONS), {}, AT, "1", charges=1500, discount=500, tax=850)
    assert lines(found) == [
        "BIG*20261201*INV-7*20261130*4500/A-12",
        "CUR*SE*USD",
        "N1*ST**92*0012",
        "IT1*1*24*EA*49**VN*MUG-01*UP*036000291452",
        "IT1*2*2*CA*60**IN*065322-117",
        "TDS*131450",
        "TXI*TX*8.50",
        "SAC*C*D240***1500",
        "SAC*A*C310***500",
        "CTT*2",
    ]


def test_amounts_of_an_invoice_have_two_decimals_in_every_currency() -> None:
    yen = Buyer("1", AT, "JPY", "", (OrderedLine("1", "EA", 1, (), 3, 0, 0, 2985),))
    assert lines(invoice(yen, "I", {"1": 3}, {}, AT, "1"))[2:4] == ["IT1*1*3*EA*995", "TDS*298500"]


def test_stock_is_given_in_units() -> None:
    assert lines(inventory("S-9", [Available(MUGS.ids, 12), Available((("VN", "POT-02"),), 0)], AT, "1")) == [
        "BIA*00*SI*S-9*20261201*0905",
        "LIN*1*VN*MUG-01*UP*036000291452",
        "QTY*33*12*EA",
        "LIN*2*VN*POT-02",
        "QTY*33*0*EA",
        "CTT*2",
    ]


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 24), st.integers(0, 10**7), st.data())
def test_shipped_in_any_parts_the_invoices_sum_to_the_order(
    ordered: int, pack: int, goods: int, data: st.DataObject
) -> None:
    buyer = Buyer("1", AT, "USD", "", (OrderedLine("1", "CA", pack, (), ordered, 0, 0, goods),))
    invoiced, total = 0, 0
    while invoiced < ordered:
        units = data.draw(st.integers(1, ordered - invoiced))
        found = invoice(buyer, "I", {"1": units}, {"1": invoiced}, AT, "1")
        total += int(next(segment[1] for segment in found.segments if segment.name == "TDS"))
        invoiced += units
    assert total == goods


@settings(deadline=None)
@given(st.integers(1, 500), st.integers(1, 24))
def test_no_unit_is_lost_in_the_buyers_unit(units: int, pack: int) -> None:
    quantity, unit = in_unit(units, OrderedLine("1", "CA", pack, (), units, 0, 0, 0))
    assert quantity * (pack if unit == "CA" else 1) == units


def test_each_set_has_its_group() -> None:
    sent = {
        "812": "CD",
        "855": "PR",
        "865": "CA",
        "856": "SH",
        "810": "IN",
        "846": "IB",
        "997": "FA",
        "940": "OW",
        "945": "SW",
        "944": "RE",
        "943": "AR",
    }
    assert {code: GROUP_OF_SET[code] for code in sent} == sent

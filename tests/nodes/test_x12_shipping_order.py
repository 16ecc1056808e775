"""What a warehouse is asked to ship is a 940: new, changed, cancelled."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.x12.parts import Group, Interchange, Party, Segment, texts
from formats.x12.read import read
from formats.x12.write import clean, written
from nodes.x12.profile import DEFAULT, Routing
from nodes.x12.shipping_order import NUMBER_MAX, order_number, purpose, shipping_order
from nodes.x12.stock_announcement import Announced, announcement
from tests.nodes.warehouse_sets import document, line, part


def sent(asked: dict[str, Any], **profile: Any) -> list[str]:
    """The segments of the 940 about a fulfillment order."""
    return texts(shipping_order(asked, replace(DEFAULT, **profile), "1").segments)


def test_a_new_order_names_the_address_and_each_line_with_its_own_number() -> None:
    asked = document(
        line("1", "MUG-01", 2, barcode="036000291452", gift_message="With love"),
        line("2", "POT-02", 1, weight_g=1_500, attributes={"engraving": "Ann"}),
    )
    routing = {"standard": Routing("U", "UPSN")}
    assert sent(asked, routing=routing, zone=ZoneInfo("America/Denver")) == [
        "W05*N*web-1001-f1*4500/A-12",
        "N1*ST*Corner Shop 12",
        "N2*Ann Ode",
        "N3*1 Main St*Dock 4",
        "N4*Denver*CO*80202*US",
        "PER*IC**TE*3035550100",
        "N9*CO*web-1001",
        "G62*10*20261201",
        "W66*PP*U***standard*****UPSN",
        "LX*1",
        "W01*2*EA**VN*MUG-01*UP*036000291452",
        "G69*Mug-01",
        "N9*LI*1",
        "NTE*WHI*GIFT MESSAGE: With love",
        "LX*2",
        "W01*1*EA**VN*POT-02",
        "G69*Pot-02",
        "N9*LI*2",
        "NTE*WHI*engraving: Ann",
        "W76*3*2*KG",
    ]


def test_a_cancel_of_everything_names_the_order_and_no_line() -> None:
    asked = document(line("1", "MUG-01", 2, cancel_requested=2), request="cancel_requested")
    found = sent(asked)
    assert found[0] == "W05*F*web-1001-f1*4500/A-12"
    assert "NTE*WHI*CANCELLED - DO NOT SHIP" in found
    assert found[-1] == "W76*0"
    assert not [segment for segment in found if segment.startswith(("LX", "W01"))]


def test_a_bundle_is_asked_for_in_what_the_warehouse_has() -> None:
    asked = document(line("1", "SET-01", 3, components=[part("MUG-01", 2), part("POT-02", 1)]))
    found = [segment for segment in sent(asked) if segment.startswith(("W01", "N9*LI", "W76"))]
    assert found == ["W01*6*EA**VN*MUG-01", "N9*LI*1", "W01*3*EA**VN*POT-02", "N9*LI*1", "W76*9*0.75*KG"]


@pytest.mark.parametrize(
    ("request_", "counts", "expected", "asked_for"),
    [
        ("unsent", {}, "N", [4]),
        ("cancel_requested", {"cancel_requested": 4}, "F", []),
        ("cancel_requested", {"cancel_requested": 1}, "R", [3]),
        ("cancel_requested", {"cancel_requested": 1, "shipped": 1}, "R", [3]),
        ("cancel_requested", {"cancel_requested": 3, "shipped": 1}, "F", []),
        ("cancel_requested", {"cancel_requested": 1, "short": 1}, "R", [2]),
        ("timed_out", {"short": 4, "in_doubt": 4}, "F", []),
    ],
)
def test_what_a_940_is_for_follows_from_what_the_node_still_owes(
    request_: str, counts: dict[str, int], expected: str, asked_for: list[int]
) -> None:
    asked = document(line("1", "MUG-01", 4, **counts), request=request_)
    assert purpose(asked) == expected
    assert [segment.split("*")[1] for segment in sent(asked) if segment.startswith("W01")] == [
        str(units) for units in asked_for
    ]


def test_what_has_no_room_in_the_address_is_a_note_and_not_cut_off() -> None:
    street = [f"{number} {'Long Name of a Street ' * 3}".strip() for number in range(1, 4)]
    to = document()["ship_to"] | {"street": street}
    found = sent(document(line("1", "MUG-01", 1), ship_to=to))
    parts = [segment.removeprefix("N3*").removeprefix("NTE*WHI*") for segment in found if segment[:2] in ("N3", "NT")]
    said = " ".join(parts)
    assert (
        said.replace("*", " ").replace("ADDRESS CONTINUES: ", "").replace(",", "").split() == " ".join(street).split()
    )
    assert all(len(element) <= 55 for one in found if one.startswith("N3") for element in one.split("*"))


def test_an_order_number_has_the_22_characters_that_the_standard_has_room_for() -> None:
    long = "marketplace-113-5550042-8813042-f1"
    assert order_number("web-1001-f1") == "web-1001-f1"
    assert len(order_number(long)) == NUMBER_MAX
    assert order_number(long) == order_number(long) != order_number(long[:-1] + "2")
    purchase = sent(document(line("1", "MUG-01", 1), purchase_order="P" * 40))
    assert purchase[0] == "W05*N*web-1001-f1"
    assert f"N9*PO*{'P' * 30}" in purchase


def test_an_order_without_a_name_or_street_is_still_addressed() -> None:
    forgotten = dict.fromkeys(("name", "company", "street", "city", "region", "postal_code")) | {"country": "US"}
    found = sent(document(line("1", "MUG-01", 1), ship_to=forgotten, purchase_order=None, pickup=True))
    assert found[1:3] == ["N1*ST*Order web-1001", "N4****US"]
    assert "NTE*WHI*THE CUSTOMER COLLECTS IT" in found


def test_goods_that_are_announced_are_a_943() -> None:
    goods = [Announced("MUG-01", 24, "Mug", "036000291452"), Announced("POT-02", 6, "Pot", None)]
    found = announcement("PO-77", goods, datetime(2026, 12, 4, 3, tzinfo=UTC), "slc", DEFAULT, "9")
    assert texts(found.segments) == [
        "W06*F*PO-77*20261204*PO-77",
        "N1*WH*slc",
        "G62*17*20261204",
        "W27*M",
        "W04*24*EA**VN*MUG-01*UP*036000291452",
        "G69*Mug",
        "W04*6*EA**VN*POT-02",
        "G69*Pot",
        "W03*30",
    ]


TEXT = st.text(max_size=60)
NAME = st.from_regex(r"[A-Za-z0-9._:/-]{1,40}", fullmatch=True)
UNITS = st.integers(1, 1_000_000)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Any fulfillment order, with any texts."""
    names = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    lines = [
        line(
            name,
            draw(st.text(min_size=1, max_size=64)),
            draw(UNITS),
            gift_message=draw(st.none() | st.text(max_size=300)),
            barcode=draw(st.none() | st.from_regex(r"[0-9]{8,14}", fullmatch=True)),
            components=[part(draw(NAME), draw(st.integers(1, 9)))] if draw(st.booleans()) else [],
        )
        for name in names
    ]
    to = {name: draw(TEXT) for name in ("name", "company", "city", "region", "postal_code", "phone")}
    street = draw(st.lists(st.text(max_size=200), max_size=5))
    return document(*lines, ship_to=to | {"street": street, "country": "US"}, purchase_order=draw(TEXT))


def as_read(segments: tuple[Segment, ...]) -> list[Segment]:
    """Segments as they are read again: without what X12 cannot spell."""
    return [Segment.of(one.name, *(clean(element) for element in one.elements)) for one in segments]


@settings(max_examples=150)
@given(documents())
def test_any_940_that_is_written_is_read_again_as_it_is(asked: dict[str, Any]) -> None:
    one = shipping_order(asked, DEFAULT, "7")
    us, them = Party("ZZ", "SWITCHYARD"), Party("ZZ", "WAREHOUSE")
    group = Group("OW", "SWITCHYARD", "WAREHOUSE", "20261130", "1805", "7", "004010", (one,))
    content = written(Interchange(us, them, "261130", "1805", "00401", "7", False, (group,)))
    (found,) = read(content)
    (again,) = found.groups[0].sets
    assert list(again.segments) == as_read(one.segments)
    assert (again.faults, found.faults) == ((), ())
    assert all(part.strip() for segment in again.segments for part in segment.elements[-1:]), (
        "no segment ends in a blank"
    )

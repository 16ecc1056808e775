"""What a warehouse says by a 945 becomes messages of its node; whatever is odd in it has a named outcome."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fulfillment import NodeMessage
from formats.x12.parts import Segment, Set
from nodes.x12.items import Misfit, Received
from nodes.x12.profile import DEFAULT
from nodes.x12.shipping_advice import number, read
from nodes.x12.shipping_order import shipping_order
from tests.nodes.warehouse_sets import AT, document, line, part, received

TWO = document(line("1", "MUG-01", 2, barcode="036000291452"), line("2", "POT-02", 1), request="sent")
HEAD = "W06*F*web-1001-f1*20261130"


def said(text: str, asked: dict[str, Any] = TWO, **profile: Any) -> list[NodeMessage]:
    """The messages of a 945."""
    return read(received("945", text), asked, replace(DEFAULT, **profile))


def short(messages: list[NodeMessage]) -> list[tuple[str, dict[str, int], bool]]:
    """Of each message its kind, its units by line, and whether it is the last."""
    return [(one.kind.value, {q.line: q.quantity for q in one.lines or ()}, one.final) for one in messages]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ("W12*CC*2*2**EA**VN*MUG-01 / W12*CC*1*1**EA**VN*POT-02", {"1": 2, "2": 1}),
        ("LX*1 / W12*CC*2*2**EA**VN*mug-01", {"1": 2}),
        ("LX*1 / W12*CC*2*2**EA**UK*00036000291452", {"1": 2}),
        ("LX*1 / W12*CC*2*2**EA*036000291452", {"1": 2}),
        ("LX*1 / W12*CC*2*1*1*EA**UP*036000291452*VN*MUG-01", {"1": 1}),
        ("LX*1 / W12*CC*2*1**EA**VN*MUG-01*LOT-1 / LX*2 / W12*CC*2*1**EA**VN*MUG-01*LOT-2", {"1": 2}),
        ("LX*1 / W12*CC*2*2.0**EA**VN*MUG-01", {"1": 2}),
        ("LX*1 / W12*CC*1*1**CA**VN*MUG-01", {"1": 12}),
        ("LX*1 / W12*CC*2*9**EA**VN*MUG-01", {"1": 9}),
        ("LX*1 / W12*CC*2*0**EA**VN*MUG-01 / W12*IC*1*0**EA**VN*POT-02", {}),
        ("LX*1 / W12*CC*2*2**EA**VN*MUG-01 / LX*2 / W12*CS*1*1**EA**VN*PAN-99", {"1": 2, "VN:PAN-99": 1}),
        ("LX*1 / W12*CC*2*2**EA**VN*MUG-01 / W03*2 / W12*CC*1*1**EA**VN*POT-02", {"1": 2}),
    ],
)
def test_the_units_of_each_line_are_those_of_its_item(details: str, expected: dict[str, int]) -> None:
    text = f"{HEAD}\n" + details.replace(" / ", "\n")
    assert short(said(text, units={"CA": 12})) == [("shipped", expected, True)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("W06*F**20261130\nLX*1\nW12*CC*2*2**EA**VN*MUG-01", "W0602, our order number, is empty"),
        ("LX*1\nW12*CC*2*2**EA**VN*MUG-01", "segment W06 is missing"),
        (f"{HEAD}\nN1*SF*Warehouse", "it has no W12: it does not say what was shipped"),
        (
            f"{HEAD}\nLX*1\nW12*CC*2*2**EA",
            "a W12 names no item: the first product id qualifier is looked for in its element 7",
        ),
        (f"{HEAD}\nLX*1\nW12*CC*2*2**EA***VN*MUG-01", "a W12 names no item"),
        (f"{HEAD}\nLX*1\nW12*CC*2***EA**VN*MUG-01", "W1203 of VN MUG-01 is empty: it says no quantity"),
        (f"{HEAD}\nLX*1\nW12*CC*2*two**EA**VN*MUG-01", "W1203 of VN MUG-01: 'two' is no number"),
        (
            f"{HEAD}\nLX*1\nW12*CC*2*-1**EA**VN*MUG-01",
            "W1203 of VN MUG-01 is -1: units that were shipped are not below 0",
        ),
        (
            f"{HEAD}\nLX*1\nW12*CC*2*1.5**EA**VN*MUG-01",
            "W1203 of VN MUG-01 is 1.5 EA: that is no whole number of units",
        ),
        (
            f"{HEAD}\nLX*1\nW12*CC*2*40**LB**VN*MUG-01",
            "W1203 of VN MUG-01 is in LB, which measures goods and does not count",
        ),
        (
            f"{HEAD}\nLX*1\nW12*CC*2*2**CA**VN*MUG-01",
            "nothing says how many units one is; name it in [units] of the partner's",
        ),
        (f"{HEAD}\nLX*1\nW12*CC*2*2000000**EA**VN*MUG-01", "more than 1000000 units"),
        ("W06*F*web-1001-f1*20261399\nLX*1\nW12*CC*2*2**EA**VN*MUG-01", "W0603: '20261399' is no date"),
    ],
)
def test_what_cannot_be_understood_is_named_by_its_element(text: str, why: str) -> None:
    def understood() -> None:
        number(received("945", text))
        said(text)

    with pytest.raises(Misfit, match=re.escape(why)):
        understood()


def test_a_warehouse_whose_item_is_an_element_later_says_so_in_its_file() -> None:
    """As a public 945 of a large food company has it."""
    text = f"{HEAD}\nLX*1\nW12*CC*72*72**CA**036000291452*UK*00036000291452*40550*799*G*L\nN9*LI*1000\nW03*72*799*LB"
    (message,) = said(text, item_id_at=8, units={"CA": 1})
    assert short([message]) == [("shipped", {"1": 72}, True)]


def test_cartons_are_parcels_by_their_sscc_with_the_units_in_them() -> None:
    (message,) = said(
        f"""
        {HEAD}
        G62*11*20261129*2*1530
        W27*M*UPSN*UPS GROUND
        LX*1
        MAN*GM*00006141410012345675**CP*1Z0001
        W12*CC*2*1**EA**VN*MUG-01
        W12*CC*1*1**EA**VN*POT-02
        LX*2
        MAN*GM*006141410012345682
        MAN*CP*1Z0002
        W12*CC*2*1**EA**VN*MUG-01
        W03*3
        """,
        zone=ZoneInfo("America/Denver"),
    )
    assert message.occurred_at == datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
    assert [(one.package, one.carrier, one.tracking) for one in message.packages] == [
        ("006141410012345675", "UPSN", "1Z0001"),
        ("006141410012345682", "UPSN", "1Z0002"),
    ]
    assert [{q.line: q.quantity for q in one.lines} for one in message.packages] == [{"1": 1, "2": 1}, {"1": 1}]


@pytest.mark.parametrize(
    ("text", "parcels"),
    [
        (
            "N9*2I*1Z9\nLX*1\nW12*CC*2*2**EA**VN*MUG-01\nLX*2\nW12*CC*1*1**EA**VN*POT-02",
            [("1Z9", "1Z9", {"1": 2, "2": 1})],
        ),
        ("LX*1\nN9*CN*1Z8\nW12*CC*2*2**EA**VN*MUG-01", [("1Z8", "1Z8", {"1": 2})]),
        ("LX*1\nMAN*GM*A\nMAN*GM*B\nW12*CC*2*2**EA**VN*MUG-01", [("A", None, {}), ("B", None, {})]),
        (
            "LX*1\nMAN*GM*A\nW12*CC*2*2**EA**VN*MUG-01\nLX*2\nMAN*GM*A\nW12*CC*1*1**EA**VN*POT-02",
            [("A", None, {"1": 2, "2": 1})],
        ),
        (
            "LX*1\nMAN*GM*A\nW12*CC*2*2**EA**VN*MUG-01\nLX*2\nW12*CC*1*1**EA**VN*POT-02",
            [("A", None, {"1": 2}), ("loose", None, {"2": 1})],
        ),
        ("N9*BM*7\nLX*1\nW12*CC*2*2**EA**VN*MUG-01", []),
        ("LX*1\nMAN*GM*A\nW12*CC*2*0**EA**VN*MUG-01", []),
    ],
)
def test_each_carton_is_a_parcel_once_and_without_cartons_a_tracking_number_makes_it(
    text: str, parcels: list[Any]
) -> None:
    (message,) = said(f"{HEAD}\n{text}")
    assert [(one.package, one.tracking, {q.line: q.quantity for q in one.lines}) for one in message.packages] == parcels


def asked_to_cancel(units: int, **more: Any) -> dict[str, Any]:
    """An order of three units of which the warehouse was asked to stop some."""
    request = more.pop("request", "cancel_requested")
    return document(line("1", "MUG-01", 3, cancel_requested=units, **more), request=request)


@pytest.mark.parametrize(
    ("asked", "shipped", "expected"),
    [
        (asked_to_cancel(3), 0, [("cancel_accepted", {"1": 3}, False)]),
        (asked_to_cancel(3), None, [("cancel_accepted", {"1": 3}, False)]),
        (asked_to_cancel(3), 3, [("shipped", {"1": 3}, True)]),
        (asked_to_cancel(3), 2, [("cancel_accepted", {"1": 1}, False), ("shipped", {"1": 2}, True)]),
        (asked_to_cancel(1), 2, [("cancel_accepted", {"1": 1}, False), ("shipped", {"1": 2}, True)]),
        (asked_to_cancel(1), 1, [("cancel_accepted", {"1": 1}, False), ("shipped", {"1": 1}, True)]),
        (asked_to_cancel(1), 0, [("cancel_accepted", {"1": 1}, False), ("shipped", {}, True)]),
        (asked_to_cancel(1), 3, [("shipped", {"1": 3}, True)]),
        (asked_to_cancel(0, request="timed_out", short=3, in_doubt=3), 0, [("cancel_accepted", {"1": 3}, False)]),
        (asked_to_cancel(0, request="timed_out", short=3, in_doubt=3), 3, [("shipped", {"1": 3}, True)]),
        (
            asked_to_cancel(0, request="timed_out", short=3, in_doubt=3),
            1,
            [("cancel_accepted", {"1": 2}, False), ("shipped", {"1": 1}, True)],
        ),
        (asked_to_cancel(2, request="cancel_rejected"), 3, [("shipped", {"1": 3}, True)]),
    ],
)
def test_a_cancel_is_settled_by_what_the_945_does_not_ship(
    asked: dict[str, Any], shipped: int | None, expected: list[Any]
) -> None:
    detail = "" if shipped is None else f"LX*1\nW12*CC*3*{shipped}**EA**VN*MUG-01"
    assert short(said(f"{HEAD}\n{detail}", asked)) == expected


@pytest.mark.parametrize(
    ("code", "shipped", "last"), [("P", 1, False), ("P", 3, True), ("F", 1, True), ("N", 0, False), ("P", 5, True)]
)
def test_several_945s_answer_an_order_where_the_profile_says_so(code: str, shipped: int, last: bool) -> None:
    asked = document(line("1", "MUG-01", 3), request="accepted")
    text = f"W06*{code}*web-1001-f1*20261130\nLX*1\nW12*CP*3*{shipped}**EA**VN*MUG-01"
    found = said(text, asked, several_shipments=True, last_shipment=frozenset({"F"}))
    assert [one.final for one in found] == ([last] if shipped else [])


def test_an_item_that_stands_on_two_lines_fills_the_first_line_first_unless_the_line_is_named() -> None:
    asked = document(line("1", "MUG-01", 2), line("2", "MUG-01", 2), request="sent")
    together = f"{HEAD}\nLX*1\nW12*CC*4*3**EA**VN*MUG-01"
    assert short(said(together, asked)) == [("shipped", {"1": 2, "2": 1}, True)]
    more = f"{HEAD}\nLX*1\nW12*CC*4*5**EA**VN*MUG-01"
    assert short(said(more, asked)) == [("shipped", {"1": 2, "2": 3}, True)]
    by_line = f"{HEAD}\nLX*1\nW12*CC*2*2**EA**VN*MUG-01\nN9*LI*2"
    assert short(said(by_line, asked)) == [("shipped", {"2": 2}, True)]


BUNDLE = document(line("1", "SET-01", 2, components=[part("MUG-01", 4), part("POT-02", 1)]), request="sent")


@pytest.mark.parametrize(
    ("mugs", "pots", "expected"),
    [(8, 2, {"1": 2}), (4, 1, {"1": 1}), (8, 1, None), (5, 1, None), (4, None, None), (12, 3, {"1": 3})],
)
def test_a_bundle_has_shipped_when_all_of_its_components_have(
    mugs: int, pots: int | None, expected: dict[str, int] | None
) -> None:
    details = [f"W12*CC*8*{mugs}**EA**VN*MUG-01", *([f"W12*CC*2*{pots}**EA**VN*POT-02"] if pots else [])]
    text = "\n".join([HEAD, "LX*1", *details])
    if expected is not None:
        assert short(said(text, BUNDLE)) == [("shipped", expected, True)]
        return
    with pytest.raises(Misfit, match="line 1 is a bundle, and what was shipped of it makes no whole ones"):
        said(text, BUNDLE)


def test_the_same_945_makes_messages_of_the_same_ids() -> None:
    text = f"{HEAD}\nLX*1\nW12*CC*2*2**EA**VN*MUG-01"
    assert [one.message_id for one in said(text)] == ["261130-000000012-7-0001-shipped"]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.text("AB-ß*1 ", min_size=1, max_size=20), st.integers(1, 999)), min_size=1, max_size=6))
def test_whatever_is_asked_for_by_a_940_is_understood_when_a_945_repeats_it(goods: list[tuple[str, int]]) -> None:
    """The line numbers and items of a 945 are those of its 940, as X12 could spell them."""
    asked = document(*(line(str(index), sku, units) for index, (sku, units) in enumerate(goods, 1)), request="sent")
    details: list[Segment] = [Segment.of("W06", "F", "web-1001-f1")]
    for segment in shipping_order(asked, DEFAULT, "1").segments:
        if segment.name == "W01" and segment[5]:
            details += [
                Segment.of("LX", 1),
                Segment.of("W12", "CC", segment[1], segment[1], None, "EA", None, "VN", segment[5]),
            ]
        elif segment.name == "N9" and segment[1] == "LI":
            details.append(segment)
    if not any(segment.name == "W12" for segment in details):
        return
    found = read(Received(Set("945", "1", tuple(details)), "k", AT), asked, DEFAULT)
    named = {name: units for _, lines, _ in short(found) for name, units in lines.items()}
    spelled = {str(index): units for index, (sku, units) in enumerate(goods, 1) if sku.replace("*", " ").strip()}
    assert named == spelled


ELEMENT = st.text("AB0179.-/ ", max_size=8) | st.sampled_from(["VN", "GM", "EA", "LB", "MUG-01", "20261130", "3"])
SEGMENT = st.builds(
    lambda name, elements: Segment.of(name, *elements),
    st.sampled_from(["W06", "LX", "MAN", "W12", "N9", "G62", "W27", "W03", "N1"]),
    st.lists(ELEMENT, max_size=12),
)


@settings(max_examples=400)
@given(st.lists(SEGMENT, max_size=12), st.sampled_from([TWO, BUNDLE, asked_to_cancel(3), asked_to_cancel(1)]))
def test_a_damaged_945_becomes_messages_or_a_named_misfit_and_nothing_else(
    segments: list[Segment], asked: dict[str, Any]
) -> None:
    one = Received(Set("945", "0001", (Segment.of("W06", "F", "web-1001-f1"), *segments)), "k", AT)
    with suppress(Misfit):
        assert all(isinstance(message, NodeMessage) for message in read(one, asked, DEFAULT))

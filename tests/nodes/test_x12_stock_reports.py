"""What a warehouse says of its stock by 944, 947 and 846 becomes stock messages; a row that cannot count has its reason."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.stock import StockMessage, StockState
from formats.x12.parts import Segment, Set
from nodes.x12.items import Misfit, Received, same
from nodes.x12.profile import DEFAULT
from nodes.x12.stock_reports import Announcements, read
from tests.nodes.warehouse_sets import AT, received


class Network:
    """Two items, one of which has a barcode."""

    def sku(self, kind: str, value: str) -> str | None:
        """What it is here."""
        known = {"MUG-01": "036000291452", "POT-02": None}
        found = (sku for sku, barcode in known.items() if same(kind, sku if kind == "sku" else barcode, value))
        return next(found, None)


def said(code: str, text: str, **profile: Any) -> list[StockMessage]:
    """The stock messages of a set."""
    return read(
        received(code, text),
        "slc",
        Network(),
        replace(DEFAULT, **profile),
        Announcements({"po-77": "PO-77"}, {"transfer.t-7-f1": "t-7"}),
    )


def good(message: StockMessage) -> list[tuple[str, int]]:
    """The rows of a message that count."""
    return [(row.sku, row.quantity) for row in message.good.values()]


def wrong(message: StockMessage) -> list[tuple[str | None, str]]:
    """The rows that do not count, with the reason."""
    return [(row.sku, row.detail) for row in message.wrong.values()]


def test_a_944_receives_what_came_and_names_the_announcement() -> None:
    (message,) = said(
        "944",
        """
        W17*F*20261129*R-9*PO-77*SHIP-1*2*1530
        N1*WH*Warehouse
        W07*24*EA**VN*MUG-01
        W07*6*EA*036000291452
        W07*0*EA**VN*POT-02
        W14*30
        """,
        zone=ZoneInfo("America/Denver"),
    )
    assert (message.kind, message.node, message.expected) == ("received", "slc", "PO-77")
    assert message.message_id == "261130-000000012-7-0001-received"
    assert message.occurred_at == datetime(2026, 11, 29, 22, 30, tzinfo=UTC)
    assert good(message) == [("MUG-01", 24), ("MUG-01", 6)]


def test_what_came_damaged_is_on_hand_and_cannot_be_sold() -> None:
    text = "W17*F*20261130*R-9*OTHER\nW07*24*EA**VN*MUG-01\nW13*2*EA*01\nW13*1*EA*02\nW07*5*EA**VN*POT-02\nW14*29"
    came, damaged = said("944", text)
    assert (good(came), came.expected) == ([("MUG-01", 24), ("POT-02", 5)], None)
    assert (good(damaged), damaged.from_state, damaged.to_state) == (
        [("MUG-01", 2)],
        StockState.SELLABLE,
        StockState.DAMAGED,
    )


@pytest.mark.parametrize(
    ("code", "text", "why"),
    [
        ("944", "W17*C*20261130*R-9\nW07*1*EA**VN*MUG-01", "W1701 is C: a return of a customer"),
        ("944", "W17*Q*20261130*R-9\nW07*1*EA**VN*MUG-01", "W1701 is Q: it says nothing of received goods"),
        ("944", "W17*F*20261130*R-9\nW14*0", "it has no W07 with a quantity"),
        ("944", "W07*1*EA**VN*MUG-01", "segment W17 is missing"),
        ("944", "W17*F**R-9\nW07*1*EA**VN*MUG-01", "W1702: '' is no date"),
        ("944", "W17*F*20261130*R-9\nW07*40*LB**VN*MUG-01", "W0701 of VN MUG-01 is in LB, which measures goods"),
        ("947", "W15*20261130*7", "it has no W19"),
        ("846", "BIA*00*SI*7*20261130\nLIN*1*VN*MUG-01\nQTY*29*5*EA", "no LIN has a QTY with 17 and 33"),
        ("846", "LIN*1*VN*MUG-01\nQTY*17*5*EA", "segment BIA is missing"),
    ],
)
def test_what_cannot_be_understood_is_named_by_its_element(code: str, text: str, why: str) -> None:
    with pytest.raises(Misfit) as refused:
        said(code, text)
    assert why in str(refused.value)


def test_a_row_that_cannot_count_leaves_the_others_counted() -> None:
    (message,) = said(
        "944",
        """
        W17*F*20261130*R-9
        W07*24*EA**VN*MUG-01
        W07*2*CA**VN*POT-02
        W07*1.5*EA**VN*POT-02
        W07*3*EA
        W07*9*EA**VN*PAN-99
        """,
    )
    assert good(message) == [("MUG-01", 24), ("PAN-99", 9)], "an item that nobody knows waits under its own name"
    assert wrong(message) == [
        (
            "POT-02",
            "W0701 of VN POT-02 is in CA: nothing says how many units one is; name it in [units] of the partner's file",
        ),
        ("POT-02", "W0701 of VN POT-02 is 1.5 EA: that is no whole number of units"),
        (None, "W0701 names no item"),
    ]


def test_a_947_adjusts_by_its_sign_and_moves_what_is_put_on_hold() -> None:
    found = said(
        "947",
        """
        W15*20261130*ADJ-1
        W19*AU*-2*EA**VN*MUG-01
        W19*56*1*CA**VN*POT-02
        W19*05*-3*EA**VN*MUG-01
        W19*55*1*EA**VN*MUG-01
        W19*AU*-1*EA**VN*POT-02
        """,
        units={"CA": 6},
    )
    assert [(one.kind.value, good(one), one.from_state, one.to_state) for one in found] == [
        ("adjusted", [("MUG-01", -2), ("POT-02", 6)], None, None),
        ("moved", [("MUG-01", 3)], "sellable", "quarantined"),
        ("moved", [("MUG-01", 1)], "quarantined", "sellable"),
        ("adjusted", [("POT-02", -1)], None, None),
    ]
    assert len({one.message_id for one in found}) == 4
    assert found[0].reason == "X12 947, reason AU, 56"


@pytest.mark.parametrize(
    ("details", "profile", "expected"),
    [
        ("LIN*1*VN*MUG-01 / QTY*17*5*EA / LIN*2*VN*POT-02 / QTY*17*0*EA", {}, [("MUG-01", 5), ("POT-02", 0)]),
        ("LIN**UP*036000291452 / QTY*33*5*EA", {}, [("MUG-01", 5)]),
        ("LIN*1*IN*9*VN*MUG-01 / QTY*33*4*EA / QTY*17*5*EA", {}, [("MUG-01", 5)]),
        ("LIN*1*VN*MUG-01 / QTY*33*4*EA / QTY*17*5*EA", {"on_hand": ("33",)}, [("MUG-01", 4)]),
        ("LIN*1*VN*MUG-01 / QTY*17*5*EA / LIN*2*VN*MUG-01 / QTY*17*2*CA", {"units": {"CA": 6}}, [("MUG-01", 17)]),
        ("LIN*1*VN*MUG-01 / QTY*17*5*EA / QTY*17*3*EA", {}, [("MUG-01", 8)]),
        (
            "LIN*1*VN*MUG-01 / QTY*17*5*EA / LIN*2*VN*MUG-01 / QTY*17*2*LB / LIN*3*VN*POT-02 / QTY*17*1*EA",
            {},
            [("POT-02", 1)],
        ),
        ("LIN*1*VN*MUG-01 / QTY*29*5*EA / LIN*2*VN*POT-02 / QTY*17*1*EA", {}, [("POT-02", 1)]),
    ],
)
def test_an_846_counts_each_item_once(details: str, profile: dict[str, Any], expected: list[tuple[str, int]]) -> None:
    (message,) = said("846", "BIA*00*SI*7*20261130*0915\n" + details.replace(" / ", "\n"), **profile)
    assert (message.kind, good(message)) == ("counted", expected)
    assert message.occurred_at == datetime(2026, 11, 30, 9, 15, tzinfo=UTC)


def test_an_846_of_everything_makes_what_it_does_not_name_zero() -> None:
    (message,) = said("846", "BIA*00*SI*7*20261130\nLIN*1*VN*MUG-01\nQTY*17*5*EA", counts_all=True)
    assert message.kind == "snapshot"


def test_a_long_846_is_as_many_messages_as_it_needs() -> None:
    items = "\n".join(f"LIN*1*VN*S{number}\nQTY*17*5*EA" for number in range(10_001))
    text = f"BIA*00*SI*7*20261130\n{items}"
    assert [len(one.lines) for one in said("846", text)] == [10_000, 1]
    with pytest.raises(Misfit, match="10000 are possible in one count"):
        said("846", text, counts_all=True)


ELEMENT = st.text("AB0179.-/ ", max_size=8) | st.sampled_from(["VN", "UP", "EA", "LB", "17", "MUG-01", "20261130", "3"])
SEGMENT = st.builds(
    lambda name, elements: Segment.of(name, *elements),
    st.sampled_from(["W17", "W07", "W13", "W15", "W19", "BIA", "LIN", "QTY", "N1"]),
    st.lists(ELEMENT, max_size=12),
)


@settings(max_examples=400)
@given(st.sampled_from(["944", "947", "846"]), st.lists(SEGMENT, max_size=10), st.booleans())
def test_a_damaged_report_becomes_messages_or_a_named_misfit_and_nothing_else(
    code: str, segments: list[Segment], counts_all: bool
) -> None:
    first = {"944": "W17*F*20261130*1", "947": "W15*20261130", "846": "BIA*00*SI*1*20261130"}[code]
    one = Received(Set(code, "0001", (Segment.of(*first.split("*")), *segments)), "k", AT)
    with suppress(Misfit):
        assert all(message.good for message in read(one, "slc", Network(), replace(DEFAULT, counts_all=counts_all)))

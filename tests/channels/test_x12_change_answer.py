"""A change of an order is answered line by line, in the buyer's own numbers and unit of measure."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.x12.answers import Buyer, OrderedLine
from channels.x12.change_answer import ChangeAnswer, fewer_than_known, known_to_the_buyer, own_change
from domain.order import NewLine, NewOrder
from formats.x12.parts import Segment, Set, texts

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
POTS = OrderedLine("2", "CA", 12, (("IN", "065322-117"),), 48, 0, 0, 4 * 6000)


def order(*lines: dict[str, Any]) -> dict[str, Any]:
    """The document of an order in cases of twelve at 60.00."""
    attributes = {"unit": "CA", "pack": "12", "id_IN": "065322-117"}
    whole = {"open": 0, "backordered": 0, "cancelled": 0, "unit_price": 500, "discount": 0, "attributes": attributes}
    return {
        "purchase_order": "4500/A-12",
        "number": "1",
        "placed_at": "2026-11-30T00:00:00+00:00",
        "currency": "USD",
        "attributes": {"store": "0012"},
        "lines": [whole | line for line in lines],
    }


def wanted(**quantities: int) -> NewOrder:
    """What the buyer wants, in units by line."""
    lines = [NewLine(line=name[1:], sku="POT", quantity=units, unit_price=500) for name, units in quantities.items()]
    to = {"country": "US", "postal_code": "80202"}
    asked = {"channel": "buyco", "number": "1", "placed_at": AT, "currency": "USD", "ship_to": to, "lines": lines}
    return NewOrder.model_validate(asked)


def change(*lines: str, purpose: str = "04") -> ChangeAnswer:
    """An 860 with these lines."""
    segments = [f"BCH*{purpose}*SA*4500/A-12*7*3*20261130*****20261202", *lines]
    return ChangeAnswer(Set("860", "1", tuple(Segment.of(*segment.split("*")) for segment in segments)))


@pytest.mark.parametrize(
    ("now", "asked", "verdict", "said"),
    [
        ({"ordered": 48, "cancelled": 12}, 36, "AD", ["POC*2*QD*3**CA", "ACK*IA*3*CA"]),
        ({"ordered": 48}, 36, "RD", ["POC*2*QD*4**CA", "ACK*IQ*4*CA"]),
        ({"ordered": 48, "cancelled": 6}, 36, "RD", ["POC*2*QD*42**EA", "ACK*IQ*42*EA"]),
        (
            {"ordered": 48, "cancelled": 12, "backordered": 12},
            36,
            "AD",
            ["POC*2*QD*3**CA", "ACK*IQ*2*CA", "ACK*IB*1*CA"],
        ),
        ({"ordered": 48, "cancelled": 48}, 36, "RD", ["POC*2*QD*0**CA", "ACK*IR*0*CA"]),
    ],
)
def test_each_unit_of_a_line_is_in_one_part_of_the_answer(
    now: dict[str, int], asked: int, verdict: str, said: list[str]
) -> None:
    shown = order({"line": "2"} | now)
    found = texts(change("POC*2*QD*3**CA").document(shown, wanted(l2=asked), (), AT).segments)
    assert found[0] == f"BCA*00*{verdict}*4500/A-12*7*3*20261130****20261201*20261202"
    assert found[1] == "N1*ST**92*0012"
    assert [one.partition("*068")[0].partition("*60*")[0] for one in found[2:-1]] == said
    assert found[-1] == "CTT*1"


def test_more_units_that_were_added_after_the_release_are_units_of_the_buyers_line() -> None:
    shown = order({"line": "2", "ordered": 24}, {"line": "2-s1", "ordered": 12})
    found = texts(change("POC*2*QI*3**CA").document(shown, wanted(l2=36), (), AT).segments)
    assert [one for one in found if one.startswith(("POC", "ACK"))] == [
        "POC*2*QI*3**CA*60**IN*065322-117",
        "ACK*IA*3*CA*068*20261201",
    ]


def test_a_price_or_date_that_is_not_followed_makes_it_an_answer_with_change() -> None:
    shown = order({"line": "2", "ordered": 36})
    (begin, *_) = texts(change("POC*2*QD*3**CA").document(shown, wanted(l2=36), ["DTM*001"], AT).segments)
    assert begin.startswith("BCA*00*AC*")


def test_an_order_that_was_taken_back_before_it_came_is_answered_without_lines() -> None:
    found = texts(change(purpose="01").document(None, None, (), AT).segments)
    assert found == ["BCA*00*AD*4500/A-12*7*3*20261130****20261201*20261202", "CTT*0"]


def test_what_the_buyer_knows_is_not_named_again() -> None:
    buyer = Buyer("4500", AT, "USD", "", (replace(POTS, cancelled=12),))
    assert fewer_than_known(buyer, {"2": 12}, known_to_the_buyer(buyer)) == []
    assert fewer_than_known(buyer, {"2": 12}, {}) == ["2"], "an order with which nothing was kept"
    found = own_change(buyer, ["2"], AT)
    assert texts(found.segments)[1:] == ["POC*2*QD*3**CA*60**IN*065322-117", "ACK*IQ*3*CA*068*20261201", "CTT*1"]

"""All 810s of an order sum to what its goods that left cost, whatever leaves, is taken back and leaves again."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.channel import Notice
from channels.x12.answers import buyer_of
from channels.x12.invoicing import adjustment_for, credit_for, invoice_for, invoiced_now, left_to_credit
from formats.x12.parts import Set

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
PRICE, DISCOUNT, TAX, SHIPPING, SHIPPING_TAX = 1_999, 700, 331, 1_500, 97


def order(ordered: int) -> dict[str, Any]:
    """The document of an order of one line, with every kind of amount."""
    line = {"line": "1", "ordered": ordered, "open": 0, "backordered": 0, "cancelled": 0, "attributes": {}}
    amounts = {"unit_price": PRICE, "discount": 0, "order_discount": DISCOUNT, "tax": TAX}
    whole: dict[str, Any] = {
        "number": "1",
        "purchase_order": None,
        "placed_at": AT.isoformat(),
        "currency": "USD",
        "attributes": {},
    }
    return whole | {"shipping_price": SHIPPING, "shipping_tax": SHIPPING_TAX, "lines": [line | amounts]}


def hundredths(one: Set, name: str, position: int) -> int:
    """An amount of a set that has two decimals."""
    return int(next(segment[position] for segment in one.segments if segment.name == name))


@settings(deadline=None)
@given(st.integers(1, 60), st.lists(st.integers(-60, 60), min_size=1, max_size=8))
def test_whatever_leaves_and_is_taken_back_the_documents_sum_to_what_left(ordered: int, steps: list[int]) -> None:
    shown, ids, total, left = order(ordered), dict[str, str](), 0, 0
    for step in [*steps, 60]:
        notice = Notice("9-1", "shipped", {}, "1", shown, ids, AT)
        buyer = buyer_of(shown)
        units = min(step, ordered - left) if step > 0 else -left_to_credit(notice, {"1": -step}).get("1", 0)
        if units > 0:
            total += hundredths(invoice_for(buyer, notice, {"1": units}), "TDS", 1)
        elif units < 0:
            credit = credit_for(buyer, notice, {"1": -units}, "9-1")
            adjusted = adjustment_for(buyer, notice, {"1": -units}, "9-1")
            assert hundredths(adjusted, "BCD", 4) == -hundredths(credit, "TDS", 1)
            cents = [int(segment[4]) for segment in adjusted.segments if segment.name == "CDD"]
            assert sum(cents) == hundredths(adjusted, "BCD", 4), "its lines are its amount"
            total += hundredths(credit, "TDS", 1)
        ids |= invoiced_now(notice, {"1": units})
        left += units
        assert left > 0 or total == 0, "charges go back with the last unit"
    assert left == ordered
    assert total == PRICE * ordered - DISCOUNT + TAX + SHIPPING + SHIPPING_TAX

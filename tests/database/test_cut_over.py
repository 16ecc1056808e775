"""An order that another system has begun goes on here: its past makes no event and moves no stock, its rest is sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database.connect import Database
from domain.cut_over import OpenOrder
from domain.fulfillment import MessageKind
from network.validate_order import WrongField
from starter.audit import findings_of
from tests.database.shop import NEAREST, Shop
from tests.database.test_returns import Desk
from transactions import cut_over
from transactions.order import UsedForAnotherOrder

AT = datetime.now(UTC) - timedelta(days=5)
LINE = {"line": "1", "sku": "CHAIR", "quantity": 6, "unit_price": 100}
BODY: dict[str, Any] = {
    "channel": "web",
    "number": "old-1",
    "placed_at": AT,
    "currency": "USD",
    "ship_to": {"postal_code": "80202", "country": "US"},
    "lines": [LINE],
}
SHIPPED = {"shipped_from": NEAREST, "shipped_at": AT + timedelta(days=1)}
DELIVERED = SHIPPED | {"delivered_at": AT + timedelta(days=3)}
ORDER = "web-old-1"


async def take(desk: Desk, past: dict[str, int], **more: Any) -> bool:
    """Take over an order for six chairs; whether it is new."""
    order = OpenOrder.model_validate(BODY | {"lines": [LINE | past]} | more)
    return (await cut_over.take(desk.shop.transactions, order)).is_new


@pytest.fixture
async def desk(database: Database) -> Desk:
    """Twelve chairs have been counted since the other system shipped its own."""
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=12)
    return Desk(shop)


async def test_only_the_rest_is_sourced_and_what_was_before_moves_no_stock_and_makes_no_event(desk: Desk) -> None:
    shop = desk.shop
    assert await take(desk, {"shipped": 2, "cancelled": 1}, **SHIPPED)

    assert await shop.units(ORDER) == {"open": 3, "shipped": 2, "cancelled": 1}
    assert await shop.counters("CHAIR") == (12, 0, 0)
    assert await shop.number("SELECT count(*) FROM event") == 0
    assert (await shop.state(ORDER)).version == 0, "its workflow is still to be started"
    await shop.source(ORDER)
    await shop.release(ORDER)
    await shop.tell(ORDER, MessageKind.DELIVERED, number=2)
    assert await shop.units(ORDER) == {"shipped": 5, "cancelled": 1}
    assert await shop.counters("CHAIR") == (9, 0, 0)
    assert await shop.number("SELECT sum((line->>'quantity')::int) FROM event, jsonb_array_elements(data->'lines') AS line"
                             " WHERE kind = 'shipped'") == 3  # fmt: skip
    await audited(shop)


async def audited(shop: Shop) -> None:
    """Every invariant holds; `Shop.check` would also look for an event of each unit."""
    assert [row for finding in await findings_of(shop.database) for row in finding.violations] == []


async def test_taken_over_twice_it_is_taken_over_once_and_another_body_is_refused(desk: Desk) -> None:
    assert await take(desk, {"shipped": 2}, **SHIPPED)
    assert not await take(desk, {"shipped": 2}, **SHIPPED)
    assert not await take(desk, {"shipped": 3}, **SHIPPED), "what the other system did later is not known here"
    with pytest.raises(UsedForAnotherOrder):
        await take(desk, {"shipped": 2}, **SHIPPED, currency="EUR")

    assert await desk.shop.units(ORDER) == {"open": 4, "shipped": 2}
    await audited(desk.shop)


async def test_what_is_wrong_with_it_keeps_all_of_it_out(desk: Desk) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    for more, field in (
        ({"shipped_from": "denvr"}, "shipped_from"),
        (SHIPPED | {"delivered_at": soon}, "delivered_at"),
    ):
        with pytest.raises(WrongField) as refused:
            await take(desk, {"shipped": 2}, **more)
        assert refused.value.field == field

    assert await desk.shop.number("SELECT count(*) FROM orders") == 0


async def test_a_parcel_that_was_on_its_way_is_delivered_here_and_is_late_news_of_no_stock(desk: Desk) -> None:
    parcel = {"package": "A", "carrier": "ups", "tracking": "1Z1", "lines": [{"line": "1", "quantity": 2}]}
    await take(desk, {"shipped": 2, "cancelled": 4}, **SHIPPED, packages=[parcel])
    assert (await desk.shop.state(ORDER)).status == "shipped"

    await desk.shop.tell(ORDER, MessageKind.DELIVERED)

    assert (await desk.shop.state(ORDER)).status == "delivered"
    assert await desk.shop.number("SELECT count(*) FROM package WHERE tracking = '1Z1' AND shipped_at IS NOT NULL") == 1
    assert await desk.shop.counters("CHAIR") == (12, 0, 0)
    await audited(desk.shop)


async def test_units_that_shipped_before_are_returned_and_no_more_is_paid_back_than_was_captured(desk: Desk) -> None:
    await take(desk, {"shipped": 6, "returned": 2}, **DELIVERED, refunded=250, paid=500)
    assert await desk.returnable(ORDER) == 4
    assert await desk.shop.number("SELECT count(*) FROM return r JOIN return_status USING (return_id)"
                                  " WHERE status = 'closed' AND sweep_at IS NULL") == 1  # fmt: skip

    name = await desk.asked(ORDER, 4)
    await desk.grade(name, 4)
    await desk.pay(name)

    assert name == f"{ORDER}-r2"
    assert await desk.refunded() == 500, "250 before, and of the four chairs what was left of the captured 500"
    assert await desk.shop.counters("CHAIR") == (16, 0, 0)
    assert (await desk.ask(ORDER, 1)).refused is not None
    await audited(desk.shop)


@pytest.mark.parametrize(
    ("paid", "at_once", "asked"),
    [(400, [], ["capture 200"]), (None, ["capture 400"], ["capture 400", "capture 200"])],
    ids=["`paid` is named", "without `paid` nothing counts as captured"],
)
async def test_of_a_payment_that_is_authorized_after_the_cut_over_what_is_not_paid_is_captured(
    desk: Desk, paid: int | None, at_once: list[str], asked: list[str]
) -> None:
    """The page of the cut-over says so: the first payment ends the assumption that everything was paid."""
    shop = desk.shop
    await take(desk, {"shipped": 4}, **SHIPPED, paid=paid)
    await shop.report(ORDER, "authorized", 600 - (paid or 0))
    assert await shop.asked(ORDER) == at_once

    await shop.source(ORDER)
    await shop.release(ORDER)
    await shop.tell(ORDER, MessageKind.SHIPPED, number=2)
    assert await shop.asked(ORDER) == asked


async def test_what_is_over_may_close_at_once(desk: Desk) -> None:
    await take(desk, {"cancelled": 6})
    state = await desk.shop.state(ORDER)

    assert (state.status, state.to_source) == ("cancelled", 0)
    assert state.closes_at is not None
    await audited(desk.shop)

"""Holds and the window of an order, with real concurrent transactions: what is reserved, and what nobody may touch."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.order import OrderState, OrderStatus
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from transactions import fulfillment
from transactions import order as orders
from transactions.fulfillment import ReleaseInput
from transactions.order import Moment

RACES = 8
"""How often a race is run; each time who is first is left to chance."""
HOLDS = """
[[hold]]
id = "approval"
when = 'order.value > 1000'
reason = "more than ten are approved"
owner = "finance"
[[hold]]
id = "fraud"
owner = "risk"
stock = "wait"
"""


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop whose policy knows holds; when the test is over, every invariant must hold."""
    opened = await Shop.open(database, replace(MAP, policy=MAP.policy + HOLDS))
    yield opened
    await opened.check()


async def give_up(shop: Shop, order: str, at: datetime) -> OrderState:
    """The order's own deadline has come."""
    return await orders.give_up(shop.transactions, Moment(order=order, at=at))


async def holding(shop: Shop, order: str) -> list[str]:
    return (await shop.state(order)).holds


async def test_an_order_that_the_policy_holds_is_held_from_its_first_moment_and_reserved(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=20)
    small, large = await shop.place(("CHAIR", 10)), await shop.place(("CHAIR", 9), ("LAMP", 2))

    assert (await holding(shop, small), await holding(shop, large)) == ([], ["approval"])
    assert (await shop.source(large)).status is OrderStatus.ON_HOLD
    assert await shop.units(large) == {"reserved": 9}
    await shop.release(large)
    assert await shop.units(large) == {"reserved": 9}, "nobody has approved it"
    await shop.take_off(large, "approval")
    await shop.release(large)
    assert await shop.units(large) == {"allocated": 9}


async def test_a_hold_that_both_the_channel_and_the_policy_place_stands_once(shop: Shop) -> None:
    order = await shop.place(("CHAIR", 11), holds=["approval", "payment"])
    assert await holding(shop, order) == ["approval", "payment"]


async def test_nothing_is_reserved_before_a_hold_is_off_that_says_so(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    order = await shop.place(("CHAIR", 2), holds=["fraud", "payment"])

    for round_ in (1, 1, 2):
        state = await shop.source(order, round_)
        assert (state.status, state.rounds, state.to_source, state.version) == (OrderStatus.ON_HOLD, 0, 0, 1)
    assert (await shop.units(order), await shop.counters("CHAIR")) == ({"open": 2}, (2, 0, 0))

    done = await shop.take_off(order, "fraud")
    assert (done.state.to_source, done.state.status) == (2, OrderStatus.ON_HOLD), "another hold reserves"
    assert (await shop.source(order)).promise is not None
    assert await shop.units(order) == {"reserved": 2}


async def test_a_later_hold_frees_what_is_pinned_for_those_who_wait_and_touches_nothing_released(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    order = await shop.released(("CHAIR", 2))
    await shop.tell(order, MessageKind.PICKED, {"1": 1}, final=True)
    await shop.receive(NEXT, CHAIR=1)
    await shop.source(order)
    assert await shop.units(order) == {"allocated": 1, "reserved": 1}
    waiting = await shop.sold(("CHAIR", 1))

    done = await shop.hold(order)

    assert (await shop.units(order), done.state.to_source) == ({"allocated": 1, "open": 1}, 0)
    await shop.backorders.work_off(100)
    assert (await shop.units(waiting), await shop.nodes(waiting)) == ({"reserved": 1}, {NEXT: 1})


async def test_a_held_back_order_queues_for_no_stock_and_comes_back_to_its_place_in_sequence(shop: Shop) -> None:
    monday = datetime.now(UTC) - timedelta(days=3)
    first = await shop.sold(("CHAIR", 1), placed_at=monday)
    second = await shop.sold(("CHAIR", 1), placed_at=monday + timedelta(hours=1))
    third = await shop.sold(("CHAIR", 1), placed_at=monday + timedelta(hours=2))
    await shop.hold(first)

    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(100)
    assert [await shop.units(order) for order in (first, second)] == [{"open": 1}, {"reserved": 1}]
    await shop.take_off(first)
    await shop.source(first)
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(100)

    assert [await shop.units(order) for order in (first, third)] == [{"reserved": 1}, {"backordered": 1}]


async def test_an_order_that_is_held_back_gives_back_what_its_cart_had(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    cart = await shop.fill_cart("CHAIR", 2)
    order = await shop.ordered(cart, ("CHAIR", 2))
    await shop.hold(order)
    await shop.source(order, 1)
    assert (await shop.units(order), await shop.counters("CHAIR")) == ({"open": 2}, (2, 0, 0))


async def test_in_any_sequence_a_hold_and_a_release_never_both_have_the_units(shop: Shop) -> None:
    outcomes = set()
    for _ in range(RACES):
        await shop.receive(NEAREST, CHAIR=1)
        order = await shop.sold(("CHAIR", 1))
        await asyncio.gather(shop.hold(order), shop.release(order))
        outcomes.add(tuple(await shop.units(order)))
        await shop.take_off(order)
        await shop.source(order)
        await shop.release(order)
        assert await shop.units(order) == {"allocated": 1}
    assert outcomes <= {("open",), ("allocated",)}


async def test_in_any_sequence_a_hold_and_a_receipt_leave_nothing_pinned_for_the_held_order(shop: Shop) -> None:
    for _ in range(RACES):
        order = await shop.sold(("CHAIR", 1))
        await shop.receive(NEAREST, CHAIR=1)
        await asyncio.gather(shop.hold(order), shop.backorders.work_off(100), shop.source(order, 2))
        assert await shop.units(order) == {"open": 1}
        await shop.cancel(order)
        await shop.count(NEAREST, CHAIR=0)


async def test_what_is_not_released_when_its_window_ends_is_cancelled_and_reported_also_on_hold(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    end = datetime.now(UTC) + timedelta(days=9)
    order = await shop.place(("CHAIR", 2), ("LAMP", 1), not_after=end, holds=["payment"])
    state = await shop.source(order)
    assert (await shop.units(order), state.gives_up_at) == ({"reserved": 1, "backordered": 1}, end)

    assert (await give_up(shop, order, end - timedelta(seconds=1))).gives_up_at == end
    await shop.take_off(order, "payment")
    await fulfillment.release(shop.transactions, ReleaseInput(order=order, at=end))
    assert await shop.units(order) == {"reserved": 1, "backordered": 1}, "it may not be released any more"
    ended = await give_up(shop, order, end)

    assert (ended.status, ended.gives_up_at) == (OrderStatus.CANCELLED, None)
    assert await shop.counters("CHAIR") == (1, 0, 0)
    assert [known.code for known in ended.exceptions] == ["unfilled"]
    reported = "SELECT count(*) FROM event WHERE order_id = :order AND kind = 'cancelled'"
    assert await shop.number(reported, order=order) == 1
    assert (await give_up(shop, order, end)).version == ended.version, "once is enough"


async def test_what_is_released_when_the_window_ends_is_left_to_its_node(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    end = datetime.now(UTC) + timedelta(days=9)
    order = await shop.place(("CHAIR", 2), not_after=end)
    await shop.source(order)
    assert (await shop.release(order)).gives_up_at == end
    ended = await give_up(shop, order, end)
    assert await shop.units(order) == {"allocated": 1, "cancelled": 1}
    assert ended.gives_up_at is None


async def test_no_plan_uses_a_node_from_which_it_would_leave_after_the_window(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    order = await shop.place(("CHAIR", 1), not_after=datetime.now(UTC) + timedelta(minutes=1))
    await shop.source(order)
    assert await shop.units(order) == {"open": 1}, "no stock would ever help, so a person decides"
    seen = (
        "SELECT count(*) FROM plan WHERE order_id = :order AND document::text LIKE '%ships after the order''s window%'"
    )
    assert await shop.number(seen, order=order) == 1

"""The hard cases of promising stock, each proved with real concurrent transactions on real PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from database import backorder, stock
from database.connect import Database, ReadConnection
from domain.fulfillment import MessageKind
from domain.network import Network, ShipComplete
from domain.sourcing import OrderFacts
from domain.stock import Movement, MovementKind
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, NODES, Shop
from transactions import fulfillment, shortage, sourcing, supply
from transactions.supply import Decision

RACES = 25
"""How often a race is run; each time who is first is left to chance."""
MONDAY = datetime.now(UTC) - timedelta(days=3)
Answer = TypeVar("Answer")


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop without stock; when the test is over, every invariant must hold."""
    opened = await Shop.open(database)
    yield opened
    await opened.check()


async def at_once(doings: Sequence[Awaitable[Answer]]) -> list[Answer]:
    """Everything at the same time; whatever goes wrong in one of them fails the test."""
    return list(await asyncio.gather(*doings))


async def agree(shop: Shop, sku: str, node: str | None = None) -> tuple[int, int, int]:
    """What counters and ledger both say."""
    counters = await shop.counters(sku, node)
    assert counters == await shop.ledger(sku, node)
    return counters


async def buckets(shop: Shop, orders: Sequence[str]) -> Counter[str]:
    """Units of all orders together, by bucket."""
    found: Counter[str] = Counter()
    for order in orders:
        found.update(await shop.units(order))
    return found


# The last unit.


async def test_of_a_hundred_orders_for_the_last_unit_one_gets_it_and_the_others_wait(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    orders = [await shop.place(("CHAIR", 1)) for _ in range(100)]
    await at_once([shop.source(order, 1) for order in orders])
    assert await buckets(shop, orders) == {"reserved": 1, "backordered": 99}
    assert await agree(shop, "CHAIR") == (1, 1, 0)


async def test_half_of_the_demand_at_three_nodes_is_served_to_the_last_unit(shop: Shop) -> None:
    for node, units in ((NEAREST, 40), (NEXT, 30), (FARTHEST, 20)):
        await shop.receive(node, CHAIR=units)
    orders = [await shop.place(("CHAIR", 1 + number % 2)) for number in range(120)]
    await at_once([shop.source(order, 1) for order in orders])
    assert await agree(shop, "CHAIR") == (90, 90, 0)
    assert await buckets(shop, orders) == {"reserved": 90, "backordered": 90}


async def test_five_hundred_claims_for_twice_the_supply_are_granted_to_the_last_unit(shop: Shop) -> None:
    for node in (NEAREST, NEXT, FARTHEST):
        await shop.receive(node, CHAIR=125)

    async def claim(number: int) -> int:
        units, node = 1 + number % 2, (NEAREST, NEXT, FARTHEST)[number % 3]
        wanted = [Movement(MovementKind.RESERVED, node, "CHAIR", reserved=units)]
        async with shop.database.write() as connection:
            asked = stock.Claim(wanted, {}, "round 1", "test", MONDAY, f"web-c{number}")
            return units if await stock.claim(connection, asked) else 0

    granted = await at_once([claim(number) for number in range(500)])
    assert sum(granted) == 375
    assert await shop.ledger("CHAIR") == await shop.counters("CHAIR") == (375, 375, 0)
    freed = [Movement(MovementKind.FREED, node, "CHAIR", reserved=-125) for node in (NEAREST, NEXT, FARTHEST)]
    async with shop.database.write() as connection:
        await stock.record(connection, freed, order=None, cause="the test is over", actor="test", at=MONDAY)


async def test_orders_that_name_the_same_goods_in_opposite_order_at_several_nodes_never_deadlock(shop: Shop) -> None:
    for node in (NEAREST, NEXT, FARTHEST):
        await shop.receive(node, CHAIR=30, LAMP=30)
    lines = [("CHAIR", 4), ("LAMP", 4)]
    orders = [await shop.place(*(lines if number % 2 else reversed(lines))) for number in range(60)]
    await at_once([shop.source(order, 1) for order in orders])
    assert await agree(shop, "CHAIR") == (90, 90, 0)
    assert await agree(shop, "LAMP") == (90, 90, 0)
    await at_once([shop.cancel(order) for order in orders])
    assert await agree(shop, "CHAIR") == await agree(shop, "LAMP") == (90, 0, 0)


async def test_orders_that_come_from_carts_while_some_is_kept_back_never_deadlock(database: Database) -> None:
    shop = await Shop.open(database, replace(MAP, buffers="kind,sku,node,channel,units\nthreshold,CHAIR,,,1\n"))
    for node in NODES:
        await shop.receive(node, CHAIR=200)
    for _ in range(RACES // 3):
        carts = [await shop.fill_cart("CHAIR", 1, NODES[number % 3]) for number in range(15)]
        orders = [await shop.ordered(cart, ("CHAIR", 1)) for cart in carts]
        await at_once([shop.source(order, 1) for order in orders])
        assert await buckets(shop, orders) == {"reserved": 15}
    await shop.check()


async def test_safety_stock_is_left_in_stock_however_many_ask_for_it(shop: Shop) -> None:
    await shop.receive(NEAREST, VASE=5)
    orders = [await shop.place(("VASE", 1)) for _ in range(12)]
    await at_once([shop.source(order, 1) for order in orders])
    assert await agree(shop, "VASE") == (5, 3, 0)


# One order, the same goods more than once.


async def test_the_same_goods_on_two_lines_are_added_up_before_they_are_promised(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.sold(("CHAIR", 3), ("CHAIR", 4))
    assert await agree(shop, "CHAIR") == (5, 5, 0)
    lines = Counter(await shop.units(order, "1")) + Counter(await shop.units(order, "2"))
    assert lines == {"reserved": 5, "backordered": 2}


async def test_a_set_and_its_parts_in_one_order_are_added_up_before_they_are_promised(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=4, LAMP=9)
    order = await shop.sold(("DESK-SET", 1), ("CHAIR", 3))
    on_hand, promised, _ = await agree(shop, "CHAIR")
    assert promised <= on_hand
    sets, chairs = Counter(await shop.units(order, "1")), Counter(await shop.units(order, "2"))
    assert promised == 2 * sets["reserved"] + chairs["reserved"]
    assert sets["reserved"] + chairs["reserved"] == 3
    assert sets["backordered"] + chairs["backordered"] == 1


async def test_thirteen_over_nodes_with_ten_and_thirteen_are_thirteen_and_not_twenty_three(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=10)
    await shop.receive(NEXT, CHAIR=13)
    order = await shop.released(("CHAIR", 13))
    assert await shop.units(order) == {"allocated": 13}
    assert await agree(shop, "CHAIR") == (23, 0, 13)


async def test_thirteen_over_nodes_with_ten_and_five_are_taken_from_both(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=10)
    await shop.receive(NEXT, CHAIR=5)
    order = await shop.released(("CHAIR", 13))
    assert await shop.units(order) == {"allocated": 13}
    assert await agree(shop, "CHAIR", NEAREST) == (10, 0, 10)
    assert await agree(shop, "CHAIR", NEXT) == (5, 0, 3)


# What is on hand changes when goods leave, and not before.


async def test_goods_stay_on_hand_until_they_ship(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.sold(("CHAIR", 2))
    assert await agree(shop, "CHAIR") == (5, 2, 0)
    await shop.release(order)
    assert await agree(shop, "CHAIR") == (5, 0, 2)
    await shop.tell(order, MessageKind.SHIPPED)
    assert await agree(shop, "CHAIR") == (3, 0, 0)


async def test_what_could_not_be_picked_is_sourced_again_elsewhere_and_leaves_the_stock(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=10)
    await shop.receive(NEXT, CHAIR=5)
    order = await shop.released(("CHAIR", 6))
    await shop.tell(order, MessageKind.PICKED, {"1": 4}, final=True)
    assert await shop.units(order) == {"open": 2, "allocated": 4}
    assert await agree(shop, "CHAIR", NEAREST) == (8, 0, 4)
    await shop.source(order)
    assert await shop.nodes(order) == {NEXT: 2}
    assert await agree(shop, "CHAIR", NEXT) == (5, 2, 0)


async def test_what_a_final_shipment_leaves_behind_is_sourced_again(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=6)
    await shop.receive(NEXT, CHAIR=5)
    order = await shop.released(("CHAIR", 6))
    await shop.tell(order, MessageKind.SHIPPED, {"1": 4}, final=True)
    assert await shop.units(order) == {"open": 2, "shipped": 4}
    await shop.source(order)
    assert await shop.nodes(order) == {NEXT: 2}
    assert (await agree(shop, "CHAIR", NEAREST))[2] == 0


# Cancelling.


async def test_cancelling_what_never_had_a_node_frees_nothing(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    other = await shop.sold(("CHAIR", 2))
    order = await shop.sold(("CHAIR", 3))
    before = await shop.movements()
    await shop.cancel(order)
    assert await shop.units(order) == {"cancelled": 3}
    assert await shop.movements() == before
    assert await shop.units(other) == {"reserved": 2}


async def test_cancelling_after_a_part_has_shipped_returns_only_the_rest(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=10)
    order = await shop.released(("CHAIR", 6))
    await shop.tell(order, MessageKind.SHIPPED, {"1": 4})
    await shop.cancel(order)
    await shop.tell(order, MessageKind.CANCEL_ACCEPTED)
    assert await shop.units(order) == {"shipped": 4, "cancelled": 2}
    assert await agree(shop, "CHAIR") == (6, 0, 0)


async def test_cancelling_a_rerouted_order_returns_its_stock_once_and_to_where_it_was_taken(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    await shop.receive(NEXT, CHAIR=5)
    order = await shop.released(("CHAIR", 3))
    await shop.wait_in_vain(order)
    await shop.source(order)
    assert await shop.nodes(order) == {NEXT: 3}
    await shop.cancel(order)
    await shop.cancel(order)
    assert await agree(shop, "CHAIR", NEXT) == (5, 0, 0)
    await shop.tell(order, MessageKind.REJECTED)
    await shop.tell(order, MessageKind.REJECTED)
    assert await shop.units(order) == {"cancelled": 3}
    assert await agree(shop, "CHAIR", NEAREST) == (5, 0, 0)


async def test_cancelling_twice_at_once_frees_once(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    for _ in range(RACES):
        order = await shop.released(("CHAIR", 3))
        await at_once([shop.cancel(order) for _ in range(3)])
        assert await shop.units(order) == {"cancelled": 3}
        assert await agree(shop, "CHAIR") == (5, 0, 0)


async def test_a_cancel_and_a_shipment_at_once_end_in_one_of_two_ways(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3 * RACES)
    shipped = 0
    for _ in range(RACES):
        order = await shop.released(("CHAIR", 3))
        await at_once([shop.cancel(order), shop.tell(order, MessageKind.SHIPPED, {"1": 2})])
        found = await shop.units(order)
        # Goods that left have left, whatever the customer asked for; a unit that was cancelled first is then surplus.
        assert found in ({"shipped": 2, "allocated": 1}, {"cancelled": 3}), found
        shipped += 2
        await shop.tell(order, MessageKind.CANCEL_ACCEPTED)
        assert await agree(shop, "CHAIR") == (3 * RACES - shipped, 0, 0)


async def test_a_cancel_and_a_release_at_once_leave_nothing_promised(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    for _ in range(RACES):
        order = await shop.sold(("CHAIR", 3))
        await at_once([shop.release(order), shop.cancel(order, {"1": 2}), shop.release(order)])
        assert (await shop.units(order))["cancelled"] == 2
        await shop.cancel(order)
        assert await shop.units(order) == {"cancelled": 3}
        assert await agree(shop, "CHAIR") == (3, 0, 0)


async def test_a_cancel_and_a_sourcing_round_at_once_leave_nothing_promised(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    for _ in range(RACES):
        order = await shop.place(("CHAIR", 3))
        await at_once([shop.source(order, 1), shop.cancel(order)])
        assert await shop.units(order) == {"cancelled": 3}
        assert await agree(shop, "CHAIR") == (3, 0, 0)


async def test_cancelling_an_order_before_it_was_sourced_gives_its_carts_units_back(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    for _ in range(RACES // 5):
        order = await shop.ordered(await shop.fill_cart("CHAIR", 3), ("CHAIR", 3))
        await at_once([shop.source(order, 1), shop.cancel(order)])
        assert await shop.units(order) == {"cancelled": 3}
        assert await agree(shop, "CHAIR") == (3, 0, 0)
    order = await shop.ordered(await shop.fill_cart("CHAIR", 3), ("CHAIR", 3))
    await shop.cancel(order)
    assert await agree(shop, "CHAIR") == (3, 0, 0)


# A worker dies after it has committed and before it could say so.


async def test_a_sourcing_round_that_is_asked_for_again_pins_nothing_more(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=9)
    order = await shop.place(("CHAIR", 3))
    first = await shop.source(order, 1)
    again = await at_once([shop.source(order, 1) for _ in range(5)])
    assert again == [first] * 5
    assert await agree(shop, "CHAIR") == (9, 3, 0)


async def test_a_release_that_is_asked_for_again_makes_no_second_fulfillment_order(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=9)
    order = await shop.sold(("CHAIR", 3))
    answers = await at_once([shop.release(order) for _ in range(5)])
    assert [len(answer.fulfillment_orders) for answer in answers] == [1] * 5
    assert await agree(shop, "CHAIR") == (9, 0, 3)


async def test_a_cancel_that_is_asked_for_again_gets_the_same_answer_and_frees_nothing_more(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=9)
    order = await shop.sold(("CHAIR", 3))
    answers = await at_once([shop.cancel(order, {"1": 2}, key="the-same") for _ in range(5)])
    assert [answer.answer for answer in answers] == [answers[0].answer] * 5
    assert await shop.units(order) == {"reserved": 1, "cancelled": 2}
    assert await agree(shop, "CHAIR") == (9, 1, 0)


async def test_a_message_that_comes_again_ships_nothing_more(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=9)
    order = await shop.released(("CHAIR", 3))
    kind, lines = MessageKind.SHIPPED, {"1": 2}
    moment = datetime.now(UTC)
    reported = await at_once([shop.tell(order, kind, lines, message_id="the-same", at=moment) for _ in range(5)])
    assert sorted(reported) == [False] * 4 + [True]
    assert await shop.units(order) == {"allocated": 1, "shipped": 2}
    assert await agree(shop, "CHAIR") == (7, 0, 1)


async def test_a_silence_that_is_acted_on_again_gives_nothing_to_a_third_node(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=9)
    order = await shop.released(("CHAIR", 3))
    silence = await shop.silence_of(order)
    for _ in range(3):
        await fulfillment.act_on_silence(shop.transactions, silence)
    assert await shop.units(order) == {"open": 3}
    assert await agree(shop, "CHAIR") == (9, 0, 3)


# Orders that wait for stock.


async def test_new_goods_go_to_the_more_urgent_order_although_it_came_later(shop: Shop) -> None:
    early = await shop.sold(("CHAIR", 1), placed_at=MONDAY)
    urgent = await shop.place(("CHAIR", 1), priority=1, placed_at=MONDAY + timedelta(hours=1))
    await shop.source(urgent)
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(100)
    assert await shop.units(urgent) == {"reserved": 1}
    assert await shop.units(early) == {"backordered": 1}
    assert [signal.order for signal in shop.sent] == [urgent]


async def test_of_equally_urgent_orders_the_one_that_was_promised_first_is_served_first(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    unpromised = await shop.sold(("LAMP", 1), placed_at=MONDAY)
    promised = await shop.place(("CHAIR", 1), placed_at=MONDAY + timedelta(hours=1))
    await shop.source(promised)
    await shop.release(promised)
    await shop.tell(promised, MessageKind.PICKED, {}, final=True)
    await shop.source(promised)
    assert await shop.units(promised) == {"backordered": 1}
    late = await shop.sold(("CHAIR", 1), placed_at=MONDAY - timedelta(days=1))
    await shop.receive(NEXT, CHAIR=1)
    await shop.backorders.work_off(100)
    assert await shop.units(promised) == {"reserved": 1}
    assert await shop.units(late) == {"backordered": 1}
    assert await shop.units(unpromised) == {"backordered": 1}


async def test_of_orders_without_a_promise_the_one_that_was_placed_first_is_served_first(shop: Shop) -> None:
    later = await shop.sold(("CHAIR", 1), placed_at=MONDAY + timedelta(hours=1))
    first = await shop.sold(("CHAIR", 1), placed_at=MONDAY)
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(100)
    assert await shop.units(first) == {"reserved": 1}
    assert await shop.units(later) == {"backordered": 1}


async def test_an_order_that_must_ship_complete_and_cannot_is_passed_over_and_holds_nothing(shop: Shop) -> None:
    whole = await shop.place(("CHAIR", 2), ship_complete=ShipComplete.ORDER, placed_at=MONDAY)
    await shop.source(whole)
    other = await shop.sold(("CHAIR", 1), placed_at=MONDAY + timedelta(hours=1))
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(100)
    assert await shop.units(whole) == {"backordered": 2}
    assert await shop.units(other) == {"reserved": 1}
    assert await agree(shop, "CHAIR") == (1, 1, 0)


async def test_orders_that_can_get_nothing_never_block_those_behind_them(shop: Shop) -> None:
    for number in range(6):
        blocked = await shop.place(
            ("CHAIR", 9), ship_complete=ShipComplete.ORDER, placed_at=MONDAY + timedelta(hours=number)
        )
        await shop.source(blocked)
    served = await shop.sold(("CHAIR", 1), placed_at=MONDAY + timedelta(days=1))
    await shop.receive(NEAREST, CHAIR=1)
    for _ in range(10):
        await shop.backorders.work_off(2)
    assert await shop.units(served) == {"reserved": 1}


async def test_a_new_order_does_not_overtake_those_who_wait_when_goods_come(shop: Shop) -> None:
    waiting = await shop.sold(("CHAIR", 2), placed_at=MONDAY)
    await shop.receive(NEAREST, CHAIR=3)
    new = await shop.sold(("CHAIR", 2), placed_at=MONDAY + timedelta(hours=1))
    assert await shop.units(new) == {"backordered": 2}
    await shop.backorders.work_off(100)
    assert await shop.units(waiting) == {"reserved": 2}
    assert await shop.units(new) == {"reserved": 1, "backordered": 1}


async def test_a_turn_leaves_units_that_just_lost_their_node_to_their_own_round(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=1)
    order = await shop.released(("CHAIR", 1), ("LAMP", 1))
    await shop.tell(order, MessageKind.REJECTED)
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(100)
    assert await shop.units(order, "1") == {"reserved": 1}
    assert await shop.units(order, "2") == {"open": 1}, "it begins to wait behind the gate of its SKU, or not at all"
    await shop.source(order)
    assert await shop.units(order, "2") == {"backordered": 1}
    await shop.check()


async def test_what_no_order_waits_for_any_more_is_free_for_all(shop: Shop) -> None:
    await shop.sold(("CHAIR", 2))
    await shop.receive(NEAREST, CHAIR=3)
    await shop.backorders.work_off(100)
    shop.sent.clear()
    await shop.backorders.work_off(100)
    assert shop.sent == []
    new = await shop.sold(("CHAIR", 1))
    assert await shop.units(new) == {"reserved": 1}


async def test_no_order_waits_while_a_unit_that_it_could_take_is_free(shop: Shop) -> None:
    for _ in range(2 * RACES):
        order = await shop.place(("CHAIR", 1))
        await at_once([shop.source(order, 1), shop.receive(NEAREST, CHAIR=1), shop.backorders.work_off(10)])
        await shop.backorders.work_off(10)
        assert await shop.units(order) == {"reserved": 1}


async def test_units_of_one_line_that_may_go_to_different_nodes_wait_for_each_of_them(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2, LAMP=1)
    order = await shop.released(("DESK-SET", 2))
    await shop.tell(order, MessageKind.PICKED, {}, final=True)
    await shop.source(order)
    assert await shop.units(order) == {"backordered": 2}
    async with shop.database.write() as connection:
        await backorder.reset_candidate_nodes(connection)
    await shop.receive(NEXT, CHAIR=1)
    await shop.backorders.work_off(10)
    assert await shop.units(order) == {"backordered": 2}
    await shop.receive(NEAREST, CHAIR=2, LAMP=1)
    await shop.backorders.work_off(10)
    assert await shop.units(order) == {"backordered": 1, "reserved": 1}


async def test_a_unit_that_a_cancel_frees_goes_to_the_one_who_waits(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    for _ in range(RACES):
        owner = await shop.sold(("CHAIR", 1))
        waiting = await shop.place(("CHAIR", 1))
        await at_once([shop.cancel(owner), shop.source(waiting, 1)])
        await shop.backorders.work_off(10)
        assert await shop.units(waiting) == {"reserved": 1}
        await shop.cancel(waiting)
        await shop.backorders.work_off(10)


async def test_a_long_queue_is_served_in_its_sequence_however_it_is_worked_off(shop: Shop) -> None:
    places = [(number * 7 % 9 + 1, MONDAY + timedelta(minutes=number * 37 % 300)) for number in range(300)]
    orders = [await shop.place(("CHAIR", 1), priority=priority, placed_at=at) for priority, at in places]
    await at_once([shop.source(order, 1) for order in orders])
    in_sequence = [order for _, order in sorted(zip(places, orders, strict=True))]
    supply = 0
    for arriving in (70, 1, 59):
        supply += arriving
        await shop.receive(NEXT, CHAIR=arriving)
        second = await Shop.open(shop.database)
        while (await shop.counters("CHAIR"))[1] < supply:
            await at_once([each.backorders.work_off(20) for each in (shop, second)])
            served = [order for order in in_sequence if await shop.nodes(order)]
            assert served == in_sequence[: len(served)]
        assert len(served) == supply
    assert await agree(shop, "CHAIR") == (130, 130, 0)


# Less is in stock than was promised.


async def test_a_count_below_what_is_promised_sends_the_youngest_orders_elsewhere(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=6)
    orders = [await shop.sold(("CHAIR", 2), placed_at=MONDAY + timedelta(hours=number)) for number in range(3)]
    await shop.count(NEAREST, CHAIR=3)
    assert await shop.number("SELECT count(*) FROM exception WHERE code = 'stock_short'") == 1
    await shortage.settle(shop.transactions)
    assert [await shop.units(order) for order in orders] == [
        {"reserved": 2},
        {"open": 1, "reserved": 1},
        {"open": 2},
    ]
    assert [signal.order for signal in shop.sent] == [orders[2], orders[1]]
    assert await agree(shop, "CHAIR") == (3, 3, 0)
    await shortage.settle(shop.transactions)
    assert len(shop.sent) == 2


async def test_an_order_that_must_ship_complete_is_planned_as_a_whole_when_a_part_of_it_is_lost(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2, LAMP=2)
    whole = await shop.place(("CHAIR", 2), ("LAMP", 2), ship_complete=ShipComplete.ORDER)
    await shop.source(whole)
    await shop.count(NEAREST, CHAIR=1)
    await shortage.settle(shop.transactions)

    early = await shop.release(whole)
    await shop.source(whole)
    late = await shop.release(whole)

    assert (early.fulfillment_orders, late.fulfillment_orders) == ([], [])
    assert [await shop.units(whole, line) for line in ("1", "2")] == [{"backordered": 2}, {"backordered": 2}]
    assert (await agree(shop, "CHAIR"), await agree(shop, "LAMP")) == ((1, 0, 0), (2, 0, 0))
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(9)
    assert len((await shop.release(whole)).fulfillment_orders) == 1


async def test_what_must_ship_complete_and_waits_for_a_part_is_not_asked_for_its_release_over_and_over(
    shop: Shop,
) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    await shop.receive(NEXT, LAMP=1)
    whole = await shop.place(("CHAIR", 1), ("LAMP", 1), ship_complete=ShipComplete.ORDER)
    await shop.source(whole)
    works = (await shop.release(whole)).fulfillment_orders
    lamp, chair = (1, 2) if works[0].node == NEXT else (2, 1)
    await shop.receive(FARTHEST, LAMP=1)
    await shop.tell(whole, MessageKind.REJECTED, number=chair)
    await shop.source(whole)
    await shop.reroute(whole, FARTHEST, number=lamp)
    assert [await shop.units(whole, line) for line in ("1", "2")] == [{"backordered": 1}, {"reserved": 1}]

    after = await shop.release(whole)

    assert (after.total("reserved"), after.total("backordered")) == (0, 2), "it waits as a whole, and asks for nothing"


async def test_a_whole_line_is_released_while_another_one_waits_for_stock(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    order = await shop.place(("CHAIR", 2), ("LAMP", 2), ship_complete=ShipComplete.LINE)
    await shop.source(order)
    await shop.release(order)
    assert [await shop.units(order, line) for line in ("1", "2")] == [{"allocated": 2}, {"backordered": 2}]


async def test_carts_lose_their_units_before_orders_do_when_a_count_is_short(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=4)
    await shop.fill_cart("CHAIR", 2)
    order = await shop.sold(("CHAIR", 2))
    await shop.count(NEAREST, CHAIR=3)
    await shortage.settle(shop.transactions)
    assert await shop.units(order) == {"reserved": 2}
    assert await agree(shop, "CHAIR") == (3, 2, 0)


async def test_carts_lose_their_units_first_also_where_more_was_put_back_than_was_set_aside(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=4)
    put_back = [Movement(MovementKind.MOVED, NEAREST, "CHAIR", set_aside=-3, state="damaged")]
    async with shop.database.write() as connection:
        await stock.record(connection, put_back, order=None, cause="put back", actor="test", at=MONDAY)
    await shop.fill_cart("CHAIR", 2)
    order = await shop.sold(("CHAIR", 2))
    await shop.count(NEAREST, CHAIR=3)
    await shortage.settle(shop.transactions)
    assert await shop.units(order) == {"reserved": 2}


async def test_released_work_stays_with_its_node_when_a_count_is_short(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=4)
    released = await shop.released(("CHAIR", 3))
    pinned = await shop.sold(("CHAIR", 1))
    await shop.count(NEAREST, CHAIR=1)
    await shortage.settle(shop.transactions)
    assert await shop.units(released) == {"allocated": 3}
    assert await shop.units(pinned) == {"open": 1}
    assert await agree(shop, "CHAIR") == (1, 0, 3)
    assert await shop.number("SELECT count(*) FROM exception WHERE code = 'stock_short'") == 1


async def test_a_short_count_of_a_part_unpins_whole_sets(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=4, LAMP=2)
    order = await shop.sold(("DESK-SET", 2))
    await shop.count(NEAREST, CHAIR=3)
    await shortage.settle(shop.transactions)
    assert await shop.units(order) == {"open": 1, "reserved": 1}
    assert await agree(shop, "CHAIR") == (3, 2, 0)
    assert await agree(shop, "LAMP") == (2, 1, 0)


async def test_a_short_count_and_a_cancel_at_once_unpin_each_unit_once(shop: Shop) -> None:
    for _ in range(RACES):
        await shop.count(NEAREST, CHAIR=4)
        kept, gone = [await shop.sold(("CHAIR", 2)) for _ in range(2)]
        await shop.count(NEAREST, CHAIR=2)
        await at_once([shortage.settle(shop.transactions), shop.cancel(gone)])
        await shortage.settle(shop.transactions)
        assert await shop.units(gone) == {"cancelled": 2}
        assert (await agree(shop, "CHAIR"))[1] <= 2
        await shop.cancel(kept)
        assert await agree(shop, "CHAIR") == (2, 0, 0)


async def test_goods_that_were_taken_while_an_order_waited_for_a_gate_and_came_again_are_not_missed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.receive(NEAREST, LAMP=1)
    order = await shop.place(("CHAIR", 1), ("LAMP", 1))
    rounds = count(1)

    async def decide_and_go_on(connection: ReadConnection, network: Network, facts: OrderFacts, *more: Any) -> Decision:
        """After its first plan another order takes the lamp, and after its second a lamp comes."""
        decided = await supply.decide(connection, network, facts, *more)
        if facts.units == 2:
            match next(rounds):
                case 1:
                    await shop.sold(("LAMP", 1))
                case 2:
                    await shop.receive(NEAREST, LAMP=1)
        return decided

    monkeypatch.setattr(sourcing, "decide", decide_and_go_on)
    await shop.source(order)
    await shop.backorders.work_off(100)
    assert await shop.units(order, "2") == {"reserved": 1}

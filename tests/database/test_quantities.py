"""Changes of quantity before release, with real concurrent transactions: all lines or none, and never a part of a whole."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.network import ShipComplete
from domain.order import VALUE_MAX
from tests.database.shop import MAP, NEAREST, NEXT, Shop

RACES = 8
"""How often a race is run; each time who is first is left to chance."""
HOLDS = """
[[hold]]
id = "approval"
when = 'order.value > 1000 || order.weight_kg > 60.0'
reason = "more than ten are approved"
owner = "finance"
[[hold]]
id = "truck"
when = 'order.units > 50'
reason = "a truck must be booked"
owner = "transport"
stock = "wait"
[[hold]]
id = "fraud"
owner = "risk"
stock = "wait"
"""
LINE = {"cancelled": 0, "open": 0, "backordered": 0, "reserved": 0}


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop whose policy knows holds; when the test is over, every invariant must hold."""
    opened = await Shop.open(database, replace(MAP, policy=MAP.policy + HOLDS))
    yield opened
    await opened.check()


async def lines_of(shop: Shop, order: str, wanted: dict[str, int]) -> list[dict[str, Any]]:
    """What a change that is granted answers."""
    done = await shop.change(order, wanted)
    assert done.refused is None, done.refused
    found: list[dict[str, Any]] = done.answer["lines"]
    return found


async def refusal(shop: Shop, order: str, wanted: dict[str, int]) -> str:
    """Why a change is refused; nothing may have changed then."""
    before = await shop.state(order)
    done = await shop.change(order, wanted)
    assert done.refused is not None
    assert (await shop.state(order)).lines == before.lines
    return done.refused.reason


async def value(shop: Shop, order: str) -> int:
    return await shop.number("SELECT value FROM orders WHERE order_id = :order", order=order)


async def reported(shop: Shop, order: str) -> int:
    """Units in the channel's events: added to the order, less those that were cancelled."""
    statement = """
        SELECT coalesce(sum(CASE e.kind WHEN 'added' THEN t.quantity ELSE -t.quantity END), 0)
        FROM event e CROSS JOIN jsonb_to_recordset(e.data->'lines') AS t(line text, quantity bigint)
        WHERE e.order_id = :order AND e.kind IN ('added', 'cancelled')
    """
    return await shop.number(statement, order=order)


async def test_added_units_are_sourced_at_once_and_the_promise_stays(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.sold(("CHAIR", 2), ("LAMP", 1))
    await shop.receive(NEAREST, LAMP=1)
    await shop.backorders.work_off(10)
    promise = (await shop.state(order)).promise
    assert promise is not None

    assert await lines_of(shop, order, {"1": 4}) == [LINE | {"line": "1", "ordered": 4, "reserved": 4}]

    state = await shop.state(order)
    assert (state.promise, state.to_source) == (promise, 0)
    assert (await value(shop, order), await reported(shop, order)) == (500, 2)
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (5, 4, 0)


async def test_what_is_not_wanted_any_more_is_cancelled_and_what_was_ordered_stays_to_be_seen(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    order = await shop.sold(("CHAIR", 5))

    assert await lines_of(shop, order, {"1": 2}) == [LINE | {"line": "1", "ordered": 5, "cancelled": 3, "reserved": 2}]
    assert (await shop.counters("CHAIR"), await value(shop, order)) == ((3, 2, 0), 200)
    assert await lines_of(shop, order, {"1": 3}) == [LINE | {"line": "1", "ordered": 6, "cancelled": 3, "reserved": 3}]
    assert (await value(shop, order), await reported(shop, order)) == (300, -2)


async def test_one_line_grows_with_what_another_gives_back_in_the_same_change(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=4, LAMP=1)
    order = await shop.sold(("CHAIR", 3), ("DESK-SET", 1), ("LAMP", 1))
    assert (await shop.units(order), await shop.units(order, "2")) == ({"reserved": 3}, {"backordered": 1})

    changed = await lines_of(shop, order, {"1": 2, "2": 1, "3": 1})

    assert [line["reserved"] for line in changed] == [2, 0, 1], "the lamp is pinned for the line of lamps"
    grown = await lines_of(shop, order, {"1": 1, "3": 1})
    assert [line["ordered"] for line in grown] == [3, 1]
    await shop.cancel(order, {"3": 1})
    await shop.backorders.work_off(10)
    assert await shop.units(order, "2") == {"reserved": 1}, "a bundle gets both its parts"


async def test_added_units_queue_in_the_place_of_their_order(shop: Shop) -> None:
    monday = datetime.now(UTC) - timedelta(days=3)
    await shop.receive(NEAREST, CHAIR=1)
    first = await shop.sold(("CHAIR", 1), placed_at=monday)
    second = await shop.sold(("CHAIR", 1), placed_at=monday + timedelta(hours=1))
    (line,) = await lines_of(shop, first, {"1": 2})
    assert (line["reserved"], line["backordered"]) == (1, 1)

    await shop.receive(NEXT, CHAIR=1)
    await shop.backorders.work_off(10)

    assert [await shop.units(order) for order in (first, second)] == [{"reserved": 2}, {"backordered": 1}]


async def test_what_is_released_keeps_its_quantity_and_no_other_line_changes_with_it(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    order = await shop.sold(("CHAIR", 2), ("LAMP", 1))
    await shop.release(order)

    assert await refusal(shop, order, {"2": 3, "1": 3}) == "line 1 was released to a node"
    (line,) = await lines_of(shop, order, {"2": 3})
    assert line["backordered"] == 3, "the lamps were not released"
    await shop.tell(order, MessageKind.REJECTED)
    assert (await lines_of(shop, order, {"1": 1}))[0]["cancelled"] == 1, "no node has them any more"
    await shop.receive(NEXT, CHAIR=1)
    await shop.backorders.work_off(10)
    await shop.release(order)
    await shop.tell(order, MessageKind.SHIPPED, number=2)
    assert await refusal(shop, order, {"1": 2}) == "line 1 was released to a node"


async def test_what_cannot_be_is_refused_and_changes_nothing(shop: Shop) -> None:
    order = await shop.sold(("CHAIR", 1))
    assert await refusal(shop, order, {"1": 2, "9": 1}) == "the order has no line 9"
    async with shop.database.write() as connection:
        statement = f"UPDATE order_line SET unit_price = {VALUE_MAX} WHERE order_id = '{order}'"
        await connection.exec_driver_sql(statement)
    assert "minor units at the most" in await refusal(shop, order, {"1": 3})
    await shop.cancel(order)
    assert await refusal(shop, order, {"1": 1}) == "the order was cancelled"


async def test_an_order_whose_window_has_ended_does_not_grow_by_units_that_would_be_cancelled_at_once(
    shop: Shop,
) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    order = await shop.released(("CHAIR", 1), ("LAMP", 1))
    await shop.cancel(order, {"2": 1})
    async with shop.database.write() as connection:
        await connection.exec_driver_sql(f"UPDATE orders SET not_after = now() WHERE order_id = '{order}'")
    assert await refusal(shop, order, {"2": 1}) == "its not_after has passed: no more units of it may ship"


async def test_what_stays_ordered_keeps_its_goods_when_a_part_is_cancelled_though_others_wait_for_them(
    shop: Shop,
) -> None:
    await shop.receive(NEAREST, CHAIR=3, LAMP=1)
    order = await shop.released(("CHAIR", 3), ("LAMP", 1))
    waits = await shop.sold(("CHAIR", 5))

    await shop.cancel(order, {"1": 1})
    await shop.backorders.work_off(10)

    assert await shop.units(order) == {"cancelled": 1, "allocated": 2}
    assert await shop.units(order, "2") == {"allocated": 1}
    assert (await shop.units(waits))["reserved"] == 1


async def test_a_line_that_was_cancelled_alone_may_be_wanted_again(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=1)
    order = await shop.sold(("CHAIR", 1), ("LAMP", 1))
    await shop.cancel(order, {"2": 1})
    assert await lines_of(shop, order, {"2": 1}) == [LINE | {"line": "2", "ordered": 2, "cancelled": 1, "reserved": 1}]


async def test_the_same_change_twice_is_one(shop: Shop) -> None:
    order = await shop.sold(("CHAIR", 1))
    answers = await asyncio.gather(*(shop.change(order, {"1": 3}, key="once") for _ in range(4)))
    assert all(done.answer == answers[0].answer for done in answers)
    assert (await shop.units(order), await reported(shop, order)) == ({"backordered": 3}, 2)


@pytest.mark.parametrize("complete", [ShipComplete.ORDER, ShipComplete.LINE])
async def test_what_ships_only_as_a_whole_gives_its_pins_back_when_the_whole_cannot_be_had(
    shop: Shop, complete: ShipComplete
) -> None:
    await shop.receive(NEAREST, CHAIR=4)
    order = await shop.place(("CHAIR", 3), ship_complete=complete)
    await shop.source(order)

    (line,) = await lines_of(shop, order, {"1": 5})
    await shop.release(order)

    assert (line["reserved"], line["backordered"]) == (0, 5)
    assert (await shop.state(order)).fulfillment_orders == [], "a part never ships by itself"
    assert await shop.counters("CHAIR") == (4, 0, 0)
    await shop.backorders.work_off(10)
    (line,) = await lines_of(shop, order, {"1": 4})
    assert line["reserved"] == 4, "with less wanted, the whole can be had"


async def test_what_ships_only_as_a_whole_grows_as_a_whole(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.place(("CHAIR", 3), ("CHAIR", 1), ship_complete=ShipComplete.ORDER)
    await shop.source(order)
    (line,) = await lines_of(shop, order, {"1": 4})
    assert (line["reserved"], await shop.counters("CHAIR")) == (4, (5, 5, 0))


async def test_an_order_that_nothing_may_wait_for_grows_only_by_what_there_is(shop: Shop, database: Database) -> None:
    cancels = MAP.policy.replace('unfilled = "backorder"', 'unfilled = "cancel"')
    shop = await Shop.open(database, replace(MAP, policy=cancels))
    await shop.receive(NEAREST, CHAIR=3)
    order = await shop.sold(("CHAIR", 2))
    assert "allows no backorders" in await refusal(shop, order, {"1": 4})
    assert (await lines_of(shop, order, {"1": 3}))[0]["reserved"] == 3


async def test_an_order_does_not_grow_past_the_policys_holds(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=100)
    order = await shop.sold(("CHAIR", 2))

    await lines_of(shop, order, {"1": 10})
    assert (await shop.state(order)).holds == []
    assert (await lines_of(shop, order, {"1": 11}))[0]["reserved"] == 11
    assert (await shop.state(order)).holds == ["approval"]
    await shop.take_off(order, "approval")
    await lines_of(shop, order, {"1": 9})
    assert (await shop.state(order)).holds == [], "less was never more than what was approved"
    (line,) = await lines_of(shop, order, {"1": 51})
    assert ((await shop.state(order)).holds, line["open"]) == (["approval", "truck"], 51)
    assert await shop.counters("CHAIR") == (100, 0, 0)


async def test_a_quantity_that_changes_while_nothing_may_be_reserved_is_sourced_when_the_hold_is_off(
    shop: Shop,
) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.sold(("CHAIR", 2))
    await shop.hold(order)
    assert (await lines_of(shop, order, {"1": 4}))[0]["open"] == 4
    assert (await lines_of(shop, order, {"1": 3}))[0]["open"] == 3
    await shop.take_off(order)
    await shop.source(order)
    assert await shop.units(order) == {"reserved": 3, "cancelled": 1}


async def test_in_any_sequence_a_change_and_a_release_never_both_decide(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3 * RACES)
    for quantity in (1, 3) * (RACES // 2):
        order = await shop.sold(("CHAIR", 2))
        done, _ = await asyncio.gather(shop.change(order, {"1": quantity}), shop.release(order))
        work = (await shop.state(order)).fulfillment_order(f"{order}-f1")
        assert [line.quantity for line in work.lines] == [2 if done.refused else quantity]


async def test_in_any_sequence_a_change_and_a_cancel_leave_nothing_behind(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    for quantity in (1, 3) * (RACES // 2):
        order = await shop.sold(("CHAIR", 2))
        done, _ = await asyncio.gather(shop.change(order, {"1": quantity}), shop.cancel(order))
        grown = quantity if quantity > 2 and not done.refused else 2
        assert (await shop.units(order), await shop.counters("CHAIR")) == ({"cancelled": grown}, (3, 0, 0))


async def test_in_any_sequence_a_change_and_a_hold_leave_nothing_pinned(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    for quantity in (1, 3) * (RACES // 2):
        order = await shop.sold(("CHAIR", 2))
        done, _ = await asyncio.gather(shop.change(order, {"1": quantity}), shop.hold(order))
        assert done.refused is None
        assert (await shop.units(order))["open"] == quantity
        assert await shop.counters("CHAIR") == (3, 0, 0)
        await shop.cancel(order)


async def test_many_orders_that_change_at_once_get_no_more_than_there_is_and_wait_in_no_circle(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=6, LAMP=6)
    orders = [await shop.sold(("CHAIR", 2), ("LAMP", 1)) for _ in range(3)]
    orders += [await shop.sold(("LAMP", 1), ("CHAIR", 1)) for _ in range(3)]
    changes = [shop.change(order, {"1": 1 + number % 3, "2": 3 - number % 3}) for number, order in enumerate(orders)]
    for done in await asyncio.gather(*changes):
        assert done.refused is None
    await shop.backorders.work_off(100)
    assert sum([(await shop.counters(sku))[1] for sku in ("CHAIR", "LAMP")]) <= 12

"""Items that are not released yet are sold and promised for their day; and no more is sold ahead than an item allows."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from database.connect import Database
from database.documents import order as documents
from database.documents import promise as promises
from database.documents import sourcing as plans
from database.documents import supply as supplies
from domain.cart import PromiseRequest
from domain.network import ShipComplete
from domain.stock import StockMessage
from network.load import NetworkDocuments
from tests.database.shop import CUSTOMER, MAP, NEAREST, POLICY, Shop
from transactions import network_version, peg, promise, replay
from transactions import stock as stock_transactions
from transactions.replay import Verdict

DENVER = ZoneInfo("America/Denver")
TODAY = datetime.now(DENVER).date()
SELLS = POLICY.replace('unfilled = "backorder"', 'unfilled = "backorder"\nsell_incoming = true')
CANCELS = SELLS.replace("sell_incoming = true", 'sell_incoming = true\nbeyond_sell_ahead = "cancel"')


def with_items(*rows: str, policy: str = SELLS) -> NetworkDocuments:
    """The map with LAMP, CHAIR and others as these rows say: release_date,sell_ahead_max behind the other columns."""
    own = {row.split(",")[0]: row for row in rows}
    items = ["sku,name,weight_g,safety_stock,components,release_date,sell_ahead_max"]
    items += [own.get(row.split(",")[0], f"{row},,") for row in MAP.items.splitlines()[1:]]
    return replace(MAP, items="\n".join(items) + "\n", policy=policy)


def lamp(release: date | None = None, at_most: int | None = None, **more: str) -> NetworkDocuments:
    return with_items(f"LAMP,Lamp,900,0,,{release or ''},{'' if at_most is None else at_most}", **more)


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def midnight(number: int) -> datetime:
    """When the day so many days from now begins at the nodes."""
    return datetime.combine(day(number), time(), DENVER).astimezone(UTC)


async def apply(shop: Shop, wanted: NetworkDocuments) -> None:
    """Make another network active, and let the jobs do what follows."""
    async with shop.database.write() as connection:
        before = await network_version.lock_active(connection)
        await network_version.activate(connection, before, wanted)
    await shop.backorders.offer_under_new_rules()
    await peg.work_off(shop.transactions)
    await shop.check()


async def opened(database: Database, wanted: NetworkDocuments) -> Shop:
    """A shop whose jobs have seen its network."""
    shop = await Shop.open(database, wanted)
    await shop.backorders.offer_under_new_rules()
    return shop


async def announce(shop: Shop, units: int, number: int, sku: str = "LAMP") -> None:
    body: dict[str, Any] = {"message_id": f"{sku}-{number}", "node": NEAREST, "kind": "expected"}
    body |= {
        "occurred_at": datetime.now(UTC),
        "expected_at": midnight(number),
        "lines": [{"sku": sku, "quantity": units}],
    }
    await stock_transactions.record(shop.transactions, StockMessage.model_validate(body), actor="node")
    await peg.work_off(shop.transactions)


async def document(shop: Shop, order: str) -> dict[str, Any]:
    async with shop.database.read() as connection:
        found = await documents.show(connection, order, channel=None, at=datetime.now(UTC))
    assert found is not None
    return found


async def ships_on(shop: Shop, order: str) -> int | None:
    """In how many days the order ships by its present promise."""
    promised = (await document(shop, order))["promise"]
    return promised and (datetime.fromisoformat(promised["ship_by"]).astimezone(DENVER).date() - TODAY).days


async def events(shop: Shop, order: str) -> list[str]:
    statement = text("SELECT kind FROM event WHERE order_id = :order AND kind LIKE 'promise%' ORDER BY event_id")
    async with shop.database.read() as connection:
        return list((await connection.execute(statement, {"order": order})).scalars())


async def exceptions(shop: Shop) -> list[str]:
    async with shop.database.read() as connection:
        found = await connection.execute(text("SELECT detail FROM exception WHERE resolved_at IS NULL ORDER BY since"))
        return list(found.scalars())


async def supply(shop: Shop, sku: str = "LAMP") -> dict[str, Any] | None:
    async with shop.database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)
        return await supplies.sold_ahead(connection, network, sku)


async def asked_for(shop: Shop, **units: int) -> dict[str, Any]:
    """What a cart is promised."""
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
    body = {"channel": "web", "ship_to": CUSTOMER, "service": "standard", "lines": lines}
    asked = PromiseRequest.model_validate(body)
    planned = await promise.plans(shop.database, shop.transactions.networks, asked, datetime.now(UTC))
    return promises.promise(*planned["standard"])


async def test_goods_on_hand_are_sold_before_their_day_and_leave_on_it(database: Database) -> None:
    shop = await opened(database, lamp(day(10)))
    await shop.receive(NEAREST, LAMP=5)
    order = await shop.sold(("LAMP", 2))

    assert await shop.units(order) == {"reserved": 2}, "they are kept for it"
    assert await ships_on(shop, order) == 10
    assert (await shop.state(order)).release_at == midnight(10)
    await shop.release(order, midnight(10) - timedelta(seconds=1))
    assert await shop.units(order) == {"reserved": 2}
    await shop.release(order, midnight(10))
    assert await shop.units(order) == {"allocated": 2}
    await shop.check()


async def test_a_checkout_is_promised_the_day_of_the_item(database: Database) -> None:
    shop = await opened(database, lamp(day(10)))
    await shop.receive(NEAREST, LAMP=5, CHAIR=5)
    found = await asked_for(shop, LAMP=1)
    assert found["fillable"]
    assert datetime.fromisoformat(found["ship_by"]) >= midnight(10)
    assert datetime.fromisoformat((await asked_for(shop, CHAIR=1))["ship_by"]) < midnight(9)


async def test_an_order_leaves_together_and_at_once_when_what_is_not_released_is_cancelled(database: Database) -> None:
    shop = await opened(database, lamp(day(10)))
    await shop.receive(NEAREST, LAMP=5, CHAIR=5)
    order = await shop.sold(("CHAIR", 1), ("LAMP", 1))
    await shop.release(order)
    assert await shop.units(order) == {"reserved": 1}
    shop.sent.clear()
    await shop.cancel(order, {"2": 1})
    assert (await shop.state(order)).release_at < midnight(1)
    await shop.release(order)
    assert await shop.units(order) == {"allocated": 1}
    await shop.check()


@pytest.mark.parametrize(("arrives", "expected"), [(5, 10), (15, 15)])
async def test_announced_goods_are_promised_for_their_day_or_that_of_the_item(
    database: Database, arrives: int, expected: int
) -> None:
    shop = await opened(database, lamp(day(10)))
    await announce(shop, 3, arrives)
    order = await shop.sold(("LAMP", 2))
    await peg.work_off(shop.transactions)
    assert await ships_on(shop, order) == expected


async def test_another_release_date_is_one_new_promise_and_wakes_who_waits_for_it(database: Database) -> None:
    shop = await opened(database, lamp(day(10)))
    await shop.receive(NEAREST, LAMP=5)
    order, done = await shop.sold(("LAMP", 1)), await shop.sold(("CHAIR", 1))
    for number in (20, 4):
        shop.sent.clear()
        await apply(shop, lamp(day(number)))
        assert ((await shop.state(order)).release_at, await ships_on(shop, order)) == (midnight(number), number)
        assert order in {one.order for one in shop.sent}
        assert done not in {one.order for one in shop.sent}
    await apply(shop, lamp(day(4), at_most=9))
    await apply(shop, lamp())
    assert (await shop.state(order)).release_at < midnight(1)
    assert await ships_on(shop, order) in (0, 1)
    assert await events(shop, order) == ["promised", *["promise_changed"] * 3]


async def test_an_order_that_was_placed_before_its_item_got_a_day_waits_for_it(database: Database) -> None:
    shop = await opened(database, lamp())
    await shop.receive(NEAREST, LAMP=5)
    order, released = await shop.sold(("LAMP", 1)), await shop.released(("LAMP", 1))
    await apply(shop, lamp(day(6)))
    await shop.release(order)
    assert (await shop.units(order), await ships_on(shop, order)) == ({"reserved": 1}, 6)
    assert await shop.units(released) == {"allocated": 1}, "what its node has been asked for stays"


async def test_a_bundle_leaves_when_the_last_of_its_components_may(database: Database) -> None:
    shop = await opened(database, lamp(day(10)))
    await shop.receive(NEAREST, LAMP=5, CHAIR=9)
    order = await shop.sold(("DESK-SET", 1))
    assert (await shop.state(order)).release_at == midnight(10)


async def test_what_is_beyond_the_limit_needs_a_person_and_says_why(database: Database) -> None:
    shop = await opened(database, lamp(at_most=3))
    first, second, third = [await shop.sold(("LAMP", 2)) for _ in range(3)]
    assert [await shop.units(one) for one in (first, second, third)] == [
        {"backordered": 2},
        {"backordered": 1, "open": 1},
        {"open": 2},
    ]
    why = "may not wait for stock: no more than 3 of LAMP may be sold ahead (sell_ahead_max)"
    assert await exceptions(shop) == [f"1 of line 1 {why}", f"2 of line 1 {why}"]
    async with shop.database.read() as connection:
        (made,) = await plans.rounds(connection, second)
    assert made["beyond_sell_ahead"] == [{"line": "1", "sku": "LAMP", "quantity": 1}]
    assert await supply(shop) == {"max": 3, "waiting": 3, "left": 0}
    await shop.check()


async def test_goods_on_hand_are_sold_without_regard_to_the_limit(database: Database) -> None:
    shop = await opened(database, lamp(at_most=0))
    await shop.receive(NEAREST, LAMP=2)
    order = await shop.sold(("LAMP", 3))
    assert await shop.units(order) == {"reserved": 2, "open": 1}


async def test_what_is_beyond_the_limit_is_cancelled_where_the_strategy_says_so(database: Database) -> None:
    shop = await opened(database, lamp(at_most=3, policy=CANCELS))
    orders = [await shop.sold(("LAMP", 2)) for _ in range(2)]
    assert [await shop.units(one) for one in orders] == [{"backordered": 2}, {"backordered": 1, "cancelled": 1}]
    assert await exceptions(shop) == []
    await shop.check()


async def test_a_checkout_hears_that_too_many_wait_already(database: Database) -> None:
    shop = await opened(database, lamp(at_most=3))
    await announce(shop, 9, 5)
    await shop.sold(("LAMP", 2))
    await peg.work_off(shop.transactions)
    one, two = await asked_for(shop, LAMP=1), await asked_for(shop, LAMP=2)
    assert (one["fillable"], one["beyond_sell_ahead"]) == (True, [])
    assert (two["fillable"], two["ship_by"]) == (False, None)
    assert [(row["sku"], row["quantity"]) for row in two["beyond_sell_ahead"]] == [("LAMP", 1)]


async def test_who_stops_waiting_makes_room_and_a_lower_limit_takes_nothing(database: Database) -> None:
    shop = await opened(database, lamp(at_most=4))
    first, second = [await shop.sold(("LAMP", 2)) for _ in range(2)]
    await apply(shop, lamp(at_most=1))
    await shop.source(second)
    assert await shop.units(second) == {"backordered": 2}
    assert await supply(shop) == {"max": 1, "waiting": 4, "left": 0}
    await shop.cancel(first)
    await shop.cancel(second)
    await shop.check()
    third = await shop.sold(("LAMP", 2))
    assert await shop.units(third) == {"backordered": 1, "open": 1}
    await shop.check()


async def test_an_order_does_not_grow_by_more_than_may_wait_and_keeps_what_it_has(database: Database) -> None:
    shop = await opened(database, lamp(at_most=1, policy=CANCELS))
    await shop.receive(NEAREST, LAMP=2)
    order = await shop.place(("LAMP", 2), ship_complete=ShipComplete.ORDER)
    await shop.source(order)
    refused = (await shop.change(order, {"1": 3})).refused
    assert refused is not None
    assert refused.reason == "not every unit can be filled, and 2 of line 1 may not wait for stock (sell_ahead_max)"
    assert (await shop.units(order), await shop.counters("LAMP")) == ({"reserved": 2}, (2, 2, 0))
    other = await shop.sold(("CHAIR", 1))
    assert (await shop.change(other, {"1": 2})).refused is None, "chairs have no limit"
    await shop.check()


async def test_units_of_bundles_count_by_their_components(database: Database) -> None:
    shop = await opened(database, with_items("CHAIR,Chair,6000,0,,,5"))
    await shop.receive(NEAREST, LAMP=9)
    await shop.sold(("CHAIR", 2))
    order = await shop.sold(("DESK-SET", 2))
    assert await shop.units(order) == {"backordered": 1, "open": 1}, "a set has two chairs, and three may still wait"
    assert await supply(shop, "CHAIR") == {"max": 5, "waiting": 4, "left": 1}


async def test_orders_that_come_at_once_never_exceed_the_limit(database: Database) -> None:
    shop = await opened(database, lamp(at_most=7))
    orders = [await shop.place(("LAMP", 2)) for _ in range(12)]
    await asyncio.gather(*(shop.source(one) for one in orders))
    found = [await shop.units(one) for one in orders]
    assert sum(units.get("backordered", 0) for units in found) == 7
    await shop.check()


async def test_a_round_with_units_beyond_the_limit_comes_out_the_same_when_it_is_planned_again(
    database: Database,
) -> None:
    shop = await opened(database, lamp(day(5), at_most=1))
    await shop.receive(NEAREST, LAMP=1)
    await shop.sold(("LAMP", 3))
    verdicts = [one.verdict async for one in replay.replay(shop.database, datetime.now(UTC) - timedelta(hours=1))]
    assert verdicts == [Verdict.SAME]

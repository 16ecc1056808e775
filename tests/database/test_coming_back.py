"""What comes back with returns is dated supply of its node: the share that is restocked is promised, each unit once."""

import asyncio
import contextlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from database.documents import promise as promises
from database.documents import stock as stocks
from database.documents import supply as supplies
from database.key import Caller
from database.order import Event
from domain.cart import PromiseRequest
from domain.returns import DispositionRequest, ReturnDecision
from domain.role import Role
from tests.database.shop import CUSTOMER, MAP, NEAREST, NEXT, POLICY, Shop
from tests.database.test_cut_over import DELIVERED
from tests.database.test_cut_over import take as taken_over
from tests.database.test_pegs import announce, days, events, settle
from tests.database.test_returns import Desk
from transactions import channel_refund, peg, promise
from transactions import returns as return_transactions
from transactions.request import Asked, RequestRefused
from transactions.returns import ReturnStep

SELLS = POLICY.replace('unfilled = "backorder"', 'unfilled = "backorder"\nsell_incoming = true\nsell_returns = true')
ANNOUNCED_ONLY = SELLS.replace("sell_returns = true\n", "")
IN_TWO_WEEKS = 13
"""Days from now, as `days` rounds them down."""


@pytest.fixture
async def desk(database: Database) -> Desk:
    """A desk that has seen 4 of 5 lamps restocked, and has none left; ten more lamps are with customers."""
    return await experienced(database, SELLS)


async def experienced(database: Database, policy: str) -> Desk:
    desk = Desk(await Shop.open(database, replace(MAP, policy=policy)))
    await desk.shop.receive(NEAREST, LAMP=5)
    name = await desk.asked(await desk.delivered(("LAMP", 5)), 5)
    await desk.grade(name, 4)
    await desk.grade(name, 1, "scrap")
    await desk.shop.count(NEAREST, LAMP=0)
    await settle(desk.shop)
    return desk


async def with_customer(desk: Desk, units: int) -> str:
    """An order of lamps that was delivered, and left none."""
    await desk.shop.receive(NEAREST, LAMP=units)
    return await desk.delivered(("LAMP", units))


async def supply(desk: Desk) -> list[dict[str, Any]]:
    async with desk.shop.database.read() as connection:
        _, network = await desk.shop.transactions.networks.active(connection)
        page = await supplies.of_item(connection, network, "LAMP", node=None, after=None, limit=50)
    return [row for row in page["items"] if row["kind"] != "on_hand"]


async def cancel(desk: Desk, name: str) -> None:
    await return_transactions.cancel(desk.shop.transactions, Asked(name, ReturnDecision(), "operator"))


async def dispose(desk: Desk, name: str, was: str, now: str) -> None:
    """Change the disposition of a unit."""
    body = DispositionRequest.model_validate({"lines": [{"line": "1", "quantity": 1, "from": was, "to": now}]})
    await return_transactions.change_dispositions(desk.shop.transactions, Asked(name, body, "operator"))


async def test_the_share_that_was_restocked_before_is_promised_and_no_more(desk: Desk) -> None:
    order = await with_customer(desk, 5)
    for _ in range(5):
        await desk.asked(order)
    waiting = [await desk.shop.sold(("LAMP", 1)) for _ in range(5)]
    await settle(desk.shop)
    counted = [await days(desk.shop, one) for one in waiting]
    assert counted == [f"1 on {IN_TWO_WEEKS}"] * 4 + [""], "80 in 100 of five units"
    assert [await events(desk.shop, one) for one in waiting] == [["promised"]] * 4 + [[]]


async def test_a_strategy_promises_goods_that_come_back_only_where_it_says_so(database: Database) -> None:
    desk = await experienced(database, ANNOUNCED_ONLY)
    await desk.asked(await with_customer(desk, 5), 5)
    order = await desk.shop.sold(("LAMP", 1))
    await settle(desk.shop)
    assert await days(desk.shop, order) == ""
    assert [(row["units"], row["promised"]) for row in await supply(desk)] == [(5, 0)], "it is seen all the same"


async def test_nothing_is_promised_of_an_item_that_was_hardly_ever_returned(database: Database) -> None:
    desk = Desk(await Shop.open(database, replace(MAP, policy=SELLS)))
    await desk.asked(await with_customer(desk, 5), 5)
    order = await desk.shop.sold(("LAMP", 1))
    await settle(desk.shop)
    assert await days(desk.shop, order) == ""
    assert (await supply(desk))[0]["restocked_percent"] is None


async def test_what_came_back_to_another_system_says_nothing_of_what_is_restocked_here(desk: Desk) -> None:
    """An order that was taken over brings what had come back of it; what became of the units there, nobody has said."""
    line = {"line": "1", "sku": "LAMP", "quantity": 6, "unit_price": 100, "shipped": 6, "returned": 6}
    await taken_over(desk, {"shipped": 6, "returned": 6}, **DELIVERED, refunded=0, lines=[line])
    await desk.asked(await with_customer(desk, 5), 5)
    assert [row["restocked_percent"] for row in await supply(desk)] == [80]


async def test_what_a_channel_paid_back_without_goods_says_nothing_of_what_is_restocked(desk: Desk) -> None:
    """A parcel was lost, say, and the shop paid its customer: nothing was ever to come back."""
    paid = await with_customer(desk, 5)
    at = datetime.now(UTC)
    async with desk.shop.transactions.open(paid) as work:
        name = await channel_refund.record(work, {"1": 5}, 500, at)
        await work.write(Event("paid back", "channel:web", at))
    await return_transactions.close_return(desk.shop.transactions, ReturnStep(order=paid, return_=name, at=at))
    await desk.asked(await with_customer(desk, 5), 5)
    assert [row["restocked_percent"] for row in await supply(desk)] == [80]


async def test_what_is_restocked_goes_to_the_order_that_was_promised_it(desk: Desk) -> None:
    name = await desk.asked(await with_customer(desk, 5), 5)
    pegged = await desk.shop.sold(("LAMP", 4))
    await settle(desk.shop)
    assert await days(desk.shop, pegged) == f"4 on {IN_TWO_WEEKS}"
    urgent = await desk.shop.place(("LAMP", 1), priority=1)
    await desk.shop.source(urgent)
    await desk.grade(name, 4)
    await desk.shop.check()
    await desk.shop.backorders.work_off(100)
    await settle(desk.shop)
    assert await desk.shop.units(pegged) == {"reserved": 4}, "though the other one comes first in sequence"
    assert await desk.shop.units(urgent) == {"backordered": 1}
    assert await days(desk.shop, urgent) == "", "of one unit, 80 in 100 is none"


async def test_who_was_promised_what_proves_unsellable_gets_another_promise(desk: Desk) -> None:
    name = await desk.asked(await with_customer(desk, 5), 5)
    order = await desk.shop.sold(("LAMP", 4))
    await settle(desk.shop)
    await desk.grade(name, 2, "quarantine")
    await desk.shop.check()
    await announce(desk.shop, 4, 30)
    await settle(desk.shop)
    assert await days(desk.shop, order) == f"3 on {IN_TWO_WEEKS}, 1 on 30"
    assert await events(desk.shop, order) == ["promised", "promise_changed"]


@pytest.mark.parametrize("ends", ["cancelled", "expired"])
async def test_who_was_promised_goods_that_do_not_come_back_loses_the_promise(desk: Desk, ends: str) -> None:
    name = await desk.asked(await with_customer(desk, 5), 5)
    order = await desk.shop.sold(("LAMP", 1))
    await settle(desk.shop)
    if ends == "cancelled":
        await cancel(desk, name)
    else:
        step = ReturnStep(order=name.rpartition("-r")[0], return_=name, at=datetime.now(UTC) + timedelta(days=31))
        await return_transactions.expire_return(desk.shop.transactions, step)
    await desk.shop.check()
    await settle(desk.shop)
    assert (await days(desk.shop, order), await supply(desk)) == ("", [])
    assert await events(desk.shop, order) == ["promised", "promise_changed"]
    if ends == "expired":  # they come after all: then they are stock like any other
        await desk.grade(name, 1)
        await desk.shop.backorders.work_off(100)
        await settle(desk.shop)
        assert await desk.shop.units(order) == {"reserved": 1}


async def test_a_return_is_no_supply_before_a_person_has_authorized_it(database: Database) -> None:
    desk = await experienced(database, SELLS.replace('window = "30d"', 'window = "30d"\napprove_below = 0'))
    name = await desk.asked(await with_customer(desk, 5), 5)
    assert await supply(desk) == []
    await return_transactions.approve(desk.shop.transactions, Asked(name, ReturnDecision(), "operator"))
    await settle(desk.shop)
    (row,) = await supply(desk)
    assert (row["kind"], row["expected"], row["units"]) == ("returned", name, 5)


async def test_what_need_not_be_sent_or_is_graded_elsewhere_is_no_supply_of_the_node(database: Database) -> None:
    desk = await experienced(database, SELLS)
    name = await desk.asked(await with_customer(desk, 5), 5)
    unit = {"line": "1", "quantity": 3, "condition": "as_new", "disposition": "restock"}
    await desk.tell(name, "graded", node=NEXT, lines=[unit])
    await settle(desk.shop)
    assert [(row["node"], row["units"], row["arrived"]) for row in await supply(desk)] == [(NEAREST, 2, 0)]


async def test_what_is_paid_before_it_comes_is_not_counted_on(database: Database) -> None:
    policy = SELLS.replace('window = "30d"', 'window = "30d"\nrefund_on = "none_needed"')
    desk = Desk(await Shop.open(database, replace(MAP, policy=policy)))
    await desk.asked(await with_customer(desk, 5), 5)
    await desk.shop.check()
    assert await supply(desk) == []


async def test_goods_that_come_back_are_no_announced_goods(desk: Desk) -> None:
    """`incoming` of an item is what nodes have announced; a need is not covered by what may prove unsellable."""
    await desk.asked(await with_customer(desk, 5), 5)
    async with desk.shop.database.read() as connection:
        _, network = await desk.shop.transactions.networks.active(connection)
        shown = await stocks.of_item(connection, network, "LAMP", Caller("", "operator", "", Role.SEE))
    assert (shown["incoming"], shown["nodes"][0]["incoming"]) == (0, 0)


async def test_a_checkout_is_promised_what_comes_back(desk: Desk) -> None:
    await desk.asked(await with_customer(desk, 5), 5)
    for units, is_fillable in ((4, True), (5, False)):
        lines = [{"sku": "LAMP", "quantity": units}]
        asked = PromiseRequest.model_validate(
            {"channel": "web", "ship_to": CUSTOMER, "service": "standard", "lines": lines}
        )
        shop = desk.shop
        planned = await promise.plans(shop.database, shop.transactions.networks, asked, datetime.now(UTC))
        assert promises.promise(*planned["standard"])["fillable"] is is_fillable


async def test_a_node_that_takes_longer_is_counted_on_later(desk: Desk) -> None:
    """The days from the authorization until the units were restocked, of its last returns: 8 in 10 took no longer."""
    order = await with_customer(desk, 6)
    for took in (3, 20, 18, 21, 40):
        name = await desk.asked(order)
        async with desk.shop.database.write() as connection:
            ago = {"at": datetime.now(UTC) - timedelta(days=took), "return": name}
            await connection.execute(text("UPDATE return SET authorized_at = :at WHERE return_id = :return"), ago)
        await desk.grade(name, 1)
    await desk.shop.count(NEAREST, LAMP=0)
    await desk.asked(order)
    (row,) = await supply(desk)
    assert (datetime.fromisoformat(row["expected_at"]) - datetime.now(UTC)).days == 20


async def _changes(desk: Desk, chance: random.Random, changes: int) -> None:
    """Random changes of what comes back and of what waits, several at once, with the job beside them."""
    order = await with_customer(desk, 12)
    returns = [await desk.asked(order, chance.randint(1, 3)) for _ in range(4)]
    orders = [await desk.shop.sold(("LAMP", chance.randint(1, 3)))]

    async def one() -> None:
        name = chance.choice(returns)
        match chance.choice(
            ["sell", "cancel", "grade", "grade", "restock", "turns", "withdraw", "receive", "dispose", "settle"]
        ):
            case "sell":
                orders.append(await desk.shop.sold(("LAMP", chance.randint(1, 3))))
            case "cancel":
                await desk.shop.cancel(chance.choice(orders))
            case "grade":
                await desk.grade(name, 1, chance.choice(["quarantine", "scrap"]))
            case "restock":
                await desk.grade(name, 1)
            case "turns":
                await desk.shop.backorders.work_off(100)
            case "withdraw":
                with contextlib.suppress(RequestRefused):
                    await cancel(desk, name)
            case "receive":
                await desk.tell(name, "received", lines=[{"line": "1", "quantity": 1}])
            case "dispose":
                was, now = chance.sample(["restock", "quarantine", "refurbish"], 2)
                with contextlib.suppress(RequestRefused):
                    await dispose(desk, name, was, now)
            case "settle":
                await desk.tell(name, "settled")

    for _ in range(changes // 3):
        await asyncio.gather(*(one() for _ in range(3)), peg.work_off(desk.shop.transactions))
        await desk.shop.check()
    await settle(desk.shop)


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_that_comes_back_is_promised_twice_whatever_happens_at_once(desk: Desk, seed: int) -> None:
    await _changes(desk, random.Random(seed), 24)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
async def test_nothing_that_comes_back_is_promised_twice_in_many_changes(desk: Desk, seed: int) -> None:
    await _changes(desk, random.Random(seed), 150)

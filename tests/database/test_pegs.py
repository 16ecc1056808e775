"""Announced goods are promised to the orders that wait, in sequence, each unit once, and every change of them is followed."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database import backorder
from database import peg as statements
from database.connect import Database
from database.documents import order as documents
from database.documents import promise as promises
from database.documents import supply as supplies
from domain.cart import PromiseRequest
from domain.fulfillment import MessageKind
from domain.network import ShipComplete
from domain.stock import StockMessage
from network.load import NetworkDocuments
from tests.database.shop import CUSTOMER, MAP, NEAREST, NEXT, POLICY, Shop
from tests.sql_statements import round_trips_of_this_task, watched
from transactions import backorder as turns
from transactions import network_version, peg, promise, supply
from transactions import stock as stock_transactions

SELLS = replace(MAP, policy=POLICY.replace('unfilled = "backorder"', 'unfilled = "backorder"\nsell_incoming = true'))
LAGS = replace(SELLS, policy=SELLS.policy.replace("sell_incoming = true", 'sell_incoming = true\nincoming_lag = "2d"'))
TODAY = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0)
"""Noon in Denver, or an hour off: before the cut-off of every node."""
_numbers = count(1)


def on(day: int) -> datetime:
    """A moment so many days from now."""
    return TODAY + timedelta(days=day)


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop whose strategy sells announced goods."""
    return await Shop.open(database, SELLS)


async def tell(shop: Shop, kind: str, units: int, *, node: str = NEAREST, sku: str = "LAMP", **more: Any) -> str:
    """Tell something of a node's goods; answers the id of the message."""
    name: str = more.pop("message_id", f"goods-{next(_numbers)}")
    body = {"message_id": name, "node": node, "kind": kind, "occurred_at": datetime.now(UTC)} | more
    message = StockMessage.model_validate(body | {"lines": [{"sku": sku, "quantity": units}]})
    await stock_transactions.record(shop.transactions, message, actor="node")
    return name


async def announce(shop: Shop, units: int, day: int, **more: Any) -> str:
    return await tell(shop, "expected", units, expected_at=on(day), **more)


async def change(shop: Shop, expected: str, units: int, day: int, **more: Any) -> None:
    await tell(shop, "expected_changed", units, expected=expected, expected_at=on(day), **more)


async def receive(shop: Shop, expected: str, units: int, **more: Any) -> None:
    """Announced goods arrive, and the orders that wait have their turns."""
    await tell(shop, "received", units, expected=expected, **more)
    await shop.backorders.work_off(100)


async def settle(shop: Shop) -> None:
    await peg.work_off(shop.transactions)
    await shop.check()


async def document(shop: Shop, order: str) -> dict[str, Any]:
    async with shop.database.read() as connection:
        found = await documents.show(connection, order, channel=None, at=datetime.now(UTC))
    assert found is not None
    return found


async def days(shop: Shop, order: str) -> str:
    """The units of an order by how many days from now their goods are counted on."""
    found = (await document(shop, order))["from_supply"]
    return ", ".join(f"{row['quantity']} on {_day(row['due_at'])}" for row in found)


def _day(written: str | None) -> int | None:
    return None if written is None else (datetime.fromisoformat(written) - TODAY) // timedelta(days=1)


async def promised(shop: Shop, order: str) -> int | None:
    """In how many days the order ships by its present promise."""
    found = (await document(shop, order))["promise"]
    return found and _day(found["ship_by"])


async def events(shop: Shop, order: str) -> list[str]:
    statement = text("SELECT kind FROM event WHERE order_id = :order AND kind LIKE 'promise%' ORDER BY event_id")
    async with shop.database.read() as connection:
        return list((await connection.execute(statement, {"order": order})).scalars())


async def test_who_waits_is_promised_what_is_announced_in_sequence(shop: Shop) -> None:
    await announce(shop, 3, 10)
    await announce(shop, 5, 20)
    first, second = await shop.sold(("LAMP", 2)), await shop.sold(("LAMP", 2))
    await settle(shop)
    assert (await days(shop, first), await days(shop, second)) == ("2 on 10", "1 on 10, 1 on 20")
    assert (await promised(shop, first), await promised(shop, second)) == (10, 20)
    assert await shop.units(second) == {"backordered": 2}, "a pegged unit waits for stock"
    assert (await shop.state(second)).status == "backordered"
    assert [await events(shop, order) for order in (first, second)] == [["promised"], ["promised"]]


async def test_goods_that_are_announced_later_are_promised_to_who_waits_already(shop: Shop) -> None:
    late = await shop.sold(("LAMP", 2), placed_at=datetime.now(UTC))
    early = await shop.sold(("LAMP", 2), placed_at=datetime.now(UTC) - timedelta(hours=1))
    await settle(shop)
    assert await promised(shop, early) is None
    await announce(shop, 3, 10)
    await settle(shop)
    assert (await days(shop, early), await days(shop, late)) == ("2 on 10", "1 on 10")
    assert await promised(shop, late) is None, "one unit is not covered"


async def test_a_strategy_that_does_not_sell_announced_goods_promises_none(database: Database) -> None:
    shop = await Shop.open(database)
    await announce(shop, 3, 10)
    order = await shop.sold(("LAMP", 2))
    await settle(shop)
    assert (await days(shop, order), await promised(shop, order)) == ("", None)


async def test_goods_are_counted_on_with_the_lag_of_the_strategy(database: Database) -> None:
    shop = await Shop.open(database, LAGS)
    await announce(shop, 3, 10)
    order = await shop.sold(("LAMP", 2))
    await settle(shop)
    assert (await days(shop, order), await promised(shop, order)) == ("2 on 12", 12)


async def test_goods_of_a_supplier_are_counted_on_as_late_as_eight_in_ten_of_its_goods_came(shop: Shop) -> None:
    for number, late in enumerate([0, 1, 3, 3, 6]):
        name = await announce(shop, 1, -10, supplier="acme", sku="CHAIR")
        if number == 2:  # a slip that was announced counts as well: what was promised first counts
            await change(shop, name, 1, -8, sku="CHAIR")
        await tell(shop, "received", 1, sku="CHAIR", expected=name, occurred_at=on(late - 10))
    await announce(shop, 1, 10, supplier="others")
    await announce(shop, 2, 9, supplier="acme")
    first, second = await shop.sold(("LAMP", 1)), await shop.sold(("LAMP", 1))
    await settle(shop)
    assert (await days(shop, first), await days(shop, second)) == ("1 on 10", "1 on 12")
    async with shop.database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)
        page = await supplies.of_item(connection, network, "LAMP", node=None, after=None, limit=9)
    shown = [
        (one["supplier"], one["late_days"], one["learned_from"], _day(one["counted_from"])) for one in page["items"]
    ]
    assert shown == [("acme", 3, 5, 12), ("others", None, None, None)]


async def test_a_slip_within_what_its_supplier_was_counted_on_for_is_no_new_promise(shop: Shop) -> None:
    for _ in range(5):
        name = await announce(shop, 1, -10, supplier="acme", sku="CHAIR")
        await tell(shop, "received", 1, sku="CHAIR", expected=name, occurred_at=on(-7))
    goods = await announce(shop, 2, 9, supplier="acme")
    order = await shop.sold(("LAMP", 1))
    await settle(shop)
    for day, expected in ((11, 12), (14, 14), (10, 12)):
        await change(shop, goods, 2, day)
        await settle(shop)
        assert await days(shop, order) == f"1 on {expected}"
    assert await events(shop, order) == ["promised", "promise_changed", "promise_changed"]


async def test_a_slip_gives_each_of_its_orders_one_new_promise_and_keeps_the_first(shop: Shop) -> None:
    goods = await announce(shop, 3, 10)
    await announce(shop, 5, 20)
    first, second = await shop.sold(("LAMP", 3)), await shop.sold(("LAMP", 2))
    await settle(shop)
    await change(shop, goods, 3, 30)
    await settle(shop)
    assert (await days(shop, first), await days(shop, second)) == ("3 on 20", "2 on 20")
    shown = await document(shop, first)
    assert (_day(shown["promise"]["ship_by"]), _day(shown["first_promise"]["ship_by"])) == (20, 10)
    assert await events(shop, first) == ["promised", "promise_changed"]
    assert await events(shop, second) == ["promised"], "its goods did not slip"


def test_a_slip_of_many_orders_does_not_count_them_again_for_each_of_them() -> None:
    """With 10,000 orders this took up to ten seconds of processor time for each hundred of them."""
    changed = statements.ToPeg([statements.Noted(mark, "LAMP", f"web-{mark}") for mark in range(3)])
    assert changed.orders is changed.orders
    assert changed.skus is changed.skus
    assert changed.orders == {"web-0", "web-1", "web-2"}


async def test_who_loses_goods_is_the_last_in_sequence_and_hears_that_nobody_knows(shop: Shop) -> None:
    goods = await announce(shop, 4, 10)
    first, second = await shop.sold(("LAMP", 2)), await shop.sold(("LAMP", 2))
    await settle(shop)
    await change(shop, goods, 2, 10)
    await shop.check()  # before the job has run: nothing is promised twice at any moment
    await settle(shop)
    assert (await days(shop, first), await days(shop, second)) == ("2 on 10", "")
    assert (await promised(shop, first), await promised(shop, second)) == (10, None)
    assert await events(shop, second) == ["promised", "promise_changed"]
    await announce(shop, 9, 15)
    await settle(shop)
    assert await promised(shop, second) == 15
    assert await events(shop, second) == ["promised", "promise_changed", "promise_changed"]


async def test_earlier_goods_pull_orders_forward_in_sequence(shop: Shop) -> None:
    await announce(shop, 2, 20)
    await announce(shop, 2, 30)
    first, second = await shop.sold(("LAMP", 2)), await shop.sold(("LAMP", 2))
    await settle(shop)
    await announce(shop, 2, 10)
    await settle(shop)
    assert (await promised(shop, first), await promised(shop, second)) == (10, 20)


async def test_arrived_goods_go_to_their_pegs_before_an_order_that_comes_first_in_sequence(shop: Shop) -> None:
    goods = await announce(shop, 2, 10)
    pegged = await shop.sold(("LAMP", 2))
    await settle(shop)
    urgent = await shop.place(("LAMP", 2), priority=1)
    await shop.source(urgent)
    await settle(shop)
    assert await days(shop, urgent) == "", "what is promised is not taken away"
    await receive(shop, goods, 2)
    await settle(shop)
    assert (await shop.units(pegged), await shop.units(urgent)) == ({"reserved": 2}, {"backordered": 2})
    assert await events(shop, pegged) == ["promised", "promise_changed"], "it ships earlier than it was promised"
    assert await promised(shop, pegged) in (0, 1)


async def test_goods_that_nobody_was_promised_go_by_the_sequence(shop: Shop) -> None:
    goods = await announce(shop, 2, 10)
    pegged = await shop.sold(("LAMP", 2))
    await settle(shop)
    urgent = await shop.place(("LAMP", 2), priority=1)
    await shop.source(urgent)
    await tell(shop, "received", 2)
    await shop.backorders.work_off(100)
    await settle(shop)
    assert (await shop.units(urgent), await days(shop, pegged)) == ({"reserved": 2}, "2 on 10")
    await receive(shop, goods, 2)
    await settle(shop)
    assert await shop.units(pegged) == {"reserved": 2}


async def test_a_part_of_the_goods_serves_the_first_and_the_rest_is_still_expected(shop: Shop) -> None:
    goods = await announce(shop, 4, 10)
    first, second = await shop.sold(("LAMP", 2)), await shop.sold(("LAMP", 2))
    await settle(shop)
    await receive(shop, goods, 3)
    await settle(shop)
    assert (await shop.units(first), await shop.units(second)) == ({"reserved": 2}, {"reserved": 1, "backordered": 1})
    assert await days(shop, second) == "1 on 10"
    await receive(shop, goods, 9)
    await settle(shop)
    assert await shop.units(second) == {"reserved": 2}


async def test_a_cancelled_order_leaves_its_goods_to_the_next(shop: Shop) -> None:
    await announce(shop, 2, 10)
    await announce(shop, 2, 20)
    first, second = await shop.sold(("LAMP", 2)), await shop.sold(("LAMP", 2))
    await settle(shop)
    await shop.cancel(first)
    await settle(shop)
    assert (await days(shop, first), await days(shop, second)) == ("", "2 on 10")
    assert await events(shop, first) == ["promised"], "a cancelled order has no new promise"


async def test_late_goods_have_no_date_until_they_are_announced_again(shop: Shop) -> None:
    goods = await announce(shop, 2, 10)
    order = await shop.sold(("LAMP", 2))
    await settle(shop)
    await _let_goods_be_late(shop)
    await settle(shop)
    assert (await days(shop, order), await promised(shop, order)) == ("2 on None", None)
    await settle(shop)
    assert await events(shop, order) == ["promised", "promise_changed"], "it is said once"
    await change(shop, goods, 2, 5)
    await settle(shop)
    assert await promised(shop, order) == 5


async def test_a_unit_of_a_bundle_waits_without_a_date(shop: Shop) -> None:
    await announce(shop, 9, 10)
    await announce(shop, 9, 10, sku="CHAIR")
    order = await shop.sold(("DESK-SET", 1))
    await settle(shop)
    assert (await days(shop, order), await promised(shop, order)) == ("", None)


async def test_an_order_that_ships_complete_gets_goods_of_one_announcement_or_none(shop: Shop) -> None:
    await announce(shop, 3, 10)
    await announce(shop, 4, 20)
    whole = await shop.place(("LAMP", 4), ship_complete=ShipComplete.LINE)
    two_lines = await shop.place(("LAMP", 1), ("CHAIR", 1), ship_complete=ShipComplete.ORDER)
    for order in (whole, two_lines):
        await shop.source(order)
    await settle(shop)
    assert (await days(shop, whole), await days(shop, two_lines)) == ("4 on 20", "")


async def test_a_change_that_is_older_than_the_last_one_changes_nothing(shop: Shop) -> None:
    goods = await announce(shop, 2, 10)
    order = await shop.sold(("LAMP", 2))
    await change(shop, goods, 2, 30)
    older = datetime.now(UTC) - timedelta(minutes=5)
    await change(shop, goods, 2, 20, occurred_at=older)
    await settle(shop)
    assert await days(shop, order) == "2 on 30"


async def test_a_change_of_what_nobody_announced_is_refused_by_name(shop: Shop) -> None:
    with pytest.raises(stock_transactions.UnknownPlace) as refused:
        await change(shop, "po-nobody", 2, 10)
    assert (refused.value.field, str(refused.value)) == (
        "expected",
        "no message of denver announced goods under the id po-nobody",
    )


async def test_a_customer_who_asks_is_promised_what_is_announced_and_free(shop: Shop) -> None:
    await tell(shop, "received", 1)
    await announce(shop, 3, 10, node=NEXT)
    await shop.sold(("LAMP", 2))
    await settle(shop)
    body = {"channel": "web", "ship_to": CUSTOMER, "service": "standard"}
    found = []
    for units in (2, 3):
        asked = PromiseRequest.model_validate(body | {"lines": [{"sku": "LAMP", "quantity": units}]})
        planned = await promise.plans(shop.database, shop.transactions.networks, asked, datetime.now(UTC))
        found.append(promises.promise(*planned["standard"]))
    assert [one["fillable"] for one in found] == [True, False]
    assert _day(found[0]["ship_by"]) == 10
    assert [
        (one["node"], one["lines"][0]["quantity"], one["from_supply"] is not None) for one in found[0]["shipments"]
    ] == [(NEXT, 2, True)]


async def test_an_order_whose_goods_are_there_waits_for_postgresql_as_often_as_before(database: Database) -> None:
    sent = []
    for documents_ in (MAP, SELLS):
        shop = await Shop.open(database, documents_)
        await announce(shop, 5, 10)
        await shop.receive(NEAREST, LAMP=9)
        await shop.sold(("LAMP", 1))
        order = await shop.place(("LAMP", 1))
        with watched(database), round_trips_of_this_task() as trips:
            await shop.source(order)
        sent.append(len(trips.sent))
    assert sent[0] == sent[1]


async def _changes(shop: Shop, chance: random.Random, steps: int) -> None:
    """Change supply and demand at random, several things at once, and look after each step."""
    goods: list[tuple[str, str]] = []
    orders: list[str] = []
    for _ in range(steps):
        acts = [_act(shop, chance, goods, orders) for _ in range(chance.randint(1, 3))]
        await asyncio.gather(*acts)
        await shop.check()
        if chance.random() < 0.5:
            await asyncio.gather(peg.work_off(shop.transactions), shop.backorders.work_off(50))
            await shop.check()
    await shop.backorders.work_off(100)
    await peg.work_off(shop.transactions)
    await shop.check()


async def _act(shop: Shop, chance: random.Random, goods: list[tuple[str, str]], orders: list[str]) -> None:
    node, day, units = chance.choice((NEAREST, NEXT)), chance.randint(1, 30), chance.randint(1, 6)
    order = chance.choice(orders) if orders else None
    match chance.choice(["announce", "change", "receive", "order", "order", "cancel", "quantity", "hold", "found"]):
        case "change" if goods:
            name, at_node = chance.choice(goods)
            await change(shop, name, units - 1, day, node=at_node)
        case "receive" if goods:
            name, at_node = chance.choice(goods)
            await tell(shop, "received", units, expected=name, node=at_node)
        case "order":
            complete = ShipComplete.LINE if chance.random() < 0.2 else None
            orders.append(await shop.place(("LAMP", units), priority=chance.randint(4, 6), ship_complete=complete))
            await shop.source(orders[-1])
        case "cancel" if order:
            await shop.cancel(order, None if chance.random() < 0.3 else {"1": 1})
        case "quantity" if order:
            await shop.change(order, {"1": units})
            await shop.source(order)
        case "hold" if order:
            await shop.hold(order)
            await shop.take_off(order)
            await shop.source(order)
        case "found":
            await tell(shop, "adjusted", 1, node=node)
        case _:
            goods.append((await announce(shop, units, day, node=node), node))


BESIDE_FREE_GOODS = """
    WITH free AS (
        SELECT i.* FROM incoming i
        WHERE i.quantity - i.arrived > (SELECT coalesce(sum(p.quantity), 0) FROM peg p
                                        WHERE (p.node, p.message_id, p.sku) = (i.node, i.message_id, i.sku))
    ), demand AS (
        SELECT l.order_id, l.line, l.sku, l.backordered,
               coalesce(sum(p.quantity + p.arrived), 0) AS units, max(i.expected_at) FILTER (WHERE p.quantity > 0) AS latest
        FROM order_line l JOIN orders o USING (order_id) LEFT JOIN peg p USING (order_id, line)
        LEFT JOIN incoming i ON (i.node, i.message_id, i.sku) = (p.node, p.message_id, p.sku)
        WHERE l.backordered > 0 AND o.ship_complete IS NULL GROUP BY l.order_id, l.line, l.sku, l.backordered
    )
    SELECT count(*) FROM demand d JOIN free f USING (sku)
    WHERE d.units < d.backordered OR (d.latest > f.expected_at AND f.expected_at > now())
"""
"""Orders that need not ship complete, and of free units would rather have some than wait, or wait longer."""


async def _nobody_waits_beside_free_goods(shop: Shop) -> None:
    assert await shop.number(BESIDE_FREE_GOODS) == 0
    assert await shop.number("SELECT count(*) FROM to_peg") == 0
    assert await shop.number("SELECT count(*) FROM exception WHERE code = 'stuck'") == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_promised_twice_whatever_happens_at_once(shop: Shop, seed: int) -> None:
    await _changes(shop, random.Random(seed), 25)
    await _nobody_waits_beside_free_goods(shop)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
async def test_nothing_is_promised_twice_in_many_changes_at_once(shop: Shop, seed: int) -> None:
    await _changes(shop, random.Random(seed), 200)
    await _nobody_waits_beside_free_goods(shop)


async def test_goods_that_are_announced_while_others_are_promised_are_promised_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = await shop.sold(("LAMP", 3))
    first = await shop.place(("LAMP", 3), priority=1)
    await shop.source(first)
    async with shop.database.write() as connection:
        await statements.mark(connection, {"LAMP"}, later)
    read, others = statements.announced, list[asyncio.Task[None]]()

    async def read_beside_another_process(*args: Any) -> statements.Announced:
        if others:
            return await read(*args)
        others.append(asyncio.create_task(asyncio.sleep(0)))
        await announce(shop, 3, 10)
        found = await read(*args)
        others.append(asyncio.create_task(peg.work_off(shop.transactions)))
        while not await days(shop, first):  # noqa: ASYNC110  (another process rings no bell)
            await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(peg, "ORDERS_AT_ONCE", 1)
    monkeypatch.setattr(statements, "announced", read_beside_another_process)
    await peg.work_off(shop.transactions)
    await asyncio.gather(*others)
    await shop.check()
    assert (await days(shop, first), await days(shop, later)) == ("3 on 10", "")
    assert (await events(shop, first), await events(shop, later)) == (["promised"], []), (
        "nobody was promised it in vain"
    )


async def test_goods_that_are_announced_while_pegs_are_given_go_to_the_head_of_the_sequence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    later, first = await shop.sold(("LAMP", 3)), await shop.place(("LAMP", 3), priority=1)
    await shop.source(first)
    async with shop.database.write() as connection:
        await statements.mark(connection, {"LAMP"}, later)
    read = statements.orders_to_peg

    async def read_and_then_announce(*args: Any) -> list[str]:
        found = await read(*args)
        if found == [later]:
            await announce(shop, 3, 10)
        return found

    monkeypatch.setattr(statements, "orders_to_peg", read_and_then_announce)
    await settle(shop)
    assert (await days(shop, first), await days(shop, later)) == ("3 on 10", "")


async def test_an_order_that_cannot_be_looked_at_keeps_nothing_from_others_and_is_looked_at_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await announce(shop, 4, 10)
    broken, other = await shop.sold(("LAMP", 2)), await shop.sold(("LAMP", 2))
    read, failing = supply.order_facts, dict[str, datetime]()

    def fails(header: Any, *rest: Any) -> Any:
        if header.order == broken:
            raise ConnectionError("PostgreSQL is gone for a moment")
        return read(header, *rest)

    with monkeypatch.context() as at_first:
        at_first.setattr(peg, "order_facts", fails)
        for _ in range(2):
            await asyncio.wait_for(peg.work_off(shop.transactions, failing), 60)
        assert await shop.number("SELECT count(*) FROM to_peg WHERE order_id = :order", order=broken) == 1
    assert (await days(shop, broken), await days(shop, other)) == ("", "2 on 10")
    assert [one["code"] for one in (await document(shop, broken))["exceptions"]] == ["stuck"]
    await peg.work_off(shop.transactions, failing)
    assert await days(shop, broken) == "", "it rests for a while"
    failing[broken] = datetime.now(UTC)
    await peg.work_off(shop.transactions, failing)
    assert (await days(shop, broken), failing) == ("2 on 10", {})
    assert (await document(shop, broken))["exceptions"] == []
    assert await shop.number("SELECT count(*) FROM to_peg") == 0


async def test_goods_that_are_late_for_an_order_that_cannot_be_looked_at_do_not_keep_the_job_busy(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await announce(shop, 2, 10)
    await shop.sold(("LAMP", 2))
    await settle(shop)
    await _let_goods_be_late(shop)

    def fails(*_: Any) -> Any:
        raise ConnectionError("PostgreSQL is gone for a moment")

    monkeypatch.setattr(peg, "order_facts", fails)
    await asyncio.wait_for(peg.work_off(shop.transactions, {}), 60)


async def test_an_order_whose_goods_are_late_moves_to_goods_that_are_announced_with_a_date(shop: Shop) -> None:
    await announce(shop, 2, 10)
    order = await shop.sold(("LAMP", 2))
    await settle(shop)
    await _let_goods_be_late(shop)
    await settle(shop)
    await announce(shop, 2, 20)
    await settle(shop)
    assert (await days(shop, order), await promised(shop, order)) == ("2 on 20", 20)
    assert await events(shop, order) == ["promised", "promise_changed", "promise_changed"]


async def test_goods_that_arrive_while_the_last_offer_ends_stay_with_the_order_they_were_promised_to(
    shop: Shop,
) -> None:
    goods = await announce(shop, 2, 10)
    pegged, urgent = await shop.sold(("LAMP", 2)), await shop.place(("LAMP", 2), priority=1)
    await settle(shop)
    await shop.source(urgent)
    await tell(shop, "adjusted", 1)
    async with shop.database.read() as connection:
        offered = await backorder.offers(connection)
    await tell(shop, "received", 2, expected=goods)
    await shop.backorders._end(offered)  # a process that read the offers before the goods came
    await shop.backorders.work_off(100)
    await settle(shop)
    assert (await shop.units(pegged), await shop.units(urgent)) == ({"reserved": 2}, {"reserved": 1, "backordered": 1})


async def test_goods_that_arrive_during_the_turn_of_their_order_are_kept_for_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    goods, urgent = await announce(shop, 3, 10), list[str]()
    pegged = await shop.sold(("LAMP", 3))
    await settle(shop)
    decide = supply.decide

    async def decide_before_goods_come(*args: Any) -> Any:
        decided = await decide(*args)
        if not urgent:
            urgent.append(await shop.place(("LAMP", 2), priority=1))
            await shop.source(urgent[0])
            await tell(shop, "received", 2, expected=goods)
        return decided

    monkeypatch.setattr(turns, "decide", decide_before_goods_come)
    await tell(shop, "adjusted", 1, node=NEXT)
    await shop.backorders.work_off(100)
    await settle(shop)
    assert (await shop.units(pegged), await shop.units(*urgent)) == ({"reserved": 3}, {"backordered": 2})


async def test_orders_that_wait_are_promised_goods_once_new_rules_allow_it_and_lose_them_once_they_do_not(
    database: Database,
) -> None:
    shop = await Shop.open(database)
    await announce(shop, 2, 10)
    order = await shop.sold(("LAMP", 2))
    for documents_, expected in ((SELLS, ("2 on 10", 10)), (LAGS, ("2 on 12", 12)), (MAP, ("", None))):
        await _apply(shop, documents_)
        assert (await days(shop, order), await promised(shop, order)) == expected
    assert await events(shop, order) == ["promised", "promise_changed", "promise_changed"]


async def test_goods_that_come_to_a_retired_node_are_promised_to_nobody(shop: Shop) -> None:
    await announce(shop, 2, 10)
    await announce(shop, 2, 20, node=NEXT)
    order = await shop.sold(("LAMP", 2))
    await settle(shop)
    _, *others = SELLS.nodes.split("[[node]]")
    await _apply(shop, replace(SELLS, nodes="[[node]]".join(["", *others[1:]])))
    assert (await days(shop, order), await promised(shop, order)) == ("2 on 20", 20)
    new = await shop.sold(("LAMP", 1))
    await settle(shop)
    assert (await days(shop, new), await promised(shop, new)) == ("", None)


async def _let_goods_be_late(shop: Shop) -> None:
    async with shop.database.write() as connection:
        past = {"at": datetime.now(UTC) - timedelta(hours=1)}
        await connection.execute(text("UPDATE incoming SET expected_at = :at"), past)
        await connection.execute(text("UPDATE peg SET due_at = :at"), past)


async def _apply(shop: Shop, documents_: NetworkDocuments) -> None:
    """Make another network active, and let the jobs do what follows: pegs are given before the orders that wait are judged."""
    async with shop.database.write() as connection:
        before = await network_version.lock_active(connection)
        await network_version.activate(connection, before, documents_)
    await shop.backorders.offer_under_new_rules()
    await settle(shop)
    await shop.backorders.work_off(100)
    await shop.backorders.judge_under_new_rules(100)
    await settle(shop)


async def test_an_order_is_not_pegged_to_goods_that_come_after_its_window(shop: Shop) -> None:
    await announce(shop, 2, 10)
    order = await shop.place(("LAMP", 2), not_after=on(5))
    await shop.source(order)
    await settle(shop)
    assert (await days(shop, order), await promised(shop, order)) == ("", None)


async def test_a_slip_while_another_line_looks_for_a_node_is_one_new_promise(shop: Shop) -> None:
    await tell(shop, "received", 1, sku="CHAIR")
    await tell(shop, "received", 1, sku="CHAIR", node=NEXT)
    goods = await announce(shop, 2, 10)
    order = await shop.released(("LAMP", 2), ("CHAIR", 1))
    await settle(shop)
    await shop.tell(order, MessageKind.REJECTED)
    await change(shop, goods, 2, 20)
    await settle(shop)
    await shop.source(order)
    await settle(shop)
    assert (await promised(shop, order), await events(shop, order)) == (20, ["promised", "promise_changed"])

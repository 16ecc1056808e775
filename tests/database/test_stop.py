"""A stop-sale: what was promised before stands and is listed, nothing is sold after it, and lifting it serves who waits."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database import personal, stock, stop_sale
from database.connect import Database
from database.request import UsedForAnotherRequest
from domain.fulfillment import MessageKind
from domain.stock import Movement, MovementKind
from domain.stop_sale import Resumed, Stopped, StopRequest
from tests.database.shop import FARTHEST, NEAREST, NEXT, Shop
from tests.house import ANSWERS_WITHIN_SECONDS
from transactions import stop_sale as stop_sales
from transactions.request import Asked, RequestRefused
from transactions.stock import UnknownPlace
from transactions.stop_sale import UnknownItem


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database)


def asked(sku: str, node: str | None, key: str | None = None, **body: Any) -> Asked[StopRequest]:
    return Asked(sku, StopRequest(node=node, **body), "operator:ops", key)


async def stopped(shop: Shop, sku: str, node: str | None = None, key: str | None = None, **body: Any) -> Stopped:
    return await stop_sales.stop(shop.transactions, asked(sku, node, key, **body))


async def resumed(shop: Shop, sku: str, node: str | None = None, key: str | None = None, **body: Any) -> Resumed:
    return await stop_sales.resume(shop.transactions, asked(sku, node, key, **body))


async def nodes_with_stop(shop: Shop, sku: str) -> set[str]:
    async with shop.database.read() as connection:
        levels = await stock.levels(connection, [sku])
    return {node for (node, _), level in levels.items() if level.stopped_at is not None}


async def test_of_a_hundred_claims_that_race_with_a_stop_every_granted_one_is_listed_and_none_comes_later(
    shop: Shop,
) -> None:
    await shop.receive(NEAREST, LAMP=60)
    await shop.receive(NEXT, LAMP=60)
    orders = [await shop.place(("LAMP", 1)) for _ in range(110)]
    await asyncio.gather(*(shop.source(order) for order in orders[:5]))
    racing = [asyncio.create_task(shop.source(order)) for order in orders[5:105]]
    answer = await stopped(shop, "LAMP")
    await asyncio.gather(*racing)
    await asyncio.gather(*(shop.source(order) for order in orders[105:]))

    granted = {(order, node): units for order in orders for node, units in (await shop.nodes(order)).items()}
    listed = {(row.order, row.node): row.quantity for row in answer.touches.reserved}
    assert listed == granted
    assert set(listed) >= {(order, NEAREST) for order in orders[:5]}
    assert answer.touches.available == 120 - len(granted)
    for order in orders[105:]:
        assert await shop.units(order) == {"backordered": 1}
    await shop.check()


async def test_a_stop_waits_for_the_claim_that_was_there_first_and_lists_it(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=3)
    order = await shop.sold(("LAMP", 1))
    async with shop.database.write() as first:
        await first.execute(text("SELECT FROM stock WHERE sku = 'LAMP' FOR UPDATE"))
        stopping = asyncio.create_task(stopped(shop, "LAMP"))
        await _until_somebody_waits(shop, "transactionid", "tuple")
        await first.execute(text("UPDATE reservation SET quantity = 2 WHERE order_id = :order"), {"order": order})
    assert [row.quantity for row in (await stopping).touches.reserved] == [2]


async def test_a_stock_level_that_is_made_while_the_sale_is_stopped_is_stopped_as_well(shop: Shop) -> None:
    async with shop.database.write() as first:
        await stock.lock(first, {(NEAREST, "LAMP")})
        stopping = asyncio.create_task(stopped(shop, "LAMP"))
        await _until_somebody_waits(shop, "advisory")
    await stopping
    assert await nodes_with_stop(shop, "LAMP") == {NEAREST}


async def _until_somebody_waits(shop: Shop, *kinds: str) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = ANY(:kinds)"
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not await shop.number(waiting, kinds=list(kinds)):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.01)


async def test_a_stock_level_that_is_made_later_is_stopped_where_the_sale_is(shop: Shop) -> None:
    await stopped(shop, "LAMP")
    await stopped(shop, "CHAIR", NEXT)
    for node in (NEAREST, NEXT):
        await shop.receive(node, LAMP=5, CHAIR=5)
    assert await nodes_with_stop(shop, "LAMP") == {NEAREST, NEXT}
    assert await nodes_with_stop(shop, "CHAIR") == {NEXT}
    assert await shop.units(await shop.sold(("LAMP", 1))) == {"backordered": 1}
    assert await shop.nodes(await shop.sold(("CHAIR", 1))) == {NEAREST: 1}


async def test_a_stop_at_one_node_leaves_the_others_selling(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await shop.receive(NEXT, LAMP=5)
    answer = await stopped(shop, "LAMP", NEAREST)
    assert (answer.node, answer.touches.available) == (NEAREST, 5)
    assert await shop.nodes(await shop.sold(("LAMP", 2))) == {NEXT: 2}


async def test_a_stop_lists_what_is_pinned_allocated_in_carts_and_waiting_in_units_of_the_sku(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=20, CHAIR=20, VASE=9)
    pinned, released = await shop.sold(("DESK-SET", 2)), await shop.released(("CHAIR", 3))
    given_up = await shop.released(("CHAIR", 1))
    await shop.wait_in_vain(given_up)
    await shop.sold(("VASE", 1))
    shipped = await shop.released(("CHAIR", 4))
    await shop.tell(shipped, MessageKind.SHIPPED)
    for units in (2, 4):
        await _cart(shop, NEAREST, "CHAIR", units)
    waits = await shop.sold(("DESK-SET", 50))
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE cart_unit SET expires_at = now() WHERE cart_id = 'cart-4'"))

    touches = (await stopped(shop, "CHAIR")).touches

    sets = (await shop.units(waits))["reserved"]
    assert {(row.order, row.node, row.quantity) for row in touches.reserved} >= {(pinned, NEAREST, 4)}
    assert {row.order: row.quantity for row in touches.reserved}[waits] == sets * 2
    allocated = {(row.order, row.fulfillment_order, row.node, row.quantity) for row in touches.allocated}
    assert (released, f"{released}-f1", NEAREST, 3) in allocated
    assert (given_up, f"{given_up}-f1", NEAREST, 1) in allocated, "in doubt, until its node answers"
    assert shipped not in {row.order for row in touches.allocated}
    assert (touches.carts, touches.backordered, touches.more) == (2, (await shop.units(waits))["backordered"], False)
    _, reserved, allocated_units = await shop.counters("CHAIR")
    assert sum(row.quantity for row in touches.reserved) == reserved - 2 - 4
    assert sum(row.quantity for row in touches.allocated) == allocated_units


async def _cart(shop: Shop, node: str, sku: str, quantity: int) -> None:
    """A cart that holds units for an hour."""
    at = datetime.now(UTC)
    name = f"cart-{quantity}"
    claim = stock.Claim(
        [Movement(MovementKind.RESERVED, node, sku, reserved=quantity)], {}, f"cart {name}", "channel", at
    )
    async with shop.database.write() as connection:
        assert await stock.claim(connection, claim)
        await connection.execute(CART, {"cart": name, "at": at, "expires_at": at + timedelta(hours=1)})
        row = {"cart": name, "node": node, "sku": sku, "quantity": quantity, "expires_at": at + timedelta(hours=1)}
        await connection.execute(CART_UNIT, row)


CART = text(
    "INSERT INTO cart (cart_id, channel, asker, body_digest, promise, reserved_at, expires_at) "
    "VALUES (:cart, 'web', 'key-1', '', '{}', :at, :expires_at)"
)
CART_UNIT = text(
    "INSERT INTO cart_unit (cart_id, node, sku, quantity, expires_at) "
    "VALUES (:cart, :node, :sku, :quantity, :expires_at)"
)


async def test_a_list_that_is_too_long_is_cut_and_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop_sale, "LISTED_MAX", 2)
    await shop.receive(NEAREST, LAMP=9)
    orders = [await shop.sold(("LAMP", 1)) for _ in range(2)]
    touches = (await stopped(shop, "LAMP")).touches
    assert ({row.order for row in touches.reserved}, touches.more) == (set(orders), False)
    await resumed(shop, "LAMP")
    await shop.sold(("LAMP", 1))
    touches = (await stopped(shop, "LAMP")).touches
    assert (len(touches.reserved), touches.more) == (2, True)


async def test_what_is_pinned_when_the_sale_stops_is_still_released_and_shipped(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=5)
    order = await shop.sold(("LAMP", 2))
    await stopped(shop, "LAMP")
    await shop.release(order)
    await shop.tell(order, MessageKind.SHIPPED)
    assert await shop.units(order) == {"shipped": 2}
    await shop.check()


async def test_stopping_twice_is_stopping_once(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=5)
    first, second = await stopped(shop, "LAMP"), await stopped(shop, "LAMP", reason="to be sure")
    assert first == second
    assert await shop.number("SELECT count(*) FROM stop") == 1
    assert (await stopped(shop, "LAMP", NEAREST)).since > first.since


async def test_ten_who_stop_a_sale_at_once_make_one_stop(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=5)
    answers = await asyncio.gather(*(stopped(shop, "LAMP") for _ in range(10)))
    assert len({answer.since for answer in answers}) == 1
    assert await shop.number("SELECT count(*) FROM stop WHERE lifted_at IS NULL") == 1


async def test_what_is_not_stopped_cannot_be_lifted(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=5)
    with pytest.raises(RequestRefused, match="not stopped everywhere"):
        await resumed(shop, "LAMP")
    await stopped(shop, "LAMP", NEAREST)
    for node in (None, NEXT):
        with pytest.raises(RequestRefused):
            await resumed(shop, "LAMP", node)
    assert await nodes_with_stop(shop, "LAMP") == {NEAREST}


async def test_a_stock_level_stays_stopped_until_the_last_stop_that_covers_it_is_lifted(shop: Shop) -> None:
    for node in (NEAREST, NEXT, FARTHEST):
        await shop.receive(node, LAMP=5)
    here, everywhere = await stopped(shop, "LAMP", NEXT), await stopped(shop, "LAMP")
    assert await nodes_with_stop(shop, "LAMP") == {NEAREST, NEXT, FARTHEST}
    lifted = await resumed(shop, "LAMP")
    assert lifted.since == everywhere.since < lifted.lifted_at
    assert [(known.node, known.since) for known in lifted.standing] == [(NEXT, here.since)]
    assert await nodes_with_stop(shop, "LAMP") == {NEXT}
    await stopped(shop, "LAMP")
    assert [known.node for known in (await resumed(shop, "LAMP", NEXT)).standing] == [None]
    assert await nodes_with_stop(shop, "LAMP") == {NEAREST, NEXT, FARTHEST}
    assert (await resumed(shop, "LAMP")).standing == []
    assert await nodes_with_stop(shop, "LAMP") == set()
    assert await shop.nodes(await shop.sold(("LAMP", 1))) == {NEAREST: 1}


async def test_an_order_that_waits_gets_the_units_of_a_lifted_stop_before_a_newer_one(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=2)
    await stopped(shop, "LAMP")
    older = await shop.sold(("LAMP", 2))
    assert await shop.units(older) == {"backordered": 2}
    await shop.backorders.work_off(10)
    await resumed(shop, "LAMP")
    newer = await shop.sold(("LAMP", 2))
    assert await shop.units(newer) == {"backordered": 2}
    await shop.backorders.work_off(10)
    assert await shop.units(older) == {"reserved": 2}
    assert await shop.units(newer) == {"backordered": 2}
    await shop.check()


async def test_units_that_come_in_while_the_sale_is_stopped_wait_with_the_orders(shop: Shop) -> None:
    waits = await shop.sold(("LAMP", 2))
    await stopped(shop, "LAMP")
    await shop.receive(NEAREST, LAMP=2)
    await shop.backorders.work_off(10)
    assert await shop.units(waits) == {"backordered": 2}
    await resumed(shop, "LAMP")
    await shop.backorders.work_off(10)
    assert await shop.units(waits) == {"reserved": 2}


async def test_units_that_no_order_waits_for_are_free_for_all_as_soon_as_the_stop_is_lifted(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=2)
    await shop.sold(("CHAIR", 1))
    await stopped(shop, "LAMP")
    await resumed(shop, "LAMP")
    assert await shop.units(await shop.sold(("LAMP", 2))) == {"reserved": 2}


async def test_lifted_units_are_offered_where_an_order_waits_for_them_and_sold_elsewhere(shop: Shop) -> None:
    await shop.sold(("LAMP", 1))
    await shop.sold(("CHAIR", 1))
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE waiting SET nodes = ARRAY['casper'] WHERE parts = ARRAY['LAMP']"))
    await stopped(shop, "LAMP")
    for node in (NEAREST, NEXT):
        await shop.receive(node, LAMP=2)
    await shop.backorders.work_off(10)
    await resumed(shop, "LAMP")
    async with shop.database.read() as connection:
        levels = await stock.levels(connection, ["LAMP"])
    assert {node for (node, _), level in levels.items() if level.offered_at is not None} == {NEXT}


async def test_a_request_repeated_with_its_key_is_answered_as_the_first_time(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=5)
    first = await stopped(shop, "LAMP", key="stop-1")
    await shop.receive(NEAREST, LAMP=5)
    assert await stopped(shop, "LAMP", key="stop-1") == first
    lifted = await resumed(shop, "LAMP", key="resume-1")
    assert await resumed(shop, "LAMP", key="resume-1") == lifted
    with pytest.raises(RequestRefused):
        await resumed(shop, "LAMP", key="resume-2")
    await stopped(shop, "LAMP")
    with pytest.raises(RequestRefused):
        await resumed(shop, "LAMP", key="resume-2")
    assert await stopped(shop, "LAMP", key="stop-1") == first
    assert await nodes_with_stop(shop, "LAMP") == {NEAREST}


async def test_a_key_that_was_used_for_another_stop_is_refused(shop: Shop) -> None:
    await stopped(shop, "LAMP", key="stop-1")
    with pytest.raises(UsedForAnotherRequest):
        await stopped(shop, "CHAIR", key="stop-1")
    with pytest.raises(UsedForAnotherRequest):
        await stopped(shop, "LAMP", NEAREST, key="stop-1")
    with pytest.raises(UsedForAnotherRequest):
        await resumed(shop, "LAMP", key="stop-1")
    assert await shop.number("SELECT count(*) FROM stop") == 1


async def test_only_items_that_are_stocked_in_the_network_are_stopped(shop: Shop) -> None:
    with pytest.raises(UnknownItem):
        await stopped(shop, "SOFA")
    with pytest.raises(UnknownPlace, match="name its components") as bundle:
        await stopped(shop, "DESK-SET")
    with pytest.raises(UnknownPlace, match="not a node") as nowhere:
        await stopped(shop, "LAMP", "mars")
    assert (bundle.value.field, nowhere.value.field) == ("sku", "node")
    assert await shop.number("SELECT (SELECT count(*) FROM stop) + (SELECT count(*) FROM request)") == 0


async def test_who_stopped_a_sale_and_why_is_kept_apart_from_the_facts(shop: Shop) -> None:
    await stopped(shop, "LAMP", reason="a child was hurt", actor="Ada")
    await resumed(shop, "LAMP", reason="it was another lamp")
    statement = text(
        "SELECT m.sealed FROM stop s JOIN personal.remark m ON m.remark_id IN (s.remark, s.lifted_by) "
        "ORDER BY m.remark_id"
    )
    async with shop.database.read() as connection:
        key = await personal.common_key(connection)
        said = [personal.remark(key, sealed) for sealed in (await connection.execute(statement)).scalars()]
        kept = (await connection.execute(text("SELECT string_agg(r::text, ' ') FROM request r"))).scalar_one()
    assert said == [
        {"actor": "Ada", "reason": "a child was hurt"},
        {"actor": "operator:ops", "reason": "it was another lamp"},
    ]
    assert "hurt" not in kept
    assert "Ada" not in kept


async def test_receipts_counts_orders_stops_and_lifts_at_once_do_not_wait_in_a_circle(shop: Shop) -> None:
    orders = [await shop.place(("LAMP", 1), ("CHAIR", 1)) for _ in range(20)]

    async def stop_and_lift(sku: str, node: str | None) -> None:
        for _ in range(5):
            await stopped(shop, sku, node)
            await resumed(shop, sku, node)

    async def deliver_and_count(node: str) -> None:
        for units in range(5):
            await shop.receive(node, CHAIR=units + 1, LAMP=units + 1)
            await shop.count(node, LAMP=9, CHAIR=9)

    await asyncio.gather(
        *(stop_and_lift(sku, node) for sku in ("CHAIR", "LAMP") for node in (None, NEAREST)),
        *(deliver_and_count(node) for node in (NEAREST, NEXT, FARTHEST)),
        *(shop.source(order) for order in orders),
    )
    for sku in ("LAMP", "CHAIR"):
        assert await nodes_with_stop(shop, sku) == set()
    await shop.backorders.work_off(100)
    for order in orders:
        assert await shop.units(order, "1") == await shop.units(order, "2") == {"reserved": 1}

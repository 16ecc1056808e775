"""Truth from outside: counts, snapshots, receipts and announcements end at the same stock however they are ordered."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text

import transactions.stock
from database import stock
from database.connect import Database
from database.outbox.inbox import UsedWithAnotherBody
from domain.fulfillment import MessageKind
from domain.stock import StockFile, StockLevel, StockMessage
from tests.database.shop import NEAREST, NEXT, Shop
from tests.stock_facts import StockFact, on_hand_after, stories
from transactions import stock as stock_transactions

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
_numbers = count(1)


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop without stock."""
    return await Shop.open(database)


def at(hour: int) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


async def tell(
    shop: Shop, kind: str, hour: int, node: str = NEAREST, lines: Mapping[str, int] | None = None, **more: Any
) -> bool:
    """Tell something of a node's stock: of lamps, unless `lines` say units by SKU; answers whether it is new."""
    body = {"message_id": f"told-{next(_numbers)}", "node": node, "kind": kind, "occurred_at": at(hour)} | more
    body["lines"] = [{"sku": sku, "quantity": units} for sku, units in (lines or {}).items()]
    return await stock_transactions.record(shop.transactions, StockMessage.model_validate(body), actor="node")


async def lamps(shop: Shop, *story: tuple[str, int, int]) -> None:
    """Tell of lamps: what kind of fact, how many, and the hour when it happened."""
    for kind, units, hour in story:
        await tell(shop, kind, hour, lines={"LAMP": units})


async def level(shop: Shop, sku: str = "LAMP", node: str = NEAREST) -> StockLevel:
    async with shop.database.read() as connection:
        return (await stock.levels(connection, [sku]))[node, sku]


async def on_hand(shop: Shop, node: str = NEAREST) -> dict[str, int]:
    """What is on hand at a node, by SKU."""
    async with shop.database.read() as connection:
        rows = await connection.execute(text("SELECT sku, on_hand FROM stock WHERE node = :node"), {"node": node})
        return {row.sku: row.on_hand for row in rows}


R, C, A = "received", "counted", "adjusted"
# fmt: off
STORIES: list[tuple[str, list[tuple[str, int, int]], int]] = [
    # what is reported, in order               kind, units, hour                                          on hand
    ("a count after a receipt",               [(R, 10, 8), (C, 7, 9)],                                    7),
    ("a count before a receipt that we know", [(R, 10, 9), (C, 7, 8)],                                    17),
    ("a count before a loss that we know",    [(R, 10, 6), (A, -4, 9), (C, 10, 8)],                       6),
    ("a count between two that we know",      [(R, 10, 6), (A, -4, 9), (R, 3, 7), (C, 10, 8)],            6),
    ("a count that is older than the newest", [(R, 10, 6), (C, 5, 9), (C, 7, 8)],                         5),
    ("a count that is as old as the newest",  [(R, 10, 6), (C, 5, 9), (C, 7, 9)],                         7),
    ("goods that the count has seen",         [(R, 10, 6), (C, 13, 9), (R, 3, 8)],                        13),
    ("a loss that the count has seen",        [(R, 10, 6), (C, 7, 9), (A, -3, 8)],                        7),
    ("goods named after a count, of its time", [(R, 10, 6), (C, 13, 9), (R, 3, 9)],                        16),
    ("a count with goods that came with it",  [(R, 10, 6), (R, 3, 9), (C, 13, 9)],                        13),
    ("goods that came after the count",       [(R, 10, 6), (C, 10, 9), (R, 3, 10)],                       13),
    ("a count that changes no unit counts",   [(R, 10, 6), (C, 10, 9), (R, 3, 8)],                        10),
    ("a count of nothing that was there",     [(C, 0, 9), (R, 3, 8)],                                     0),
    ("a count after goods seen by another",   [(R, 10, 6), (C, 13, 9), (R, 3, 8), (C, 12, 10)],           12),
    ("an old count after goods seen",         [(R, 10, 6), (C, 13, 9), (R, 3, 8), (C, 10, 7)],            13),
    ("a count before what another had seen",  [(C, 13, 9), (R, 3, 11), (R, 10, 6), (C, 20, 10)],          23),
]
# fmt: on


@pytest.mark.parametrize(("what", "story", "units"), STORIES, ids=[what for what, _, _ in STORIES])
async def test_what_is_on_hand_is_the_newest_count_and_what_happened_after_it(
    shop: Shop, what: str, story: list[tuple[str, int, int]], units: int
) -> None:
    await lamps(shop, *story)
    assert await on_hand(shop) == {"LAMP": units}, what
    await shop.check()


@given(stories)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_order_of_arrival_ends_at_the_same_stock(shop: Shop, story: list[StockFact]) -> None:
    async with shop.database.write() as connection:
        await connection.execute(text("TRUNCATE movement, stock, inbox CASCADE"))
    await lamps(shop, *[(fact.kind, fact.quantity, fact.hour) for fact in story])
    assert await on_hand(shop) == {"LAMP": on_hand_after(story)}
    await shop.check()


async def test_a_count_taken_before_a_shipment_that_we_know_does_not_resurrect_the_goods(shop: Shop) -> None:
    await lamps(shop, ("received", 10, 6))
    order = await shop.released(("LAMP", 2))
    await shop.tell(order, MessageKind.SHIPPED, at=at(9))
    await lamps(shop, ("counted", 9, 8))
    assert await on_hand(shop) == {"LAMP": 7}
    await shop.check()


@pytest.mark.parametrize(("released", "units"), [(7, 8), (10, 6)], ids=["sent before the count", "sent after it"])
async def test_a_shipment_that_the_count_has_seen_takes_nothing_from_stock(
    shop: Shop, released: int, units: int
) -> None:
    await lamps(shop, ("received", 10, 6))
    order = await shop.released(("LAMP", 2))
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE fulfillment_order SET released_at = :at"), {"at": at(released)})
    await lamps(shop, ("counted", 8, 9))
    await shop.tell(order, MessageKind.SHIPPED, at=at(8))
    assert await shop.counters("LAMP", NEAREST) == (units, 0, 0)
    assert await shop.units(order) == {"shipped": 2}
    await shop.check()


async def test_a_late_receipt_that_the_count_has_seen_is_in_the_ledger_with_what_takes_it_back(shop: Shop) -> None:
    await lamps(shop, ("counted", 5, 9), ("received", 3, 8))
    statement = "SELECT kind, on_hand, occurred_at FROM movement ORDER BY movement_id"
    async with shop.database.read() as connection:
        rows = (await connection.execute(text(statement))).all()
    assert [tuple(row) for row in rows] == [("counted", 5, at(9)), ("received", 3, at(8)), ("counted", -3, at(8))]


async def test_an_outdated_count_is_kept_like_any_message_and_never_counted_as_the_last(shop: Shop) -> None:
    await lamps(shop, ("counted", 5, 9), ("counted", 7, 8))
    assert await shop.number("SELECT count(*) FROM inbox WHERE kind = 'counted'") == 2
    assert (await level(shop)).counted_at == at(9)


async def test_a_snapshot_counts_what_it_names_and_finds_nothing_else(shop: Shop) -> None:
    await tell(shop, "received", 6, lines={"LAMP": 10, "CHAIR": 4, "VASE": 3})
    await tell(shop, "received", 6, node=NEXT, lines={"CHAIR": 8})
    await tell(shop, "snapshot", 9, lines={"LAMP": 7, "VASE": 0})
    assert await on_hand(shop) == {"LAMP": 7, "CHAIR": 0, "VASE": 0}
    assert await on_hand(shop, NEXT) == {"CHAIR": 8}, "another node's stock is none of its business"
    await shop.check()


async def test_a_snapshot_leaves_alone_what_came_or_was_counted_after_it(shop: Shop) -> None:
    await tell(shop, "received", 10, lines={"CHAIR": 4})
    await tell(shop, "counted", 11, lines={"VASE": 3})
    await tell(shop, "received", 6, lines={"LAMP": 10})
    await tell(shop, "received", 10, lines={"LAMP": 1})
    await tell(shop, "snapshot", 9, lines={"LAMP": 7})
    assert await on_hand(shop) == {"LAMP": 8, "CHAIR": 4, "VASE": 3}
    await shop.check()


async def test_what_a_snapshot_did_not_find_has_not_come_before_it(shop: Shop) -> None:
    await tell(shop, "received", 6, lines={"CHAIR": 4})
    await tell(shop, "adjusted", 7, lines={"CHAIR": -4})
    await tell(shop, "snapshot", 9, lines={"LAMP": 7})
    await tell(shop, "received", 8, lines={"CHAIR": 2})
    assert await on_hand(shop) == {"LAMP": 7, "CHAIR": 0}


@pytest.mark.parametrize("kind", ["counted", "snapshot", "received", "adjusted"])
async def test_the_same_report_sent_twice_is_booked_once_and_never_means_something_else(shop: Shop, kind: str) -> None:
    await lamps(shop, ("received", 10, 6))
    assert await tell(shop, kind, 8, lines={"LAMP": 7}, message_id="slip-7")
    before = await on_hand(shop)
    await lamps(shop, ("received", 1, 9))
    assert not await tell(shop, kind, 8, lines={"LAMP": 7}, message_id="slip-7")
    with pytest.raises(UsedWithAnotherBody):
        await tell(shop, kind, 8, lines={"LAMP": 9}, message_id="slip-7")
    assert await on_hand(shop) == {"LAMP": before["LAMP"] + 1}


async def test_units_that_are_set_aside_are_there_and_not_for_sale_until_they_are_put_back(shop: Shop) -> None:
    await lamps(shop, ("received", 10, 6))
    await tell(shop, "moved", 7, lines={"LAMP": 4}, from_state="sellable", to_state="damaged")
    found = await level(shop)
    assert (found.on_hand, found.set_aside, found.available(0)) == (10, 4, 6)
    await tell(shop, "moved", 8, lines={"LAMP": 3}, from_state="damaged", to_state="sellable")
    found = await level(shop)
    assert (found.on_hand, found.set_aside, found.available(0)) == (10, 1, 9)
    await shop.check()


async def test_units_that_change_why_they_cannot_be_sold_are_in_one_state_only(shop: Shop) -> None:
    await lamps(shop, ("received", 10, 6))
    await tell(shop, "moved", 7, lines={"LAMP": 4}, from_state="sellable", to_state="display")
    await tell(shop, "moved", 8, lines={"LAMP": 1}, from_state="display", to_state="quarantined")
    statement = "SELECT state, sum(set_aside)::int AS units FROM movement WHERE state IS NOT NULL GROUP BY state"
    async with shop.database.read() as connection:
        states = {row.state: row.units for row in await connection.execute(text(statement))}
    assert states == {"display": 3, "quarantined": 1}
    assert (await level(shop)).set_aside == 4


async def test_units_put_back_before_they_were_reported_as_set_aside_are_a_fact(shop: Shop) -> None:
    await lamps(shop, ("received", 10, 6))
    await tell(shop, "moved", 8, lines={"LAMP": 4}, from_state="damaged", to_state="sellable")
    assert (await level(shop)).available(0) == 10, "there are not more than are on hand"
    await tell(shop, "moved", 7, lines={"LAMP": 4}, from_state="sellable", to_state="damaged")
    found = await level(shop)
    assert (found.set_aside, found.available(0)) == (0, 10)


async def test_units_put_back_go_to_the_order_that_waits_for_them(shop: Shop) -> None:
    await lamps(shop, ("received", 2, 6))
    await tell(shop, "moved", 7, lines={"LAMP": 2}, from_state="sellable", to_state="quarantined")
    order = await shop.sold(("LAMP", 1))
    assert await shop.units(order) == {"backordered": 1}
    await tell(shop, "moved", 8, lines={"LAMP": 2}, from_state="quarantined", to_state="sellable")
    await shop.backorders.work_off(10)
    assert await shop.units(order) == {"reserved": 1}


async def test_promised_units_that_are_set_aside_open_an_exception(shop: Shop) -> None:
    await lamps(shop, ("received", 2, 6))
    await shop.sold(("LAMP", 2))
    await tell(shop, "moved", 7, lines={"LAMP": 1}, from_state="sellable", to_state="damaged")
    assert await shop.number("SELECT count(*) FROM exception WHERE code = 'stock_short' AND node = 'denver'") == 1


async def coming(shop: Shop) -> dict[tuple[str, str], tuple[int, int]]:
    """By announcement and SKU: how many were announced, and how many of them have come."""
    async with shop.database.read() as connection:
        rows = await connection.execute(text("SELECT message_id, sku, quantity, arrived FROM incoming"))
        return {(row.message_id, row.sku): (row.quantity, row.arrived) for row in rows}


async def test_announced_units_are_on_their_way_until_they_are_received(shop: Shop) -> None:
    announced = {"LAMP": 10, "CHAIR": 4}
    await tell(shop, "expected", 6, lines=announced, message_id="po-1", expected_at=at(48))
    assert await on_hand(shop) == {}, "what is announced is not there"
    await tell(shop, "received", 30, lines={"LAMP": 7}, expected="po-1")
    await tell(shop, "received", 31, lines={"LAMP": 5, "VASE": 1}, expected="po-1")
    assert await coming(shop) == {("po-1", "LAMP"): (10, 12), ("po-1", "CHAIR"): (4, 0)}
    assert await on_hand(shop) == {"LAMP": 12, "VASE": 1}
    await shop.check()


async def test_another_announcement_is_another_and_an_unknown_one_is_ignored(shop: Shop) -> None:
    for name, units in (("po-1", 10), ("po-2", 20)):
        await tell(shop, "expected", 6, lines={"LAMP": units}, message_id=name, expected_at=at(48))
    await tell(shop, "received", 30, lines={"LAMP": 3}, expected="po-2")
    await tell(shop, "received", 31, lines={"LAMP": 4}, expected="po-3")
    await tell(shop, "received", 31, node=NEXT, lines={"LAMP": 5}, expected="po-1")
    assert await coming(shop) == {("po-1", "LAMP"): (10, 0), ("po-2", "LAMP"): (20, 3)}
    assert await on_hand(shop) == {"LAMP": 7}
    assert not await tell(shop, "expected", 6, lines={"LAMP": 10}, message_id="po-1", expected_at=at(48))


async def test_an_item_on_two_pallets_of_an_announcement_is_their_sum(shop: Shop) -> None:
    body = {"message_id": "po-1", "node": NEAREST, "kind": "expected", "occurred_at": at(6), "expected_at": at(48)}
    pallets = [{"sku": "LAMP", "quantity": 3}, {"sku": "LAMP", "quantity": 4}]
    await stock_transactions.record(
        shop.transactions, StockMessage.model_validate(body | {"lines": pallets}), actor="node"
    )
    received = {"message_id": "in-1", "node": NEAREST, "kind": "received", "occurred_at": at(9), "expected": "po-1"}
    await stock_transactions.record(
        shop.transactions, StockMessage.model_validate(received | {"lines": pallets}), actor="node"
    )
    assert await coming(shop) == {("po-1", "LAMP"): (7, 7)}
    assert await on_hand(shop) == {"LAMP": 7}


async def test_a_message_longer_than_a_statement_opens_every_exception_that_it_causes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions.stock, "LEVELS_AT_ONCE", 1)
    await tell(shop, "received", 6, lines={"LAMP": 2, "CHAIR": 2, "VASE": 4})
    await shop.sold(("LAMP", 2))
    await shop.sold(("CHAIR", 2))
    body = {"message_id": "all-1", "node": NEAREST, "kind": "snapshot", "occurred_at": at(9), "file_digest": "abc"}
    progress: list[tuple[int, int]] = []
    message = StockFile.model_validate(body | {"lines": [{"sku": "LAMP", "quantity": 1}]})
    recorded = await stock_transactions.apply(
        shop.transactions, message, actor="command line", tell=lambda *done: progress.append(done)
    )
    assert await shop.number("SELECT count(*) FROM exception WHERE code = 'stock_short'") == 2
    change = recorded.change
    assert change is not None
    assert (change.stock_levels, change.changed, change.units_up, change.units_down) == (3, 3, 0, 7)
    assert progress == [(1, 3), (2, 3), (3, 3)]
    await shop.check()


async def test_counts_and_receipts_at_the_same_time_do_not_wait_in_a_circle(shop: Shop) -> None:
    pair = {"LAMP": 5, "CHAIR": 5}
    backwards = dict(reversed(pair.items()))
    messages = [
        tell(shop, kind, hour, lines=pair if hour % 2 else backwards)
        for last in range(1, 11)
        for kind, hour in (("counted", last), ("received", last - 1), ("snapshot", last))
    ]
    orders = [shop.sold(("DESK-SET", 1)) for _ in range(10)]
    await asyncio.gather(*messages, *orders)
    assert await on_hand(shop) == pair
    await shop.check()


async def is_waited_for(shop: Shop, waiters: int = 1) -> None:
    """Return when this number of transactions wait for a lock of another."""
    while await shop.number("SELECT count(*) FROM pg_locks WHERE NOT granted") < waiters:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["counted", "received"])
async def test_a_receipt_waits_for_an_order_that_begins_to_wait_before_it_locks_stock(shop: Shop, kind: str) -> None:
    await tell(shop, "received", 6, lines={"LAMP": 1, "CHAIR": 1})
    async with shop.database.write() as connection:
        await stock.close_gates(connection, ["LAMP"], exclusive=True)
        sent = asyncio.create_task(tell(shop, kind, 8, lines={"CHAIR": 5, "LAMP": 5}))
        await is_waited_for(shop)
        await stock.lock(connection, [(NEAREST, "LAMP")])
    assert await sent


async def test_a_hundred_thousand_items_may_change_in_one_transaction(database: Database) -> None:
    async with database.write() as connection:
        await stock.close_gates(connection, {f"SKU-{number}" for number in range(100_000)})


async def test_an_order_that_begins_to_wait_sees_the_unit_that_a_shipment_from_before_the_count_leaves(
    shop: Shop,
) -> None:
    """A lamp left, then another one was counted, and then the shipment is reported: the lamp that is there is free."""
    await shop.receive(NEAREST, LAMP=1)
    order = await shop.released(("LAMP", 1))
    await shop.count(NEAREST, LAMP=1)
    async with shop.database.write() as connection:
        await stock.close_gates(connection, ["LAMP"], exclusive=True)
        shipped = asyncio.create_task(shop.tell(order, MessageKind.SHIPPED, final=True, at=MIDNIGHT))
        await is_waited_for(shop)
        await stock.lock(connection, [(NEAREST, "LAMP")])
    assert await shipped
    assert await shop.counters("LAMP", NEAREST) == (1, 0, 0)
    await shop.check()

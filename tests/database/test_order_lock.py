"""An order's lock comes with the BEGIN of its transaction: it is had or waited for as ever, and nothing of it is left over."""

import asyncio
from datetime import UTC, datetime

import pytest

from database import order as orders
from database.connect import Database
from database.order import UnknownOrder
from database.writes import Writes
from tests.database.shop import NEAREST, Shop
from tests.house import ANSWERS_WITHIN_SECONDS
from transactions.order import Moment
from transactions.order import close as close_order

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'BEGIN%FOR UPDATE'"
IN_A_TRANSACTION = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"


async def somebody_waits(shop: Shop) -> None:
    """Until a transaction waits for an order's lock."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not await shop.number(WAITS):  # noqa: ASYNC110  (nothing says when)
            await asyncio.sleep(0.01)


async def test_an_order_that_another_transaction_changes_is_waited_for_and_seen_as_that_leaves_it(
    database: Database,
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.place(("CHAIR", 1))
    async with database.write() as connection:
        await orders.lock(connection, order)
        second = asyncio.create_task(shop.source(order, 1))
        await somebody_waits(shop)
        await orders.next_version(connection, order, (), datetime.now(UTC))
    assert (await second).version == 2, "the version of the first transaction, and its own"


async def test_a_step_that_is_stopped_while_it_waits_for_an_order_leaves_nothing_locked(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.sold(("CHAIR", 1))
    async with database.write() as connection:
        await orders.lock(connection, order)
        waiting = asyncio.create_task(shop.release(order))
        await somebody_waits(shop)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await shop.number(IN_A_TRANSACTION) == 0
    assert (await shop.release(order)).fulfillment_orders


async def test_what_cannot_be_the_id_of_an_order_is_not_sent_to_the_database(database: Database) -> None:
    shop = await Shop.open(database)
    for name in ("", "web-1'; SELECT pg_sleep(100); --", "web-1\0", "WEB-1", "ünbekannt-1"):
        with pytest.raises(UnknownOrder):
            await close_order(shop.transactions, Moment(order=name, at=datetime.now(UTC)))


async def test_a_lock_that_was_not_sent_is_an_error_and_not_a_transaction_without_it(database: Database) -> None:
    with pytest.raises(AssertionError, match="not sent with a BEGIN"):
        async with database.write("SELECT 1"):
            pass
    async with database.write() as connection:
        assert await connection.exec_driver_sql("SELECT 1"), "the next one begins without it"


def test_two_values_of_one_parameter_are_not_sent_as_one_statement() -> None:
    writes = Writes()
    writes.add("a AS (DELETE FROM waiting WHERE order_id = :order)", {"order": "web-1"})
    with pytest.raises(ValueError, match="different values of order"):
        writes.add("b AS (DELETE FROM reservation WHERE order_id = :order)", {"order": "web-2"})

"""Open orders of an earlier version have no release date and no limit after the upgrade, and follow the next network."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from database.schema import migrate
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database
from transactions import network_version, release_date
from transactions.network import Networks
from transactions.transaction import OrderTransactions

_databases = count(1)
OPEN_WITH_UNRELEASED = """
    SELECT o.order_id, l.sku FROM orders o JOIN order_line l USING (order_id)
    WHERE o.closed_at IS NULL AND o.to_node IS NULL AND l.open + l.backordered + l.reserved > 0 ORDER BY o.order_id, l.line
"""


@pytest_asyncio.fixture
async def upgraded(postgres: str, restored: str) -> AsyncIterator[Database]:
    """A recorded database after its upgrade."""
    opened = Database(await new_database(postgres, f"ahead-{next(_databases)}", restored), MASTER_KEYS)
    await migrate.upgrade(opened)
    yield opened
    await opened.close()


async def test_an_open_order_of_an_earlier_version_gets_the_release_date_of_a_new_network(upgraded: Database) -> None:
    async with upgraded.read() as connection:
        dates = text("SELECT count(*) FROM orders WHERE items_release_at IS NOT NULL")
        limits = text("SELECT count(*) FROM waiting WHERE sell_ahead_max IS NOT NULL")
        assert [(await connection.execute(one)).scalar_one() for one in (dates, limits)] == [0, 0]
        found = (await connection.execute(text(OPEN_WITH_UNRELEASED))).first()
    assert found is not None, "the recording has an order that was not released"
    order, sku = found
    transactions = OrderTransactions(upgraded, Networks())
    assert await release_date.to_follow(transactions) == []

    await _give_it_a_day(upgraded, sku)

    assert order in await release_date.to_follow(transactions)
    await release_date.follow(transactions, order)
    assert order not in await release_date.to_follow(transactions)
    async with upgraded.read() as connection:
        statement = text("SELECT items_release_at FROM orders WHERE order_id = :order")
        at = (await connection.execute(statement, {"order": order})).scalar_one()
    assert at.date() == date(2199, 1, 1)


async def _give_it_a_day(database: Database, sku: str) -> None:
    async with database.write() as connection:
        before = await network_version.lock_active(connection)
        assert before is not None
        header, *rows = before.items.splitlines()
        dated = [f"{row},{'2199-01-01' if row.startswith(f'{sku},') else ''}" for row in rows]
        items = "\n".join([f"{header},release_date", *dated])
        await network_version.activate(connection, before, replace(before, items=items))

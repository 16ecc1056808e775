"""Stock of an earlier version: a channel that follows it reads all of it once after the upgrade; orders ask for no node."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database import stock_feed
from database.connect import Database
from database.schema import migrate
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database

_databases = count(1)


@pytest_asyncio.fixture
async def old(postgres: str, restored: str) -> AsyncIterator[Database]:
    """A recorded database before its upgrade."""
    opened = Database(await new_database(postgres, f"followed-{next(_databases)}", restored), MASTER_KEYS)
    yield opened
    await opened.close()


async def test_earlier_stock_counts_as_changed_by_the_upgrade(old: Database) -> None:
    async with old.read() as connection:
        before = await stock_feed.horizon(connection)
    await migrate.upgrade(old)
    async with old.read() as connection:
        skus = set((await connection.execute(text("SELECT sku FROM stock"))).scalars())
        assert skus
        assert await stock_feed.changed_since(connection, before) == skus
        assert await stock_feed.changed_since(connection, await stock_feed.horizon(connection)) == set()
        assert set((await connection.execute(text("SELECT from_node FROM orders"))).scalars()) == {None}

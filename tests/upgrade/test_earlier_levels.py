"""Stock levels that an earlier version had sent: they stand where they stood, and are not sent again."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database import channel_level
from database.connect import Database
from database.schema import migrate
from domain.channel_level import Kept
from tests.upgrade.conftest import database_of

_databases = count(1)
CHANNEL = "INSERT INTO connection (channel) VALUES ('web')"
LEVEL = """
    INSERT INTO channel_level (channel, external, available, wanted, notified_at) VALUES ('web', 'LAMP', 5, 5, now())
"""


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database in which a channel has one level for each item."""
    async with database_of(postgres, f"levels-{next(_databases)}", "0031") as opened:
        yield opened


async def test_after_the_upgrade_the_levels_that_were_sent_are_known(earlier: Database) -> None:
    async with earlier.write() as connection:
        for statement in (CHANNEL, LEVEL):
            await connection.execute(text(statement))

    await migrate.upgrade(earlier)

    async with earlier.read() as connection:
        assert await channel_level.known(connection, "web", ["LAMP"]) == {("", "LAMP"): Kept(5, 5)}

"""Stock levels that an earlier version had sent: they stand where they stood, and are not sent again."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from alembic import command
from sqlalchemy import Connection, text

from database import channel_level
from database.connect import Database
from database.schema import migrate
from database.schema.migrate import configuration
from domain.channel_level import Kept
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database

_databases = count(1)
CHANNEL = "INSERT INTO connection (channel) VALUES ('web')"
LEVEL = """
    INSERT INTO channel_level (channel, external, available, wanted, notified_at) VALUES ('web', 'LAMP', 5, 5, now())
"""


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database in which a channel has one level for each item."""
    opened = Database(await new_database(postgres, f"levels-{next(_databases)}"), MASTER_KEYS)
    async with opened.engine.connect() as connection:
        await connection.run_sync(_to_kept_scans)
        await connection.commit()
    yield opened
    await opened.close()


def _to_kept_scans(connection: Connection) -> None:
    command.upgrade(configuration(connection), "0031")


async def test_after_the_upgrade_the_levels_that_were_sent_are_known(earlier: Database) -> None:
    async with earlier.write() as connection:
        for statement in (CHANNEL, LEVEL):
            await connection.execute(text(statement))

    await migrate.upgrade(earlier)

    async with earlier.read() as connection:
        assert await channel_level.known(connection, "web", ["LAMP"]) == {("", "LAMP"): Kept(5, 5)}

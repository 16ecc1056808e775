"""Returns that are under way when the upgrade comes are dated supply afterwards, of which nothing is promised."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database.audit.coming_back import INVARIANTS
from database.coming_back import COMING_BACK
from database.connect import Database
from database.schema import migrate
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database

_databases = count(1)


@pytest_asyncio.fixture
async def upgraded(postgres: str, restored: str) -> AsyncIterator[Database]:
    """A recorded database after its upgrade."""
    opened = Database(await new_database(postgres, f"back-{next(_databases)}", restored), MASTER_KEYS)
    await migrate.upgrade(opened)
    yield opened
    await opened.close()


async def test_a_return_that_was_under_way_is_supply_of_its_node_and_promised_to_nobody(upgraded: Database) -> None:
    async with upgraded.read() as connection:
        expected = (
            await connection.execute(text(f"SELECT count(*) FROM ({COMING_BACK}) c WHERE open > 0"))
        ).scalar_one()
        rows = await connection.execute(text("SELECT restocked_percent FROM incoming WHERE return_id IS NOT NULL"))
        shares = list(rows.scalars())
        violations = [row for one in INVARIANTS for row in await connection.execute(text(one.violations))]
    assert expected, "the recording has a return of which units were not graded"
    assert (len(shares), set(shares), violations) == (expected, {None}, [])

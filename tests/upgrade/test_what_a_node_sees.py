"""Fulfillment orders of an earlier version: until when to accept and when they last changed is known after the upgrade."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from database.schema import migrate
from tests.house import MASTER_KEYS
from tests.upgrade.conftest import new_database

_databases = count(1)
WORK = """
    SELECT f.fulfillment_order_id, f.waiting_for, f.deadline, f.accept_by, f.updated_at, f.released_at,
           (SELECT max(received_at) FROM inbox WHERE about = f.fulfillment_order_id) AS heard_at
    FROM fulfillment_order f
"""


@pytest_asyncio.fixture
async def upgraded(postgres: str, restored: str) -> AsyncIterator[Database]:
    """A recorded database after its upgrade."""
    opened = Database(await new_database(postgres, f"seen-{next(_databases)}", restored), MASTER_KEYS)
    await migrate.upgrade(opened)
    yield opened
    await opened.close()


async def test_earlier_work_says_until_when_to_accept_it_and_when_it_last_changed(upgraded: Database) -> None:
    async with upgraded.read() as connection:
        works = (await connection.execute(text(WORK))).all()

    waits = {work.fulfillment_order_id: work for work in works if work.waiting_for == "acceptance"}
    assert len(waits) > 0
    assert len(works) > len(waits)
    for work in works:
        assert work.accept_by == (work.deadline if work.fulfillment_order_id in waits else None)
        assert work.updated_at >= max(filter(None, (work.released_at, work.heard_at)))

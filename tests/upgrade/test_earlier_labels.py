"""Labels of an earlier version: what was bought for work that has ended is left to a person, and no other label."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from database.schema import migrate
from tests.upgrade.conftest import database_of
from tests.upgrade.test_earlier_promises import UPGRADED as ORDER

_databases = count(1)
WORK = """
    INSERT INTO fulfillment_order (fulfillment_order_id, order_id, number, node, attempt, dispatch, request, released_at,
                                   ship_by, pick_final, ship_final, assumed_delivered, asked_for_all, pickup)
    VALUES (:work, 'web-1', :number, 'slc', 1, 'pull', 'accepted', now(), now(), false, false, false, false, false)
"""
LINE = """
    INSERT INTO fulfillment_order_line (fulfillment_order_id, line, position, sku, quantity, tried, told_picked, told_ready,
                                        told_shipped, told_delivered, voided, freed, replaced, cancel_wanted, picked, shipped,
                                        delivered, short, surplus, in_doubt)
    VALUES (:work, '1', 0, 'LAMP', 2, '{}', 0, 0, CAST(:shipped AS int), 0, 0, 0, 0, 0, 0, CAST(:shipped AS int), 0, :short, 0,
            :in_doubt)
"""
LABEL = """
    INSERT INTO label (label_id, order_id, about, number, package, carrier, asked, state, actor)
    VALUES (CAST(:work AS text) || '-l1', 'web-1', CAST(:work AS text), 1, '1', 'van', '{}', 'bought', 'node:slc')
"""
# fmt: off
WORKS = {
    # work        shipped, short, in doubt, is left to a person
    "web-1-f1": (0,       0,     0,        False),
    "web-1-f2": (2,       0,     0,        False),
    "web-1-f3": (0,       2,     0,        True),
    "web-1-f4": (0,       2,     2,        False),
    "web-1-f5": (1,       1,     0,        False),
}
# fmt: on


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database in which nobody gives back the labels of ended work."""
    async with database_of(postgres, f"labels-{next(_databases)}", "0025") as opened:
        yield opened


async def test_after_the_upgrade_labels_of_work_that_had_ended_are_left_to_a_person(earlier: Database) -> None:
    async with earlier.write() as connection:
        await connection.execute(text(ORDER), {"order": "web-1", "ship_by": None, "deliver_by": None})
        for number, (work, (shipped, short, in_doubt, _)) in enumerate(WORKS.items(), 1):
            facts = {"work": work, "shipped": shipped, "short": short, "in_doubt": in_doubt}
            await connection.execute(text(WORK), {"work": work, "number": number})
            await connection.execute(text(LINE), facts)
            await connection.execute(text(LABEL), {"work": work})

    await migrate.upgrade(earlier)

    async with earlier.read() as connection:
        rows = await connection.execute(text("SELECT about, kept_at IS NOT NULL AS is_kept, is_unused FROM label"))
        found = {row.about: (row.is_kept, row.is_unused) for row in rows}
    assert found == {work: (is_kept, False) for work, (_, _, _, is_kept) in WORKS.items()}

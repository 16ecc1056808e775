"""Replacements that were cancelled before anybody was notified: the upgrade tells a person, and their units may be claimed."""

from collections.abc import AsyncIterator
from itertools import count

import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from database.schema import migrate
from tests.upgrade.conftest import database_of

_databases = count(1)
ORDER = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, shipping_price, paid, release_at, return_window)
    VALUES (:order, 'web', :order, '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', 300, 0, 300, now(), '30 days')
"""
LINE = """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, shipped, cancelled)
    VALUES (:order, '1', 0, 'CHAIR', 100, 0, 3, CAST(:open AS int), CAST(:shipped AS int), CAST(:cancelled AS int))
"""
CLAIM = """
    INSERT INTO claim (claim_id, order_id, number, kind, resolution, claimed_at)
    VALUES (:order || '-c1', :order, 1, 'lost', 'replacement', now())
"""
REFUND = """
    INSERT INTO refund (refund_id, order_id, claim_id, kind, amount, shipping, asked_at, settled_at, settled_amount,
                        replacement)
    VALUES (:order || '-c1-m1', :order, :order || '-c1', 'exchange', 250, 50, now(), now(), 250, :order || '-c1-x1')
"""
REFUND_LINE = "INSERT INTO refund_line (refund_id, line, quantity, paid) VALUES (:order || '-c1-m1', '1', 3, 3)"
LEFT = """
    SELECT f.amount, f.settled_amount, f.shipping, l.quantity, l.paid
    FROM refund f JOIN refund_line l USING (refund_id) WHERE f.order_id = :order
"""


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database with the first schema."""
    async with database_of(postgres, f"earlier-{next(_databases)}", "0001") as opened:
        yield opened


async def test_what_was_lost_before_is_reported_once_and_stands_for_nothing_any_more(earlier: Database) -> None:
    for order, cancelled in (("web-1", 3), ("web-2", 1), ("web-3", 0)):
        await replaced(earlier, order, cancelled)

    await migrate.upgrade(earlier)

    assert await left(earlier, "web-1") == (0, 0, 0, 3, 0)
    assert await left(earlier, "web-2") == (167, 167, 33, 3, 2)
    assert await left(earlier, "web-3") == (250, 250, 50, 3, 3)
    async with earlier.read() as connection:
        reported = await connection.execute(text("SELECT order_id, code, detail FROM exception ORDER BY order_id"))
        assert [tuple(row) for row in reported] == [
            ("web-1", "replacement_lost", "web-1-c1-x1 did not send 3 of line 1, and nothing was paid back for them"),
            ("web-2", "replacement_lost", "web-2-c1-x1 did not send 1 of line 1, and nothing was paid back for them"),
        ]


async def replaced(database: Database, order: str, cancelled: int) -> None:
    """An order with a claim, and its replacement with some units cancelled."""
    async with database.engine.begin() as connection:
        for name, shipped, gone in ((order, 3, 0), (f"{order}-c1-x1", 0, cancelled)):
            await connection.execute(text(ORDER), {"order": name})
            await connection.execute(
                text(LINE), {"order": name, "open": 3 - shipped - gone, "shipped": shipped, "cancelled": gone}
            )
        for statement in (CLAIM, REFUND, REFUND_LINE):
            await connection.execute(text(statement), {"order": order})


async def left(database: Database, order: str) -> tuple[int, ...]:
    """What the refund of an order still stands for."""
    async with database.read() as connection:
        return tuple((await connection.execute(text(LEFT), {"order": order})).one())

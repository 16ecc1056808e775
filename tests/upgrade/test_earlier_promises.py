"""Promises of an earlier version: the upgrade keeps them, and lets others have no day of delivery."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from database.connect import Database
from database.schema import migrate
from tests.upgrade.conftest import database_of

_databases = count(1)
ORDER = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country, postal_area,
                        priority, customer_tier, value, shipping_price, release_at, return_window, promise_ship_by,
                        promise_deliver_by)
    VALUES (:order, 'web', :order, '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', 300, 0, now(), '30 days',
            CAST(:ship_by AS timestamptz), CAST(:deliver_by AS timestamptz))
"""
UPGRADED = ORDER.replace("value, shipping_price", "value, total, shipping_price").replace("300, 0", "300, 300, 0")
FRIDAY, MONDAY = datetime(2026, 11, 27, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database in which a promise always has both days."""
    async with database_of(postgres, f"both-days-{next(_databases)}", "0001") as opened:
        yield opened


async def place(
    database: Database, order: str, ship_by: datetime | None, deliver_by: datetime | None, statement: str = UPGRADED
) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement), {"order": order, "ship_by": ship_by, "deliver_by": deliver_by})


async def test_after_the_upgrade_a_promise_may_have_no_day_of_delivery_but_never_one_alone(earlier: Database) -> None:
    await place(earlier, "kept", FRIDAY, MONDAY, ORDER)
    with pytest.raises(IntegrityError):
        await place(earlier, "too-early", FRIDAY, None, ORDER)

    await migrate.upgrade(earlier)

    await place(earlier, "army", FRIDAY, None)
    await place(earlier, "waits", None, None)
    with pytest.raises(IntegrityError):
        await place(earlier, "half", None, MONDAY)
    async with earlier.read() as connection:
        found = await connection.execute(
            text("SELECT order_id, promise_deliver_by IS NULL AS is_open FROM orders ORDER BY 1")
        )
        assert {row.order_id: row.is_open for row in found} == {"army": True, "kept": False, "waits": True}

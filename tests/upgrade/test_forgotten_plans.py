"""After an upgrade the plans of orders that were forgotten before say nothing of how far away their customers live."""

import json
from typing import Any

from sqlalchemy import text

from database import forgotten
from database.connect import Database
from database.schema import migrate
from tests.upgrade.test_migrations import old

__all__ = ["old"]

FORGOTTEN = """
    INSERT INTO forgotten (order_id, forgotten_at)
    SELECT DISTINCT order_id, now() FROM plan WHERE order_id <> 'web-released' ON CONFLICT DO NOTHING
"""
PLANS = "SELECT order_id, round, document::text AS document FROM plan ORDER BY order_id, round"


async def plans(database: Database) -> dict[tuple[str, int], dict[str, Any]]:
    """Every plan by order and round."""
    async with database.read() as connection:
        rows = await connection.execute(text(PLANS))
        return {(row.order_id, row.round): json.loads(row.document) for row in rows}


async def test_plans_of_forgotten_orders_lose_their_distances_and_the_others_keep_them(old: Database) -> None:
    async with old.engine.begin() as connection:
        await connection.execute(text(FORGOTTEN))
    before = await plans(old)
    assert len(before) > 5

    await migrate.upgrade(old)

    after = await plans(old)
    kept = before.pop(("web-released", 1))
    assert after.pop(("web-released", 1)) == kept
    assert after == {name: forgotten.without_the_way(document) for name, document in before.items()}
    assert "distance_km" in str(after)
    assert {one["distance_km"] for document in after.values() for one in document["nodes"]} == {None}

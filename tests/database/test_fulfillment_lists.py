"""Lists of fulfillment orders stay fast when a node has shipped for years: their filters find their rows by an index."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from database.connect import Database
from database.documents.fulfillment import Filters, listing
from tests.sql_statements import generic_plan, statements_of

MANY = 30_000
PAST = [
    """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window)
    SELECT 'old-' || n, 'old', n::text, '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0, now(), '30 days'
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, shipped)
    SELECT 'old-' || n, '1', 0, 'LAMP', 100, 0, 1, 0, 1 FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO fulfillment_order (fulfillment_order_id, order_id, number, node, attempt, dispatch, request, released_at,
                                   ship_by, deliver_by, pickup, updated_at)
    SELECT 'old-' || n || '-f1', 'old-' || n, 1, CASE WHEN n % 3 = 0 THEN 'denver' ELSE 'casper' END, 1, 'pull', 'accepted',
           now() - n * interval '10 minutes', now(), now(), false, now() - n * interval '10 minutes'
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO fulfillment_order_line (fulfillment_order_id, line, position, sku, quantity, tried, shipped)
    SELECT 'old-' || n || '-f1', '1', 0, 'LAMP', 1, '{}', 1 FROM generate_series(1, :many) n
    """,
]
BIG = {"orders", "order_line", "fulfillment_order", "fulfillment_order_line"}


FILTERS: list[dict[str, Any]] = [
    {"updated_since": datetime.now(UTC) - timedelta(hours=1)},
    {"updated_since": datetime.now(UTC) - timedelta(hours=1), "node": "denver"},
    {"order": "old-77"},
    {"node": "denver"},
    {"node": "denver", "request": "accepted"},
]


async def test_a_page_reads_no_table_whole(database: Database) -> None:
    async with database.write() as connection:
        for statement in PAST:
            await connection.execute(text(statement), {"many": MANY})
    async with database.engine.connect() as connection:
        analyzing = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await analyzing.execute(text("ANALYZE"))
    for filters in FILTERS:
        steps = await explained(database, *listing(Filters(**filters), after=None, limit=50))
        of_big = [one for one in steps if one.get("Relation Name") in BIG]
        assert "Seq Scan" not in [one["Node Type"] for one in of_big], filters
        looked_at = [one for one in of_big if one["Relation Name"] == "fulfillment_order"]
        assert sum(one["Actual Rows"] * one["Actual Loops"] for one in looked_at) <= 60, filters


async def explained(database: Database, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Every step of the plan that the service has for a statement, with what it did."""
    with statements_of(database) as sent:
        async with database.read() as connection:
            await connection.execute(text(statement), values)
    return await generic_plan(database, *sent[-1])

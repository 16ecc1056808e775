"""What Prometheus asks for reads what is under way, and not what a hundred thousand orders have left behind."""

from typing import Any

from database.connect import Database, ReadConnection
from database.documents import metrics
from tests.database.test_lists_at_scale import MANY, READ_MAX, filled, full, rows_of, source
from tests.sql_statements import statements_of

__all__ = ["filled", "full", "source"]


async def test_a_scrape_is_one_statement_that_reads_no_closed_order(full: Database) -> None:
    async def read(connection: ReadConnection) -> list[dict[str, Any]]:
        return (await metrics.read(connection))["orders"]

    with statements_of(full) as sent:
        async with full.read() as connection:
            found = {row["status"]: row["orders"] for row in await read(connection)}
    assert found == {"delivered": MANY // 1000 - 1, "sourcing": 1}
    assert len(sent) == 1
    asked = await rows_of(full, read)
    assert {table: rows for table, rows in asked.rows.items() if rows > READ_MAX} == {}

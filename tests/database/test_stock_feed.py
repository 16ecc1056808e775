"""What changed in stock, as channels read it: nothing is skipped that commits late, and it is read from an index."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from database import stock_feed
from database.connect import Database
from database.stock import CHANGED
from tests.sql_statements import generic_plan

PUT = text("INSERT INTO stock (node, sku, on_hand) VALUES ('slc', :sku, 5)")
TAKE = text(f"UPDATE stock SET reserved = reserved + 1, {CHANGED} WHERE sku = :sku")


async def horizon_of(database: Database) -> int:
    """What a reader of now goes on from."""
    async with database.read() as connection:
        return await stock_feed.horizon(connection)


async def changed(database: Database, since: int) -> set[str]:
    """What a reader that goes on from there gets."""
    async with database.read() as connection:
        return await stock_feed.changed_since(connection, since)


async def test_what_commits_after_a_later_transaction_was_read_is_not_skipped(database: Database) -> None:
    for sku in ("A", "B", "C"):
        async with database.write() as connection:
            await connection.execute(PUT, {"sku": sku})
    before = await horizon_of(database)
    assert await changed(database, before) == set()
    async with database.write() as slow:
        await slow.execute(TAKE, {"sku": "A"})
        async with database.write() as quick:
            await quick.execute(TAKE, {"sku": "B"})
        between = await horizon_of(database)
        assert await changed(database, before) == {"B"}
    assert "A" in await changed(database, between)
    after = await horizon_of(database)
    assert await changed(database, after) == set()
    async with database.write() as connection:
        await connection.execute(TAKE, {"sku": "C"})
    assert await changed(database, after) == {"C"}


async def test_a_time_reaches_a_minute_further_back(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(PUT, {"sku": "A"})
    async with database.read() as connection:
        now = (await connection.execute(text("SELECT max(changed_at) FROM stock WHERE sku = 'A'"))).scalar_one()
        assert "A" in await stock_feed.changed_after(connection, now + timedelta(seconds=59))
        assert "A" not in await stock_feed.changed_after(connection, now + timedelta(seconds=61))


MANY = (
    "INSERT INTO stock (node, sku, on_hand) SELECT 'n' || n % 20, 'S-' || n / 20, 5 FROM generate_series(1, 200000) n"
)


@pytest.mark.parametrize("read", ["changed_in", "changed_at"])
async def test_what_changed_is_found_by_the_index_and_not_by_reading_all_stock(database: Database, read: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(MANY))
    after = await horizon_of(database)
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE stock"))
        now = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    async with database.write() as connection:
        await connection.execute(TAKE, {"sku": "S-7"})
    where, value = ("changed_in >= $1", after) if read == "changed_in" else ("changed_at >= $1", now)
    steps = await generic_plan(database, f"SELECT DISTINCT sku FROM stock WHERE {where}", (value,))
    assert "Seq Scan" not in {step["Node Type"] for step in steps}
    (index,) = [step for step in steps if step["Node Type"] == "Bitmap Index Scan"]
    assert index["Index Name"] == "ix_stock_changed"
    (heap,) = [step for step in steps if step["Node Type"] == "Bitmap Heap Scan"]
    assert heap["Actual Rows"] == 20
    assert heap["Rows Removed by Index Recheck"] < 10_000


async def test_a_claim_leaves_all_other_indexes_as_they_are(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(PUT, {"sku": "A"})
    async with database.write() as connection:
        await connection.execute(TAKE, {"sku": "A"})
    async with database.engine.connect() as connection:
        updated = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'stock'")
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        row = (await connection.execute(updated)).one()
    assert row.n_tup_hot_upd == row.n_tup_upd

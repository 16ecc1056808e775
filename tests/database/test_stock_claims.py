"""No claim is granted beyond what is available: proved with real concurrent transactions on real PostgreSQL."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import text

from database import stock
from database.connect import Database
from domain.stock import Movement, MovementKind

NODE = "slc"
AT = datetime(2026, 11, 22, tzinfo=UTC)


async def receive(database: Database, **units: int) -> None:
    movements = [
        Movement(MovementKind.RECEIVED, NODE, sku.replace("_", "-"), on_hand=quantity)
        for sku, quantity in units.items()
    ]
    async with database.write() as connection:
        await stock.record(connection, movements, order=None, cause="receipt", actor="test", at=AT)


async def claim(database: Database, order: str, *wanted: tuple[str, int], safety_stock: int = 0) -> bool:
    movements = [Movement(MovementKind.RESERVED, NODE, sku, reserved=quantity) for sku, quantity in wanted]
    safety = {(NODE, sku): safety_stock for sku, _ in wanted}
    async with database.write() as connection:
        return await stock.claim(connection, stock.Claim(movements, safety, "round 1", "test", AT, order))


async def counters(database: Database, sku: str) -> tuple[int, int, int]:
    async with database.read() as connection:
        shelf = (await stock.shelves(connection, [sku]))[NODE, sku]
        return shelf.on_hand, shelf.reserved, shelf.allocated


async def ledger(database: Database, sku: str) -> tuple[int, int, int]:
    statement = text("SELECT sum(on_hand)::int, sum(reserved)::int, sum(allocated)::int FROM movement WHERE sku = :sku")
    async with database.read() as connection:
        row = (await connection.execute(statement, {"sku": sku})).one()
        return row[0], row[1], row[2]


async def test_a_hundred_orders_for_the_last_unit_have_one_winner(database: Database) -> None:
    await receive(database, SERUM_30=1)
    granted = await asyncio.gather(*(claim(database, f"web-{n}", ("SERUM-30", 1)) for n in range(100)))
    assert sum(granted) == 1
    assert await counters(database, "SERUM-30") == await ledger(database, "SERUM-30") == (1, 1, 0)


async def test_supply_for_half_of_the_demand_is_granted_to_the_last_unit(database: Database) -> None:
    await receive(database, SERUM_30=60)
    granted = await asyncio.gather(*(claim(database, f"web-{n}", ("SERUM-30", 2)) for n in range(60)))
    assert sum(granted) == 30
    assert await counters(database, "SERUM-30") == (60, 60, 0)


async def test_orders_that_name_the_same_goods_in_opposite_order_do_not_deadlock(database: Database) -> None:
    await receive(database, SERUM_30=200, TONER_200=200)
    pairs = [("SERUM-30", 1), ("TONER-200", 1)]
    claims = [claim(database, f"web-{n}", *(pairs if n % 2 else reversed(pairs))) for n in range(80)]
    assert all(await asyncio.gather(*claims))
    assert await counters(database, "TONER-200") == (200, 80, 0)


async def test_a_claim_is_granted_whole_or_not_at_all(database: Database) -> None:
    await receive(database, SERUM_30=5, TONER_200=1)
    assert not await claim(database, "web-1", ("SERUM-30", 2), ("TONER-200", 2))
    assert await counters(database, "SERUM-30") == (5, 0, 0)
    assert await ledger(database, "SERUM-30") == (5, 0, 0)


async def test_safety_stock_is_never_claimed(database: Database) -> None:
    await receive(database, CANDLE_220=5)
    assert not await claim(database, "web-1", ("CANDLE-220", 4), safety_stock=2)
    assert await claim(database, "web-2", ("CANDLE-220", 3), safety_stock=2)


async def test_goods_that_no_node_ever_had_are_not_granted(database: Database) -> None:
    assert not await claim(database, "web-1", ("SERUM-30", 1))


async def test_the_same_fact_booked_twice_is_booked_once(database: Database) -> None:
    for _ in range(2):
        await receive(database, SERUM_30=5)
    assert await counters(database, "SERUM-30") == await ledger(database, "SERUM-30") == (5, 0, 0)


async def test_a_fact_that_leaves_less_than_is_promised_is_taken_and_told(database: Database) -> None:
    await receive(database, SERUM_30=5)
    assert await claim(database, "web-1", ("SERUM-30", 4))
    lost = [Movement(MovementKind.ADJUSTED, NODE, "SERUM-30", on_hand=-3)]
    async with database.write() as connection:
        shortages = await stock.record(connection, lost, order=None, cause="breakage", actor="test", at=AT)
    assert [(short.node, short.sku, short.missing) for short in shortages] == [(NODE, "SERUM-30", 2)]
    assert await counters(database, "SERUM-30") == (2, 4, 0)

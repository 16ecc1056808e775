"""No claim is granted beyond what is available: proved with real concurrent transactions on real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from database import stock
from database.connect import Database, WriteConnection
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
        level = (await stock.levels(connection, [sku]))[NODE, sku]
        return level.on_hand, level.reserved, level.allocated


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


async def test_a_claim_waits_for_the_one_before_it_and_sees_what_that_has_left(database: Database) -> None:
    await receive(database, SERUM_30=1)
    async with database.write() as first:
        wanted = [Movement(MovementKind.RESERVED, NODE, "SERUM-30", reserved=1)]
        assert await stock.claim(first, stock.Claim(wanted, {}, "round 1", "test", AT, "web-1"))
        second = asyncio.create_task(claim(database, "web-2", ("SERUM-30", 1)))
        while not second.done() and not await waits_for_a_lock(database):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.01)
    assert not await second
    assert await counters(database, "SERUM-30") == await ledger(database, "SERUM-30") == (1, 1, 0)


async def waits_for_a_lock(database: Database) -> bool:
    statement = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    async with database.read() as connection:
        return bool((await connection.execute(statement)).scalar_one())


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


async def test_a_fact_that_leaves_less_than_is_promised_is_booked_and_reported(database: Database) -> None:
    await receive(database, SERUM_30=5)
    assert await claim(database, "web-1", ("SERUM-30", 4))
    lost = [Movement(MovementKind.ADJUSTED, NODE, "SERUM-30", on_hand=-3)]
    async with database.write() as connection:
        shortages = await stock.record(connection, lost, order=None, cause="breakage", actor="test", at=AT)
    assert [(short.node, short.sku, short.missing) for short in shortages] == [(NODE, "SERUM-30", 2)]
    assert await counters(database, "SERUM-30") == (2, 4, 0)


async def test_a_fact_that_waits_for_another_one_is_compared_with_what_that_has_left(database: Database) -> None:
    await receive(database, SERUM_30=5)
    assert await claim(database, "web-1", ("SERUM-30", 5))
    async with database.write() as first:
        assert [short.missing for short in await lose(first, 3, "a flood")] == [3]
        second = asyncio.create_task(lost_alone(database, 1))
        while not second.done() and not await waits_for_a_lock(database):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.01)
    assert await second == [], "the goods were short before, and that was reported"
    assert await counters(database, "SERUM-30") == (1, 5, 0)


async def lost_alone(database: Database, units: int) -> list[stock.Shortage]:
    async with database.write() as connection:
        return await lose(connection, units, "a fire")


async def lose(connection: WriteConnection, units: int, cause: str) -> list[stock.Shortage]:
    lost = [Movement(MovementKind.ADJUSTED, NODE, "SERUM-30", on_hand=-units)]
    return await stock.record(connection, lost, order=None, cause=cause, actor="test", at=AT)


async def by_hand(database: Database, statement: str, **parameters: object) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement), parameters)


async def test_claims_that_are_asked_together_are_served_in_turn_and_never_more_than_there_is(
    database: Database,
) -> None:
    await receive(database, SERUM_30=3)
    claims = [
        stock.Claim(
            [Movement(MovementKind.RESERVED, NODE, "SERUM-30", reserved=2)], {}, "round 1", "test", AT, f"web-{n}"
        )
        for n in range(3)
    ]
    async with database.write() as connection:
        assert await stock.claim_each(connection, claims) == {0}
    assert await counters(database, "SERUM-30") == await ledger(database, "SERUM-30") == (3, 2, 0)


async def test_units_that_a_node_works_on_are_not_promised_again(database: Database) -> None:
    await receive(database, SERUM_30=3)
    assert await claim(database, "web-1", ("SERUM-30", 2))
    released = [Movement(MovementKind.ALLOCATED, NODE, "SERUM-30", reserved=-2, allocated=2)]
    async with database.write() as connection:
        await stock.record(connection, released, order="web-1", cause="release 1", actor="test", at=AT)
    assert not await claim(database, "web-2", ("SERUM-30", 2))
    assert await claim(database, "web-3", ("SERUM-30", 1))


async def test_what_is_offered_to_those_who_wait_is_given_to_no_other_order(database: Database) -> None:
    await receive(database, SERUM_30=3)
    await by_hand(database, "UPDATE stock SET offered_at = :at", at=AT)
    assert not await claim(database, "web-1", ("SERUM-30", 1))
    movements = [Movement(MovementKind.RESERVED, NODE, "SERUM-30", reserved=1)]
    for offer, granted in ((AT.replace(hour=1), False), (AT, True)):
        offers = {(NODE, "SERUM-30"): offer}
        async with database.write() as connection:
            asked = stock.Claim(movements, {}, "round 1", "test", AT, "web-2", offers=offers)
            assert await stock.claim(connection, asked) is granted


async def test_nothing_of_a_stopped_sale_is_promised(database: Database) -> None:
    await receive(database, SERUM_30=3, TONER_200=3)
    await by_hand(database, "UPDATE stock SET stopped_at = :at WHERE sku = 'SERUM-30'", at=AT)
    assert not await claim(database, "web-1", ("TONER-200", 1), ("SERUM-30", 1))
    assert await counters(database, "TONER-200") == (3, 0, 0)


async def pin_for_a_cart(database: Database, expires_in: timedelta) -> None:
    """A cart holds two of three units, until some time before or after now."""
    await receive(database, SERUM_30=3)
    assert await claim(database, "cart", ("SERUM-30", 2))
    await by_hand(
        database,
        """
        WITH made AS (
            INSERT INTO cart (cart_id, channel, asker, body_digest, promise, reserved_at, expires_at)
            VALUES ('cart-1', 'web', 'test', '', '{}', now(), now() + :expires_in)
            RETURNING cart_id, expires_at)
        INSERT INTO cart_unit SELECT cart_id, 'slc', 'SERUM-30', 2, expires_at FROM made
        """,
        expires_in=expires_in,
    )


async def test_units_of_a_cart_whose_time_is_over_are_promised_once(database: Database) -> None:
    await pin_for_a_cart(database, timedelta(seconds=-1))
    assert not await claim(database, "web-greedy", ("SERUM-30", 4))
    granted = await asyncio.gather(*(claim(database, f"web-{n}", ("SERUM-30", 1)) for n in range(12)))
    assert sum(granted) == 3
    assert await counters(database, "SERUM-30") == await ledger(database, "SERUM-30") == (3, 3, 0)


async def test_units_of_a_living_cart_are_for_no_other_claim(database: Database) -> None:
    await pin_for_a_cart(database, timedelta(minutes=1))
    granted = await asyncio.gather(*(claim(database, f"web-{n}", ("SERUM-30", 1)) for n in range(12)))
    assert sum(granted) == 1
    assert await counters(database, "SERUM-30") == (3, 3, 0)


async def test_a_fact_that_is_reported_again_after_a_count_changes_nothing(database: Database) -> None:
    await receive(database, SERUM_30=3)
    await by_hand(database, "UPDATE stock SET counted_at = :later", later=AT + timedelta(hours=1))
    await receive(database, SERUM_30=3)
    assert await counters(database, "SERUM-30") == await ledger(database, "SERUM-30") == (3, 0, 0)

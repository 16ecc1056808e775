"""Orders from before what units cost was kept: the upgrade takes their money over as the old facts tell it."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from database.schema import migrate
from starter.audit import findings_of
from tests.upgrade.conftest import database_of

_databases = count(1)
ORDER = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, shipping_price, release_at, return_window)
    VALUES ('web-1', 'web', '1', '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', :value, 500, now(), '30 days')
"""
LINE = """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open, shipped, cancelled)
    VALUES ('web-1', '1', 0, 'CHAIR', 1000, 600, :ordered, 0, CAST(:ordered AS int) - CAST(:cancelled AS int), :cancelled)
"""
EVENT = """
    INSERT INTO event (order_id, channel, kind, occurred_at, data)
    VALUES ('web-1', 'web', :kind, now(), jsonb_build_object('lines', jsonb_build_array(
        jsonb_build_object('line', '1', 'sku', 'CHAIR', 'quantity', CAST(:units AS int)))))
"""
RETURN = """
    WITH back AS (
        INSERT INTO return (return_id, order_id, number, resolution, fee, requested_at, expires_at)
        VALUES ('web-1-r1', 'web-1', 1, 'refund', 300, now(), now())
    ), of_line AS (
        INSERT INTO return_line (return_id, line, position, sku, quantity, unit_fee, refund_on)
        VALUES ('web-1-r1', '1', 0, 'CHAIR', 2, 25, 'receipt')
    ), asked AS (
        INSERT INTO refund (refund_id, order_id, return_id, kind, amount, shipping, asked_at)
        SELECT 'web-1-r1-m' || n, 'web-1', 'web-1-r1', 'refund', 400, 0, now() + n * interval '1 second'
        FROM generate_series(1, 2) n
    )
    INSERT INTO refund_line (refund_id, line, quantity, paid)
    VALUES ('web-1-r1-m1', '1', 1, 1), ('web-1-r1-m2', '1', 1, 1)
"""
LAYERS = "SELECT ordered, cancelled, unit_price, discount, tax FROM order_layer ORDER BY layer"


@pytest_asyncio.fixture
async def earlier(postgres: str) -> AsyncIterator[Database]:
    """A database with the schema from before."""
    async with database_of(postgres, f"money-{next(_databases)}", "0008") as opened:
        yield opened


@pytest.mark.parametrize(
    ("steps", "layers", "value", "total"),
    [
        ("", [], 1400, 1900),
        ("cancelled 1", [], 700, 1200),
        ("cancelled 2", [], 0, 0),
        ("added 1", [(1, 0)], 2400, 2900),
        ("cancelled 1, added 1", [(1, 0)], 1700, 2200),
        ("added 1, cancelled 1", [(1, 1)], 1400, 1900),
        ("added 2, cancelled 1, added 1", [(2, 1), (1, 0)], 3400, 3900),
        ("added 1, cancelled 2, added 3, cancelled 1", [(1, 1), (3, 1)], 2700, 3200),
    ],
)
async def test_added_and_cancelled_units_are_replayed_in_their_order(
    earlier: Database, steps: str, layers: list[tuple[int, int]], value: int, total: int
) -> None:
    """Two chairs of 10.00 less 6.00 were placed; added ones cost 10.00, and the last ones are cancelled first."""
    await lived(earlier, steps)

    await migrate.upgrade(earlier)

    async with earlier.read() as connection:
        found = [tuple(row) for row in await connection.execute(text(LAYERS))]
        costs = (await connection.execute(text("SELECT value, total FROM orders"))).one()
    assert found == [(ordered, cancelled, 1000, 0, 0) for ordered, cancelled in layers]
    assert tuple(costs) == (value, total)
    assert not await money_violations(earlier)


async def test_a_line_of_which_units_were_paid_back_stays_one_layer_and_pays_no_fee_twice(earlier: Database) -> None:
    await lived(earlier, "added 1")
    async with earlier.engine.begin() as connection:
        await connection.execute(text(RETURN))

    await migrate.upgrade(earlier)

    async with earlier.read() as connection:
        assert not (await connection.execute(text(LAYERS))).all()
        assert (await connection.execute(text("SELECT total FROM orders"))).scalar_one() == 2900
        fees = await connection.execute(text("SELECT fee FROM refund ORDER BY refund_id"))
        assert list(fees.scalars()) == [325, 25]


async def lived(database: Database, steps: str) -> None:
    """An order of two units, to which this happened; then all that is left was shipped."""
    events = [(kind, int(units)) for step in steps.split(", ") if step for kind, units in [step.split()]]
    sums = {kind: sum(units for done, units in events if done == kind) for kind in ("added", "cancelled")}
    async with database.engine.begin() as connection:
        await connection.execute(text(ORDER), {"value": 1400 + 1000 * sums["added"]})
        await connection.execute(text(LINE), {"ordered": 2 + sums["added"], "cancelled": sums["cancelled"]})
        for kind, units in events:
            await connection.execute(text(EVENT), {"kind": kind, "units": units})


async def money_violations(database: Database) -> list[str]:
    """What the audit finds wrong with money."""
    findings = await findings_of(database)
    return [row for finding in findings for row in finding.violations if "layer" in finding.sentence]

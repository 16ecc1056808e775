"""The schema is what the migrations make of it, and its constraints keep what no fact can break."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from database.connect import Database
from database.schema import migrate
from database.schema.tables import metadata
from database.schema.views import VIEWS


async def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"include_schemas": True, "compare_type": True, "include_name": _is_ours}
        found: list[Any] = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        return found

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def _is_ours(name: str | None, kind: str, parents: Any) -> bool:
    return name in (None, "personal") if kind == "schema" else name not in VIEWS


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate.upgrade(database)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM alembic_version"))).scalar_one() == 1


async def test_a_changed_view_is_made_again(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("COMMENT ON VIEW order_state IS 'an older text'"))
        await connection.execute(text("DROP VIEW order_state"))
        await connection.execute(text("CREATE VIEW order_state AS SELECT 1 AS nothing"))
    await migrate.upgrade(database)
    async with database.read() as connection:
        assert list((await connection.execute(text("SELECT state FROM order_state"))).scalars()) == []


ORDER = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window)
    VALUES ('web-1', 'web', '1', '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0, now(), '30 days')
"""
LINE = """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open)
    VALUES ('web-1', '1', 0, 'SERUM-30', 100, 0, 2, 2)
"""
STOCK = "INSERT INTO stock (node, sku, on_hand) VALUES ('slc', 'SERUM-30', 5)"

FORBIDDEN = {
    "a unit in no bucket": "UPDATE order_line SET open = 1",
    "a unit in two buckets": "UPDATE order_line SET reserved = 1",
    "fewer than no units in a bucket": "UPDATE order_line SET open = 3, reserved = -1",
    "fewer than no units reserved": "UPDATE stock SET reserved = -1",
    "fewer than no units allocated": "UPDATE stock SET allocated = -1",
    "half a promise": "UPDATE orders SET promise_deliver_by = now()",
    "the same number of a channel twice": ORDER.replace("'web-1'", "'web-2'", 1),
    "two active networks": "INSERT INTO network_version (digest, documents, is_active) VALUES ('', '{}', true)",
    "a kind of movement that nobody knows": """
        INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
        VALUES ('k', 'slc', 'SERUM-30', 'vanished', -1, 0, 0, 'c', 'a', now())""",
    "a key for nobody": "INSERT INTO key (key_id, kind, name, hash) VALUES ('k', 'visitor', 'x', 'h')",
    "a role that nobody knows": "INSERT INTO key (key_id, kind, name, hash, role) VALUES ('k', 'operator', 'x', 'h', 'owner')",
    "a node's key with a role": "INSERT INTO key (key_id, kind, name, hash, role) VALUES ('k', 'node', 'slc', 'h', 'see')",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_postgresql_itself_refuses(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        for known in (ORDER, LINE, STOCK):
            await connection.execute(text(known))
    with pytest.raises(IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(text(statement))


async def test_on_hand_may_fall_below_what_is_promised_because_facts_are_never_refused(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(STOCK))
        await connection.execute(text("UPDATE stock SET allocated = 5, on_hand = -1"))

"""What an earlier version has stored in clear is sealed or hashed after the upgrade, and goes on doing what it is for."""

import re
from datetime import timedelta

from sqlalchemy import text

from database import network
from database.connect import Database
from database.outbox import webhook
from tests.house import TABLES
from tests.upgrade.conftest import Recording
from tests.upgrade.record import SECRET, SECRET_BEFORE

ADDRESS = "http://127.0.0.1:9/events"
NODE_SECRET = re.compile(r'secret = \\*"(whsec_[^"\\]+)')


async def dump(database: Database) -> str:
    """Every row of every table as text."""
    async with database.read() as connection:
        tables = (await connection.execute(TABLES)).scalars().all()
        rows = [row for table in tables for row in (await connection.execute(text(f"SELECT t::text FROM {table} t")))]
    return "\n".join(str(row[0]) for row in rows)


async def test_no_secret_no_webhook_address_and_no_idempotency_key_is_left_in_clear(
    database: Database, recording: Recording
) -> None:
    node_secrets = NODE_SECRET.findall(recording.sql)
    key = recording.known["repeated"]["request"]["key"]
    in_clear = [SECRET, SECRET_BEFORE, ADDRESS, key, *node_secrets]
    assert node_secrets
    assert [word for word in in_clear if word not in recording.sql] == []

    found = await dump(database)

    assert [word for word in in_clear if word in found] == []


async def test_the_network_and_the_webhook_are_read_as_they_were(database: Database, recording: Recording) -> None:
    async with database.write() as connection:
        version = await network.active_version(connection)
        assert version is not None
        files = await network.documents(connection, version)
        kept = await webhook.keep(connection, "web", ADDRESS, None, otherwise="another", overlap=timedelta())

    assert NODE_SECRET.findall(files["nodes"]) == NODE_SECRET.findall(recording.sql)[-1:]
    assert kept.secret == SECRET


async def test_a_hold_that_came_with_its_order_is_the_channels_and_one_of_the_policy_is_not(database: Database) -> None:
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT order_id, is_by_channel FROM hold ORDER BY order_id"))
        found = {row.order_id: row.is_by_channel for row in rows}

    assert found == {"web-held-for-approval": False, "web-held-with-pins": True, "web-held-without-pins": True}

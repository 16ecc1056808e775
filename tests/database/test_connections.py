"""What is kept of a connection: credentials and tokens are sealed, a token belongs to its credentials, and a poll goes on."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from channels.channel import Finding, Token
from database import connection as statements
from database.connect import Database
from database.sealing import MasterKeys, WrongMasterKey, new_master_key
from tests.house import MASTER_KEY
from transactions.personal import seal_again

CREDENTIALS = {"client_id": "who-we-are", "client_secret": "shpss_0123456789"}
TOKEN = Token("shpat_9876543210", datetime(2026, 12, 1, tzinfo=UTC))


async def access(database: Database, channel: str = "web") -> statements.Access | None:
    async with database.read() as connection:
        return await statements.access(connection, channel)


async def connected(database: Database) -> statements.Access:
    """A channel with credentials and a token."""
    async with database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS)
    known = await access(database)
    assert known is not None
    async with database.write() as connection:
        await statements.keep_token(connection, "web", TOKEN, known)
    return known


async def test_credentials_and_tokens_are_read_back_and_stored_sealed(database: Database) -> None:
    assert await access(database) is None
    await connected(database)

    known = await access(database)
    assert known is not None
    assert (known.credentials, known.token, known.settings) == (CREDENTIALS, TOKEN, {})
    assert await access(database, "outlet") is None
    async with database.read() as connection:
        row = (
            await connection.execute(text("SELECT credentials || token AS sealed, c::text AS shown FROM connection c"))
        ).one()
    for secret in (*CREDENTIALS.values(), TOKEN.secret):
        assert secret.encode() not in row.sealed
        assert secret not in row.shown
        assert secret not in repr(known), "what is logged of it by mistake shows no secret"


async def test_a_token_belongs_to_the_credentials_that_gave_it(database: Database) -> None:
    earlier = await connected(database)
    async with database.write() as connection:
        await statements.keep_credentials(connection, "web", CREDENTIALS | {"client_secret": "shpss_new"})
    renewed = await access(database)
    assert renewed is not None
    assert renewed.token is None
    async with database.write() as connection:
        await statements.keep_token(connection, "web", TOKEN, earlier)
    late = await access(database)
    assert late is not None
    assert late.token is None, "a token that earlier credentials gave comes too late"


async def test_another_master_key_opens_what_was_sealed_with_the_one_before(
    database: Database, database_url: str
) -> None:
    await connected(database)
    new = new_master_key()
    changing = Database(database_url, MasterKeys.parse(f"{new} {MASTER_KEY}"))
    after = Database(database_url, MasterKeys.parse(new))
    try:
        with pytest.raises(WrongMasterKey):
            await access(after)
        await seal_again(changing)
        known = await access(after)
    finally:
        await changing.close()
        await after.close()
    assert known is not None
    assert (known.credentials, known.token) == (CREDENTIALS, TOKEN)


async def test_a_poll_is_taken_by_one_process_and_goes_on_where_its_last_page_ended(database: Database) -> None:
    await connected(database)
    lease = timedelta(minutes=2)
    async with database.write() as connection:
        assert await statements.polls(connection) == {"web": timedelta(0)}
        assert await statements.claim_poll(connection, "web", lease) == statements.Poll({}, needs_check=False)
        assert await statements.claim_poll(connection, "web", lease) is None
        assert lease - timedelta(seconds=30) < (await statements.polls(connection))["web"] <= lease
        await statements.keep_page(connection, "web", {"page": 2}, is_last=False, due_in=timedelta(0))
        assert (await connection.execute(text("SELECT polled_at FROM connection"))).scalar_one() is None
        assert await statements.claim_poll(connection, "web", lease) == statements.Poll({"page": 2}, needs_check=False)
        await statements.keep_page(
            connection, "web", {"since": "2026-11-30"}, is_last=True, due_in=timedelta(minutes=1)
        )
        polled_at = (await connection.execute(text("SELECT polled_at FROM connection"))).scalar_one()
        assert (await statements.polls(connection))["web"] > timedelta(0)
    assert datetime.now(UTC) - polled_at < timedelta(minutes=1)


async def test_new_credentials_keep_the_place_of_the_poll_and_are_tried_at_once(database: Database) -> None:
    await connected(database)
    async with database.write() as connection:
        await statements.keep_page(connection, "web", {"page": 2}, is_last=False, due_in=timedelta(minutes=9))
        await statements.keep_credentials(connection, "web", CREDENTIALS)
        taken = await statements.claim_poll(connection, "web", timedelta(minutes=2))
        assert taken is not None
        assert taken.cursor == {"page": 2}


@pytest.mark.parametrize(("is_fault", "is_checked"), [(True, False), (False, True)])
async def test_a_check_keeps_what_it_found_and_set_up_and_when_orders_could_flow(
    database: Database, is_fault: bool, is_checked: bool
) -> None:
    await connected(database)
    async with database.write() as connection:
        await statements.keep_check(connection, "web", {"hub": "7"}, [Finding(is_fault, "tick read_orders")])
        row = (await connection.execute(text("SELECT settings, findings, checked_at FROM connection"))).one()
    assert row.settings == {"hub": "7"}
    assert row.findings == [{"is_fault": is_fault, "text": "tick read_orders", "needs_person": False}]
    assert (row.checked_at is not None) is is_checked


async def test_a_failure_stands_there_until_the_channel_answers_again(database: Database) -> None:
    await connected(database)
    statement = text("SELECT failure, failed_at IS NOT NULL FROM connection")
    async with database.write() as connection:
        await statements.failed(connection, "web", "status 503")
        assert tuple((await connection.execute(statement)).one()) == ("status 503", True)
        await statements.works(connection, "web")
        assert tuple((await connection.execute(statement)).one()) == (None, False)

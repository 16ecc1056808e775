"""A process knows the keys that it has seen for some seconds; a revoked key is refused at once, in every process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.client import Client

from api.app import application
from api.service import Service, assemble
from database import key, notification
from database.connect import Database, ReadConnection
from database.notification import Announcer, Notifications
from tests.conftest import OPERATOR_KEY
from tests.house import ANSWERS_WITHIN_SECONDS, MASTER_KEYS
from tests.sql_statements import Statements, statements_of
from transactions.key import KEPT_FOR, KnownKeys

NOBODY_LISTENS = "127.0.0.1:1"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """The seconds that it shows."""
        return self.seconds


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not is_so():  # noqa: ASYNC110 - nothing of PostgreSQL says when a notification has come
            await asyncio.sleep(0.01)


@asynccontextmanager
async def process(database_url: str) -> AsyncIterator[tuple[Service, AsyncClient]]:
    """The HTTP interface with connections of its own, as another process has them; its jobs do not run."""
    database = Database(database_url, MASTER_KEYS)
    service = assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))
    receiving = asyncio.create_task(service.notifications.receive())
    await until(lambda: service.notifications.is_received)
    try:
        async with (
            Announcer(database).running(),
            AsyncClient(
                transport=ASGITransport(app=application(service)),
                base_url="http://switchyard",
                headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
            ) as http,
        ):
            yield service, http
    finally:
        receiving.cancel()
        with suppress(asyncio.CancelledError):
            await receiving
        await database.close()


async def made(http: AsyncClient) -> tuple[str, dict[str, str]]:
    """A channel's new key: its id, and the header that shows it."""
    answer = (await http.post("/keys", json={"kind": "channel", "name": "web"})).json()
    return answer["id"], {"Authorization": f"Bearer {answer['key']}"}


async def status(http: AsyncClient, shown: dict[str, str]) -> int:
    """How a request with this key is answered."""
    return (await http.get("/orders", headers=shown)).status_code


def asked_for_keys(seen: Statements) -> int:
    """How many of these statements looked a key up."""
    return sum("FROM key WHERE hash" in statement for statement, _ in seen)


async def test_a_key_that_is_used_again_and_again_is_read_once(database_url: str) -> None:
    async with process(database_url) as (service, http):
        _, shown = await made(http)
        with statements_of(service.database) as seen:
            assert [await status(http, shown) for _ in range(5)] == [200] * 5
        assert asked_for_keys(seen) == 1


async def test_a_key_that_one_process_has_revoked_is_refused_at_once_by_another_that_knew_it(database_url: str) -> None:
    async with process(database_url) as (one, http), process(database_url) as (other, elsewhere):
        other.keys._clock = Clock()  # it would know the key for ever: only the notification can end that
        key_id, shown = await made(http)
        assert (await status(http, shown), await status(elsewhere, shown)) == (200, 200)
        assert (await http.delete(f"/keys/{key_id}")).status_code == 204
        assert await status(http, shown) == 401, "in the process that revoked it, with the next request"
        await until(lambda: key_id not in {holder.key_id for holder, _ in other.keys._known.values()})
        assert await status(elsewhere, shown) == 401
        assert one.notifications.is_received


async def test_a_revocation_by_hand_counts_after_seconds(database_url: str) -> None:
    async with process(database_url) as (service, http):
        service.keys._clock = clock = Clock()
        key_id, shown = await made(http)
        assert await status(http, shown) == 200
        async with service.database.write() as connection:
            await connection.execute(text("UPDATE key SET revoked_at = now() WHERE key_id = :key"), {"key": key_id})
        clock.seconds += KEPT_FOR.total_seconds() - 1
        assert await status(http, shown) == 200
        clock.seconds += 1
        assert await status(http, shown) == 401


LISTENING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'switchyard notifications' AND datname = :database
"""


async def lose_the_listeners(database_url: str, *, for_good: bool) -> None:
    """End the connections on which processes listen; `for_good` = the database takes no new connection afterwards."""
    address = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        if for_good:
            await connection.execute(text(f'ALTER DATABASE "{address.database}" WITH ALLOW_CONNECTIONS false'))
        await connection.execute(text(LISTENING), {"database": address.database})
    await engine.dispose()


async def test_while_no_notifications_come_every_request_reads_its_key(database_url: str) -> None:
    async with process(database_url) as (service, http), process(database_url) as (_, elsewhere):
        key_id, shown = await made(http)
        assert await status(http, shown) == 200
        lost = asyncio.Event()
        service.notifications.when_missed(lost.set)
        await lose_the_listeners(database_url, for_good=True)
        await lost.wait()
        with statements_of(service.database) as seen:
            assert [await status(http, shown) for _ in range(3)] == [200] * 3
        assert asked_for_keys(seen) == 3
        await elsewhere.delete(f"/keys/{key_id}")
        assert await status(http, shown) == 401, "with the next request, though nobody notified it"


async def test_a_listener_is_back_by_itself_and_keys_are_known_again(database_url: str) -> None:
    async with process(database_url) as (service, http):
        lost = asyncio.Event()
        service.notifications.when_missed(lost.set)
        await lose_the_listeners(database_url, for_good=False)
        await lost.wait()
        await until(lambda: service.notifications.is_received)
        with statements_of(service.database) as seen:
            assert [await status(http, {}) for _ in range(3)] == [200] * 3
        assert asked_for_keys(seen) == 1


async def test_a_pooler_that_takes_listen_and_passes_nothing_on_is_noticed(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PgBouncer's table of features says "Never" of LISTEN with transaction pooling (1.25); it refuses no statement, so nothing
    fails. Here a connection to another database stands for it, where LISTEN is accepted as well and nothing arrives."""
    monkeypatch.setattr(notification, "ANSWERS_WITHIN", notification.ANSWERS_WITHIN / 50)
    pooled = Notifications(database, make_url(database_url).set(database="postgres").render_as_string(False))
    receiving = asyncio.create_task(pooled.receive())
    await until(lambda: pooled._is_logged)
    assert not pooled.is_received
    receiving.cancel()
    assert "SWITCHYARD_LISTEN_URL must lead to PostgreSQL itself" in capsys.readouterr().err


async def test_a_key_that_is_revoked_while_it_is_read_is_not_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KnownKeys(database, notifications := Notifications(database))
    notifications.is_received = True
    reads = key.holder

    async def read_and_revoked(connection: ReadConnection, given: str) -> key.Caller | None:
        found = await reads(connection, given)
        assert found is not None
        keys.forget(found.key_id)
        return found

    monkeypatch.setattr(key, "holder", read_and_revoked)
    with statements_of(database) as seen:
        for _ in range(3):
            assert await keys.holder(OPERATOR_KEY) is not None
    assert asked_for_keys(seen) == 3

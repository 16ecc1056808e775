"""Receives PostgreSQL's notifications on one connection of its own, and knows whether it would receive one now.

What a process keeps in memory and another process may change is kept only while notifications are received. `LISTEN` belongs to
a session, so the connection goes to PostgreSQL itself: a pooler that gives each transaction another session accepts the
statement, and no notification ever comes. So the first notification is one that the process sends to itself, as every other
process sends one; only when it has come, the others are relied on.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from database.connect import Database

REVOKED = "switchyard_key_revoked"
"""A key was revoked; the text is its id."""

WORK = "switchyard_work"
"""Something was committed, on which a job may have to act; the text is empty."""

_PROOF = "switchyard_proof"

ASKED_EVERY = timedelta(seconds=5)
"""How often the connection is asked whether it is alive: one that broke without a word would receive nothing for hours."""
ANSWERS_WITHIN = timedelta(seconds=5)
TRIED_AGAIN_AFTER = timedelta(seconds=1)
ANNOUNCED_EVERY = timedelta(milliseconds=200)
"""A process announces its commits at most this often."""

log = structlog.get_logger("notification")

Receive = Callable[[str], None]
"""Gets the text of a notification."""


class NothingReceived(Exception):
    """The connection accepts `LISTEN`, and no notification comes: a pooler is between."""


class Notifications:
    """The notifications that one process receives. Run `receive` beside everything else."""

    def __init__(self, database: Database, url: str | None = None) -> None:
        """`url` leads to PostgreSQL itself; None = the address of `database` does."""
        self._database = database
        address = make_url(url).set(drivername="postgresql+asyncpg") if url else database.engine.url
        self._engine = create_async_engine(address, poolclass=NullPool, connect_args=CONNECT)
        self._received_by: dict[str, Receive] = {}
        self._missed_by: list[Callable[[], None]] = []
        self._is_logged = False
        self.is_received = False
        """Whether every notification that is sent now is received."""

    def when_received(self, channel: str, do: Receive) -> None:
        """Call `do` with the text of each notification of a channel."""
        self._received_by[channel] = do

    def when_missed(self, do: Callable[[], None]) -> None:
        """Call `do` when notifications may have been missed: the connection has just been made, or is lost."""
        self._missed_by.append(do)

    async def receive(self) -> None:
        """Receive until cancelled; a connection that is lost is made again."""
        while True:
            try:
                await self._receive()
            except LOST as error:
                self._log_loss(error)
            await asyncio.sleep(TRIED_AGAIN_AFTER.total_seconds())

    async def _receive(self) -> None:
        async with self._engine.connect() as opened:
            connection = (await opened.get_raw_connection()).driver_connection
            assert connection is not None
            try:
                for channel, do in self._received_by.items():
                    await connection.add_listener(channel, _calling(do))
                await self._prove(connection)
                self._begin()
                await _until_it_ends(connection)
                raise ConnectionError("PostgreSQL has closed the connection")
            finally:
                self._end()
                connection.terminate()  # to say goodbye to a server that is gone takes minutes

    def _begin(self) -> None:
        self.is_received = True
        if self._is_logged:
            log.info("notifications of PostgreSQL are received again")
        self._is_logged = False
        for do in self._missed_by:
            do()

    def _end(self) -> None:
        self.is_received = False
        for do in self._missed_by:
            do()

    async def _prove(self, connection: Any) -> None:
        """Raise `NothingReceived` unless a notification comes that is sent as every process sends one."""
        sent, came = secrets.token_hex(8), asyncio.Event()
        await connection.add_listener(_PROOF, _calling(lambda received: came.set() if received == sent else None))
        await notify(self._database, _PROOF, sent)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWERS_WITHIN.total_seconds()):
                await came.wait()
                return
        raise NothingReceived("SWITCHYARD_LISTEN_URL must lead to PostgreSQL itself, not to a pooler")

    def _log_loss(self, error: Exception) -> None:
        """Say once that notifications are lost."""
        if not self._is_logged:
            reason = f"{type(error).__name__}: {error}"
            log.warning("no notification of PostgreSQL is received; nothing is cached meanwhile", reason=reason)
        self._is_logged = True


LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, NothingReceived)

CONNECT = {
    "timeout": ANSWERS_WITHIN.total_seconds(),
    "server_settings": {"application_name": "switchyard notifications"},
}


async def _until_it_ends(connection: Any) -> None:
    """Return when the connection has ended; raise when it does not answer any more."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    while not connection.is_closed():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ASKED_EVERY.total_seconds()):
                await ended.wait()
                return
        await connection.execute("SELECT 1", timeout=ANSWERS_WITHIN.total_seconds())


class Announcer:
    """Announces the commits of one process to the jobs of all processes: after the commit, many at once.

    What it could not announce is found by the jobs a little later.
    """

    def __init__(self, database: Database) -> None:
        """Only the transactions of this `Database` are announced."""
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self._is_owed = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Announce what is committed while the block lasts."""
        self._database.committed = self._owe
        try:
            yield
        finally:
            self._database.committed = lambda: None
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            await self._announce()

    def _owe(self) -> None:
        self._is_owed = True
        if self._task is None or self._task.done():
            # In a context of its own: it announces the commits of many requests.
            self._task = asyncio.get_running_loop().create_task(self._repeat(), context=Context())

    async def _repeat(self) -> None:
        while self._is_owed:
            await self._announce()
            await asyncio.sleep(ANNOUNCED_EVERY.total_seconds())

    async def _announce(self) -> None:
        if not self._is_owed:
            return
        self._is_owed = False
        try:
            await notify(self._database, WORK)
        except LOST as error:
            log.warning("a commit could not be announced; the jobs look by themselves", reason=type(error).__name__)


def _calling(do: Receive) -> Callable[[object, object, object, object], None]:
    return lambda connection, process, channel, received: do(str(received))


async def notify(database: Database, channel: str, text_: str = "") -> None:
    """Send a notification in a transaction of its own: PostgreSQL commits the transactions that notify one after the other, so
    one that others wait for must not."""
    async with database.at_once() as connection:
        await connection.execute(NOTIFY, {"channel": channel, "text": text_})


NOTIFY = text("SELECT pg_notify(:channel, :text)")

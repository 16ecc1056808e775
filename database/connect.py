"""Connections to PostgreSQL: one engine a process; reading and writing connections are different types.

A `WriteConnection` is a `ReadConnection`, not the reverse. Code that only shows data gets a `ReadConnection`, and the type
checker refuses to pass it to a statement that writes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NewType

from asyncpg import Connection, InterfaceError, PostgresError, Record
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from database.sealing import MasterKeys, Vault

ReadConnection = NewType("ReadConnection", AsyncConnection)
WriteConnection = NewType("WriteConnection", ReadConnection)

CONNECTIONS_MAX = 20
"""Connections of one process; PostgreSQL's default allows a hundred, and several processes share them."""


STATEMENTS_MAX = 500
"""Prepared statements that a connection keeps; more than there are, with every combination of a list's filters."""


FROZEN_AFTER = timedelta(seconds=30)
"""PostgreSQL ends a transaction that is idle for this time: its process has stopped or cannot be reached. Otherwise its locks
would block orders, and the transaction the feed of events, until the TCP connection times out."""


class DatabaseUnreachable(Exception):
    """PostgreSQL does not answer at the configured address."""


if TYPE_CHECKING:
    _Asyncpg = Connection[Record]
else:
    _Asyncpg = Connection  # only its published types are generic


class _Driver(_Asyncpg):
    """A connection of asyncpg whose next BEGIN takes a statement with it, in the same round trip."""

    __slots__ = ("with_begin",)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.with_begin = ""

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:  # noqa: ASYNC109  (asyncpg's)
        if not self.with_begin or not query.startswith("BEGIN"):
            return await super().execute(query, *args, timeout=timeout)
        first, self.with_begin = self.with_begin, ""
        try:
            return await super().execute(query + first, timeout=timeout)
        except BaseException:
            self.terminate()  # the transaction has begun, and nobody who knows of it would end it
            raise


class Database:
    """The database: gives out connections, one transaction each. Make one for each process and event loop."""

    def __init__(self, url: str, master_keys: MasterKeys | None = None) -> None:
        """`url` has the form of PostgreSQL's own tools (`postgresql://user@host/database`).

        Without master keys, personal data can be neither stored nor shown.

        Every statement is planned once for each connection, not once for each call. For statements over arrays PostgreSQL would
        plan each call again; for the claim that takes longer than the execution (0.7 ms against 0.5).
        """
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            pool_use_lifo=True,  # the connection that was used last has planned most statements
            execution_options={"vault": Vault(master_keys) if master_keys else None},
            hide_parameters=True,  # they may be personal data, and errors travel into logs and histories
            connect_args={
                "connection_class": _Driver,
                "prepared_statement_cache_size": STATEMENTS_MAX,
                "server_settings": {
                    "application_name": "switchyard",
                    "plan_cache_mode": "force_generic_plan",
                    "idle_in_transaction_session_timeout": str(FROZEN_AFTER // timedelta(milliseconds=1)),
                },
            },
        )
        self.committed: Callable[[], None] = lambda: None
        """Called after each transaction of `write`."""

    @asynccontextmanager
    async def write(self, first: str = "") -> AsyncIterator[WriteConnection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        `first` is a statement that is sent together with the BEGIN, before the first statement of the block; its rows are not
        read. It is text without parameters: it must contain nothing that a caller could write as SQL.
        """
        async with self.engine.begin() as connection:
            driver = await _driver(connection)
            driver.with_begin = first
            try:
                yield WriteConnection(ReadConnection(connection))
                if driver.with_begin:
                    raise AssertionError(f"not sent with a BEGIN: {first}")
            finally:
                driver.with_begin = ""
        self.committed()

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[WriteConnection]:
        """Autocommit: each statement is a transaction of its own, with one round trip to PostgreSQL instead of three."""
        async with self.engine.connect() as connection:
            yield WriteConnection(ReadConnection(await connection.execution_options(isolation_level="AUTOCOMMIT")))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadConnection]:
        """One snapshot: everything read in the block is from the same moment, and nothing can be written."""
        async with self.engine.connect() as connection:
            reading = await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with reading.begin():
                yield ReadConnection(reading)

    async def fetch(self, statement: str, *values: object) -> list[Record]:
        """The rows of one statement that only reads: a snapshot of its own, in one round trip. Its values are `$1`, `$2`…

        For what a shop asks on every page. It goes below SQLAlchemy, whose work for a statement takes more processor time than
        the statement (of 0.9 ms for a hundred stock levels 0.5). Raises `DBAPIError` when the connection is lost, otherwise
        PostgreSQL's own errors.
        """
        async with self.engine.connect() as connection:
            driver = await _driver(connection)
            try:
                rows: list[Record] = await driver.fetch(statement, *values)
            except (PostgresError, InterfaceError, OSError):
                if driver.is_closed():
                    # SQLAlchemy must see it: it raises, and replaces every connection of the pool.
                    await connection.exec_driver_sql("SELECT 1")
                raise
            return rows

    @asynccontextmanager
    async def read_once(self) -> AsyncIterator[ReadConnection]:
        """As `read` for statements that each see their own snapshot: one round trip for one instead of three."""
        async with self.engine.connect() as connection:
            yield ReadConnection(await connection.execution_options(isolation_level="AUTOCOMMIT"))

    async def check(self) -> None:
        """Raise `DatabaseUnreachable`, with the address and the cause, unless PostgreSQL answers."""
        address = self.engine.url.render_as_string(hide_password=True)
        try:
            async with self.engine.connect():
                return
        except (OSError, DBAPIError, TimeoutError) as error:
            raise DatabaseUnreachable(f"PostgreSQL does not answer at {address}: {error}") from error

    def connections(self) -> tuple[int, int]:
        """How many connections are in use, and how many are open and idle."""
        pool = self.engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool), "the engine is made with its default pool"
        return pool.checkedout(), pool.checkedin()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


async def _driver(connection: AsyncConnection) -> _Driver:
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, _Driver), "every connection of the engine is one"
    return driver

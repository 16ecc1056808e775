"""Connections to PostgreSQL: one engine a process; reading and writing connections are different types.

A `WriteConnection` is a `ReadConnection`, not the reverse: what shows things is given a `ReadConnection`, and the type checker
refuses to pass it to a statement that writes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NewType

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from database.sealing import MasterKeys, Vault

ReadConnection = NewType("ReadConnection", AsyncConnection)
WriteConnection = NewType("WriteConnection", ReadConnection)

CONNECTIONS_MAX = 20
"""Connections of one process; PostgreSQL's default allows a hundred, and several processes share them."""


STATEMENTS_MAX = 500
"""Prepared statements that a connection keeps; there are fewer, lists with their filters included."""


FROZEN_AFTER = timedelta(seconds=30)
"""A process that says nothing for so long in a transaction has stopped, or cannot be reached: PostgreSQL ends the transaction.
Its locks would hold up every order that meets them, and it the feed of events, until the network gives the connection up."""


class DatabaseUnreachable(Exception):
    """PostgreSQL does not answer at the configured address."""


class Database:
    """The facts: hands out one transaction at a time. One per process and event loop."""

    def __init__(self, url: str, master_keys: MasterKeys | None = None) -> None:
        """`url` as PostgreSQL's own tools take it (`postgresql://user@host/database`).

        Without master keys nothing personal can be stored or shown.

        Every statement is planned once for each connection and not for each call: for statements over arrays PostgreSQL would
        plan each call anew, which for the claim takes longer than to execute it (0.7 ms against 0.5).
        """
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            execution_options={"vault": Vault(master_keys) if master_keys else None},
            hide_parameters=True,  # they may be personal data, and errors travel into logs and histories
            connect_args={
                "prepared_statement_cache_size": STATEMENTS_MAX,
                "server_settings": {
                    "application_name": "switchyard",
                    "plan_cache_mode": "force_generic_plan",
                    "idle_in_transaction_session_timeout": str(FROZEN_AFTER // timedelta(milliseconds=1)),
                },
            },
        )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteConnection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self.engine.begin() as connection:
            yield WriteConnection(ReadConnection(connection))

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[WriteConnection]:
        """Each statement is a transaction of its own: one journey to PostgreSQL instead of three."""
        async with self.engine.connect() as connection:
            yield WriteConnection(ReadConnection(await connection.execution_options(isolation_level="AUTOCOMMIT")))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadConnection]:
        """One snapshot: everything read in the block is from the same moment, and nothing can be written."""
        async with self.engine.connect() as connection:
            reading = await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with reading.begin():
                yield ReadConnection(reading)

    async def check(self) -> None:
        """Raise `DatabaseUnreachable`, with the address and the cause, unless PostgreSQL answers."""
        address = self.engine.url.render_as_string(hide_password=True)
        try:
            async with self.engine.connect():
                return
        except (OSError, DBAPIError, TimeoutError) as error:
            raise DatabaseUnreachable(f"PostgreSQL does not answer at {address}: {error}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

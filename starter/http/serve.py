"""Runs the HTTP process: connects, serves until told to stop, and takes orders even while Temporal is down."""

import uvicorn

from database.connect import Database
from network.geography import locate
from starter.client import connect
from starter.http.app import application
from starter.http.service import assemble
from starter.where import database_url

CLOSING_WITHIN_SECONDS = 5


async def serve(port: int, host: str = "127.0.0.1") -> None:
    """Answer HTTP until SIGTERM or SIGINT. Raises `DatabaseUnreachable` when PostgreSQL is not there at the start."""
    database = Database(database_url())
    await database.check()
    client = await connect(lazy=True)
    locate("US", "10001")  # the first look-up reads a large table; better now than while a customer waits
    config = uvicorn.Config(
        application(assemble(database, client)),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        timeout_graceful_shutdown=CLOSING_WITHIN_SECONDS,
    )
    await uvicorn.Server(config).serve()
    await database.close()

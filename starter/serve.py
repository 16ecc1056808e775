"""Runs the HTTP process: the HTTP interface and the console, with the jobs beside them. Orders are taken even while Temporal is
down."""

import asyncio
import os
import signal

import uvicorn
import uvloop

from api.app import application
from api.http_connection import Connection
from api.service import assemble
from console.app import with_console
from database import personal
from database.connect import Database
from database.tracing import trace_statements
from runtime import logs
from runtime.temporal import connect
from runtime.traces import traces_of
from runtime.where import database_url, master_keys

CLOSING_WITHIN_SECONDS = 5
RATE_PER_SECOND_DEFAULT = "200"


def command(*, host: str = "127.0.0.1", port: int = 8080) -> int:
    """Answer HTTP until SIGTERM or SIGINT.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on.
    """
    # uvicorn obeys these signals, then raises them again for the handlers that were there before; the default one kills us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(port, host))
    return 0


async def serve(port: int, host: str = "127.0.0.1") -> None:
    """Answer HTTP until SIGTERM or SIGINT. Raises `DatabaseUnreachable` when PostgreSQL is not there at the start."""
    logs.configure()
    database = Database(database_url(), master_keys())
    await database.check()
    await personal.check(database)
    traces = traces_of("switchyard-http")
    if traces:
        trace_statements(database, traces.tracer)
    client = await connect(lazy=True, interceptors=traces.interceptors() if traces else ())
    allows_private_webhooks = os.environ.get("SWITCHYARD_PRIVATE_WEBHOOKS") == "on"
    listen_url = os.environ.get("SWITCHYARD_LISTEN_URL") or None
    service = assemble(database, client, allows_private_webhooks=allows_private_webhooks, listen_url=listen_url)
    rate_per_second = float(os.environ.get("SWITCHYARD_RATE_PER_SECOND") or RATE_PER_SECOND_DEFAULT)
    temporal_ui = os.environ.get("SWITCHYARD_TEMPORAL_UI") or None
    tracer = traces.tracer if traces else None
    interface = application(service, rate_per_second=rate_per_second, temporal_ui=temporal_ui, tracer=tracer)
    config = uvicorn.Config(
        with_console(interface, lambda: server.should_exit),
        host=host,
        port=port,
        loop="uvloop",
        http=Connection,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=CLOSING_WITHIN_SECONDS,
    )
    server = uvicorn.Server(config)
    async with service.running():
        await server.serve()
    await database.close()
    if traces:
        traces.stop()

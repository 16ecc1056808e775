"""A house's HTTP interface and its console on a port, for clients that are not in the process of the tests."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import application
from api.http_connection import Connection
from console.app import with_console
from embedded.ports import LOOPBACK, free_port
from tests.house import House


class Server(uvicorn.Server):
    """A server with an event for the moment at which it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def listening(house: House, temporal_ui: str | None = None) -> AsyncIterator[str]:
    """The house's HTTP interface and its console on a port, for clients that are not in this process."""
    port = free_port()
    app = with_console(application(house.service, temporal_ui=temporal_ui), lambda: server.should_exit)
    config = uvicorn.Config(app, host=LOOPBACK, port=port, lifespan="off", log_level="warning", http=Connection)
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    await server.listens.wait()
    yield f"http://{LOOPBACK}:{port}"
    server.should_exit = True
    await serving

"""The account of `tests/peers/amazon.py` on a port of this machine, with the clock of the machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tests.peers.amazon import Amazon


@asynccontextmanager
async def listening(amazon: Amazon) -> AsyncIterator[int]:
    """The port on which it answers while the block lasts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        amazon.now = datetime.now(UTC)
        answer = amazon.answer(method, path, headers, body)
        more = {"content-length": str(len(answer.body)), "connection": "close", **answer.headers}
        head = "\r\n".join([f"HTTP/1.1 {answer.status} Status", *(f"{key}: {value}" for key, value in more.items())])
        writer.write(f"{head}\r\n\r\n".encode() + answer.body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]

"""Somebody else's server for tests: a real one, on a port of its own, that keeps the signed calls that came."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from tests.house import ANSWERS_WITHIN_SECONDS, Document


@dataclass
class Call:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Document:
        document: Document = json.loads(self.body)
        return document

    def is_signed_with(self, secret: str) -> bool:
        """What Standard Webhooks asks of a receiver."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
        return any(hmac.compare_digest(wanted, given) for given in self.headers["webhook-signature"].split(" "))


@dataclass
class Shop:
    """A channel's own server: a real one, on a port of its own, that answers as told."""

    port: int
    calls: list[Call] = field(default_factory=list)
    status: Callable[[Call], int] = lambda _: 204
    asked: int = 0
    """Requests that have come, answered or not."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody is answered while it is not set."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/switchyard"

    def kinds(self, order: str) -> list[str]:
        return [call.event["kind"] for call in self.calls if call.event["order"] == order]

    def has_heard(self, order: str, kinds: list[str]) -> bool:
        return self.kinds(order) == kinds

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            headers = _headers((await reader.readuntil(b"\r\n\r\n")).decode())
            call = Call(headers, await reader.readexactly(int(headers["content-length"])))
            self.asked += 1
            await self.gate.wait()
            self.calls.append(call)
            writer.write(f"HTTP/1.1 {self.status(call)} x\r\nlocation: {self.url}/moved\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not is_so():  # noqa: ASYNC110  (nobody rings a bell)
                await asyncio.sleep(0.03)


def _headers(head: str) -> dict[str, str]:
    lines = [line.split(": ", 1) for line in head.splitlines()[1:] if line]
    return {name.lower(): value for name, value in lines}


@asynccontextmanager
async def listening(shop: Shop) -> AsyncIterator[Shop]:
    server = await asyncio.start_server(shop.answer, "127.0.0.1", shop.port)
    try:
        yield shop
    finally:
        shop.gate.set()
        server.close()
        await server.wait_closed()

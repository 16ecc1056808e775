"""A channel's or a node's own server: a real one on a port of its own, that answers as the test configures."""

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
    def document(self) -> Document:
        document: Document = json.loads(self.body)
        return document

    def is_signed_with(self, secret: str) -> bool:
        """What Standard Webhooks asks of a receiver."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
        return any(hmac.compare_digest(wanted, given) for given in self.headers["webhook-signature"].split(" "))


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class Listener:
    """A server that is called."""

    port: int
    calls: list[Call] = field(default_factory=list)
    status: Callable[[Call], int] = lambda _: 204
    asked: int = 0
    """Requests that have come, answered or not."""
    gate: asyncio.Event = field(default_factory=_open_gate)
    """Nobody is answered while it is not set."""
    says_more_for_ever: bool = False
    """Its answers have a body without an end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/switchyard"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            headers = _headers((await reader.readuntil(b"\r\n\r\n")).decode())
            call = Call(headers, await reader.readexactly(int(headers["content-length"])))
            self.asked += 1
            await self.gate.wait()
            self.calls.append(call)
            writer.write(f"HTTP/1.1 {self.status(call)} x\r\nlocation: {self.url}/moved\r\n\r\n".encode())
            await writer.drain()
            while self.says_more_for_ever:
                writer.write(b"x" * 65_536)
                await writer.drain()
        except ConnectionError:
            pass  # the caller closed the connection
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
async def listening(listener: Listener) -> AsyncIterator[None]:
    """Let a server be there."""
    server = await asyncio.start_server(listener.answer, "127.0.0.1", listener.port)
    try:
        yield
    finally:
        listener.gate.set()
        server.close()
        await server.wait_closed()

"""A server that we call cannot redirect us, delay us, fill our memory, or learn secrets from our errors."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from embedded.ports import LOOPBACK
from runtime.outbound import Answer, CallFailed, Outbound

SOON = timedelta(milliseconds=200)
LATER = timedelta(minutes=1)
SECRET = "s3cret"

Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answering) -> AsyncIterator[str]:
    """The address of a server that reads a request and then answers in its own way, with a secret in it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except ConnectionError:
            pass  # the caller has heard enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/hook?token={SECRET}"
    finally:
        server.close()


def whole(head: str, body: bytes = b"") -> Answering:
    """An answer that comes at once."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def endless(writer: asyncio.StreamWriter) -> None:
    """An answer without an end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def dripping(writer: asyncio.StreamWriter) -> None:
    """An answer of which another byte comes before any single read has waited long."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(SOON.total_seconds() / 10)


async def dripping_head(writer: asyncio.StreamWriter) -> None:
    """The same, in the head of an answer."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-long: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(SOON.total_seconds() / 10)


async def post(url: str, *, within: timedelta = LATER, answer_max: int = 0, private: bool = True) -> Answer:
    outbound = Outbound(allows_private_addresses=private)
    try:
        return await outbound.send(
            "POST", url, {"content-type": "text/plain"}, b"hello", within=within, answer_max=answer_max
        )
    finally:
        outbound.close()


async def failure(url: str, **more: Any) -> str:
    """Why a call failed, which never says where it went."""
    with pytest.raises(CallFailed) as failed:
        await post(url, **more)
    assert SECRET not in str(failed.value)
    assert LOOPBACK not in str(failed.value)
    assert failed.value.__cause__ is None
    return str(failed.value)


async def test_an_answer_is_read_as_far_as_somebody_wants_it() -> None:
    async with answering(whole("201 Created", b"five!")) as url:
        assert await post(url, answer_max=5) == Answer(201, b"five!")
        assert await post(url) == Answer(201)
        assert await failure(url, answer_max=4) == "its answer is too long"


async def test_an_answer_without_an_end_neither_fills_the_memory_nor_holds_anybody_up() -> None:
    async with answering(endless) as url:
        assert await failure(url, answer_max=1_000_000) == "its answer is too long"
        assert (await post(url)).is_success, "what was taken was taken, whatever is said about it"


async def test_an_answer_that_would_be_large_once_it_is_unpacked_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(50_000_000))
    async with answering(whole("200 OK\r\ncontent-encoding: gzip", packed)) as url:
        assert await failure(url, answer_max=len(packed)) == "its answer is packed"
        assert (await post(url)).is_success


@pytest.mark.parametrize("answer", [dripping, dripping_head])
async def test_a_call_has_one_deadline_however_much_is_said_meanwhile(answer: Answering) -> None:
    async with answering(answer) as url:
        assert await failure(url, within=SOON, answer_max=1_000_000) == "TimeoutError"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    moved = whole(f"{status} Moved\r\nlocation: /elsewhere")
    async with answering(moved) as url:
        answer = await post(url, answer_max=100)
    assert (answer.status, answer.is_success, answer.body) == (status, False, b"")


async def test_a_name_is_looked_up_once_and_what_it_leads_to_afterwards_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def look_up(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        address = LOOPBACK if len(asked) == 1 else "192.0.2.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with answering(whole("200 OK")) as url:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert (await post(url.replace(LOOPBACK, "node.example"))).is_success
    assert asked == ["node.example"]


async def test_who_may_not_be_called_at_a_private_address_is_not_called_there() -> None:
    async with answering(whole("200 OK")) as url:
        assert await failure(url, private=False) == "its address is not a public one"
        assert (await post(url)).is_success


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"http://{LOOPBACK}:1/{SECRET}", "ConnectError"),
        (f"ftp://{LOOPBACK}/{SECRET}", "UnsupportedProtocol"),
        (f"http://{LOOPBACK}:99999/{SECRET}", "ExceptionGroup"),
        (f"http://{SECRET}.invalid/", "gaierror"),
    ],
)
async def test_a_failure_says_what_kind_it_was_and_nothing_of_the_address(url: str, why: str) -> None:
    assert await failure(url) == why

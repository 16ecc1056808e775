"""Slow and greedy clients at the edge: what they send is waited for so long, kept so much, and holds up nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from httpx2 import ASGITransport, AsyncClient

from api import problems
from api.app import application
from api.service import assemble
from runtime import time_zones
from tests.conftest import OPERATOR_KEY
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, now
from tests.http_server import listening
from tests.sql_statements import statements_of

SOON = timedelta(milliseconds=300)
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}


class Client:
    """A client that sends bytes as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: str) -> None:
        """Send parts of a request."""
        self.writer.write("".join(parts).encode())
        await self.writer.drain()

    async def answer(self) -> tuple[int, Document]:
        """The status and the document of the next answer."""
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            (length,) = [line.partition(": ")[2] for line in head.splitlines() if line.startswith("content-length")]
            document: Document = json.loads(await self.reader.readexactly(int(length)))
        return int(head.split()[1]), document

    async def is_read(self) -> None:
        """Wait until the server reads the body of a request that was sent with `LISTENS`."""
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            assert await self.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

    async def problem(self) -> tuple[int, str]:
        """The status and the type of an answer that is a problem document."""
        status, document = await self.answer()
        return status, document["type"]

    async def is_closed(self) -> bool:
        """Whether the server ends the connection."""
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            return await self.reader.read() == b""


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    """A client with a connection of its own."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


def head(method: str, path: str, key: str | None = OPERATOR_KEY, **fields: str) -> str:
    """The head of a request."""
    lines = {"host": "switchyard", "content-type": "application/json"} | fields
    if key is not None:
        lines["authorization"] = f"Bearer {key}"
    return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{n}: {value}" for n, value in lines.items()), "", ""])


def chunk(text: str) -> str:
    """A part of a body that announces no length."""
    return f"{len(text):x}\r\n{text}\r\n"


OK = {"status": "ok", "time_zones": time_zones.VERSION}
CHUNKED = {"transfer-encoding": "chunked"}
LISTENS = {"expect": "100-continue"}
"""The server answers 100 when it begins to read the body: its request has its place and its turn by then."""
PIECES = ["", "GET /healthz", "GET /healthz HTTP/1.1\r\nhost: switchyard\r\nx-long: a"]


@pytest.mark.parametrize("sent", PIECES, ids=["nothing", "a line", "fields"])
async def test_a_head_that_does_not_end_is_answered_408_and_the_connection_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    monkeypatch.setattr("api.http_connection.HEAD_WITHIN", SOON)
    async with listening(house) as url, client(url) as slow:
        await slow.send(sent)
        assert await slow.problem() == (408, problems.TOO_SLOW.type)
        assert await slow.is_closed()


async def test_a_head_has_one_deadline_however_much_of_it_comes_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http_connection.HEAD_WITHIN", SOON)

    async def drip(slow: Client) -> None:
        await slow.send("GET /healthz HTTP/1.1\r\nx-long: ")
        while True:
            await slow.send("a")
            await asyncio.sleep(SOON.total_seconds() / 10)

    async with listening(house) as url, client(url) as slow:
        dripping = asyncio.create_task(drip(slow))
        assert await slow.problem() == (408, problems.TOO_SLOW.type)
        dripping.cancel()


async def test_a_body_that_nobody_reads_does_not_keep_a_connection(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http_connection.HEAD_WITHIN", SOON)
    async with listening(house) as url, client(url) as slow:
        await slow.send(head("POST", "/orders", None, **{"content-length": "1000"}))
        assert await slow.problem() == (401, problems.NO_KEY.type)
        await slow.send("a")
        assert await slow.problem() == (408, problems.TOO_SLOW.type)
        assert await slow.is_closed()


async def test_a_connection_serves_one_request_after_another(house: House) -> None:
    async with listening(house) as url, client(url) as calm:
        await calm.send(head("GET", "/healthz"), head("GET", "/healthz"))
        assert [await calm.answer() for _ in range(2)] == [(200, OK)] * 2
        await calm.send(head("GET", "/healthz"))
        assert await calm.answer() == (200, OK)


async def test_a_body_that_does_not_end_is_answered_408_and_the_connection_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.body.BODY_WITHIN", SOON)
    async with listening(house) as url, client(url) as slow:
        await slow.send(head("POST", "/orders", **{"content-length": "100"}), "{")
        assert await slow.problem() == (408, problems.TOO_SLOW.type)
        assert await slow.is_closed()


@pytest.mark.parametrize("length", [{"content-length": "1000000"}, CHUNKED], ids=["announced", "unannounced"])
@pytest.mark.parametrize("key", [None, "guessed"])
async def test_without_a_valid_key_the_answer_is_401_before_the_body_has_come(
    house: House, key: str | None, length: dict[str, str]
) -> None:
    async with listening(house) as url, client(url) as stranger:
        await stranger.send(head("POST", "/orders", key, **length))
        assert await stranger.problem() == (401, problems.NO_KEY.type)


async def test_a_body_that_is_too_large_is_answered_413_before_it_has_come(house: House) -> None:
    async with listening(house) as url, client(url) as greedy:
        await greedy.send(head("POST", "/orders", **{"content-length": "2000000"}))
        assert await greedy.problem() == (413, problems.TOO_LARGE.type)


async def test_half_heads_take_no_place_from_whole_requests(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.http_connection.CONNECTIONS_MAX", 3)
    async with listening(house) as url, client(url) as first, client(url) as second, client(url) as third:
        for half in (first, second, third):
            await half.send("GET /healthz HTTP/1.1\r\n")
        async with client(url) as whole:
            await whole.send(head("GET", "/healthz"))
            assert await whole.answer() == (200, OK)
        assert await first.problem() == (503, problems.NOT_READY.type)
        assert await first.is_closed()
        await third.send(head("GET", "/healthz").partition("\r\n")[2])
        assert await third.answer() == (200, OK)


async def test_large_bodies_of_one_key_are_answered_one_after_another_and_hold_up_no_other_key(house: House) -> None:
    busy = (await house.key("node", "slc"))["Authorization"].removeprefix("Bearer ")
    calm = (await house.key("node", "nwk"))["Authorization"].removeprefix("Bearer ")
    async with listening(house) as url, client(url) as first, client(url) as second, client(url) as other:
        await first.send(head("POST", "/stock/messages", busy, **CHUNKED, **LISTENS))
        await first.is_read()
        await second.send(head("POST", "/stock/messages", busy, **CHUNKED), chunk(count("second", "slc")), chunk(""))
        waits = asyncio.create_task(second.answer())
        await other.send(head("POST", "/stock/messages", calm, **CHUNKED), chunk(count("other", "nwk")), chunk(""))
        assert (await other.answer())[0] == 202
        assert not waits.done(), "the first one of its key is still on its way"
        await first.send(chunk(count("first", "slc")), chunk(""))
        assert [(await first.answer())[0], (await waits)[0]] == [202, 202]


def count(message: str, node: str) -> str:
    """A count as a node sends it."""
    lines = [{"sku": "SERUM-30", "quantity": 1}]
    body = {"message_id": message, "node": node, "kind": "counted", "occurred_at": now(), "lines": lines}
    return json.dumps(body)


async def test_a_key_has_so_many_requests_under_way_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.body.UNDER_WAY_MAX", 1)
    busy = (await house.key("channel", "web"))["Authorization"].removeprefix("Bearer ")
    async with listening(house) as url, client(url) as first, client(url) as second, client(url) as other:
        await first.send(head("POST", "/orders", busy, **{"content-length": "2"}, **LISTENS))
        await first.is_read()
        await second.send(head("POST", "/orders", busy, **{"content-length": "2"}), "{}")
        assert await second.problem() == (429, problems.TOO_MANY.type)
        await other.send(head("POST", "/orders", **{"content-length": "2"}), "{}")
        assert (await other.answer())[0] == 422
        await first.send("{}")
        assert (await first.answer())[0] == 422


async def test_a_key_is_looked_up_once_for_each_request(house: House) -> None:
    with statements_of(house.service.database) as statements:
        assert (await house.http.post("/orders", json=house.body(("SERUM-30", 1)))).status_code == 201
    assert len([text for text, _ in statements if "FROM key" in text]) == 1


async def test_a_node_that_asks_for_its_work_is_heard_and_costs_no_statement_more(
    house: House, http: AsyncClient
) -> None:
    node = await house.key("node", "slc")
    with statements_of(house.service.database) as statements:
        assert (await house.http.get("/fulfillment-orders", headers=node)).status_code == 200
    assert not [text for text, _ in statements if "node_contact" in text]
    heard = await last_heard(house.http, "slc")
    assert heard is not None
    assert await last_heard(http, "slc") is None, "another process does not know it yet"

    await house.service.transactions.heard.store(house.service.database)

    assert await last_heard(http, "slc") == heard
    with statements_of(house.service.database) as statements:
        await house.service.transactions.heard.store(house.service.database)
    assert statements == []


@pytest.fixture
async def http(house: House) -> AsyncIterator[AsyncClient]:
    """Another HTTP process over the same database."""
    app = application(assemble(house.service.database, house.service.client))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://switchyard") as other:
        yield other


async def last_heard(http: AsyncClient, node: str) -> datetime | None:
    """When a node was last heard, as `GET /nodes` shows it."""
    nodes = (await http.get("/nodes", headers=OPERATOR)).json()["items"]
    heard = next(row["last_heard"] for row in nodes if row["node"] == node)
    return datetime.fromisoformat(heard) if heard else None

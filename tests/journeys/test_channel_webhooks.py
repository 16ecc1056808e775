"""Webhooks of a connected channel: signed by the channel, kept before anything else happens, and carried out afterwards."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import pytest_asyncio
import structlog
from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import text
from structlog.testing import capture_logs
from temporalio.client import Client

from api.app import application
from api.service import assemble
from channels import kinds
from database import connection as connections
from tests.house import SMALL_MAP, Document, House, now
from tests.peers.plain_kind import SECRET, PlainKind, signed
from transactions.prepare import apply_network

CHANNELS = """
[[channel]]
name = "plain"
kind = "plain"
api = "http://127.0.0.1:9"
"""
NOBODY_LISTENS = "127.0.0.1:1"
SELDOM = 0.01
"""A rate at which a client must wait after one request."""
_numbers = count(1)


@dataclass
class Shop:
    """A connected channel that sends webhooks to a house."""

    house: House
    kind: PlainKind
    directory: Path
    number: str = field(default_factory=lambda: f"w{next(_numbers)}")

    @property
    def order(self) -> str:
        """The order that its documents are about."""
        return f"plain-{self.number}"

    def document(self, quantity: int = 1, sku: str = "SERUM-30", **more: Any) -> bytes:
        """How the order is wanted now."""
        order = {
            "channel": "plain",
            "number": self.number,
            "placed_at": now(),
            "currency": "USD",
            "ship_to": {"postal_code": "80202", "country": "US", "name": "Ada Lovelace", "street": ["Secret Lane 1"]},
            "lines": [{"line": "1", "sku": sku, "quantity": quantity, "unit_price": 1000}],
        } | more
        return json.dumps({"external": self.number, "version": now(), "order": order}).encode()

    async def send(
        self, body: bytes, event: str | None = None, *, secret: str = SECRET, to: str = "plain", **more: Any
    ) -> Response:
        """Send a webhook, as somebody without a key does."""
        headers = signed(body, event or f"e-{next(_numbers)}", secret) | {"Authorization": ""} | more
        return await self.house.http.post(f"/channels/{to}/webhooks", content=body, headers=headers)

    async def kept(self) -> int:
        """How much is kept."""
        async with self.house.service.database.read() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM exchange"))).scalar_one())

    async def has_come(self) -> Document:
        """The order, once it is placed."""
        async with asyncio.timeout(60):
            while (answer := await self.house.http.get(f"/orders/{self.order}")).status_code == 404:  # noqa: ASYNC110
                await asyncio.sleep(0.03)
        document: Document = answer.json()
        self.house.orders.append(self.order)
        return document

    async def is_misfit(self) -> None:
        """Wait until a person is asked about what does not fit."""
        async with asyncio.timeout(60):
            while not (await self.house.http.get("/exceptions?code=channel_misfit")).json()["items"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def shop(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A connected channel of the small network."""
    kind = PlainKind()
    monkeypatch.setitem(kinds.KINDS, "plain", kind)
    directory = copytree(SMALL_MAP, tmp_path / "network")
    (directory / "channels.toml").write_text(CHANNELS)
    assert await apply_network(house.database_url, directory) == []
    async with house.service.database.write() as connection:
        await connections.keep_credentials(connection, "plain", {"secret": SECRET})
    yield Shop(house, kind, directory)


async def test_a_genuine_webhook_is_kept_and_becomes_an_order_that_ships(shop: Shop) -> None:
    await shop.house.stock("reroutes", SERUM_30=5)
    answer = await shop.send(shop.document(2))
    assert (answer.status_code, answer.json()) == (200, {"channel": "plain"})
    assert (await shop.has_come())["lines"][0]["ordered"] == 2
    await shop.house.fulfill((await shop.house.work(shop.order))["fulfillment_order"])
    await shop.house.until(shop.order, "delivered")


@pytest.mark.parametrize("how", ["a wrong signature", "no signature", "a signature that is no text", "no such channel"])
async def test_a_forged_webhook_is_refused_and_nothing_of_it_is_kept(shop: Shop, how: str) -> None:
    body = shop.document()
    match how:
        case "a wrong signature":
            answer = await shop.send(body, secret="a guess")
        case "no signature":
            answer = await shop.house.http.post("/channels/plain/webhooks", content=body)
        case "a signature that is no text":
            headers = [(b"x-plain-signature", b"\xff\xfe")]
            answer = await shop.house.http.post("/channels/plain/webhooks", content=body, headers=headers)
        case _:
            answer = await shop.send(body, to="web")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:switchyard:problem:no-key")
    assert await shop.kept() == 0


async def test_a_repeated_webhook_is_answered_the_same_and_kept_once(shop: Shop) -> None:
    body = shop.document()
    answers = await asyncio.gather(*(shop.send(body, "same") for _ in range(10)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"channel":"plain"}')}
    assert await shop.kept() == 1
    await shop.has_come()
    listed = await shop.house.http.get("/orders?channel=plain")
    assert [order["order"] for order in listed.json()["items"]] == [shop.order]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\x00", b"[" * 1000, b"null", b"[]", b'{"external": null}'])
async def test_no_content_is_a_reason_to_refuse_a_webhook(shop: Shop, body: bytes) -> None:
    assert (await shop.send(body)).status_code == 200
    assert await shop.kept() == 1


async def test_a_webhook_without_its_own_headers_is_kept_once_for_the_same_bytes(shop: Shop) -> None:
    body = shop.document()
    headers = {"x-plain-signature": signed(body, "")["x-plain-signature"]}
    for _ in range(2):
        answer = await shop.house.http.post("/channels/plain/webhooks?topic=x", content=body, headers=headers)
        assert answer.status_code == 200
    assert await shop.kept() == 1


async def test_a_webhook_may_have_eight_megabytes_and_no_more(shop: Shop) -> None:
    whole = 8 * 1_048_576
    assert (await shop.send(b" " * whole)).status_code == 200
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        answer = await shop.send(b" " * (whole + 1), **headers)
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:switchyard:problem:too-large")
    assert await shop.kept() == 1


async def test_webhooks_are_counted_by_their_connection_and_never_as_a_strangers_requests(shop: Shop) -> None:
    """As with SWITCHYARD_RATE_PER_SECOND: a stranger's address gets one request here, and a connection's bucket its own."""
    app = application(shop.house.service, rate_per_second=SELDOM)
    statuses = []
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1"):
        transport = ASGITransport(app=app, client=(address, 4711))
        async with AsyncClient(transport=transport, base_url="http://switchyard") as http:
            stranger = await http.get("/orders")
            forged = await http.post("/channels/plain/webhooks", content=b"{}")
            body = shop.document()
            genuine = await http.post(
                "/channels/plain/webhooks", content=body, headers=signed(body, f"e-{next(_numbers)}")
            )
            statuses.append((stranger.status_code, forged.status_code, genuine.status_code))
    assert statuses == [(401, 401, 200), (429, 401, 429), (429, 401, 429)]


async def test_webhooks_are_kept_while_temporal_is_down(shop: Shop) -> None:
    service = assemble(shop.house.service.database, await Client.connect(NOBODY_LISTENS, lazy=True))
    transport = ASGITransport(app=application(service))
    async with AsyncClient(transport=transport, base_url="http://switchyard") as http:
        body = shop.document()
        answer = await http.post("/channels/plain/webhooks", content=body, headers=signed(body, f"e-{next(_numbers)}"))
        assert answer.status_code == 200
    await shop.has_come()


async def test_what_did_not_fit_is_tried_again_when_somebody_says_so(shop: Shop) -> None:
    await shop.send(shop.document(service="teleport"))
    found: list[Document] = []
    async with asyncio.timeout(60):
        while not found:
            await asyncio.sleep(0.03)
            found = (await shop.house.http.get("/exceptions?code=channel_misfit")).json()["items"]
    assert [(one["order"], one["exception"].rpartition("-")[0]) for one in found] == [(None, "plain")]
    assert "teleport is not offered" in found[0]["detail"]
    policy = shop.directory / "policy.toml"
    policy.write_text(policy.read_text().replace("[transit]", "[transit]\nteleport = [[20000, 1]]"))
    assert await apply_network(shop.house.database_url, shop.directory) == []
    answer = await shop.house.http.post("/connections/plain/retry", json={"reason": "the service is offered now"})
    assert (answer.status_code, answer.json()) == (
        200,
        {"connection": "plain", "documents": 1, "notices": 0, "levels": 0},
    )
    await shop.has_come()
    assert (await shop.house.http.get("/exceptions?code=channel_misfit")).json()["items"] == []
    assert (await shop.house.http.post("/connections/web/retry", json={})).status_code == 404


async def test_a_mapped_item_releases_an_order_that_waited_for_it(shop: Shop) -> None:
    await shop.house.stock("reroutes", SERUM_30=50)
    await shop.send(shop.document(2, sku="CASE-12"))
    assert (await shop.has_come())["status"] == "on_hold"
    exceptions = (await shop.house.http.get(f"/exceptions?order={shop.order}")).json()["items"]
    assert [(one["code"], one["detail"]) for one in exceptions] == [
        ("unmapped", "nobody knows the item CASE-12 of line 1")
    ]
    (shop.directory / "aliases.csv").write_text("channel,kind,external,sku,units\nplain,sku,CASE-12,SERUM-30,12\n")
    assert await apply_network(shop.house.database_url, shop.directory) == []
    work = await shop.house.work(shop.order)
    assert [(line["sku"], line["quantity"]) for line in work["lines"]] == [("SERUM-30", 24)]
    assert (await shop.house.http.get(f"/exceptions?order={shop.order}")).json()["items"] == []
    await shop.house.fulfill(work["fulfillment_order"])
    await shop.house.until(shop.order, "delivered")


async def test_row_16_no_name_street_or_secret_is_in_temporal_or_a_log_and_forget_erases_what_came_too(
    shop: Shop,
) -> None:
    await shop.house.stock("reroutes", SERUM_30=5)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        assert (await shop.send(shop.document(2))).status_code == 200
        await shop.has_come()
        await shop.house.fulfill((await shop.house.work(shop.order))["fulfillment_order"])
        await shop.house.until(shop.order, "delivered")
    history, logged = str(await shop.house.workflow(shop.order).fetch_history()), str(lines)
    assert ("SERUM-30" in history, "/channels/{channel}/webhooks" in logged) == (True, True), (
        "there is something to look at"
    )
    for personal in ("Ada Lovelace", "Secret Lane", SECRET):
        assert personal not in history
        assert personal not in logged
    erased = "SELECT bool_and(body IS NULL) FROM exchange WHERE channel = 'plain'"
    found = []
    for _ in range(2):
        async with shop.house.service.database.read() as connection:
            found.append((await connection.execute(text(erased))).scalar_one())
        assert (await shop.house.ask(shop.order, "forget", even_if_open=True)).is_success
    assert found == [False, True]

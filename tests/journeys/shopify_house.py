"""A whole Switchyard that is connected, by the command, with a simulated Shopify on a port of its own."""

import asyncio
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from sqlalchemy import text

from demo.peers.shopify.graph import Bucket
from demo.peers.shopify.service import Peer, application
from demo.peers.shopify.shop import Shop
from demo.peers.shopify.state import Level, Order
from demo.peers.shopify.webhooks import Count
from embedded.ports import LOOPBACK, free_port
from starter.connect import command
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, Document, House
from tests.http_server import Server
from transactions.prepare import apply_network

CREDENTIALS = {"client_id": "client", "client_secret": "secret of the app"}
ENTRY = """
[[channel]]
name = "{name}"
kind = "shopify"
api = "http://127.0.0.1:{port}"
poll = "1h"
webhooks = "https://oms.example.com"
services = {{"Standard" = "standard"}}
"""
"""The poll comes when a test lets an hour pass, so that a test knows whether a webhook or the poll brought an order."""
EACH = """
mode = "each"
locations = {{{locations}}}
"""
ITEMS = (("SERUM-30", 1999), ("TONER-200", 2450))
"""Those of the small network, with their prices."""
PLENTY = 10_000
_channels = count(1)


@dataclass
class Connected:
    """A house, a shop, and what passes between them."""

    house: House
    peer: Peer
    directory: Path
    name: str
    locations: Mapping[str, int] = field(default_factory=dict)
    """By node, the location that it is."""
    statuses: Counter[int] = field(default_factory=Counter)
    """How the webhooks were answered."""

    @property
    def shop(self) -> Shop:
        """The shop."""
        return self.peer.shop

    async def webhooks(self) -> Count:
        """Deliver what the shop has to say, as Shopify does: to the address of its subscription, without a key."""
        return await self.shop.webhooks.deliver(self._post)

    async def _post(self, uri: str, headers: Mapping[str, str], body: bytes) -> int:
        assert uri.startswith("https://oms.example.com/")
        without_a_key = {**headers, "Authorization": ""}
        answer = await self.house.http.post(urlsplit(uri).path, content=body, headers=without_a_key)
        self.statuses[answer.status_code] += 1
        return answer.status_code

    def lose_webhooks(self) -> None:
        """What the shop has to say never arrives."""
        self.shop.webhooks.waiting.clear()

    async def poll(self) -> None:
        """An hour passes: the channel is asked what has changed, and what came is carried out."""
        await self.execute("UPDATE connection SET poll_due_at = clock_timestamp(), polled_at = NULL")
        await self.polled()

    async def polled(self) -> None:
        """Wait for the end of a poll, which may ask for much, and until what it brought is carried out."""
        asked = -1

        async def goes_on() -> bool:
            return len(self.peer.graph.calls) > asked or await self._is_polled()

        while not await self._is_polled():
            asked = len(self.peer.graph.calls)
            await self.until(goes_on)
        await self.carried_out()

    async def _is_polled(self) -> bool:
        return bool(await self.rows("SELECT 1 FROM connection WHERE polled_at IS NOT NULL"))

    async def carried_out(self) -> None:
        """Wait until everything that came is carried out."""
        await self.none_left("SELECT topic, state, tries, reason FROM exchange WHERE due_at IS NOT NULL")

    async def notified(self) -> None:
        """Wait until the shop knows everything that it is to know."""
        await self.none_left("SELECT order_id, kind, tries FROM channel_notice WHERE due_at IS NOT NULL")

    async def left(self, table: str) -> int:
        """How many rows of `exchange` or `channel_notice` are due or will be."""
        [found] = await self.rows(f"SELECT count(*) FROM {table} WHERE due_at IS NOT NULL")
        return int(found[0])

    async def none_left(self, statement: str) -> None:
        """Wait until a statement finds nothing. There may be much to do: it fails when nothing is done for a while."""
        found = await self.rows(statement)
        while found:
            found = await self._fewer(statement, found)

    async def _fewer(self, statement: str, than: list[Any]) -> list[Any]:
        try:
            return await self.rows(statement, lambda rows: len(rows) < len(than))
        except TimeoutError:
            raise AssertionError(f"{len(than)} rows do not become fewer, such as {than[:5]}") from None

    async def rows(
        self, statement: str, are_right: Callable[[list[Any]], bool] = lambda _: True, **values: Any
    ) -> list[Any]:
        """The rows of a statement, as soon as they are right."""
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while True:
                async with self.house.service.database.read() as connection:
                    found = list((await connection.execute(text(statement), values)).all())
                if are_right(found):
                    return found
                await asyncio.sleep(0.05)

    async def execute(self, statement: str, **values: Any) -> None:
        """Change something that only time changes."""
        async with self.house.service.database.write() as connection:
            await connection.execute(text(statement), values)

    async def has_levels(self) -> None:
        """Wait until every item was given a level at our location: the shop moves no order there before."""
        items = len(self.shop.items)
        while (found := self._levels()) < items:
            await self.until(lambda: self._levels() > found)

    def _levels(self) -> int:
        """How many items have a level at our location; a job that waits for the next round begins it."""
        self.house.service.driver.run_soon("levels")
        return sum(location == self.our_location for _, location in self.shop.levels)

    @property
    def our_location(self) -> int:
        """The location that `connect` has made in the shop."""
        [own] = [location.id for location in self.shop.locations.values() if location.service]
        return own

    def stock_at_our_location(self, skus: Sequence[str]) -> None:
        """The merchant lets our location have items, and no unit of them yet."""
        for sku in skus:
            self.shop.levels[self.shop.by_sku(sku).inventory_item, self.our_location] = Level()

    def stock_nothing_at_our_location(self) -> None:
        """Somebody takes every item out of our location: it is back when our number of the item changes next."""
        for kept in [kept for kept in self.shop.levels if kept[1] == self.our_location]:
            del self.shop.levels[kept]

    def number(self, order: Order) -> str:
        """Our order of one of the shop."""
        return f"{self.name}-{order.id}"

    async def come(self, order: Order) -> Document:
        """Our order, once it is placed."""
        path = f"/orders/{self.number(order)}"
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while (answer := await self.house.http.get(path)).status_code == 404:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        document: Document = answer.json()
        if self.number(order) not in self.house.orders:
            self.house.orders.append(self.number(order))
        return document

    async def exceptions(self, **query: str) -> list[tuple[str, str]]:
        """The code and the text of each open exception."""
        answer = await self.house.http.get("/exceptions", params=query)
        return [(one["code"], one["detail"]) for one in answer.json()["items"]]

    async def apply(self) -> None:
        """Apply the network of the directory."""
        assert await apply_network(self.house.database_url, self.directory) == []

    async def until(self, is_true: Callable[[], Any | Awaitable[Any]]) -> Any:
        """Wait until something is true."""
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while True:
                found = is_true()
                found = await found if isinstance(found, Awaitable) else found
                if found:
                    return found
                await asyncio.sleep(0.05)


def unlimited(shop: Shop) -> Bucket:
    """A throttle that never throttles: tests of the throttle have Shopify's own."""
    return Bucket(shop.clock, points_max=1e9, per_second=1e9, points=1e9)


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[int]:
    """The shop's interface on a port; its webhooks are delivered by the test."""
    port = free_port()
    config = uvicorn.Config(application(peer, delivers=False), host=LOOPBACK, port=port, log_level="warning")
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    await server.listens.wait()
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


async def connect(name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """`python -m starter connect NAME` with the credentials of the app; its exit code."""
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(CREDENTIALS)))
    return await command(name)


@asynccontextmanager
async def connected(
    house: House,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    more_items: Sequence[str] = (),
    nodes: Sequence[str] = (),
) -> AsyncIterator[Connected]:
    """A house of the small network that a shop with its two items was just connected with; webhooks reach it.

    `more_items` are sold, too; the merchant has let our location have them already, and no unit of them. With `nodes`, each of
    them is a location of the shop, and no location is ours.
    """
    monkeypatch.setenv("DATABASE_URL", house.database_url)
    peer, name = Peer(Shop()), f"shop{next(_channels)}"
    async with listening(peer) as port:
        peer.shop.domain = peer.shop.webhooks.domain = f"127.0.0.1:{port}"
        peer.graph.bucket = unlimited(peer.shop)
        places = [next(iter(peer.shop.locations)), *(peer.shop.add_location(node).id for node in nodes[1:])]
        for sku, price in [*ITEMS, *((sku, 1000) for sku in more_items)]:
            peer.shop.add_item(sku, sku.title(), price, {next(iter(peer.shop.locations)): PLENTY})
        copytree(SMALL_MAP, directory, dirs_exist_ok=True)
        locations = dict(zip(nodes, places, strict=False))
        of_nodes = EACH.format(locations=", ".join(f'"{id}" = "{node}"' for node, id in locations.items()))
        entry = ENTRY.format(name=name, port=port) + (of_nodes if nodes else "")
        (directory / "channels.toml").write_text(entry)
        with (directory / "items.csv").open("a") as items:
            items.writelines(f"{sku},{sku},100,0,\n" for sku in more_items)
        made = Connected(house, peer, directory, name, locations)
        await made.apply()
        assert await connect(name, monkeypatch) == 0
        if not nodes:
            made.stock_at_our_location(more_items)
        await made.polled()
        yield made

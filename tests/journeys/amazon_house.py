"""A whole Switchyard that is connected, by the command, with a seller's account on a played Amazon."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import text

from starter.connect import command
from tests.dying import died_at
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, Document, House
from tests.peers.amazon import BEGIN, CREDENTIALS, RATES, Amazon
from tests.peers.amazon_server import listening
from transactions.prepare import apply_network

ENTRY = """
[[channel]]
name = "{name}"
kind = "amazon"
api = "http://127.0.0.1:{port}"
login = "http://127.0.0.1:{port}"
poll = "1h"
"""
SHOWN_AFTER = timedelta(minutes=5)
"""What changes so long before now, a search shows."""
_channels, _numbers = count(1), count(1)


@dataclass
class Connected:
    """A house, an account, and what passes between them."""

    house: House
    amazon: Amazon
    name: str

    def sell(self, units: Mapping[str, int], **more: Any) -> str:
        """An order was placed on Amazon some minutes ago; its id there."""
        self.amazon.now = datetime.now(UTC) - SHOWN_AFTER
        return self.amazon.place(next(_numbers), units, **more)

    def change(self, name: str, status: str | None = None) -> None:
        """An order was changed on Amazon some minutes ago, after it was placed."""
        self.amazon.now = datetime.now(UTC) - SHOWN_AFTER / 2
        self.amazon.become(name, status or self.amazon.orders[name]["fulfillment"]["fulfillmentStatus"])

    def number(self, order: str) -> str:
        """Our order of one of Amazon's."""
        return f"{self.name}-{order}"

    async def poll(self) -> None:
        """The time for a poll comes; wait until what it brought is carried out."""
        await self.execute("UPDATE connection SET poll_due_at = clock_timestamp(), polled_at = NULL")
        await self.rows("SELECT 1 FROM connection WHERE polled_at IS NOT NULL", wanted=1)
        await self.rows("SELECT topic, reason FROM exchange WHERE due_at IS NOT NULL", wanted=0)

    async def come(self, order: str) -> Document:
        """Our order, once it is placed."""
        await self.poll()
        document = await self.house.order(self.number(order))
        if self.number(order) not in self.house.orders:
            self.house.orders.append(self.number(order))
        return document

    async def notified(self) -> None:
        """Wait until Amazon knows, or has refused, everything that it is to know."""
        await self.rows("SELECT kind, tries FROM channel_notice WHERE due_at IS NOT NULL", wanted=0)

    async def exceptions(self) -> list[tuple[str, str]]:
        """The code and the text of each open exception."""
        answer = await self.house.http.get("/exceptions")
        return [(one["code"], one["detail"]) for one in answer.json()["items"]]

    async def rows(self, statement: str, *, wanted: int) -> list[Any]:
        """The rows of a statement, as soon as there are so many."""
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while True:
                async with self.house.service.database.read() as connection:
                    found = list((await connection.execute(text(statement))).all())
                if len(found) == wanted:
                    return found
                await asyncio.sleep(0.05)

    async def execute(self, statement: str) -> None:
        """Change something that only time changes."""
        async with self.house.service.database.write() as connection:
            await connection.execute(text(statement))

    async def notified_by_mortals(self, moments: Sequence[str]) -> list[str]:
        """Let processes notify Amazon that die at these moments, and one that does not; answers at which one died."""
        return await died_at("tests.journeys.mortal_shopify", self.house.database_url, *moments, "never")


@asynccontextmanager
async def connected(house: House, directory: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connected]:
    """A house of the small network that an account was just connected with."""
    monkeypatch.setenv("DATABASE_URL", house.database_url)
    monkeypatch.setitem(RATES, "searchOrders", (1000.0, 1000))  # a test polls as often as it likes
    monkeypatch.setattr("channels.amazon.poll.SEARCH", None)
    amazon, name = Amazon(BEGIN), f"amz{next(_channels)}"
    async with listening(amazon) as port:
        copytree(SMALL_MAP, directory, dirs_exist_ok=True)
        (directory / "channels.toml").write_text(ENTRY.format(name=name, port=port))
        assert await apply_network(house.database_url, directory) == []
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(CREDENTIALS)))
        assert await command(name) == 0
        made = Connected(house, amazon, name)
        await made.rows("SELECT 1 FROM connection WHERE polled_at IS NOT NULL", wanted=1)  # the first poll, by itself
        yield made
        assert amazon.wrong == [], "every request was one that Amazon takes"

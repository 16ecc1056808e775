"""Amazon in simulated time: 600 orders an hour are read and confirmed within its quotas, each before its ship-by.

The runner of conversations is the service's own, with a clock that the test moves; Amazon is the account of
`tests/peers/amazon.py`. Nodes are simulated: what was read leaves twenty minutes later, one order in ten in two parcels.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from channels.channel import Answer, Done, Notice, Request, Said, Settings
from channels.kinds import KINDS
from database import connection as statements
from database.connect import Database
from domain.event import EventKind
from jobs.conversation import ConversationFailed, Conversations
from tests.channels.shopify_orders import Items
from tests.house import SMALL_MAP
from tests.peers.amazon import BEGIN, CREDENTIALS, Amazon
from transactions.network import Networks
from transactions.prepare import apply_network

ENTRY = '[[channel]]\nname = "amz"\nkind = "amazon"\napi = "https://sellingpartnerapi-na.amazon.com"\n'
AMAZON = KINDS["amazon"]
ITEMS = Items("SERUM-30", "TONER-200")
LEAVES_AFTER = timedelta(minutes=20)
SHIP_WITHIN = timedelta(minutes=40)


class Talks(Conversations):
    """The conversations of the service with an account that is played."""

    amazon: Amazon
    asked: list[str]

    async def _send(self, settings: Settings, request: Request) -> Answer:
        assert request.api in ("", "https://api.amazon.com")
        self.asked.append(request.method)
        return self.amazon.answer(request.method, request.path, request.headers, request.body)


@dataclass
class Seller:
    """A connected account, and what happens by itself as time passes."""

    amazon: Amazon
    talks: Talks
    cursor: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Said] = field(default_factory=dict)
    leaving: list[tuple[datetime, str]] = field(default_factory=list)
    failed_polls: int = 0

    settings: Settings = field(init=False)

    async def poll(self) -> None:
        """Ask for what changed, page after page, until the quota is used up."""
        settings, is_last = self.settings, False
        try:
            while not is_last:
                page = await self.talks.run(settings, AMAZON, AMAZON.poll(settings, self.cursor, self.amazon.now))
                self.cursor, is_last = json.loads(json.dumps(page.cursor)), page.is_last
                for message in page.messages:
                    self._follow(AMAZON.read(settings, ITEMS, message))
        except ConversationFailed:
            self.failed_polls += 1

    def _follow(self, found: Any) -> None:
        for said in found:
            if said.order is not None and said.external not in self.read:
                heappush(self.leaving, (self.amazon.now + LEAVES_AFTER, said.external))
            self.read.setdefault(said.external, said)

    async def confirm(self) -> None:
        """Notify Amazon of what has left by now."""
        while self.leaving and self.leaving[0][0] <= self.amazon.now:
            _, name = heappop(self.leaving)
            settings = self.settings
            notice = Notice("1", EventKind.SHIPPED, {}, name, self._document(name), {}, self.amazon.now)
            outcome = await self.talks.run(settings, AMAZON, AMAZON.notify(settings, notice))
            assert isinstance(outcome, Done), outcome

    def _document(self, name: str) -> dict[str, Any]:
        """The order as it is here once it has left."""
        said = self.read[name]
        assert said.order is not None
        lines = said.order.lines
        packages = [
            {
                "package": str(index),
                "carrier": "ups",
                "tracking": f"1Z{name}-{index}",
                "lines": [{"line": line.line, "quantity": line.quantity}],
            }
            for index, line in enumerate(lines)
        ]
        shipped = [{"line": line.line, "shipped": line.quantity} for line in lines]
        work = {"fulfillment_order": f"amz-{name}-f1", "node": "n", "lines": shipped, "packages": packages}
        return {"lines": [{"line": line.line, "attributes": {}} for line in lines], "fulfillment_orders": [work]}


@pytest.fixture
async def seller(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Seller]:
    """A connected account."""
    directory = copytree(SMALL_MAP, tmp_path / "network")
    (directory / "channels.toml").write_text(ENTRY)
    assert await apply_network(database_url, directory) == []
    async with database.write() as connection:
        await statements.keep_credentials(connection, "amz", CREDENTIALS)
    amazon = Amazon()

    async def sleep(seconds: float) -> None:
        amazon.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    talks = Talks(database, Networks(), clock=lambda: (amazon.now - BEGIN).total_seconds(), sleep=sleep)
    talks.amazon, talks.asked = amazon, []
    made, found = Seller(amazon, talks), await talks.settings("amz")
    assert found is not None
    made.settings = found[0]
    yield made
    talks.close()


async def sell(seller: Seller, orders: int, hours: float) -> list[str]:
    """Orders come in through some hours, each paid half a minute after it was placed; then everything is shipped."""
    amazon, names, pending = seller.amazon, list[str](), list[tuple[datetime, str]]()
    gap, every = timedelta(hours=hours / orders), AMAZON.poll_least
    next_order, next_poll = BEGIN, BEGIN + every
    end = BEGIN + timedelta(hours=hours) + LEAVES_AFTER + timedelta(minutes=15)
    while amazon.now < end:
        while next_order <= amazon.now and len(names) < orders:
            units = {"SERUM-30": 1 + len(names) % 3} | ({"TONER-200": 1} if len(names) % 10 == 0 else {})
            names.append(amazon.place(len(names) + 1, units, SHIP_WITHIN))
            amazon.become(names[-1], "PENDING")
            pending.append((amazon.now + timedelta(seconds=30), names[-1]))
            next_order += gap
        while pending and pending[0][0] <= amazon.now:
            amazon.become(pending.pop(0)[1], "UNSHIPPED")
        if next_poll <= amazon.now:
            next_poll += every
            await seller.poll()
        await seller.confirm()
        amazon.now += timedelta(seconds=1)
    return names


async def check(seller: Seller, orders: int, hours: float) -> None:
    names, amazon = await sell(seller, orders, hours), seller.amazon
    assert amazon.wrong == [], "every request is valid by Amazon's models and by what these miss"
    assert not amazon.throttled, "the quotas were kept by counting, not by being refused"
    assert seller.failed_polls == 0
    assert sorted(seller.read) == sorted(names)
    for name in names:
        order = amazon.orders[name]
        assert order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
        ship_by = datetime.fromisoformat(order["fulfillment"]["shipByWindow"]["latestDateTime"])
        assert all(at <= ship_by for (of, _), at in amazon.confirmed_at.items() if of == name)
    confirmations = len(amazon.confirmed_at)
    assert amazon.calls["confirmShipment"] == confirmations, "nothing was confirmed twice"
    assert amazon.calls["getOrder"] == len(names)
    polls = round((hours * 3600 + (LEAVES_AFTER + timedelta(minutes=15)).total_seconds()) / 180)
    assert abs(amazon.calls["searchOrders"] - polls) <= 2, "a search in three minutes, a page each"


async def test_row_9_orders_come_and_are_confirmed_within_the_quotas(seller: Seller) -> None:
    await check(seller, 300, 0.5)


@pytest.mark.long
async def test_row_9_six_hundred_orders_an_hour_through_four_hours(seller: Seller) -> None:
    await check(seller, 2400, 4)


async def test_what_another_process_has_used_up_of_a_quota_is_waited_for_and_nothing_is_lost(seller: Seller) -> None:
    amazon = seller.amazon
    amazon.left["searchOrders"] = (0.0, amazon.now)
    name = amazon.place(1, {"SERUM-30": 1})
    amazon.now += timedelta(minutes=2, seconds=20)
    await seller.poll()
    assert (seller.failed_polls, seller.read, amazon.throttled["searchOrders"]) == (1, {}, 1)
    amazon.now += timedelta(minutes=3)
    await seller.poll()
    assert list(seller.read) == [name]
    assert amazon.throttled["searchOrders"] == 1, "it was not asked again before its time"


async def polled(seller: Seller, polls: int) -> None:
    """Poll every three minutes; what is above the quota waits for the next time."""
    for _ in range(polls):
        seller.amazon.now += timedelta(minutes=3)
        await seller.poll()
    assert seller.amazon.wrong == []


async def test_a_backlog_that_changed_in_one_second_is_read_page_by_page_over_several_polls(seller: Seller) -> None:
    for number in range(2_150):
        seller.amazon.place(number + 1, {"SERUM-30": 1})
    await polled(seller, 1)
    assert (len(seller.read), seller.failed_polls) == (1_800, 1), "a burst is twenty calls"
    await polled(seller, 8)
    assert len(seller.read) == 2_150
    assert seller.amazon.calls["searchOrders"] - seller.amazon.throttled["searchOrders"] <= 32


@pytest.mark.parametrize("is_sorted", [True, False], ids=["sorted", "in any order"])
async def test_a_backlog_of_weeks_is_read_in_spans_of_a_page_each(
    seller: Seller, is_sorted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    amazon, chance = seller.amazon, random.Random(7)
    monkeypatch.setattr(amazon, "is_sorted", is_sorted)
    amazon.now -= timedelta(days=20)
    for number in range(1_000):
        amazon.now += timedelta(seconds=chance.randrange(1, 3_000))
        amazon.place(number + 1, {"SERUM-30": 1})
    await polled(seller, 60)
    assert len(seller.read) == 1_000
    assert amazon.calls["searchOrders"] <= 60 + 20


@pytest.mark.parametrize("is_sorted", [True, False], ids=["sorted", "in any order"])
@pytest.mark.parametrize("seed", range(3))
async def test_no_order_is_missed_although_others_change_while_the_pages_are_read(
    seller: Seller, seed: int, is_sorted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that changes leaves the pages that are read, and those behind it move up: between two pages, one is hidden."""
    amazon, chance = seller.amazon, random.Random(seed)
    monkeypatch.setattr(amazon, "is_sorted", is_sorted)
    for number in range(450):
        amazon.now += timedelta(seconds=chance.randrange(1, 20))
        amazon.place(number + 1, {"SERUM-30": 1})
    names, follow = set(amazon.orders), seller._follow

    def change_some(said: Any) -> None:
        """Each order that was read may change at once at Amazon."""
        follow(said)
        if chance.random() < 0.05:
            amazon.now += timedelta(seconds=1)
            amazon.touch(chance.choice(sorted(seller.read)))

    monkeypatch.setattr(seller, "_follow", change_some)
    await polled(seller, 40)
    assert names - set(seller.read) == set()

"""Stock levels of a connected channel: only what changed is sent, it converges and ends, and no unit is sold twice."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pytest

from channels.channel import Answer, Conversation, Later, Level, Refused, Request, Settings
from channels.kinds import KINDS
from database import network
from database.connect import Database
from jobs.channel_level import ChannelLevelSender
from network.load import NetworkDocuments
from tests.database.connected import (
    CHANNEL,
    KIND,
    StandInConversations,
    StandInKind,
    StandInShop,
    connected_shop,
    rows,
)
from tests.database.shop import FARTHEST, ITEMS, MAP, NEAREST, NEXT, Shop
from transactions import channel_level

SKUS = [f"ITEM-{number:04}" for number in range(1000)]
MANY: NetworkDocuments = replace(MAP, items=ITEMS + "".join(f"{sku},{sku},100,0,\n" for sku in SKUS))


class StockKind(StandInKind):
    """Sets levels where what stands there is what was expected, and answers what stands there."""

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """One request for all levels."""
        body = [[f"{level.place}{level.external}", level.available, level.before] for level in levels]
        answer = yield Request("POST", "/levels", {"key": key}, json.dumps(body).encode())
        match answer.status:
            case 429:
                return Later("too many requests")
            case 422:
                return Refused(answer.body.decode())
        stands: Mapping[str, int] = json.loads(answer.body)
        return {external.removeprefix(levels[0].place): units for external, units in stands.items()}


class KindOfPlaces(StockKind):
    """Has a level of each item at each place; two nodes have one."""

    def places(self, settings: Settings) -> Mapping[str, str]:
        """By node, the name of its place."""
        return {NEAREST: "7/", NEXT: "8/"}


@dataclass
class ShopWithStock(StandInShop):
    """What a channel shows its customers."""

    shown: dict[str, int] = field(default_factory=dict)
    sold: Counter[str] = field(default_factory=Counter)
    """Units whose orders are not here yet."""
    lacks: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    meanwhile: Callable[[], None] = lambda: None
    calls: list[int] = field(default_factory=list)
    """The number of levels of each request."""

    def sell(self, sku: str) -> None:
        """A customer buys one, if one is shown."""
        if self.shown.get(sku, 0) > 0:
            self.shown[sku] -= 1
            self.sold[sku] += 1

    def _do(self, request: Request) -> Answer:
        self.meanwhile()
        levels = json.loads(request.body)
        self.calls.append(len(levels))
        if self.refuses & {external for external, _, _ in levels}:
            return Answer(422, {}, b"this item is not tracked")
        for external, level, before in levels:
            if external not in self.lacks and before in (None, self.shown.get(external)):
                self.shown[external] = level
        known = {external: self.shown[external] for external, _, _ in levels if external in self.shown}
        return Answer(200, {}, json.dumps(known).encode())


@pytest.fixture
async def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(KINDS, KIND, StockKind())
    shop = await connected_shop(database)
    await all_orders_are_read(shop)
    return shop


@pytest.fixture
def channel() -> ShopWithStock:
    return ShopWithStock()


@pytest.fixture
def sender(shop: Shop, channel: ShopWithStock) -> ChannelLevelSender:
    return ChannelLevelSender(shop.transactions, StandInConversations(channel, StockKind()))


async def all_orders_are_read(shop: Shop) -> None:
    """A poll that began after everything so far has ended well."""
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE channel_level SET differs_at = differs_at - interval '2 minutes'")
        await connection.exec_driver_sql("UPDATE connection SET polled_at = clock_timestamp()")


async def push(shop: Shop, sender: ChannelLevelSender) -> None:
    """The channel has its turn, whenever that would have been."""
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE connection SET levels_due_at = NULL")
    await sender.visit()
    await asyncio.gather(*sender._serving.values())


async def exceptions(shop: Shop) -> list[tuple[str, bool]]:
    found = await rows(
        shop,
        "SELECT detail, resolved_at IS NULL AS is_open FROM exception WHERE code = 'channel_refused' ORDER BY since",
    )
    return [(one["detail"], one["is_open"]) for one in found]


async def test_only_what_changed_is_sent(shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender) -> None:
    await shop.receive(NEAREST, LAMP=5, CHAIR=4, VASE=9)
    await push(shop, sender)
    assert channel.shown == {"LAMP": 5, "CHAIR": 4, "VASE": 7, "DESK-SET": 2}

    await shop.receive(NEAREST, VASE=1)
    await push(shop, sender)
    await push(shop, sender)

    assert channel.calls == [4, 1]
    assert channel.shown["VASE"] == 8


async def test_a_process_that_begins_sends_only_what_differs(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await push(shop, sender)
    await shop.receive(NEAREST, LAMP=1)

    await push(shop, ChannelLevelSender(shop.transactions, StandInConversations(channel, StockKind())))

    assert channel.calls == [4, 1]
    assert channel.shown["LAMP"] == 6


async def test_nothing_is_sent_before_the_orders_of_the_channel_were_read_once(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender
) -> None:
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE connection SET polled_at = NULL")
    await push(shop, sender)
    assert channel.calls == []


async def test_a_unit_that_the_channel_has_sold_is_not_sold_again_by_our_number(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await push(shop, sender)
    channel.sell("LAMP")
    await shop.receive(NEAREST, LAMP=5)
    await push(shop, sender)
    assert channel.shown["LAMP"] == 4, "the order for the missing one is not here yet"

    await shop.sold(("LAMP", 1))
    await push(shop, sender)
    await all_orders_are_read(shop)
    await push(shop, sender)

    assert channel.shown["LAMP"] == 9
    assert await exceptions(shop) == []


async def test_a_number_that_goes_on_differing_ends_as_an_exception_and_not_in_a_loop(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await push(shop, sender)

    def another_program_corrects_it() -> None:
        channel.shown["LAMP"] += 10

    channel.meanwhile = another_program_corrects_it
    await shop.receive(NEAREST, LAMP=1)
    for _ in range(12):
        await push(shop, sender)
        await all_orders_are_read(shop)

    assert len(channel.calls) == 1 + 5
    ((detail, is_open),) = await exceptions(shop)
    assert is_open
    assert detail.startswith("web does not take the stock level of LAMP: 6 of LAMP were sent 5 times, and ")

    channel.meanwhile = lambda: None
    assert await channel_level.retry(shop.transactions, CHANNEL) == 1
    await all_orders_are_read(shop)
    await push(shop, sender)
    assert channel.shown["LAMP"] == 6
    assert [is_open for _, is_open in await exceptions(shop)] == [False]


async def test_an_item_that_the_channel_does_not_have_is_sent_once(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender
) -> None:
    channel.lacks = frozenset({"LAMP"})
    await shop.receive(NEAREST, LAMP=5)
    await push(shop, sender)
    await shop.receive(NEAREST, LAMP=5)
    await push(shop, sender)
    assert channel.calls == [4]
    assert await exceptions(shop) == []

    channel.lacks = frozenset()
    assert await channel_level.retry(shop.transactions, CHANNEL) == 1
    await push(shop, sender)
    assert channel.shown["LAMP"] == 10


async def test_one_item_that_is_refused_does_not_stop_the_others(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender
) -> None:
    channel.refuses = frozenset({"LAMP"})
    await shop.receive(NEAREST, LAMP=5, CHAIR=4)
    for _ in range(3):
        await push(shop, sender)

    assert channel.shown == {"CHAIR": 4, "VASE": 0, "DESK-SET": 2}
    assert await exceptions(shop) == [("web does not take the stock level of LAMP: this item is not tracked", True)]
    assert len(channel.calls) <= 5, "it ends"


@pytest.mark.parametrize("manner", ["lost", "done_unanswered", "throttled"])
async def test_what_was_not_answered_is_sent_again(
    shop: Shop, channel: ShopWithStock, sender: ChannelLevelSender, manner: str
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    channel.manners.append(manner)
    await push(shop, sender)
    await push(shop, sender)

    assert channel.shown["LAMP"] == 5
    assert await rows(shop, "SELECT 1 FROM channel_level WHERE external = 'LAMP' AND available = 5")


@pytest.fixture
def sender_to_places(shop: Shop, channel: ShopWithStock, monkeypatch: pytest.MonkeyPatch) -> ChannelLevelSender:
    monkeypatch.setitem(KINDS, KIND, KindOfPlaces())
    return ChannelLevelSender(shop.transactions, StandInConversations(channel, KindOfPlaces()))


async def test_each_place_gets_the_level_of_its_node(
    shop: Shop, channel: ShopWithStock, sender_to_places: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await shop.receive(NEXT, LAMP=3, CHAIR=2)
    await shop.receive(FARTHEST, LAMP=9)
    await push(shop, sender_to_places)
    shown = {"7/LAMP": 5, "7/CHAIR": 0, "7/VASE": 0, "7/DESK-SET": 0}
    assert channel.shown == shown | {"8/LAMP": 3, "8/CHAIR": 2, "8/VASE": 0, "8/DESK-SET": 1}

    await shop.receive(NEXT, LAMP=1)
    await push(shop, sender_to_places)
    await push(shop, sender_to_places)
    assert (channel.shown["7/LAMP"], channel.shown["8/LAMP"]) == (5, 4)
    assert channel.calls == [4, 4, 1]


async def test_a_sale_at_one_place_is_not_made_good_at_another(
    shop: Shop, channel: ShopWithStock, sender_to_places: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await shop.receive(NEXT, LAMP=5)
    await push(shop, sender_to_places)
    channel.sell("8/LAMP")

    await shop.receive(NEXT, LAMP=1)
    await push(shop, sender_to_places)
    assert (channel.shown["7/LAMP"], channel.shown["8/LAMP"]) == (5, 4), "until all orders were read"
    await all_orders_are_read(shop)
    await push(shop, sender_to_places)
    assert (channel.shown["7/LAMP"], channel.shown["8/LAMP"]) == (5, 6)


async def test_what_a_place_was_sent_is_taken_back_when_its_node_ships_no_orders_of_the_channel_any_more(
    database: Database, monkeypatch: pytest.MonkeyPatch, channel: ShopWithStock
) -> None:
    monkeypatch.setitem(KINDS, KIND, KindOfPlaces())
    shop = await connected_shop(database)
    await all_orders_are_read(shop)
    sender = ChannelLevelSender(shop.transactions, StandInConversations(channel, KindOfPlaces()))
    await shop.receive(NEAREST, LAMP=5)
    await shop.receive(NEXT, LAMP=3)
    await push(shop, sender)
    only_nearest = MAP.policy.replace('node.kind == "dc"', f'node.id == "{NEAREST}"')
    changed = replace(MAP, policy=only_nearest)
    async with shop.database.write() as connection:
        await network.activate(connection, asdict(changed), changed.digest)

    await push(shop, sender)
    assert (channel.shown["7/LAMP"], channel.shown["8/LAMP"]) == (5, 0)


async def test_a_level_that_the_channel_may_have_changed_by_itself_is_compared_again(
    shop: Shop, channel: ShopWithStock, sender_to_places: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    await shop.receive(NEXT, LAMP=5, CHAIR=5)
    order = await shop.place(("LAMP", 1))
    await push(shop, sender_to_places)
    calls = len(channel.calls)
    channel.shown["7/LAMP"] += 1
    channel.shown["8/LAMP"] -= 1

    await channel_level.doubt(shop.transactions, CHANNEL, order)
    for _ in range(2):
        await push(shop, sender_to_places)
    assert channel.shown["7/LAMP"] == 5, "more than there is would be sold twice: at once"
    await all_orders_are_read(shop)
    await push(shop, sender_to_places)
    await push(shop, sender_to_places)
    assert (channel.shown["7/LAMP"], channel.shown["8/LAMP"]) == (5, 5)
    assert channel.calls[calls:] == [1, 1, 1, 1], "of the order's item only, and it ends"
    assert await exceptions(shop) == []


async def test_a_level_that_the_channel_changes_while_it_is_asked_is_compared_again(
    monkeypatch: pytest.MonkeyPatch, shop: Shop, channel: ShopWithStock, sender_to_places: ChannelLevelSender
) -> None:
    await shop.receive(NEAREST, LAMP=5)
    order = await shop.place(("LAMP", 1))
    await push(shop, sender_to_places)
    conversations = sender_to_places._conversations
    answers = conversations.run

    async def run_and_move(*asked: Any) -> Any:
        answered = await answers(*asked)
        monkeypatch.setattr(conversations, "run", answers)
        channel.shown["7/LAMP"] += 1
        await channel_level.doubt(shop.transactions, CHANNEL, order)
        return answered

    monkeypatch.setattr(conversations, "run", run_and_move)
    await shop.receive(NEAREST, LAMP=1)
    await push(shop, sender_to_places)
    assert channel.shown["7/LAMP"] == 7
    for _ in range(2):
        await push(shop, sender_to_places)
    assert channel.shown["7/LAMP"] == 6


async def test_a_sale_at_the_shop_while_a_thousand_levels_are_sent_converges_and_sells_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch, channel: ShopWithStock
) -> None:
    monkeypatch.setitem(KINDS, KIND, StockKind())
    shop = await connected_shop(database, MANY)
    await all_orders_are_read(shop)
    sender = ChannelLevelSender(shop.transactions, StandInConversations(channel, StockKind()))
    chance, ours = random.Random(1), Counter(dict.fromkeys(SKUS, 3))
    await shop.receive(NEAREST, **dict.fromkeys(SKUS, 3))
    await push(shop, sender)

    def customers_buy() -> None:
        for sku in chance.sample(SKUS[:100], 10):
            channel.sell(sku)
        assert all(channel.shown[sku] + channel.sold[sku] <= ours[sku] for sku in SKUS), "no unit is shown twice"

    channel.meanwhile = customers_buy
    await shop.receive(NEAREST, **dict.fromkeys(SKUS, 1))
    ours.update(SKUS)
    for _ in range(3):
        await push(shop, sender)
    channel.meanwhile = lambda: None
    bought = +channel.sold
    for sku, units in bought.items():
        await shop.sold((sku, units))
    channel.sold.clear()
    ours.subtract(bought)
    for _ in range(2):
        await push(shop, sender)
        await all_orders_are_read(shop)
    await push(shop, sender)
    calls = len(channel.calls)
    await push(shop, sender)

    assert bought.total() > 50
    assert {sku: channel.shown[sku] for sku in SKUS} == ours
    assert len(channel.calls) == calls, "it ends"
    assert await exceptions(shop) == []

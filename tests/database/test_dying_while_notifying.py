"""The sender of notices is killed with -9 before and after each request and each commit: no unit is fulfilled twice."""

import asyncio
import json
import random

import pytest

from channels.channel import Request
from channels.kinds import KINDS
from database.connect import Database
from tests.database.connected import KIND, StandInKind, StandInShop, connected_shop, link, rows, ship
from tests.database.shop import NODES, Shop
from tests.dying import died_at
from transactions import channel_notice

MOMENTS = [f"{when}:{what}" for what in ("1", "2", "3", "took") for when in ("before", "after")]
MANNERS = ("well", "well", "well", "lost", "done_unanswered", "throttled", "refused")
PARCELS = ((1, 1), (1, 1), (2,))
"""By node, the units of each parcel."""


@pytest.fixture
async def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(KINDS, KIND, StandInKind())
    return await connected_shop(database)


async def five_parcels(shop: Shop) -> str:
    """An order that leaves three nodes in five parcels."""
    for node, parcels in zip(NODES, PARCELS, strict=True):
        await shop.receive(node, LAMP=sum(parcels))
    order = await shop.place(("LAMP", sum(map(sum, PARCELS))))
    await link(shop, order)
    await shop.source(order)
    await shop.release(order)
    for number, parcels in enumerate(PARCELS, 1):
        for units in parcels:
            await ship(shop, order, units, number)
    return order


async def notified_by(database_url: str, channel: StandInShop, moments: list[str]) -> list[str]:
    """Let processes notify the channel that die at these moments, and one that does not; answers at which one died."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, body = json.loads(await reader.readline())
        answer = channel.answer(Request(method, path, body=body.encode()))
        writer.write(json.dumps(answer and [answer.status, answer.body.decode()]).encode() + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await died_at("tests.database.mortal_notices", database_url, str(port), *moments, "never")


async def fulfilled_once(shop: Shop, channel: StandInShop, order: str) -> None:
    """Assert that the shop's fulfillments are our parcels, unit by unit."""
    packages = await rows(shop, "SELECT fulfillment_order_id AS fo, package, lines FROM package")
    ours = {f"{row['fo']}:{row['package']}": sum(line["quantity"] for line in row["lines"]) for row in packages}
    assert sorted(channel.standing[f"gid-{order}"]) == sorted(ours), "each parcel stands there once"
    assert channel.units == {f"gid-{order}": sum(ours.values())}
    assert not await rows(shop, "SELECT 1 FROM channel_notice WHERE notified_at IS NULL")


async def test_a_sender_that_dies_at_each_moment_leaves_nothing_out_and_does_nothing_twice(
    shop: Shop, database_url: str
) -> None:
    order, channel = await five_parcels(shop), StandInShop()

    died_at = await notified_by(database_url, channel, MOMENTS * 3)

    assert set(died_at) == set(MOMENTS), "every moment came"
    await fulfilled_once(shop, channel, order)


async def dying_at_random_while_the_shop_answers_badly(shop: Shop, database_url: str, seed: int) -> None:
    chance = random.Random(seed)
    order, channel = await five_parcels(shop), StandInShop()
    for _ in range(2):
        channel.manners.extend(chance.choice(MANNERS) for _ in range(8))
        await notified_by(database_url, channel, chance.choices(MOMENTS, k=5))
        await channel_notice.retry(shop.transactions, "web")
    channel.manners.clear()
    await notified_by(database_url, channel, ["never"] * 3)
    await fulfilled_once(shop, channel, order)
    assert not await rows(shop, "SELECT 1 FROM exception WHERE code = 'channel_refused' AND resolved_at IS NULL")


async def test_dying_at_random_while_the_shop_answers_badly(shop: Shop, database_url: str) -> None:
    await dying_at_random_while_the_shop_answers_badly(shop, database_url, 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
async def test_dying_at_random_with_twenty_seeds(shop: Shop, database_url: str, seed: int) -> None:
    await dying_at_random_while_the_shop_answers_badly(shop, database_url, seed)

"""A store is filled by a rule while transfers bring it what its orders wait for: no unit is counted twice or left out."""

import asyncio
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.need import Position
from domain.request import ForgetRequest
from network.load import NetworkDocuments
from tests.database.shop import FARTHEST, NEAREST, NEXT, Shop
from tests.database.test_needs import HEADER, announce, document, found, take
from tests.database.test_ship_to_store import BOULDER, PLACES, collected, jobs, made_for, receive, transfer_for
from tests.database.test_sold_ahead import apply, day, opened
from tests.database.test_transfers import receive as receive_at
from transactions import need as needs
from transactions import peg, ship_to_store
from transactions.personal import forget
from transactions.ship_to_store import Known

RULES = f"{BOULDER},LAMP,4,10,,,,{FARTHEST},,\n"


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop with a store that has nothing and is to be filled, and warehouses that have lamps."""
    made = await Shop.open(database, replace(PLACES, replenishment=HEADER + RULES))
    await made.receive(NEAREST, LAMP=5)
    await made.receive(FARTHEST, LAMP=20)
    return made


async def position(shop: Shop) -> Position:
    (need,) = await found(shop)
    return need.position


async def test_what_is_brought_for_an_order_is_counted_once_while_it_is_planned_and_on_its_way(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 3))
    assert await made_for(shop, order) == 1
    assert await position(shop) == Position(waiting=3, planned=3)
    (need,) = await found(shop)
    assert need.position.units == 0
    assert [tuple(one) for one in need.proposals] == [(FARTHEST, 10, 20)]

    await shop.tell(transfer_for(order), MessageKind.SHIPPED)
    await jobs(shop)
    assert await position(shop) == Position(waiting=3, in_transit=3)
    async with shop.database.write() as connection:
        past = {"at": datetime.now(UTC) - timedelta(days=1)}
        await connection.execute(text("UPDATE incoming SET expected_at = :at"), past)
    assert await position(shop) == Position(waiting=3, in_transit=3), "what is late is on its way all the same"

    await take(shop)
    assert await found(shop) == []
    await receive(shop, transfer_for(order), LAMP=3)
    assert (await shop.nodes(order), await found(shop)) == ({BOULDER: 3}, [])
    await shop.check()


async def test_of_a_transfer_that_left_in_part_each_unit_is_planned_or_in_transit(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 4))
    transfer = transfer_for(order)
    await shop.tell(transfer, MessageKind.ACCEPTED)
    await shop.tell(transfer, MessageKind.SHIPPED, {"1": 3})
    assert await position(shop) == Position(waiting=4, planned=1, in_transit=3)
    await shop.cancel(order, {"1": 1})
    await jobs(shop)
    assert await position(shop) == Position(waiting=3, planned=1, in_transit=3), "its source was asked to cancel it"


async def test_where_nothing_is_sold_ahead_nothing_is_brought(database: Database) -> None:
    limited = "sku,name,weight_g,safety_stock,components,sell_ahead_max\nLAMP,Lamp,900,0,,{}\n"
    for at_most, brought in ((0, 0), (2, 2)):
        shop = await opened(database, replace(PLACES, items=limited.format(at_most)))
        await shop.receive(NEAREST, LAMP=3)
        order = await collected(shop, ("LAMP", 3))
        assert await shop.units(order) == {"backordered": brought, "open": 3 - brought} if brought else {"open": 3}
        assert await made_for(shop, order) == min(1, brought)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_together_the_audit_stays_clean(database: Database, seed: int) -> None:
    await whatever_happens(database, seed, 40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
async def test_whatever_happens_together_the_audit_stays_clean_long(database: Database, seed: int) -> None:
    await whatever_happens(database, seed, 120)


async def whatever_happens(database: Database, seed: int, steps: int) -> None:
    """Orders are placed for the store and others, cancelled and forgotten; needs are taken; transfers leave, arrive and fail;
    goods are announced; limits and release dates change. Two things at a time."""
    chance = random.Random(seed)
    shop = await opened(database, _network(chance))
    life = _Life(shop, chance)
    for _ in range(steps // 2):
        await asyncio.gather(life.something(), life.something())
        if chance.random() < 0.1:
            await apply(shop, _network(chance))
        await ship_to_store.work_off(shop.transactions, Known())
        await peg.work_off(shop.transactions)
        await shop.check()
        for need in await found(shop):
            assert all(one.quantity <= one.free for one in need.proposals)


def _network(chance: random.Random) -> NetworkDocuments:
    """The shop with a limit of what is sold ahead, a release date, or neither."""
    at_most, release = chance.choice(["", "0", "2", "6"]), chance.choice([day(-1), day(1), ""])
    items = (
        f"sku,name,weight_g,safety_stock,components,release_date,sell_ahead_max\nLAMP,Lamp,900,1,,{release},{at_most}\n"
    )
    rules = f"{BOULDER},LAMP,2,4,,,,,,yes\n{FARTHEST},LAMP,3,6,,,,{NEAREST},,yes\n"
    return replace(PLACES, items=items, replenishment=HEADER + rules)


@dataclass
class _Life:
    shop: Shop
    chance: random.Random
    orders: list[str] = field(default_factory=list)

    async def something(self) -> None:
        """Let one thing happen."""
        shop, chance = self.shop, self.chance
        order = chance.choice(self.orders) if self.orders else None
        match chance.choice(
            ["order", "order", "need", "goods", "announced", "cancel", "forget", "turns", *["move"] * 6]
        ):
            case "order":
                node = chance.choice([BOULDER, BOULDER, None])
                name = await shop.place(("LAMP", chance.randint(1, 3)), pickup_node=node)
                self.orders.append(name)
                await shop.source(name)
            case "need":
                await needs.take_automatic(shop.transactions)
            case "goods":
                await shop.receive(chance.choice([NEAREST, NEXT, FARTHEST, BOULDER]), LAMP=chance.randint(1, 5))
            case "announced":
                await announce(shop, BOULDER, datetime.now(UTC) + timedelta(days=1), LAMP=chance.randint(1, 3))
            case "cancel" if order:
                await shop.cancel(order, {"1": 1})
            case "forget" if order:
                await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="test")
            case "turns":
                await shop.backorders.work_off(100)
            case "move":
                await self._move(await self._transfers())

    async def _transfers(self) -> list[str]:
        statement = "SELECT order_id FROM orders WHERE to_node IS NOT NULL ORDER BY order_id"
        async with self.shop.database.read() as connection:
            return list((await connection.execute(text(statement))).scalars())

    async def _move(self, transfers: list[str]) -> None:
        shop, chance = self.shop, self.chance
        if not transfers:
            return
        name = chance.choice(transfers)
        state = await shop.state(name)
        number, what = (
            len(state.fulfillment_orders),
            chance.choice(["source", "ship", "ship", "receive", "reject", "cancel"]),
        )
        if what == "source" and not state.closed:
            await shop.source(name)
            await shop.release(name)
        elif what == "receive" and number:
            await self._receive(name)
        elif what in ("ship", "reject") and number:
            kind = MessageKind.SHIPPED if what == "ship" else MessageKind.REJECTED
            await shop.tell(name, kind, {"1": 1} if what == "ship" else None, number=chance.randint(1, number))
        elif what == "cancel":
            await shop.cancel(name, {"1": 1})

    async def _receive(self, transfer: str) -> None:
        to = (await document(self.shop, transfer))["to"]
        await receive_at(self.shop, transfer, to, LAMP=1)

"""A store is filled by a rule while transfers bring it what its orders wait for: no unit is counted twice or left out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.need import Position
from tests.database.shop import FARTHEST, NEAREST, Shop
from tests.database.test_needs import HEADER, found, take
from tests.database.test_ship_to_store import BOULDER, PLACES, collected, jobs, made_for, receive, transfer_for

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

"""A refund that is cut, because less was captured than the goods are worth, is shown to a person, however it is paid."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from database.connect import Database
from tests.database.shop import NEAREST, Shop
from tests.database.test_returns import Desk


async def returned(desk: Desk, order: str) -> None:
    """All three units come back for money."""
    name = await desk.asked(order, 3)
    await desk.grade(name, 3)
    await desk.pay(name)


async def returned_in_two_parcels(desk: Desk, order: str) -> None:
    """Two units come, then one: two refunds of one return."""
    name = await desk.asked(order, 3)
    for units in (2, 1):
        await desk.grade(name, units)
        await desk.pay(name)


async def exchanged(desk: Desk, order: str) -> None:
    """All three units are exchanged for other ones."""
    name = await desk.asked(order, 3, "exchange", exchange_for="LAMP")
    await desk.grade(name, 3)
    await desk.pay(name)


async def claimed(desk: Desk, order: str) -> None:
    """All three units are claimed for money."""
    await desk.claim(order, 3)


async def replaced(desk: Desk, order: str) -> None:
    """All three units are claimed and sent again."""
    await desk.claim(order, 3, "replacement", "damaged")


async def paid_unasked(desk: Desk, order: str) -> None:
    """The channel says that it has paid for the return, before it was asked and without an amount."""
    await desk.tell(await desk.asked(order, 3), "settled", node=None)


Way = Callable[[Desk, str], Awaitable[None]]
WAYS: dict[Way, list[str]] = {
    returned: ["{0}-r1: 300 is owed, and {1} is paid back, because no more was captured"],
    returned_in_two_parcels: [
        "{0}-r1: 200 is owed, and {1} is paid back, because no more was captured",
        "{0}-r1: 100 is owed, and 0 is paid back, because no more was captured",
    ],
    exchanged: ["{0}-r1: 300 is owed, and {1} is paid back, because no more was captured"],
    claimed: ["{0}-c1: 300 is owed, and {1} is paid back, because no more was captured"],
    replaced: ["{0}-c1: 300 is owed, and {1} is paid back, because no more was captured"],
    paid_unasked: ["{0}-r1: 300 is owed, and {1} is paid back, because no more was captured"],
}


@pytest.mark.parametrize("captured", [0, 120])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_refund_that_is_cut_names_both_amounts(database: Database, way: Way, captured: int) -> None:
    """Nothing was captured where the customer pays at the door; too little, where units were added and paid elsewhere."""
    desk = await open_desk(database)
    order = await desk.delivered(("CHAIR", 3))
    await captured_only(desk, captured)
    await way(desk, order)
    assert await details(desk, order) == [one.format(order, captured) for one in WAYS[way]]
    await desk.shop.check()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_refund_that_is_not_cut_needs_nobody(database: Database, way: Way) -> None:
    desk = await open_desk(database)
    order = await desk.delivered(("CHAIR", 3))
    await way(desk, order)
    assert await details(desk, order) == []


async def test_a_channel_that_says_what_it_paid_is_not_doubted(database: Database) -> None:
    desk = await open_desk(database)
    order = await desk.delivered(("CHAIR", 3))
    await captured_only(desk, 0)
    await desk.tell(await desk.asked(order, 3), "settled", node=None, amount=300)
    assert await details(desk, order) == []
    assert len(await desk.mismatches()) == 1


async def open_desk(database: Database) -> Desk:
    """A desk of a shop with goods."""
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=12, LAMP=3)
    return Desk(shop)


async def captured_only(desk: Desk, amount: int) -> None:
    """The channel captured this much for every order so far."""
    async with desk.shop.database.write() as connection:
        await connection.execute(text("UPDATE orders SET paid = :amount"), {"amount": amount})


async def details(desk: Desk, order: str) -> list[str]:
    """What the exceptions of the order about cut refunds say."""
    statement = (
        "SELECT detail FROM exception WHERE order_id = :order AND code = 'refund_short' ORDER BY since, exception_id"
    )
    async with desk.shop.database.read() as connection:
        return list((await connection.execute(text(statement), {"order": order})).scalars())

"""Units of a replacement that will not be sent are owed again, in money: of an exchange and of a claim, however lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from network.load import NetworkDocuments
from tests.database.shop import MAP, NEAREST, POLICY, Shop
from tests.database.test_returns import Desk
from transactions import order as order_transactions
from transactions.order import Moment

CANCELS = replace(MAP, policy=POLICY.replace('unfilled = "backorder"', 'unfilled = "cancel"'))
GIVES_UP = replace(MAP, policy=POLICY.replace('unfilled = "backorder"', 'unfilled = "backorder"\ncancel_after = "2d"'))


async def exchanged(desk: Desk, quantity: int = 2) -> str:
    """Two chairs came back for two lamps; answers the order of the lamps."""
    order = await desk.delivered(("CHAIR", quantity))
    name = await desk.asked(order, quantity, "exchange", exchange_for="LAMP")
    await desk.grade(name, quantity)
    await desk.pay(name)
    return f"{name}-x1"


async def replaced(desk: Desk, quantity: int = 2) -> str:
    """Two chairs came damaged, and two others are to be sent; answers the order of these."""
    order = await desk.delivered(("CHAIR", quantity))
    return str((await desk.claim(order, quantity, "replacement", "damaged"))["replacement"])


async def cancelled(desk: Desk, order: str) -> None:
    """Customer service cancels it, and cancels it again."""
    await desk.shop.cancel(order)
    await desk.shop.cancel(order)


async def cancelled_after_its_release(desk: Desk, order: str) -> None:
    """Its node had accepted it, and agrees to cancel it."""
    await desk.shop.source(order)
    await desk.shop.release(order)
    await desk.shop.tell(order, MessageKind.ACCEPTED)
    await desk.shop.cancel(order)
    await desk.shop.tell(order, MessageKind.CANCEL_ACCEPTED)


async def cancelled_by_the_policy(desk: Desk, order: str) -> None:
    """Nothing is in stock, and the strategy cancels what it cannot fill."""
    await sold_out(desk)
    await desk.shop.source(order)


async def waited_in_vain(desk: Desk, order: str) -> None:
    """Nothing is in stock, and none comes in the time that the strategy allows."""
    await sold_out(desk)
    await desk.shop.source(order)
    at = datetime.now(UTC) + timedelta(days=3)
    for _ in range(2):
        await order_transactions.give_up(desk.shop.transactions, Moment(order=order, at=at))


async def cancelled_unit_by_unit(desk: Desk, order: str) -> None:
    """One unit is cancelled, then the other."""
    await desk.shop.cancel(order, {"1": 1})
    await desk.shop.change(order, {"1": 1})
    await desk.shop.cancel(order, {"1": 1})


Way = Callable[[Desk, str], Awaitable[None]]
WAYS: dict[Way, tuple[NetworkDocuments, list[int]]] = {
    cancelled: (MAP, [200]),
    cancelled_after_its_release: (MAP, [200]),
    cancelled_by_the_policy: (CANCELS, [200]),
    waited_in_vain: (GIVES_UP, [200]),
    cancelled_unit_by_unit: (MAP, [100, 100]),
}
"""How a replacement is lost: under which network, and what is owed, amount by amount."""


@pytest.mark.parametrize("make", [exchanged, replaced], ids=lambda make: make.__name__)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_replacement_that_will_not_be_sent_is_owed_in_money(
    database: Database, way: Way, make: "Making"
) -> None:
    documents, amounts = WAYS[way]
    desk = await open_desk(database, documents)
    replacement = await make(desk)
    assert await refunds(desk) == [("exchange", 200, True)]

    await way(desk, replacement)

    assert await refunds(desk) == [("refund", amount, False) for amount in amounts]
    assert await asked_for(desk) == amounts
    await desk.shop.check()


Making = Callable[..., Awaitable[str]]


async def test_a_return_is_settled_again_when_the_money_was_paid(database: Database) -> None:
    desk = await open_desk(database)
    replacement = await exchanged(desk)
    name = replacement.removesuffix("-x1")
    assert (await desk.state(name)).status == "settled"
    await desk.shop.cancel(replacement)
    assert (await desk.pay(name)).status == "disposed", "the money is owed, and nothing is sent a second time"
    assert await desk.shop.number("SELECT count(*) FROM orders") == 2
    await desk.tell(name, "settled", node=None, refund=f"{name}-m2")
    assert (await desk.state(name)).status == "settled"
    assert (await desk.claim(name.rpartition("-r")[0], 1))["refused"], "its units were paid back"


@pytest.mark.parametrize("make", [exchanged, replaced], ids=lambda make: make.__name__)
async def test_units_that_have_shipped_are_not_owed(database: Database, make: Making) -> None:
    desk = await open_desk(database)
    replacement = await make(desk)
    await desk.shop.source(replacement)
    await desk.shop.release(replacement)
    await desk.shop.tell(replacement, MessageKind.ACCEPTED)
    await desk.shop.cancel(replacement, {"1": 1})
    await desk.shop.tell(replacement, MessageKind.SHIPPED, {"1": 1}, final=True)
    assert await refunds(desk) == [("exchange", 100, True), ("refund", 100, False)]
    await desk.shop.cancel(replacement)
    assert await asked_for(desk) == [100]
    await desk.shop.check()


async def test_a_replacement_that_ships_while_it_is_cancelled_is_owed_or_sent_never_both(database: Database) -> None:
    desk = await open_desk(database)
    for _ in range(4):
        replacement = await exchanged(desk, 1)
        await desk.shop.source(replacement)
        await desk.shop.release(replacement)
        await asyncio.gather(desk.shop.tell(replacement, MessageKind.SHIPPED), desk.shop.cancel(replacement))
        where = await desk.shop.units(replacement)
        owed = await desk.shop.number("SELECT count(*) FROM refund WHERE kind = 'refund'")
        assert owed == await desk.shop.number("SELECT count(*) FROM order_line WHERE cancelled > 0"), where
    await desk.shop.check()


async def test_a_transaction_that_dies_after_it_asked_for_the_money_asks_once_when_it_is_repeated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await open_desk(database)
    replacement = await exchanged(desk)
    with monkeypatch.context() as broken:
        broken.setattr("database.order.next_version", None)
        with pytest.raises(TypeError):
            await desk.shop.cancel(replacement)
    assert (await refunds(desk), await asked_for(desk)) == ([("exchange", 200, True)], [])
    await desk.shop.cancel(replacement)
    assert (await refunds(desk), await asked_for(desk)) == ([("refund", 200, False)], [200])
    await desk.shop.check()


async def test_both_orders_at_once_do_not_wait_in_a_circle(database: Database) -> None:
    desk = await open_desk(database)
    for _ in range(4):
        order = await desk.delivered(("CHAIR", 2))
        replacement = str((await desk.claim(order, 1, "replacement", "damaged"))["replacement"])
        await asyncio.gather(
            desk.shop.cancel(replacement), desk.claim(order, 1, "replacement", "damaged"), desk.ask(order)
        )
    await desk.shop.check()


async def test_a_replacement_of_a_replacement_is_owed_too(database: Database) -> None:
    desk = await open_desk(database)
    first = await replaced(desk, 1)
    await desk.shop.source(first)
    await desk.shop.release(first)
    await desk.shop.tell(first, MessageKind.DELIVERED)
    second = str((await desk.claim(first, 1, "replacement", "damaged"))["replacement"])
    await desk.shop.cancel(second)
    statement = "SELECT count(*) FROM refund WHERE order_id = :order AND kind = 'refund' AND amount = 100"
    assert await desk.shop.number(statement, order=first) == 1
    await desk.shop.check()


async def test_a_part_gets_its_part_by_price_and_the_last_unit_the_rest(database: Database) -> None:
    """Three units for 200: nothing is lost by rounding."""
    desk = await open_desk(database)
    order = await desk.delivered(("CHAIR", 3))
    async with desk.shop.database.write() as connection:
        await connection.execute(text("UPDATE orders SET paid = 200"))
    replacement = str((await desk.claim(order, 3, "replacement", "damaged"))["replacement"])
    for _ in range(3):
        await desk.shop.cancel(replacement, {"1": 1})
    assert await asked_for(desk) == [66, 67, 67]
    await desk.shop.check()


@pytest.mark.parametrize("make", [exchanged, replaced], ids=lambda make: make.__name__)
async def test_where_no_money_is_owed_a_person_is_reported_and_the_units_may_be_claimed_again(
    database: Database, make: Making
) -> None:
    """It was paid at the door: nobody reported how much."""
    desk = await open_desk(database)
    order = await desk.delivered(("CHAIR", 1))
    async with desk.shop.database.write() as connection:
        await connection.execute(text("UPDATE orders SET paid = 0"))
    if make is exchanged:
        name = await desk.asked(order, 1, "exchange")
        await desk.grade(name, 1)
        await desk.pay(name)
        replacement = f"{name}-x1"
    else:
        replacement = str((await desk.claim(order, 1, "replacement", "damaged"))["replacement"])
    await cancelled(desk, replacement)
    async with desk.shop.database.read() as connection:
        statement = "SELECT order_id, detail FROM exception WHERE code = 'replacement_lost' AND resolved_at IS NULL"
        found = [tuple(row) for row in await connection.execute(text(statement))]
    assert found == [(order, f"{replacement} will not send 1 of line 1, and no money is owed for them")]
    assert await asked_for(desk) == []
    again = await desk.claim(order, 1, "replacement", "damaged")
    assert again["replacement"] not in (None, replacement)
    await desk.shop.check()


async def open_desk(database: Database, documents: NetworkDocuments = MAP) -> Desk:
    """A desk of a shop with goods."""
    shop = await Shop.open(database, documents)
    await shop.receive(NEAREST, CHAIR=12, LAMP=6)
    return Desk(shop)


async def sold_out(desk: Desk) -> None:
    """Nothing is left anywhere."""
    await desk.shop.count(NEAREST, CHAIR=0, LAMP=0)


async def refunds(desk: Desk) -> list[tuple[str, int, bool]]:
    """What was given, without what stands for nothing any more: its kind, the amount, and whether it is settled."""
    statement = "SELECT kind, amount, settled_at IS NOT NULL FROM refund WHERE amount > 0 ORDER BY refund_id"
    async with desk.shop.database.read() as connection:
        return [(row[0], row[1], row[2]) for row in await connection.execute(text(statement))]


async def asked_for(desk: Desk) -> list[int]:
    """What the channel was asked to pay, in sequence."""
    statement = "SELECT (data->>'amount')::int FROM event WHERE kind = 'refund_requested' ORDER BY event_id"
    async with desk.shop.database.read() as connection:
        return list((await connection.execute(text(statement))).scalars())

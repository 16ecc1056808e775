"""A node is paused and resumed while orders come: none that began to wait meanwhile is forgotten or waits in a circle."""

import asyncio
from typing import Any

import pytest

from database import order as statements
from database.connect import Database
from database.outbox.signal import Signal
from domain import units
from domain.fulfillment import MessageKind
from domain.pause import OpenWork, PauseRequest, ResumeRequest
from tests.database.shop import NEAREST, NEXT, Shop
from transactions import pause as pauses
from transactions.network import Networks
from transactions.pause import Pauses
from transactions.request import Asked
from transactions.transaction import OrderTransactions, Send, leave_to_the_relay

ORDERS = 12


def pauses_of(database: Database, send: Send = leave_to_the_relay) -> Pauses:
    """Pauses in a process of their own."""
    return Pauses(OrderTransactions(database, Networks(), send))


async def woken_by(database: Database, orders_max: int, rounds: int) -> list[int]:
    """How many orders are sent a signal in each round of clearing, each round in another process."""
    sent: list[list[Signal]] = [[] for _ in range(rounds)]
    for signals in sent:
        await pauses_of(database, signals.extend).clear(orders_max)
    return [len(signals) for signals in sent]


async def pause(database: Database, node: str, open_work: OpenWork) -> None:
    asked = Asked(node, PauseRequest(open_work=open_work), "operator")
    await pauses.pause(OrderTransactions(database, Networks()), asked)


async def resume(database: Database, node: str) -> None:
    await pauses.resume(OrderTransactions(database, Networks()), Asked(node, ResumeRequest(), "operator"))


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1])
async def test_no_order_that_comes_while_a_node_comes_back_is_left_waiting(database: Database, after: float) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=ORDERS)
    await pause(database, NEAREST, OpenWork.KEEP)
    orders = [await shop.place(("CHAIR", 1)) for _ in range(ORDERS)]

    async def come_back() -> None:
        await asyncio.sleep(after)
        await resume(database, NEAREST)

    await asyncio.gather(come_back(), *(shop.source(order) for order in orders))
    await shop.backorders.work_off(500)

    assert [await shop.units(order) for order in orders] == [{"reserved": 1}] * ORDERS
    assert await shop.counters("CHAIR", NEAREST) == (ORDERS, ORDERS, 0)
    await shop.check()


async def test_what_was_pinned_leaves_a_paused_node_order_by_order_and_in_batches(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    orders = [await shop.sold(("CHAIR", 1)) for _ in range(5)]
    await shop.receive(NEXT, CHAIR=5)
    await pause(database, NEAREST, OpenWork.REROUTE)

    assert await woken_by(database, 2, rounds=4) == [2, 2, 1, 0]
    for order in orders:
        await shop.source(order)
        assert await shop.nodes(order) == {NEXT: 1}
    assert await shop.counters("CHAIR", NEAREST) == (5, 0, 0)
    await shop.check()


async def test_an_order_that_cannot_be_taken_from_a_paused_node_is_tried_again_after_all_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=3)
    orders = [await shop.sold(("CHAIR", 1)) for _ in range(3)]
    await pause(database, NEAREST, OpenWork.REROUTE)
    take_off_node, taken = units.take_off_node, []

    def fail_at_first(order: units.Order, *others: Any) -> bool:
        taken.append(order.order)
        if taken == [orders[0]]:
            raise RuntimeError
        return take_off_node(order, *others)

    monkeypatch.setattr(units, "take_off_node", fail_at_first)
    clearing = pauses_of(database)
    for _ in range(len(orders) + 2):
        await clearing.clear(1)

    assert taken == [*orders, orders[0]]
    await shop.check()


async def test_work_that_a_node_has_begun_is_asked_back_once(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=1)
    order = await shop.released(("CHAIR", 1))
    await shop.tell(order, MessageKind.ACCEPTED)
    await pause(database, NEAREST, OpenWork.REROUTE)

    assert await woken_by(database, 100, rounds=2) == [1, 0]
    assert (await shop.state(order)).fulfillment_orders[0].request == "cancel_requested"
    await shop.check()


@pytest.mark.parametrize("and_keeps", [False, True])
async def test_a_node_that_is_resumed_or_to_keep_its_work_after_all_loses_nothing_more(
    database: Database, and_keeps: bool
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=2)
    orders = [await shop.sold(("CHAIR", 1)) for _ in range(2)]
    await pause(database, NEAREST, OpenWork.REROUTE)
    sent: list[Signal] = []
    async with database.write() as busy:
        await statements.lock(busy, orders[0])
        clearing = asyncio.create_task(pauses_of(database, sent.extend).clear(100))
        while not await shop.number("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await (pause(database, NEAREST, OpenWork.KEEP) if and_keeps else resume(database, NEAREST))

    await clearing
    assert sent == []
    assert [await shop.nodes(order) for order in orders] == [{NEAREST: 1}] * 2
    await shop.check()

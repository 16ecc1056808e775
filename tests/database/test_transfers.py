"""Goods move between nodes as an order whose destination is a node: what left is supply there, until it arrives or is lost."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from database.documents import supply as supplies
from database.documents import transfer as documents
from database.network import nodes_with_work
from database.outbox.inbox import UsedWithAnotherBody
from domain.fulfillment import MessageKind, NodeMessage
from domain.stock import StockMessage
from domain.transfer import TransferRequest
from starter.audit import findings_of
from tests.database.shop import MAP, NEAREST, NEXT, POLICY, Shop
from transactions import exception, fulfillment, peg
from transactions import order as order_transactions
from transactions import transfer as transfers
from transactions.order import Moment, UsedForAnotherOrder
from transactions.request import RequestInput
from transactions.stock import UnknownPlace

SELLS = replace(MAP, policy=POLICY.replace('unfilled = "backorder"', 'unfilled = "backorder"\nsell_incoming = true'))
_numbers = count(1)


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop whose strategy sells goods that are on their way; its source has 20 lamps and 20 chairs."""
    made = await Shop.open(database, SELLS)
    await made.receive(NEAREST, LAMP=20, CHAIR=20)
    return made


def request(*lines: tuple[str, int], **more: Any) -> TransferRequest:
    body = {"transfer": f"T{next(_numbers)}", "from": NEAREST, "to": NEXT} | more
    return TransferRequest.model_validate(body | {"lines": [{"sku": sku, "quantity": n} for sku, n in lines]})


async def made(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """The order of a transfer that was released to its source."""
    taken = await transfers.take(shop.transactions, request(*lines, **more))
    await shop.source(taken.state.order)
    await shop.release(taken.state.order)
    return taken.state.order


async def receive(shop: Shop, order: str, node: str = NEXT, message_id: str | None = None, **units: int) -> bool:
    """The destination reports what arrived; answers whether the message is new."""
    message = StockMessage.model_validate(
        {
            "message_id": message_id or f"in-{next(_numbers)}",
            "node": node,
            "kind": "received",
            "occurred_at": "2026-11-21T15:04:05Z" if message_id else datetime.now(UTC),
            "transfer": order.partition(".")[2],
            "lines": [{"sku": sku.replace("_", "-"), "quantity": n} for sku, n in units.items()],
        }
    )
    return (await transfers.record(shop.transactions, message, actor="node")).change is not None


async def document(shop: Shop, order: str) -> dict[str, Any]:
    async with shop.database.read() as connection:
        found = await documents.show(connection, order)
    assert found is not None
    return found


async def line(shop: Shop, order: str, place: int = 0) -> tuple[int, int, int, int]:
    """Shipped, in transit, received, lost."""
    found = (await document(shop, order))["lines"][place]
    return found["shipped"], found["in_transit"], found["received"], found["lost"]


async def supply(shop: Shop, sku: str = "LAMP") -> list[tuple[str, int, int]]:
    """What is on its way of an item: where to, how many units, and how many of them are promised."""
    async with shop.database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)
        page = await supplies.of_item(connection, network, sku, node=None, after=None, limit=100)
    return [(row["node"], row["units"], row["promised"]) for row in page["items"] if row["kind"] == "in_transit"]


async def codes(shop: Shop, order: str) -> list[str]:
    return [found["code"] for found in (await document(shop, order))["exceptions"]]


async def resolve(shop: Shop, order: str) -> None:
    """A person resolves the oldest open exception of a transfer."""
    facts = {"exception": (await document(shop, order))["exceptions"][0]["exception"]}
    asked = RequestInput(
        order=order, request=None, kind="resolve", facts=facts, key=f"r-{next(_numbers)}", at=datetime.now(UTC)
    )
    assert (await exception.resolve(shop.transactions, asked)).refused is None


async def test_what_left_is_supply_of_the_destination_until_it_arrives(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    assert order == f"transfer.{(await document(shop, order))['transfer'].lower()}"
    assert await supply(shop) == [], "what is planned is no supply yet"
    await shop.tell(order, MessageKind.SHIPPED, {"1": 4})
    assert await supply(shop) == [(NEXT, 4, 0)]
    await shop.tell(order, MessageKind.SHIPPED, {"1": 6})
    assert await supply(shop) == [(NEXT, 10, 0)]
    await receive(shop, order, LAMP=7)
    assert (await supply(shop), await line(shop, order)) == ([(NEXT, 3, 0)], (10, 3, 7, 0))
    await shop.check()
    await receive(shop, order, LAMP=3)
    assert (await supply(shop), await line(shop, order)) == ([], (10, 0, 10, 0))
    assert (await shop.counters("LAMP", NEAREST), await shop.counters("LAMP", NEXT)) == ((10, 0, 0), (10, 0, 0))
    state = await shop.state(order)
    assert (state.status, state.closes_at is not None) == ("delivered", True), "it has no return window"
    await shop.check()


async def test_who_waits_at_the_destination_is_promised_what_is_on_its_way_and_gets_it(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 20))
    waits = await shop.sold(("LAMP", 3))
    await peg.work_off(shop.transactions)
    assert (await shop.state(waits)).promise is None
    await shop.tell(order, MessageKind.SHIPPED)
    await peg.work_off(shop.transactions)
    promised = (await shop.state(waits)).promise
    assert promised is not None
    assert promised.ship_by > datetime.now(UTC) + timedelta(days=2), "three days on the way"
    assert await supply(shop) == [(NEXT, 20, 3)]
    await shop.check()
    await receive(shop, order, LAMP=5)
    await shop.backorders.work_off(100)
    await shop.source(waits)
    assert (await shop.nodes(waits), await supply(shop)) == ({NEXT: 3}, [(NEXT, 15, 0)])
    await shop.check()


async def test_what_arrives_goes_to_who_was_promised_it_and_not_to_who_comes_first_in_the_queue(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 20))
    promised = await shop.sold(("LAMP", 3))
    await shop.tell(order, MessageKind.SHIPPED, {"1": 3})
    await peg.work_off(shop.transactions)
    urgent = await shop.place(("LAMP", 3), priority=1)
    await shop.source(urgent)
    await receive(shop, order, LAMP=3)
    await shop.backorders.work_off(100)
    assert (await shop.nodes(promised), await shop.nodes(urgent)) == ({NEXT: 3}, {})
    await shop.check()


@pytest.mark.parametrize("is_late", [False, True], ids=["shipped first", "received first"])
async def test_received_and_shipped_may_be_reported_in_either_order(shop: Shop, is_late: bool) -> None:
    order = await made(shop, ("LAMP", 10), ("CHAIR", 2))
    shipped = shop.tell(order, MessageKind.SHIPPED, message_id="left")
    received = receive(shop, order, LAMP=8, CHAIR=2)
    for report in (received, shipped) if is_late else (shipped, received):
        await report
        await shop.check()
    assert [await line(shop, order, place) for place in (0, 1)] == [(10, 2, 8, 0), (2, 0, 2, 0)]
    assert (await supply(shop), await supply(shop, "CHAIR")) == ([(NEXT, 2, 0)], [])
    assert [await shop.counters("LAMP", node) for node in (NEAREST, NEXT)] == [(10, 0, 0), (8, 0, 0)]
    assert await codes(shop, order) == []


@pytest.mark.parametrize("is_late", [False, True], ids=["shipped first", "received first"])
async def test_more_than_was_asked_for_is_booked_and_opens_one_exception(shop: Shop, is_late: bool) -> None:
    order = await made(shop, ("LAMP", 10))
    shipped, received = shop.tell(order, MessageKind.SHIPPED, {"1": 10}), receive(shop, order, LAMP=12)
    for report in (received, shipped) if is_late else (shipped, received):
        await report
        await shop.check()
    assert (await codes(shop, order), await supply(shop)) == (["surplus"], [])
    assert [await shop.counters("LAMP", node) for node in (NEAREST, NEXT)] == [(8, 0, 0), (12, 0, 0)]
    assert (await shop.state(order)).closes_at is not None, "nothing of it is under way"


async def test_more_than_was_asked_for_left_and_is_expected(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED, {"1": 12})
    await receive(shop, order, LAMP=10)
    assert (await supply(shop), (await shop.state(order)).closes_at) == ([(NEXT, 2, 0)], None)
    late = await shop.wait_in_vain(order)
    assert (late.status, late.closes_at) == ("shipped", None), "two are still in transit, and a person's"
    await receive(shop, order, LAMP=2)
    assert (await supply(shop), await codes(shop, order)) == ([], ["surplus"])
    await shop.check()


async def test_an_item_that_is_not_in_it_is_booked_and_opens_one_exception(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    await receive(shop, order, LAMP=10, CHAIR=2)
    assert (await codes(shop, order), await shop.counters("CHAIR", NEXT)) == (["message_misfit"], (2, 0, 0))
    await shop.check()


async def test_units_that_do_not_arrive_in_time_are_a_persons_who_writes_them_off(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    await receive(shop, order, LAMP=8)
    state = await shop.wait_in_vain(order)
    assert (state.closes_at, await line(shop, order)) == (None, (10, 2, 8, 0)), "nothing is taken as delivered"
    (open_case,) = (await document(shop, order))["exceptions"]
    said = f"{order}-f1: 2 of 10 units of LAMP did not arrive at {NEXT}"
    assert (open_case["code"], open_case["detail"]) == ("transfer_short", said)
    await shop.check()
    await resolve(shop, order)
    assert (await line(shop, order), await supply(shop)) == ((10, 0, 8, 2), [])
    state = await shop.state(order)
    assert (state.status, state.closes_at is not None) == ("delivered", True)
    await shop.check()
    await receive(shop, order, LAMP=1)
    assert (await line(shop, order), await shop.counters("LAMP", NEXT)) == ((10, 0, 9, 1), (9, 0, 0)), "found later"
    await shop.check()


async def test_all_of_it_may_be_lost(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    await shop.wait_in_vain(order)
    await resolve(shop, order)
    assert ((await shop.state(order)).closes_at is not None, await line(shop, order)) == (True, (10, 0, 0, 10))
    await shop.check()


async def test_units_that_arrive_late_close_the_exception(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    await shop.wait_in_vain(order)
    await receive(shop, order, LAMP=9)
    assert await codes(shop, order) == ["transfer_short"]
    await receive(shop, order, LAMP=1)
    assert (await codes(shop, order), (await shop.state(order)).status) == ([], "delivered")
    await shop.check()


async def test_who_was_promised_what_is_lost_loses_it(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 20))
    waits = await shop.sold(("LAMP", 3))
    await shop.tell(order, MessageKind.SHIPPED)
    await peg.work_off(shop.transactions)
    await shop.wait_in_vain(order)
    await resolve(shop, order)
    await peg.work_off(shop.transactions)
    assert ((await shop.state(waits)).promise, await supply(shop)) == (None, [])
    await shop.check()


async def test_only_the_destination_says_what_arrived(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    await shop.tell(order, MessageKind.DELIVERED)
    assert await line(shop, order) == (10, 10, 0, 0)
    with pytest.raises(UnknownPlace, match=f"goes to {NEXT}"):
        await receive(shop, order, node=NEAREST, LAMP=10)
    with pytest.raises(UnknownPlace, match="there is no transfer nothing"):
        await receive(shop, "transfer.nothing", LAMP=10)
    assert (await codes(shop, order), await shop.counters("LAMP", NEAREST)) == ([], (10, 0, 0))
    await shop.check()


async def test_a_parcel_that_did_not_leave_is_no_supply(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    for kind, more in (
        ("shipped", {"packages": [{"package": "p-1", "lines": [{"line": "1", "quantity": 10}]}]}),
        ("void", {"package": "p-1"}),
    ):
        body = {"message_id": f"m-{kind}", "kind": kind, "occurred_at": datetime.now(UTC)} | more
        await fulfillment.record(
            shop.transactions, f"{order}-f1", NodeMessage.model_validate(body), node=None, actor="node"
        )
    assert (await supply(shop), await line(shop, order)) == ([], (0, 0, 0, 0))
    await shop.check()


async def test_the_same_transfer_is_known_and_another_of_its_name_is_refused(shop: Shop) -> None:
    asked = request(("LAMP", 3), transfer="Same")
    first, again = [await transfers.take(shop.transactions, asked) for _ in range(2)]
    assert (first.is_new, again.is_new, again.state.order) == (True, False, "transfer.same")
    with pytest.raises(UsedForAnotherOrder):
        await transfers.take(shop.transactions, request(("LAMP", 4), transfer="Same"))


async def test_the_network_keeps_the_destination_of_an_open_transfer(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 3))
    async with shop.database.read() as connection:
        assert await nodes_with_work(connection) == {NEAREST, NEXT}
    await shop.cancel(order)
    await order_transactions.close(shop.transactions, Moment(order=order, at=datetime.now(UTC)))
    async with shop.database.read() as connection:
        assert await nodes_with_work(connection) == set()


async def test_a_receipt_counts_once(shop: Shop) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    assert [await receive(shop, order, message_id="in", LAMP=4) for _ in range(2)] == [True, False]
    with pytest.raises(UsedWithAnotherBody):
        await receive(shop, order, message_id="in", LAMP=5)
    assert (await line(shop, order), await shop.counters("LAMP", NEXT)) == ((10, 6, 4, 0), (4, 0, 0))
    await shop.check()


async def test_two_receipts_shipments_and_pegs_at_the_same_time_all_count_once(shop: Shop) -> None:
    first, second = await made(shop, ("LAMP", 10), ("CHAIR", 6)), await made(shop, ("CHAIR", 6), ("LAMP", 10))
    waiting = [await shop.sold(("LAMP", 2)) for _ in range(3)]
    reports = [
        report
        for order in (first, second)
        for report in (
            shop.tell(order, MessageKind.SHIPPED),
            *(receive(shop, order, CHAIR=2, LAMP=3) for _ in range(3)),
        )
    ]
    await asyncio.gather(*reports, *(peg.work_off(shop.transactions) for _ in range(2)))
    assert [await shop.counters("LAMP", node) for node in (NEAREST, NEXT)] == [(0, 0, 0), (18, 0, 0)]
    assert sorted(await supply(shop)) == [(NEXT, 1, n) for n in sorted(row[2] for row in await supply(shop))]
    await shop.check()
    await shop.backorders.work_off(100)
    for order in waiting:
        await shop.source(order)
    await peg.work_off(shop.transactions)
    await shop.check()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_to_transfers_in_any_order_the_audit_stays_clean(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    orders = [await made(shop, ("LAMP", 8), ("CHAIR", 5)) for _ in range(2)]
    waiting = [await shop.sold(("LAMP", chance.randint(1, 4))) for _ in range(4)]

    async def ship() -> None:
        line, final = chance.choice("12"), chance.random() < 0.1
        await shop.tell(chance.choice(orders), MessageKind.SHIPPED, {line: chance.randint(1, 5)}, final=final)

    async def arrive() -> None:
        lamps, chairs = chance.choice(((3, 1), (1, 2), (5, 3)))
        await receive(shop, chance.choice(orders), LAMP=lamps, CHAIR=chairs)

    async def be_late() -> None:
        order = chance.choice(orders)
        if any(fo.waiting_for for fo in (await shop.state(order)).fulfillment_orders[:1]):
            await shop.wait_in_vain(order)

    async def decide() -> None:
        order = chance.choice(orders)
        if await codes(shop, order):
            await resolve(shop, order)

    async def promise() -> None:
        await peg.work_off(shop.transactions)
        await shop.backorders.work_off(100)
        await shop.source(chance.choice(waiting))

    async def cancel() -> None:
        await shop.cancel(chance.choice(orders), {chance.choice("12"): 1})

    for step in range(60):
        await chance.choices((ship, arrive, be_late, decide, promise, cancel), (6, 6, 2, 2, 4, 1))[0]()
        if step % 10 == 9:
            await shop.check()
    await asyncio.gather(ship(), arrive(), arrive(), promise(), ship())
    await shop.check()


BREAKS = {
    "UPDATE incoming SET quantity = quantity - 1": "10 left",
    "DELETE FROM incoming": "has 0 and 0",
    "UPDATE incoming SET arrived = arrived + 1": "10 and 4",
    "UPDATE fulfillment_order_line SET told_delivered = told_delivered + 1": "reported 3",
    "UPDATE fulfillment_order_line SET lost = lost + 1": "left and 3 arrived",
    "DELETE FROM inbox WHERE about = 'stock'": "reported 0",
    "UPDATE fulfillment_order SET waiting_for = NULL, deadline = NULL": "7 of LAMP are in transit",
}
"""What must never be written, and a part of what the audit says of it."""


@pytest.mark.parametrize("broken", BREAKS)
async def test_the_audit_finds_what_is_wrong_with_units_in_transit(shop: Shop, broken: str) -> None:
    order = await made(shop, ("LAMP", 10))
    await shop.tell(order, MessageKind.SHIPPED)
    await receive(shop, order, LAMP=3)
    await shop.check()
    async with shop.database.write() as connection:
        await connection.execute(text(broken))
    violations = [row for finding in await findings_of(shop.database) for row in finding.violations]
    assert any(order in row and ("LAMP" in row) and BREAKS[broken] in row for row in violations), violations

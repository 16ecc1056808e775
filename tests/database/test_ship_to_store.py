"""An order is collected at a store that does not have it: a transfer brings it there, and nobody else is promised its units."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.order import OrderState
from domain.stock import StockMessage
from network.load import NetworkDocuments
from tests.database.shop import FARTHEST, ITEMS, MAP, NEAREST, NEXT, Shop
from transactions import exception, network_version, peg, pickup, ship_to_store
from transactions import order as order_transactions
from transactions import transfer as transfers
from transactions.order import Moment
from transactions.request import RequestInput
from transactions.ship_to_store import Known

STORE = """
[[node]]
id = "boulder"
kind = "store"
country = "US"
latitude = 40.0
longitude = -105.2
time_zone = "America/Denver"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
accept_within = "4h"
ship_within = "1d"
on_silence = "reroute"
pickup = true
"""
POLICY = """
version = "tests"

[sets]
all = 'true'
dcs = 'node.kind == "dc"'

[[strategy]]
id = "transfers"
when = 'order.channel == "transfer"'
unfilled = "{unfilled}"
rank = ["distance"]
[[strategy.tier]]
from = ["all"]
max_shipments = 1
[[strategy.tier]]
from = ["dcs"]
max_shipments = 2
split_line = true

[[strategy]]
id = "nearest"
when = 'true'
unfilled = "backorder"
sell_incoming = true
ship_to_store = true
rank = ["distance"]
[[strategy.tier]]
from = ["all"]
max_shipments = 3
split_line = true

[orders]
max_attempts = 3
grace = "0s"
assume_delivered = "5d"

[returns]
window = "30d"

[transit]
standard = [[20000, 3]]
"""
PLACES = replace(MAP, nodes=MAP.nodes + STORE, policy=POLICY.format(unfilled="cancel"), items=ITEMS)
BOULDER = "boulder"
_numbers = count(1)


@pytest.fixture
async def shop(database: Database) -> Shop:
    """A shop with a store that has nothing, and a near and a far warehouse that have lamps."""
    made = await Shop.open(database, PLACES)
    await made.receive(NEAREST, LAMP=5, CHAIR=5)
    await made.receive(NEXT, LAMP=5)
    return made


async def collected(shop: Shop, *lines: tuple[str, int], **more: Any) -> str:
    """An order that is to be collected at the store, sourced there in vain, and looked at by the jobs."""
    order = await shop.place(*lines, pickup_node=BOULDER, **more)
    await shop.source(order)
    await jobs(shop)
    return order


async def jobs(shop: Shop) -> None:
    """One round of what follows a change of goods that come."""
    await ship_to_store.work_off(shop.transactions, Known())
    await peg.work_off(shop.transactions)
    await shop.check()


def transfer_for(order: str, number: int = 1) -> str:
    return f"transfer.{order}-s{number}"


async def made_for(shop: Shop, order: str) -> int:
    return await shop.number("SELECT count(*) FROM orders WHERE for_order_id = :order", order=order)


async def promise(shop: Shop, order: str) -> datetime | None:
    found = (await shop.state(order)).promise
    return found.ship_by if found else None


async def changes(shop: Shop, order: str) -> list[str]:
    """The order's promises, one for each event."""
    statement = "SELECT kind FROM event WHERE order_id = :order AND kind LIKE 'promise%' ORDER BY event_id"
    async with shop.database.read() as connection:
        return list((await connection.execute(text(statement), {"order": order})).scalars())


async def receive(shop: Shop, transfer: str, **units: int) -> None:
    """The store reports what arrived; orders that wait for it have their turns."""
    lines = [{"sku": sku, "quantity": n} for sku, n in units.items()]
    body = {"message_id": f"b-{next(_numbers)}", "node": BOULDER, "kind": "received", "occurred_at": datetime.now(UTC)}
    message = StockMessage.model_validate(body | {"transfer": transfer.partition(".")[2], "lines": lines})
    await transfers.record(shop.transactions, message, actor="node")
    await shop.check()
    await shop.backorders.work_off(100)
    await shop.check()


async def next_round(shop: Shop, order: str) -> OrderState:
    """The next sourcing round, whose units are released at once."""
    await shop.source(order)
    state = await shop.release(order)
    await shop.check()
    return state


async def test_what_the_store_does_not_have_is_brought_promised_and_handed_over(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 2))
    assert await made_for(shop, order) == 1
    assert (await shop.counters("LAMP", NEAREST), await shop.units(order)) == ((5, 0, 2), {"backordered": 2})
    ready_by = await promise(shop, order)
    assert ready_by is not None
    assert ready_by > datetime.now(UTC) + timedelta(days=2), "three days on the way"
    await shop.tell(transfer_for(order), MessageKind.SHIPPED)
    await jobs(shop)
    await receive(shop, transfer_for(order), LAMP=2)
    assert await shop.nodes(order) == {BOULDER: 2}
    await shop.release(order)
    for kind in (MessageKind.ACCEPTED, MessageKind.READY_FOR_PICKUP, MessageKind.COLLECTED):
        await shop.tell(order, kind)
    await jobs(shop)
    assert await shop.units(order) == {"shipped": 2}
    assert (await shop.state(transfer_for(order))).closes_at is not None


async def test_only_the_missing_units_are_brought(shop: Shop) -> None:
    await shop.receive(BOULDER, LAMP=1)
    order = await collected(shop, ("LAMP", 3))
    assert (await shop.nodes(order), await shop.units(transfer_for(order))) == ({BOULDER: 1}, {"allocated": 2})


async def test_units_that_the_source_does_not_find_come_from_another_node(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 3))
    before = await promise(shop, order)
    transfer = transfer_for(order)
    await shop.tell(transfer, MessageKind.PICKED, {"1": 2}, final=True)
    await jobs(shop)
    assert await promise(shop, order) == before, "it is about to be sourced again"
    await next_round(shop, transfer)
    await jobs(shop)
    assert await shop.counters("LAMP", NEXT) == (5, 0, 1)
    assert (await promise(shop, order), await changes(shop, order)) == (before, ["promised"])
    for number in (1, 2):
        await shop.tell(transfer, MessageKind.SHIPPED, number=number)
    await receive(shop, transfer, LAMP=2)
    assert await shop.nodes(order) == {BOULDER: 2}
    await receive(shop, transfer, LAMP=1)
    assert await shop.nodes(order) == {BOULDER: 3}
    await jobs(shop)


async def test_what_no_other_node_has_waits_without_a_promise(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 11))
    assert (await made_for(shop, order), await shop.units(transfer_for(order))) == (1, {"allocated": 10})
    assert await promise(shop, order) is None
    await shop.receive(FARTHEST, LAMP=5)
    await jobs(shop)
    assert (await made_for(shop, order), await promise(shop, order) is not None) == (2, True)


async def test_a_refused_transfer_is_made_again_from_another_node_and_each_is_asked_once(shop: Shop) -> None:
    order = await collected(shop, ("CHAIR", 1))
    transfer = transfer_for(order)
    await shop.tell(transfer, MessageKind.REJECTED)
    await next_round(shop, transfer)
    assert await shop.units(transfer) == {"cancelled": 1}, "no other node has it, and the strategy cancels"
    await jobs(shop)
    assert (await made_for(shop, order), await promise(shop, order)) == (1, None)
    await shop.receive(FARTHEST, CHAIR=1)
    await jobs(shop)
    assert (await made_for(shop, order), await shop.counters("CHAIR", FARTHEST)) == (2, (1, 0, 1))
    assert await changes(shop, order) == ["promised", "promise_changed", "promise_changed"]


async def test_a_cancelled_order_calls_back_what_has_not_left(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 2))
    await shop.cancel(order)
    await jobs(shop)
    assert await shop.units(transfer_for(order)) == {"cancelled": 2}
    assert await shop.counters("LAMP", NEAREST) == (5, 0, 0)


async def test_a_source_that_has_accepted_is_asked_to_cancel_and_may_ship_all_the_same(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 2))
    transfer = transfer_for(order)
    await shop.tell(transfer, MessageKind.ACCEPTED)
    await shop.cancel(order, {"1": 1})
    await jobs(shop)
    (work,) = (await shop.state(transfer)).fulfillment_orders
    assert (work.request, await promise(shop, order) is not None) == ("cancel_requested", True)
    await jobs(shop)
    await shop.tell(transfer, MessageKind.SHIPPED)
    await jobs(shop)
    await receive(shop, transfer, LAMP=2)
    assert (await shop.nodes(order), await shop.counters("LAMP", BOULDER)) == ({BOULDER: 1}, (2, 1, 0))


async def test_what_has_left_becomes_stock_of_the_store(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 2))
    await shop.tell(transfer_for(order), MessageKind.SHIPPED)
    await shop.cancel(order)
    await jobs(shop)
    await receive(shop, transfer_for(order), LAMP=2)
    assert (await shop.counters("LAMP", BOULDER), await made_for(shop, order)) == ((2, 0, 0), 1)


async def test_units_on_their_way_that_nobody_needs_are_promised_to_others(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 5))
    await shop.count(NEXT, LAMP=0)
    await shop.count(NEAREST, LAMP=5)
    other = await collected(shop, ("LAMP", 2))
    assert await promise(shop, other) is None
    await shop.cancel(order)
    await jobs(shop)
    assert await promise(shop, other) is not None, "the source has them again"
    third = await collected(shop, ("LAMP", 3))
    await shop.tell(transfer_for(third), MessageKind.SHIPPED)
    await shop.cancel(third)
    fourth = await collected(shop, ("LAMP", 3))
    assert (await made_for(shop, fourth), await promise(shop, fourth) is not None) == (0, True)


async def test_nobody_else_is_promised_what_is_brought_for_an_order(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 10))
    urgent = await collected(shop, ("LAMP", 1), priority=1)
    assert (await promise(shop, order) is not None, await promise(shop, urgent)) == (True, None)
    await shop.tell(transfer_for(order), MessageKind.SHIPPED, number=1)
    await jobs(shop)
    await receive(shop, transfer_for(order), LAMP=5)
    assert (await shop.nodes(order), await shop.nodes(urgent)) == ({BOULDER: 5}, {})


async def test_goods_that_have_not_left_are_promised_to_nobody_else_also_when_their_order_needs_them_no_more(
    shop: Shop,
) -> None:
    order = await collected(shop, ("LAMP", 10))
    other = await collected(shop, ("LAMP", 2))
    await shop.cancel(order)
    await peg.work_off(shop.transactions)
    await shop.check()
    assert await promise(shop, other) is None, "they are about to be called back"
    await jobs(shop)
    await jobs(shop)
    assert (await made_for(shop, other), await promise(shop, other) is not None) == (1, True)


async def test_goods_that_leave_late_change_the_promise_once(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 1))
    before = await promise(shop, order)
    late = datetime.now(UTC) + timedelta(days=2)
    async with shop.database.write() as connection:
        shifted = "UPDATE fulfillment_order SET ship_by = ship_by - interval '2 days' WHERE order_id = :transfer"
        await connection.execute(text(shifted), {"transfer": transfer_for(order)})
    await shop.tell(transfer_for(order), MessageKind.SHIPPED, at=late)
    await jobs(shop)
    await jobs(shop)
    after = await promise(shop, order)
    assert before is not None
    assert after is not None
    assert (after > before, await changes(shop, order)) == (True, ["promised", "promise_changed"])


async def test_units_that_are_lost_on_the_way_are_brought_again(shop: Shop) -> None:
    order = await collected(shop, ("LAMP", 3))
    await shop.tell(transfer_for(order), MessageKind.SHIPPED)
    await receive(shop, transfer_for(order), LAMP=2)
    await shop.wait_in_vain(transfer_for(order))
    await resolve(shop, transfer_for(order))
    await jobs(shop)
    assert (await made_for(shop, order), await shop.units(transfer_for(order, 2))) == (2, {"allocated": 1})
    assert await promise(shop, order) is not None


async def resolve(shop: Shop, transfer: str) -> None:
    """A person writes off what did not arrive."""
    (case,) = [one.exception for one in (await shop.state(transfer)).exceptions]
    asked = RequestInput(
        order=transfer, request=None, kind="resolve", facts={"exception": case}, key=case, at=datetime.now(UTC)
    )
    assert (await exception.resolve(shop.transactions, asked)).refused is None


async def test_an_order_on_hold_gets_nothing_before_its_hold_is_taken_off(shop: Shop) -> None:
    order = await shop.place(("LAMP", 1), pickup_node=BOULDER)
    await shop.source(order)
    await shop.hold(order)
    await jobs(shop)
    assert await made_for(shop, order) == 0
    await shop.take_off(order)
    await jobs(shop)
    assert await made_for(shop, order) == 1


async def test_two_jobs_make_one_transfer_and_the_last_unit_goes_to_one_order(shop: Shop) -> None:
    orders = []
    for _ in range(3):
        order = await shop.place(("LAMP", 4), pickup_node=BOULDER)
        await shop.source(order)
        orders.append(order)
    await asyncio.gather(*(ship_to_store.work_off(shop.transactions, Known()) for _ in range(3)))
    await jobs(shop)
    assert [await made_for(shop, order) for order in orders] == [1, 1, 1]
    brought = [await shop.units(transfer_for(order)) for order in orders]
    assert sum(units["allocated"] for units in brought) == 10
    await shop.check()


async def test_what_is_under_way_is_called_back_also_when_the_policy_brings_nothing_any_more(shop: Shop) -> None:
    order, known = await collected(shop, ("LAMP", 1)), Known()
    off = replace(PLACES, policy=PLACES.policy.replace("ship_to_store = true", ""))
    elsewhere = await Shop.open(shop.database, off)
    waiting = await collected(elsewhere, ("LAMP", 1))
    await ship_to_store.work_off(elsewhere.transactions, known)
    assert (known.is_idle, await made_for(shop, waiting)) == (False, 0)
    await shop.cancel(order)
    await ship_to_store.work_off(elsewhere.transactions, known)
    assert await shop.units(transfer_for(order)) == {"cancelled": 1}
    at = (await shop.state(transfer_for(order))).closes_at
    assert at is not None
    await order_transactions.close(shop.transactions, Moment(order=transfer_for(order), at=at))
    await ship_to_store.work_off(elsewhere.transactions, known)
    assert known.is_idle, "it asks nothing more"
    await Shop.open(shop.database, PLACES)
    await elsewhere.sold(("LAMP", 1))
    await ship_to_store.work_off(elsewhere.transactions, known)
    assert await made_for(shop, waiting) == 1


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_at_once_no_unit_is_promised_twice(shop: Shop, seed: int) -> None:
    await whatever_happens(shop, seed, 40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
async def test_whatever_happens_at_once_no_unit_is_promised_twice_long(shop: Shop, seed: int) -> None:
    await whatever_happens(shop, seed, 120)


async def whatever_happens(shop: Shop, seed: int, steps: int) -> None:
    """Orders come and are cancelled, sources ship, reject and find too few, the store receives; three things at a time."""
    chance = random.Random(seed)
    orders: list[str] = []
    for _ in range(steps // 3):
        doing = [_something(shop, chance, orders) for _ in range(3)]
        await asyncio.gather(*doing)
        if chance.random() < 0.5:
            await ship_to_store.work_off(shop.transactions, Known())
            await peg.work_off(shop.transactions)
        await shop.check()
    await jobs(shop)
    for order in orders:
        brought = await shop.number(
            "SELECT coalesce(sum(l.ordered - l.cancelled), 0) FROM orders t JOIN order_line l USING (order_id)"
            " WHERE t.for_order_id = :order",
            order=order,
        )
        assert brought >= 0


async def _something(shop: Shop, chance: random.Random, orders: list[str]) -> None:
    kind = chance.choice(
        ["order", "order", "cancel", "ship", "reject", "short", "receive", "turns", "jobs", "stock", "source"]
    )
    order = chance.choice(orders) if orders else None
    match kind:
        case "order":
            name = await shop.place(("LAMP", chance.randint(1, 3)), pickup_node=BOULDER)
            orders.append(name)
            await shop.source(name)
        case "stock":
            await shop.receive(chance.choice([NEAREST, NEXT, FARTHEST, BOULDER]), LAMP=chance.randint(1, 2))
        case "jobs":
            await ship_to_store.work_off(shop.transactions, Known())
            await peg.work_off(shop.transactions)
        case "turns":
            await shop.backorders.work_off(100)
        case "cancel" if order:
            await shop.cancel(order, {"1": 1})
        case _ if order and await made_for(shop, order):
            await _at_its_transfer(shop, chance, kind, transfer_for(order))


async def _at_its_transfer(shop: Shop, chance: random.Random, kind: str, transfer: str) -> None:
    state = await shop.state(transfer)
    number = len(state.fulfillment_orders)
    match kind:
        case "ship" if number:
            await shop.tell(transfer, MessageKind.SHIPPED, {"1": 1}, number=chance.randint(1, number))
        case "reject" if number:
            await shop.tell(transfer, MessageKind.REJECTED, number=number)
        case "short" if number:
            await shop.tell(transfer, MessageKind.PICKED, {"1": 1}, number=number, final=True)
        case "receive" if number:
            lines = [{"sku": "LAMP", "quantity": 1}]
            body: dict[str, Any] = {"message_id": f"w-{next(_numbers)}", "node": BOULDER, "kind": "received"}
            body |= {"occurred_at": datetime.now(UTC), "transfer": transfer.partition(".")[2], "lines": lines}
            await transfers.record(shop.transactions, StockMessage.model_validate(body), actor="node")
        case "source" if not state.closed:
            await shop.source(transfer)
            await shop.release(transfer)


def released_on(day: datetime | None, policy: str) -> NetworkDocuments:
    """The map with a release date of the lamp."""
    items = [f"{row},release_date" if row.startswith("sku") else f"{row}," for row in ITEMS.splitlines()]
    items = [f"{row}{day.date()}" if day and row.startswith("LAMP") else row for row in items]
    return replace(PLACES, items="\n".join(items) + "\n", policy=policy)


async def activate(shop: Shop, wanted: NetworkDocuments) -> None:
    async with shop.database.write() as connection:
        await network_version.activate(connection, await network_version.lock_active(connection), wanted)


async def test_nothing_is_brought_for_an_order_whose_window_ends_before_the_release_date_of_now(shop: Shop) -> None:
    """The job that stores another release date with an order may come later than the one that brings its units."""
    now = datetime.now(UTC)
    order = await shop.place(("LAMP", 2), pickup_node=BOULDER, not_after=now + timedelta(days=10))
    await shop.source(order)
    await activate(shop, released_on(now + timedelta(days=20), PLACES.policy))
    await jobs(shop)
    assert await made_for(shop, order) == 0, "it would lie ready after the order's window"


async def test_who_chooses_another_place_is_promised_by_the_release_date_of_now(shop: Shop) -> None:
    now = datetime.now(UTC)
    person = PLACES.policy.replace("ship_to_store = true\n", "").replace("sell_incoming = true\n", "")
    person = person.replace('unfilled = "backorder"', 'unfilled = "exception"')
    golden = STORE.replace(BOULDER, "golden")
    later, at_once = (
        replace(made, nodes=made.nodes + golden)
        for made in (released_on(now + timedelta(days=20), person), released_on(None, person))
    )
    await activate(shop, later)
    await shop.receive("golden", LAMP=2)
    order = await shop.place(("LAMP", 2), pickup_node=BOULDER)
    await shop.source(order)

    async def ready_in() -> timedelta:
        async with shop.database.read() as connection:
            offered = await pickup.alternatives(connection, shop.transactions.networks, order, now)
        (golden,) = offered.pickup
        return golden.ready_by - now

    assert await ready_in() > timedelta(days=18)
    await activate(shop, at_once)
    assert await ready_in() < timedelta(days=3)

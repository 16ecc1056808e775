"""What counts from a moment that another clock reported: a row for each use, with a clock that is far behind or ahead."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from database.connect import Database
from domain import identifiers
from domain.claim import ClaimMessage
from domain.fulfillment import MessageKind
from domain.parcel import Parcel, ParcelUnits
from domain.stock import StockMessage
from tests.database.shop import NEAREST, Shop
from tests.database.test_returns import Desk
from transactions import claim, parcel
from transactions import stock as stock_transactions

LONG_AGO, FUTURE = datetime(1999, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
A_MONTH = timedelta(days=30)

Span = tuple[datetime | None, datetime]
"""The moment that counts, and the one that it must not be before."""


@pytest.fixture
async def desk(database: Database) -> Desk:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=12)
    return Desk(shop)


async def moment(desk: Desk, statement: str) -> datetime | None:
    seconds = await desk.shop.number(f"SELECT coalesce(floor(extract(epoch FROM ({statement}))), -1)::bigint")
    return None if seconds == -1 else datetime.fromtimestamp(seconds, UTC)


async def released(desk: Desk) -> tuple[str, datetime]:
    order = await desk.shop.released(("CHAIR", 1))
    at = await moment(desk, f"SELECT released_at FROM fulfillment_order WHERE order_id = '{order}'")
    assert at is not None
    return order, at


async def left(desk: Desk, reported: datetime) -> Span:
    order, at = await released(desk)
    await desk.shop.tell(order, MessageKind.SHIPPED, at=reported)
    return await moment(desk, "SELECT shipped_at FROM fulfillment_order"), at


async def arrived(desk: Desk, reported: datetime) -> Span:
    order, at = await released(desk)
    await desk.shop.tell(order, MessageKind.DELIVERED, at=reported)
    return await moment(desk, "SELECT delivered_at FROM fulfillment_order"), at


async def booked(desk: Desk, reported: datetime) -> Span:
    order, at = await released(desk)
    await desk.shop.tell(order, MessageKind.SHIPPED, at=reported)
    return await moment(desk, "SELECT occurred_at FROM movement WHERE kind = 'shipped'"), at


async def announced(desk: Desk, reported: datetime) -> Span:
    order, at = await released(desk)
    await desk.shop.tell(order, MessageKind.SHIPPED, at=reported)
    return await moment(desk, "SELECT occurred_at FROM event WHERE kind = 'shipped'"), at


async def rejected(desk: Desk, reported: datetime) -> Span:
    """Needs a policy with a cool-down; the moment of the event is that from which it is counted."""
    order, at = await released(desk)
    await desk.shop.tell(order, MessageKind.REJECTED, at=reported)
    return await moment(desk, "SELECT max(occurred_at) FROM movement WHERE kind = 'freed'"), at


async def sent_back(desk: Desk, reported: datetime) -> Span:
    """A return expires a month after its parcel was sent."""
    name = await desk.asked(await desk.delivered(("CHAIR", 1)))
    requested_at = await moment(desk, "SELECT requested_at FROM return")
    assert requested_at is not None
    await desk.tell(name, "in_transit", node=None, occurred_at=reported)
    expires_at = await moment(desk, "SELECT expires_at FROM return")
    assert expires_at is not None
    return expires_at - A_MONTH, requested_at


async def restocked(desk: Desk, reported: datetime) -> Span:
    order = await desk.delivered(("CHAIR", 1))
    name = await desk.asked(order)
    unit = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    await desk.tell(name, "graded", lines=[unit], occurred_at=reported)
    at = await moment(desk, "SELECT released_at FROM fulfillment_order")
    assert at is not None
    return await moment(desk, "SELECT occurred_at FROM movement WHERE kind = 'restocked'"), at


async def settled(desk: Desk, reported: datetime) -> Span:
    name = await desk.asked(await desk.delivered(("CHAIR", 1)))
    await desk.tell(name, "settled", node=None, occurred_at=reported)
    at = await moment(desk, "SELECT requested_at FROM return")
    assert at is not None
    return await moment(desk, "SELECT settled_at FROM return"), at


async def claimed(desk: Desk, reported: datetime) -> Span:
    made = await desk.claim(await desk.delivered(("CHAIR", 1)), 1)
    paid = ClaimMessage(message_id="paid-1", kind="settled", occurred_at=reported)
    await claim.record(desk.shop.transactions, made["claim"], paid, actor="web")
    at = await moment(desk, "SELECT claimed_at FROM claim")
    assert at is not None
    return await moment(desk, "SELECT settled_at FROM refund"), at


async def came_blind(desk: Desk, reported: datetime) -> Span:
    order = await desk.delivered(("CHAIR", 1))
    lines = (ParcelUnits(sku="CHAIR", quantity=1),)
    body = Parcel(message_id="back-1", occurred_at=reported, node=NEAREST, order=order, lines=lines)
    await parcel.take(desk.shop.transactions, body, actor="node")
    at = await moment(desk, "SELECT released_at FROM fulfillment_order")
    assert at is not None
    return await moment(desk, "SELECT requested_at FROM return"), at


USES = (left, arrived, booked, announced, rejected, sent_back, restocked, settled, claimed, came_blind)


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
async def test_a_clock_that_is_far_behind_moves_nothing_before_the_fact_that_it_follows(
    desk: Desk, use: Callable[[Desk, datetime], Awaitable[Span]]
) -> None:
    happened, follows = await use(desk, LONG_AGO)
    assert happened is not None
    assert abs(happened - follows) <= timedelta(seconds=5)


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
async def test_a_clock_that_is_far_ahead_moves_nothing_behind_the_arrival_of_its_report(
    desk: Desk, use: Callable[[Desk, datetime], Awaitable[Span]]
) -> None:
    happened, follows = await use(desk, FUTURE)
    assert happened is not None
    assert follows <= happened <= datetime.now(UTC)


async def test_what_was_reported_is_kept_as_it_was(desk: Desk) -> None:
    order, _ = await released(desk)
    await desk.shop.tell(order, MessageKind.DELIVERED, at=FUTURE)
    name = identifiers.fulfillment_order_id(order, 1)
    assert await moment(desk, f"SELECT occurred_at FROM inbox WHERE about = '{name}'") == FUTURE


async def test_a_count_from_the_future_is_of_now_and_the_next_one_counts(desk: Desk) -> None:
    for number, (at, units) in enumerate([(FUTURE, 5), (datetime.now(UTC) + timedelta(hours=1), 7)]):
        body = {"message_id": f"count-{number}", "node": NEAREST, "kind": "counted", "occurred_at": at}
        message = StockMessage.model_validate(body | {"lines": [{"sku": "CHAIR", "quantity": units}]})
        await stock_transactions.record(desk.shop.transactions, message, actor="node")
    assert (await desk.shop.counters("CHAIR"))[0] == 7


@pytest.mark.parametrize("reported", [LONG_AGO, FUTURE], ids=["far behind", "far ahead"])
async def test_an_order_with_a_wrong_clock_waits_where_it_came_in(desk: Desk, reported: datetime) -> None:
    shop = desk.shop
    sequence = [
        await shop.sold(("CHAIR", 20)),
        await shop.sold(("CHAIR", 20), placed_at=reported),
        await shop.sold(("CHAIR", 20)),
    ]
    for order in sequence:
        assert (await shop.units(order))["backordered"]
    for units, reserved in ((8, [20, 0, 0]), (20, [20, 20, 0])):
        await shop.receive(NEAREST, CHAIR=units)
        await shop.backorders.work_off(10)
        assert [(await shop.units(order)).get("reserved", 0) for order in sequence] == reserved
    await shop.check()


async def test_an_order_that_its_channel_sends_late_keeps_its_place(desk: Desk) -> None:
    shop = desk.shop
    early = await shop.sold(("CHAIR", 20))
    late = await shop.sold(("CHAIR", 20), placed_at=datetime.now(UTC) - timedelta(days=6))
    await shop.receive(NEAREST, CHAIR=8)
    await shop.backorders.work_off(10)
    assert [(await shop.units(order)).get("reserved", 0) for order in (early, late)] == [12, 8]


async def test_a_parcel_with_an_unknown_item_is_taken_and_what_is_unknown_is_one_exception(desk: Desk) -> None:
    order = await desk.delivered(("CHAIR", 2))
    found = await desk.parcel(order, ("CHAIR", 1), ("NO-SUCH-SKU", 3))
    assert found.return_ is not None
    assert (await desk.state(found.return_)).lines[0].received == 1
    (said,) = await desk.mismatches()
    assert said == f"a parcel came to {NEAREST} that {order} does not expect: 3 of NO-SUCH-SKU"

"""Payments on real PostgreSQL: facts in any order, what channels are asked to capture and void, and refunds that they cover."""

import asyncio
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from database.documents import order as documents
from database.outbox.inbox import UsedWithAnotherBody
from domain.fulfillment import MessageKind
from domain.payment import PaymentMessage
from tests.database.shop import NEAREST, Shop
from tests.database.test_returns import Desk
from tests.sql_statements import statements_of
from transactions import payment

AT = datetime.now(UTC)
OPEN = (
    "SELECT code, subject, detail FROM exception WHERE order_id = :order AND resolved_at IS NULL ORDER BY exception_id"
)


async def open_shop(database: Database, units: int = 12) -> Shop:
    """A shop with chairs for 100 each."""
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=units)
    return shop


async def paid(shop: Shop, order: str) -> dict[str, Any]:
    """The payments of an order as everybody sees them."""
    async with shop.database.read() as connection:
        shown = await documents.show(connection, order, channel=None, at=datetime.now(UTC))
    assert shown is not None
    found: dict[str, Any] = shown["payments"]
    return found


async def sums(shop: Shop, order: str) -> tuple[int, int, int, int]:
    """Authorized, captured, voided, refunded."""
    found = await paid(shop, order)
    return found["authorized"], found["captured"], found["voided"], found["refunded"]


async def exceptions(shop: Shop, order: str) -> list[str]:
    """The open exceptions of an order: code, subject, detail."""
    async with shop.database.read() as connection:
        rows = await connection.execute(text(OPEN), {"order": order})
        return [": ".join(filter(None, row)) for row in rows]


async def test_the_first_payment_that_is_reported_ends_the_assumption_that_all_was_paid(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 3), shipping_price=50)
    assert ((await paid(shop, order))["assumed"], await sums(shop, order)) == (True, (0, 350, 0, 0))
    await shop.report(order, "authorized", 350)
    assert ((await paid(shop, order))["assumed"], await sums(shop, order)) == (False, (350, 0, 0, 0))
    await shop.report(order, "captured", 100)
    assert await sums(shop, order) == (350, 100, 0, 0)
    await shop.check()


async def test_what_was_paid_before_counts_beside_what_is_captured_later(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 3), paid=100)
    await shop.report(order, "captured", 200)
    assert (await paid(shop, order))["paid"] == 100
    assert await sums(shop, order) == (0, 300, 0, 0)


async def test_a_message_counts_once_and_its_id_is_for_one_body(database: Database) -> None:
    shop = await open_shop(database)
    order, other = await shop.place(("CHAIR", 3)), await shop.place(("CHAIR", 3))
    message = {"kind": "captured", "amount": 300, "message_id": "one"}
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(_send(shop, order, message)) for _ in range(4)]
    assert sorted(task.result() for task in sent) == [False, False, False, True]
    assert await sums(shop, order) == (0, 300, 0, 0)
    for name, body in ((order, message | {"amount": 301}), (order, message | {"kind": "voided"}), (other, message)):
        with pytest.raises(UsedWithAnotherBody):
            await _send(shop, name, body)
    await shop.check()


async def _send(shop: Shop, order: str, body: dict[str, Any]) -> bool:
    message = PaymentMessage.model_validate(body | {"occurred_at": AT})
    return await payment.record(shop.transactions, order, message, sender="web", actor="web")


async def test_each_shipment_asks_for_what_it_costs_and_the_last_one_voids_the_rest(database: Database) -> None:
    """Three chairs of 100 with 50 for shipping; 400 are authorized."""
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 3), shipping_price=50)
    await shop.report(order, "authorized", 400)
    await shop.source(order)
    await shop.release(order)
    assert await shop.asked(order) == []
    for _ in range(2):
        await shop.tell(order, MessageKind.SHIPPED, {"1": 1}, message_id="first", at=AT)
    assert await shop.asked(order) == ["capture 150"]
    await shop.report(order, "captured", 150)
    await shop.tell(order, MessageKind.SHIPPED, {"1": 2})
    await shop.tell(order, MessageKind.DELIVERED)
    assert await shop.asked(order) == ["capture 150", "capture 200", "void 50"]
    await shop.report(order, "captured", 200)
    await shop.report(order, "voided", 50)
    assert (await sums(shop, order), await exceptions(shop, order)) == ((400, 350, 50, 0), [])
    assert [one["request"] for one in (await paid(shop, order))["requests"]] == [f"{order}-p{n}" for n in (1, 2, 3)]
    assert len(await shop.asked(order)) == 3
    await shop.check()


async def test_a_capture_names_the_work_that_shipped(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.released(("CHAIR", 1))
    await shop.report(order, "authorized", 60)
    await shop.tell(order, MessageKind.SHIPPED)
    await shop.report(order, "authorized", 40)
    statement = text("SELECT data FROM event WHERE order_id = :order AND kind = 'capture_requested' ORDER BY event_id")
    async with database.read() as connection:
        found = list((await connection.execute(statement, {"order": order})).scalars())
    assert found == [
        {"request": f"{order}-p1", "amount": 60, "currency": "USD", "fulfillment_order": f"{order}-f1"},
        {"request": f"{order}-p2", "amount": 40, "currency": "USD"},
    ]


async def test_a_cancelled_order_is_voided_and_what_was_asked_is_not_asked_again(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.sold(("CHAIR", 2))
    await shop.report(order, "authorized", 200)
    await shop.cancel(order)
    await shop.report(order, "voided", 150)
    assert await shop.asked(order) == ["void 200"]
    await shop.report(order, "authorized", 30)
    assert (await shop.asked(order), await exceptions(shop, order)) == (["void 200", "void 30"], [])
    await shop.check()


async def test_nothing_is_captured_for_units_that_were_paid_before_or_are_cancelled(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 3), paid=100)
    await shop.report(order, "authorized", 200)
    await shop.source(order)
    await shop.cancel(order, {"1": 1})
    await shop.release(order)
    await shop.tell(order, MessageKind.SHIPPED)
    assert await shop.asked(order) == ["capture 100", "void 100"]
    await shop.check()


ORDERS_OF_FACTS = list(permutations(["authorized 300", "captured 200", "voided 100"]))
# facts: what does not fit an order of three chairs for 300
MISFITS = {
    "authorized 300, captured 300": None,
    "captured 400": "payment_misfit: above_cost: captured 400 does not fit: 100 more was captured than the order costs",
    "voided 20": "payment_misfit: voided_too_much: voided 20 does not fit: 20 more was voided than was authorized and not "
    "captured",
}


@pytest.mark.parametrize("said", MISFITS)
async def test_a_payment_that_makes_no_sense_is_taken_and_opens_one_exception(database: Database, said: str) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 3))
    for one in said.split(", "):
        kind, amount = one.split()
        await shop.report(order, kind, int(amount))
    assert await exceptions(shop, order) == list(filter(None, [MISFITS[said]]))
    await shop.check()


@pytest.mark.parametrize("facts", ORDERS_OF_FACTS, ids=", ".join)
async def test_in_whatever_order_payments_come_nothing_is_left_when_they_fit(
    database: Database, facts: tuple[str, ...]
) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 3))
    for one in facts:
        kind, amount = one.split()
        await shop.report(order, kind, int(amount))
    assert (await sums(shop, order), await exceptions(shop, order)) == ((300, 200, 100, 0), [])


async def test_a_payment_of_a_cancelled_order_is_taken_and_shown_to_a_person(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.sold(("CHAIR", 1))
    await shop.cancel(order)
    for number in (1, 2):
        assert await shop.report(order, "captured", 100)
        assert len(await exceptions(shop, order)) == number
    await shop.check()


async def test_money_for_units_that_are_added_later_fits_when_they_are(database: Database) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 1), paid=100)
    await shop.report(order, "captured", 200)
    assert len(await exceptions(shop, order)) == 1
    await shop.change(order, {"1": 3})
    assert await exceptions(shop, order) == []


async def test_cash_on_delivery_is_paid_back_as_soon_as_the_carrier_brings_it(database: Database) -> None:
    """The goods come back before the carrier has paid: nothing is paid back, then all of it."""
    desk = Desk(await open_shop(database))
    shop = desk.shop
    order = await _delivered(shop, paid=0)
    name = await desk.asked(order, 3)
    await desk.grade(name, 3)
    await desk.pay(name)
    assert [one.partition(":")[0] for one in await exceptions(shop, order)] == ["refund_short"]
    await shop.report(order, "captured", 200)
    assert (await shop.asked(order), len(await exceptions(shop, order))) == (["refund 200"], 1)
    await shop.report(order, "captured", 100, message_id="last")
    await shop.report(order, "captured", 100, message_id="last")
    assert (await shop.asked(order), await exceptions(shop, order)) == (["refund 200", "refund 100"], [])
    await desk.tell(name, "settled", node=None)
    assert await sums(shop, order) == (0, 300, 0, 300)
    await shop.check()


async def test_cash_that_came_before_the_goods_came_back_is_paid_back_at_once(database: Database) -> None:
    desk = Desk(await open_shop(database))
    order = await _delivered(desk.shop, paid=0)
    await desk.shop.report(order, "captured", 300)
    name = await desk.asked(order, 3)
    await desk.grade(name, 3)
    await desk.pay(name)
    assert (await desk.shop.asked(order), await exceptions(desk.shop, order)) == (["refund 300"], [])


async def test_units_that_were_added_and_paid_in_the_shop_are_paid_back(database: Database) -> None:
    desk = Desk(await open_shop(database))
    shop = desk.shop
    order = await shop.place(("CHAIR", 1), paid=100)
    await shop.change(order, {"1": 3})
    await shop.report(order, "captured", 200)
    await _deliver(shop, order)
    name = await desk.asked(order, 3)
    await desk.grade(name, 3)
    await desk.pay(name)
    assert (await shop.asked(order), await exceptions(shop, order)) == (["refund 300"], [])
    await shop.check()


async def test_a_claim_that_was_cut_is_paid_when_the_money_comes(database: Database) -> None:
    desk = Desk(await open_shop(database))
    order = await _delivered(desk.shop, paid=50)
    await desk.claim(order, 3)
    await desk.shop.report(order, "captured", 250)
    assert (await desk.shop.asked(order), await exceptions(desk.shop, order)) == (["refund 50", "refund 250"], [])
    await desk.shop.check()


async def test_an_exchange_that_was_cut_stays_with_a_person(database: Database) -> None:
    desk = Desk(await open_shop(database))
    order = await _delivered(desk.shop, paid=0)
    name = await desk.asked(order, 3, "exchange")
    await desk.grade(name, 3)
    await desk.pay(name)
    await desk.shop.report(order, "captured", 300)
    assert await desk.shop.asked(order) == []
    assert [one.partition(":")[0] for one in await exceptions(desk.shop, order)] == ["refund_short"]
    await desk.shop.check()


async def test_what_a_channel_paid_beyond_a_cut_refund_is_not_asked_for_again(database: Database) -> None:
    desk = Desk(await open_shop(database))
    order = await _delivered(desk.shop, paid=100)
    name = await desk.asked(order, 3)
    await desk.grade(name, 3)
    await desk.pay(name)
    await desk.tell(name, "settled", node=None, amount=300)
    await desk.shop.report(order, "captured", 200)
    assert await desk.shop.asked(order) == ["refund 100"]


async def test_money_that_never_came_and_was_paid_back_is_shown_and_no_violation(database: Database) -> None:
    """All was assumed to be paid and was paid back; then the channel says that only 120 was captured."""
    desk = Desk(await open_shop(database))
    order = await desk.delivered(("CHAIR", 3))
    name = await desk.asked(order, 3)
    await desk.grade(name, 3)
    await desk.pay(name)
    await desk.shop.report(order, "captured", 120)
    assert await exceptions(desk.shop, order) == [
        "payment_misfit: below_refunded: captured 120 does not fit: 180 more was paid back than was captured"
    ]
    await desk.shop.check()
    await desk.shop.report(order, "captured", 180)
    assert await exceptions(desk.shop, order) == []


async def test_payments_of_a_replacement_count_beside_what_its_refund_stands_for(database: Database) -> None:
    desk = Desk(await open_shop(database))
    order = await desk.delivered(("CHAIR", 2))
    claim = await desk.claim(order, 2, "replacement")
    assert await sums(desk.shop, claim["replacement"]) == (0, 200, 0, 0)
    await desk.shop.report(claim["replacement"], "captured", 10)
    assert await sums(desk.shop, claim["replacement"]) == (0, 210, 0, 0)
    assert len(await exceptions(desk.shop, claim["replacement"])) == 1
    await desk.shop.check()


async def test_an_order_without_payments_costs_no_statement_for_them(database: Database) -> None:
    shop = await open_shop(database)
    quiet, loud = await shop.released(("CHAIR", 1)), await shop.released(("CHAIR", 1))
    await shop.report(loud, "authorized", 100)
    with statements_of(database) as of_quiet:
        await shop.tell(quiet, MessageKind.SHIPPED)
    with statements_of(database) as of_loud:
        await shop.tell(loud, MessageKind.SHIPPED)
    assert len(of_loud) == len(of_quiet) + 1
    assert not any("payment" in statement for statement, _ in of_quiet)


async def _delivered(shop: Shop, *, paid: int) -> str:
    order = await shop.place(("CHAIR", 3), paid=paid)
    await _deliver(shop, order)
    return order


async def _deliver(shop: Shop, order: str) -> None:
    await shop.source(order)
    await shop.release(order)
    await shop.tell(order, MessageKind.DELIVERED)

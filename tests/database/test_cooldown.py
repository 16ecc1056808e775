"""A node that rejected goods, or did not find them, is left in peace for a while: no order is sent back and forth."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from database.documents import sourcing as documents
from domain.fulfillment import MessageKind
from tests.database.shop import MAP, NEAREST, NEXT, Shop

A_DAY = timedelta(days=1)
WITH_A_COOLDOWN = replace(MAP, policy=MAP.policy.replace("[orders]", '[orders]\nreject_cooldown = "1d"'))


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop whose nodes are left in peace for a day; when the test is over, every invariant must hold."""
    opened = await Shop.open(database, WITH_A_COOLDOWN)
    await opened.receive(NEAREST, CHAIR=10, LAMP=10)
    yield opened
    await opened.check()


async def rejected(shop: Shop, sku: str = "CHAIR", at: datetime | None = None) -> str:
    """An order that the nearest node was asked to ship, and rejected."""
    order = await shop.released((sku, 1))
    await shop.tell(order, MessageKind.REJECTED, at=at)
    return order


async def reason(shop: Shop, order: str) -> str | None:
    """Why the nearest node could not take part in the last round."""
    async with shop.database.read() as connection:
        last = (await documents.rounds(connection, order))[-1]
    return next((node["excluded"] for node in last["nodes"] if node["node"] == NEAREST), None)


async def test_the_next_order_for_it_goes_elsewhere_and_its_plan_says_why(shop: Shop) -> None:
    await shop.receive(NEXT, CHAIR=10)
    await rejected(shop)

    order = await shop.sold(("CHAIR", 1))

    assert await shop.nodes(order) == {NEXT: 1}
    reported = await reason(shop, order)
    assert reported is not None
    assert reported.startswith("rejected CHAIR at 20")
    assert ", not asked again until 20" in reported


@pytest.mark.parametrize("kind", [MessageKind.PICKED, MessageKind.SHIPPED])
async def test_what_it_did_not_find_is_not_asked_for_either(shop: Shop, kind: MessageKind) -> None:
    await shop.receive(NEXT, CHAIR=10)
    short = await shop.released(("CHAIR", 2))
    await shop.tell(short, kind, {"1": 1}, final=True)

    assert await shop.nodes(await shop.sold(("CHAIR", 1))) == {NEXT: 1}


async def test_other_goods_and_what_it_has_accepted_are_its_work_as_before(shop: Shop) -> None:
    pinned, released = await shop.sold(("CHAIR", 1)), await shop.released(("CHAIR", 1))
    await rejected(shop)

    assert await shop.nodes(await shop.sold(("LAMP", 1))) == {NEAREST: 1}
    assert [work.node for work in (await shop.release(pinned)).fulfillment_orders] == [NEAREST]
    assert [work.status for work in (await shop.state(released)).fulfillment_orders] == ["released"]


async def test_a_set_is_not_asked_for_while_one_of_its_parts_is_in_peace(shop: Shop) -> None:
    await rejected(shop, "LAMP")
    assert await shop.units(await shop.sold(("DESK-SET", 1))) == {"backordered": 1}


async def test_who_waits_only_because_of_it_looks_again_when_it_has_ended(shop: Shop) -> None:
    reported_at = datetime.now(UTC)
    await rejected(shop)
    order = await shop.sold(("CHAIR", 1))

    ends_at = (await shop.state(order)).looks_again_at

    assert ends_at is not None
    assert reported_at + A_DAY <= ends_at <= datetime.now(UTC) + A_DAY
    assert (await shop.source(order, at=ends_at - timedelta(seconds=1))).total("backordered") == 1
    assert (await shop.source(order, at=ends_at)).total("reserved") == 1


@pytest.mark.parametrize("kind", ["count", "receive"])
async def test_a_count_or_a_receipt_ends_it_and_offers_the_goods_to_who_waits(shop: Shop, kind: str) -> None:
    await rejected(shop)
    order = await shop.sold(("CHAIR", 1))

    await (shop.count(NEAREST, CHAIR=10) if kind == "count" else shop.receive(NEAREST, CHAIR=1))
    await shop.backorders.work_off(10)

    assert await shop.nodes(order) == {NEAREST: 1}


async def test_a_count_that_was_taken_before_the_rejection_does_not_end_it_in_whatever_order_they_are_reported(
    shop: Shop,
) -> None:
    await rejected(shop)
    async with shop.database.write() as connection:
        later = text("UPDATE stock SET rejected_at = rejected_at + interval '1 hour' WHERE rejected_at IS NOT NULL")
        await connection.execute(later)
    await shop.count(NEAREST, CHAIR=10)
    assert await shop.units(await shop.sold(("CHAIR", 1))) == {"backordered": 1}


async def test_a_rejection_that_is_reported_after_a_later_count_is_out_of_date(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 1))
    rejected_at = datetime.now(UTC)
    await shop.count(NEAREST, CHAIR=10)
    await shop.tell(order, MessageKind.REJECTED, at=rejected_at)
    assert await shop.nodes(await shop.sold(("CHAIR", 1))) == {NEAREST: 1}


async def test_without_a_cool_down_the_next_order_may_ask_it_at_once(database: Database) -> None:
    shop = await Shop.open(database, MAP)
    await shop.receive(NEAREST, CHAIR=10)
    await rejected(shop)
    assert await shop.nodes(await shop.sold(("CHAIR", 1))) == {NEAREST: 1}
    assert await shop.number("SELECT count(*) FROM stock WHERE rejected_at IS NOT NULL") == 0

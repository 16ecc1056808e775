"""What channels hear: each change once, written with it, and a feed that never passes a transaction that is still open."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from database import connect, order
from database.connect import Database, ReadConnection, WriteConnection
from database.documents import event as documents
from database.documents import webhook as webhook_documents
from database.horizon import OLDEST_OPEN
from database.outbox import webhook
from database.outbox.webhook import Owed
from domain.event import ChannelEvent, EventKind
from domain.fulfillment import MessageKind
from tests.database.shop import NEAREST, NEXT, Shop
from tests.house import ANSWERS_WITHIN_SECONDS

CANCELLED = ChannelEvent(EventKind.CANCELLED, {"lines": []})
KindAndUnits = tuple[str, dict[str, int]]
"""An event's kind, and its units per line."""


@pytest.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database)


async def feed(database: Database, after: str = "0-0", channel: str | None = None) -> list[dict[str, Any]]:
    transaction_id, _, event_id = after.partition("-")
    async with database.read() as connection:
        numbers = int(transaction_id), int(event_id)
        return await documents.feed(connection, channel=channel, order=None, after=numbers, limit=100)


async def events_of(shop: Shop, name: str) -> list[KindAndUnits]:
    return [
        (found["kind"], {line["line"]: line["quantity"] for line in found["data"].get("lines", [])})
        for found in await feed(shop.database)
        if found["order"] == name
    ]


async def tell(connection: WriteConnection, name: str) -> None:
    await order.next_version(connection, name, [CANCELLED], datetime.now(UTC))


async def test_an_event_that_is_committed_late_is_read_late_and_never_skipped(shop: Shop) -> None:
    slow, quick = await shop.place(("LAMP", 1)), await shop.place(("LAMP", 1))
    read = await feed(shop.database)
    assert [(found["order"], found["kind"]) for found in read] == [(slow, "accepted"), (quick, "accepted")]
    cursor = read[-1]["event"]
    async with shop.database.write() as connection:
        await tell(connection, slow)
        async with shop.database.write() as other:
            await tell(other, quick)
        assert await shop.number("SELECT count(*) FROM event WHERE kind = 'cancelled'") == 1
        assert await feed(shop.database, cursor) == []
    assert [found["order"] for found in await feed(shop.database, cursor)] == [slow, quick]


async def test_what_another_database_of_the_server_writes_for_long_holds_no_feed_back(
    shop: Shop, database_url: str
) -> None:
    """Temporal's, for example: of the whole server are the numbers of transactions, and the limit of a snapshot."""
    elsewhere = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg", database="postgres"))
    before = await shop.place(("LAMP", 1))
    async with elsewhere.begin() as connection:
        await connection.execute(text("SELECT pg_current_xact_id()"))
        after = await shop.place(("LAMP", 1))
        assert [found["order"] for found in await feed(shop.database)] == [before, after]
        async with shop.database.write() as slow:
            await tell(slow, before)
            last = await shop.place(("LAMP", 1))
            assert [found["order"] for found in await feed(shop.database)] == [before, after]
        assert [found["order"] for found in await feed(shop.database)] == [before, after, before, last]
    await elsewhere.dispose()


async def test_a_role_without_special_rights_sees_which_transactions_are_of_another_database(
    shop: Shop, database_url: str
) -> None:
    elsewhere = create_async_engine(make_url(database_url).set(drivername="postgresql+asyncpg", database="postgres"))
    async with elsewhere.begin() as connection:
        begun = (await connection.execute(text("SELECT pg_current_xact_id()::text::bigint"))).scalar_one()
        await shop.place(("LAMP", 1))
        async with shop.database.at_once() as other:
            await other.execute(text("SET ROLE pg_signal_backend"))
            oldest = (await other.execute(text(f"SELECT {OLDEST_OPEN}"))).scalar_one()
            await other.execute(text("RESET ROLE"))
    await elsewhere.dispose()
    assert oldest > begun


async def test_a_process_that_freezes_in_a_transaction_loses_its_locks_and_holds_the_feed_back_no_longer(
    shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "FROZEN_AFTER", timedelta(milliseconds=50))
    frozen = Database(database_url)
    name = await shop.place(("LAMP", 1))
    async with frozen.engine.connect() as connection:
        await tell(WriteConnection(ReadConnection(connection)), name)
        async with shop.database.write() as other:
            await tell(other, name)
        assert [found["kind"] for found in await feed(shop.database)] == ["accepted", "cancelled"]
        with pytest.raises(DBAPIError):
            await connection.commit()
    await frozen.close()


async def test_a_reader_that_goes_on_from_each_event_reads_every_event_once(shop: Shop) -> None:
    for _ in range(3):
        await shop.place(("LAMP", 1))
    read = [found["event"] for found in await feed(shop.database)]
    cursors = ["0-0", *read]
    assert [[found["event"] for found in await feed(shop.database, cursor)] for cursor in cursors] == [
        read[position:] for position in range(len(cursors))
    ]


async def test_a_change_that_is_not_committed_tells_nothing(shop: Shop) -> None:
    name = await shop.place(("LAMP", 1))
    async with shop.database.engine.connect() as connection:
        await tell(WriteConnection(ReadConnection(connection)), name)
        await connection.rollback()
    assert await events_of(shop, name) == [("accepted", {"1": 1})]


async def test_a_channel_hears_of_acceptance_promise_shipment_and_delivery(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=3)
    name = await shop.released(("LAMP", 3))
    for kind, lines in [("accepted", None), ("shipped", {"1": 2}), ("shipped", {"1": 1}), ("delivered", None)]:
        await shop.tell(name, MessageKind(kind), lines)
    assert await events_of(shop, name) == [
        ("accepted", {"1": 3}),
        ("promised", {}),
        ("shipped", {"1": 2}),
        ("shipped", {"1": 1}),
        ("delivered", {"1": 3}),
    ]


async def test_units_that_wait_are_reported_once_and_their_promise_when_it_is_given(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=1)
    name = await shop.sold(("LAMP", 3))
    assert await events_of(shop, name) == [("accepted", {"1": 3}), ("backordered", {"1": 2})]
    await shop.source(name)
    assert len(await events_of(shop, name)) == 2
    await shop.receive(NEXT, LAMP=2)
    await shop.backorders.work_off(10)
    assert (await events_of(shop, name))[2:] == [("promised", {}), ("backorder_filled", {"1": 2})]


async def test_a_cancel_is_reported_with_its_units_and_a_short_pick_is_not_reported_at_all(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=3)
    await shop.receive(NEXT, LAMP=3)
    name = await shop.released(("LAMP", 3))
    before = len(await events_of(shop, name))
    await shop.tell(name, MessageKind.PICKED, {"1": 2}, final=True)
    assert len(await events_of(shop, name)) == before
    await shop.cancel(name, {"1": 1})
    assert (await events_of(shop, name))[before:] == [("cancelled", {"1": 1})]


async def test_a_message_that_comes_twice_is_reported_once(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=1)
    name = await shop.released(("LAMP", 1))
    at = datetime.now(UTC)
    for _ in range(2):
        await shop.tell(name, MessageKind.SHIPPED, message_id="same", at=at)
    assert [kind for kind, _ in await events_of(shop, name)] == ["accepted", "promised", "shipped"]


async def test_the_feed_of_a_channel_holds_its_own_orders(shop: Shop) -> None:
    web, outlet = await shop.place(("LAMP", 1)), await shop.place(("LAMP", 1), channel="outlet")
    assert [found["order"] for found in await feed(shop.database, channel="outlet")] == [outlet]
    assert [found["order"] for found in await feed(shop.database)] == [web, outlet]


async def test_what_waits_behind_an_event_that_was_not_taken_is_not_looked_at_before_it(shop: Shop) -> None:
    name = await placed_for_a_webhook(shop)
    async with shop.database.write() as connection:
        await tell(connection, name)
    async with shop.database.at_once() as connection:
        (first,) = await webhook.claim(connection, "web", 10, timedelta(minutes=1))
        assert await webhook.postpone(connection, first, "status 500", timedelta(minutes=10), timedelta(days=7))
        assert not await shop.number("SELECT count(*) FROM event WHERE due_at <= now()"), "they would be for a day"
        await webhook.delivered(connection, first)
        await connection.execute(text("UPDATE event SET due_at = due_at - interval '10 minutes'"))
        (second,) = await webhook.claim(connection, "web", 10, timedelta(minutes=1))
    assert [json.loads(owed.document)["kind"] for owed in (first, second)] == ["accepted", "cancelled"]


async def placed_for_a_webhook(shop: Shop) -> str:
    async with shop.database.write() as connection:
        await webhook.keep(connection, "web", "https://shop.example", None, otherwise="whsec_", overlap=timedelta(0))
    return await shop.place(("LAMP", 1))


async def claimed(shop: Shop) -> Owed:
    async with shop.database.at_once() as connection:
        (owed,) = await webhook.claim(connection, "web", 10, timedelta(minutes=1))
        return owed


async def postpone(shop: Shop, owed: Owed, keeps_trying: timedelta = timedelta(days=7)) -> bool:
    async with shop.database.at_once() as connection:
        return await webhook.postpone(connection, owed, "status 500", timedelta(minutes=10), keeps_trying)


async def standing(shop: Shop) -> dict[str, Any]:
    async with shop.database.read() as connection:
        found = await webhook_documents.show(connection, "web")
        assert found is not None
        return found


async def test_an_event_behind_one_that_waits_is_not_the_one_that_is_tried_next(shop: Shop) -> None:
    name = await placed_for_a_webhook(shop)
    assert await postpone(shop, await claimed(shop))
    waits_until = (await standing(shop))["next_try_at"]
    async with shop.database.write() as connection:
        await tell(connection, name)
    now = await standing(shop)
    assert (now["owed"], now["next_try_at"]) == (2, waits_until)


async def test_a_call_that_fails_after_its_webhook_was_removed_is_not_taken_for_given_up(shop: Shop) -> None:
    await placed_for_a_webhook(shop)
    owed = await claimed(shop)
    async with shop.database.write() as connection:
        await webhook.remove(connection, "web")
        failing = asyncio.create_task(postpone(shop, owed))
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not await shop.number("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert await failing
    assert await shop.number("SELECT count(*) FROM event WHERE due_at IS NOT NULL OR given_up_at IS NOT NULL") == 0


async def test_a_call_that_fails_after_a_retry_was_requested_does_not_postpone_its_event(shop: Shop) -> None:
    await placed_for_a_webhook(shop)
    owed = await claimed(shop)
    async with shop.database.write() as connection:
        assert await webhook.retry(connection, "web") == 1
    assert await postpone(shop, owed)
    assert await shop.number("SELECT count(*) FROM event WHERE due_at <= clock_timestamp()") == 1
    assert (await standing(shop))["last_failure"]["reason"] == "status 500"


async def test_what_was_given_up_is_not_owed_to_a_webhook_that_is_registered_later(shop: Shop) -> None:
    await placed_for_a_webhook(shop)
    assert not await postpone(shop, await claimed(shop), timedelta(0))
    assert (await standing(shop))["given_up"] == 1
    async with shop.database.write() as connection:
        await webhook.remove(connection, "web")
        await webhook.keep(connection, "web", "https://shop.example", None, otherwise="whsec_", overlap=timedelta(0))
        assert await webhook.retry(connection, "web") == 0
    assert (await standing(shop))["given_up"] == 0

"""What a connected channel is owed: each event that it hears of, written with the event, and nothing for other orders."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from channels.kinds import KINDS
from database import order as orders
from database.connect import Database, ReadConnection, WriteConnection
from database.outbox import channel_notice
from domain.event import ChannelEvent, EventKind
from domain.fulfillment import MessageKind
from tests.database.connected import HEARD, KIND, StandInKind, connected_shop, link, rows, sold_through
from tests.database.shop import MAP, NEAREST, Shop
from tests.sql_statements import statements_of
from transactions.network_version import activate, lock_active


@pytest.fixture
async def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setitem(KINDS, KIND, StandInKind())
    return await connected_shop(database)


async def owed(shop: Shop) -> list[tuple[str, str, str | None]]:
    found = await rows(shop, "SELECT order_id, kind, about FROM channel_notice ORDER BY transaction_id, event_id")
    return [(row["order_id"], row["kind"], row["about"]) for row in found]


async def test_the_channel_is_owed_the_events_it_hears_of_and_no_others(shop: Shop) -> None:
    order = await sold_through(shop)

    await shop.tell(order, MessageKind.SHIPPED, {"1": 1})
    await shop.tell(order, MessageKind.SHIPPED, {"1": 1})

    assert "promised" not in HEARD, "it is not owed, although it was written"
    assert await owed(shop) == [(order, "shipped", f"{order}-f1")] * 2


async def test_an_order_that_did_not_come_through_the_connection_is_owed_nothing(shop: Shop) -> None:
    await shop.receive(NEAREST, LAMP=1)
    order = await shop.released(("LAMP", 1))

    await shop.tell(order, MessageKind.SHIPPED)

    assert await owed(shop) == []


async def test_an_order_of_a_channel_that_is_connected_no_more_is_owed_nothing_new(
    shop: Shop, database: Database
) -> None:
    order = await sold_through(shop)
    apart = await Shop.open(database)

    await apart.tell(order, MessageKind.SHIPPED)

    assert await owed(shop) == []


CHANNELS = '[[channel]]\nname = "web"\nkind = "amazon"\napi = "http://127.0.0.1:1"\n'


async def test_a_channel_that_is_connected_again_is_owed_what_happened_to_its_open_orders_meanwhile(
    shop: Shop, database: Database
) -> None:
    order, closed = await sold_through(shop, 1), await sold_through(shop, 1)
    apart = await Shop.open(database)
    for name in (order, closed):
        await apart.tell(name, MessageKind.SHIPPED)
    async with database.write() as connection:
        await connection.execute(
            text("UPDATE orders SET closed_at = clock_timestamp() WHERE order_id = :order"), {"order": closed}
        )
        before = await lock_active(connection)
        assert before is not None
        await activate(connection, before, replace(before, channels=CHANNELS))

    assert [one for one in await owed(shop) if one[1] == "shipped"] == [(order, "shipped", f"{order}-f1")]
    async with database.write() as connection:
        connected = await lock_active(connection)
        await activate(connection, connected, MAP)
        await activate(connection, MAP, replace(MAP, channels=CHANNELS))
    assert len([one for one in await owed(shop) if one[1] == "shipped"]) == 1, "what is owed is owed once"


async def test_a_notice_costs_no_statement_and_an_order_of_another_way_pays_nothing_for_it(shop: Shop) -> None:
    orders = [await sold_through(shop, 1), await sold_through(shop, 1)]
    async with shop.database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM channel_order WHERE order_id = $1", (orders[1],))
    counts = []
    for order in orders:
        with statements_of(shop.database) as seen:
            await shop.tell(order, MessageKind.SHIPPED)
        counts.append(len(seen))

    assert counts[0] == counts[1]
    assert [order for order, _, _ in await owed(shop)] == [orders[0]]


async def test_the_acceptance_is_owed_although_the_order_was_stored_before_it_was_known_as_the_channels(
    shop: Shop,
) -> None:
    order = await shop.place(("LAMP", 1))
    await link(shop, order)
    for _ in range(2):
        async with shop.database.write() as connection:
            await channel_notice.owe_all(connection, order, [EventKind.ACCEPTED])

    assert await owed(shop) == [(order, "accepted", None)]


async def test_what_is_rolled_back_is_not_owed(shop: Shop) -> None:
    order = await sold_through(shop)
    async with shop.database.engine.connect() as opened:
        connection = WriteConnection(ReadConnection(opened))
        cancelled = ChannelEvent(EventKind.CANCELLED, {"lines": []})
        await orders.next_version(connection, order, [cancelled], datetime.now(UTC), [EventKind.CANCELLED])
        await opened.rollback()

    assert await owed(shop) == []

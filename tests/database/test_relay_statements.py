"""What the relay looks for in the facts: signals unsent, orders unstarted, orders whose workflow must be checked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from database.connect import Database
from database.documents import event as documents
from database.outbox import signal, unattended
from database.outbox.unattended import UnattendedOrder
from jobs import relay
from jobs.relay import Relay
from tests.database.shop import NEAREST, Shop
from tests.sql_statements import generic_plan, statements_of

ORDER = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window, version,
                        sweep_at)
    VALUES (:name, 'web', :name, '', now(), now() - CAST(:age AS interval), 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0,
            now(), '30 days', CAST(:version AS bigint),
            CASE WHEN CAST(:version AS bigint) > 0 THEN now() - CAST(:age AS interval) + interval '6 hours' END)
"""
LINE = """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open)
    VALUES (:name, '1', 0, 'SERUM-30', 100, 0, 2, 2)
"""


async def store(database: Database, name: str, age: timedelta, version: int) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(ORDER), {"name": name, "age": age, "version": version})
        await connection.execute(text(LINE), {"name": name})


def names(found: list[UnattendedOrder]) -> list[str]:
    """The orders that were found; the input of each one's workflow is its own."""
    assert all(f'"order": "{order.name}"' in order.input for order in found)
    return sorted(order.name for order in found)


async def unstarted_for_two_seconds(database: Database) -> list[str]:
    async with database.read() as connection:
        return names(await unattended.unstarted(connection, timedelta(seconds=2), 10))


async def to_look_after(database: Database) -> list[str]:
    async with database.read() as connection:
        return names(await unattended.orders(connection, 10))


async def test_only_orders_that_waited_too_long_for_their_first_step_are_started(database: Database) -> None:
    await store(database, "web-fresh", timedelta(0), version=0)
    await store(database, "web-forgotten", timedelta(minutes=1), version=0)
    await store(database, "web-under-way", timedelta(minutes=1), version=1)
    assert await unstarted_for_two_seconds(database) == ["web-forgotten"]


async def test_every_open_order_is_checked_some_times_a_day_and_not_more(database: Database) -> None:
    await store(database, "web-young", timedelta(hours=1), version=3)
    await store(database, "web-old", timedelta(hours=7), version=3)
    assert await to_look_after(database) == ["web-old"]
    async with database.write() as connection:
        await unattended.note_checked(connection, [UnattendedOrder("web-old", "{}")])
    assert await to_look_after(database) == []


A_MINUTE_AFTER_ITS_DEADLINE = """
    UPDATE orders o SET sweep_at = d.due_at + interval '1 minute' FROM order_due d WHERE d.order_id = o.order_id
"""


async def test_an_order_is_woken_when_a_deadline_of_its_own_has_passed(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=4)
    ago, ahead = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-3, 3))
    to_release, held, for_later, to_look_again, to_give_up, patient = [
        await shop.sold((sku, 1)) for sku in ("CHAIR",) * 3 + ("LAMP",) * 3
    ]
    too_late = await shop.sold(("CHAIR", 1))
    await shop.hold(held)
    await shop.hold(too_late)
    async with database.write() as connection:
        for name, table, moments in (
            (to_release, "orders", {"release_at": ago}),
            (held, "orders", {"release_at": ago, "not_after": ahead}),
            (for_later, "orders", {"release_at": ahead}),
            (too_late, "orders", {"not_after": ago}),
            (to_look_again, "waiting", {"looks_again_at": ago, "gives_up_at": ahead}),
            (to_give_up, "waiting", {"gives_up_at": ago}),
            (patient, "waiting", {"looks_again_at": ahead, "gives_up_at": ahead}),
        ):
            reported = ", ".join(f"{moment} = :{moment}" for moment in moments)
            await connection.execute(
                text(f"UPDATE {table} SET {reported} WHERE order_id = :name"), moments | {"name": name}
            )
        await connection.execute(text(A_MINUTE_AFTER_ITS_DEADLINE))

    assert await to_look_after(database) == sorted([to_release, too_late, to_look_again, to_give_up])


OVERDUE = "UPDATE wake SET due_at = due_at - interval '1 minute'"
LEASE = timedelta(minutes=1)


async def owe(database: Database) -> int:
    """A signal that was not sent in its time; answers its id."""
    await store(database, "web-owed", timedelta(0), version=1)
    async with database.write() as connection:
        owed = await signal.add(connection, "order-web-owed", "web-owed", "changed", {"look_again": True})
        await connection.execute(text(OVERDUE))
    return owed.wake_id


async def claimed(database: Database, limit: int = 10) -> list[int]:
    async with database.at_once() as connection:
        return [owed.wake_id for owed in await signal.claim(connection, limit, LEASE)]


async def test_a_signal_that_was_sent_is_owed_no_longer(database: Database) -> None:
    owed = await owe(database)
    async with database.write() as connection:
        await signal.sent(connection, [owed])
    assert await claimed(database) == []


async def test_two_relays_do_not_take_the_same_signal(database: Database) -> None:
    owed = await owe(database)
    assert await claimed(database) == [owed]
    assert await claimed(database) == []


async def test_two_relays_share_the_workflows_and_never_the_signals_of_one(database: Database) -> None:
    workflows = ["order-web-1", "order-web-2", "order-web-1", "return-web-1-r1", "order-web-1", "order-web-2"]
    for name in ("web-1", "web-2"):
        await store(database, name, timedelta(0), version=1)
    async with database.write() as connection:
        owed = [await signal.add(connection, one, one.split("-r1")[0][-5:], "changed", {}) for one in workflows]
        await connection.execute(text(OVERDUE))
    numbers = [one.wake_id for one in owed]

    assert await claimed(database, 2) == numbers[:2]
    assert await claimed(database) == [numbers[3]]
    async with database.write() as connection:
        await signal.sent(connection, numbers[:2])
    assert await claimed(database) == [numbers[2], *numbers[4:]], "each workflow's in the order of their storing"


async def test_a_signal_that_is_not_due_yet_does_not_let_the_ones_after_it_pass(database: Database) -> None:
    await store(database, "web-1", timedelta(0), version=1)
    async with database.write() as connection:
        first, second = [await signal.add(connection, "order-web-1", "web-1", "changed", {}) for _ in range(2)]
        await connection.execute(text(f"{OVERDUE} WHERE wake_id = {second.wake_id}"))
    assert await claimed(database) == []
    async with database.write() as connection:
        await connection.execute(text(OVERDUE))
    assert await claimed(database) == [first.wake_id, second.wake_id]


async def test_what_a_relay_has_not_come_to_is_due_at_once_and_what_died_with_it_a_little_later(
    database: Database,
) -> None:
    owed = await owe(database)
    assert await claimed(database) == [owed]
    async with database.at_once() as connection:
        await signal.postpone(connection, [owed], timedelta())
    assert await claimed(database) == [owed]
    async with database.at_once() as connection:
        await connection.execute(text(OVERDUE))
    assert await claimed(database) == [owed]


async def test_a_signal_that_was_postponed_for_longer_than_a_lease_lets_the_ones_after_it_pass(
    database: Database,
) -> None:
    refused = await owe(database)
    async with database.write() as connection:
        await signal.postpone(connection, [refused], 2 * LEASE)
        later = await signal.add(connection, "order-web-owed", "web-owed", "changed", {})
        await connection.execute(text(f"{OVERDUE} WHERE wake_id = {later.wake_id}"))
    assert await claimed(database) == [later.wake_id]


class SlowRelay(Relay):
    """A relay whose signals all leave together: none is sent before so many are under way."""

    def __init__(self, database: Database, client: Client, at_once: int) -> None:
        super().__init__(database, client)
        self.under_way: list[int] = []
        self.sent: list[int] = []
        self._at_once = asyncio.Barrier(at_once)

    async def _send_one(self, owed: signal.Signal) -> None:
        self.under_way.append(owed.wake_id)
        await self._at_once.wait()
        self.sent.append(owed.wake_id)


async def test_overdue_signals_leave_side_by_side_and_those_of_one_workflow_in_their_order(database: Database) -> None:
    for name in ("web-1", "web-2", "web-3"):
        await store(database, name, timedelta(0), version=1)
    async with database.write() as connection:
        numbers = [
            (await signal.add(connection, f"order-{name}", name, "changed", {})).wake_id
            for name in ("web-1", "web-1", "web-2", "web-3", "web-2", "web-3")
        ]
        await connection.execute(text(OVERDUE))
    relay = SlowRelay(database, await Client.connect("127.0.0.1:1", lazy=True), at_once=3)
    async with asyncio.timeout(60):
        await relay.send_overdue()
    first, second, third, fourth, fifth, sixth = numbers
    assert set(relay.under_way[:3]) == {first, third, fourth}, "one of each workflow"
    assert set(relay.sent[3:]) == {second, fifth, sixth}
    assert await claimed(database) == []
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM wake"))).scalar() == 0


async def test_many_orders_that_no_workflow_has_acted_on_are_noted_with_one_statement(database: Database) -> None:
    for number in range(3):
        await store(database, f"web-{number}", timedelta(minutes=1), version=0)
    async with database.write() as connection:
        found = await unattended.unstarted(connection, timedelta(seconds=2), 10)
    with statements_of(database) as seen:
        async with database.at_once() as connection:
            await unattended.note_started(connection, found)
    assert len(seen) == 1
    assert await unstarted_for_two_seconds(database) == []


async def test_while_temporal_takes_its_time_channels_hear_what_happens_meanwhile(database: Database) -> None:
    shop = await Shop.open(database)
    await owe(database)
    async with temporal_that_never_answers() as (address, is_asked):
        sender = Relay(database, await Client.connect(address, lazy=True))
        sending = asyncio.create_task(sender.send_overdue())
        await is_asked.wait()
        name = await shop.place(("LAMP", 1))
        async with database.read() as connection:
            reported = await documents.feed(connection, channel=None, order=None, after=(0, 0), limit=10)
        assert not sending.done()
        sending.cancel()
    assert [found["order"] for found in reported] == [name]


@asynccontextmanager
async def temporal_that_never_answers() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An address where a server listens and sends nothing, and whether it was called."""
    is_asked, is_over = asyncio.Event(), asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_asked.set()
        await is_over.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", is_asked
    finally:
        is_over.set()
        server.close()
        await server.wait_closed()


MANY = 20_000
LATE = 30


async def test_the_sweep_reads_the_orders_that_are_due_and_no_others(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text(MANY_OPEN_ORDERS), {"many": MANY, "late": LATE})
        await connection.execute(text(A_LINE_EACH))
    async with database.engine.connect() as connection:
        for table in ("orders", "order_line", "waiting", "fulfillment_order"):
            await connection.execute(text(f"ANALYZE {table}"))
    with statements_of(database) as sent:
        async with database.read() as connection:
            await unattended.orders(connection, 100)
    steps = await generic_plan(database, *sent[-1])

    read = {node["Relation Name"]: 0 for node in steps if "Relation Name" in node}
    for node in steps:
        if "Relation Name" in node:
            removed = node.get("Rows Removed by Filter", 0)
            read[node["Relation Name"]] += (node["Actual Rows"] + removed) * node["Actual Loops"]
    assert LATE <= read["orders"] <= 5 * LATE, read
    assert max(read.values()) <= 5 * LATE, read


MANY_OPEN_ORDERS = """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, value, total, shipping_price, release_at, return_window, version,
                        sweep_at)
    SELECT 'web-' || n, 'web', n, '', now(), now(), 'USD', 'standard', 'US', '802', 5, '', 0, 0, 0, now(), '30 days', 1,
           now() + CASE WHEN n <= :late THEN interval '-1 minute' ELSE n * interval '1 second' END
    FROM generate_series(1, CAST(:many AS int)) n
"""
A_LINE_EACH = """
    INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, ordered, open)
    SELECT order_id, '1', 0, 'SERUM-30', 100, 0, 2, 2 FROM orders
"""


async def test_the_sweep_goes_on_until_nothing_is_due(
    database: Database, temporal: TimeSkipper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "BATCH_MAX", 4)
    late = [f"late-{number}" for number in range(10)]
    for name in late:
        await store(database, name, timedelta(hours=7), version=1)

    await Relay(database, temporal.client).sweep()

    assert await to_look_after(database) == []
    for name in late:
        await temporal.client.get_workflow_handle(f"order-{name}").terminate("the test is over")

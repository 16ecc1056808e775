"""Workflows that are gone and signals that are lost: the facts are in PostgreSQL, and the order goes on from there."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import TimeSkipper

import worker
from api.service import Service, assemble
from database.connect import Database
from database.outbox import signal
from database.outbox.signal import Signal
from domain.fulfillment import NodeMessage
from domain.order import NewOrder
from jobs import relay
from jobs.relay import Relay
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, House, now, units
from transactions import fulfillment
from transactions import order as orders
from transactions.prepare import apply_network
from transactions.transaction import OrderTransactions
from workflows import client as edge

NOBODY_LISTENS = "127.0.0.1:1"
TOO_LONG_FOR_TEMPORAL = "x" * 2_000
ONE_UNIT = [{"line": "1", "quantity": 1}]


async def released(house: House) -> tuple[str, str]:
    """An order of two units that its node may work on; answers its name and its fulfillment order."""
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    await house.settle(name)
    return name, work


async def backdate(house: House, statement: str, name: str) -> None:
    """Make a row of an order look older than it is."""
    async with house.service.database.write() as connection:
        await connection.execute(text(statement), {"order": name})


UNATTENDED_FOR_A_DAY = """
    UPDATE orders SET received_at = received_at - interval '1 day', sweep_at = sweep_at - interval '1 day'
    WHERE order_id = :order
"""
RETURNED_A_DAY_AGO = """
    UPDATE return SET requested_at = requested_at - interval '1 day', sweep_at = sweep_at - interval '1 day'
    WHERE order_id = :order
"""
LATE_BY_AN_HOUR = """
    WITH late AS (UPDATE orders SET sweep_at = sweep_at - interval '5 hours' WHERE order_id = :order)
    UPDATE fulfillment_order SET deadline = deadline - interval '5 hours', released_at = released_at - interval '5 hours'
    WHERE order_id = :order
"""
OWED_FOR_A_MINUTE = "UPDATE wake SET due_at = due_at - interval '1 minute' WHERE order_id = :order"


async def test_an_order_whose_workflow_was_terminated_is_started_again_and_goes_on_where_it_stood(
    still_house: House,
) -> None:
    house = still_house
    name, work = await released(house)
    await house.tell(work, "picked", {"1": 1})
    before = await house.settle(name)
    await house.workflow(name).terminate("an operator pressed the button")

    await backdate(house, UNATTENDED_FOR_A_DAY, name)
    await house.service.relay.sweep()

    assert (await house.workflow(name).describe()).status is WorkflowExecutionStatus.RUNNING
    after = await house.settle(name)
    assert (after["lines"], after["promise"]) == (before["lines"], before["promise"])
    assert [row["fulfillment_order"] for row in after["fulfillment_orders"]] == [work]
    rounds = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]
    assert len(rounds) == 1, "it is not sourced a second time"
    await house.fulfill(work)
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")


async def test_an_order_that_is_late_is_handled_within_a_minute_although_its_workflow_is_gone(
    still_house: House,
) -> None:
    house = still_house
    name, _ = await released(house)
    await house.stock("spare", SERUM_30=2)
    await house.workflow(name).terminate("an operator pressed the button")

    await backdate(house, LATE_BY_AN_HOUR, name)
    await house.service.relay.sweep()

    assert (await house.work(name, 2))["node"] == "spare"


async def test_a_return_whose_workflow_was_terminated_is_started_again_although_nothing_comes_back(
    still_house: House,
) -> None:
    house = still_house
    name, work = await released(house)
    await house.fulfill(work)
    await house.until(name, "delivered")
    lines = [{"line": "1", "quantity": 1}]
    made = (await house.ask(name, "returns", lines=lines, resolution="refund")).json()["return"]
    workflow = house.service.client.get_workflow_handle(f"return-{made}")
    await workflow.terminate("an operator pressed the button")

    await backdate(house, RETURNED_A_DAY_AGO, name)
    await house.service.relay.sweep()

    assert (await workflow.describe()).status is WorkflowExecutionStatus.RUNNING
    await workflow.terminate("an operator pressed it again")
    await house.service.relay.sweep()
    assert (await workflow.describe()).status is WorkflowExecutionStatus.TERMINATED, "it is looked at some times a day"


async def test_a_message_for_a_workflow_that_is_gone_starts_it_again(small_house: House) -> None:
    house = small_house
    name, work = await released(house)
    await house.workflow(name).terminate("an operator pressed the button")

    await house.tell(work, "rejected")
    await house.stock("spare", SERUM_30=2)

    second = await house.work(name, 2)
    assert (second["node"], second["attempt"]) == ("spare", 2)


async def test_a_completed_order_is_never_started_again(still_house: House) -> None:
    house = still_house
    name, work = await released(house)
    assert (await house.ask(name, "cancel")).status_code == 200
    await house.workflow(name).result()

    await house.tell(work, "shipped", {"1": 2})
    await backdate(house, UNATTENDED_FOR_A_DAY, name)
    await house.service.relay.sweep()

    assert (await house.workflow(name).describe()).status is WorkflowExecutionStatus.COMPLETED
    document = await house.order(name)
    assert [exception["code"] for exception in document["exceptions"]] == ["double_ship"], (
        "what left is recorded all the same"
    )


async def test_a_signal_that_was_lost_is_sent_by_the_relay(still_house: House) -> None:
    house = still_house
    name, work = await released(house)
    message = NodeMessage.model_validate({"message_id": "lost-1", "kind": "shipped", "occurred_at": now()})
    await fulfillment.record(forgetful(house), work, message, node=None, actor="operator operator")
    assert await owed(house, name) == 1

    await backdate(house, OWED_FOR_A_MINUTE, name)
    await house.service.relay.send_overdue()

    document = await house.settle(name)
    assert document["fulfillment_orders"][0]["waiting_for"] == "delivery"
    await house.service.relay.send_overdue()
    assert await owed(house, name) == 0


async def test_a_signal_that_temporal_refuses_holds_up_no_other_order(
    still_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = still_house
    monkeypatch.setattr(relay, "BATCH_MAX", 1)
    name, work = await released(house)
    async with house.service.database.write() as connection:
        await signal.add(connection, f"order-{name}", name, TOO_LONG_FOR_TEMPORAL, {})
    message = NodeMessage.model_validate({"message_id": "behind-1", "kind": "shipped", "occurred_at": now()})
    await fulfillment.record(forgetful(house), work, message, node=None, actor="operator operator")

    await backdate(house, OWED_FOR_A_MINUTE, name)
    await house.service.relay.send_overdue()

    assert (await house.settle(name))["fulfillment_orders"][0]["waiting_for"] == "delivery"
    assert await owed(house, name) == 1


async def test_a_signal_that_comes_twice_is_applied_once(small_house: House) -> None:
    house = small_house
    name, work = await released(house)
    body = {"message_id": "twice-1", "kind": "shipped", "occurred_at": now(), "lines": [{"line": "1", "quantity": 1}]}
    sent: list[Signal] = []
    transactions = OrderTransactions(house.service.database, house.service.networks, sent.extend)
    message = NodeMessage.model_validate(body)
    await fulfillment.record(transactions, work, message, node=None, actor="operator operator")
    (signal,) = sent

    for _ in range(2):
        await house.workflow(name).signal(signal.signal, signal.facts)

    document = await house.settle(name)
    assert units(document) == {"shipped": 1, "allocated": 1}
    assert document["exceptions"] == []


def forgetful(house: House) -> OrderTransactions:
    """Transactions of a process that never sends its signals."""
    return OrderTransactions(house.service.database, house.service.networks)


async def owed(house: House, name: str) -> int:
    """How many signals for an order's workflow are not sent yet."""
    async with house.service.database.read() as connection:
        count = await connection.execute(text("SELECT count(*) FROM wake WHERE order_id = :order"), {"order": name})
        return int(count.scalar_one())


async def test_a_request_that_was_answered_before_the_workflow_was_terminated_keeps_its_answer(
    still_house: House,
) -> None:
    house = still_house
    name, _ = await released(house)
    one = {"lines": [{"line": "1", "quantity": 1}]}
    first = await house.workflow(name).execute_update("cancel", one, id="ticket-7", result_type=dict[str, Any])
    await house.settle(name)
    await house.workflow(name).terminate("an operator pressed the button")
    await backdate(house, UNATTENDED_FOR_A_DAY, name)
    await house.service.relay.sweep()

    again = await house.workflow(name).execute_update("cancel", one, id="ticket-7", result_type=dict[str, Any])

    assert again == first
    assert units(await house.settle(name)) == {"allocated": 1, "cancelled": 1}


async def test_a_nodes_messages_while_temporal_is_down_count_at_once_and_reach_the_workflow_later_in_sequence(
    still_house: House, database: Database
) -> None:
    house = still_house
    (one, first), (other, second) = await released(house), await released(house)
    heard_before = {name: len(await messages_of(house, name)) for name in (one, other)}
    away = assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))
    signal = [(first, "shipped"), (second, "rejected"), (first, "accepted"), (first, "shipped"), (first, "delivered")]
    for number, (work, kind) in enumerate(signal):
        lines = {"lines": ONE_UNIT} if kind == "shipped" else {}
        body = {"message_id": f"away-{number}", "kind": kind, "occurred_at": now()} | lines
        message = NodeMessage.model_validate(body)
        assert await fulfillment.record(away.transactions, work, message, node=None, actor="node:reroutes")

    shown = [(await house.order(name))["fulfillment_orders"][0] for name in (one, other)]
    assert [(fo["status"], fo["request"]) for fo in shown] == [("delivered", "accepted"), ("cancelled", "rejected")], (
        "each message has taken effect when it was acknowledged, after those before it"
    )
    for name in (one, other):
        await backdate(house, OWED_FOR_A_MINUTE, name)
    await house.service.relay.send_overdue()

    for name in (one, other):
        await house.settle(name)
    found = {name: (await messages_of(house, name))[heard_before[name] :] for name in (one, other)}
    assert found == {one: ["away-0", "away-3", "away-4"], other: ["away-1"]}, (
        "that it was accepted gives it nothing to do"
    )
    await house.stock("spare", SERUM_30=2)
    assert (await house.work(other, 2))["node"] == "spare"


async def test_relays_that_run_at_once_send_each_orders_backlog_in_the_order_of_its_storing(
    small_house: House, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, each = small_house, 12
    monkeypatch.setattr(relay, "BATCH_MAX", 5)  # all of them are at work on the same few orders
    await house.stock("reroutes", SERUM_30=5 * each)
    names = [await house.place(("SERUM-30", each)) for _ in range(5)]
    works = {name: (await house.work(name))["fulfillment_order"] for name in names}
    heard_before = {name: len(await messages_of(house, name)) for name in names}
    for number in range(each):
        for name, work in works.items():
            body = {"message_id": f"{name}-{number}", "kind": "shipped", "occurred_at": now(), "lines": ONE_UNIT}
            await fulfillment.record(
                forgetful(house),
                work,
                NodeMessage.model_validate(body),
                node="reroutes",
                actor="node:reroutes",
            )
    for name in names:
        await backdate(house, OWED_FOR_A_MINUTE, name)

    others = [Relay(database, house.time.client) for _ in range(3)]
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while sum([await owed(house, name) for name in names]):
            await asyncio.gather(*(other.send_overdue() for other in others))

    for name in names:
        await house.settle(name)
    found = {name: (await messages_of(house, name))[heard_before[name] :] for name in names}
    assert found == {name: [f"{name}-{number}" for number in range(each)] for name in names}


async def messages_of(house: House, name: str) -> list[str]:
    """The ids of the node's messages in the sequence in which an order's workflow got them."""
    history = await house.workflow(name).fetch_history()
    signals = [event.workflow_execution_signaled_event_attributes for event in history.events]
    payloads = [json.loads(signal.input.payloads[0].data) for signal in signals if signal.signal_name == "node_message"]
    return [payload["message_id"] for payload in payloads]


@pytest_asyncio.fixture
async def closed_shop(database: Database, database_url: str, temporal: TimeSkipper) -> AsyncIterator[Service]:
    """A service that accepts orders while no worker and no relay runs."""
    assert await apply_network(database_url, SMALL_MAP) == []
    yield assemble(database, temporal.client)


@pytest.fixture
def order() -> NewOrder:
    """An order that no node can fill."""
    return NewOrder.model_validate(
        {
            "channel": "web",
            "number": f"closed-{now().replace(':', '').replace('.', '').replace('+', '')}",
            "placed_at": now(),
            "currency": "USD",
            "ship_to": {"postal_code": "80202", "country": "US"},
            "lines": [{"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 1000}],
        }
    )


async def test_an_order_that_was_acknowledged_while_temporal_was_away_is_started_later(
    closed_shop: Service, order: NewOrder, database: Database, temporal: TimeSkipper
) -> None:
    taken = await orders.take(closed_shop.transactions, order)
    async with database.write() as connection:
        await connection.execute(text(UNATTENDED_FOR_A_DAY), {"order": order.order})

    await closed_shop.relay.start_unstarted()

    handle = temporal.client.get_workflow_handle(f"order-{order.order}")
    async with worker.build(temporal.client, database):
        placed = await handle.execute_update("place", result_type=dict[str, Any])
        await handle.terminate("the test is over")
    assert (taken.state.status, placed["status"]) == ("sourcing", "backordered")


@pytest.mark.parametrize(("looks", "version"), [("start_unstarted", 0), ("sweep", 1)])
async def test_an_order_that_cannot_be_started_holds_up_no_other(
    closed_shop: Service,
    order: NewOrder,
    temporal: TimeSkipper,
    monkeypatch: pytest.MonkeyPatch,
    looks: str,
    version: int,
) -> None:
    monkeypatch.setattr(relay, "BATCH_MAX", 1)
    await orders.take(closed_shop.transactions, order)
    async with closed_shop.database.write() as connection:
        of_the_order = {"order": order.order}
        await connection.execute(text(ACTED_ON), {"version": version})
        await connection.execute(text(AN_OLDER_ONE), of_the_order | {"copy": TOO_LONG_FOR_TEMPORAL})
        await connection.execute(text(UNATTENDED_FOR_A_DAY), of_the_order)

    for _ in range(2):
        await getattr(closed_shop.relay, looks)()

    handle = temporal.client.get_workflow_handle(f"order-{order.order}")
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await handle.terminate("the test is over")


ACTED_ON = """
    UPDATE orders SET version = CAST(:version AS bigint),
                      sweep_at = CASE WHEN CAST(:version AS bigint) > 0 THEN received_at END
"""
AN_OLDER_ONE = """
    WITH older AS (
        INSERT INTO orders
        SELECT (jsonb_populate_record(o, jsonb_build_object(
            'order_id', CAST(:copy AS text), 'number', 'copy', 'received_at', now() - interval '2 days'))).*
        FROM orders o WHERE order_id = :order)
    INSERT INTO order_line
    SELECT (jsonb_populate_record(l, jsonb_build_object('order_id', CAST(:copy AS text)))).*
    FROM order_line l WHERE order_id = :order
"""


async def test_an_order_whose_cancel_button_is_pressed_before_any_worker_saw_it_is_cancelled(
    closed_shop: Service, order: NewOrder, database: Database, temporal: TimeSkipper
) -> None:
    taken = await orders.take(closed_shop.transactions, order)
    await edge.start(temporal.client, taken.input)
    handle = temporal.client.get_workflow_handle(f"order-{order.order}")

    await handle.cancel()

    async with worker.build(temporal.client, database):
        assert await handle.result() == {"status": "cancelled"}


async def test_signals_that_come_before_any_worker_saw_the_order_are_not_lost(
    closed_shop: Service, order: NewOrder, database: Database, temporal: TimeSkipper
) -> None:
    taken = await orders.take(closed_shop.transactions, order)
    await edge.start(temporal.client, taken.input)
    handle = temporal.client.get_workflow_handle(f"order-{order.order}")

    await handle.signal("node_message", "a text")
    await handle.signal("no_such_signal", args=[])

    async with worker.build(temporal.client, database):
        await handle.execute_update("cancel", {"lines": None})
        await handle.result()
    async with database.read() as connection:
        count = await connection.execute(
            text("SELECT count(*) FROM exception WHERE order_id = :order AND code = 'message_misfit'"),
            {"order": order.order},
        )
    assert count.scalar_one() == 2

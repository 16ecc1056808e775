"""A database that an earlier version has filled goes on under this one: nothing is lost, and every open order ends well."""

import asyncio
import re
from collections.abc import AsyncIterator

from httpx2 import AsyncClient
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

import worker
from database.connect import Database
from domain import identifiers
from embedded.ports import free_port
from starter.audit import findings_of
from tests.house import ANSWERS_WITHIN_SECONDS, House
from tests.listener import Listener, listening
from tests.upgrade.conftest import Recording
from tests.upgrade.everybody import Everybody, orders_of, shown_at
from tests.upgrade.record import REASON, ROSA, SECRET, SECRET_BEFORE, shown


async def test_no_invariant_is_violated_after_the_upgrade(database: Database) -> None:
    findings = await findings_of(database)

    assert [row for finding in findings for row in finding.violations] == []
    assert sum(finding.checked for finding in findings) > 0


async def test_every_order_is_shown_as_before_the_upgrade(reader: AsyncClient, recording: Recording) -> None:
    known = recording.known["orders"]

    found = [shown(await shown_at(reader, f"/orders/{name}")) for name in known]

    assert found == list(known.values())


async def test_addresses_and_typed_reasons_are_still_readable(reader: AsyncClient) -> None:
    work = await shown_at(reader, "/fulfillment-orders/web-released-f1")
    held = await shown_at(reader, "/orders/web-held-with-pins")
    (misfit,) = (await shown_at(reader, "/exceptions?code=message_misfit"))["items"]

    assert work["ship_to"] == ROSA
    assert [(hold["hold"], hold["reason"]) for hold in held["holds"]] == [("address", REASON)]
    assert (misfit["owner"], misfit["assigned_because"]) == ("night-shift", REASON)
    assert (await shown_at(reader, "/orders/web-forgotten"))["forgotten"]


async def test_orders_of_the_past_show_their_address_and_price_and_nothing_that_nobody_asked_for_then(
    reader: AsyncClient,
) -> None:
    order = await shown_at(reader, "/orders/web-released")

    assert (order["ship_to"], order["value"], order["currency"]) == (ROSA, 2500, "USD")
    unasked = ("reference", "purchase_order", "bill_to", "promised", "note", "not_before")
    assert {name: order[name] for name in unasked} == dict.fromkeys(unasked)
    assert (order["tags"], order["attributes"]) == ([], {})
    (line,) = order["lines"]
    assert (line["unit_price"], line["name"], line["gift_message"], line["attributes"]) == (2500, None, None, {})


async def test_every_key_still_opens_what_it_opened_and_a_revoked_one_nothing(
    reader: AsyncClient, recording: Recording
) -> None:
    paths = {"operator": "/keys", "web": "/orders/web-released", "main": "/fulfillment-orders", "popup": "/orders"}

    found = {
        holder: (await reader.get(paths[holder], headers={"Authorization": f"Bearer {key}"})).status_code
        for holder, key in recording.known["keys"].items()
    }

    assert found == {"operator": 200, "web": 200, "main": 200, "popup": 401}


async def test_carts_stopped_sales_and_pauses_still_stand(reader: AsyncClient, recording: Recording) -> None:
    carts = {name: await shown_at(reader, f"/reservations/{cart}") for name, cart in recording.known["carts"].items()}
    stopped = {sku: (await shown_at(reader, f"/stock/{sku}"))["stopped"] for sku in ("LAMP-1", "SERUM-30", "MASK-10")}
    nodes = (await shown_at(reader, "/nodes"))["items"]

    assert {name: cart["status"] for name, cart in carts.items()} == {"held": "held", "lapsed": "lapsed"}
    assert stopped == {"LAMP-1": True, "SERUM-30": False, "MASK-10": False}
    assert [(node["node"], node["paused"]["reason"]) for node in nodes if node["paused"]] == [("snow", "snow")]


async def test_what_is_sent_again_after_the_upgrade_is_answered_as_the_first_time(
    house: House, recording: Recording
) -> None:
    repeated = recording.known["repeated"]
    key = {"Authorization": f"Bearer {recording.known['keys']['operator']}"}
    request = repeated["request"]

    order = await house.http.post("/orders", json=repeated["order"])
    other = await house.http.post("/orders", json=repeated["order"] | {"currency": "EUR"})
    message = await house.http.post(repeated["message"]["path"], json=repeated["message"]["body"])
    cancel = await house.http.post(
        request["path"], json=request["body"], headers=key | {"Idempotency-Key": request["key"]}
    )

    assert (order.status_code, other.status_code, message.status_code) == (200, 409, 200)
    assert (cancel.status_code, cancel.json()) == (200, request["answer"])


async def test_a_channels_webhook_is_called_with_all_that_it_was_owed(house: House, recording: Recording) -> None:
    before = await shown_at(house.http, "/channels/web/webhook")
    feed = (await shown_at(house.http, "/events?channel=web&limit=500"))["items"]
    listener = Listener(free_port())
    async with listening(listener):
        answer = await house.http.put("/channels/web/webhook", json={"url": listener.url})
        await house.http.post("/channels/web/webhook/retry", json={})
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while (await shown_at(house.http, "/channels/web/webhook"))["owed"]:  # noqa: ASYNC110 - PostgreSQL rings no bell
                await asyncio.sleep(0.1)

    assert before["owed"] >= len(recording.known["orders"]) - len(("marketplace", "wholesale"))
    assert answer.json()["secret"] is None
    called = {call.headers["webhook-id"]: call.document for call in listener.calls}
    assert [called.get(event["event"]) for event in feed] == feed
    for order in {event["order"] for event in feed}:
        shown_in_turn = [event["event"] for event in feed if event["order"] == order]
        assert [name for name in called if name in shown_in_turn] == shown_in_turn
    assert all(call.is_signed_with(secret) for call in listener.calls for secret in (SECRET, SECRET_BEFORE))


async def test_the_history_of_every_order_that_was_open_replays_on_the_code_as_it_is(recording: Recording) -> None:
    replayer = Replayer(workflows=worker.WORKFLOWS, data_converter=pydantic_data_converter)
    recorded = recording.histories

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for name, history in recorded.items():
            yield WorkflowHistory.from_json(name, history)

    replayed = await replayer.replay_workflows(histories(), raise_on_replay_failure=False)

    assert len(recorded) > len(recording.known["orders"]) / 2
    assert replayed.replay_failures == {}


async def test_every_open_order_has_a_history_or_was_accepted_while_temporal_was_down(
    reader: AsyncClient, recording: Recording
) -> None:
    open_orders = [order["order"] for order in await orders_of(reader) if not order["closed"]]

    without = {identifiers.order_workflow_id(name) for name in open_orders} - recording.histories.keys()

    assert without == {"order-web-taken-in-only"}


def test_the_recording_names_no_person_and_no_machine(recording: Recording) -> None:
    texts = [recording.sql, *recording.histories.values()]
    personal: list[object] = [*ROSA["street"], ROSA["name"], ROSA["email"], ROSA["phone"], REASON, "Eve Example"]

    assert [word for word in personal if any(str(word) in text for text in texts)] == []
    assert [found for text in texts for found in re.findall(r"\d+@[\w.-]+|/(?:home|root|tmp|usr|var)/", text)] == []


async def test_orders_whose_workflows_are_lost_go_on_from_postgresql_and_reach_their_end(
    house: House, recording: Recording
) -> None:
    everybody = Everybody(house)
    await everybody.see_every_workflow_started()
    await everybody.see_all_through()

    ended = await orders_of(house.http)
    assert {order["order"]: order["status"] for order in ended if not order["closed"]} == {}
    assert await everybody.open_returns() == []
    for order in ended:
        assert all(line["shipped"] + line["cancelled"] == line["ordered"] for line in order["lines"]), order
        assert all(line["delivered"] == line["shipped"] for line in order["lines"]), order
        assert not order["exceptions"], order
    assert await everybody.statuses() == {WorkflowExecutionStatus.COMPLETED}
    assert {order["order"] for order in ended} > recording.known["orders"].keys()

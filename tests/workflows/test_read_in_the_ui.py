"""What operators read of an order in the Temporal UI: its summary, its card, its search attributes, and what it waits for."""

import asyncio
import re
from datetime import datetime
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey

from tests.house import ANSWERS_WITHIN_SECONDS, House, now
from workflows.requests import REQUESTS
from workflows.visibility import SEARCH_ATTRIBUTES

SUMMARIZED = (
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_TIMER_STARTED,
)
"""What an operator sees as a row of the timeline."""


async def short_picked(house: House) -> tuple[str, list[str]]:
    """An order of two lines of which one unit was not found, so that two nodes work on it."""
    await house.stock("reroutes", SERUM_30=2, TONER_200=1)
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 2), ("TONER-200", 1))
    first = (await house.work(name))["fulfillment_order"]
    await house.tell(first, "picked", {"1": 1, "2": 1}, final=True)
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.settle(name)
    return name, [first, second]


async def attributes(house: House, name: str) -> dict[str, Any]:
    """The search attributes of an order's workflow by name; absent ones are left out."""
    pairs = (await house.workflow(name).describe()).typed_search_attributes
    return {pair.key.name: pair.value for pair in pairs if pair.key.name in {key.name for key in SEARCH_ATTRIBUTES}}


async def card(house: House, name: str) -> str:
    """The current-details card, as the UI asks for it."""
    return str((await metadata(house, name)).current_details)


async def metadata(house: House, name: str) -> WorkflowMetadata:
    """A workflow's metadata: its signals, updates and queries."""
    found: WorkflowMetadata = await house.workflow(name).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return found


async def test_an_order_is_summarized_in_one_line(small_house: House) -> None:
    house = small_house
    one = await house.place(("SERUM-30", 1), postal_code="10001")
    more = await house.place(("SERUM-30", 2), ("TONER-200", 1))

    summaries = [await (await house.workflow(name).describe()).static_summary() for name in (more, one)]

    assert summaries == ["2 lines, 3 units, standard, US 802", "1 line, 1 unit, standard, US 100"]


async def test_the_card_shows_where_every_unit_is_and_what_each_node_owes(small_house: House) -> None:
    house = small_house
    name, works = await short_picked(house)
    await house.ask(name, "hold", hold="fraud")
    await house.workflow(name).signal("no_such_signal", "hello")
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    document = await house.settle(name)

    shown = await card(house, name)

    assert re.match(r"\*\*on_hold\*\*, as of \d{4}-\d\d-\d\d \d\d:\d\dZ\n", shown)
    assert f"promised: delivered by {document['promise']['deliver_by'][:10]}" in shown
    assert "- line 1, 2 × SERUM-30: 2 allocated" in shown
    assert "- line 2, 1 × TONER-200: 1 allocated" in shown
    for work, waits in zip(document["fulfillment_orders"], ("shipment", "acceptance"), strict=True):
        until = datetime.fromisoformat(work["deadline"]).strftime("%Y-%m-%d %H:%M")
        row = next(line for line in shown.splitlines() if f"`{work['fulfillment_order']}`" in line)
        assert f"{work['node']}, attempt {work['attempt']}" in row
        assert f"waits for {waits} until {until}Z" in row
    assert f"exception `{document['exceptions'][0]['exception']}`: message_misfit" in shown
    assert "on hold: fraud" in shown
    assert [work["fulfillment_order"] for work in document["fulfillment_orders"]] == works


async def test_every_request_of_the_table_is_an_update_that_says_what_it_does(small_house: House) -> None:
    name = await small_house.place(("SERUM-30", 1))

    definition = (await metadata(small_house, name)).definition

    said = {update.name: update.description for update in definition.update_definitions}
    assert said.pop("place") == "Answers with the promise as soon as the units are reserved"
    assert said == {name: request.description for name, request in REQUESTS.items()}
    assert set(said) == {
        "cancel",
        "hold",
        "release",
        "reroute",
        "change_address",
        "change_service",
        "add_lines",
        "change_quantity",
        "change_pickup",
        "resolve",
        "request_return",
    }
    assert all(said.values())


async def test_an_order_is_found_by_what_it_is_about(small_house: House) -> None:
    house = small_house
    name, works = await short_picked(house)
    document = await house.settle(name)

    found = await attributes(house, name)

    deadlines = sorted(datetime.fromisoformat(work["deadline"]) for work in document["fulfillment_orders"])
    assert found["Order"] == name
    assert found["Channel"] == "web"
    assert found["OrderStatus"] == "in_fulfillment"
    assert found["Nodes"] == ["reroutes", "spare"]
    assert found["NeedsAttention"] is False
    assert "ExceptionCode" not in found
    assert same_moment(found["PromiseBy"], datetime.fromisoformat(document["promise"]["deliver_by"]))
    assert same_moment(found["NextDeadline"], deadlines[0])
    assert works


def same_moment(one: datetime, other: datetime) -> bool:
    """Temporal keeps milliseconds or more, PostgreSQL microseconds."""
    return abs((one - other).total_seconds()) < 0.001


async def test_what_an_order_is_found_by_follows_it_to_its_end(small_house: House) -> None:
    house = small_house
    name, works = await short_picked(house)
    await house.workflow(name).signal("no_such_signal", "hello")
    await house.until(name, lambda found: bool(found["exceptions"]))
    await house.settle(name)
    troubled = await attributes(house, name)

    for work in works:
        await house.fulfill(work)
    delivered = await house.until(name, "delivered")
    await house.settle(name)
    waiting = await attributes(house, name)
    await house.skip_to(name, delivered["closes_at"])
    await house.workflow(name).result()
    closed = await attributes(house, name)
    ended_as = (await house.workflow(name).describe()).status

    assert (troubled["NeedsAttention"], troubled["ExceptionCode"]) == (True, "message_misfit")
    assert waiting["OrderStatus"] == "delivered"
    assert "Nodes" not in waiting, "no node owes anything"
    assert same_moment(waiting["NextDeadline"], datetime.fromisoformat(delivered["closes_at"]))
    assert ended_as is WorkflowExecutionStatus.COMPLETED
    assert closed == waiting, "how it ended is what Temporal says of the workflow itself"


async def test_an_order_that_was_cancelled_is_found_by_that(small_house: House) -> None:
    house = small_house
    name, _ = await short_picked(house)
    cancelled = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    assert (await house.ask(cancelled, "cancel")).status_code == 200

    await house.workflow(cancelled).result()

    assert (await attributes(house, cancelled))["OrderStatus"] == "cancelled"
    assert (await attributes(house, name))["OrderStatus"] == "in_fulfillment"


async def test_a_node_in_trouble_shows_all_orders_that_it_owes(small_house: House) -> None:
    house = small_house
    name, _ = await short_picked(house)
    query = f'Nodes = "spare" AND OrderStatus = "in_fulfillment" AND `Order` = "{name}"'  # a word of SQL

    found: list[str] = []
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not found:  # the list of workflows follows the workflows with a delay
            await asyncio.sleep(0.05)
            found = [workflow.id async for workflow in house.time.client.list_workflows(query)]

    assert found == [f"order-{name}"]


async def test_every_step_and_every_wait_of_an_order_says_in_words_what_it_is(small_house: House) -> None:
    house = small_house
    name, works = await short_picked(house)
    facts = {"fulfillment_order": works[1], "message_id": f"bare-{name}", "kind": "accepted", "occurred_at": now()}
    await house.workflow(name).signal("node_message", facts)
    await house.ask(name, "hold", hold="fraud")
    await house.ask(name, "release", hold="fraud")
    await house.settle(name)
    await house.wait_out(name)
    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    for work in works:
        await house.fulfill(work)
    delivered = await house.until(name, "delivered")
    await house.settle(name)
    await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])
    returns = house.time.client.get_workflow_handle(f"return-{name}-r1")
    async for event in returns.fetch_history_events(wait_new_event=True):
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            break
    await returns.terminate("an order does not skip time while its return is open")
    await house.skip_to(name, delivered["closes_at"])
    await house.workflow(name).result()

    histories = [await handle.fetch_history() for handle in (house.workflow(name), returns)]
    steps = [event for history in histories for event in history.events if event.event_type in SUMMARIZED]
    silent = [MessageToDict(event) for event in steps if not event.user_metadata.HasField("summary")]
    assert not silent
    said = {event.user_metadata.summary.data.decode().strip('"') for event in steps}
    assert {
        "reserve units at real nodes",
        "source again, round 2",
        f"{works[0]}: acceptance",
        f"{works[0]}: shipment",
        f"{works[0]}: no shipment in time",
        "record a message that came as a signal",
        "hold as asked",
        "release as asked",
        "request_return as asked",
        "the return window",
        "close the order",
        "until the parcel comes back",
    } <= said


@pytest.mark.parametrize("key", SEARCH_ATTRIBUTES, ids=lambda key: key.name)
async def test_temporal_knows_every_search_attribute(small_house: House, key: SearchAttributeKey[Any]) -> None:
    """An unknown one would fail every order's workflow task, for ever."""
    assert await small_house.time.client.count_workflows(f"`{key.name}` IS NOT NULL")

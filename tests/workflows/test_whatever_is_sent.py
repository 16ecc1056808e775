"""Whatever is sent to an order's workflow: facts are never lost, nonsense becomes an exception, and nothing wedges it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, now, units


def undecodable(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    """A payload as a foreign sender may encode it."""
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


def nested(levels: int) -> RawValue:
    """An object in an object in an object."""
    return undecodable(b'{"a":' * levels + b"1" + b"}" * levels)


NONSENSE: dict[str, Sequence[Any]] = {
    "no argument": [],
    "two arguments": [{}, {}],
    "text": ["shipped!"],
    "a number": [7],
    "a list": [["accepted"]],
    "bytes": [b"\x00\xff"],
    "null": [None],
    "nested 20 levels": [nested(20)],
    "nested 200 levels": [nested(200)],
    "nested 5000 levels": [nested(5000)],
    "half a document": [undecodable(b'{"kind":')],
    "not UTF-8": [undecodable(b'{"kind": "\xff"}')],
    "an unknown encoding": [undecodable(b"x", b"binary/odd")],
    "no encoding": [RawValue(Payload(data=b"x"))],
}


async def released(house: House) -> tuple[str, str]:
    """An order of two units that its node may work on; answers its name and its fulfillment order."""
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    await house.settle(name)
    return name, work


def message(fulfillment_order: str, kind: str, **more: Any) -> Document:
    """A node's message as Temporal carries it, as docs/reference/temporal.md says."""
    facts = {"fulfillment_order": fulfillment_order, "message_id": f"bare-{kind}", "kind": kind, "occurred_at": now()}
    return facts | more


@pytest.mark.parametrize("signal", ["node_message", "changed", "no_such_signal"])
async def test_every_unreadable_signal_becomes_one_exception_and_the_order_goes_on(
    small_house: House, signal: str
) -> None:
    house = small_house
    name, work = await released(house)

    for arguments in NONSENSE.values():
        await house.workflow(name).signal(signal, args=arguments)

    document = await house.until(name, lambda found: len(found["exceptions"]) >= len(NONSENSE))
    assert {exception["code"] for exception in document["exceptions"]} == {"message_misfit"}
    await house.fulfill(work)
    delivered = await house.until(name, "delivered")
    assert len(delivered["exceptions"]) == len(NONSENSE)
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")


WRONG_SIGNALS: tuple[Document, ...] = (
    {"kind": "teleported"},
    {"lines": [{"line": "1", "quantity": 0}]},
    {"lines": [{"line": "1", "quantity": 1}] * 2001},
    {"reason": "nul \x00"},
    {"occurred_at": "yesterday"},
    {"surprise": 1},
    {"fulfillment_order": "web-unknown-f1"},
    {"fulfillment_order": "nul \x00-f1"},
    {"fulfillment_order": ["web-1-f1"]},
    {"fulfillment_order": None},
)


async def test_a_signal_with_a_wrong_field_becomes_one_exception(small_house: House) -> None:
    house = small_house
    for number, wrong in enumerate(WRONG_SIGNALS):
        name, work = await released(house)

        facts = message(work, "accepted") | {"message_id": f"bare-{number}"} | wrong
        await house.workflow(name).signal("node_message", facts)

        await house.until(name, lambda found: bool(found["exceptions"]))
        document = await house.settle(name)
        assert [exception["code"] for exception in document["exceptions"]] == ["message_misfit"], wrong
        assert document["fulfillment_orders"][0]["request"] == "sent", wrong


async def test_a_message_that_comes_straight_through_temporal_counts_like_one_over_http_and_once(
    small_house: House,
) -> None:
    house = small_house
    name, work = await released(house)
    facts = message(work, "shipped", lines=[{"line": "1", "quantity": 1}])

    for _ in range(2):
        await house.workflow(name).signal("node_message", facts)
    document = await house.until(name, "partially_shipped")
    body = {field: value for field, value in facts.items() if field != "fulfillment_order"}
    again = await house.http.post(f"/fulfillment-orders/{work}/messages", json=body)

    assert again.status_code == 200, "it is known already"
    document = await house.settle(name)
    assert units(document) == {"shipped": 1, "allocated": 1}
    assert document["exceptions"] == []


async def test_a_message_that_came_over_http_does_not_count_again_when_temporal_brings_it(small_house: House) -> None:
    house = small_house
    name, work = await released(house)
    facts = message(work, "shipped", lines=[{"line": "1", "quantity": 1}])
    body = {field: value for field, value in facts.items() if field != "fulfillment_order"}
    assert (await house.http.post(f"/fulfillment-orders/{work}/messages", json=body)).status_code == 202

    await house.workflow(name).signal("node_message", facts)
    await house.workflow(name).signal("node_message", facts | {"lines": [{"line": "1", "quantity": 2}]})

    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert units(document) == {"shipped": 1, "allocated": 1}
    assert [exception["code"] for exception in document["exceptions"]] == ["message_misfit"], (
        "the same id, another body"
    )


async def test_a_message_about_another_order_does_not_change_this_one_and_opens_an_exception(
    small_house: House,
) -> None:
    house = small_house
    name, _ = await released(house)
    other, others_work = await released(house)

    await house.workflow(name).signal("node_message", message(others_work, "rejected"))

    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert document["fulfillment_orders"][0]["request"] == "sent"
    assert units(await house.settle(other)) == {"allocated": 2}


async def test_the_state_of_another_order_is_never_taken_for_this_orders_own(small_house: House) -> None:
    house = small_house
    name, work = await released(house)
    other, _ = await released(house)
    foreign = await house.workflow(other).query("view", result_type=dict[str, Any])

    await house.workflow(name).signal("changed", {"recorded": foreign | {"version": 1_000_000}})
    await house.workflow(name).signal(
        "node_message", message(work, "accepted", recorded=foreign | {"version": 1_000_000})
    )

    await house.until(name, lambda found: bool(found["exceptions"]))
    document = await house.settle(name)
    assert document["fulfillment_orders"][0]["request"] == "accepted", "the message itself counts"
    assert len(document["exceptions"]) == 1


VALID: dict[str, Document] = {
    "cancel": {"lines": None},
    "hold": {"hold": "fraud"},
    "release": {"hold": "fraud"},
    "reroute": {"fulfillment_order": "web-1-f1"},
    "change_quantity": {"lines": [{"line": "1", "quantity": 1}]},
    "change_pickup": {"pickup_node": None},
    "change_service": {"service": "standard"},
    "resolve": {"exception": "web-1-x1"},
    "request_return": {"lines": [{"line": "1", "quantity": 1}]},
}
REFUSED: dict[str, tuple[Sequence[Any], str]] = {
    "no argument": ([], "one argument, not 0"),
    "two arguments": ([{}, {}], "one argument, not 2"),
    "text": (["now"], "body"),
    "a list": ([[1]], "body"),
    "bytes": ([b"\x00\xff"], "body"),
    "null": ([None], "body"),
    "a row's id that is none": ([{"request": "first"}], "request"),
    "nested 200 levels": ([nested(200)], ""),
    "half a document": ([undecodable(b'{"lines":')], ""),
}


async def test_a_request_that_cannot_be_read_is_refused_with_its_field_and_leaves_no_trace(small_house: House) -> None:
    house = small_house
    name, work = await released(house)
    handle = house.workflow(name)
    before = len((await handle.fetch_history()).events)

    for update, valid in VALID.items():
        unknown_field: tuple[Sequence[Any], str] = ([valid | {"surprise": 1}], "surprise")
        for arguments, named in (*REFUSED.values(), unknown_field):
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await handle.execute_update(update, args=arguments)
            assert isinstance(refused.value.cause, ApplicationError), update
            assert named in refused.value.cause.message, update

    assert len((await handle.fetch_history()).events) == before
    await house.fulfill(work)
    await house.until(name, "delivered")


WRONG_FIELDS: tuple[tuple[str, Document, str], ...] = (
    ("cancel", {"lines": []}, "lines"),
    ("cancel", {"lines": [{"line": "1", "quantity": 0}]}, "lines.0.quantity"),
    ("cancel", {"lines": [{"line": "1"}]}, "lines.0.quantity"),
    ("hold", {}, "hold"),
    ("hold", {"hold": "Not A Word"}, "hold"),
    ("release", {"hold": None}, "hold"),
    ("reroute", {"fulfillment_order": "web-1-f1", "to_node": 7}, "to_node"),
    ("change_address", {"ship_to": {"country": "US", "postal_code": "80202"}}, "request"),
    ("add_lines", {"lines": [{"line": "2", "sku": "SERUM-30", "quantity": 1, "unit_price": 1}]}, "request"),
    ("change_service", {}, "service"),
    ("change_quantity", {}, "lines"),
    ("change_quantity", {"lines": [{"line": "1", "quantity": 0}]}, "lines.0.quantity"),
    ("resolve", {"exception": "an exception"}, "exception"),
    ("request_return", {"lines": [{"line": "1", "quantity": "2"}]}, "lines.0.quantity"),
    ("request_return", {"lines": [{"line": "1", "quantity": 1}], "resolution": "revenge"}, "resolution"),
)


async def test_a_request_with_a_wrong_field_is_refused_by_the_fields_name(small_house: House) -> None:
    house = small_house
    name, _ = await released(house)

    for update, body, field in WRONG_FIELDS:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await house.workflow(name).execute_update(update, body)

        assert isinstance(refused.value.cause, ApplicationError), (update, body)
        found = (refused.value.cause.type, f"{update}: `{field}`:" in refused.value.cause.message)
        assert found == ("BadRequest", True), (update, body)


async def test_asking_for_the_promise_takes_no_argument_and_may_be_repeated(small_house: House) -> None:
    house = small_house
    name, _ = await released(house)
    handle = house.workflow(name)

    wrong: tuple[Sequence[Any], ...] = ([{}], [{}, {}], [None])
    for arguments in wrong:
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("place", args=arguments)

    promise = (await house.order(name))["promise"]
    for _ in range(2):
        assert await handle.execute_update("place", result_type=dict[str, Any]) == {
            "status": "in_fulfillment",
            "promise": promise,
        }


async def test_an_update_that_does_not_exist_is_refused_and_the_order_goes_on(small_house: House) -> None:
    house = small_house
    name, work = await released(house)

    with pytest.raises(WorkflowUpdateFailedError):
        await house.workflow(name).execute_update("teleport", {"lines": None})

    await house.fulfill(work)
    await house.until(name, "delivered")


async def test_a_request_straight_through_temporal_needs_no_row_and_its_update_id_makes_it_one(
    small_house: House,
) -> None:
    house = small_house
    name, _ = await released(house)
    handle = house.workflow(name)
    one = {"lines": [{"line": "1", "quantity": 1}]}

    answers = [
        await handle.execute_update("cancel", one, id="from-the-ui", result_type=dict[str, Any]) for _ in range(2)
    ]

    assert answers[0] == answers[1]
    assert [(row["line"], row["quantity"]) for row in answers[0]["cancelled"]] == [("1", 1)]
    document = await house.until(name, lambda found: units(found) == {"allocated": 1, "cancelled": 1})
    assert len(document["fulfillment_orders"]) == 2, "the unit that stays is sourced again"
    everything = await handle.execute_update("cancel", {"lines": None}, result_type=dict[str, Any])
    assert [(row["line"], row["quantity"]) for row in everything["cancelled"]] == [("1", 1)]
    assert await handle.result() == {"status": "cancelled"}


async def test_a_request_whose_row_does_not_exist_is_refused_and_the_order_goes_on(small_house: House) -> None:
    house = small_house
    name, work = await released(house)

    for row in (424_242, -1, 10**30):
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            with pytest.raises(WorkflowUpdateFailedError):
                await house.workflow(name).execute_update("cancel", {"request": row})

    await house.fulfill(work)
    await house.until(name, "delivered")


async def test_a_request_cannot_be_carried_out_on_an_order_that_it_was_not_made_for(small_house: House) -> None:
    house = small_house
    name, _ = await released(house)
    other, _ = await released(house)
    assert (await house.ask(other, "hold", hold="fraud")).status_code == 200
    async with house.service.database.read() as connection:
        row = (await connection.exec_driver_sql("SELECT max(request_id) FROM request")).scalar_one()

    with pytest.raises(WorkflowUpdateFailedError):
        await house.workflow(name).execute_update("hold", {"request": row})

    assert (await house.order(name))["holds"] == []

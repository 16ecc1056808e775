"""Whatever an order waits for: when its workflow is gone, the sweep finds what is due, and the order goes on."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError

from database.schema.views import ORDER_DUE
from domain.fulfillment import NodeMessage, WaitingFor
from domain.order import OrderState
from embedded.ports import free_port
from runtime.breaker import Breaker
from starter.audit import running
from starter.order import order_files
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, Document, House, now, units
from tests.listener import Listener, listening
from transactions import fulfillment
from transactions.order import Moment, cancel, close
from transactions.prepare import apply_network
from transactions.request import Answer, RequestInput
from transactions.transaction import OrderTransactions
from workflows import client
from workflows.client import WorkflowGone

MONTHS = timedelta(days=40)
"""Longer than everything in the small map."""
SECRET = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"

IsSo = Callable[[Document], bool]


@dataclass(frozen=True)
class Wait:
    """A wait of an order: what ends it in the table of all that is due, who begins it, and what is true once it went on."""

    due: str
    begin: Callable[[House, Path], Awaitable[str]]
    went_on: IsSo


async def placed(house: House, node: str = "reroutes", **more: Any) -> str:
    await house.stock(node, SERUM_30=2)
    return await house.place(("SERUM-30", 2), **more)


async def reported(house: House, *kinds: str, node: str = "reroutes", **more: Any) -> str:
    """An order whose node has reported these."""
    name = await placed(house, node, **more)
    work = (await house.work(name))["fulfillment_order"]
    for kind in kinds:
        await house.tell(work, kind)
    return name


async def apply(house: House, folder: Path, other: Mapping[str, str]) -> None:
    """The small map with something else in its files."""
    changed = copytree(SMALL_MAP, folder / "network")
    for file in changed.iterdir():
        text = file.read_text()
        for old, new in other.items():
            text = text.replace(old, new)
        file.write_text(text)
    assert await apply_network(house.database_url, changed) == []


async def until_it_may_be_released(house: House, _: Path) -> str:
    return await placed(house, not_before=(datetime.now(UTC) + timedelta(days=2)).isoformat())


async def until_its_window_ends(house: House, _: Path) -> str:
    return await house.place(("SERUM-30", 2), not_after=(datetime.now(UTC) + timedelta(days=2)).isoformat())


async def until_it_is_given_up(house: House, folder: Path) -> str:
    await apply(house, folder, {'unfilled = "backorder"': 'unfilled = "backorder"\ncancel_after = "3d"'})
    return await house.place(("SERUM-30", 2))


async def until_its_node_has_capacity(house: House, folder: Path) -> str:
    await apply(house, folder, {'id = "reroutes"': 'id = "reroutes"\ncapacity_per_day = 1'})
    await house.work(await placed(house))
    return await placed(house)


async def until_its_node_accepts(house: House, _: Path) -> str:
    name = await reported(house)
    await house.stock("spare", SERUM_30=2)
    return name


async def until_its_node_ships(house: House, _: Path) -> str:
    return await reported(house, "accepted")


async def until_its_node_answers_a_cancel(house: House, _: Path) -> str:
    name = await reported(house, "accepted", node="escalates")
    await house.ask(name, "cancel")
    return name


async def until_it_is_collected(house: House, folder: Path) -> str:
    changed = {'ship_within = "1d"': 'ship_within = "1d"\npickup = true', "[orders]": '[orders]\ncollect_within = "7d"'}
    await apply(house, folder, changed)
    return await reported(house, "ready_for_pickup", pickup_node="reroutes")


async def until_it_is_delivered(house: House, _: Path) -> str:
    return await reported(house, "accepted", "picked", "shipped")


async def until_a_dead_attempt_is_cleared_up(house: House, _: Path) -> str:
    name = await until_its_node_accepts(house, _)
    await house.wait_out(name)
    await house.fulfill((await house.work(name, 2))["fulfillment_order"])
    return name


async def until_its_return_window_is_over(house: House, _: Path) -> str:
    return await reported(house, "accepted", "picked", "shipped", "delivered")


def request_is(wanted: str) -> IsSo:
    return lambda found: bool(found["fulfillment_orders"][0]["request"] == wanted)


def has_exception(code: str) -> IsSo:
    return lambda found: code in [known["code"] for known in found["exceptions"]]


WAITS = (
    Wait("releases_at", until_it_may_be_released, lambda found: len(found["fulfillment_orders"]) == 1),
    Wait("gives_up_at", until_its_window_ends, lambda found: bool(found["status"] == "cancelled")),
    Wait("gives_up_at", until_it_is_given_up, lambda found: bool(found["status"] == "cancelled")),
    Wait(
        "looks_again_at",
        until_its_node_has_capacity,
        lambda found: bool(found["looks_again_at"] and found["looks_again_at"] > datetime.now(UTC).isoformat()),
    ),
    Wait("acceptance", until_its_node_accepts, lambda found: len(found["fulfillment_orders"]) == 2),
    Wait("shipment", until_its_node_ships, request_is("cancel_requested")),
    Wait("cancel_answer", until_its_node_answers_a_cancel, has_exception("cancel_unanswered")),
    Wait("collection", until_it_is_collected, request_is("cancel_requested")),
    Wait("delivery", until_it_is_delivered, lambda found: bool(found["status"] == "delivered")),
    Wait("word_on_doubt", until_a_dead_attempt_is_cleared_up, has_exception("node_silent")),
    Wait("closes_at", until_its_return_window_is_over, lambda found: bool(found["status"] == "completed")),
)


async def terminate(house: House, name: str) -> None:
    await house.workflow(name).terminate("an operator pressed the button")


async def delete(house: House, name: str) -> None:
    """Nothing of it is left."""
    client = house.time.client
    execution = WorkflowExecution(workflow_id=house.workflow(name).id)
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
    await client.workflow_service.delete_workflow_execution(request)
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while await _is_known(house, name):  # noqa: ASYNC110 - Temporal rings no bell
            await asyncio.sleep(0.03)


async def _is_known(house: House, name: str) -> bool:
    try:
        await house.workflow(name).describe()
    except RPCError:
        return False
    return True


async def reset(house: House, name: str) -> None:
    """As it was after its first activity, and without what it was sent since."""
    history = await house.workflow(name).fetch_history()
    tasks = [event.event_id for event in history.events if event.HasField("workflow_task_completed_event_attributes")]
    request = ResetWorkflowExecutionRequest(
        namespace=house.time.client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=house.workflow(name).id),
        reason="an operator chose another button",
        request_id=f"reset {name}",
        workflow_task_finish_event_id=tasks[min(1, len(tasks) - 1)],
        reset_reapply_exclude_types=[
            ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
            ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
        ],
    )
    await house.time.client.workflow_service.reset_workflow_execution(request)


GONE = {"terminated": terminate, "deleted": delete, "reset": reset}


GONE_SOMEHOW = pytest.mark.parametrize(
    "gone", [pytest.param(how, marks=() if how == "terminated" else pytest.mark.long) for how in GONE]
)


LIKE_OTHERS = (
    until_it_is_given_up,
    until_its_node_ships,
    until_its_node_answers_a_cancel,
    until_it_is_collected,
    until_it_is_delivered,
)
"""Waits that the sweep finds as it finds another one: those of a fulfillment order are one column."""


@GONE_SOMEHOW
@pytest.mark.parametrize(
    "wait",
    [
        pytest.param(wait, id=wait.begin.__name__, marks=pytest.mark.long if wait.begin in LIKE_OTHERS else ())
        for wait in WAITS
    ],
)
async def test_an_order_goes_on_when_what_it_waits_for_is_over_although_its_workflow_is_gone(
    still_house: House, tmp_path: Path, wait: Wait, gone: str
) -> None:
    house = still_house
    name = await wait.begin(house, tmp_path)
    await house.settle(name)
    assert wait.due in await due_of(house, name)
    await GONE[gone](house, name)

    await time_passes(house, name, MONTHS)
    await house.service.relay.sweep()

    await house.until(name, wait.went_on)


async def test_the_audit_says_when_the_sweep_starts_a_workflow_that_is_gone_and_for_what(small_house: House) -> None:
    house = small_house
    name = await until_its_return_window_is_over(house, SMALL_MAP)
    closes_at = datetime.fromisoformat((await house.settle(name))["closes_at"])
    await terminate(house, name)

    finding = await running(house.service.database, house.time.client)

    (said,) = [row for row in finding.violations if row.startswith(f"{name}: ")]
    looks_at = datetime.strptime(said.split(" at ")[1][:16], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert looks_at <= closes_at
    assert "it waits until its return window is over" in said


def test_every_wait_in_the_table_of_all_that_is_due_is_tried() -> None:
    moments = {
        word.rstrip(",") for word in ORDER_DUE.partition("least(")[2].partition(")")[0].replace("d.", "").split()
    }
    own = {word.partition(".")[2] or word for word in moments} - {"answered_by"}
    assert own == {"gives_up_at", "looks_again_at", "releases_at", "closes_at"}, "a new one must be tried, too"
    assert {wait.due for wait in WAITS} == own | set(WaitingFor)


async def due_of(house: House, name: str) -> set[str]:
    """What ends the waits of an order now; the workflow's copy and the facts say the same of the first of them."""
    async with house.service.database.read() as connection:
        row = (await connection.execute(DUE, {"order": name})).one()
    state = OrderState.model_validate(row.state)
    works = {fo.waiting_for: fo.deadline for fo in state.fulfillment_orders if fo.waiting_for and fo.deadline}
    own = [moment for moment, _ in state.deadlines()]
    assert row.deadline == min([*own, *works.values()])
    named = {what for what in ("releases_at", "gives_up_at", "looks_again_at", "closes_at") if getattr(row, what)}
    return named | {str(what) for what in works}


DUE = text("SELECT d.*, s.state FROM order_due d JOIN order_state s USING (order_id) WHERE order_id = :order")


async def time_passes(house: House, name: str, span: timedelta) -> None:
    """Everything about an order was so much earlier."""
    async with house.service.database.write() as connection:
        for table, moments in MOMENTS.items():
            earlier = ", ".join(f"{moment} = {moment} - CAST(:span AS interval)" for moment in moments)
            await connection.execute(
                text(f"UPDATE {table} SET {earlier} WHERE order_id = :order"), {"span": span, "order": name}
            )


MOMENTS = {
    "orders": ("received_at", "release_at", "not_after", "sweep_at"),
    "waiting": ("gives_up_at", "looks_again_at"),
    "fulfillment_order": (
        *("released_at", "accepted_at", "ready_at", "shipped_at", "delivered_at", "deadline"),
        *("cancel_asked_at", "dead_at", "ship_by", "deliver_by", "ship_clock_from"),
    ),
    "return": ("requested_at", "authorized_at", "expires_at", "sweep_at"),
}


@GONE_SOMEHOW
async def test_units_that_lost_their_node_are_sourced_although_the_workflow_was_gone_before_it_heard_of_it(
    still_house: House, gone: str
) -> None:
    house = still_house
    name = await reported(house)
    await house.stock("spare", SERUM_30=2)
    await house.settle(name)
    await GONE[gone](house, name)
    work = (await house.work(name))["fulfillment_order"]
    message = NodeMessage.model_validate({"message_id": "lost-1", "kind": "rejected", "occurred_at": now()})
    nobody_sends = OrderTransactions(house.service.database, house.service.networks)
    await fulfillment.record(nobody_sends, work, message, node=None, actor="operator operator")
    async with house.service.database.write() as connection:
        await connection.execute(text("DELETE FROM wake WHERE order_id = :order"), {"order": name})

    await time_passes(house, name, timedelta(minutes=2))
    await house.service.relay.sweep()

    await house.work(name, 2)
    assert units(await house.settle(name)) == {"allocated": 2}


async def test_a_node_is_called_about_its_work_although_the_workflow_that_called_in_vain_is_gone(
    still_house: House, tmp_path: Path
) -> None:
    house, node = still_house, Listener(free_port())
    called = f'id = "reroutes"\ndispatch = "webhook"\nurl = "{node.url}"\nsecret = "{SECRET}"'
    await apply(house, tmp_path, {'id = "reroutes"': called})
    name = await reported(house)
    await house.settle(name)
    await terminate(house, name)

    async with listening(node):
        await time_passes(house, name, timedelta(minutes=2))
        await house.service.relay.sweep()

        await house.until(name, request_is("sent"))
        await house.settle(name)


@pytest.mark.parametrize("how", ["command", "HTTP"])
async def test_placing_an_order_again_starts_it_when_its_workflow_is_gone(
    small_house: House, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    body = house.body(("SERUM-30", 2))
    name = (await house.http.post("/orders", json=body)).json()["order"]
    await house.work(name)
    await house.settle(name)
    await terminate(house, name)

    if how == "HTTP":
        again = await house.http.post("/orders", json=body)
        assert (again.status_code, again.json()["order"]) == (200, name)
    else:
        (tmp_path / "order.json").write_text(json.dumps(body))
        monkeypatch.setenv("DATABASE_URL", house.database_url)
        monkeypatch.setenv("TEMPORAL_ADDRESS", house.time.client.service_client.config.target_host)
        assert await order_files([tmp_path / "order.json"]) == 0

    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not await house.is_running(name):  # noqa: ASYNC110 - Temporal rings no bell
            await asyncio.sleep(0.03)


async def cancel_under_a_key(house: House, name: str) -> Response:
    """Ask to cancel an order; asked again, it is the same request."""
    return await house.http.post(
        f"/orders/{name}/cancel", json={"reason": "not wanted"}, headers={"Idempotency-Key": name}
    )


async def test_a_request_whose_workflow_is_terminated_while_it_is_carried_out_is_not_refused(
    small_house: House,
) -> None:
    house = small_house
    name = await reported(house)
    await house.settle(name)
    async with house.service.database.write() as connection:
        await connection.execute(text("SELECT FROM orders WHERE order_id = :order FOR NO KEY UPDATE"), {"order": name})
        asking = asyncio.create_task(cancel_under_a_key(house, name))
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not (await house.workflow(name).describe()).raw_description.pending_activities:  # noqa: ASYNC110
                await asyncio.sleep(0.03)
        await terminate(house, name)

    answer = await asking
    if answer.status_code == 503:  # its workflow was gone twice; nothing is refused, and the key has the outcome
        answer = await cancel_under_a_key(house, name)

    assert (answer.status_code, answer.json()["cancelled"][0]["quantity"]) == (200, 2)
    await house.until(name, "cancelled")


async def test_a_request_that_closed_its_order_before_the_workflow_was_gone_has_its_answer(
    small_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workflow cancels all, closes the order and is terminated before the answer has left it."""
    house = small_house
    name = await placed(house)
    await house.settle(name)

    async def ends(_: Client, __: Breaker, order: str, kind: str, request: int) -> Answer:
        at, transactions = datetime.now(UTC), house.service.transactions
        asked = RequestInput(order=order, request=request, kind=kind, facts={}, key=f"request-{request}", at=at)
        await cancel(transactions, asked)
        await close(transactions, Moment(order=order, at=at))
        await terminate(house, order)
        raise WorkflowGone(order)

    monkeypatch.setattr(client, "ask", ends)
    answer = await cancel_under_a_key(house, name)

    assert (answer.status_code, answer.json().get("cancelled", [{}])[0].get("quantity")) == (200, 2), answer.text
    assert (await house.order(name))["closed"]

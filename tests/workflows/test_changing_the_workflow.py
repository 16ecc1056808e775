"""The workflow's code changes while orders are open: `docs/operating/changing-the-workflow.md`, done once for real."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

import worker
from database.connect import Database
from tests.conftest import OPERATOR_KEY
from tests.house import SMALL_MAP, House, furnished
from tests.workflows.changed import Guarded, GuardedReturn, Retiring, Unguarded
from tests.workflows.test_replay import BEFORE, history
from tests.workflows.test_return_life import asked, come_back, delivered, workflow
from transactions.prepare import apply_network
from workflows.order import OrderWorkflow
from workflows.returns import ReturnWorkflow

MARK = EventType.EVENT_TYPE_MARKER_RECORDED
ORDINARY = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
PATCH_MARK = "core_patch"
"""How Temporal calls the mark of a patch; a transaction inside a task has a mark of another name."""


async def failure_of(code: type, recorded: WorkflowHistory) -> Exception | None:
    """Why a history does not replay on this code; None when it does."""
    replayer = Replayer(workflows=[code], data_converter=pydantic_data_converter)
    return (await replayer.replay_workflow(recorded, raise_on_replay_failure=False)).replay_failure


def marks(recorded: WorkflowHistory) -> int:
    """How many patches a history has met."""
    found = [event.marker_recorded_event_attributes for event in recorded.events if event.event_type == MARK]
    return sum(mark.marker_name == PATCH_MARK for mark in found)


class Town:
    """A database and a Temporal server whose worker may be replaced by one with other code."""

    def __init__(self, temporal: TimeSkipper, database: Database, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._servers = (temporal, database, url)
        self._monkeypatch = monkeypatch

    @asynccontextmanager
    async def with_worker_of(self, code: type, returns: type = ReturnWorkflow) -> AsyncIterator[House]:
        """A house whose worker runs this code for orders, and for returns."""
        self._monkeypatch.setattr(worker, "WORKFLOWS", [code, returns])
        async with furnished(*self._servers, OPERATOR_KEY) as house:
            yield house


@pytest.fixture
async def town(
    patient: None, temporal: TimeSkipper, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Town:
    """A town with the small map."""
    assert await apply_network(database_url, SMALL_MAP) == []
    return Town(temporal, database, database_url, monkeypatch)


async def released(house: House) -> WorkflowHistory:
    """The history of an order that its worker has just released."""
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    assert (await house.ask(name, "release", hold="fraud")).status_code == 200
    await house.work(name)
    await house.settle(name)
    found = await house.workflow(name).fetch_history()
    await house.leave()
    return found


@pytest.mark.parametrize("name", ["plain", "hold", "rerouted", f"{BEFORE}plain", f"{BEFORE}hold", f"{BEFORE}rerouted"])
async def test_an_order_that_is_open_replays_on_code_with_a_new_step_behind_a_patch(name: str) -> None:
    assert await failure_of(Guarded, history(name)) is None


async def test_without_the_patch_the_same_step_would_have_stranded_every_order_that_is_past_it() -> None:
    assert isinstance(await failure_of(Unguarded, history("hold")), NondeterminismError)


async def test_an_order_that_comes_to_the_step_under_the_new_code_takes_it_and_the_patch_is_retired_in_two_steps(
    town: Town,
) -> None:
    async with town.with_worker_of(Guarded) as house:
        marked = await released(house)
    assert marks(marked) == 1
    assert await failure_of(Guarded, marked) is None
    assert isinstance(await failure_of(OrderWorkflow, marked), NondeterminismError), "no way back to the old code"

    assert isinstance(await failure_of(Retiring, history("hold")), NondeterminismError), "too early to retire it"
    assert await failure_of(Retiring, marked) is None
    assert isinstance(await failure_of(Unguarded, marked), NondeterminismError), "too early to forget it"

    async with town.with_worker_of(Retiring) as house:
        retired = await released(house)
    assert await failure_of(Unguarded, retired) is None, "the step is there now as if it had always been"


async def test_an_order_that_waits_before_the_step_while_the_worker_is_replaced_takes_it_and_lives_on(
    town: Town,
) -> None:
    async with town.with_worker_of(OrderWorkflow) as house:
        await house.stock("spare", SERUM_30=1)
        name = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
        await house.settle(name)

    async with town.with_worker_of(Guarded) as house:
        assert (await house.ask(name, "release", hold="fraud")).status_code == 200
        await house.fulfill((await house.work(name))["fulfillment_order"])
        delivered = await house.until(name, "delivered")
        await house.settle(name)
        await house.skip_to(name, delivered["closes_at"])
        await house.until(name, "completed")
        assert marks(await house.workflow(name).fetch_history()) == 1


async def test_an_order_that_began_with_long_tasks_ends_as_it_began_and_those_after_it_run_their_steps_inside_tasks(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("workflows.client.ONE_TASK", timedelta(seconds=10))
        async with town.with_worker_of(OrderWorkflow) as house:
            await house.stock("spare", SERUM_30=2)
            begun = await house.place(("SERUM-30", 1))
            await house.work(begun)
            await house.settle(begun)

    async with town.with_worker_of(OrderWorkflow) as house:
        ended = {}
        for name in (begun, await house.place(("SERUM-30", 1))):
            await house.fulfill((await house.work(name))["fulfillment_order"])
            delivered = await house.until(name, "delivered")
            await house.settle(name)
            await house.skip_to(name, delivered["closes_at"])
            await house.until(name, "completed")
            assert await house.workflow(name).result() == {"status": "completed"}
            ended[name] = await house.workflow(name).fetch_history()
    kinds = [{event.event_type for event in history.events} & {MARK, ORDINARY} for history in ended.values()]
    assert kinds == [{ORDINARY}, {MARK}]
    assert [await failure_of(OrderWorkflow, history) for history in ended.values()] == [None, None]


async def test_a_return_that_was_recorded_replays_on_code_with_a_new_step_behind_a_patch() -> None:
    assert await failure_of(GuardedReturn, history("return")) is None


async def test_a_return_lives_on_while_its_worker_is_replaced_and_may_be_asked_of_an_order_that_closed_long_before(
    town: Town,
) -> None:
    async with town.with_worker_of(OrderWorkflow) as house:
        opened, closed = await delivered(house), await delivered(house)
        first = await asked(house, opened, 1)
        await house.skip_to(closed, (await house.settle(closed))["closes_at"])
        await house.until(closed, "completed")

    async with town.with_worker_of(Guarded, GuardedReturn) as house:
        second = await asked(house, closed, 1)
        for made in (first, second):
            await come_back(house, made, 1)
            assert await workflow(house, made).result() == "closed"
            assert marks(await workflow(house, made).fetch_history()) == 1
        assert await house.available("SERUM-30") == {"reroutes": 2}

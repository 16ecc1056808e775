"""Short transactions run inside the workflow's task: never two at once, and none that hangs keeps requests waiting."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

import worker
from activities.order import OrderActivities
from tests.house import ANSWERS_WITHIN_SECONDS, House


def steps_of(history: WorkflowHistory) -> dict[str, list[str]]:
    """The summaries of the steps inside tasks, and of ordinary activities."""
    inside = EventType.EVENT_TYPE_MARKER_RECORDED
    found: dict[str, list[str]] = {"inside": [], "ordinary": []}
    for event in history.events:
        if event.event_type in (inside, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED):
            summary = event.user_metadata.summary.data.decode().strip('"')
            found["inside" if event.event_type == inside else "ordinary"].append(summary)
    return found


async def replays(history: WorkflowHistory) -> bool:
    """Whether a history replays on the code as it is."""
    replayer = Replayer(workflows=worker.WORKFLOWS, data_converter=pydantic_data_converter)
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure is None


async def test_an_order_whose_row_is_locked_answers_queries_and_goes_on_as_soon_as_it_is_free(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.work(name)
    await house.settle(name)

    async with house.service.database.write() as connection:
        await connection.execute(text("SELECT FROM orders WHERE order_id = :name FOR UPDATE"), {"name": name})
        await house.workflow(name).signal("no_such_signal", "hello")
        seen = await house.workflow(name).query("view", result_type=dict[str, Any])
        assert seen["order"] == name
        assert not seen.get("exceptions")
        await until_it_waits_outside_the_task(house, name)

    await house.until(name, lambda found: bool(found["exceptions"]))
    await house.settle(name)
    history = await house.workflow(name).fetch_history()
    assert steps_of(history)["ordinary"] == ["record a message that came as a signal"]
    assert await replays(history)


async def until_it_waits_outside_the_task(house: House, name: str) -> None:
    """Return when the order's step has left the task that it could not end in: a locked row must not be freed before."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not steps_of(await house.workflow(name).fetch_history())["ordinary"]:  # noqa: ASYNC110  (a history rings no bell)
            await asyncio.sleep(0.03)


@pytest.fixture
def busiest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many silences were acted on at once, as each began."""
    running: list[int] = []
    found: list[int] = []

    def counted(real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(itself: Any, given: Any) -> Any:
            running.append(1)
            found.append(len(running))
            try:
                return await real(itself, given)
            finally:
                running.pop()

        functools.update_wrapper(wrapped, real, updated=())
        return activity.defn(wrapped)

    monkeypatch.setattr(OrderActivities, "act_on_silence", counted(OrderActivities.act_on_silence))
    return found


async def test_two_nodes_that_are_silent_at_the_same_time_are_acted_on_one_after_the_other(
    busiest: list[int], small_house: House
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=1)
    await house.stock("asks", TONER_200=1)
    name = await house.place(("SERUM-30", 1), ("TONER-200", 1))
    await house.work(name, 2)
    await house.settle(name)

    await house.wait_out(name, 1)
    await house.wait_out(name, 2)
    await house.settle(name)

    history = await house.workflow(name).fetch_history()
    assert steps_of(history)["ordinary"] == []
    assert len(busiest) >= 2
    assert max(busiest) == 1
    assert await replays(history)

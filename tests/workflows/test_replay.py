"""Histories that were recorded replay on the code as it is: an open order survives a deployment."""

import re
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

import worker

HISTORIES = Path(__file__).parents[1] / "histories"
RECORDED = sorted(path.relative_to(HISTORIES).with_suffix("").as_posix() for path in HISTORIES.rglob("*.json"))
BEFORE = "before_short_tasks/"
"""Lives under the code that ran no transaction inside a task; orders that began under it end under the code as it is."""
LIVES = {
    "plain",
    "slow",
    "short_pick",
    "silence",
    "split",
    "cancel",
    "hold",
    "rerouted",
    "backorder",
    "given_up",
    "returned",
    "return",
}
EVENTS = {"plain": 29, "slow": 36, f"{BEFORE}plain": 57}
TASKS = {"plain": 4, "slow": 5, f"{BEFORE}plain": 9}
NAMES_A_MACHINE = re.compile(r"\d+@[\w.-]+|/(?:home|root|tmp|usr|var|work)/")


def history(name: str) -> WorkflowHistory:
    """A recorded history."""
    return WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_life_replays_on_the_code_as_it_is(name: str) -> None:
    replayer = Replayer(workflows=worker.WORKFLOWS, data_converter=pydantic_data_converter)

    replayed = await replayer.replay_workflow(history(name))

    assert replayed.replay_failure is None


def test_every_kind_of_life_has_been_recorded() -> None:
    assert set(RECORDED) >= LIVES
    assert set(RECORDED) >= {f"{BEFORE}{life}" for life in LIVES - {"slow"}}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_life_names_no_machine(name: str) -> None:
    assert not NAMES_A_MACHINE.findall((HISTORIES / f"{name}.json").read_text())


@pytest.mark.parametrize("name", EVENTS)
def test_a_recorded_standard_order_has_exactly_so_many_events_and_workflow_tasks(name: str) -> None:
    events = history(name).events
    tasks = [event for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    assert (len(events), len(tasks)) == (EVENTS[name], TASKS[name])

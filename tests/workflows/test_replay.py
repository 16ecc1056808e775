"""Histories that were recorded replay on the code as it is: an open order survives a deployment."""

import re
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

import worker

HISTORIES = Path(__file__).parents[1] / "histories"
RECORDED = sorted(path.stem for path in HISTORIES.glob("*.json"))
LIVES = {
    "plain",
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
EVENTS_OF_A_STANDARD_ORDER = 57
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


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_life_names_no_machine(name: str) -> None:
    assert not NAMES_A_MACHINE.findall((HISTORIES / f"{name}.json").read_text())


def test_the_recorded_standard_order_has_exactly_57_events() -> None:
    assert len(history("plain").events) == EVENTS_OF_A_STANDARD_ORDER

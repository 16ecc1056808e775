"""Reads the shape of an order's life from its recorded history, so that no one tunes the skeleton by hand.

A shape is what the Temporal server was asked to do, without any reason for it: after how many signals, activities and timers
which activities, timers, upserts and answers followed, and how many bytes each payload had.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

EVENT_PREFIX = "EVENT_TYPE_"
SHAPE_FILE = "SKELETON_SHAPE"
"""The environment variable with the path of the skeleton's shape."""


class Activity(BaseModel):
    """An activity is scheduled; `answer_bytes` is what it comes back with."""

    does: Literal["activity"] = "activity"
    input_bytes: int
    answer_bytes: int
    summary: str


class LocalActivity(BaseModel):
    """An activity runs inside the workflow task, and what follows waits for it; the history does not keep what it was given."""

    does: Literal["local_activity"] = "local_activity"
    answer_bytes: int
    summary: str


class Timer(BaseModel):
    """A timer is started."""

    does: Literal["timer"] = "timer"
    seconds: float
    summary: str


class CancelTimer(BaseModel):
    """The timer with this number, counted from 0, is cancelled."""

    does: Literal["cancel_timer"] = "cancel_timer"
    number: int


class Upsert(BaseModel):
    """Search attributes are set, by name, as JSON; None unsets."""

    does: Literal["upsert"] = "upsert"
    attributes: dict[str, Any]


class Answer(BaseModel):
    """The update is answered."""

    does: Literal["answer"] = "answer"
    answer_bytes: int


class End(BaseModel):
    """The workflow completes."""

    does: Literal["end"] = "end"
    answer_bytes: int


Deed = Annotated[Activity | LocalActivity | Timer | CancelTimer | Upsert | Answer | End, Field(discriminator="does")]


class Step(BaseModel):
    """One workflow task: what must have arrived since the beginning, and what is then done."""

    signals: int = 0
    activities: int = 0
    timers: int = 0
    deeds: list[Deed] = []


class Shape(BaseModel):
    """The life of a standard order as the server sees it."""

    input_bytes: int
    signal_bytes: list[int]
    steps: list[Step]


class UnknownEvent(Exception):
    """The history has an event that the skeleton cannot imitate yet."""


def histogram(history: WorkflowHistory) -> Counter[str]:
    """How many events of each type a history has."""
    return Counter(EventType.Name(event.event_type).removeprefix(EVENT_PREFIX) for event in history.events)


def read(history: WorkflowHistory) -> Shape:
    """The shape of a completed life. Raises `UnknownEvent`."""
    reader = _Reader(history.events)
    for event in history.events:
        reader.take(event)
    signals = [e.workflow_execution_signaled_event_attributes.input.payloads for e in history.events if _is_signal(e)]
    started = history.events[0].workflow_execution_started_event_attributes
    return Shape(
        input_bytes=_size(started.input.payloads),
        signal_bytes=[_size(payloads) for payloads in signals],
        steps=reader.steps,
    )


@cache
def loaded() -> Shape:
    """The shape that this process imitates."""
    return Shape.model_validate_json(Path(os.environ[SHAPE_FILE]).read_text())


def padding(size: int) -> str:
    """A text that takes `size` bytes as JSON."""
    return "x" * max(0, size - len('""'))


def _is_signal(event: HistoryEvent) -> bool:
    return event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


def _size(payloads: Sequence[Payload]) -> int:
    return sum(len(payload.data) for payload in payloads)


def _summary(event: HistoryEvent) -> str:
    return str(json.loads(event.user_metadata.summary.data or '""'))


class _Reader:
    """Reads a history once: it counts what arrives, and notes what each workflow task does as a step."""

    def __init__(self, events: Sequence[HistoryEvent]) -> None:
        self.steps: list[Step] = []
        self._came = Step()
        self._timers: list[int] = []
        self._answers = {
            event.activity_task_completed_event_attributes.scheduled_event_id: _size(
                event.activity_task_completed_event_attributes.result.payloads
            )
            for event in events
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
        }

    def take(self, event: HistoryEvent) -> None:
        name = EventType.Name(event.event_type).removeprefix(EVENT_PREFIX)
        match name:
            case "WORKFLOW_EXECUTION_SIGNALED":
                self._came.signals += 1
            case "ACTIVITY_TASK_COMPLETED":
                self._came.activities += 1
            case "TIMER_FIRED":
                self._came.timers += 1
            case "WORKFLOW_TASK_COMPLETED":
                self.steps.append(self._came.model_copy(deep=True))
            case _ if name not in _BY_ITSELF:
                self.steps[-1].deeds.append(self._deed(name, event))

    def _deed(self, name: str, event: HistoryEvent) -> Deed:
        match name:
            case "ACTIVITY_TASK_SCHEDULED":
                return self._activity(event)
            case "MARKER_RECORDED":
                details = event.marker_recorded_event_attributes.details
                return LocalActivity(answer_bytes=_size(details["result"].payloads), summary=_summary(event))
            case "TIMER_STARTED":
                return self._timer(event)
            case "TIMER_CANCELED":
                return CancelTimer(number=self._timers.index(event.timer_canceled_event_attributes.started_event_id))
            case "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES":
                return _upsert(event)
            case "WORKFLOW_EXECUTION_UPDATE_COMPLETED":
                outcome = event.workflow_execution_update_completed_event_attributes.outcome
                return Answer(answer_bytes=_size(outcome.success.payloads))
            case "WORKFLOW_EXECUTION_COMPLETED":
                return End(answer_bytes=_size(event.workflow_execution_completed_event_attributes.result.payloads))
        raise UnknownEvent(f"event {event.event_id}, {name}, is not part of a standard order's life as known here")

    def _activity(self, event: HistoryEvent) -> Activity:
        scheduled = event.activity_task_scheduled_event_attributes
        return Activity(
            input_bytes=_size(scheduled.input.payloads),
            answer_bytes=self._answers[event.event_id],
            summary=_summary(event),
        )

    def _timer(self, event: HistoryEvent) -> Timer:
        self._timers.append(event.event_id)
        waits = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        return Timer(seconds=waits.total_seconds(), summary=_summary(event))


_BY_ITSELF = {
    "WORKFLOW_EXECUTION_STARTED",
    "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
    "WORKFLOW_TASK_SCHEDULED",
    "WORKFLOW_TASK_STARTED",
    "ACTIVITY_TASK_STARTED",
}
"""What the server and the update handler add without any deed of the workflow."""


def _upsert(event: HistoryEvent) -> Upsert:
    fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    values = {name: json.loads(payload.data or "null") for name, payload in fields.items()}
    return Upsert(attributes={name: None if value == [] else value for name, value in values.items()})

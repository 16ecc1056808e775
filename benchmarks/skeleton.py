"""A workflow that does what an order's life asks of the Temporal server, and nothing else."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import activity, workflow
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from benchmarks.shape import (
        Activity,
        Answer,
        CancelTimer,
        Deed,
        End,
        LocalActivity,
        Step,
        Timer,
        Upsert,
        loaded,
        padding,
    )
    from workflows.timeouts import ONCE, ONE_SHORT_TRANSACTION, ONE_TRANSACTION, UNTIL_IT_WORKS
    from workflows.visibility import SEARCH_ATTRIBUTES

_KEYS: dict[str, SearchAttributeKey[Any]] = {key.name: key for key in SEARCH_ATTRIBUTES}


class Nothing(BaseModel):
    """The input of an activity that does nothing, and how many bytes it should answer."""

    answer_bytes: int
    padding: str = ""


@activity.defn
async def do_nothing(request: Nothing) -> str:
    """Answer as many bytes as the product's activity."""
    return padding(request.answer_bytes)


@workflow.defn
class SkeletonWorkflow:
    """The life of an order without the order."""

    @workflow.init
    def __init__(self, _: str) -> None:
        """Signals and the update may come before `run` has begun."""
        self._signals = self._activities = self._timers = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._waits: list[asyncio.Task[None]] = []
        self._answer: str | None = None
        self._end: str | None = None

    @workflow.run
    async def run(self, _: str) -> str:
        """Do each step of the recorded life as soon as everything that it waits for has arrived."""
        for step in loaded().steps:
            await workflow.wait_condition(partial(self._is_due, step))
            for deed in step.deeds:
                if isinstance(deed, LocalActivity):
                    await _act_inside_the_task(deed)
                else:
                    self._do(deed)
        return self._end or ""

    @workflow.update
    async def place(self) -> str:
        """Answer when the product would."""
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._answer or ""

    @workflow.signal
    def tell(self, _: str) -> None:
        """A node's message."""
        self._signals += 1

    def _is_due(self, step: Step) -> bool:
        return self._signals >= step.signals and self._activities >= step.activities and self._timers >= step.timers

    def _do(self, deed: Deed) -> None:
        match deed:
            case Activity():
                self._tasks.append(asyncio.create_task(self._act(deed)))
            case Timer():
                self._waits.append(asyncio.create_task(self._wait(deed)))
            case CancelTimer():
                self._waits[deed.number].cancel()
            case Upsert():
                workflow.upsert_search_attributes([_update(*attribute) for attribute in deed.attributes.items()])
            case Answer():
                self._answer = padding(deed.answer_bytes)
            case End():
                self._end = padding(deed.answer_bytes)

    async def _act(self, deed: Activity) -> None:
        await workflow.execute_activity(
            do_nothing,
            _nothing(deed),
            start_to_close_timeout=ONE_TRANSACTION,
            retry_policy=UNTIL_IT_WORKS,
            summary=deed.summary,
        )
        self._activities += 1

    async def _wait(self, deed: Timer) -> None:
        await workflow.sleep(timedelta(seconds=deed.seconds), summary=deed.summary)
        self._timers += 1


async def _act_inside_the_task(deed: LocalActivity) -> None:
    await workflow.execute_local_activity(
        do_nothing,
        Nothing(answer_bytes=deed.answer_bytes),
        start_to_close_timeout=ONE_SHORT_TRANSACTION,
        retry_policy=ONCE,
        summary=deed.summary,
    )


def _nothing(deed: Activity) -> Nothing:
    request = Nothing(answer_bytes=deed.answer_bytes)
    request.padding = padding(deed.input_bytes - len(request.model_dump_json()) + len('""'))
    return request


def _update(name: str, value: Any) -> SearchAttributeUpdate[Any]:
    key = _KEYS[name]
    if value is None:
        return key.value_unset()
    is_moment = key.indexed_value_type is SearchAttributeIndexedValueType.DATETIME
    return key.value_set(datetime.fromisoformat(value) if is_moment else value)

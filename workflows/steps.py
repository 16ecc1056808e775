"""How workflows run a step: one activity, which is one transaction. A short one runs inside the workflow's own task.

A local activity costs one event where an ordinary one costs six. It has a single try of a few seconds, because its workflow's
timers, updates and queries wait for it. When that fails, the step becomes an ordinary activity: it is retried until it works,
its tries are counted and seen in the Temporal UI, and a failing step adds nothing to the history.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    import workflows.timeouts as timeouts

Given = TypeVar("Given", bound=BaseModel)
State = TypeVar("State")


def has_short_tasks() -> bool:
    """Whether this workflow was started with short tasks, and so runs short transactions inside them.

    Others wait longer until a lost task is made again. They were started before there was this choice, or by hand; they live
    as they did, so that their histories replay.
    """
    return workflow.info().task_timeout <= timeouts.ONE_TASK


class Steps:
    """Runs the steps of one workflow. Two never run at once inside its task, whichever of its coroutines ask for them.

    Temporal's SDK for Python replays concurrent local activities wrongly (temporalio 1.35, sdk-python issues 1578 and 1881).
    """

    def __init__(self, *, are_short: bool = True) -> None:
        """`are_short` = they are certain to end well under a second, when nothing is wrong."""
        self._runs_inside_tasks = are_short and has_short_tasks()
        self._turn = asyncio.Lock()

    async def run(self, doing: Callable[[Any, Given], Awaitable[State]], given: Given, summary: str) -> State:
        """Run an activity that is one transaction, until it works; the UI shows its summary.

        Raises `ActivityError` when it is cancelled, or no retry can help.
        """
        if self._runs_inside_tasks:
            try:
                async with self._turn:
                    return await _inside_the_task(doing, given, summary)
            except (
                FailureError
            ) as error:  # not always `ActivityError`: of its only try, a local activity raises the bare error
                if is_cancelled_exception(error):
                    raise
        return await workflow.execute_activity_method(
            doing,
            given,
            start_to_close_timeout=timeouts.ONE_TRANSACTION,
            retry_policy=timeouts.UNTIL_IT_WORKS,
            summary=summary,
        )


async def _inside_the_task(doing: Callable[[Any, Given], Awaitable[State]], given: Given, summary: str) -> State:
    return await workflow.execute_local_activity_method(
        doing,
        given,
        start_to_close_timeout=timeouts.ONE_SHORT_TRANSACTION,
        retry_policy=timeouts.ONCE,
        summary=summary,
    )


async def stop(call: asyncio.Task[None]) -> None:
    """Cancel a call that is no longer needed; a failed call fails the workflow, so that it is seen."""
    call.cancel()
    (error,) = await asyncio.gather(call, return_exceptions=True)
    if error is not None and not is_cancelled_exception(error):
        raise error

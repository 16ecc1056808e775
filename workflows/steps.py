"""How workflows run a step: one activity, which is one transaction."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    import workflows.timeouts as timeouts

Given = TypeVar("Given", bound=BaseModel)
State = TypeVar("State")


async def transaction(doing: Callable[[Any, Given], Awaitable[State]], given: Given, summary: str) -> State:
    """Run an activity that is one transaction, and retry it until it works; the UI shows its summary."""
    return await workflow.execute_activity_method(
        doing,
        given,
        start_to_close_timeout=timeouts.ONE_TRANSACTION,
        retry_policy=timeouts.UNTIL_IT_WORKS,
        summary=summary,
    )

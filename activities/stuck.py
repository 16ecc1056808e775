"""Watches every activity of a worker: one that fails again and again opens the exception `stuck`, and retries go on.

It looks at the activity from outside, so a new activity is watched without knowing it.
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.dispatch import NodeDidNotTakeIt
from domain.order import OrderState
from domain.reasons import ExceptionCode
from domain.returns import ReturnState
from transactions import stuck
from transactions.request import Done
from transactions.sourcing import StockTaken
from transactions.stuck import Step
from transactions.transaction import OrderTransactions

STUCK_AFTER_TRIES = 6
"""After this many tries, some seconds, a person is notified; and again after as many, if nothing is open then."""

CROWDED_AFTER_TRIES = 60
"""The same for errors that only mean that others were quicker: about five minutes."""

REPORT_WITHIN = timedelta(seconds=2)
"""PostgreSQL may be what fails. Then nothing can be stored, and the next attempt comes first."""

_CROWDED = (StockTaken,)
_REPORTED_ELSEWHERE = (NodeDidNotTakeIt,)
_LOCK_CODES = ("40001", "40P01", "55P03")
"""SQLSTATE of a serialization failure, a deadlock, and a lock that was not available."""


class StuckWatch(Interceptor):
    """Watches the activities of a worker."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens and closes the exceptions."""
        self._transactions = transactions

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Watch one activity."""
        return _Watched(next, self._transactions)


class _Watched(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, transactions: OrderTransactions) -> None:
        super().__init__(following)
        self._transactions = transactions

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            result = await super().execute_activity(input)
        except (Exception, asyncio.CancelledError) as error:
            if _is_due(error, activity.info().attempt):
                await self._report(_step(input), error)
            raise
        if activity.info().attempt > STUCK_AFTER_TRIES or _says_stuck(result):
            return _as_of(result, await self._close(_step(input)))
        return result

    async def _report(self, step: Step, error: BaseException) -> None:
        info = activity.info()
        attempt = f"{info.workflow_run_id} {info.activity_id} {info.attempt}"
        reporting = stuck.report(self._transactions, step, info.attempt, error, attempt)
        with contextlib.suppress(Exception):  # the failure of the activity is what the workflow must see
            await asyncio.wait_for(reporting, REPORT_WITHIN.total_seconds())

    async def _close(self, step: Step) -> OrderState | None:
        """A failure here must not fail the step that works: the next one closes it."""
        with contextlib.suppress(Exception):
            return await asyncio.wait_for(stuck.close(self._transactions, step), REPORT_WITHIN.total_seconds())
        return None


def _is_due(error: BaseException, attempt: int) -> bool:
    """Whether a person must be notified now."""
    if isinstance(error, _REPORTED_ELSEWHERE) or (isinstance(error, ApplicationError) and error.non_retryable):
        return False
    if isinstance(error, asyncio.CancelledError) and not _has_timed_out():
        return False
    return attempt % (CROWDED_AFTER_TRIES if _is_crowded(error) else STUCK_AFTER_TRIES) == 0


def _has_timed_out() -> bool:
    details = activity.cancellation_details()
    return details is not None and details.timed_out


def _is_crowded(error: BaseException) -> bool:
    is_lock = isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _LOCK_CODES
    return is_lock or isinstance(error, _CROWDED)


def _step(input: ExecuteActivityInput) -> Step:
    """What an activity is about: each takes one model, which names the order."""
    asked = input.args[0]
    fulfillment_order, return_ = getattr(asked, "fulfillment_order", None), getattr(asked, "return_", None)
    subject = return_ or fulfillment_order or asked.order
    return Step(asked.order, subject, fulfillment_order, activity.info().activity_type)


def _says_stuck(result: object) -> bool:
    """Whether the state that an activity answers has such an exception: an earlier run of its workflow was stuck."""
    if isinstance(result, ReturnState):
        return result.is_stuck
    state = result.state if isinstance(result, Done) else result
    return isinstance(state, OrderState) and any(one.code == ExceptionCode.STUCK for one in state.exceptions)


def _as_of(result: Any, state: OrderState | None) -> Any:
    """What an activity answers, with the exceptions that are open now: a closed order gets no signal."""
    if isinstance(result, Done):
        return result.model_copy(update={"state": _as_of(result.state, state)})
    if state is None or not isinstance(result, OrderState) or state.version != result.version + 1:
        return result
    return result.model_copy(update={"exceptions": state.exceptions, "version": state.version})

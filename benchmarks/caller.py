"""Calls one running build from outside, as channels and nodes do, and measures what its lives cost.

    python -m benchmarks.caller PID LIVES COUNTS FILE < the line of JSON that `up` has printed

PID is the process of `up`. LIVES are driven under load, and with COUNTS = 1 two lives are counted alone before. The figures go
to FILE as JSON. It imports nothing of the product and works with what is fixed for outsiders: HTTP, ids of workflows,
PostgreSQL and Temporal's histories. So one caller drives every version.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import asyncpg
import uvloop
from httpx2 import AsyncClient
from temporalio.client import Client

from benchmarks.http_life import DENVER, SKUS, HttpLife, Place, now
from benchmarks.loop import Driven, drive_number, one
from benchmarks.processor import cpu_seconds, difference, named_children
from benchmarks.shape import histogram
from benchmarks.statement_log import StatementLog

STOCKED_NODES = ("slc", "nwk", "chi")
UNITS = 1_000_000
ACCEPT_WITHIN = "3s"
"""What the network gives the node in Newark, which a slow life ships from."""

NEWARK = Place("Newark", "NJ", "07114")
SLOW_PAUSE_SECONDS = 1.8
"""Accepted at once, shipped two pauses later: when the time that was given to accept is over."""

FAST_PAUSE_SECONDS = 0.5
"""Long enough for all that follows a message; what several have in common would be done at once, and sometimes not."""

WARM_UP_LIVES = len(SKUS)
"""The first unit of a SKU that leaves a node costs more statements."""

IN_FLIGHT_MAX = 24
RAMP_SECONDS = 1.5
QUIET_SECONDS = 65.0
"""Long enough for every loop of an idle stack to have asked the database: the slowest ask once a minute."""

SETTLED_SECONDS = 1.0
"""After a life's end, until all that it has left to do is done, and Temporal lists it."""

ANSWER_SECONDS_MAX = 30.0
PARTS = {
    "Temporal": "server start-dev",
    "PostgreSQL": "bin/postgres",
    "worker": "worker.py",
    "HTTP": "-m starter serve",
}
"""Parts of the stack, by words of their command lines; a part that is not found is counted with `up`."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Build:
    """The running build: what to call and what to watch."""

    http: AsyncClient
    client: Client
    database: str
    up: int
    """The process of `up`; all others of the build are below it."""

    def processes(self) -> dict[str, int]:
        """The process of each part, and the caller's own."""
        return {"caller": os.getpid(), "up": self.up, **named_children(self.up, PARTS)}


async def measure(announced: Mapping[str, Any], up: int, lives: int, *, counts: bool) -> Figures:
    """Fill the stock, count lives alone if requested, and then run `lives` under load."""
    client = await Client.connect(announced["temporal"], namespace=announced["namespace"])
    headers = {"Authorization": f"Bearer {announced['operator_key']}"}
    async with AsyncClient(base_url=announced["http"], headers=headers, timeout=ANSWER_SECONDS_MAX) as http:
        build = Build(http, client, announced["database"], up)
        await _stock_up(http)
        alone = await _alone(build) if counts else {}
        loaded = await _under_load(build, lives)
    return loaded | alone


async def _stock_up(http: AsyncClient) -> None:
    lines = [{"sku": sku, "quantity": UNITS} for sku in SKUS]
    for node in STOCKED_NODES:
        body = {"message_id": "stock", "node": node, "kind": "received", "occurred_at": now(), "lines": lines}
        (await http.post("/stock/messages", json=body)).raise_for_status()


async def _alone(build: Build) -> Figures:
    """Counts of two lives that run alone on the stack: figures that no load disturbs."""
    warm_ups = (HttpLife(build.http, build.client, place) for place in (DENVER, NEWARK))
    await asyncio.gather(*(drive_number(life, WARM_UP_LIVES, WARM_UP_LIVES, RAMP_SECONDS) for life in warm_ups))
    log = StatementLog(build.processes()["PostgreSQL"])
    await log.begin(build.database)
    begun = log.position
    await asyncio.sleep(QUIET_SECONDS)
    log.learn(begun)
    fast = await _count(build, HttpLife(build.http, build.client, DENVER, FAST_PAUSE_SECONDS), log, "fast")
    slow = await _count(build, HttpLife(build.http, build.client, NEWARK, SLOW_PAUSE_SECONDS), log, "slow")
    await log.end(build.database)
    return fast | slow


async def _count(build: Build, life: HttpLife, log: StatementLog, name: str) -> Figures:
    begun = log.position
    number = await one(life)
    await asyncio.sleep(SETTLED_SECONDS)
    sent = log.count(begun)
    events = histogram(await build.client.get_workflow_handle(life.workflow_id(number)).fetch_history())
    counts = {"events": events.total(), "workflow tasks": events["WORKFLOW_TASK_COMPLETED"], "SQL statements": sent}
    return {f"{name} life alone, {what}": count for what, count in counts.items()}


async def _under_load(build: Build, lives: int) -> Figures:
    """What lives cost under full load, after a warm-up."""
    life, in_flight = HttpLife(build.http, build.client), max(1, min(IN_FLIGHT_MAX, lives // 4))
    await drive_number(life, in_flight, in_flight, RAMP_SECONDS)
    began = datetime.now(UTC)
    cpu, committed = cpu_seconds(build.processes()), await _transactions(build.database)
    driven = await drive_number(life, lives, in_flight, RAMP_SECONDS)
    used = difference(cpu_seconds(build.processes()), cpu)
    await asyncio.sleep(SETTLED_SECONDS)
    committed = await _transactions(build.database) - committed
    events = await _events(build.client, life.workflow, began)
    return {**_costs(used, lives), **_pace(driven), "events": events, "database transactions": committed / lives}


def _costs(used: Mapping[str, float], lives: int) -> Figures:
    milliseconds = {name: seconds / lives * 1000 for name, seconds in used.items()}
    parts = {f"  {name}": milliseconds[name] for name in (*PARTS, "up", "caller") if name in milliseconds}
    return {"processor ms, all processes": sum(milliseconds.values()), **parts}


def _pace(driven: Driven) -> Figures:
    placed = [seconds * 1000 for seconds in driven.placed_in]
    return {
        "lives per second": driven.per_second(),
        "placed in, median ms": median(placed),
        "placed in, 95th percentile ms": quantiles(placed, n=20)[-1],
    }


async def _transactions(database: str) -> float:
    connection = await asyncpg.connect(database)
    try:
        return float(
            await connection.fetchval("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        )
    finally:
        await connection.close()


async def _events(client: Client, workflow: str, since: datetime) -> float:
    """The average of a life."""
    query = f"WorkflowType = '{workflow}' AND ExecutionStatus = 'Completed' AND StartTime >= '{since.isoformat()}'"
    return mean([found.history_length async for found in client.list_workflows(query, page_size=1000)])


def main() -> None:
    """Measure what the command line names."""
    up, lives, counts, file = sys.argv[1:]
    figures = uvloop.run(measure(json.loads(sys.stdin.read()), int(up), int(lives), counts=counts == "1"))
    Path(file).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # leaving Python after using the client aborts about every second time

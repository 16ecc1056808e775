"""Reads what a block of lives has cost: work of PostgreSQL, events of Temporal; and on which machine."""

import os
import platform
import statistics
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from database.connect import Database

FLUSHES = 100
WAL_PAGE = bytes(8192)
"""PostgreSQL writes its log in pages of this size."""

DATABASE_WORK = text(
    """
    SELECT (SELECT sum(calls) FROM pg_stat_statements)::bigint AS statements,
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
           (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal')::bigint AS flushes
    """
)


async def database_work(database: Database) -> dict[str, float]:
    """Statements, transactions and flushes of the log since the server started."""
    async with database.engine.connect() as connection:
        return {
            name: float(count) for name, count in (await connection.execute(DATABASE_WORK)).mappings().one().items()
        }


async def count_statements(database: Database) -> None:
    """Make the server's counts readable; it counts them since its start."""
    async with database.write() as connection:
        await connection.execute(text("CREATE EXTENSION pg_stat_statements"))


@dataclass(frozen=True)
class Cost:
    """The server's figures of one workflow's life."""

    events: int
    transitions: int
    bytes: int


async def costs(client: Client, workflow: str, since: datetime) -> list[Cost]:
    """The lives of a workflow type that began after a moment, as Temporal counts them."""
    query = f"WorkflowType = '{workflow}' AND ExecutionStatus = 'Completed' AND StartTime >= '{since.isoformat()}'"
    found = client.list_workflows(query, page_size=1000)
    return [
        Cost(one.history_length, one.raw_info.state_transition_count, one.raw_info.history_size_bytes)
        async for one in found
    ]


def flush_milliseconds(folder: Path) -> float:
    """One flush of PostgreSQL's log: the median of writing a page and syncing it, on the same disk."""
    file = folder / "flush"
    taken = []
    with file.open("wb", buffering=0) as log:
        for _ in range(FLUSHES):
            began = time.perf_counter()
            log.write(WAL_PAGE)
            os.fdatasync(log.fileno())
            taken.append(time.perf_counter() - began)
    file.unlink()
    return statistics.median(taken) * 1000


async def machine(database: Database, client: Client, folder: Path) -> str:
    """The machine and the versions, in one line."""
    async with database.engine.connect() as connection:
        postgres = (await connection.execute(text("SHOW server_version"))).scalar_one()
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    parts = (
        f"{os.cpu_count()} cores",
        f"load {os.getloadavg()[0]:.2f}",
        f"Python {platform.python_version()}",
        f"temporalio {version('temporalio')}",
        f"Temporal server {system.server_version}",
        f"PostgreSQL {postgres}",
        f"one WAL flush {flush_milliseconds(folder):.2f} ms",
    )
    return ", ".join(parts)

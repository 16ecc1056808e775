"""`python -m starter audit`: recomputes every invariant from the facts, and prints each with the number of rows checked.

With `--repair` it prints the counters of stock that it would correct, and with `--confirm` it corrects them.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from database.audit.invariants import Finding, examine
from database.audit.repair import Correction, DayCorrection
from database.audit.repair import repair as correct
from database.audit.running import open_orders, without_workflow
from database.connect import Database, ReadConnection, WriteConnection
from domain import identifiers
from runtime.temporal import connect
from runtime.where import database_url, master_keys


async def command(
    *,
    repair: Annotated[bool, Parameter(negative="")] = False,
    confirm: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Recompute every invariant from the facts: a line for each, exit 1 if one is violated.

    Parameters
    ----------
    repair
        Show which counters of stock need a correction instead, and by how much; exit 1 if there is anything.
    confirm
        With --repair: correct them, each by a movement in the ledger.
    """
    if confirm and not repair:
        sys.stderr.write("--confirm confirms a repair: audit --repair --confirm\n")
        return 2
    return await (repair_stock(database_url(), confirm=confirm) if repair else audit(database_url()))


async def audit(database_url: str) -> int:
    """Print a line per invariant; 0 when all hold, 1 with each violation. Raises `DatabaseUnreachable` and
    `TemporalUnreachable`."""
    async with _opened(database_url) as database:
        findings = [*await findings_of(database), await running(database, await connect())]
    sys.stdout.write("".join(f"{line}\n" for finding in findings for line in _lines(finding)))
    return 1 if any(finding.violations for finding in findings) else 0


async def repair_stock(database_url: str, *, confirm: bool) -> int:
    """Print what is to be corrected about stock, and correct it if that is confirmed; then what only a person can correct.

    0 when nothing is left to do, 1 otherwise. Raises `DatabaseUnreachable`.
    """
    async with _opened(database_url) as database:
        corrections, left = await repaired(database, confirm=confirm)
    verdict = "corrected" if confirm else "to correct"
    lines = [f"{verdict:>14}  {correction}" for correction in corrections] + [f"{'left':>14}  {row}" for row in left]
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "nothing to correct\n")
    return 1 if left or (corrections and not confirm) else 0


async def repaired(database: Database, *, confirm: bool) -> tuple[list[Correction | DayCorrection], list[str]]:
    """What is corrected, and the violations that are left then; unless confirmed, all of it is undone."""
    async with database.engine.connect() as opened:
        connection = WriteConnection(ReadConnection(opened))
        at = datetime.now(UTC)
        corrections = await correct(connection, f"repair {at.isoformat()}", at)
        left = [f"{finding.sentence}: {row}" for finding in await examine(connection) for row in finding.violations]
        await (opened.commit() if confirm else opened.rollback())
    return corrections, left


@asynccontextmanager
async def _opened(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, master_keys())
    try:
        await database.check()
        yield database
    finally:
        await database.close()


async def findings_of(database: Database) -> list[Finding]:
    """Every invariant, checked in one snapshot."""
    async with database.engine.connect() as connection:
        snapshot = ReadConnection(await connection.execution_options(isolation_level="REPEATABLE READ"))
        return await examine(snapshot)


async def running(database: Database, client: Client) -> Finding:
    """Every open order that a workflow has acted on has one that runs; an order that waits for its first start is left out."""
    async with database.read() as connection:
        names = await open_orders(connection)
    without = [name for name in names if not await _runs(client, name)]
    # An order that closed between the two queries is no violation.
    async with database.read() as connection:
        lost = await without_workflow(connection, without)
    return Finding("every open order has one running workflow", len(names), tuple(lost))


async def _runs(client: Client, order: str) -> bool:
    try:
        described = await client.get_workflow_handle(identifiers.order_workflow_id(order)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING


def _lines(finding: Finding) -> list[str]:
    verdict = f"{len(finding.violations)} violations" if finding.violations else "ok"
    return [f"{verdict:>14}  {finding.checked:>8}  {finding.sentence}"] + [f"  {row}" for row in finding.violations]

"""`python -m starter audit`: recomputes every invariant from the facts, and says each with how much it has checked."""

import sys

from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.networks import Networks
from database.audit import Finding, examine
from database.connect import Database, ReadConnection
from domain import identifiers
from starter.client import connect


async def audit(database_url: str) -> int:
    """Print a line per invariant; 0 when all hold, 1 with each violation. Raises `DatabaseUnreachable`,
    `TemporalUnreachable` and `NoNetwork`."""
    database = Database(database_url)
    try:
        await database.check()
        findings = [*await findings_of(database), await _running(database, await connect())]
    finally:
        await database.close()
    sys.stdout.write("".join(f"{line}\n" for finding in findings for line in _lines(finding)))
    return 1 if any(finding.violations for finding in findings) else 0


async def findings_of(database: Database) -> list[Finding]:
    """Every invariant, checked in one snapshot."""
    async with database.engine.connect() as connection:
        snapshot = ReadConnection(await connection.execution_options(isolation_level="REPEATABLE READ"))
        _, network = await Networks().active(snapshot)
        return await examine(snapshot, {sku: network.components(sku) for sku in network.items})


async def _running(database: Database, client: Client) -> Finding:
    """Every open order that a workflow has acted on has one that runs; one that waits for its first start is on its way."""
    names = await _open_orders(database)
    without = [name for name in names if not await _runs(client, name)]
    # An order that closed between the two looks has done nothing wrong.
    lost = set(without) & set(await _open_orders(database)) if without else set()
    return Finding("every open order has one running workflow", len(names), tuple(sorted(lost)))


async def _open_orders(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(OPEN_ORDERS)).scalars())


OPEN_ORDERS = text("SELECT order_id FROM orders WHERE closed_at IS NULL AND version > 0 ORDER BY order_id")


async def _runs(client: Client, order: str) -> bool:
    try:
        told = await client.get_workflow_handle(identifiers.order_workflow_id(order)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return told.status is WorkflowExecutionStatus.RUNNING


def _lines(finding: Finding) -> list[str]:
    verdict = f"{len(finding.violations)} violations" if finding.violations else "ok"
    return [f"{verdict:>14}  {finding.checked:>8}  {finding.sentence}"] + [f"  {row}" for row in finding.violations]

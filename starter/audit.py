"""`python -m starter audit`: recomputes every invariant from the facts, and says each with how much it has checked."""

import sys

from activities.networks import Networks
from database.audit import Finding, examine
from database.connect import Database, ReadConnection


async def audit(database_url: str) -> int:
    """Print a line per invariant; 0 when all hold, 1 with each violation. Raises `DatabaseUnreachable`, `NoNetwork`."""
    database = Database(database_url)
    try:
        await database.check()
        findings = await findings_of(database)
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


def _lines(finding: Finding) -> list[str]:
    verdict = f"{len(finding.violations)} violations" if finding.violations else "ok"
    return [f"{verdict:>14}  {finding.checked:>8}  {finding.sentence}"] + [f"  {row}" for row in finding.violations]

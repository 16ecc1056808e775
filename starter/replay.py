"""`python -m starter replay`: stored sourcing rounds are planned again from what they were decided from."""

import sys
from collections import Counter
from datetime import UTC, datetime

from database import personal
from database.connect import Database
from database.sealing import MasterKeys
from runtime.where import database_url, master_keys
from transactions.replay import Verdict, replay

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def command(*, since: datetime = BEGINNING) -> int:
    """Plan stored sourcing rounds again from what they were decided from; exit 1 if one comes out differently.

    Each round that differs is a line with the first thing that came out differently. It changes nothing.

    Parameters
    ----------
    since
        Only rounds that were decided on this day or later, such as 2026-11-01 (UTC).
    """
    return await replay_rounds(database_url(), master_keys(), since)


async def replay_rounds(database_url: str, master_keys: MasterKeys, since: datetime) -> int:
    """Print each round that differs, and how many did what; 1 when one differs.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database, counts = Database(database_url, master_keys), Counter[Verdict]()
    try:
        await database.check()
        await personal.check(database)
        async for one in replay(database, since if since.tzinfo else since.replace(tzinfo=UTC)):
            counts[one.verdict] += 1
            if one.cause:
                sys.stdout.write(f"{one.order}, round {one.round}: {one.verdict}: {one.cause}\n")
    finally:
        await database.close()
    said = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in Verdict if counts[verdict])
    sys.stderr.write(f"{counts.total():,} rounds{': ' + said if said else ''}\n")
    return 1 if counts[Verdict.DIFFERENT] else 0

"""`python -m starter rewrap`: changes the master key with which the orders' keys are sealed."""

import sys

from database import personal
from database.connect import Database
from database.sealing import COMMON, MasterKeys
from runtime.where import database_url, master_keys

BATCH = 500
"""Keys that are sealed again in one transaction."""


async def command() -> int:
    """Seal every order's key with the first master key, so that the others can be removed. Safe to repeat."""
    return await rewrap(database_url(), master_keys())


async def rewrap(database_url: str, master_keys: MasterKeys) -> int:
    """Seal every key with the first master key, many in a transaction, and say how many were not; 0.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys)
    after, sealed = "", 0
    try:
        await database.check()
        await personal.check(database)
        while after != COMMON:
            async with database.write() as connection:
                after, some = await personal.rewrap(connection, after, BATCH)
            sealed += some
    finally:
        await database.close()
    keys = "1 key" if sealed == 1 else f"{sealed} keys"
    sys.stdout.write(f"{keys} sealed again; the first master key opens all of them\n")
    return 0

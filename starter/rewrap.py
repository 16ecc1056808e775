"""`python -m starter rewrap`: changes the master key with which the orders' keys are sealed."""

import sys

from database import personal
from database.connect import Database
from database.sealing import MasterKeys
from runtime.where import database_url, master_keys
from transactions.personal import seal_again


async def command() -> int:
    """Seal every order's key with the first master key, so that the others can be removed. Safe to repeat."""
    return await rewrap(database_url(), master_keys())


async def rewrap(database_url: str, master_keys: MasterKeys) -> int:
    """Seal every key with the first master key, and say how many were not; 0.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys)
    try:
        await database.check()
        await personal.check(database)
        sealed = await seal_again(database)
    finally:
        await database.close()
    keys = "1 key" if sealed == 1 else f"{sealed} keys"
    sys.stdout.write(f"{keys} sealed again; the first master key opens all of them\n")
    return 0

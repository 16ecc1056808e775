"""Processes that apply kept scans, one after the other, each of which kills itself with -9 at one moment.

    python -m tests.database.mortal_scans MOMENT …

A moment is `claimed`, or `before:STEP` or `after:STEP` about a step, which is `record` or `drop`; `never` ends well.
"""

import os
import sys
from collections.abc import Sequence

from sqlalchemy import text

from database import unknown_scan as statements
from database.connect import Database
from runtime.where import database_url, master_keys
from tests.database.mortal_labels import mortal
from tests.database.mortal_notices import one_after_the_other
from transactions import tracking, unknown_scan
from transactions.network import Networks
from transactions.transaction import OrderTransactions

DUE = text("UPDATE unknown_scan SET due_at = clock_timestamp()")


async def apply(moment: str) -> None:
    """Apply all that is kept, as if every wait were over."""
    vars(statements)["claim"] = mortal(statements.claim, moment, after="claimed")
    vars(statements)["drop"] = mortal(statements.drop, moment, "before:drop", "after:drop")
    vars(tracking)["record"] = mortal(tracking.record, moment, "before:record", "after:record")
    database = Database(database_url(), master_keys())
    async with database.at_once() as connection:
        await connection.execute(DUE)
    await unknown_scan.apply_kept(OrderTransactions(database, Networks()))
    await database.close()


def main(arguments: Sequence[str]) -> None:
    """Live and die as the arguments say."""
    one_after_the_other(arguments, apply)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)

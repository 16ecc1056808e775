"""Processes that source orders as a worker does, one after the other, each of which kills itself with -9 at one moment.

    python -m tests.database.mortal_first_rounds MOMENT MOMENT ORDER …

A moment is `before:commit` or `after:commit`, about the first transaction that orders share; `never` ends well.
"""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from database.connect import Database
from runtime.where import database_url, master_keys
from tests.database.mortal_labels import mortal
from tests.database.mortal_notices import one_after_the_other
from transactions import first_rounds, gathering
from transactions.network import Networks
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions


async def source(moment: str) -> None:
    """Source all the orders at once. Those that wait are made together, however long a busy machine takes."""
    vars(gathering)["WAITS_MAX"] = vars(gathering)["LASTS_MAX"] = timedelta(minutes=5)
    vars(first_rounds)["_claim"] = mortal(first_rounds._claim, moment, after="before:commit")
    vars(first_rounds)["source_together"] = mortal(first_rounds.source_together, moment, after="after:commit")
    database = Database(database_url(), master_keys())
    transactions, at = OrderTransactions(database, Networks()), datetime.now(UTC)
    asked = [SourceInput(order=order, round=1, at=at, releases=True) for order in sys.argv[3:]]
    await asyncio.gather(*(first_rounds.source(transactions, one) for one in asked))
    await database.close()


if __name__ == "__main__":
    one_after_the_other(sys.argv[1:3], source)

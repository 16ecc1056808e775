"""Named statements about what changed in stock, for channels that follow it.

A transaction's number is given when it first writes, and it may commit much later. So readers go on from the oldest transaction
that was open when they read: what it changes has its number, or a later one, and is never skipped. Some of it is read twice.
"""

from datetime import datetime

from sqlalchemy import text

from database.connect import ReadConnection
from database.horizon import OLDEST_OPEN


async def horizon(connection: ReadConnection) -> int:
    """The oldest transaction of this database that was open; all earlier ones are over."""
    return int((await connection.execute(HORIZON)).scalar_one())


async def changed_since(connection: ReadConnection, transaction: int) -> set[str]:
    """The stocked SKUs of which a transaction with this number or a later one changed what may be available."""
    return set((await connection.execute(CHANGED_IN, {"transaction": transaction})).scalars())


async def changed_after(connection: ReadConnection, moment: datetime) -> set[str]:
    """The stocked SKUs of which what may be available changed after a moment, or in the minute before it: a transaction that
    began then may have committed later."""
    return set((await connection.execute(CHANGED_AT, {"moment": moment})).scalars())


async def is_newer(connection: ReadConnection, moment: datetime) -> bool:
    """Whether the active network version was applied after a moment, or in the minute before it."""
    return bool((await connection.execute(IS_NEWER, {"moment": moment})).scalar_one())


HORIZON = text(f"SELECT {OLDEST_OPEN}")
CHANGED_IN = text("SELECT DISTINCT sku FROM stock WHERE changed_in >= :transaction")
_A_MINUTE_BEFORE = "CAST(:moment AS timestamptz) - interval '1 minute'"
CHANGED_AT = text(f"SELECT DISTINCT sku FROM stock WHERE changed_at >= {_A_MINUTE_BEFORE}")
IS_NEWER = text(f"SELECT EXISTS (SELECT FROM network_version WHERE is_active AND recorded_at >= {_A_MINUTE_BEFORE})")

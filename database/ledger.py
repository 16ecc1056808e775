"""Named statements about the ledger of stock as a whole: what was there at a moment, and everything that happened since."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from database.connect import ReadConnection
from domain.stock import MovementKind, StockLevel

READ_AT_ONCE = 5_000


class Booked(NamedTuple):
    """A movement of the ledger."""

    number: int
    node: str
    sku: str
    kind: MovementKind
    on_hand: int
    promised: int
    """Units more, or fewer, that are reserved or allocated."""
    set_aside: int
    order: str | None
    at: datetime
    """When it was booked."""


async def levels_at(connection: ReadConnection, at: datetime) -> list[StockLevel]:
    """Every stock level from what was booked before a moment."""
    return [StockLevel(*row) for row in await connection.execute(LEVELS_AT, {"at": at})]


LEVELS_AT = text(
    """
    SELECT node, sku, sum(on_hand)::bigint, sum(reserved)::bigint, sum(allocated)::bigint, sum(set_aside)::bigint
    FROM movement WHERE recorded_at < :at GROUP BY node, sku
    """
)


async def booked_since(connection: ReadConnection, since: datetime) -> AsyncIterator[Booked]:
    """Every movement that was booked at a moment or later, in the sequence of the ledger."""
    after, found = 0, READ_AT_ONCE
    while found == READ_AT_ONCE:
        rows = (await connection.execute(BOOKED_SINCE, {"since": since, "after": after, "limit": READ_AT_ONCE})).all()
        for row in rows:
            yield Booked(*row)._replace(kind=MovementKind(row.kind))
        found, after = len(rows), rows[-1].movement_id if rows else after


BOOKED_SINCE = text(
    """
    SELECT movement_id, node, sku, kind, on_hand, reserved + allocated, set_aside, order_id, recorded_at
    FROM movement WHERE movement_id > :after AND recorded_at >= :since ORDER BY movement_id LIMIT :limit
    """
)

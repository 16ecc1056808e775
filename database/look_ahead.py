"""Named statements about look-ahead prices: versions of what a unit at a node is worth to later orders."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection

PRICE = """coalesce((SELECT p.price FROM look_ahead_price p
              WHERE p.version = (SELECT max(version) FROM look_ahead
                                 WHERE recorded_at > statement_timestamp() - interval '1 day')
                AND p.node = s.node AND p.sku = s.sku), 0)"""
"""The price of the stock row `s`, by the newest version; 0 without one of the last day: prices age with the stock that they are
made of. The version is read once for all rows."""


class Seen(NamedTuple):
    """The first round of an order, as it was stored."""

    network_version: int
    asked: bytes


class Came(NamedTuple):
    """The orders of a time."""

    orders: int
    first_at: datetime | None
    newest: list[Seen]


async def came(connection: ReadConnection, strategies: Collection[str], since: datetime, limit: int) -> Came:
    """The orders whose first round one of these strategies decided since a moment, if its input is kept; and the newest of
    them, up to `limit`. Raises `WrongMasterKey`."""
    parameters = {"strategies": list(strategies), "since": since, "limit": limit}
    all_of_them = (await connection.execute(COUNT_SEEN, parameters)).one()
    found = []
    for row in await connection.execute(SEEN, parameters):
        if key := personal.open_key(connection, row.order_id, row.wrapped):
            found.append(Seen(row.network_version, key.open_bytes("plan_input", row.input)))
    return Came(all_of_them.orders, all_of_them.first_at, found)


_SEEN = """
    FROM personal.plan_input i JOIN plan p USING (order_id, round)
    JOIN personal.key k ON k.owner = p.order_id
    WHERE i.recorded_at >= :since AND i.round = 1 AND p.strategy = ANY(CAST(:strategies AS text[]))
"""
COUNT_SEEN = text(f"SELECT count(*) AS orders, min(i.recorded_at) AS first_at {_SEEN}")
SEEN = text(
    f"""
    SELECT p.order_id, p.network_version, i.input, k.wrapped {_SEEN}
    ORDER BY i.recorded_at DESC, p.order_id LIMIT :limit
    """
)


async def exists(connection: ReadConnection, version: int) -> bool:
    """Whether a version of the prices is stored."""
    return bool((await connection.execute(EXISTS, {"version": version})).scalar_one())


EXISTS = text("SELECT EXISTS (SELECT FROM look_ahead WHERE version = :version)")


async def keep(
    connection: WriteConnection, version: int, orders: int, ahead: int, prices: Mapping[tuple[str, str], int]
) -> None:
    """Store a version, learned from so many orders for so many, unless another process was quicker."""
    parameters = {
        "version": version,
        "orders": orders,
        "ahead": ahead,
        "nodes": [node for node, _ in prices],
        "skus": [sku for _, sku in prices],
        "prices": list(prices.values()),
    }
    await connection.execute(KEEP, parameters)


KEEP = text(
    """
    WITH made AS (
        INSERT INTO look_ahead (version, orders, ahead) VALUES (:version, :orders, :ahead)
        ON CONFLICT DO NOTHING RETURNING version
    )
    INSERT INTO look_ahead_price (version, node, sku, price)
    SELECT m.version, p.node, p.sku, p.price
    FROM made m, unnest(CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:prices AS bigint[])) AS p(node, sku, price)
    """
)


async def erase_old(connection: WriteConnection, older_than: timedelta) -> None:
    """Erase the versions that were made longer ago. Rounds keep the prices that they were decided from."""
    await connection.execute(ERASE_OLD, {"older_than": older_than})


ERASE_OLD = text("DELETE FROM look_ahead WHERE recorded_at < clock_timestamp() - CAST(:older_than AS interval)")

"""Named statements about orders that wait for stock: what is offered to them, and in which sequence they are asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from database import stock
from database.connect import ReadConnection, WriteConnection

Offers = dict[tuple[str, str], datetime]
"""Since when the units at each (node, SKU) are offered to the orders that wait, and to nobody else."""


@dataclass(frozen=True, slots=True)
class Place:
    """An order's place in the sequence: priority, then promised date, then placed at; the first that waits comes first."""

    order: str
    priority: int
    deliver_by: datetime
    placed_at: datetime


async def offers(connection: ReadConnection) -> Offers:
    """What is offered now."""
    rows = await connection.execute(OFFERS)
    return {(row.node, row.sku): row.offered_at for row in rows}


OFFERS = text("SELECT node, sku, offered_at FROM stock WHERE offered_at IS NOT NULL ORDER BY sku, node")


async def begin(connection: WriteConnection) -> tuple[Offers, int]:
    """What is offered, and the newest of those who wait. Whoever begins to wait for any of it later has a higher number."""
    skus = {sku for _, sku in await offers(connection)}
    await stock.close_gates(connection, skus, exclusive=True)
    found = {place: since for place, since in (await offers(connection)).items() if place[1] in skus}
    newest: int = (await connection.execute(NEWEST)).scalar_one()
    return found, newest


NEWEST = text("SELECT coalesce(max(waiting_id), 0) FROM waiting")


async def queue(
    connection: ReadConnection,
    offered: Mapping[tuple[str, str], datetime],
    *,
    since: int,
    after: Place | None,
    limit: int,
) -> list[Place]:
    """Open orders that wait for some of what is offered, in sequence; only those who began to wait after number `since`."""
    parameters = {
        "nodes": [node for node, _ in offered],
        "skus": [sku for _, sku in offered],
        "since": since,
        "priority": after.priority if after else None,
        "deliver_by": after.deliver_by if after else None,
        "placed_at": after.placed_at if after else None,
        "order": after.order if after else None,
        "limit": limit,
    }
    rows = await connection.execute(QUEUE, parameters)
    return [Place(row.order_id, row.priority, row.deliver_by, row.placed_at) for row in rows]


QUEUE = text(
    """
    WITH waits AS MATERIALIZED (
        SELECT DISTINCT w.order_id
        FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku)
        JOIN waiting w ON w.awaits = 'stock' AND w.parts @> ARRAY[n.sku] AND (w.nodes IS NULL OR n.node = ANY(w.nodes))
        WHERE w.waiting_id > :since
    ), placed AS (
        SELECT o.order_id, o.priority, coalesce(o.promise_deliver_by, 'infinity') AS deliver_by, o.placed_at
        FROM waits JOIN orders o USING (order_id) WHERE o.closed_at IS NULL
    )
    SELECT * FROM placed
    WHERE CAST(:priority AS int) IS NULL
       OR (priority, deliver_by, placed_at, order_id)
          > (CAST(:priority AS int), CAST(:deliver_by AS timestamptz), CAST(:placed_at AS timestamptz), CAST(:order AS text))
    ORDER BY priority, deliver_by, placed_at, order_id LIMIT :limit
    """
)


async def end(connection: WriteConnection, offered: Offers, since: int) -> int | None:
    """Withdraw offers that everyone who waits has been asked about. An offer that was made anew stays.

    When somebody has begun to wait after number `since`, nothing is withdrawn, and the newest number is the answer.
    """
    await stock.close_gates(connection, {sku for _, sku in offered}, exclusive=True)
    if await queue(connection, offered, since=since, after=None, limit=1):
        newest: int = (await connection.execute(NEWEST)).scalar_one()
        return newest
    parameters = {
        "nodes": [node for node, _ in offered],
        "skus": [sku for _, sku in offered],
        "offered_at": list(offered.values()),
    }
    await connection.execute(LOCK_OFFERS, parameters)
    await connection.execute(WITHDRAW, parameters)
    return None


_OFFERED = """
    unnest(CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:offered_at AS timestamptz[])) AS n(node, sku, offered_at)
"""

LOCK_OFFERS = text(
    f"SELECT FROM stock s JOIN {_OFFERED} USING (node, sku, offered_at) ORDER BY s.sku, s.node FOR UPDATE OF s"
)

WITHDRAW = text(
    f"""
    UPDATE stock s SET offered_at = NULL FROM {_OFFERED}
    WHERE s.node = n.node AND s.sku = n.sku AND s.offered_at = n.offered_at
    """
)


async def offer(connection: WriteConnection) -> None:
    """Offer everything that anybody waits for to those who wait: the rules have changed, and with them who may have it."""
    await connection.execute(OFFER)


OFFER = text(
    """
    UPDATE stock s SET offered_at = clock_timestamp()
    FROM (SELECT k.node, k.sku FROM stock k
          WHERE k.on_hand > 0 AND EXISTS (SELECT FROM waiting w WHERE w.awaits = 'stock' AND w.parts @> ARRAY[k.sku])
          ORDER BY k.sku, k.node FOR UPDATE OF k) waited
    WHERE s.node = waited.node AND s.sku = waited.sku
    """
)


async def hope_for_every_node(connection: WriteConnection) -> None:
    """Under new rules any node may turn out to serve those who wait; their next turn will tell."""
    await connection.execute(text("UPDATE waiting SET nodes = NULL WHERE awaits = 'stock' AND nodes IS NOT NULL"))


async def keep_hopes(connection: WriteConnection, order: str, line: str, nodes: Sequence[str] | None) -> None:
    """Remember which nodes could serve a line that waits, under the order's lock."""
    await connection.execute(
        KEEP_HOPES, {"order": order, "line": line, "nodes": None if nodes is None else list(nodes)}
    )


KEEP_HOPES = text(
    """
    UPDATE waiting SET nodes = CAST(:nodes AS text[]) WHERE order_id = :order AND line = :line AND awaits = 'stock'
    """
)

"""Named statements about rows of stock messages whose SKU the network does not have yet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.stock import StockLine


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The rows of one message that wait, all with SKUs that are known now."""

    message_id: str
    facts: Mapping[str, Any]
    """The message as the inbox has it."""
    occurred_at: datetime
    received_at: datetime
    actor: str
    lines: list[StockLine]
    is_superseded: bool
    """Whether a later snapshot of the node has seen what it reports of the units on hand."""


async def keep(connection: WriteConnection, node: str, message_id: str, rows: Mapping[int, StockLine]) -> None:
    """Keep rows of a message that the inbox has just stored."""
    parameters = {
        "node": node,
        "message": message_id,
        "places": list(rows),
        "skus": [row.sku for row in rows.values()],
        "quantities": [row.quantity for row in rows.values()],
    }
    await connection.execute(KEEP, parameters)


KEEP = text(
    """
    INSERT INTO unknown_stock (node, message_id, place, sku, quantity)
    SELECT :node, :message, place, sku, quantity
    FROM unnest(CAST(:places AS int[]), CAST(:skus AS text[]), CAST(:quantities AS int[])) AS n(place, sku, quantity)
    """
)


async def waiting(connection: ReadConnection) -> list[tuple[str, str]]:
    """The nodes and SKUs that rows wait for."""
    rows = await connection.execute(text("SELECT DISTINCT node, sku FROM unknown_stock ORDER BY node, sku"))
    return [(row.node, row.sku) for row in rows]


async def take(connection: WriteConnection, node: str, skus: Collection[str]) -> list[KeptRows]:
    """Take out the rows of a node with these SKUs, by message, the first that was received first. They are gone with this
    transaction: it applies them."""
    rows = await connection.execute(TAKE, {"node": node, "skus": list(skus)})
    found: dict[str, KeptRows] = {}
    for row in rows:
        message = found.setdefault(
            row.message_id,
            KeptRows(row.message_id, row.facts, row.occurred_at, row.received_at, row.actor, [], row.is_superseded),
        )
        message.lines.append(StockLine(sku=row.sku, quantity=row.quantity))
    return list(found.values())


TAKE = text(
    """
    WITH taken AS (
        DELETE FROM unknown_stock WHERE node = :node AND sku = ANY(CAST(:skus AS text[]))
        RETURNING message_id, place, sku, quantity
    ), seen AS (
        SELECT max(least(occurred_at, received_at)) AS at FROM inbox
        WHERE sender = :node AND about = 'stock' AND kind = 'snapshot'
    )
    SELECT t.*, i.facts, i.occurred_at, i.received_at, i.actor,
           coalesce(i.kind IN ('received', 'adjusted', 'counted', 'snapshot')
                    AND least(i.occurred_at, i.received_at) < seen.at, false) AS is_superseded
    FROM taken t JOIN inbox i ON i.sender = :node AND i.message_id = t.message_id CROSS JOIN seen
    ORDER BY i.received_at, i.message_id, t.place
    """
)


async def supersede(
    connection: WriteConnection, node: str, message_id: str, skus: Collection[str] | None, taken_at: datetime
) -> None:
    """Drop what older messages of a node say of the units on hand of SKUs that a count names; None = it is a snapshot, which
    names all that is there. An arrival of announced goods is kept: it still ends the announcement."""
    named = [] if skus is None else list(skus)
    parameters = {"node": node, "message": message_id, "skus": named, "at": taken_at, "whole": skus is None}
    await connection.execute(SUPERSEDE, parameters)


_ON_HAND = "i.kind IN ('received', 'adjusted', 'counted', 'snapshot')"
SUPERSEDE = text(
    f"""
    DELETE FROM unknown_stock u USING inbox i
    WHERE u.node = :node AND u.message_id <> :message AND (:whole OR u.sku = ANY(CAST(:skus AS text[])))
      AND i.sender = u.node AND i.message_id = u.message_id AND {_ON_HAND} AND NOT i.facts ? 'expected'
      AND least(i.occurred_at, i.received_at) <= :at
    """
)


async def close_exceptions(
    connection: WriteConnection, node: str, at: datetime, counted_whole_at: datetime | None = None
) -> None:
    """Close the exceptions of the node's messages of which no row waits any more. One with refused rows stays open, unless a
    snapshot has counted everything since."""
    parameters = {"node": node, "at": at, "before_id": f"|message {node} ", "counted_whole_at": counted_whole_at}
    await connection.execute(CLOSE_EXCEPTIONS, parameters)


CLOSE_EXCEPTIONS = text(
    f"""
    UPDATE exception e SET resolved_at = :at
    FROM inbox i
    WHERE e.code = 'stock_misfit' AND e.resolved_at IS NULL AND e.node = :node AND i.sender = :node
      AND i.message_id = substr(e.cause, length(:before_id) + 1, length(e.cause) - length(:before_id) - length('|0'))
      AND NOT EXISTS (SELECT FROM unknown_stock u WHERE u.node = i.sender AND u.message_id = i.message_id)
      AND (NOT i.facts->'not_applied' @> '[{{"kept": false}}]'
           OR ({_ON_HAND} AND least(i.occurred_at, i.received_at) < CAST(:counted_whole_at AS timestamptz)))
    """
)
"""The cause of such an exception ends with the id of its message: `|message NODE ID|0`."""

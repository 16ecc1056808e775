"""The report about returns: how much comes back, why, how long it takes, and what becomes sellable again."""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document, sometimes


class By(StrEnum):
    """What a report about returns is grouped by."""

    SKU = "sku"
    NODE = "node"
    CHANNEL = "channel"
    REASON = "reason"


_KEYS = {
    By.SKU: ("l.sku", "fl.sku"),
    By.NODE: ("coalesce(r.node, '')", "f.node"),
    By.CHANNEL: ("o.channel", "o.channel"),
    By.REASON: ("coalesce(l.reason, '')", "NULL"),
}
"""The SQL that names a group, of returned units and of shipped units; shipped units have no reason."""


class ReturnsFigures(Document):
    """The figures of one group; its name is in the field that the report is grouped by, and the other three are absent."""

    sku: str | SkipJsonSchema[None] = sometimes()
    node: str | SkipJsonSchema[None] = sometimes()
    """Where the returns should go; empty when neither the request nor the policy says so."""
    channel: str | SkipJsonSchema[None] = sometimes()
    reason: str | SkipJsonSchema[None] = sometimes()
    """Empty when there is none."""
    returns: int
    """Returns that were requested."""
    units: int
    """Units of these returns, as announced."""
    came_back: int
    """Units that came back."""
    shipped: int | None
    """Units that shipped of orders placed in the same period; null when grouped by reason, or when none shipped."""
    rate: float | None
    """`units` / `shipped`; null when `shipped` is null."""
    days_to_settled: float | None
    """Days from the request to the settlement, on average; null when none is settled."""
    recovery: float | None
    """Units that were restocked / units that were graded; null when none was graded."""


class ReturnsReport(Document):
    """How much came back, why, how long it took, and what became sellable again."""

    by: By
    rows: list[ReturnsFigures]
    """The group with the most units first."""


async def returns(connection: ReadConnection, by: By, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """Returns that were requested from `begin` until before `end`, the group with the most units first.

    The rate compares their units with the units that shipped of orders placed in the same period. It is NULL when none shipped,
    or when grouped by reason.
    """
    returned, shipped = _KEYS[by]
    statement = text(RETURNS.format(returned=returned, shipped=shipped))
    rows = await connection.execute(statement, {"begin": begin, "end": end})
    return [{str(by): row.name} | json.loads(row.figures) for row in rows]


RETURNS = """
    WITH unit AS (
        SELECT {returned} AS name, r.return_id, l.quantity, l.returned, l.graded,
               (SELECT coalesce(sum(w.quantity), 0) FROM return_lot w
                WHERE w.return_id = l.return_id AND w.line = l.line AND w.disposition = 'restock') AS restocked,
               extract(epoch FROM r.settled_at - r.requested_at) / 86400 AS days
        FROM return r JOIN orders o USING (order_id) JOIN return_line l USING (return_id)
        WHERE r.requested_at >= :begin AND r.requested_at < :end
    ), shipped AS (
        SELECT {shipped} AS name, sum(fl.shipped) AS units
        FROM fulfillment_order f JOIN fulfillment_order_line fl USING (fulfillment_order_id) JOIN orders o USING (order_id)
        WHERE o.placed_at >= :begin AND o.placed_at < :end
        GROUP BY 1
    )
    SELECT u.name, jsonb_build_object(
               'returns', count(DISTINCT u.return_id), 'units', sum(u.quantity), 'came_back', sum(u.returned),
               'shipped', min(s.units), 'rate', round(sum(u.quantity) / nullif(min(s.units), 0), 4),
               'days_to_settled', round(avg(u.days)::numeric, 2),
               'recovery', round(sum(u.restocked) / nullif(sum(u.graded), 0), 4))::text AS figures
    FROM unit u LEFT JOIN shipped s USING (name)
    GROUP BY u.name ORDER BY sum(u.quantity) DESC, u.name
"""
"""A template for the two expressions of a group; the times are parameters."""

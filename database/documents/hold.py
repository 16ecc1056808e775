"""The documents of active holds: what keeps an order back, and which orders wait for a person."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from domain.network import HoldStock


class Hold(Document):
    """An active hold: nothing more of the order is released to nodes."""

    hold: str
    """Its name, such as `fraud` or `payment`."""
    owner: str | None
    """Who should release it, by the policy; null when the policy does not say."""
    stock: HoldStock
    """What the hold does to the order's stock."""
    since: AwareDatetime
    actor: str | None
    """Who placed it; `policy` when the policy did. Null when the order was forgotten."""
    reason: str | None
    """Why; null when no reason was given, or the order was forgotten."""


async def active(connection: ReadConnection, name: str | None, limit: int) -> list[dict[str, Any]]:
    """Active holds, of this name only unless it is None, the oldest first, each with its order."""
    rows = await connection.execute(ACTIVE, {"name": name, "limit": limit})
    return [_shown(connection, row) for row in rows]


def _shown(connection: ReadConnection, row: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(row.shown)
    key = personal.open_key(connection, shown["order"], row.wrapped)
    return shown | personal.remark(key, row.remark)


ACTIVE = text(
    """
    SELECT jsonb_build_object('hold', h.hold, 'order', h.order_id, 'reference', o.reference, 'owner', h.owner,
                              'since', h.since, 'value', o.value, 'currency', o.currency, 'version', o.version)::text AS shown,
           m.sealed AS remark, k.wrapped
    FROM (SELECT * FROM hold WHERE released_at IS NULL AND (CAST(:name AS text) IS NULL OR hold = :name)
          ORDER BY since, hold_id LIMIT :limit) h
    JOIN orders o USING (order_id)
    LEFT JOIN personal.remark m ON m.remark_id = h.remark LEFT JOIN personal.key k ON k.owner = h.order_id
    ORDER BY h.since, h.hold_id
    """
)


async def counts(connection: ReadConnection) -> dict[str, int]:
    """How many orders have each hold now, by its name."""
    return {row.hold: row.number for row in await connection.execute(COUNTS)}


COUNTS = text("SELECT hold, count(*) AS number FROM hold WHERE released_at IS NULL GROUP BY hold ORDER BY hold")

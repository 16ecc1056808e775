"""Named statements about returns and claims that have waited for somebody's word too long."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from database.connect import ReadConnection


@dataclass(frozen=True, slots=True)
class Silence:
    """A return or a claim that waits for somebody."""

    order: str
    about: str
    """The return or the claim, and what it waits for: the name of this wait."""
    is_new: bool
    """Whether no exception was opened for it yet; otherwise one is open."""


async def begun(connection: ReadConnection, after: timedelta, limit: int) -> list[Silence]:
    """The waits that are longer than `after` and that nobody was notified of."""
    rows = await connection.execute(BEGUN, {"after": after, "limit": limit})
    return [Silence(row.order_id, row.about, is_new=True) for row in rows]


async def ended(connection: ReadConnection, after: timedelta, limit: int) -> list[Silence]:
    """The waits that somebody was notified of, and that are over."""
    rows = await connection.execute(ENDED, {"after": after, "limit": limit})
    return [Silence(row.order_id, row.about, is_new=False) for row in rows]


_SILENT = """
    SELECT r.order_id, r.return_id || ' waits for a decision' AS about
    FROM return r
    WHERE coalesce(r.closed_at, r.cancelled_at, r.declined_at, r.expired_at) IS NULL AND r.authorized_at IS NULL
      AND r.requested_at < clock_timestamp() - CAST(:after AS interval)
    UNION ALL
    SELECT r.order_id, r.return_id || ' waits for its node to grade what came back'
    FROM return r
    WHERE coalesce(r.closed_at, r.cancelled_at, r.declined_at, r.expired_at) IS NULL
      AND EXISTS (SELECT FROM return_line l WHERE l.return_id = r.return_id AND l.received > l.graded)
      AND coalesce((SELECT max(i.received_at) FROM inbox i WHERE i.about = r.return_id), r.requested_at)
          < clock_timestamp() - CAST(:after AS interval)
    UNION ALL
    SELECT f.order_id, f.refund_id || ' waits for its channel to confirm it'
    FROM refund f
    WHERE f.settled_at IS NULL AND f.asked_at < clock_timestamp() - CAST(:after AS interval)
"""

BEGUN = text(
    f"""
    SELECT s.order_id, s.about FROM ({_SILENT}) s
    WHERE NOT EXISTS (SELECT FROM exception e WHERE e.code = 'return_misfit' AND e.cause = s.order_id || '|' || s.about || '|0')
    ORDER BY s.about LIMIT :limit
    """
)

ENDED = text(
    f"""
    SELECT e.order_id, split_part(e.cause, '|', 2) AS about FROM exception e
    WHERE e.code = 'return_misfit' AND e.resolved_at IS NULL AND split_part(e.cause, '|', 2) LIKE '% waits for %'
      AND NOT EXISTS (SELECT FROM ({_SILENT}) s WHERE s.order_id = e.order_id AND s.about = split_part(e.cause, '|', 2))
    ORDER BY 2 LIMIT :limit
    """
)

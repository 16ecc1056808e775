"""Named statements about goods that come back: the dated rows of returns, and what earlier returns say of them.

A return has one dated row for each item: its units that were not graded yet, and those that were restocked at its node.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.coming_back import LINES_MAX, Outcome
from domain.lateness import ANNOUNCEMENTS_MAX

COMING_BACK = """
    SELECT r.return_id, r.node, l.sku, r.authorized_at,
           sum(CASE WHEN r.authorized_at IS NOT NULL
                         AND coalesce(r.closed_at, r.cancelled_at, r.declined_at, r.expired_at) IS NULL
                         AND l.refund_on <> 'none_needed'
                    THEN greatest(least(l.quantity, CASE WHEN r.settled_at IS NULL THEN l.quantity ELSE l.received END)
                                  - l.graded, 0)
                    ELSE 0 END)::bigint AS open,
           sum(coalesce(b.units, 0))::bigint AS arrived
    FROM return r JOIN return_line l USING (return_id) JOIN order_line o ON o.order_id = r.order_id AND o.line = l.line
    LEFT JOIN LATERAL (
        SELECT sum(t.quantity) AS units FROM return_lot t
        WHERE t.return_id = l.return_id AND t.line = l.line AND t.node = r.node
          AND t.disposition = 'restock' AND t.condition <> 'wrong_item') b ON true
    WHERE r.node IS NOT NULL AND o.components IS NULL
    GROUP BY r.return_id, r.node, l.sku
"""
"""By return and SKU: units that are expected at its node, and those that were restocked there. Of a return that is settled
already, only what has been received counts; what need not be sent does not, nor do bundles."""


@dataclass(frozen=True, slots=True)
class Coming:
    """Units of one SKU that come back with a return, where their dated row says something else."""

    node: str
    sku: str
    authorized_at: datetime | None
    open: int
    arrived: int
    was_open: int | None
    """None = there is no row yet."""
    was_arrived: int


async def changed(connection: ReadConnection, name: str) -> list[Coming]:
    """What of a return is not as its dated rows say. Of what was never expected there is none."""
    return [Coming(*row) for row in await connection.execute(CHANGED, {"return": name})]


CHANGED = text(
    f"""
    SELECT c.node, c.sku, c.authorized_at, c.open, c.arrived, i.quantity - i.arrived AS was_open,
           coalesce(i.arrived, 0) AS was_arrived
    FROM ({COMING_BACK}) c LEFT JOIN incoming i USING (return_id, node, sku)
    WHERE c.return_id = :return
      AND ((i.sku IS NULL AND c.open > 0) OR (c.open, c.arrived) <> (i.quantity - i.arrived, i.arrived))
    ORDER BY c.sku
    """
)


async def lock(connection: WriteConnection, name: str, order: str) -> None:
    """Lock the dated rows of a return and those of its order's own pegs until the transaction ends, under the order's lock."""
    await connection.execute(LOCK, {"return": name, "order": order})


LOCK = text(
    """
    SELECT FROM incoming
    WHERE return_id = :return OR (node, message_id, sku) IN (SELECT node, message_id, sku FROM peg WHERE order_id = :order)
    ORDER BY sku, node, message_id FOR UPDATE
    """
)


async def write(
    connection: WriteConnection,
    name: str,
    row: str,
    coming: Coming,
    expected_at: datetime,
    percent: int | None,
    at: datetime,
) -> None:
    """Store what comes back of a SKU, in the dated row with this name. One that is there keeps its date and share."""
    parameters = {"return": name, "row": row, "node": coming.node, "sku": coming.sku, "arrived": coming.arrived}
    parameters |= {"quantity": coming.open + coming.arrived, "expected_at": expected_at, "percent": percent, "at": at}
    await connection.execute(WRITE, parameters)


WRITE = text(
    """
    INSERT INTO incoming AS i (node, message_id, sku, quantity, arrived, expected_at, arrived_at, return_id, restocked_percent)
    VALUES (:node, :row, :sku, :quantity, :arrived, :expected_at,
            CASE WHEN CAST(:arrived AS bigint) > 0 THEN CAST(:at AS timestamptz) END, :return, :percent)
    ON CONFLICT (node, message_id, sku) DO UPDATE
    SET quantity = excluded.quantity, arrived = excluded.arrived,
        arrived_at = CASE WHEN excluded.arrived > i.arrived THEN CAST(:at AS timestamptz) ELSE i.arrived_at END
    """
)


async def outcomes(connection: ReadConnection, sku: str) -> list[Outcome]:
    """What became of the last lines of returns of a SKU that were authorized and are graded or over, the last first.

    Returns that were over before their order was taken over do not count: what became of their units was not said. Nor do lines
    that were paid and never came: once they were paid, nobody counted on them.
    """
    rows = await connection.execute(OUTCOMES, {"sku": sku, "limit": LINES_MAX})
    return [Outcome(*row) for row in rows]


OUTCOMES = text(
    """
    SELECT l.quantity, coalesce(b.units, 0)::int AS restocked
    FROM return_line l JOIN return r USING (return_id) JOIN orders o USING (order_id)
    LEFT JOIN LATERAL (
        SELECT sum(t.quantity) AS units FROM return_lot t
        WHERE t.return_id = l.return_id AND t.line = l.line
          AND t.disposition = 'restock' AND t.condition <> 'wrong_item') b ON true
    WHERE l.sku = :sku AND r.authorized_at IS NOT NULL AND l.refund_on <> 'none_needed'
      AND (o.taken_over_at IS NULL OR r.requested_at >= o.taken_over_at) AND (r.settled_at IS NULL OR l.received > 0)
      AND (l.graded >= l.quantity OR coalesce(r.closed_at, r.cancelled_at, r.declined_at, r.expired_at) IS NOT NULL)
    ORDER BY r.requested_at DESC, r.return_id, l.line LIMIT :limit
    """
)


async def took(connection: ReadConnection, node: str) -> Sequence[timedelta]:
    """How long the last returns to a node that were restocked took from their authorization until then, the last first."""
    return list((await connection.execute(TOOK, {"node": node, "limit": ANNOUNCEMENTS_MAX})).scalars())


TOOK = text(
    """
    SELECT max(i.arrived_at) - min(r.authorized_at) FROM incoming i JOIN return r USING (return_id)
    WHERE i.node = :node AND i.arrived_at IS NOT NULL AND i.arrived >= i.quantity
    GROUP BY i.return_id ORDER BY max(i.arrived_at) DESC, i.return_id LIMIT :limit
    """
)

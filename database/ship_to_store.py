"""Named statements about transfers for an order: what it needs where it is collected, and what they bring there."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.order.sequence import PLACED
from domain import identifiers
from domain.ship_to_store import Balance, Brought


async def bring(
    connection: WriteConnection, node: str, transfer: str, order: str, brought: Mapping[str, Brought]
) -> None:
    """Store what a transfer for an order brings to a node, by SKU, under the transfer's lock."""
    rows = sorted(brought.items())
    parameters = {
        "node": node,
        "name": identifiers.all_work_id(transfer),
        "transfer": transfer,
        "order": order,
        "skus": [sku for sku, _ in rows],
        "quantities": [one.cargo.quantity for _, one in rows],
        "arrived": [one.cargo.arrived for _, one in rows],
        "expected_at": [one.expected_at for _, one in rows],
        "kept": [one.is_kept for _, one in rows],
    }
    await connection.execute(BRING, parameters)


BRING = text(
    """
    INSERT INTO incoming AS i (node, message_id, sku, quantity, arrived, expected_at, transfer_id, for_order_id)
    SELECT :node, :name, sku, quantity, arrived, expected_at, :transfer, CASE WHEN is_kept THEN :order END
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[]), CAST(:arrived AS bigint[]),
                CAST(:expected_at AS timestamptz[]), CAST(:kept AS boolean[]))
         AS n(sku, quantity, arrived, expected_at, is_kept)
    ON CONFLICT (node, message_id, sku) DO UPDATE
    SET quantity = excluded.quantity, arrived = excluded.arrived, expected_at = excluded.expected_at,
        for_order_id = excluded.for_order_id
    """
)


async def balances(connection: ReadConnection, order: str | None = None) -> list[Balance]:
    """What nothing brings, or need not be brought, of an order or of all (None), in the sequence of the orders. Orders on hold
    are left out.
    """
    rows = await connection.execute(BALANCES, {"order": order})
    found = [Balance(*row) for row in rows]
    return [one for one in found if one.missing or one.unneeded]


BALANCES = text(
    f"""
    WITH needed AS (
        SELECT w.order_id, o.pickup_node AS node, l.sku,
               coalesce(sum(w.quantity) FILTER (WHERE w.awaits = 'stock' AND w.incoming_lag_seconds IS NOT NULL), 0) AS wanted,
               coalesce(sum(w.quantity) FILTER (WHERE w.awaits <> 'person'), 0) AS waiting
        FROM orders o JOIN waiting w USING (order_id) JOIN order_line l USING (order_id, line)
        WHERE o.pickup_node IS NOT NULL AND o.closed_at IS NULL AND l.components IS NULL
          AND (CAST(:order AS text) IS NULL OR o.order_id = :order)
        GROUP BY 1, 2, 3
    ), brought AS (
        SELECT t.for_order_id AS order_id, t.to_node AS node, l.sku, sum(l.open + l.backordered) AS not_sourced,
               sum(l.open + l.backordered + l.reserved + l.allocated - coalesce(c.units, 0)) AS not_left
        FROM orders t JOIN order_line l USING (order_id)
        LEFT JOIN LATERAL (
            SELECT sum(CASE WHEN f.request IN ('cancel_requested', 'cancel_rejected')
                            THEN d.quantity - d.shipped - d.short ELSE d.cancel_wanted END) AS units
            FROM fulfillment_order f JOIN fulfillment_order_line d USING (fulfillment_order_id)
            WHERE f.order_id = t.order_id AND d.line = l.line) c ON true
        WHERE t.for_order_id IS NOT NULL AND t.closed_at IS NULL
          AND (CAST(:order AS text) IS NULL OR t.for_order_id = :order)
        GROUP BY 1, 2, 3
    ), both_sides AS (
        SELECT order_id, node, sku, coalesce(n.wanted, 0) AS wanted, coalesce(n.waiting, 0) AS waiting,
               coalesce(b.not_sourced, 0) AS not_sourced, coalesce(b.not_left, 0) AS not_left
        FROM needed n FULL JOIN brought b USING (order_id, node, sku)
    )
    SELECT order_id, s.node, s.sku, s.wanted::bigint, s.waiting::bigint, p.units, k.units, s.not_sourced::bigint,
           s.not_left::bigint
    FROM both_sides s JOIN orders o USING (order_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(p.quantity + p.arrived), 0)::bigint AS units FROM peg p
        WHERE p.order_id = s.order_id AND p.node = s.node AND p.sku = s.sku) p
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(i.quantity - i.arrived - (
                   SELECT coalesce(sum(p.quantity), 0) FROM peg p
                   WHERE p.sku = i.sku AND p.node = i.node AND p.message_id = i.message_id)), 0)::bigint AS units
        FROM incoming i
        WHERE i.for_order_id = s.order_id AND i.node = s.node AND i.sku = s.sku AND i.arrived < i.quantity) k
    WHERE (s.wanted > p.units + k.units + s.not_sourced OR (s.not_left > 0 AND s.waiting < p.units + k.units + s.not_sourced))
      AND NOT EXISTS (SELECT FROM hold h WHERE h.order_id = s.order_id AND h.released_at IS NULL)
    ORDER BY o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, order_id, s.node, s.sku
    """
)


async def is_any_open(connection: ReadConnection) -> bool:
    """Whether a transfer for an order is open."""
    found = "SELECT EXISTS (SELECT FROM orders WHERE for_order_id IS NOT NULL AND closed_at IS NULL)"
    return bool((await connection.execute(text(found))).scalar())


async def transfers_of(connection: ReadConnection, order: str, node: str) -> Sequence[str]:
    """The open transfers that bring units of an order to a node, the newest first."""
    return list((await connection.execute(TRANSFERS_OF, {"order": order, "node": node})).scalars())


TRANSFERS_OF = text(
    """
    SELECT order_id FROM orders WHERE for_order_id = :order AND to_node = :node AND closed_at IS NULL
    ORDER BY received_at DESC, order_id DESC
    """
)


async def made_for(connection: ReadConnection, order: str) -> int:
    """How many transfers were made for an order."""
    found = await connection.execute(text("SELECT count(*) FROM orders WHERE for_order_id = :order"), {"order": order})
    return int(found.scalar_one())


async def tried(connection: ReadConnection, order: str) -> dict[str, tuple[str, ...]]:
    """By SKU: the nodes that a transfer for an order has asked, and that have not sent all of it. They are not asked again."""
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for row in await connection.execute(TRIED, {"order": order}):
        found[row.sku] += (row.node,)
    return found


TRIED = text(
    """
    SELECT DISTINCT l.sku, f.node
    FROM orders t JOIN fulfillment_order f USING (order_id) JOIN fulfillment_order_line l USING (fulfillment_order_id)
    WHERE t.for_order_id = :order AND l.short > 0 ORDER BY l.sku, f.node
    """
)


async def about_to_be_sourced(connection: ReadConnection, orders: Collection[str]) -> set[str]:
    """Those of the orders that a transfer is made for of which units wait for their sourcing round."""
    return set((await connection.execute(ABOUT_TO_BE_SOURCED, {"orders": sorted(orders)})).scalars())


ABOUT_TO_BE_SOURCED = text(
    """
    SELECT t.for_order_id FROM orders t JOIN waiting w USING (order_id)
    WHERE t.for_order_id = ANY(CAST(:orders AS text[])) AND t.closed_at IS NULL AND w.awaits = 'sourcing'
    """
)

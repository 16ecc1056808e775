"""Named statements about replenishment: positions of stock levels, what nodes owe already, and needs that were taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.incoming import COUNTED_FROM
from domain.need import Need, Position, Proposal


async def hold(connection: WriteConnection) -> None:
    """Let nobody else take needs until the transaction ends: who waits here sees the transfers that were made meanwhile.

    It is held before any order, gate or stock level is locked.
    """
    await connection.execute(HOLD)


HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('needs', 26))")


async def positions(
    connection: ReadConnection, days: Mapping[tuple[str, str], int], at: datetime
) -> dict[tuple[str, str], Position]:
    """The position of each of these (node, SKU), with what it sold in so many days until `at`."""
    parameters = {
        "nodes": [node for node, _ in days],
        "skus": [sku for _, sku in days],
        "days": list(days.values()),
        "at": at,
    }
    return {(row.node, row.sku): Position(*row[2:]) for row in await connection.execute(POSITIONS, parameters)}


_SPOKEN_FOR = """
    SELECT node, sku, sum(units)::bigint AS units FROM (
        SELECT o.from_node AS node, l.sku, l.open + l.backordered AS units
        FROM orders o JOIN order_line l USING (order_id)
        WHERE o.to_node IS NOT NULL AND o.closed_at IS NULL AND l.sku = ANY(CAST(:skus AS text[]))
        UNION ALL
        SELECT coalesce(o.pickup_node, o.from_node), p.sku,
               w.quantity * coalesce(CAST(l.components ->> p.sku AS bigint), 1)
        FROM waiting w JOIN orders o USING (order_id) JOIN order_line l USING (order_id, line)
        CROSS JOIN LATERAL unnest(w.parts) AS p(sku)
        WHERE w.awaits = 'stock' AND w.parts && CAST(:skus AS text[]) AND o.to_node IS NULL
          AND coalesce(o.pickup_node, o.from_node) IS NOT NULL) s
    GROUP BY node, sku
"""
"""Units that are not reserved, and that one node owes: to transfers from it, and to customers whom no other node may serve."""

_NOT_LEFT = """
    SELECT sum(l.reserved + coalesce(w.units, 0)) AS units
    FROM order_line l LEFT JOIN LATERAL (
        SELECT sum(c.due - least(c.due, n.cancel_wanted)) AS units
        FROM fulfillment_order f JOIN fulfillment_order_line n USING (fulfillment_order_id)
        CROSS JOIN LATERAL (SELECT n.quantity - n.shipped - n.short AS due) c
        WHERE f.order_id = l.order_id AND n.line = l.line) w ON true
    WHERE l.order_id = d.transfer_id AND l.sku = d.sku
"""
"""Of a dated row `d` of a transfer for an order: units that have not left their sources. They are planned, as those of every
transfer are (docs/decisions/0068)."""

POSITIONS = text(
    f"""
    WITH named AS (
        SELECT * FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:days AS int[])) AS n(node, sku, days)
    ), planned AS (
        SELECT o.to_node AS node, l.sku, sum(l.open + l.backordered + l.reserved + l.allocated) AS units
        FROM orders o JOIN order_line l USING (order_id)
        WHERE o.to_node IS NOT NULL AND o.closed_at IS NULL AND l.sku = ANY(CAST(:skus AS text[]))
        GROUP BY o.to_node, l.sku
    ), spoken_for AS ({_SPOKEN_FOR}), dated AS (
        SELECT i.node, i.sku, i.quantity - i.arrived AS units,
               i.fulfillment_order_id IS NOT NULL OR i.transfer_id IS NOT NULL AS is_moved, i.transfer_id,
               greatest(i.expected_at, {COUNTED_FROM}) > :at AS is_in_time
        FROM incoming i WHERE i.sku = ANY(CAST(:skus AS text[])) AND i.arrived < i.quantity AND i.return_id IS NULL
    ), coming AS (
        SELECT d.node, d.sku, sum(d.units - coalesce(h.units, 0)) FILTER (WHERE d.is_moved) AS in_transit,
               sum(d.units) FILTER (WHERE NOT d.is_moved AND d.is_in_time) AS announced
        FROM dated d LEFT JOIN LATERAL ({_NOT_LEFT}) h ON d.transfer_id IS NOT NULL
        GROUP BY d.node, d.sku
    ), pegged AS (
        SELECT p.node, p.sku, sum(p.quantity + p.arrived) AS units FROM peg p JOIN orders o USING (order_id)
        WHERE p.sku = ANY(CAST(:skus AS text[])) AND coalesce(o.pickup_node, o.from_node) IS NULL GROUP BY p.node, p.sku
    )
    SELECT n.node, n.sku, coalesce(s.on_hand - greatest(s.set_aside, 0), 0)::bigint AS on_hand,
           coalesce(s.reserved + s.allocated, 0)::bigint AS promised,
           (coalesce(spoken_for.units, 0) + coalesce(pegged.units, 0))::bigint AS waiting,
           coalesce(planned.units, 0)::bigint AS planned, coalesce(coming.in_transit, 0)::bigint AS in_transit,
           coalesce(coming.announced, 0)::bigint AS announced, sales.sold
    FROM named n LEFT JOIN stock s USING (node, sku) LEFT JOIN planned USING (node, sku) LEFT JOIN coming USING (node, sku)
    LEFT JOIN spoken_for USING (node, sku) LEFT JOIN pegged USING (node, sku)
    CROSS JOIN LATERAL (
        SELECT greatest(coalesce(-sum(m.on_hand), 0), 0)::bigint AS sold FROM movement m
        WHERE m.node = n.node AND m.sku = n.sku AND m.kind = 'shipped'
          AND m.occurred_at > :at - make_interval(days => n.days)
          AND NOT starts_with(coalesce(m.order_id, ''), 'transfer.')) sales
    ORDER BY n.sku, n.node
    """
)
"""Promises of what comes to a node count beside what only this node can fill. A parcel that did not leave is a movement back:
it takes the sale back, too. What transfers took is no sale."""


async def spoken_for(connection: ReadConnection, skus: Sequence[str]) -> dict[tuple[str, str], int]:
    """By (node, SKU): units that are not reserved, and that only this node can give to whom it owes them."""
    rows = await connection.execute(SPOKEN_FOR, {"skus": list(skus)})
    return {(row.node, row.sku): row.units for row in rows}


SPOKEN_FOR = text(_SPOKEN_FOR)


class TakenLine(NamedTuple):
    """A line of a transfer, and the need and proposal that it was taken from."""

    line: str
    need: Need
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Taking:
    """Who takes needs, and when."""

    actor: str
    at: datetime


async def keep(connection: WriteConnection, order: str, lines: Sequence[TakenLine], taking: Taking) -> None:
    """Store from what the lines of a new transfer were decided."""
    rows = [
        {
            "order": order,
            "line": one.line,
            "node": one.need.node,
            "sku": one.need.sku,
            "source": one.proposal.source,
            "quantity": one.proposal.quantity,
            "free": one.proposal.free,
            "position": one.need.position.units,
            "least": one.need.least,
            "target": one.need.target,
            "pack_units": one.need.pack_units,
            "sold": one.need.position.sold,
            "actor": taking.actor,
            "at": taking.at,
        }
        for one in lines
    ]
    await connection.execute(KEEP, rows)


KEEP = text(
    """
    INSERT INTO taken_need (order_id, line, node, sku, source, quantity, free, position, least, target, pack_units, sold,
                            actor, taken_at)
    VALUES (:order, :line, :node, :sku, :source, :quantity, :free, :position, :least, :target, :pack_units, :sold, :actor, :at)
    """
)

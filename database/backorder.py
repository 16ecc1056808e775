"""Named statements about orders that wait for stock: which units are offered to them, and whose turn it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.order.sequence import PLACED
from database.outbox.unattended import sweep_at
from domain.units import Waiting

Offers = dict[tuple[str, str], datetime]
"""Since when the units at each (node, SKU) are offered to the orders that wait, and to no other claim."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An order that waits for units that are offered."""

    order: str
    about: str
    """Names the order's waiting units, the offers to them, and what of these has arrived for orders it is promised to. While
    it is the same, another attempt has the same result."""
    has_arrived_goods: bool
    """Whether some of the units have arrived for this order."""


async def offers(connection: ReadConnection) -> Offers:
    """What is offered now."""
    rows = await connection.execute(OFFERS)
    return {(row.node, row.sku): row.offered_at for row in rows}


OFFERS = text("SELECT node, sku, offered_at FROM stock WHERE offered_at IS NOT NULL ORDER BY sku, node")


async def queue(connection: ReadConnection, offered: Offers) -> list[Turn]:
    """Open orders that wait for offered units, in sequence: priority, then promised date, then placed at."""
    rows = await connection.execute(QUEUE, _arrays(offered))
    return [Turn(row.order_id, row.about, row.has_arrived_goods) for row in rows]


def _arrays(offered: Offers) -> dict[str, Any]:
    return {
        "nodes": [node for node, _ in offered],
        "skus": [sku for _, sku in offered],
        "offered_at": list(offered.values()),
    }


_OFFERED = """
    unnest(CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:offered_at AS timestamptz[])) AS n(node, sku, offered_at)
"""

QUEUE = text(
    f"""
    WITH offered AS MATERIALIZED (
        SELECT n.*, (SELECT coalesce(sum(p.arrived), 0) FROM peg p WHERE p.sku = n.sku AND p.node = n.node AND p.arrived > 0)
                    AS arrived
        FROM {_OFFERED}
    )
    SELECT o.order_id, w.about,
           EXISTS (SELECT FROM peg p WHERE p.order_id = w.order_id AND p.arrived > 0) AS has_arrived_goods
    FROM (
        SELECT w.order_id,
               md5(string_agg(concat_ws('|', w.waiting_id, n.node, n.sku, n.offered_at, n.arrived), '|'
                              ORDER BY w.waiting_id, n.sku, n.node)) AS about
        FROM offered n
        JOIN waiting w ON w.awaits = 'stock' AND w.parts @> ARRAY[n.sku] AND (w.nodes IS NULL OR n.node = ANY(w.nodes))
        GROUP BY w.order_id) w
    JOIN orders o USING (order_id)
    WHERE o.closed_at IS NULL
    ORDER BY o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, o.order_id
    """
)


async def withdraw(connection: WriteConnection, offered: Offers) -> list[tuple[str, str]]:
    """Withdraw offers that every waiting order has had its turn for; answers their (node, SKU). An offer that was made again
    since then stays.

    The caller holds the gates of the SKUs alone, and has read the queue after closing them.
    """
    await connection.execute(LOCK_OFFERS, _arrays(offered))
    return [(row.node, row.sku) for row in await connection.execute(WITHDRAW, _arrays(offered))]


LOCK_OFFERS = text(
    f"SELECT FROM stock s JOIN {_OFFERED} USING (node, sku, offered_at) ORDER BY s.sku, s.node FOR UPDATE OF s"
)

WITHDRAW = text(
    f"""
    UPDATE stock s SET offered_at = NULL FROM {_OFFERED}
    WHERE s.node = n.node AND s.sku = n.sku AND s.offered_at = n.offered_at RETURNING s.node, s.sku
    """
)


async def offer(connection: WriteConnection) -> None:
    """Offer all stock that open orders wait for to these orders: new rules change which order may have which units."""
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


async def reset_candidate_nodes(connection: WriteConnection) -> None:
    """Let any node be a candidate for the units that wait, because the rules changed. The next turn narrows it down."""
    await connection.execute(text("UPDATE waiting SET nodes = NULL WHERE awaits = 'stock' AND nodes IS NOT NULL"))


async def judged_under_old_rules(connection: ReadConnection, version: int, limit: int) -> list[str]:
    """Orders with units that wait for stock, or for a person because no node may ever ship them, and of which this was decided
    under an earlier version of the network. Without those that wait for offered units: they have a turn.
    """
    rows = await connection.execute(JUDGED_UNDER_OLD_RULES, {"version": version, "limit": limit})
    return list(rows.scalars())


JUDGED_UNDER_OLD_RULES = text(
    """
    SELECT DISTINCT w.order_id FROM waiting w
    WHERE w.network_version < :version AND (w.awaits = 'stock' OR (w.awaits = 'person' AND w.nodes = '{}'))
      AND NOT EXISTS (SELECT FROM stock s WHERE s.offered_at IS NOT NULL AND w.awaits = 'stock' AND w.parts @> ARRAY[s.sku])
    ORDER BY w.order_id LIMIT :limit
    """
)


async def save_judgement(connection: WriteConnection, order: str, waiting: Waiting) -> None:
    """Store what may become of units that wait: where they may be shipped from, and when a node may take them again; under
    the order's lock.
    """
    parameters = {
        "order": order,
        "line": waiting.line,
        "tried": list(waiting.tried),
        "awaits": waiting.awaits,
        "nodes": None if waiting.nodes is None else list(waiting.nodes),
        "looks_again_at": waiting.looks_again_at,
        "network_version": waiting.network_version,
        "incoming_lag_seconds": None if waiting.incoming_lag is None else waiting.incoming_lag.total_seconds(),
        "sells_returns": waiting.sells_returns,
    }
    await connection.execute(SAVE_JUDGEMENT, parameters)


SAVE_JUDGEMENT = text(
    f"""
    WITH judged AS (
        UPDATE waiting SET nodes = CAST(:nodes AS text[]), looks_again_at = CAST(:looks_again_at AS timestamptz),
                           network_version = :network_version,
                           incoming_lag_seconds = CAST(:incoming_lag_seconds AS double precision),
                           sells_returns = :sells_returns
        WHERE order_id = :order AND line = :line AND tried = CAST(:tried AS text[]) AND awaits = :awaits
        RETURNING order_id, looks_again_at)
    UPDATE orders o SET sweep_at = {sweep_at("judged.looks_again_at")} FROM judged
    WHERE o.order_id = judged.order_id AND judged.looks_again_at IS NOT NULL
      AND o.sweep_at > {sweep_at("judged.looks_again_at")}
    """
)
"""The sweep looks sooner when the units have something to do sooner: the order gets no new version here, which would say so."""

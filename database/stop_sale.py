"""Named statements about stop-sales: place and lift them, apply them to stock, and list the promised units that they concern.

A transaction that places or lifts one holds the gate of the SKU alone (`database.stock.close_gates`). So no stock row of the
SKU is made, and no order begins to wait for it, without seeing the change.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import stock
from database.connect import ReadConnection, WriteConnection
from database.order.parts import units_of

LISTED_MAX = 1_000
"""The most entries in each list of promised units."""


@dataclass(frozen=True, slots=True)
class Sale:
    """The sale of a SKU at one node, or everywhere (None)."""

    sku: str
    node: str | None

    @property
    def names(self) -> dict[str, Any]:
        """The SQL parameters that name the sale."""
        return {"sku": self.sku, "node": self.node}


async def place(connection: WriteConnection, sale: Sale, remark: int | None, *, is_by_node: bool) -> datetime:
    """Stop a sale, unless it is stopped already; answers since when it is stopped.

    A stop that an operator places is the operator's from then on, also where the node had stopped the sale before.
    """
    parameters = sale.names | {"remark": remark, "is_by_node": is_by_node}
    since: datetime = (await connection.execute(PLACE, parameters)).scalar_one()
    return since


PLACE = text(
    """
    INSERT INTO stop AS s (sku, node, since, remark, is_by_node)
    VALUES (:sku, :node, clock_timestamp(), :remark, :is_by_node)
    ON CONFLICT (sku, coalesce(node, '')) WHERE lifted_at IS NULL DO UPDATE SET
        is_by_node = s.is_by_node AND excluded.is_by_node,
        remark = CASE WHEN s.is_by_node AND NOT excluded.is_by_node THEN excluded.remark ELSE s.remark END
    RETURNING since
    """
)


async def is_by_operator(connection: ReadConnection, sale: Sale) -> bool:
    """Whether an operator stopped a sale. Close the gate of its SKU first, so that it stays as it is."""
    return (await connection.execute(BY_OPERATOR, sale.names)).scalar() is True


BY_OPERATOR = text(
    """
    SELECT NOT is_by_node FROM stop
    WHERE sku = :sku AND node IS NOT DISTINCT FROM CAST(:node AS text) AND lifted_at IS NULL
    """
)


async def lift(connection: WriteConnection, sale: Sale, remark: int | None) -> tuple[datetime, datetime] | None:
    """Lift the stop of a sale; answers since when it was stopped and when it was lifted, None when it was not stopped."""
    row = (await connection.execute(LIFT, sale.names | {"remark": remark})).one_or_none()
    return (row.since, row.lifted_at) if row else None


LIFT = text(
    """
    UPDATE stop SET lifted_at = clock_timestamp(), lifted_by = :remark
    WHERE sku = :sku AND node IS NOT DISTINCT FROM CAST(:node AS text) AND lifted_at IS NULL
    RETURNING since, lifted_at
    """
)


async def active(connection: ReadConnection, sku: str) -> list[tuple[str | None, datetime]]:
    """The active stops of a SKU: each node, and since when; everywhere (None) first."""
    return [(row.node, row.since) for row in await connection.execute(ACTIVE, {"sku": sku})]


ACTIVE = text("SELECT node, since FROM stop WHERE sku = :sku AND lifted_at IS NULL ORDER BY node NULLS FIRST")


async def apply_to_stock(connection: WriteConnection, sale: Sale) -> None:
    """Write the active stops into the stock rows of a sale. Stock that may be sold again is offered to the orders that wait.

    It waits for earlier claims, so their units can be read when it returns.
    """
    await connection.execute(LOCK, sale.names)
    await connection.execute(APPLY_TO_STOCK, sale.names)


_CONCERNED = "k.sku = :sku AND (CAST(:node AS text) IS NULL OR k.node = :node)"

LOCK = text(f"SELECT FROM stock k WHERE {_CONCERNED} ORDER BY k.sku, k.node FOR UPDATE")

APPLY_TO_STOCK = text(
    f"""
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT nodes FROM waiting WHERE awaits = 'stock' AND parts @> ARRAY[CAST(:sku AS text)]
    ), active AS (
        SELECT k.node, k.sku, (SELECT min(since) FROM stop
                               WHERE stop.sku = k.sku AND coalesce(stop.node, k.node) = k.node
                                 AND stop.lifted_at IS NULL) AS stopped_at
        FROM stock k WHERE {_CONCERNED}
    )
    UPDATE stock s
    SET stopped_at = active.stopped_at, {stock.CHANGED},
        offered_at = CASE WHEN s.stopped_at IS NOT NULL AND active.stopped_at IS NULL AND s.on_hand > 0 AND EXISTS (
                                   SELECT FROM wanted w WHERE w.nodes IS NULL OR s.node = ANY(w.nodes))
                          THEN clock_timestamp() ELSE s.offered_at END
    FROM active WHERE s.node = active.node AND s.sku = active.sku
    """
)


async def reserved(connection: ReadConnection, sale: Sale) -> list[dict[str, Any]]:
    """Units of a SKU that are pinned for orders, by order and node; one more than `LISTED_MAX` when there are more."""
    return await _listed(connection, RESERVED, sale)


async def allocated(connection: ReadConnection, sale: Sale) -> list[dict[str, Any]]:
    """Units of a SKU that belong to fulfillment orders, as in `reserved`; units in doubt of attempts given up are included."""
    return await _listed(connection, ALLOCATED, sale)


async def _listed(connection: ReadConnection, statement: Any, sale: Sale) -> list[dict[str, Any]]:
    parameters = sale.names | {"limit": LISTED_MAX + 1}
    return [json.loads(row.shown) for row in await connection.execute(statement, parameters)]


_HOLDERS = f"""
    holder AS MATERIALIZED (
        SELECT DISTINCT k.node, m.order_id FROM stock k JOIN movement m USING (node, sku)
        WHERE {_CONCERNED} AND k.reserved + k.allocated > 0 AND m.order_id IS NOT NULL
    )
"""
"""The ledger finds the orders that may hold units of a SKU; their own rows have what they hold now."""

RESERVED = text(
    f"""
    WITH {_HOLDERS}
    SELECT jsonb_build_object('order', h.order_id, 'node', h.node, 'quantity', sum(r.quantity * {units_of("l")}))::text AS shown
    FROM holder h JOIN reservation r USING (order_id, node) JOIN order_line l USING (order_id, line)
    WHERE {units_of("l")} > 0
    GROUP BY h.order_id, h.node
    ORDER BY h.order_id, h.node LIMIT :limit
    """
)

ALLOCATED = text(
    f"""
    WITH {_HOLDERS}, held AS (
        SELECT f.order_id, f.number, f.fulfillment_order_id, f.node,
               sum((l.quantity - l.shipped - l.short + l.in_doubt) * {units_of("o")}) AS quantity
        FROM holder h JOIN fulfillment_order f USING (order_id, node)
        JOIN fulfillment_order_line l USING (fulfillment_order_id)
        JOIN order_line o ON (o.order_id, o.line) = (f.order_id, l.line)
        GROUP BY f.fulfillment_order_id
    )
    SELECT jsonb_build_object('order', order_id, 'fulfillment_order', fulfillment_order_id, 'node', node,
                              'quantity', quantity)::text AS shown
    FROM held WHERE quantity > 0
    ORDER BY order_id, number LIMIT :limit
    """
)


async def carts_and_backorders(connection: ReadConnection, sale: Sale) -> tuple[int, int]:
    """Units of a SKU in carts whose time is not over, and ordered units that wait for it."""
    row = (await connection.execute(CARTS_AND_BACKORDERS, sale.names)).one()
    return row.carts, row.backordered


CARTS_AND_BACKORDERS = text(
    f"""
    SELECT (SELECT coalesce(sum(u.quantity), 0)::bigint FROM stock k JOIN cart_unit u USING (node, sku)
            WHERE {_CONCERNED} AND u.expires_at > statement_timestamp()) AS carts,
           (SELECT coalesce(sum(w.quantity), 0)::bigint FROM waiting w
            WHERE w.awaits = 'stock' AND w.parts @> ARRAY[CAST(:sku AS text)]
              AND (CAST(:node AS text) IS NULL OR w.nodes IS NULL OR :node = ANY(w.nodes))) AS backordered
    """
)

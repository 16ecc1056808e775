"""What an order is made of, in SQL: the components of its lines as they were ordered, and what was captured of it."""

CAPTURED = "coalesce(o.paid + coalesce(o.captured, 0), o.captured, o.total)"
"""What was captured of an order `o`, in minor units: before and since it was placed, or all that it costs as long as nothing
was reported of a payment."""

PARTS = """
    (SELECT d.order_id, d.line, p.stocked, p.quantity FROM order_line d
     CROSS JOIN LATERAL (
         SELECT d.sku AS stocked, 1::bigint AS quantity WHERE d.components IS NULL
         UNION ALL
         SELECT key, value::bigint FROM jsonb_each_text(d.components)) p)
"""
"""By order and line: each stocked SKU, and its units in one unit of the line."""

LAYERS = """
    (SELECT d.order_id, d.line, 1 AS layer, d.ordered - coalesce(y.ordered, 0) AS ordered,
            d.cancelled - coalesce(y.cancelled, 0) AS cancelled, d.unit_price, d.discount + d.order_discount AS discount, d.tax
     FROM order_line d
     LEFT JOIN (SELECT order_id, line, sum(ordered) AS ordered, sum(cancelled) AS cancelled
                FROM order_layer GROUP BY order_id, line) y USING (order_id, line)
     UNION ALL
     SELECT order_id, line, layer, ordered, cancelled, unit_price, discount, tax FROM order_layer)
"""
"""By order and line: its layers, the first of which is the line itself without the others."""


def units_of(line: str) -> str:
    """Units of the stocked SKU `:sku` in one unit of an `order_line` that goes by this name; 0 = it has none of it."""
    return (
        f"(CASE WHEN {line}.components IS NULL THEN CAST({line}.sku = :sku AS int)::bigint"
        f" ELSE coalesce(CAST({line}.components ->> CAST(:sku AS text) AS bigint), 0) END)"
    )

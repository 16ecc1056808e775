"""What an order line is made of, in SQL: the components that it was ordered with, or the item itself."""

PARTS = """
    (SELECT d.order_id, d.line, p.stocked, p.quantity FROM order_line d
     CROSS JOIN LATERAL (
         SELECT d.sku AS stocked, 1::bigint AS quantity WHERE d.components IS NULL
         UNION ALL
         SELECT key, value::bigint FROM jsonb_each_text(d.components)) p)
"""
"""By order and line: each stocked SKU, and its units in one unit of the line."""


def units_of(line: str) -> str:
    """Units of the stocked SKU `:sku` in one unit of an `order_line` that goes by this name; 0 = it has none of it."""
    return (
        f"(CASE WHEN {line}.components IS NULL THEN CAST({line}.sku = :sku AS int)::bigint"
        f" ELSE coalesce(CAST({line}.components ->> CAST(:sku AS text) AS bigint), 0) END)"
    )

"""The invariants about transfers that are made for an order: what they bring is dated supply, and kept for the order."""

from database.audit.invariant import Invariant

_BROUGHT = """
    (SELECT o.order_id AS transfer_id, o.for_order_id, o.to_node AS node, l.sku,
            sum(l.reserved + coalesce(f.here + f.gone - f.lost, 0)) AS quantity, sum(coalesce(f.arrived, 0)) AS arrived,
            sum(l.open + l.backordered + l.reserved + coalesce(f.here, 0)) > 0 AS is_kept
     FROM orders o JOIN order_line l USING (order_id)
     LEFT JOIN LATERAL (
         SELECT sum(c.due - least(c.due, d.cancel_wanted)) AS here, sum(c.gone) AS gone, sum(d.told_delivered) AS arrived,
                sum(least(d.lost, c.gone - d.told_delivered)) AS lost
         FROM fulfillment_order w JOIN fulfillment_order_line d USING (fulfillment_order_id)
         CROSS JOIN LATERAL (SELECT greatest(d.told_shipped - d.voided, d.told_delivered) AS gone,
                                    d.quantity - d.shipped - d.short AS due) c
         WHERE w.order_id = o.order_id AND d.line = l.line) f ON true
     WHERE o.for_order_id IS NOT NULL GROUP BY o.order_id, l.sku)
"""
"""By transfer for an order and SKU: units that are reserved, released or gone, without what was written off; and those that
have arrived."""

INVARIANTS = (
    Invariant(
        "what a transfer for an order brings is one dated row of each item, kept for the order until all has left",
        "SELECT count(*) FROM incoming WHERE transfer_id IS NOT NULL",
        f"""
        SELECT format('%s of %s to %s: it brings %s, %s arrived (kept for %s: %s), but the dated row has %s and %s (%s)',
                      transfer_id, sku, node, coalesce(b.quantity, 0), coalesce(b.arrived, 0), b.for_order_id, b.is_kept,
                      coalesce(i.quantity, 0), coalesce(i.arrived, 0), i.for_order_id)
        FROM {_BROUGHT} b
        FULL JOIN (SELECT * FROM incoming WHERE transfer_id IS NOT NULL) i USING (transfer_id, node, sku)
        WHERE (coalesce(b.quantity, 0), coalesce(b.arrived, 0)) <> (coalesce(i.quantity, 0), coalesce(i.arrived, 0))
           OR (coalesce(i.arrived < i.quantity, false)
               AND i.for_order_id IS DISTINCT FROM CASE WHEN b.is_kept THEN b.for_order_id END)
        """,
    ),
    Invariant(
        "goods that are kept for an order are promised to no other, unless the promise is being made again",
        "SELECT count(*) FROM incoming WHERE for_order_id IS NOT NULL",
        """
        SELECT format('%s of %s at %s: %s are promised to %s', i.message_id, i.sku, i.node, p.quantity, p.order_id)
        FROM incoming i JOIN peg p USING (node, message_id, sku)
        WHERE p.quantity > 0 AND p.order_id <> i.for_order_id AND NOT EXISTS (SELECT FROM to_peg t WHERE t.sku = i.sku)
        """,
    ),
)

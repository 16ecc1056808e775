"""The invariants about transfers: what is in transit is dated supply of its destination, and is received once."""

from database.audit.invariant import Invariant

_CARGO = """
    (SELECT o.order_id, o.for_order_id, o.to_node AS node, f.fulfillment_order_id, l.sku,
            sum(c.gone - least(l.lost, c.gone - l.told_delivered)) AS quantity, sum(l.told_delivered) AS arrived
     FROM orders o JOIN fulfillment_order f USING (order_id) JOIN fulfillment_order_line l USING (fulfillment_order_id)
     CROSS JOIN LATERAL (SELECT greatest(l.told_shipped - l.voided, l.told_delivered) AS gone) c
     WHERE o.to_node IS NOT NULL GROUP BY o.order_id, f.fulfillment_order_id, l.sku)
"""
"""By fulfillment order of a transfer and SKU: units that left and were not written off, and those that have arrived."""

INVARIANTS = (
    Invariant(
        "units in transit, which shipped and were not received or written off, are the open dated rows of transfers",
        "SELECT count(*) FROM incoming WHERE fulfillment_order_id IS NOT NULL",
        f"""
        SELECT format('%s of %s to %s: %s left and %s arrived, but the dated row has %s and %s',
                      fulfillment_order_id, sku, node, coalesce(c.quantity, 0), coalesce(c.arrived, 0),
                      coalesce(i.quantity, 0), coalesce(i.arrived, 0))
        FROM (SELECT * FROM {_CARGO} c WHERE for_order_id IS NULL) c
        FULL JOIN (SELECT * FROM incoming WHERE fulfillment_order_id IS NOT NULL) i USING (node, fulfillment_order_id, sku)
        WHERE (coalesce(c.quantity, 0), coalesce(c.arrived, 0)) <> (coalesce(i.quantity, 0), coalesce(i.arrived, 0))
        """,
    ),
    Invariant(
        "what arrived of a transfer is what its destination reported, each receipt once",
        "SELECT count(*) FROM inbox WHERE about = 'stock' AND facts ? 'transfer'",
        f"""
        SELECT format('%s: %s of %s arrived, but its destination reported %s', order_id, c.arrived, sku, coalesce(r.units, 0))
        FROM (SELECT order_id, sku, sum(arrived) AS arrived FROM {_CARGO} s GROUP BY order_id, sku) c
        LEFT JOIN (SELECT 'transfer.' || lower(i.facts ->> 'transfer') AS order_id, l.sku, sum(l.quantity) AS units
                   FROM inbox i CROSS JOIN LATERAL jsonb_to_recordset(i.facts -> 'lines') AS l(sku text, quantity bigint)
                   WHERE i.about = 'stock' AND i.facts ? 'transfer' GROUP BY 1, 2) r USING (order_id, sku)
        WHERE c.arrived > coalesce(r.units, 0)
           OR (c.arrived < r.units AND NOT EXISTS (
                   SELECT FROM exception e WHERE e.order_id = c.order_id AND e.code = 'message_misfit'))
        """,
    ),
    Invariant(
        "units in transit are waited for, or a person has their exception",
        "SELECT count(*) FROM fulfillment_order_line WHERE in_transit > 0",
        """
        SELECT format('%s: %s of %s are in transit', f.fulfillment_order_id, l.in_transit, l.sku)
        FROM orders o JOIN fulfillment_order f USING (order_id) JOIN fulfillment_order_line l USING (fulfillment_order_id)
        WHERE o.closed_at IS NULL AND l.in_transit > 0 AND f.waiting_for IS NULL
          AND NOT EXISTS (SELECT FROM exception e
                          WHERE e.fulfillment_order_id = f.fulfillment_order_id AND e.resolved_at IS NULL)
        """,
    ),
)

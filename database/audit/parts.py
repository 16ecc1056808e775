"""Parts of the audit's queries: facts that several invariants recompute."""

from database.order.parts import LAYERS, PARTS

HELD = f"""
    (SELECT node, sku, sum(reserved)::bigint AS reserved, sum(allocated)::bigint AS allocated FROM (
        SELECT r.node, c.stocked AS sku, r.quantity * c.quantity AS reserved, 0 AS allocated
        FROM reservation r JOIN {PARTS} c USING (order_id, line)
        UNION ALL
        SELECT node, sku, quantity, 0 FROM cart_unit
        UNION ALL
        SELECT fo.node, c.stocked, 0, (fl.quantity - fl.shipped - fl.short + fl.in_doubt) * c.quantity
        FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
        JOIN {PARTS} c USING (order_id, line)) h
     GROUP BY node, sku)
"""
"""Units of each stocked SKU at each node that are promised: pinned by an order or a cart, or owed by a node."""

COSTS = f"""
    (SELECT order_id, sum(units)::bigint AS units,
            sum(goods / ordered * units + least(units, goods % ordered))::bigint AS goods,
            sum(tax / ordered * units + least(units, tax % ordered))::bigint AS tax
     FROM (SELECT order_id, ordered::bigint, (ordered - cancelled)::bigint AS units,
                  (unit_price * ordered - discount)::bigint AS goods, tax FROM {LAYERS} y WHERE ordered > 0) y
     GROUP BY order_id)
"""
"""By order: the units that are not cancelled, and what they cost by their layers; the first ones have the odd minor units."""

SHIPPED = f"""
    (SELECT o.order_id, sum(c.goods + CASE WHEN o.prices_include_tax THEN 0 ELSE c.tax END)
            + CASE WHEN sum(c.units) = 0 THEN 0 ELSE o.shipping_price END
            + CASE WHEN sum(c.units) = 0 OR o.prices_include_tax THEN 0 ELSE o.shipping_tax END AS cost
     FROM orders o
     JOIN (SELECT order_id, units, goods / ordered * units + least(units, goods % ordered) AS goods,
                  tax / ordered * units + least(units, tax % ordered) AS tax
           FROM (SELECT y.order_id, y.ordered::bigint, y.tax, (y.unit_price * y.ordered - y.discount)::bigint AS goods,
                        greatest(0, least(y.counted, y.gone - coalesce(sum(y.counted) OVER (
                            PARTITION BY y.order_id, y.line ORDER BY y.layer
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)))::bigint AS units
                 FROM (SELECT y.*, l.shipped + coalesce(v.units, 0) AS gone,
                              y.ordered - CASE WHEN v.units > 0 THEN 0 ELSE y.cancelled END AS counted
                       FROM {LAYERS} y JOIN order_line l USING (order_id, line)
                       LEFT JOIN (SELECT fo.order_id, fl.line, sum(fl.voided) AS units
                                  FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
                                  GROUP BY fo.order_id, fl.line) v USING (order_id, line)) y) y) c USING (order_id)
     GROUP BY o.order_id)
"""
"""By order: what the units that shipped cost, the first ones of each line, and shipping with the first of all. Units of a
parcel that was taken back count: what was asked for when it was reported stays asked for, also if they are cancelled."""


LIVE = "(SELECT fulfillment_order_id, line, quantity - shipped - short AS due FROM fulfillment_order_line)"
"""Units of each line of a fulfillment order that its node still owes."""

"""The invariants about announced goods: no unit is promised twice, and every promise has goods that come before it."""

from database.audit.invariant import Invariant

INVARIANTS = (
    Invariant(
        "no announced unit is promised twice: the pegs of announced goods are no more than have not arrived",
        "SELECT count(*) FROM incoming",
        """
        SELECT format('%s of %s at %s: %s are promised of %s that have not arrived', i.message_id, i.sku, i.node, p.promised,
                      greatest(i.quantity - i.arrived, 0))
        FROM incoming i JOIN (SELECT node, message_id, sku, sum(quantity) AS promised FROM peg GROUP BY node, message_id, sku) p
             USING (node, message_id, sku)
        WHERE p.promised > greatest(i.quantity - i.arrived, 0)
        """,
    ),
    Invariant(
        "announced goods are promised only to units that wait for stock",
        "SELECT count(*) FROM peg",
        """
        SELECT format('%s line %s: %s are promised, but %s wait for stock', p.order_id, p.line, p.promised,
                      coalesce(l.backordered, 0))
        FROM (SELECT order_id, line, sku, sum(quantity + arrived) AS promised FROM peg GROUP BY order_id, line, sku) p
        LEFT JOIN order_line l ON l.order_id = p.order_id AND l.line = p.line AND l.sku = p.sku
        WHERE p.promised > coalesce(l.backordered, 0)
        """,
    ),
    Invariant(
        "every promise from announced goods is covered by goods that come before it, unless it is being made again",
        "SELECT count(*) FROM peg WHERE ship_by IS NOT NULL",
        """
        SELECT format('%s line %s: counted on at %s and shipped by %s, but %s is expected at %s', p.order_id, p.line, p.due_at,
                      p.ship_by, p.message_id, i.expected_at)
        FROM peg p JOIN incoming i USING (node, message_id, sku)
        WHERE p.quantity > 0 AND p.ship_by IS NOT NULL AND (p.due_at < i.expected_at OR p.ship_by < p.due_at)
          AND NOT EXISTS (SELECT FROM to_peg t WHERE t.sku = p.sku)
        """,
    ),
    Invariant(
        "goods that have arrived for an order are offered until its turn",
        "SELECT count(*) FROM peg WHERE arrived > 0",
        """
        SELECT format('%s line %s: %s of %s have arrived at %s', p.order_id, p.line, p.arrived, p.sku, p.node)
        FROM peg p
        WHERE p.arrived > 0 AND NOT EXISTS (
            SELECT FROM stock s WHERE s.node = p.node AND s.sku = p.sku AND s.offered_at IS NOT NULL)
        """,
    ),
)

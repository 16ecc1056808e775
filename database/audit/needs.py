"""The invariants about replenishment: what was taken is what a node lacked and a source could give."""

from database.audit.invariant import Invariant

INVARIANTS = (
    Invariant(
        "every line of a transfer of replenishment was taken from a need, and every need that was taken is such a line",
        "SELECT count(*) FROM taken_need",
        """
        SELECT format('%s line %s: %s of %s from %s to %s, but the need says %s of %s from %s to %s', order_id, line,
                      l.ordered, l.sku, l.from_node, l.to_node, t.quantity, t.sku, t.source, t.node)
        FROM (SELECT o.order_id, l.line, l.ordered, l.sku, o.from_node, o.to_node
              FROM orders o JOIN order_line l USING (order_id)
              WHERE o.to_node IS NOT NULL AND o.channel = 'replenishment') l
        FULL JOIN taken_need t USING (order_id, line)
        WHERE (l.ordered, l.sku, l.from_node, l.to_node) IS DISTINCT FROM (t.quantity, t.sku, t.source, t.node)
        """,
    ),
    Invariant(
        "a need is taken where a node has less than its minimum, and for no more than it lacks in whole packs",
        "SELECT count(*) FROM (SELECT DISTINCT node, sku, actor, taken_at FROM taken_need) t",
        """
        SELECT format('%s of %s were taken for %s at %s, which had %s of %s to %s', units, sku, node, taken_at, position,
                      least, target)
        FROM (SELECT node, sku, actor, taken_at, position, least, target, pack_units, sum(quantity) AS units
              FROM taken_need GROUP BY node, sku, actor, taken_at, position, least, target, pack_units) t
        WHERE position >= least OR units % pack_units <> 0
           OR units > greatest((least - position + pack_units - 1) / pack_units * pack_units,
                               (target - position) / pack_units * pack_units)
        """,
    ),
    Invariant(
        "what was taken from a source at once is no more than it could give",
        "SELECT count(*) FROM (SELECT DISTINCT source, sku, actor, taken_at FROM taken_need) t",
        """
        SELECT format('%s of %s were taken from %s at %s, which could give %s', sum(quantity), sku, source, taken_at, max(free))
        FROM taken_need GROUP BY source, sku, actor, taken_at HAVING sum(quantity) > max(free)
        """,
    ),
)

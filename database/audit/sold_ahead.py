"""The invariant about what is sold ahead: no more units wait for stock than their item allows (docs/decisions/0069)."""

from database.audit.invariant import Invariant

INVARIANTS = (
    Invariant(
        "no more units of an item wait for stock than may be sold ahead",
        "SELECT count(*) FROM waiting WHERE awaits = 'stock' AND sell_ahead_max IS NOT NULL",
        """
        SELECT format('%s of %s wait for stock, but no more than %s may be sold ahead', sum(w.quantity), l.sku,
                      max(w.sell_ahead_max))
        FROM waiting w JOIN order_line l USING (order_id, line) JOIN orders o USING (order_id)
        WHERE w.awaits = 'stock' AND o.to_node IS NULL
        GROUP BY l.sku
        HAVING bool_and(w.sell_ahead_max IS NOT NULL) AND sum(w.quantity) > max(w.sell_ahead_max)
        """,
    ),
)
"""The last unit that began to wait did so within its limit, with all that still wait: so what waits is never more than the
largest limit. Where some began to wait when there was no limit, nothing can be said."""

"""The invariants about goods that come back: they are dated supply of the node that they come to."""

from database.audit.invariant import Invariant
from database.coming_back import COMING_BACK

INVARIANTS = (
    Invariant(
        "what comes back with a return and was not graded yet is its open dated rows, and what was restocked has arrived",
        "SELECT count(*) FROM incoming WHERE return_id IS NOT NULL",
        f"""
        SELECT format('%s of %s to %s: %s are expected and %s were restocked, but the dated row has %s of which %s arrived',
                      return_id, sku, node, coalesce(c.open, 0), coalesce(c.arrived, 0), coalesce(i.quantity, 0),
                      coalesce(i.arrived, 0))
        FROM ({COMING_BACK}) c FULL JOIN (SELECT * FROM incoming WHERE return_id IS NOT NULL) i USING (return_id, node, sku)
        WHERE coalesce(c.open, 0) <> coalesce(i.quantity - i.arrived, 0) OR c.arrived <> i.arrived
        """,
    ),
    Invariant(
        "goods that come back are promised only where the strategy says so, unless the promise is being made again",
        "SELECT count(*) FROM peg p JOIN incoming i USING (node, message_id, sku) WHERE i.return_id IS NOT NULL",
        """
        SELECT format('%s line %s: %s of %s', p.order_id, p.line, p.quantity, p.message_id)
        FROM peg p JOIN incoming i USING (node, message_id, sku)
        WHERE i.return_id IS NOT NULL AND p.quantity > 0
          AND NOT EXISTS (SELECT FROM waiting w WHERE w.order_id = p.order_id AND w.line = p.line AND w.sells_returns)
          AND NOT EXISTS (SELECT FROM to_peg t WHERE t.sku = p.sku)
        """,
    ),
)

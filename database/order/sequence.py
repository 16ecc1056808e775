"""The moment by which orders of the same priority and promise are served, as a part of statements."""

PLACED = """CASE WHEN o.placed_at BETWEEN o.received_at - interval '7 days' AND o.received_at
                 THEN o.placed_at ELSE o.received_at END"""
"""When the customer ordered, as the channel reports it. A moment more than a week before the order came, or after it, is an
import or a wrong clock, and would overtake everybody or nobody: such an order counts from when it came."""

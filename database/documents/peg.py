"""The document of units that wait for announced goods which are promised to their order."""

from pydantic import AwareDatetime

from database.documents.document import Document


class PeggedUnits(Document):
    """Units of an order that wait for announced goods, which are promised to it."""

    line: str
    """The line's id in its order."""
    sku: str
    quantity: int
    """Units."""
    node: str
    """Where the goods come to, and ship from."""
    due_at: AwareDatetime | None
    """When the goods are counted on; null when their date has passed and nobody knows."""
    ship_by: AwareDatetime | None
    """When the units leave the node; null when nobody knows."""
    deliver_by: AwareDatetime | None
    """When they reach the customer; null when nobody knows."""


SHOWN = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
     'line', g.line, 'sku', g.sku, 'quantity', g.quantity + g.arrived, 'node', g.node,
     'due_at', g.due_at, 'ship_by', g.ship_by, 'deliver_by', g.deliver_by)
     ORDER BY g.due_at, g.line, g.node, g.message_id), '[]')
     FROM peg g WHERE g.order_id = o.order_id)
"""
"""Those of order `o`, the first that are counted on first."""

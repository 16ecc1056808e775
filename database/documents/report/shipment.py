"""The report about shipments: into how many parts orders are split, and how long they take."""

from types import MappingProxyType

from pydantic.json_schema import SkipJsonSchema

from database.documents.document import sometimes
from database.documents.report.group import Figures, Group, Report, days, grouped, mean, share


class ShipmentsFigures(Figures):
    """The shipments of one group; of `total`, of all. A shipment is a fulfillment order of which at least one unit left."""

    node: str | SkipJsonSchema[None] = sometimes()
    """The node that ships."""
    orders: int
    """Orders with a shipment."""
    shipments: int
    """Shipments of these orders."""
    units: int
    """Units that they shipped."""
    shipments_per_order: float | None
    """`shipments` / `orders`, null without orders. By node: only its own shipments."""
    split_orders: int
    """Orders with more than one shipment, from whatever node."""
    split_rate: float | None
    """`split_orders` / `orders`; null without orders."""
    days_to_ship: float | None
    """Days from the placing of the order until the last unit of the shipment left, on average; null without any."""
    days_to_deliver: float | None
    """Days from then until it was delivered, on average over the shipments whose delivery was reported; null without any."""
    delivered: int
    """Shipments whose delivery was reported."""
    assumed_delivered: int
    """Shipments that nobody reported as delivered, and that count as delivered because their time is over."""


class ShipmentsReport(Report):
    """How orders were shipped: in how many shipments, and how long that took."""

    by: Group
    """What the rows are grouped by."""
    rows: list[ShipmentsFigures]
    """A row for each group, in the order of their names."""
    total: ShipmentsFigures
    """The same figures of all groups together."""

    names = MappingProxyType({**Report.names, Group.NODE: "f.node"})
    statement = grouped(
        """
        SELECT {name} AS name, o.order_id, l.shipped AS units, count(*) OVER (PARTITION BY o.order_id) AS shipments,
               f.shipped_at, f.assumed_delivered, o.placed_at,
               CASE WHEN NOT f.assumed_delivered THEN f.delivered_at END AS delivered_at
        FROM orders o CROSS JOIN {work} f CROSS JOIN LATERAL (
            SELECT sum(shipped) AS shipped FROM fulfillment_order_line fl
            WHERE fl.fulfillment_order_id = f.fulfillment_order_id) l
        WHERE {placed} AND l.shipped > 0
        """,
        {
            "orders": "count(DISTINCT order_id)",
            "shipments": "count(*)",
            "units": "coalesce(sum(units), 0)",
            "shipments_per_order": "round(count(*)::numeric / nullif(count(DISTINCT order_id), 0), 2)",
            "split_orders": "count(DISTINCT order_id) FILTER (WHERE shipments > 1)",
            "split_rate": share("count(DISTINCT order_id) FILTER (WHERE shipments > 1)", "count(DISTINCT order_id)"),
            "days_to_ship": mean(days("shipped_at", "placed_at")),
            "days_to_deliver": mean(days("delivered_at", "shipped_at")),
            "delivered": "count(delivered_at)",
            "assumed_delivered": "count(*) FILTER (WHERE assumed_delivered)",
        },
    )

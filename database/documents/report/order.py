"""The report about orders: how many, how many units, and what became of them."""

from database.documents.report.group import Figures, Group, Report, grouped, share


class OrdersFigures(Figures):
    """How many orders and units of one group there were, and what became of them; of `total`, of all."""

    orders: int
    """Orders placed."""
    units: int
    """Units ordered, those that were added later included."""
    shipped: int
    """Units that left a node."""
    cancelled: int
    """Units that were cancelled, for whatever reason."""
    backordered: int
    """Units that wait for stock now."""
    complete: int
    """Orders of which at least one unit shipped, and every unit that is not cancelled."""
    fill_rate: float | None
    """`shipped` / `units`; null without units."""
    units_per_order: float | None
    """`units` / `orders`; null without orders."""


class OrdersReport(Report):
    """How many orders were placed, and what became of their units."""

    by: Group
    """What the rows are grouped by."""
    rows: list[OrdersFigures]
    """A row for each group, in the order of their names."""
    total: OrdersFigures
    """The same figures of all groups together."""

    statement = grouped(
        """
        SELECT {name} AS name, l.*
        FROM orders o CROSS JOIN LATERAL (
            SELECT sum(ordered) AS units, sum(shipped) AS shipped, sum(cancelled) AS cancelled,
                   sum(backordered) AS backordered
            FROM order_line WHERE order_line.order_id = o.order_id) l
        WHERE {placed}
        """,
        {
            "orders": "count(*)",
            "units": "coalesce(sum(units), 0)",
            "shipped": "coalesce(sum(shipped), 0)",
            "cancelled": "coalesce(sum(cancelled), 0)",
            "backordered": "coalesce(sum(backordered), 0)",
            "complete": "count(*) FILTER (WHERE shipped > 0 AND shipped + cancelled = units)",
            "fill_rate": share("sum(shipped)", "sum(units)"),
            "units_per_order": "round(sum(units)::numeric / nullif(count(*), 0), 2)",
        },
    )

"""The report about backorders: which units wait for stock now, and for how long."""

from types import MappingProxyType

from pydantic.json_schema import SkipJsonSchema

from database.documents.document import sometimes
from database.documents.report.group import Figures, Group, Report, days, grouped


class BackordersFigures(Figures):
    """The units of one group that wait for stock now; of `total`, all of them. Their age counts from the placing of
    the order."""

    sku: str | SkipJsonSchema[None] = sometimes()
    """The item that was ordered."""
    orders: int
    """Orders with such units."""
    units: int
    """Units that wait for stock."""
    age_days: float | None
    """Days since the order was placed, on average over the waiting units; null without any."""
    oldest_days: float | None
    """Days since the oldest of these orders was placed; null without any."""
    up_to_1_day: int
    """Units of orders placed at most 1 day ago."""
    up_to_7_days: int
    """Units of orders placed more than 1 and at most 7 days ago."""
    up_to_30_days: int
    """Units of orders placed more than 7 and at most 30 days ago."""
    over_30_days: int
    """Units of orders placed more than 30 days ago."""


def _units_aged(over: int, up_to: int | None) -> str:
    younger = f" AND age <= {up_to}" if up_to else ""
    return f"coalesce(sum(quantity) FILTER (WHERE age > {over}{younger}), 0)"


class BackordersReport(Report):
    """What waits for stock now, of the orders that were placed in the period."""

    by: Group
    """What the rows are grouped by."""
    rows: list[BackordersFigures]
    """A row for each group, in the order of their names."""
    total: BackordersFigures
    """The same figures of all groups together."""

    names = MappingProxyType({**Report.names, Group.SKU: "l.sku"})
    statement = grouped(
        f"""
        SELECT {{name}} AS name, o.order_id, w.quantity, greatest({days("now()", "o.placed_at")}, 0) AS age
        FROM waiting w JOIN orders o USING (order_id) JOIN order_line l USING (order_id, line)
        WHERE w.awaits = 'stock' AND {{placed}}
        """,
        {
            "orders": "count(DISTINCT order_id)",
            "units": "coalesce(sum(quantity), 0)",
            "age_days": "round((sum(age * quantity) / nullif(sum(quantity), 0))::numeric, 2)",
            "oldest_days": "round(max(age)::numeric, 2)",
            "up_to_1_day": _units_aged(-1, 1),
            "up_to_7_days": _units_aged(1, 7),
            "up_to_30_days": _units_aged(7, 30),
            "over_30_days": _units_aged(30, None),
        },
    )

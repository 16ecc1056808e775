"""The report about nodes: how fast each accepts and ships, and how often it rejects, is short or stays silent."""

from types import MappingProxyType

from pydantic.json_schema import SkipJsonSchema

from database.documents.document import sometimes
from database.documents.report.group import Figures, Group, Report, grouped, mean, share


class NodesFigures(Figures):
    """The scorecard of a node, or of one group; of `total`, of all."""

    node: str | SkipJsonSchema[None] = sometimes()
    """The node that ships."""
    fulfillment_orders: int
    """Fulfillment orders of the period's orders."""
    units: int
    """Units that they asked for."""
    shipped: int
    """Units that left."""
    accepted: int
    """Fulfillment orders that were accepted, by a message that says so or a later one."""
    hours_to_accept: float | None
    """Hours from the release until then, on average; null when none was accepted."""
    hours_to_ship: float | None
    """Hours from the release until the last unit left, on average over those that shipped; null without any."""
    rejected: int
    """Fulfillment orders of which the node rejected something."""
    reject_rate: float | None
    """`rejected` / `fulfillment_orders`; null without any."""
    short: int
    """Units that the node did not find, of attempts that were not given up."""
    short_rate: float | None
    """`short` / `units`; null without units."""
    silent: int
    """Fulfillment orders whose node did not answer in time: a person was asked, or the attempt was given up."""
    silence_rate: float | None
    """`silent` / `fulfillment_orders`; null without any."""
    in_time: int
    """Fulfillment orders that shipped, with the last unit until the planned `ship_by`."""
    late: int
    """Fulfillment orders that shipped later, or still owe units although `ship_by` is over."""
    in_time_rate: float | None
    """`in_time` / (`in_time` + `late`); null when none is due."""


_IN_TIME = "count(*) FILTER (WHERE due = 0 AND shipped_at <= ship_by)"
_LATE = "count(*) FILTER (WHERE (due = 0 AND shipped_at > ship_by) OR (due > 0 AND ship_by < now()))"


class NodesReport(Report):
    """How nodes do their work."""

    by: Group
    """What the rows are grouped by."""
    rows: list[NodesFigures]
    """A row for each group, in the order of their names."""
    total: NodesFigures
    """The same figures of all groups together."""

    names = MappingProxyType({Group.NODE: "f.node", **Report.names})
    statement = grouped(
        """
        SELECT {name} AS name, l.*, f.released_at, f.accepted_at, f.ship_by,
               CASE WHEN l.shipped > 0 THEN f.shipped_at END AS shipped_at,
               EXISTS (SELECT FROM inbox i WHERE i.about = f.fulfillment_order_id AND i.kind = 'rejected') AS is_rejected,
               f.dead_at IS NOT NULL OR EXISTS (
                   SELECT FROM exception e WHERE e.order_id = o.order_id AND e.code = 'node_silent'
                                             AND e.fulfillment_order_id = f.fulfillment_order_id) AS is_silent
        FROM orders o CROSS JOIN {work} f CROSS JOIN LATERAL (
            SELECT sum(quantity) AS units, sum(fl.shipped) AS shipped, sum(quantity - fl.shipped - fl.short) AS due,
                   sum(CASE WHEN f.dead_at IS NULL THEN greatest(0, fl.short - fl.freed) ELSE 0 END) AS short
            FROM fulfillment_order_line fl WHERE fl.fulfillment_order_id = f.fulfillment_order_id) l
        WHERE {placed}
        """,
        {
            "fulfillment_orders": "count(*)",
            "units": "coalesce(sum(units), 0)",
            "shipped": "coalesce(sum(shipped), 0)",
            "accepted": "count(accepted_at)",
            "hours_to_accept": mean("extract(epoch FROM accepted_at - released_at) / 3600"),
            "hours_to_ship": mean("extract(epoch FROM shipped_at - released_at) / 3600"),
            "rejected": "count(*) FILTER (WHERE is_rejected)",
            "reject_rate": share("count(*) FILTER (WHERE is_rejected)", "count(*)"),
            "short": "coalesce(sum(short), 0)",
            "short_rate": share("sum(short)", "sum(units)"),
            "silent": "count(*) FILTER (WHERE is_silent)",
            "silence_rate": share("count(*) FILTER (WHERE is_silent)", "count(*)"),
            "in_time": _IN_TIME,
            "late": _LATE,
            "in_time_rate": share(_IN_TIME, f"{_IN_TIME} + {_LATE}"),
        },
    )

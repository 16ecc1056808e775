"""The report about costs: what the shipments of complete orders cost by the policy, against the first plan."""

from database.documents.report.group import Figures, Group, Report, grouped


class CostsFigures(Figures):
    """The costs of one group; of `total`, of all. Amounts are in minor units of the policy's currency.

    They are the costs that the policy computes (`strategy.cost`), not what carriers bill.
    """

    orders: int
    """Orders that are complete, whose first plan filled every unit, and whose shipments all have a cost: the ones compared."""
    planned: int
    """The sum of their first plans."""
    cost: int
    """The sum of the shipments that left: each costs what the latest round that planned one from its node says."""
    difference: int
    """`cost` - `planned`: what short picks, rejections, silence and changes have cost."""
    planned_per_order: float | None
    """`planned` / `orders`; null without orders."""
    cost_per_order: float | None
    """`cost` / `orders`; null without orders."""
    dearer_orders: int
    """Orders that cost more than their first plan."""


class CostsReport(Report):
    """What orders cost, against what was planned at first."""

    by: Group
    """What the rows are grouped by."""
    rows: list[CostsFigures]
    """A row for each group, in the order of their names."""
    total: CostsFigures
    """The same figures of all groups together."""

    statement = grouped(
        """
        SELECT {name} AS name, p.planned, s.cost
        FROM orders o CROSS JOIN LATERAL (
            SELECT sum(ordered - shipped - cancelled) AS due, sum(shipped) AS shipped FROM order_line
            WHERE order_line.order_id = o.order_id) l
        JOIN LATERAL (
            SELECT CAST(document ->> 'cost' AS bigint) AS planned FROM plan
            WHERE plan.order_id = o.order_id AND round = 1 AND jsonb_array_length(document -> 'unfilled') = 0) p ON true
        CROSS JOIN LATERAL (
            SELECT sum(c.cost) AS cost, count(*) = count(c.cost) AS is_whole
            FROM fulfillment_order f LEFT JOIN LATERAL (
                SELECT CAST(shipment ->> 'cost' AS bigint) AS cost
                FROM plan, jsonb_array_elements(plan.document -> 'shipments') shipment
                WHERE plan.order_id = o.order_id AND shipment ->> 'node' = f.node ORDER BY round DESC LIMIT 1) c ON true
            WHERE f.order_id = o.order_id AND EXISTS (
                SELECT FROM fulfillment_order_line fl
                WHERE fl.fulfillment_order_id = f.fulfillment_order_id AND fl.shipped > 0)) s
        WHERE {placed} AND l.due = 0 AND l.shipped > 0 AND s.is_whole
        """,
        {
            "orders": "count(*)",
            "planned": "coalesce(sum(planned), 0)",
            "cost": "coalesce(sum(cost), 0)",
            "difference": "coalesce(sum(cost), 0) - coalesce(sum(planned), 0)",
            "planned_per_order": "round(sum(planned)::numeric / nullif(count(*), 0), 2)",
            "cost_per_order": "round(sum(cost)::numeric / nullif(count(*), 0), 2)",
            "dearer_orders": "count(*) FILTER (WHERE cost > planned)",
        },
    )

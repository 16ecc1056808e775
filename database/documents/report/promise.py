"""The report about promises: how many were kept, and how many were not."""

from collections.abc import Iterator
from types import MappingProxyType

from pydantic.json_schema import SkipJsonSchema

from database.documents.document import sometimes
from database.documents.report.group import Figures, Group, Report, grouped, share


class PromisesFigures(Figures):
    """The promises of one group; of `total`, of all.

    A promise counts as soon as it was kept or missed: one that is still open is not due. What was assumed and not reported
    counts neither as kept nor as missed.
    """

    node: str | SkipJsonSchema[None] = sometimes()
    """The node that ships."""
    ship_by_kept: int
    """Left as a whole until the promised `ship_by`."""
    ship_by_missed: int
    """Left later, or has not left as a whole although `ship_by` is over."""
    ship_by_rate: float | None
    """`ship_by_kept` / (`ship_by_kept` + `ship_by_missed`); null when none is due."""
    deliver_by_kept: int
    """Was delivered as a whole until the promised `deliver_by`, as reported."""
    deliver_by_missed: int
    """Was delivered later, or nobody reported its delivery and `deliver_by` is over."""
    deliver_by_rate: float | None
    """`deliver_by_kept` / (`deliver_by_kept` + `deliver_by_missed`); null when none is due."""
    deliver_by_assumed: int
    """Counts as delivered without a report, so nobody knows whether the promise was kept."""
    duty_kept: int
    """Left as a whole until the `ship_by` that the channel itself named in `promised`."""
    duty_missed: int
    """Left later, or has not left as a whole although that moment is over."""
    duty_rate: float | None
    """`duty_kept` / (`duty_kept` + `duty_missed`); null when none is due."""


def _counted(name: str, due: str, done: str, assumed: str) -> Iterator[tuple[str, str]]:
    """The three figures of a kind of promise: `done` is NULL while it is not, and what is `assumed` counts in neither."""
    kept = f"count(*) FILTER (WHERE {done} <= {due})"
    missed = f"count(*) FILTER (WHERE {done} > {due} OR ({done} IS NULL AND NOT {assumed} AND {due} < now()))"
    yield f"{name}_kept", kept
    yield f"{name}_missed", missed
    yield f"{name}_rate", share(kept, f"{kept} + {missed}")


_FIGURES = dict(
    [
        *_counted("ship_by", "ship_by", "shipped_at", "false"),
        *_counted("deliver_by", "deliver_by", "delivered_at", "is_assumed"),
        ("deliver_by_assumed", "count(*) FILTER (WHERE is_assumed AND deliver_by IS NOT NULL)"),
        *_counted("duty", "duty_ship_by", "shipped_at", "false"),
    ]
)

_MOMENTS = """
    CASE WHEN l.due = 0 THEN f.shipped_at END AS shipped_at,
    CASE WHEN l.due = 0 AND l.delivered >= l.shipped AND NOT f.is_assumed THEN f.delivered_at END AS delivered_at,
    l.due = 0 AND f.is_assumed AS is_assumed
"""
"""Of an order or a fulfillment order: when it had left as a whole, and was delivered as a whole."""


class PromisesReport(Report):
    """How many promises to customers were kept. By node it is about fulfillment orders, and what was planned for each."""

    by: Group
    """What the rows are grouped by."""
    rows: list[PromisesFigures]
    """A row for each group, in the order of their names."""
    total: PromisesFigures
    """The same figures of all groups together."""

    statement = grouped(
        f"""
        SELECT {{name}} AS name, o.promise_ship_by AS ship_by, o.promise_deliver_by AS deliver_by, o.duty_ship_by, {_MOMENTS}
        FROM orders o CROSS JOIN LATERAL (
            SELECT sum(ordered - shipped - cancelled) AS due, sum(shipped) AS shipped, sum(ordered - cancelled) AS wanted,
                   (SELECT sum(fl.delivered) FROM fulfillment_order JOIN fulfillment_order_line fl USING (fulfillment_order_id)
                    WHERE fulfillment_order.order_id = o.order_id) AS delivered
            FROM order_line WHERE order_line.order_id = o.order_id) l
        CROSS JOIN LATERAL (
            SELECT max(shipped_at) AS shipped_at, max(delivered_at) AS delivered_at,
                   coalesce(bool_or(assumed_delivered), false) AS is_assumed
            FROM fulfillment_order WHERE fulfillment_order.order_id = o.order_id) f
        WHERE {{placed}} AND l.wanted > 0
        """,
        _FIGURES,
    )


class PromisesByNode(PromisesReport):
    """The same by node: a fulfillment order counts with what was planned for it, if anything of it ships from there."""

    names = MappingProxyType({Group.NODE: "w.node"})
    statement = grouped(
        f"""
        SELECT {{name}} AS name, w.ship_by, w.deliver_by, o.duty_ship_by, {_MOMENTS}
        FROM orders o CROSS JOIN {{work}} w CROSS JOIN LATERAL (
            SELECT sum(quantity - shipped - short) AS due, sum(shipped) AS shipped, sum(delivered) AS delivered
            FROM fulfillment_order_line fl WHERE fl.fulfillment_order_id = w.fulfillment_order_id) l
        CROSS JOIN LATERAL (SELECT w.shipped_at, w.delivered_at, w.assumed_delivered AS is_assumed) f
        WHERE {{placed}} AND l.due + l.shipped > 0
        """,
        _FIGURES,
    )

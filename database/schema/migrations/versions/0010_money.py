"""What units cost, fixed when they were ordered: layers of lines, taxes, the order's discount, and what the customer pays."""

import json
from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _add_columns()
    _add_layers()
    layers = _replayed(op.get_bind())
    if layers:
        op.get_bind().execute(
            sa.text(
                """
                INSERT INTO order_layer (order_id, line, layer, ordered, cancelled, unit_price, discount, tax)
                SELECT order_id, line, :layer, :ordered, :cancelled, unit_price, 0, 0
                FROM order_line WHERE order_id = :order AND line = :line
                """
            ),
            layers,
        )
    op.execute(VALUES)
    op.alter_column("orders", "total", nullable=False)
    op.execute(FEES)


def _add_columns() -> None:
    zero = sa.text("0")
    op.alter_column(
        "orders",
        "value",
        existing_type=sa.BigInteger(),
        comment="goods after discounts that are not cancelled, minor units",
    )
    paid = "what was captured before it was placed; NULL = its total"
    op.alter_column("orders", "paid", existing_type=sa.BigInteger(), comment=paid)
    total = "what the customer pays for what is not cancelled: the value, tax on top of it, and shipping; minor units"
    op.add_column("orders", sa.Column("total", sa.BigInteger(), comment=total))
    included = sa.Column[bool]("prices_include_tax", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    op.add_column("orders", included)
    op.add_column("orders", sa.Column("shipping_tax", sa.BigInteger(), server_default=zero, nullable=False))
    own = "its own, of the units that it was placed with"
    op.alter_column("order_line", "discount", existing_type=sa.BigInteger(), comment=own)
    for name, comment in (
        ("order_discount", "its share of the order's"),
        ("tax", "of the units that it was placed with"),
    ):
        column = sa.Column(name, sa.BigInteger(), server_default=zero, nullable=False, comment=comment)
        op.add_column("order_line", column)
    fee = "kept back from what the units cost"
    op.add_column("refund", sa.Column("fee", sa.BigInteger(), server_default=zero, nullable=False, comment=fee))


def _add_layers() -> None:
    op.create_table(
        "order_layer",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column(
            "layer", sa.Integer(), nullable=False, comment="from 2; the first layer is the rest of the order line"
        ),
        sa.Column("ordered", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False, comment="of all its units"),
        sa.Column("tax", sa.BigInteger(), nullable=False, comment="of all its units"),
        sa.CheckConstraint("layer > 1", name=op.f("ck_order_layer_the_first_is_the_line")),
        sa.CheckConstraint(
            "ordered > 0 AND cancelled BETWEEN 0 AND ordered", name=op.f("ck_order_layer_units_make_sense")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "line"],
            ["order_line.order_id", "order_line.line"],
            name=op.f("fk_order_layer_order_id_order_line"),
        ),
        sa.PrimaryKeyConstraint("order_id", "line", "layer", name=op.f("pk_order_layer")),
    )


GROWN = """
    SELECT e.order_id, t.line, l.ordered, l.cancelled,
           jsonb_agg(jsonb_build_array(e.kind, t.quantity) ORDER BY e.event_id)::text AS steps
    FROM event e CROSS JOIN jsonb_to_recordset(e.data->'lines') AS t(line text, quantity int)
    JOIN order_line l ON l.order_id = e.order_id AND l.line = t.line
    WHERE e.kind IN ('added', 'cancelled')
      AND NOT EXISTS (SELECT FROM refund f JOIN refund_line fl USING (refund_id)
                      WHERE f.order_id = l.order_id AND fl.line = l.line AND fl.paid > 0)
    GROUP BY e.order_id, t.line, l.ordered, l.cancelled
    HAVING bool_or(e.kind = 'added')
"""
"""Lines that grew, and what was added to them and cancelled of them, in its order; without those that were paid back already,
which stay one layer."""


def _replayed(connection: sa.Connection) -> list[dict[str, object]]:
    """The layers above the first one of lines that grew."""
    return [
        {"order": row.order_id, "line": row.line, "layer": number, "ordered": ordered, "cancelled": cancelled}
        for row in connection.execute(sa.text(GROWN))
        for number, (ordered, cancelled) in enumerate(_layers(row.ordered, row.cancelled, json.loads(row.steps)), 2)
    ]


def _layers(ordered: int, cancelled: int, steps: Iterable[tuple[str, int]]) -> list[list[int]]:
    """Units ordered and cancelled of each layer above the first one. Each cancel took units from the top."""
    added = sum(units for kind, units in steps if kind == "added")
    layers = [[ordered - added, 0]]
    for kind, units in steps:
        if kind == "added":
            layers.append([units, 0])
        else:
            _cancel(layers, units)
    _cancel(layers, cancelled - sum(layer[1] for layer in layers))
    return layers[1:]


def _cancel(layers: list[list[int]], units: int) -> None:
    for layer in reversed(layers):
        taken = min(units, layer[0] - layer[1])
        layer[1] += taken
        units -= taken


VALUES = """
    WITH layer AS (
        SELECT l.order_id, l.ordered - coalesce(y.ordered, 0) AS ordered, l.cancelled - coalesce(y.cancelled, 0) AS cancelled,
               l.unit_price, l.discount
        FROM order_line l
        LEFT JOIN (SELECT order_id, line, sum(ordered) AS ordered, sum(cancelled) AS cancelled
                   FROM order_layer GROUP BY order_id, line) y USING (order_id, line)
        UNION ALL
        SELECT order_id, ordered, cancelled, unit_price, discount FROM order_layer
    ), cost AS (
        SELECT order_id, sum(ordered - cancelled) AS units,
               sum((unit_price * ordered - discount) / ordered * (ordered - cancelled)
                   + least(ordered - cancelled, (unit_price * ordered - discount) % ordered)) AS goods
        FROM (SELECT order_id, ordered::bigint, cancelled::bigint, unit_price, discount FROM layer) l
        GROUP BY order_id
    )
    UPDATE orders o
    SET value = coalesce(c.goods, 0), total = coalesce(c.goods, 0) + CASE WHEN c.units > 0 THEN o.shipping_price ELSE 0 END
    FROM orders p LEFT JOIN cost c USING (order_id) WHERE p.order_id = o.order_id
"""

FEES = """
    UPDATE refund f
    SET fee = (SELECT coalesce(sum(fl.paid * rl.unit_fee), 0)
               FROM refund_line fl JOIN return_line rl ON rl.return_id = f.return_id AND rl.line = fl.line
               WHERE fl.refund_id = f.refund_id)
              + CASE WHEN f.refund_id = (SELECT g.refund_id FROM refund g WHERE g.return_id = f.return_id
                                         ORDER BY g.asked_at, length(g.refund_id), g.refund_id LIMIT 1)
                     THEN (SELECT r.fee FROM return r WHERE r.return_id = f.return_id) ELSE 0 END
    WHERE f.return_id IS NOT NULL
"""
"""No fee of an earlier refund is taken a second time."""

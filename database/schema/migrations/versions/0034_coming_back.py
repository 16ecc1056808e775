"""Goods that come back from customers are dated supply of the node that they come to."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

RETURN = "the return that it comes back with; NULL = it does not come back from a customer"
PERCENT = "of 100 such units of returns, how many were restocked before; NULL = not known, or it is of no return"
SELLS_RETURNS = "whether goods that come back from customers are promised to them as well"
# What is under way when the upgrade comes. Its share is not known, so none of it is promised.
UNDER_WAY = """
    INSERT INTO incoming (node, message_id, sku, quantity, arrived, expected_at, return_id)
    SELECT c.node, 'return ' || c.return_id, c.sku, sum(c.units + c.restocked), sum(c.restocked),
           c.authorized_at + interval '14 days', c.return_id
    FROM (
        SELECT r.return_id, r.node, r.authorized_at, l.sku,
               CASE WHEN coalesce(r.closed_at, r.cancelled_at, r.declined_at, r.expired_at) IS NULL
                         AND l.refund_on <> 'none_needed'
                    THEN greatest(least(l.quantity, CASE WHEN r.settled_at IS NULL THEN l.quantity ELSE l.received END)
                                  - l.graded, 0)
                    ELSE 0 END AS units,
               (SELECT coalesce(sum(t.quantity), 0) FROM return_lot t
                WHERE t.return_id = l.return_id AND t.line = l.line AND t.node = r.node
                  AND t.disposition = 'restock' AND t.condition <> 'wrong_item') AS restocked
        FROM return r JOIN return_line l USING (return_id) JOIN order_line o ON o.order_id = r.order_id AND o.line = l.line
        WHERE r.node IS NOT NULL AND r.authorized_at IS NOT NULL AND o.components IS NULL) c
    GROUP BY c.return_id, c.node, c.authorized_at, c.sku HAVING sum(c.units) > 0
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("incoming", sa.Column("return_id", sa.Text(), comment=RETURN))
    op.add_column("incoming", sa.Column("restocked_percent", sa.Integer(), comment=PERCENT))
    op.create_foreign_key(op.f("fk_incoming_return_id_return"), "incoming", "return", ["return_id"], ["return_id"])
    op.create_index(
        "ix_incoming_return_id", "incoming", ["return_id"], postgresql_where=sa.text("return_id IS NOT NULL")
    )
    op.create_index("ix_return_line_sku", "return_line", ["sku"])
    op.add_column(
        "waiting",
        sa.Column(
            "sells_returns", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment=SELLS_RETURNS
        ),
    )
    op.execute(UNDER_WAY)


def downgrade() -> None:
    op.execute("DELETE FROM peg WHERE message_id LIKE 'return %'")
    op.execute("DELETE FROM incoming WHERE return_id IS NOT NULL")
    op.drop_column("waiting", "sells_returns")
    op.drop_index("ix_return_line_sku", table_name="return_line")
    op.drop_index("ix_incoming_return_id", table_name="incoming", postgresql_where=sa.text("return_id IS NOT NULL"))
    op.drop_constraint(op.f("fk_incoming_return_id_return"), "incoming", type_="foreignkey")
    op.drop_column("incoming", "restocked_percent")
    op.drop_column("incoming", "return_id")

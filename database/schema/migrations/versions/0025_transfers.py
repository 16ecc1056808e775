"""Transfers: an order may go to a node, and what is on its way there is dated supply of that node."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

TO_NODE = "the node that a transfer goes to; NULL = it is a customer's order"
FULFILLMENT_ORDER = "the work of a transfer that it came from; NULL = its node announced it"
LOST = "of a transfer: did not arrive, written off"
IN_TRANSIT = "of a transfer, a count: left its source, and did not arrive and was not written off"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("orders", sa.Column("to_node", sa.Text(), comment=TO_NODE))
    op.create_index(
        "ix_orders_to_node", "orders", ["received_at", "order_id"], postgresql_where=sa.text("to_node IS NOT NULL")
    )
    for name, comment in (("lost", LOST), ("in_transit", IN_TRANSIT)):
        column = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False, comment=comment)
        op.add_column("fulfillment_order_line", column)
    op.add_column("incoming", sa.Column("fulfillment_order_id", sa.Text(), comment=FULFILLMENT_ORDER))
    op.create_foreign_key(
        op.f("fk_incoming_fulfillment_order_id_fulfillment_order"),
        "incoming",
        "fulfillment_order",
        ["fulfillment_order_id"],
        ["fulfillment_order_id"],
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_incoming_fulfillment_order_id_fulfillment_order"), "incoming", type_="foreignkey")
    op.drop_column("incoming", "fulfillment_order_id")
    op.drop_column("fulfillment_order_line", "in_transit")
    op.drop_column("fulfillment_order_line", "lost")
    op.drop_index("ix_orders_to_node", table_name="orders", postgresql_where=sa.text("to_node IS NOT NULL"))
    op.drop_column("orders", "to_node")

"""Ship-to-store: a transfer may bring the units of an order to the node where the customer collects them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

FOR_ORDER = "the order whose units a transfer brings to where they are collected; NULL = it is for no order"
FULFILLMENT_ORDER = "the work of a transfer that it came from; NULL = its node announced it, or it has a transfer_id"
BEFORE = "the work of a transfer that it came from; NULL = its node announced it"
TRANSFER = "the transfer for an order that brings it, in whatever work; NULL = no such transfer does"
ONLY_FOR = "the only order that it may be promised to, while some of it has not left; NULL = any order"
COLLECTED = sa.text("pickup_node IS NOT NULL AND closed_at IS NULL")
FOR_ONE = sa.text("for_order_id IS NOT NULL")
NEW = (
    ("orders", "for_order_id", FOR_ORDER),
    ("incoming", "transfer_id", TRANSFER),
    ("incoming", "for_order_id", ONLY_FOR),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    for table, name, comment in NEW:
        op.add_column(table, sa.Column(name, sa.Text(), comment=comment))
        op.create_foreign_key(op.f(f"fk_{table}_{name}_orders"), table, "orders", [name], ["order_id"])
    op.alter_column("incoming", "fulfillment_order_id", comment=FULFILLMENT_ORDER)
    op.create_index("ix_orders_for_order_id", "orders", ["for_order_id"], postgresql_where=FOR_ONE)
    op.create_index("ix_orders_collected", "orders", ["order_id"], postgresql_where=COLLECTED)
    op.create_index("ix_incoming_for_order_id", "incoming", ["for_order_id"], postgresql_where=FOR_ONE)


def downgrade() -> None:
    op.drop_index("ix_incoming_for_order_id", table_name="incoming", postgresql_where=FOR_ONE)
    op.drop_index("ix_orders_collected", table_name="orders", postgresql_where=COLLECTED)
    op.drop_index("ix_orders_for_order_id", table_name="orders", postgresql_where=FOR_ONE)
    op.alter_column("incoming", "fulfillment_order_id", comment=BEFORE)
    for table, name, _ in reversed(NEW):
        op.drop_constraint(op.f(f"fk_{table}_{name}_orders"), table, type_="foreignkey")
        op.drop_column(table, name)

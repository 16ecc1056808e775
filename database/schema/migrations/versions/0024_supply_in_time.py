"""Supply in time: announced goods are promised to the orders that wait, and a promise may be replaced by a new one."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NEW_SHIP_BY = "by the promise that replaced the first; NULL = nobody knows at present"
CHANGED_AT = "when a new promise last replaced the first; NULL = the first holds"
LAG = "how much later than announced goods are counted on; NULL = none are promised to these units"
CHANGED = "of when the last change of it is; NULL = it is as it was announced"
ROW = "with message_id and sku, the row of incoming whose units it promises"
ARRIVED = "units that have arrived, and are offered to the order until its turn"
WHOLE = "whether the order can use it only all at once"
DUE = "when the goods are counted on; NULL = they are late, and nobody knows"
SHIP_BY = "when they leave the node, if they are there then; NULL = nobody knows"
SKU = "its announced goods, or the units that wait for them, have changed"
ORDER = "the order whose promise may be another; NULL = any order that is served better now"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("orders", sa.Column("new_ship_by", MOMENT, comment=NEW_SHIP_BY))
    op.add_column("orders", sa.Column("new_deliver_by", MOMENT))
    op.add_column("orders", sa.Column("promise_changed_at", MOMENT, comment=CHANGED_AT))
    op.add_column("waiting", sa.Column("incoming_lag_seconds", sa.Double(), comment=LAG))
    op.add_column("incoming", sa.Column("changed_at", MOMENT, comment=CHANGED))
    op.drop_constraint(op.f("ck_incoming_some_units"), "incoming", type_="check")
    op.create_check_constraint(op.f("ck_incoming_no_fewer_than_none"), "incoming", "quantity >= 0")
    op.create_table(
        "peg",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False, comment=ROW),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="units that have not arrived"),
        sa.Column("arrived", sa.Integer(), server_default="0", nullable=False, comment=ARRIVED),
        sa.Column("is_whole", sa.Boolean(), nullable=False, comment=WHOLE),
        sa.Column("due_at", MOMENT, comment=DUE),
        sa.Column("ship_by", MOMENT, comment=SHIP_BY),
        sa.Column("deliver_by", MOMENT),
        sa.CheckConstraint("quantity >= 0 AND arrived >= 0 AND quantity + arrived > 0", name=op.f("ck_peg_some_units")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_peg_order_id_orders")),
        sa.ForeignKeyConstraint(
            ["node", "message_id", "sku"],
            ["incoming.node", "incoming.message_id", "incoming.sku"],
            name=op.f("fk_peg_node_incoming"),
        ),
        sa.PrimaryKeyConstraint("order_id", "line", "node", "message_id", name=op.f("pk_peg")),
    )
    op.create_index("ix_peg_row", "peg", ["sku", "node", "message_id"])
    op.create_index("ix_peg_due", "peg", ["due_at"], postgresql_where=sa.text("ship_by IS NOT NULL AND quantity > 0"))
    op.create_table(
        "to_peg",
        sa.Column("to_peg_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False, comment=SKU),
        sa.Column("order_id", sa.Text(), comment=ORDER),
        sa.PrimaryKeyConstraint("to_peg_id", name=op.f("pk_to_peg")),
    )


def downgrade() -> None:
    op.drop_table("to_peg")
    op.drop_table("peg")
    op.execute("DELETE FROM incoming WHERE quantity = 0")
    op.drop_constraint(op.f("ck_incoming_no_fewer_than_none"), "incoming", type_="check")
    op.create_check_constraint(op.f("ck_incoming_some_units"), "incoming", "quantity > 0")
    op.drop_column("incoming", "changed_at")
    op.drop_column("waiting", "incoming_lag_seconds")
    op.drop_column("orders", "promise_changed_at")
    op.drop_column("orders", "new_deliver_by")
    op.drop_column("orders", "new_ship_by")

"""What an operator's key may do: see, act, or everything. Every key of before may do everything, as it did.

And an index for what a node owes: its page shows that, and a node has a hundred times as much that is done."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STAGES = "('acceptance', 'shipment', 'cancel_answer', 'collection')"
ACTOR = "who applied it in the console; NULL = a command did"
COMMENT = "what an operator may do; others have `admin`"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("key", sa.Column("role", sa.Text(), server_default="admin", nullable=False, comment=COMMENT))
    op.create_check_constraint(op.f("ck_key_role_is_known"), "key", "role IN ('see', 'act', 'admin')")
    op.create_check_constraint(op.f("ck_key_only_operators_have_roles"), "key", "kind = 'operator' OR role = 'admin'")
    op.create_index(
        "ix_fulfillment_order_owed",
        "fulfillment_order",
        ["node", "ship_by", "fulfillment_order_id"],
        postgresql_where=sa.text(f"waiting_for IN {STAGES} OR escalated IN {STAGES}"),
    )
    op.add_column("network_version", sa.Column("actor", sa.Text(), comment=ACTOR))
    op.create_index("ix_claim_claimed_at", "claim", ["claimed_at", "claim_id"])


def downgrade() -> None:
    op.drop_index("ix_claim_claimed_at", "claim")
    op.drop_column("network_version", "actor")
    op.drop_index("ix_fulfillment_order_owed", "fulfillment_order")
    op.drop_column("key", "role")

"""The input of every sourcing round, beside its plan: so that it can be planned again."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

INPUT = "what the round of `plan` was decided from, compressed and sealed; erased after 90 days"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "plan_input",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("input", sa.LargeBinary(), nullable=False, comment=INPUT),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_plan_input_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "round", name=op.f("pk_plan_input")),
        schema="personal",
    )
    op.create_index("ix_plan_input_recorded", "plan_input", ["recorded_at"], schema="personal", postgresql_using="brin")


def downgrade() -> None:
    op.drop_table("plan_input", schema="personal")

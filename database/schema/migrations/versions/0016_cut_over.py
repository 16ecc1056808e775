"""Orders that another system has begun: when they came, and which units had left before."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    came = "when it came from another system, which had begun it; NULL = it began here"
    op.add_column("orders", sa.Column("taken_over_at", sa.DateTime(timezone=True), comment=came))
    left = "of what shipped, what had left before the order came from another system: it left no stock of ours"
    op.add_column(
        "fulfillment_order_line",
        sa.Column("left_before", sa.Integer(), server_default="0", nullable=False, comment=left),
    )

"""The sweep reads what is due from an index, and no longer all open orders and returns.

What is open gets a moment that has passed: the sweep looks at each of them once, and then knows when it has to look next.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ORDER_COMMENT = "when the sweep sees to it that what is due was done; NULL = nothing is, or no workflow has acted yet"
RETURN_COMMENT = "when the sweep sees to it that what is due was done; NULL = the return is over"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("orders", sa.Column("sweep_at", sa.DateTime(timezone=True), comment=ORDER_COMMENT))
    op.execute("UPDATE orders SET sweep_at = received_at WHERE closed_at IS NULL AND version > 0")
    op.create_index("ix_orders_sweep", "orders", ["sweep_at"], postgresql_where=sa.text("sweep_at IS NOT NULL"))
    op.add_column("return", sa.Column("sweep_at", sa.DateTime(timezone=True), comment=RETURN_COMMENT))
    op.execute("UPDATE return SET sweep_at = requested_at WHERE closed_at IS NULL")
    op.alter_column("return", "sweep_at", server_default=sa.text("clock_timestamp() + interval '1 minute'"))
    op.create_index("ix_return_sweep", "return", ["sweep_at"], postgresql_where=sa.text("sweep_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_return_sweep", table_name="return", postgresql_where=sa.text("sweep_at IS NOT NULL"))
    op.drop_column("return", "sweep_at")
    op.drop_index("ix_orders_sweep", table_name="orders", postgresql_where=sa.text("sweep_at IS NOT NULL"))
    op.drop_column("orders", "sweep_at")

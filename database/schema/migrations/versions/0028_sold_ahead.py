"""What is sold ahead: release dates of items hold orders back, and an item's limit of what may wait is kept with what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ITEMS_RELEASE_AT = "from when all of its items may leave a node by their release dates; NULL = at any time"
SELL_AHEAD_MAX = "the limit of units that wait for stock within which these were let wait; NULL = there was none"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("orders", sa.Column("items_release_at", MOMENT, comment=ITEMS_RELEASE_AT))
    op.create_index(
        "ix_orders_items_release_at",
        "orders",
        ["items_release_at"],
        postgresql_where=sa.text("items_release_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.add_column("waiting", sa.Column("sell_ahead_max", sa.Integer(), comment=SELL_AHEAD_MAX))


def downgrade() -> None:
    op.drop_column("waiting", "sell_ahead_max")
    op.drop_index("ix_orders_items_release_at", table_name="orders")
    op.drop_column("orders", "items_release_at")

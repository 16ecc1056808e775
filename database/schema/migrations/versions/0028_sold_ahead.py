"""What is sold ahead: release dates of items hold orders back, an item's limit of what may wait is kept with what waits, and
announced goods have a supplier, which may be late.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ITEMS_RELEASE_AT = "from when all of its items may leave a node by their release dates; NULL = at any time"
SELL_AHEAD_MAX = "the limit of units that wait for stock within which these were let wait; NULL = there was none"
SUPPLIER = "who sends it; NULL = the node did not say"
FIRST_EXPECTED_AT = "as it was announced first; NULL = that was not kept"
ARRIVED_AT = "when units of it arrived last; NULL = none did, or that was not kept"
LATE_DAYS = "how much later than first announced it is counted on, by what the supplier did before; NULL = not known"
LEARNED_FROM = "how many announcements of the supplier say so; NULL = late_days is not known"


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
    op.add_column("incoming", sa.Column("supplier", sa.Text(), comment=SUPPLIER))
    op.add_column("incoming", sa.Column("first_expected_at", MOMENT, comment=FIRST_EXPECTED_AT))
    op.add_column("incoming", sa.Column("arrived_at", MOMENT, comment=ARRIVED_AT))
    op.add_column("incoming", sa.Column("late_days", sa.Integer(), comment=LATE_DAYS))
    op.add_column("incoming", sa.Column("learned_from", sa.Integer(), comment=LEARNED_FROM))
    op.create_index("ix_incoming_supplier", "incoming", ["supplier"], postgresql_where=sa.text("supplier IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_incoming_supplier", table_name="incoming")
    for name in ("learned_from", "late_days", "arrived_at", "first_expected_at", "supplier"):
        op.drop_column("incoming", name)
    op.drop_column("waiting", "sell_ahead_max")
    op.drop_index("ix_orders_items_release_at", table_name="orders")
    op.drop_column("orders", "items_release_at")

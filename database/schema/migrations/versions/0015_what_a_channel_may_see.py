"""When stock last changed, for channels that follow it; and the one node that an order may ask for."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHANGED_IN = "the transaction that last changed what may be available: readers go on from one that was still open"
CHANGED_AT = "when what may be available last changed: the beginning of that transaction"
FROM_NODE = "the only node that may ship it; NULL = the policy decides"


def upgrade() -> None:
    """What there is counts as changed by the upgrade. The columns have the same value in every row: nothing is rewritten."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    this = sa.text("(pg_current_xact_id()::text)::bigint")
    op.add_column(
        "stock", sa.Column("changed_in", sa.BigInteger(), server_default=this, nullable=False, comment=CHANGED_IN)
    )
    now = sa.text("now()")
    op.add_column(
        "stock",
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=now, nullable=False, comment=CHANGED_AT),
    )
    op.create_index(
        "ix_stock_changed",
        "stock",
        ["changed_in", "changed_at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 4, "autosummarize": True},
    )
    op.add_column("orders", sa.Column("from_node", sa.Text(), comment=FROM_NODE))


def downgrade() -> None:
    op.drop_column("orders", "from_node")
    op.drop_index("ix_stock_changed", table_name="stock")
    op.drop_column("stock", "changed_at")
    op.drop_column("stock", "changed_in")

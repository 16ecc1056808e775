"""Parcels that have not left yet, and rows of stock messages whose SKU the network does not have yet."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the newer schema of the older one."""
    op.alter_column(
        "package",
        "shipped_at",
        nullable=True,
        comment="NULL = it was not reported as shipped, only as packed or delivered",
    )
    op.alter_column("package", "package", comment="the node's id; `#2` behind it tells it from one of the same id")
    op.create_table(
        "unknown_stock",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="the row's place in its message, from 0"),
        sa.Column("sku", sa.Text(), nullable=False, comment="no item of the network when the message came"),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node", "message_id"], ["inbox.sender", "inbox.message_id"], name=op.f("fk_unknown_stock_node_inbox")
        ),
        sa.PrimaryKeyConstraint("node", "message_id", "place", name=op.f("pk_unknown_stock")),
    )
    op.create_index("ix_unknown_stock_sku", "unknown_stock", ["node", "sku"])


def downgrade() -> None:
    """Make the older schema of the newer one."""
    op.drop_table("unknown_stock")
    op.execute("UPDATE package SET shipped_at = clock_timestamp() WHERE shipped_at IS NULL")
    op.alter_column("package", "shipped_at", nullable=False, comment=None)
    op.alter_column("package", "package", comment=None)

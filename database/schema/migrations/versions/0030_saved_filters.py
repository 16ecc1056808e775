"""Filters of the console's pages that people keep under a name; open transfers are found by where they go, and active holds."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

OWNER = "the kind and name of the key that saved it"
QUERY = "as in the address of the page; nothing in it names one order or person"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "saved_filter",
        sa.Column("filter_id", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False, comment=OWNER),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False, comment=QUERY),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("page IN ('orders', 'exceptions')", name=op.f("ck_saved_filter_page_is_known")),
        sa.PrimaryKeyConstraint("filter_id", name=op.f("pk_saved_filter")),
    )
    op.create_index(
        "uq_saved_filter_own",
        "saved_filter",
        ["page", "owner", "name"],
        unique=True,
        postgresql_where=sa.text("NOT is_shared"),
    )
    op.create_index(
        "uq_saved_filter_shared",
        "saved_filter",
        ["page", "name"],
        unique=True,
        postgresql_where=sa.text("is_shared"),
    )
    op.create_index(
        "ix_orders_coming",
        "orders",
        ["to_node", "received_at", "order_id"],
        postgresql_where=sa.text("to_node IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "ix_hold_active", "hold", ["since", "hold_id", "hold"], postgresql_where=sa.text("released_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_hold_active", table_name="hold", postgresql_where=sa.text("released_at IS NULL"))
    where = sa.text("to_node IS NOT NULL AND closed_at IS NULL")
    op.drop_index("ix_orders_coming", table_name="orders", postgresql_where=where)
    op.drop_table("saved_filter")

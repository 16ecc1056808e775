"""Look-ahead prices: versions of what a unit at a node is worth to later orders."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "look_ahead",
        sa.Column(
            "version", sa.BigInteger(), autoincrement=False, nullable=False, comment="the hour, counted from 1970"
        ),
        sa.Column("orders", sa.Integer(), nullable=False, comment="how many orders it was learned from"),
        sa.Column("ahead", sa.Integer(), nullable=False, comment="how many orders were expected"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_look_ahead")),
    )
    op.create_table(
        "look_ahead_price",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False, comment="thousandths of a minor unit; absent = 0"),
        sa.CheckConstraint("price > 0", name=op.f("ck_look_ahead_price_is_more_than_nothing")),
        sa.ForeignKeyConstraint(
            ["version"],
            ["look_ahead.version"],
            name=op.f("fk_look_ahead_price_version_look_ahead"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "node", "sku", name=op.f("pk_look_ahead_price")),
    )


def downgrade() -> None:
    op.drop_table("look_ahead_price")
    op.drop_table("look_ahead")

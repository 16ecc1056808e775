"""Replenishment: needs that were taken as transfers, with what they were decided from."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ORDER = "the transfer that it was taken as"
FREE = "what the source could give, before this and beyond its own need"
POSITION = "units of the node that were free or on their way to it"
LEAST = "below so many there was a need"
TARGET = "up to so many it is filled"
SOLD = "in the days that the rule looked back"
ACTOR = "the kind of key and its id; clock = its rule takes it"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "taken_need",
        sa.Column("order_id", sa.Text(), nullable=False, comment=ORDER),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("free", sa.BigInteger(), nullable=False, comment=FREE),
        sa.Column("position", sa.BigInteger(), nullable=False, comment=POSITION),
        sa.Column("least", sa.BigInteger(), nullable=False, comment=LEAST),
        sa.Column("target", sa.BigInteger(), nullable=False, comment=TARGET),
        sa.Column("pack_units", sa.BigInteger(), nullable=False),
        sa.Column("sold", sa.BigInteger(), nullable=False, comment=SOLD),
        sa.Column("actor", sa.Text(), nullable=False, comment=ACTOR),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_taken_need_some_units")),
        sa.ForeignKeyConstraint(
            ["order_id", "line"],
            ["order_line.order_id", "order_line.line"],
            name=op.f("fk_taken_need_order_id_order_line"),
        ),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_taken_need")),
    )


def downgrade() -> None:
    op.drop_table("taken_need")

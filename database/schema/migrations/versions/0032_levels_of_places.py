"""A channel may have a stock level of an item at each of its places, and sell units there that no order is placed for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

PLACE = "the place of the channel that it stands at; empty = the channel has one level for each item"

SOLD_THERE = "by node, units by SKU that were sold and handed over there, and are off its stock"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "channel_level", sa.Column("place", sa.Text(), server_default=sa.text("''"), nullable=False, comment=PLACE)
    )
    op.drop_constraint("pk_channel_level", "channel_level")
    op.create_primary_key("pk_channel_level", "channel_level", ["channel", "place", "external"])
    op.add_column(
        "channel_order",
        sa.Column("sold_there", JSONB(), server_default=sa.text("'{}'"), nullable=False, comment=SOLD_THERE),
    )


def downgrade() -> None:
    op.drop_column("channel_order", "sold_there")
    op.execute("DELETE FROM channel_level WHERE place <> ''")
    op.drop_constraint("pk_channel_level", "channel_level")
    op.create_primary_key("pk_channel_level", "channel_level", ["channel", "external"])
    op.drop_column("channel_level", "place")

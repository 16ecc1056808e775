"""A channel may have a stock level of an item at each of its places."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0031"
branch_labels = None
depends_on = None

PLACE = "the place of the channel that it stands at; empty = the channel has one level for each item"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "channel_level", sa.Column("place", sa.Text(), server_default=sa.text("''"), nullable=False, comment=PLACE)
    )
    op.drop_constraint("pk_channel_level", "channel_level")
    op.create_primary_key("pk_channel_level", "channel_level", ["channel", "place", "external"])


def downgrade() -> None:
    op.execute("DELETE FROM channel_level WHERE place <> ''")
    op.drop_constraint("pk_channel_level", "channel_level")
    op.create_primary_key("pk_channel_level", "channel_level", ["channel", "external"])
    op.drop_column("channel_level", "place")

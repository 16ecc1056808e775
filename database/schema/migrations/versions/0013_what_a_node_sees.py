"""Until when a node should accept its work, when what it sees of it last changed, and parcels that did not leave."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("fulfillment_order", sa.Column("accept_by", Moment, comment=ACCEPT_BY))
    op.add_column("fulfillment_order", sa.Column("updated_at", Moment, comment=UPDATED_AT))
    op.execute(
        """
        UPDATE fulfillment_order f
        SET accept_by = CASE WHEN waiting_for = 'acceptance' THEN deadline END,
            updated_at = greatest(released_at, accepted_at, cancel_asked_at, dead_at, ready_at, delivered_at,
                                  delivery_failed_at, (SELECT max(i.received_at) FROM inbox i
                                                       WHERE i.about = f.fulfillment_order_id))
        """
    )
    now = sa.func.clock_timestamp()
    op.alter_column("fulfillment_order", "updated_at", existing_type=Moment, nullable=False, server_default=now)
    op.create_index("ix_fulfillment_order_updated_at", "fulfillment_order", ["updated_at"])
    op.add_column(
        "fulfillment_order_line",
        sa.Column("voided", sa.BigInteger(), server_default="0", nullable=False, comment=VOIDED),
    )
    op.add_column("package", sa.Column("voided_at", Moment, comment=VOIDED_AT))


ACCEPT_BY = "until when its node should accept; NULL = it is not waited for"
UPDATED_AT = "when its node's document last changed"
VOIDED = "of what was told shipped: did not leave"
VOIDED_AT = "when its node said that it did not leave; NULL = it did not say so"


def downgrade() -> None:
    op.drop_column("package", "voided_at")
    op.drop_column("fulfillment_order_line", "voided")
    op.drop_index("ix_fulfillment_order_updated_at", "fulfillment_order")
    for column in ("updated_at", "accept_by"):
        op.drop_column("fulfillment_order", column)

"""Orders, returns and the ledger are found by what people ask for, and say when they last changed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _say_when_it_changed()
    _make_indexes()


def _say_when_it_changed() -> None:
    """What there is counts as changed now: who follows changes reads it once more, and misses nothing.

    A default that is the same for all rows rewrites no table.
    """
    for table in ("orders", "return"):
        moment = sa.DateTime(timezone=True)
        default, own = sa.text("now()"), sa.text("clock_timestamp()")
        comment = "when its version last changed"
        op.add_column(table, sa.Column("updated_at", moment, server_default=default, nullable=False, comment=comment))
        op.alter_column(table, "updated_at", existing_type=moment, server_default=own)


def _make_indexes() -> None:
    op.create_index("ix_orders_received", "orders", ["received_at", "order_id"])
    op.create_index("ix_orders_channel", "orders", ["channel", "received_at", "order_id"])
    op.drop_index("ix_orders_open", "orders")
    op.create_index(
        "ix_orders_open", "orders", ["received_at", "order_id"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("ix_orders_placed", "orders", ["placed_at"])
    op.create_index("ix_orders_updated", "orders", ["updated_at"])
    op.create_index("ix_orders_number", "orders", [sa.text("lower(number)")])
    op.create_index("ix_order_line_sku", "order_line", ["sku", "order_id"])
    op.create_index("ix_return_updated", "return", ["updated_at"])
    op.create_index("ix_movement_sku", "movement", ["sku", "movement_id"])
    op.create_index("ix_event_order", "event", ["order_id", "transaction_id", "event_id"])
    op.drop_index("ix_exception_open", "exception")
    op.create_index(
        "ix_exception_open", "exception", ["since", "exception_id"], postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.create_index("ix_exception_since", "exception", ["since", "exception_id"])

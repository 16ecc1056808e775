"""Connections to shops and marketplaces: what came, what they said last of each order, and what they are to be notified of."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

FILES = (
    "nodes.toml, policy.toml, items.csv, buffers.csv{} as they were applied, and what was retired by then; the texts about "
    "nodes are sealed, because they have secrets"
)

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    files = ", rates.csv, channels.toml and aliases.csv"
    op.alter_column("network_version", "documents", existing_type=JSONB(), comment=FILES.format(files))
    _add_connections()
    _add_exchanges()
    _add_orders_of_channels()
    _add_notices()
    _add_levels()


def downgrade() -> None:
    for name in ("channel_level", "channel_notice", "channel_order", "exchange", "connection"):
        op.drop_table(name)
    op.alter_column("network_version", "documents", existing_type=JSONB(), comment=FILES.format(" and rates.csv"))


def _moment(name: str, comment: str | None = None, **more: Any) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=comment, **more)


def _add_connections() -> None:
    op.create_table(
        "connection",
        sa.Column("channel", sa.Text(), nullable=False, comment="its name in channels.toml"),
        sa.Column("credentials", sa.LargeBinary(), comment="what `connect` read, sealed with the common key"),
        sa.Column("token", sa.LargeBinary(), comment="what authorizes requests now, sealed with the common key"),
        _moment("token_until", "NULL = it does not end"),
        sa.Column(
            "settings", JSONB(), server_default="{}", nullable=False, comment="what the last check set up; no secret"
        ),
        sa.Column("findings", JSONB(), server_default="[]", nullable=False, comment="what the last check found"),
        sa.Column("cursor", JSONB(), server_default="{}", nullable=False, comment="where the next poll begins"),
        _moment("checked_at", "when `connect` last found that orders can flow"),
        _moment("poll_due_at", "when it is asked next for what has changed; NULL = now"),
        _moment("polled_at", "when the last poll ended well"),
        _moment("last_in_at", "when something last came"),
        _moment("last_out_at", "when the channel last took something"),
        _moment("failed_at", "when a request to the channel last failed"),
        sa.Column("failure", sa.Text(), comment="why: a status or the kind of error; no address, no body"),
        _moment("levels_due_at", "when its stock levels are compared next; NULL = they never were"),
        _moment("recorded_at", nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_connection")),
    )


def _add_exchanges() -> None:
    op.create_table(
        "exchange",
        sa.Column("exchange_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False, comment="what its repeats have in common"),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column(
            "body", sa.LargeBinary(), comment="as it came, sealed with the common key; NULL = it is kept no longer"
        ),
        sa.Column(
            "externals",
            ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="the channel's own ids of the orders in it; empty = it was not read yet, or cannot be read",
        ),
        sa.Column("state", sa.Text(), server_default="kept", nullable=False),
        sa.Column("reason", sa.Text(), comment="why it was passed over or does not fit; nothing of a person"),
        _moment("due_at", "when it is to be read next; NULL = it is not"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "was_misfit",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="it did not fit when it was tried before",
        ),
        _moment("received_at", nullable=False, server_default=NOW),
        sa.CheckConstraint(
            "state IN ('kept', 'applied', 'passed_over', 'misfit')", name=op.f("ck_exchange_state_is_known")
        ),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_exchange")),
        sa.UniqueConstraint("channel", "event_id", name=op.f("uq_exchange_channel_event_id")),
    )
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_exchange_due", "exchange", ["channel", "due_at"], postgresql_where=is_due)
    op.create_index("ix_exchange_orders", "exchange", ["externals"], postgresql_using="gin")
    op.create_index("ix_exchange_misfit", "exchange", ["channel"], postgresql_where=sa.text("state = 'misfit'"))


def _add_orders_of_channels() -> None:
    op.create_table(
        "channel_order",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external", sa.Text(), nullable=False, comment="the channel's own id of the order"),
        sa.Column("order_id", sa.Text(), comment="NULL = it was never placed here"),
        _moment("version", "the channel's own instant of what it said last", nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="a keyed fingerprint of what it said last"),
        sa.Column(
            "said", sa.LargeBinary(), comment="what it said last, sealed with the order's key; NULL = nothing is wanted"
        ),
        sa.Column("why_not", sa.Text(), comment="why nothing of it is wanted"),
        sa.Column(
            "ids", JSONB(), server_default="{}", nullable=False, comment="names that the channel gave; no secret"
        ),
        _moment("recorded_at", nullable=False, server_default=NOW),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_channel_order_order_id_orders")),
        sa.PrimaryKeyConstraint("channel", "external", name=op.f("pk_channel_order")),
    )
    op.create_index("ix_channel_order_order", "channel_order", ["order_id"])


def _add_notices() -> None:
    op.create_table(
        "channel_notice",
        sa.Column(
            "transaction_id", sa.BigInteger(), nullable=False, comment="of the event that the channel is notified of"
        ),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "about",
            sa.Text(),
            comment="the fulfillment order, return or claim that it is about; NULL = the whole order",
        ),
        _moment("due_at", "when it is to be sent next; NULL = it is not"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _moment("retried_at", "when somebody last asked to have it sent again; its time began again then"),
        _moment("notified_at", "when the channel took it; NULL = it has not"),
        sa.Column("refused", sa.Text(), comment="why the channel will not take it; NULL = it has not refused"),
        _moment("recorded_at", nullable=False, server_default=NOW),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_channel_notice_order_id_orders")),
        sa.PrimaryKeyConstraint("transaction_id", "event_id", name=op.f("pk_channel_notice")),
    )
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_channel_notice_due", "channel_notice", ["channel", "due_at"], postgresql_where=is_due)
    is_refused = sa.text("refused IS NOT NULL")
    op.create_index("ix_channel_notice_refused", "channel_notice", ["channel"], postgresql_where=is_refused)
    op.create_index("ix_channel_notice_order_due", "channel_notice", ["order_id", "event_id"], postgresql_where=is_due)
    op.create_index(
        "ix_channel_notice_order_refused", "channel_notice", ["order_id", "event_id"], postgresql_where=is_refused
    )


def _add_levels() -> None:
    op.create_table(
        "channel_level",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external", sa.Text(), nullable=False, comment="what the channel calls the item"),
        sa.Column(
            "available", sa.BigInteger(), comment="what stood there when it last answered; NULL = it has no such item"
        ),
        sa.Column("wanted", sa.BigInteger(), nullable=False, comment="what was to stand there then"),
        sa.Column(
            "missing",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="units fewer than we knew that stood there: sold there perhaps, by orders that are not here yet",
        ),
        _moment("differs_at", "when another number stood there than was sent; NULL = the number that was sent"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False, comment="how often in a row that was so"),
        _moment("notified_at", nullable=False),
        sa.PrimaryKeyConstraint("channel", "external", name=op.f("pk_channel_level")),
    )

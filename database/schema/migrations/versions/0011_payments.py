"""Payments as facts, what channels are asked to capture and to void, and what refunds were cut by."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FILES = (
    "nodes.toml, policy.toml, items.csv{} as they were applied, and what was retired by then; the texts about nodes are "
    "sealed, because they have secrets"
)


def upgrade() -> None:
    """Make the newer schema of the older one."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.alter_column("network_version", "documents", comment=FILES.format(", buffers.csv and rates.csv"))
    sums = (
        ("authorized", "the sum of such payments, minor units"),
        ("voided", "the sum of such payments"),
        ("capture_asked", "what is captured, with what was paid, once all requests are done; 0 = none was made"),
        ("void_asked", "what is voided once all requests are done; 0 = none was made"),
    )
    for name, comment in sums:
        _add_amount("orders", name, comment)
    since = "since it was placed: the sum of such payments; NULL = no payment was reported"
    op.add_column("orders", sa.Column("captured", sa.BigInteger(), comment=since))
    _add_amount("refund", "cut", "what the customer gets beyond the amount as soon as more is captured")
    op.create_check_constraint(op.f("ck_refund_cut_makes_sense"), "refund", "cut >= 0")
    op.create_index("ix_refund_cut", "refund", ["order_id"], postgresql_where=sa.text("cut > 0"))
    _add_payments()
    _add_requests()


def _add_amount(table: str, name: str, comment: str) -> None:
    zero = sa.text("0")
    op.add_column(table, sa.Column(name, sa.BigInteger(), server_default=zero, nullable=False, comment=comment))


def _add_payments() -> None:
    op.create_table(
        "payment",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column(
            "message_id",
            sa.Text(),
            nullable=False,
            comment="the id of its message, which the inbox has from the channel",
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="minor units of the order's currency"),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False, comment="as it was reported"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('authorized', 'captured', 'voided')", name=op.f("ck_payment_kind_is_known")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_some_money")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_payment_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "message_id", name=op.f("pk_payment")),
    )


def _add_requests() -> None:
    op.create_table(
        "payment_request",
        sa.Column(
            "request_id",
            sa.Text(),
            nullable=False,
            comment="what tells the channel a repeat from another request",
        ),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="minor units of the order's currency"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('capture', 'void')", name=op.f("ck_payment_request_kind_is_known")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_request_some_money")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_payment_request_order_id_orders")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_payment_request")),
    )
    op.create_index("ix_payment_request_order", "payment_request", ["order_id"])


def downgrade() -> None:
    """Make the older schema of the newer one."""
    op.drop_table("payment_request")
    op.drop_table("payment")
    op.drop_index("ix_refund_cut", "refund")
    op.drop_column("refund", "cut")
    for name in ("authorized", "captured", "voided", "capture_asked", "void_asked"):
        op.drop_column("orders", name)
    op.alter_column("network_version", "documents", comment=FILES.format(" and buffers.csv"))

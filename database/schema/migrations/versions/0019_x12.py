"""Trading partners by X12: what they are sent and what came, by control numbers; and the numbers of cartons."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DIGEST = "a keyed fingerprint of its content, where its sender numbers what it sends: one number must stay one content"
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("exchange", sa.Column("digest", sa.Text(), comment=DIGEST))
    op.create_table(
        "x12_control",
        sa.Column("partner", sa.Text(), nullable=False, comment="its name: a channel's or a node's"),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="the highest control number that it was sent"),
        sa.PrimaryKeyConstraint("partner", name=op.f("pk_x12_control")),
    )
    op.create_table(
        "x12_document",
        sa.Column("partner", sa.Text(), nullable=False, comment="its name: a channel's or a node's"),
        sa.Column("control", sa.BigInteger(), nullable=False, comment="of its interchange and its group"),
        sa.Column("code", sa.Text(), nullable=False, comment="the code of its set, such as 856"),
        sa.Column("key", sa.Text(), nullable=False, comment="what a second document about the same would have, too"),
        sa.Column("order_id", sa.Text(), comment="NULL = it is about no order"),
        sa.Column("about", sa.Text(), comment="the fulfillment order that it is about"),
        sa.Column("body", sa.LargeBinary(), comment="as it is sent, sealed with the common key; NULL = it was erased"),
        _moment("due_at", "when it is put into the mailbox next; NULL = it is not"),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False, comment="how often it was put there"),
        _moment("sent_at", "when it was last put there"),
        _moment("answer_by", "when its acknowledgment is late; NULL = none is waited for"),
        _moment("missed_at", "since when a person was asked to look for its acknowledgment"),
        _moment("answered_at", "when its last acknowledgment came"),
        sa.Column("verdict", sa.Text(), comment="of that: A, E (accepted with errors noted), P or R, as AK901 has it"),
        _moment("recorded_at", nullable=False, server_default=NOW),
        sa.CheckConstraint("verdict IN ('A', 'E', 'P', 'R')", name=op.f("ck_x12_document_verdict_is_known")),
        sa.CheckConstraint(
            "(verdict IS NULL) = (answered_at IS NULL)", name=op.f("ck_x12_document_an_answer_has_a_verdict")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_x12_document_order_id_orders")),
        sa.PrimaryKeyConstraint("partner", "control", name=op.f("pk_x12_document")),
        sa.UniqueConstraint("partner", "key", name=op.f("uq_x12_document_partner_key")),
    )
    _add_indexes()
    op.create_table(
        "carton",
        sa.Column("serial", sa.BigInteger(), sa.Identity(), nullable=False, comment="the serial number of its SSCC"),
        sa.Column("fulfillment_order_id", sa.Text(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False, comment="the node's id of the package"),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_order.fulfillment_order_id"],
            name=op.f("fk_carton_fulfillment_order_id_fulfillment_order"),
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_carton")),
        sa.UniqueConstraint("fulfillment_order_id", "package", name=op.f("uq_carton_fulfillment_order_id_package")),
    )


def _add_indexes() -> None:
    is_due, is_waited_for = sa.text("due_at IS NOT NULL"), sa.text("answer_by IS NOT NULL")
    op.create_index("ix_x12_document_due", "x12_document", ["partner", "due_at"], postgresql_where=is_due)
    op.create_index("ix_x12_document_answer", "x12_document", ["partner", "answer_by"], postgresql_where=is_waited_for)
    op.create_index("ix_x12_document_order", "x12_document", ["order_id"])


def downgrade() -> None:
    op.drop_table("carton")
    op.drop_table("x12_document")
    op.drop_table("x12_control")
    op.drop_column("exchange", "digest")


def _moment(name: str, comment: str | None = None, **more: Any) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=comment, **more)

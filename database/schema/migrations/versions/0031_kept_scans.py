"""Scans of parcels that nobody knows yet are kept, and labels of work that ended without a shipment are given back."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
VOID_CALLED_AT = "since when an answer of the carrier is missing that was asked to take it back"
IS_UNUSED = "it is to be given back because its work ended without a shipment, not because somebody asked"
KEPT_AT = "since when it is certain that it is not given back by itself"
# What was bought for such work before is a person's to give back, as the documentation said.
KEEP_EARLIER_ONES = """
    UPDATE label l SET kept_at = clock_timestamp()
    FROM fulfillment_order f
    WHERE l.state = 'bought' AND l.void_wanted_at IS NULL AND f.fulfillment_order_id = l.about
      AND NOT EXISTS (
          SELECT FROM fulfillment_order_line n WHERE n.fulfillment_order_id = f.fulfillment_order_id
            AND (n.quantity > n.short + n.shipped OR n.in_doubt > 0 OR n.shipped > 0 OR n.surplus > 0))
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "unknown_scan",
        sa.Column("scan", sa.Text(), nullable=False, comment="keyed fingerprint of all that was said"),
        sa.Column("carrier", sa.Text(), nullable=False, comment="its name in carriers.toml"),
        sa.Column("number", sa.Text(), nullable=False, comment="keyed fingerprint of the tracking number"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="what was said, sealed with the common key"),
        sa.Column("due_at", MOMENT, nullable=False, comment="when its parcel is looked for next"),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("scan", name=op.f("pk_unknown_scan")),
    )
    op.create_index("ix_unknown_scan_carrier", "unknown_scan", ["carrier", "recorded_at"])
    op.create_index("ix_unknown_scan_number", "unknown_scan", ["number"])
    op.create_index("ix_unknown_scan_due", "unknown_scan", ["due_at"])
    # A scan of a parcel without a label is of the package with its number: without an index, all packages were read.
    op.create_index("ix_package_tracking", "package", ["tracking"], postgresql_where=sa.text("tracking IS NOT NULL"))
    op.add_column("label", sa.Column("void_called_at", MOMENT, comment=VOID_CALLED_AT))
    op.add_column(
        "label",
        sa.Column("is_unused", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment=IS_UNUSED),
    )
    op.add_column("label", sa.Column("kept_at", MOMENT, comment=KEPT_AT))
    op.execute(KEEP_EARLIER_ONES)


def downgrade() -> None:
    op.drop_column("label", "kept_at")
    op.drop_column("label", "is_unused")
    op.drop_column("label", "void_called_at")
    op.drop_index("ix_package_tracking", table_name="package", postgresql_where=sa.text("tracking IS NOT NULL"))
    op.drop_table("unknown_scan")

"""Carriers: the labels of parcels, and what carriers say of where parcels are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
OPEN = sa.text("state IN ('asked', 'bought', 'unknown')")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "label",
        sa.Column("label_id", sa.Text(), nullable=False, comment="our reference at the carrier, too"),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column(
            "about", sa.Text(), nullable=False, comment="a fulfillment order, or the return that the parcel belongs to"
        ),
        sa.Column("number", sa.Integer(), nullable=False, comment="which label of what it is about, from 1"),
        sa.Column("package", sa.Text(), nullable=False, comment="the node's id of the package"),
        sa.Column("carrier", sa.Text(), nullable=False, comment="its name in carriers.toml"),
        sa.Column(
            "asked", JSONB(), nullable=False, comment="service, format, weight and sides: what the carrier is asked for"
        ),
        sa.Column("state", sa.Text(), server_default=sa.text("'asked'"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, comment="when the carrier is asked next; NULL = it is not"),
        sa.Column("called_at", MOMENT, comment="when the carrier was first asked to sell it"),
        sa.Column("void_wanted_at", MOMENT, comment="since when it is to be given back"),
        sa.Column(
            "tries",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="calls since the last good answer",
        ),
        sa.Column("bought_at", MOMENT),
        sa.Column("tracking", sa.Text()),
        sa.Column("theirs", sa.Text(), comment="what the carrier calls the shipment"),
        sa.Column("amount", sa.BigInteger(), comment="what the carrier asks, in minor units"),
        sa.Column("currency", sa.Text()),
        sa.Column("content", sa.LargeBinary(), comment="the label, sealed with the key of its order"),
        sa.Column(
            "said",
            sa.LargeBinary(),
            comment="what the carrier said last when it did not sell or take back, sealed alike",
        ),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'bought', 'unknown', 'refused', 'voided')", name=op.f("ck_label_state_is_known")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_label_order_id_orders")),
        sa.PrimaryKeyConstraint("label_id", name=op.f("pk_label")),
        sa.UniqueConstraint("about", "number", name=op.f("uq_label_about_number")),
    )
    op.create_index("ix_label_of_package", "label", ["about", "package"], unique=True, postgresql_where=OPEN)
    op.create_index("ix_label_due", "label", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("ix_label_tracking", "label", ["tracking"])
    op.create_index("ix_label_order_id", "label", ["order_id"])
    _tracking()


def _tracking() -> None:
    op.create_table(
        "parcel_tracking",
        sa.Column("carrier", sa.Text(), nullable=False, comment="its name in carriers.toml"),
        sa.Column("tracking", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("fulfillment_order_id", sa.Text(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("first_scan_at", MOMENT, comment="by the carrier's clock: it had the parcel"),
        sa.Column("last_kind", sa.Text(), comment="what the latest scan means"),
        sa.Column("last_at", MOMENT, comment="by the carrier's clock"),
        sa.Column("poll_due_at", MOMENT, comment="when the carrier is asked next; NULL = it is not"),
        sa.Column(
            "tries",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="polls in a row without an answer",
        ),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_parcel_tracking_order_id_orders")),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_order.fulfillment_order_id"],
            name=op.f("fk_parcel_tracking_fulfillment_order_id_fulfillment_order"),
        ),
        sa.PrimaryKeyConstraint("carrier", "tracking", name=op.f("pk_parcel_tracking")),
    )
    is_due = sa.text("poll_due_at IS NOT NULL")
    op.create_index("ix_parcel_tracking_due", "parcel_tracking", ["poll_due_at"], postgresql_where=is_due)
    op.create_index("ix_parcel_tracking_order_id", "parcel_tracking", ["order_id"])
    op.create_table(
        "parcel_scan",
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False, comment="by the carrier's clock"),
        sa.Column("code", sa.Text(), nullable=False, comment="the carrier's own"),
        sa.Column("kind", sa.Text(), nullable=False, comment="what it means"),
        sa.Column(
            "is_day_only", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="no zone was given"
        ),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["carrier", "tracking"],
            ["parcel_tracking.carrier", "parcel_tracking.tracking"],
            name=op.f("fk_parcel_scan_carrier_parcel_tracking"),
        ),
        sa.PrimaryKeyConstraint("carrier", "tracking", "at", "code", name=op.f("pk_parcel_scan")),
    )


def downgrade() -> None:
    op.drop_table("parcel_scan")
    op.drop_table("parcel_tracking")
    op.drop_table("label")

"""Manifests: the lists with which nodes hand a day's parcels to a carrier that asks for one."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = sa.DateTime(timezone=True)
DAY = "on which its parcels are handed over, by the node's calendar"
AT_CUTOFF = "it was asked for by itself at the node's cut-off, which is done once a day"
SAID = "what the carrier said last when it did not make it, sealed alike"
TAKEN_OFF = "since when it waits for another one: the carrier did not make this one, or left it out"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "manifest",
        sa.Column("manifest_id", sa.Text(), nullable=False, comment="our reference at the carrier, too"),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False, comment="its name in carriers.toml"),
        sa.Column("number", sa.Integer(), nullable=False, comment="which manifest of the node and the carrier, from 1"),
        sa.Column("day", sa.Date(), nullable=False, comment=DAY),
        sa.Column("at_cutoff", sa.Boolean(), nullable=False, comment=AT_CUTOFF),
        sa.Column("state", sa.Text(), server_default=sa.text("'asked'"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, comment="when the carrier is asked next; NULL = it is not"),
        sa.Column("called_at", MOMENT, comment="when the carrier was first asked to make it"),
        sa.Column(
            "tries",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="calls since the last good answer",
        ),
        sa.Column("made_at", MOMENT),
        sa.Column("theirs", sa.Text(), comment="what the carrier calls it"),
        sa.Column("content", sa.LargeBinary(), comment="its document, sealed with the common key"),
        sa.Column("said", sa.LargeBinary(), comment=SAID),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("recorded_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("state IN ('asked', 'made', 'unknown', 'refused')", name=op.f("ck_manifest_state_is_known")),
        sa.PrimaryKeyConstraint("manifest_id", name=op.f("pk_manifest")),
        sa.UniqueConstraint("node", "carrier", "number", name=op.f("uq_manifest_node_carrier_number")),
    )
    op.create_index(
        "ix_manifest_at_cutoff",
        "manifest",
        ["node", "carrier", "day"],
        unique=True,
        postgresql_where=sa.text("at_cutoff"),
    )
    op.create_index("ix_manifest_due", "manifest", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    _parcels()
    # The parcels of a carrier that wait for a manifest: without an index, all labels were read.
    op.create_index("ix_label_bought", "label", ["carrier", "bought_at"], postgresql_where=sa.text("state = 'bought'"))


def _parcels() -> None:
    op.create_table(
        "manifest_parcel",
        sa.Column("manifest_id", sa.Text(), nullable=False),
        sa.Column("label_id", sa.Text(), nullable=False),
        sa.Column("taken_off_at", MOMENT, comment=TAKEN_OFF),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifest.manifest_id"], name=op.f("fk_manifest_parcel_manifest_id_manifest")
        ),
        sa.ForeignKeyConstraint(["label_id"], ["label.label_id"], name=op.f("fk_manifest_parcel_label_id_label")),
        sa.PrimaryKeyConstraint("manifest_id", "label_id", name=op.f("pk_manifest_parcel")),
    )
    is_on = sa.text("taken_off_at IS NULL")
    op.create_index("ix_manifest_parcel_label", "manifest_parcel", ["label_id"], unique=True, postgresql_where=is_on)
    op.create_index("ix_manifest_parcel_label_id", "manifest_parcel", ["label_id"])


def downgrade() -> None:
    op.drop_index("ix_label_bought", table_name="label", postgresql_where=sa.text("state = 'bought'"))
    op.drop_table("manifest_parcel")
    op.drop_table("manifest")

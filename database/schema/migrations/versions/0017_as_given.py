"""Changes of a living order: what a node was given stays with its work, and what is personal of added lines is sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COUNTRY = "where its node was told to send it; NULL = where the order goes"
DETAILS = "what is personal of lines that somebody asked to add, sealed"
SERVICE = "how its node was told to send it; NULL = as the order goes"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("fulfillment_order", sa.Column("country", sa.Text(), comment=COUNTRY))
    op.add_column("fulfillment_order", sa.Column("service", sa.Text(), comment=SERVICE))
    op.create_table(
        "given_address",
        sa.Column("fulfillment_order_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("ship_to", sa.LargeBinary(), nullable=False, comment="the address that its node was given, sealed"),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_order.fulfillment_order_id"],
            name=op.f("fk_given_address_fulfillment_order_id_fulfillment_order"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_given_address_order_id_orders")),
        sa.PrimaryKeyConstraint("fulfillment_order_id", name=op.f("pk_given_address")),
        schema="personal",
    )
    op.create_index("ix_given_address_order", "given_address", ["order_id"], schema="personal")
    op.create_table(
        "new_details",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("details", sa.LargeBinary(), nullable=False, comment=DETAILS),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_new_details_request_id_request")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_new_details_order_id_orders")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_new_details")),
        schema="personal",
    )
    op.create_index("ix_new_details_order", "new_details", ["order_id"], schema="personal")


def downgrade() -> None:
    op.drop_table("new_details", schema="personal")
    op.drop_table("given_address", schema="personal")
    op.drop_column("fulfillment_order", "service")
    op.drop_column("fulfillment_order", "country")

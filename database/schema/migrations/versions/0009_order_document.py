"""The rest of the order document: what people call an order and its lines, the channel's duty, and what is personal of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
REFERENCE = "what people call it; NULL = they call it by its number, or it was forgotten"
SHIP_BY = "when the channel must see it shipped; NULL = it named no such moment"
NAME = "as the channel calls it; NULL = as the network does, or it was forgotten"
DETAILS = "bill_to, note, attributes, and by line gift_message and attributes, sealed; NULL = it has none of them"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("orders", sa.Column("reference", sa.Text(), comment=REFERENCE))
    op.add_column("orders", sa.Column("purchase_order", sa.Text()))
    op.add_column("orders", sa.Column("not_before", MOMENT))
    op.add_column("orders", sa.Column("duty_ship_by", MOMENT, comment=SHIP_BY))
    op.add_column("orders", sa.Column("duty_deliver_by", MOMENT))
    op.add_column("orders", sa.Column("tags", ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("order_line", sa.Column("name", sa.Text(), comment=NAME))
    op.add_column("recipient", sa.Column("details", sa.LargeBinary(), comment=DETAILS), schema="personal")

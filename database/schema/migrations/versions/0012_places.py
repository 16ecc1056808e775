"""A promise may have no day of delivery: nobody knows how long military mail is on the way."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COMMENT = "NULL = nobody knows how long it is on the way"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    for table in ("reservation", "fulfillment_order"):
        op.alter_column(table, "deliver_by", existing_type=sa.DateTime(timezone=True), nullable=True, comment=COMMENT)
    op.drop_constraint(op.f("ck_orders_promise_is_whole"), "orders")
    op.execute(
        """
        ALTER TABLE orders ADD CONSTRAINT ck_orders_promise_is_whole
        CHECK (promise_ship_by IS NOT NULL OR promise_deliver_by IS NULL) NOT VALID
        """
    )
    op.execute("ALTER TABLE orders VALIDATE CONSTRAINT ck_orders_promise_is_whole")

"""Exceptions say what they are about, and which event closed them without a person."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "exception",
        sa.Column(
            "subject",
            sa.Text(),
            comment="the line, return or SKU that it is about, where the fact that closes it needs it",
        ),
    )
    op.add_column(
        "exception",
        sa.Column(
            "closed_cause", sa.Text(), comment="the event whose facts closed it; NULL = a person did, or nobody yet"
        ),
    )
    op.add_column("exception", sa.Column("closed_actor", sa.Text(), comment="who did what closed it"))
    # The sentences were made by us, so they say what an exception is about. Units that were cancelled wait for nothing.
    op.execute(
        """
        UPDATE exception SET subject = CASE
            WHEN code = 'unfilled' AND detail ~ '^[0-9]+ of line .* waited for stock' THEN NULL
            WHEN code = 'unfilled'
                THEN substring(detail FROM ' [0-9]+ of line (.*?)(?: rejected them or found them short)?$')
            WHEN code IN ('double_ship', 'surplus') THEN substring(detail FROM '^[0-9]+ of line (.*) left ')
            WHEN code = 'return_misfit' THEN substring(detail FROM '^the parcel of (.*) was sent and has not come$')
            WHEN code = 'stock_short' THEN substring(detail FROM '^[0-9]+ of (.*) at .* are promised but not on hand$')
        END
        WHERE code IN ('unfilled', 'double_ship', 'surplus', 'return_misfit', 'stock_short')
        """
    )
    # What was delivered after all waits for nobody; its exception closes with the next change of its order.
    op.execute(
        """
        UPDATE fulfillment_order f SET delivery_failed_at = NULL
        WHERE delivered_at > delivery_failed_at AND NOT assumed_delivered
          AND NOT EXISTS (SELECT FROM fulfillment_order_line l
                          WHERE l.fulfillment_order_id = f.fulfillment_order_id AND l.told_delivered < l.shipped)
        """
    )
    op.execute(
        """
        UPDATE exception SET subject = substring(detail FROM '^[0-9]+ of line (.*) were tried [0-9]+ times$')
        WHERE code = 'unfilled' AND subject IS NULL
        """
    )

"""Connections are looked after: when each is checked next, and since when it cannot be asked for what has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

CHECKED = "when {} last found that orders can flow"
DUE = "when it is checked next; NULL = only when somebody asks for it"
FAILING = "since when no poll has ended well; NULL = the last one did"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("connection", sa.Column("poll_failing_since", sa.DateTime(timezone=True), comment=FAILING))
    op.add_column("connection", sa.Column("check_due_at", sa.DateTime(timezone=True), comment=DUE))
    op.alter_column(
        "connection", "checked_at", existing_type=sa.DateTime(timezone=True), comment=CHECKED.format("a check")
    )
    # What was found before is found again at once, and then becomes an exception.
    op.execute(
        """
        UPDATE connection SET check_due_at = CASE WHEN checked_at IS NOT NULL THEN clock_timestamp() END, findings = '[]'
        """
    )


def downgrade() -> None:
    op.alter_column(
        "connection", "checked_at", existing_type=sa.DateTime(timezone=True), comment=CHECKED.format("`connect`")
    )
    op.drop_column("connection", "check_due_at")
    op.drop_column("connection", "poll_failing_since")

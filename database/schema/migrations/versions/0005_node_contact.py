"""When each node was last called, with which answer, and when it was last heard."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table with a row for each node; it fills with the first calls and requests."""
    op.create_table(
        "node_contact",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), comment="when a call to it last ended"),
        sa.Column("answer", sa.Text(), comment="what it answered, or why there was no answer"),
        sa.Column(
            "failing_since", sa.DateTime(timezone=True), comment="since when no call was taken; NULL = the last one was"
        ),
        sa.Column("heard_at", sa.DateTime(timezone=True), comment="when it last sent a request"),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_node_contact")),
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_table("node_contact")

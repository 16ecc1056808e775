"""Parcels that have not left yet."""

from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """Make the newer schema of the older one."""
    op.alter_column(
        "package",
        "shipped_at",
        nullable=True,
        comment="NULL = it was not reported as shipped, only as packed or delivered",
    )
    op.alter_column("package", "package", comment="the node's id; `#2` behind it tells it from one of the same id")


def downgrade() -> None:
    """Make the older schema of the newer one."""
    op.execute("UPDATE package SET shipped_at = clock_timestamp() WHERE shipped_at IS NULL")
    op.alter_column("package", "shipped_at", nullable=False, comment=None)
    op.alter_column("package", "package", comment=None)

"""Replacements that were cancelled before do not stand for a refund any more, and units that wait know under which rules.

A replacement is found by what it replaces. Everything that waits is looked at once after the upgrade.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LOST = """
    CREATE TEMPORARY TABLE lost ON COMMIT DROP AS
    SELECT f.refund_id, f.order_id, f.replacement, l.line, l.paid - (r.ordered - r.cancelled) AS units,
           l.paid * r.unit_price AS whole, (l.paid - (r.ordered - r.cancelled)) * r.unit_price AS part,
           sum(l.paid - least(l.paid, r.ordered - r.cancelled)) OVER w = sum(l.paid) OVER w AS is_all
    FROM refund f JOIN refund_line l USING (refund_id)
    JOIN order_line r ON r.order_id = f.replacement AND r.line = l.line
    WHERE l.paid > 0
    WINDOW w AS (PARTITION BY f.refund_id)
"""

AMOUNTS = """
    UPDATE refund f SET amount = f.amount - c.amount, settled_amount = f.settled_amount - c.amount,
                        shipping = f.shipping - c.shipping
    FROM (SELECT n.refund_id, CASE WHEN n.is_all THEN p.amount ELSE p.amount * n.part / greatest(n.whole, 1) END AS amount,
                 CASE WHEN n.is_all THEN p.shipping ELSE p.shipping * n.part / greatest(n.whole, 1) END AS shipping
          FROM (SELECT refund_id, bool_and(is_all) AS is_all, sum(greatest(part, 0)) AS part, sum(whole) AS whole
                FROM lost GROUP BY refund_id HAVING bool_or(units > 0)) n JOIN refund p USING (refund_id)) c
    WHERE f.refund_id = c.refund_id
"""

LINES = """
    UPDATE refund_line l SET paid = l.paid - n.units FROM lost n
    WHERE n.refund_id = l.refund_id AND n.line = l.line AND n.units > 0
"""

EXCEPTIONS = """
    INSERT INTO exception (exception_id, order_id, code, detail, cause, since, due_at)
    SELECT n.order_id || '-x' || nextval('exception_number'), n.order_id, 'replacement_lost',
           n.replacement || ' did not send ' || n.lines || ', and nothing was paid back for them',
           n.order_id || '|' || n.refund_id || ' was lost before version 0003|0', clock_timestamp(),
           clock_timestamp() + interval '4 hours'
    FROM (SELECT order_id, refund_id, replacement, string_agg(units || ' of line ' || line, ', ' ORDER BY line) AS lines
          FROM lost WHERE units > 0 GROUP BY order_id, refund_id, replacement) n
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_index(
        "ix_refund_replacement",
        "refund",
        ["replacement"],
        postgresql_where=sa.text("replacement IS NOT NULL"),
        unique=False,
    )
    op.create_index(
        "ix_refund_unsettled", "refund", ["asked_at"], postgresql_where=sa.text("settled_at IS NULL"), unique=False
    )
    for statement in (LOST, AMOUNTS, LINES, EXCEPTIONS):
        op.execute(statement)

    op.add_column(
        "waiting",
        sa.Column(
            "network_version",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="the version of the network under which it was last decided what may become of them; 0 = none",
        ),
    )
    op.create_index(
        "ix_waiting_network_version",
        "waiting",
        ["network_version"],
        unique=False,
        postgresql_where=sa.text("awaits = 'stock' OR (awaits = 'person' AND nodes = '{}')"),
    )


def downgrade() -> None:
    op.drop_index("ix_waiting_network_version", table_name="waiting")
    op.drop_column("waiting", "network_version")
    op.drop_index("ix_refund_unsettled", table_name="refund")
    op.drop_index("ix_refund_replacement", table_name="refund", postgresql_where=sa.text("replacement IS NOT NULL"))

"""Shadows, and what forgotten orders' plans say of the way to their customers goes."""

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

DOCUMENTS = "as those of network_version, with the same texts sealed"
COMPARED = "both plans in short, sealed; NULL = they are the same, or it was forgotten"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _make_shadow()
    _make_shadow_round()
    _forget_distances(op.get_bind())


def _make_shadow() -> None:
    op.create_table(
        "shadow",
        sa.Column("shadow", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("documents", postgresql.JSONB(), nullable=False, comment=DOCUMENTS),
        sa.Column("policy_version", sa.Text(), nullable=False, comment="what its policy calls itself"),
        sa.Column("network_version", sa.Integer(), nullable=False, comment="the version that was active when it began"),
        _recorded_at(),
        sa.Column(
            "reached_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="rounds are compared in the sequence in which they were stored",
        ),
        sa.Column("reached_order", sa.Text(), nullable=False, server_default=""),
        sa.Column("reached_round", sa.Integer(), nullable=False, server_default="0"),
        sa.Column(
            "claimed_until",
            sa.DateTime(timezone=True),
            comment="until then one process works on it; NULL = none does",
        ),
        sa.Column("figures", postgresql.JSONB(), nullable=False, comment="the sums over its rounds"),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text(), comment="how it ended; NULL = it has not"),
        sa.Column("promoted_as", sa.Integer(), comment="the version that it became"),
        sa.CheckConstraint("outcome IN ('promoted', 'stopped', 'replaced')", name=op.f("ck_shadow_outcome_is_known")),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_shadow_has_ended_somehow")),
        *(
            sa.ForeignKeyConstraint(
                [column], ["network_version.version"], name=op.f(f"fk_shadow_{column}_network_version")
            )
            for column in ("network_version", "promoted_as")
        ),
        sa.PrimaryKeyConstraint("shadow", name=op.f("pk_shadow")),
    )
    op.create_index(
        "uq_shadow_runs",
        "shadow",
        [sa.text("(ended_at IS NULL)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _make_shadow_round() -> None:
    op.create_table(
        "shadow_round",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("shadow", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("compared", sa.LargeBinary(), comment=COMPARED),
        _recorded_at(),
        sa.CheckConstraint(
            "verdict IN ('same', 'other_figures', 'different', 'impossible')",
            name=op.f("ck_shadow_round_verdict_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "round"], ["plan.order_id", "plan.round"], name=op.f("fk_shadow_round_order_id_plan")
        ),
        sa.ForeignKeyConstraint(["shadow"], ["shadow.shadow"], name=op.f("fk_shadow_round_shadow_shadow")),
        sa.PrimaryKeyConstraint("order_id", "round", "shadow", name=op.f("pk_shadow_round")),
        schema="personal",
    )
    op.create_index(
        "ix_shadow_round_newest",
        "shadow_round",
        ["shadow", "recorded_at"],
        schema="personal",
        postgresql_where=sa.text("verdict IN ('different', 'impossible')"),
    )


def _recorded_at() -> sa.Column[Any]:
    return sa.Column(
        "recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")
    )


ROUNDS = 500
"""Plans that are read at a time."""
READ = """
    SELECT p.order_id, p.round, p.document::text AS document FROM forgotten g JOIN plan p USING (order_id)
    WHERE (p.order_id, p.round) > (:order, :round) ORDER BY p.order_id, p.round LIMIT :limit
"""
WRITE = """
    UPDATE plan p SET document = c.document
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS c(order_id text, round int, document jsonb)
    WHERE (p.order_id, p.round) = (c.order_id, c.round)
"""


def _forget_distances(connection: sa.Connection) -> None:
    """Erase what the plans of orders that were forgotten say of the way to their customers."""
    after = "", 0
    while rows := connection.execute(sa.text(READ), {"order": after[0], "round": after[1], "limit": ROUNDS}).all():
        made = [
            {"order_id": row.order_id, "round": row.round, "document": _without_the_way(json.loads(row.document))}
            for row in rows
        ]
        connection.execute(sa.text(WRITE), {"rows": json.dumps(made)})
        after = rows[-1].order_id, rows[-1].round

    for row in connection.execute(sa.text(READ_PROMISES)).all():
        promise = _rounded(json.loads(row.promise))
        connection.execute(sa.text(WRITE_PROMISE), {"cart": row.cart_id, "promise": json.dumps(promise)})


READ_PROMISES = """
    SELECT c.cart_id, c.promise::text AS promise FROM forgotten g JOIN cart c USING (order_id) WHERE c.promise ? 'shipments'
"""
WRITE_PROMISE = "UPDATE cart SET promise = CAST(:promise AS jsonb) WHERE cart_id = :cart"


def _without_the_way(document: dict[str, Any]) -> dict[str, Any]:
    """`database.forgotten.without_the_way` as it was when this revision was written."""
    made = json.loads(re.sub(r" over \d+ km", " over this distance", json.dumps(document | {"nodes_beside": {}})))
    beside: dict[str, int] = {}
    for reason, count in document.get("nodes_beside", {}).items():
        words = re.sub(r" over \d+ km", " over this distance", reason)
        beside[words] = beside.get(words, 0) + count
    made["shipments"] = [one | {"distance_km": None} for one in made["shipments"]]
    return _rounded(made) | {
        "nodes": [one | {"distance_km": None, "cost": None} for one in made["nodes"]],
        "nodes_beside": beside,
        "runners_up": [one | {"distance_km": None, "cost": None} for one in made["runners_up"]],
        "forgotten": True,
    }


def _rounded(document: dict[str, Any]) -> dict[str, Any]:
    costs = [round(one["cost"], min(0, 2 - len(str(one["cost"])))) for one in document["shipments"]]
    shipments = [one | {"cost": cost} for one, cost in zip(document["shipments"], costs, strict=True)]
    return document | {"shipments": shipments, "cost": sum(costs)}


def downgrade() -> None:
    op.drop_table("shadow_round", schema="personal")
    op.drop_table("shadow")

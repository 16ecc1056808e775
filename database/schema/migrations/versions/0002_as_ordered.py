"""A line keeps what it was ordered as: components, weight and terms of return.

Lines of bundles that were ordered before get the components of the version that they were first planned under, or that was
active when they came: while an order was open, its bundles could not change. Weight and terms of older lines are not kept;
for them the network of now holds, as it did before.
"""

import csv
import io
import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VERSIONS = "SELECT version, documents ->> 'items' AS items FROM network_version ORDER BY version"

FILL = """
    WITH bundle AS (
        SELECT * FROM jsonb_to_recordset(CAST(:bundles AS jsonb)) AS b(version int, until int, sku text, components jsonb)
    ), ordered AS (
        SELECT o.order_id, coalesce(
            (SELECT p.network_version FROM plan p WHERE p.order_id = o.order_id ORDER BY p.round LIMIT 1),
            (SELECT max(v.version) FROM network_version v WHERE v.recorded_at <= o.received_at),
            (SELECT min(v.version) FROM network_version v)) AS version
        FROM orders o
    )
    UPDATE order_line l SET components = b.components
    FROM ordered o, bundle b
    WHERE l.order_id = o.order_id AND b.sku = l.sku AND b.version <= o.version AND (b.until IS NULL OR o.version < b.until)
"""


def upgrade() -> None:
    # A migration that waits for a lock stops the world behind it; better that it fails and is tried again.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "order_line",
        sa.Column(
            "components",
            postgresql.JSONB(astext_type=sa.Text()),
            comment="of a bundle, as it was ordered: units in one, by stocked SKU",
        ),
    )
    op.add_column(
        "order_line",
        sa.Column(
            "weight_g", sa.Integer(), comment="as it was ordered; NULL = it was ordered before weights were kept"
        ),
    )
    op.add_column(
        "order_line",
        sa.Column(
            "terms",
            postgresql.JSONB(astext_type=sa.Text()),
            comment="its terms of return as the policy said when the order came, but for the window; NULL = not kept then",
        ),
    )
    op.alter_column(
        "network_version",
        "documents",
        comment="nodes.toml, policy.toml, items.csv and buffers.csv as they were applied, and what was retired by then",
    )
    connection = op.get_bind()
    versions = [(row.version, _bundles(row.items or "")) for row in connection.execute(sa.text(VERSIONS))]
    if spells := _spells(versions):
        connection.execute(sa.text(FILL), {"bundles": json.dumps(spells)})


def _bundles(items: str) -> dict[str, dict[str, int]]:
    """The components of each bundle in an items.csv that was applied, so that it has no mistakes."""
    rows = csv.DictReader(io.StringIO(items.removeprefix("\ufeff"), newline=""))
    pairs = {row["sku"]: [word.rpartition("*") for word in (row["components"] or "").split()] for row in rows}
    return {sku: {part: int(count) for part, _, count in parts} for sku, parts in pairs.items() if parts}


def _spells(versions: list[tuple[int, dict[str, dict[str, int]]]]) -> list[dict[str, object]]:
    """From which version on, and until before which one, a bundle had the same components."""
    spells: list[dict[str, object]] = []
    current: dict[str, dict[str, object]] = {}
    for version, bundles in versions:
        for sku in [sku for sku, spell in current.items() if bundles.get(sku) != spell["components"]]:
            current.pop(sku)["until"] = version
        for sku, components in bundles.items():
            if sku not in current:
                current[sku] = {"version": version, "until": None, "sku": sku, "components": components}
                spells.append(current[sku])
    return spells

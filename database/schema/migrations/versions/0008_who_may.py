"""Who placed holds, pauses and stop-sales; where an exchange goes; secrets sealed and idempotency keys hashed."""

import base64
import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

from database.sealing import COMMON, Key, Vault

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROWS = 5_000
"""Idempotency keys that one statement replaces."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    _say_who_decided()
    op.add_column("return", sa.Column("pickup_node", sa.Text(), comment=PICKUP_NODE))
    op.add_column("return", sa.Column("request_id", sa.BigInteger(), comment=REQUEST_ID))
    connection = op.get_bind()
    key = _common_key(connection)
    _seal_webhooks(connection, key)
    _seal_nodes(connection, key)
    for table, name in (("request", "request_id"), ("cart", "cart_id")):
        _hash_idempotency_keys(connection, key, table, name)
        op.alter_column(table, "idempotency_key", existing_type=sa.Text(), comment=IDEMPOTENCY_KEY)


PICKUP_NODE = "where its exchange is collected, as the request says; NULL = it says nothing"
REQUEST_ID = "the request that names where its exchange goes, in personal.new_address; NULL = it names no address"
IDEMPOTENCY_KEY = "a keyed hash of it: equal for equal keys of one asker"
BY = (
    ("hold", "is_by_channel", "the order's channel placed it, and may take it off"),
    ("stop", "is_by_node", "its node stopped it, and may lift it"),
    ("node_pause", "is_by_node", "it paused itself, and may resume"),
)


def _say_who_decided() -> None:
    """The request with the same remark says whose key was used; a hold without a request came with its order."""
    for table, column, comment in BY:
        no = sa.text("false")
        op.add_column(table, sa.Column(column, sa.Boolean(), server_default=no, nullable=False, comment=comment))
    for table, kind in (("stop", "stop"), ("node_pause", "pause")):
        op.execute(
            f"""
            UPDATE {table} t SET is_by_node = true FROM request r
            WHERE r.kind = '{kind}' AND r.remark = t.remark AND r.asker LIKE 'node:%'
            """
        )
    op.execute(
        """
        UPDATE hold h SET is_by_channel = true
        WHERE NOT is_by_policy AND remark IS NOT NULL
          AND NOT EXISTS (SELECT FROM request r WHERE r.order_id = h.order_id AND r.kind = 'hold' AND r.remark = h.remark
                                                  AND r.asker NOT LIKE 'channel:%')
        """
    )


def _common_key(connection: sa.Connection) -> Callable[[], Key]:
    """The key that seals; it is opened only where there is something to seal."""

    def open_it() -> Key:
        vault: Vault = connection.get_execution_options()["vault"]
        wrapped = connection.scalar(sa.text("SELECT wrapped FROM personal.key WHERE owner = :owner"), {"owner": COMMON})
        return Key(COMMON, vault.master_keys.unwrap(wrapped, COMMON))

    return open_it


def _seal_webhooks(connection: sa.Connection, key: Callable[[], Key]) -> None:
    """TRUNCATE gives the table a new file, so that what was in clear does not stay in the old one."""
    names = "channel, url, secret, previous_secret, previous_until, failed_at, failure, recorded_at"
    rows = [dict(row._mapping) for row in connection.execute(sa.text(f"SELECT {names} FROM webhook"))]
    op.execute("TRUNCATE webhook")
    for column in ("url", "secret", "previous_secret"):
        op.drop_column("webhook", column)
    sealed = "url, secret and previous_secret, sealed with the common key"
    op.add_column("webhook", sa.Column("sealed", sa.LargeBinary(), nullable=False, comment=sealed))
    until = "how long the previous secret signs along"
    op.alter_column("webhook", "previous_until", existing_type=sa.DateTime(timezone=True), comment=until)
    for row in rows:
        secrets = {name: row.pop(name) for name in ("url", "secret", "previous_secret")}
        row["sealed"] = key().seal("webhook", secrets)
    if rows:
        connection.execute(
            sa.text(
                """
                INSERT INTO webhook (channel, sealed, previous_until, failed_at, failure, recorded_at)
                VALUES (:channel, :sealed, :previous_until, :failed_at, :failure, :recorded_at)
                """
            ),
            rows,
        )


def _seal_nodes(connection: sa.Connection, key: Callable[[], Key]) -> None:
    comment = (
        "nodes.toml, policy.toml, items.csv and buffers.csv as they were applied, and what was retired by then; the "
        "texts about nodes are sealed, because they have secrets"
    )
    op.alter_column("network_version", "documents", existing_type=sa.JSON(), comment=comment)
    rows = connection.execute(sa.text("SELECT version, documents ->> 'nodes' AS nodes FROM network_version")).all()
    for row in rows:
        sealed = json.dumps(base64.b64encode(key().seal("nodes", {"text": row.nodes})).decode())
        connection.execute(
            sa.text(
                """
                UPDATE network_version SET documents = jsonb_set(documents, '{nodes}', CAST(:sealed AS jsonb))
                WHERE version = :version
                """
            ),
            {"version": row.version, "sealed": sealed},
        )


def _hash_idempotency_keys(connection: sa.Connection, key: Callable[[], Key], table: str, name: str) -> None:
    found = f"SELECT {name} AS id, asker, idempotency_key FROM {table} WHERE idempotency_key IS NOT NULL"
    rows = connection.execute(sa.text(found)).all()
    common = key() if rows else None
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        hashed: dict[str, Any] = {
            "ids": [row.id for row in some],
            "hashes": [common.fingerprint(f"idempotency {row.asker} {row.idempotency_key}") for row in some if common],
        }
        kind = "bigint" if name == "request_id" else "text"
        connection.execute(
            sa.text(
                f"""
                UPDATE {table} t SET idempotency_key = n.hash
                FROM unnest(CAST(:ids AS {kind}[]), CAST(:hashes AS text[])) AS n(id, hash) WHERE t.{name} = n.id
                """
            ),
            hashed,
        )

"""Orders, returns and the ledger are found by what people ask for, and say when they last changed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from database.customer import digests_by
from database.sealing import COMMON, Key, Vault
from domain.order import Address

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ORDERS = 5_000
"""Orders whose addresses are opened at a time."""


def upgrade() -> None:
    """What takes long comes first: as long as the addresses are read, orders cannot be written, but they can be read."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    _make_customer_keys()
    _find_customers(op.get_bind())
    _say_when_it_changed()
    op.add_column("inbox", sa.Column("remark", sa.BigInteger(), comment="its reason, in personal.remark"))
    _make_indexes()


def _make_customer_keys() -> None:
    op.create_table(
        "customer_key",
        sa.Column(
            "digest",
            sa.LargeBinary(),
            nullable=False,
            comment="a keyed hash of a mail address, a phone number or a name",
        ),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when its order was received, so that the newest comes first",
        ),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_customer_key_order_id_orders")),
        sa.PrimaryKeyConstraint("digest", "received_at", "order_id", name=op.f("pk_customer_key")),
        schema="personal",
    )
    op.execute("LOCK TABLE personal.recipient IN SHARE MODE")


def _find_customers(connection: sa.Connection) -> None:
    """Open the address of every order that was not forgotten, and store the keyed hashes of who it is for."""
    vault: Vault = connection.get_execution_options()["vault"]
    common: Key | None = None
    after = ""
    while rows := connection.execute(sa.text(SEALED), {"after": after, "common": COMMON, "limit": ORDERS}).all():
        common = common or Key(COMMON, vault.master_keys.unwrap(rows[0].common, COMMON))
        found = [
            (digest, row.received_at, row.order_id)
            for row in rows
            for digest in digests_by(common, _address(vault, row))
        ]
        if found:
            names = ("digests", "times", "orders")
            connection.execute(sa.text(INSERT), dict(zip(names, map(list, zip(*found, strict=True)), strict=True)))
        after = rows[-1].order_id
    op.create_index("ix_customer_key_order", "customer_key", ["order_id"], schema="personal")


def _address(vault: Vault, row: Any) -> Address:
    """An address as it was accepted; what is accepted today does not matter."""
    key = Key(row.order_id, vault.master_keys.unwrap(row.wrapped, row.order_id))
    return Address.model_construct(**key.open("address", row.ship_to))


SEALED = """
    SELECT r.order_id, r.ship_to, k.wrapped, o.received_at, c.wrapped AS common
    FROM personal.recipient r JOIN personal.key k ON k.owner = r.order_id JOIN orders o USING (order_id)
    JOIN personal.key c ON c.owner = :common
    WHERE r.order_id > :after ORDER BY r.order_id LIMIT :limit
"""
INSERT = """
    INSERT INTO personal.customer_key (digest, received_at, order_id)
    SELECT * FROM unnest(CAST(:digests AS bytea[]), CAST(:times AS timestamptz[]), CAST(:orders AS text[]))
"""


def _say_when_it_changed() -> None:
    """What there is counts as changed now: who follows changes reads it once more, and misses nothing.

    A default that is the same for all rows rewrites no table.
    """
    for table in ("orders", "return"):
        moment = sa.DateTime(timezone=True)
        default, own = sa.text("now()"), sa.text("clock_timestamp()")
        comment = "when its version last changed"
        op.add_column(table, sa.Column("updated_at", moment, server_default=default, nullable=False, comment=comment))
        op.alter_column(table, "updated_at", existing_type=moment, server_default=own)


def _make_indexes() -> None:
    op.create_index("ix_orders_received", "orders", ["received_at", "order_id"])
    op.create_index("ix_orders_channel", "orders", ["channel", "received_at", "order_id"])
    op.drop_index("ix_orders_open", "orders")
    op.create_index(
        "ix_orders_open", "orders", ["received_at", "order_id"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("ix_orders_placed", "orders", ["placed_at"])
    op.create_index("ix_orders_updated", "orders", ["updated_at"])
    op.create_index("ix_orders_number", "orders", [sa.text("lower(number)")])
    op.create_index(
        "ix_orders_reference",
        "orders",
        [sa.text("lower(reference)")],
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.create_index("ix_order_line_sku", "order_line", ["sku", "order_id"])
    op.create_index("ix_return_updated", "return", ["updated_at"])
    op.create_index("ix_movement_sku", "movement", ["sku", "movement_id"])
    op.create_index("ix_hold_order", "hold", ["order_id"])
    op.create_index("ix_event_order", "event", ["order_id", "transaction_id", "event_id"])
    op.drop_index("ix_exception_open", "exception")
    op.create_index(
        "ix_exception_open", "exception", ["since", "exception_id"], postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.create_index("ix_exception_since", "exception", ["since", "exception_id"])

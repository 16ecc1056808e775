"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # As long as it is: one list of tables, made from `database/tables.py`; a test compares the two. No code decides here.
    # A migration that waits for a lock stops the world behind it; better that it fails and is tried again.
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("CREATE SCHEMA personal")
    op.execute("CREATE SEQUENCE exception_number")

    op.create_table(
        "inbox",
        sa.Column("sender", sa.Text(), nullable=False, comment="the node that the message is from or about"),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False, comment="a fulfillment order, a return, or `stock`"),
        sa.Column("body_digest", sa.Text(), nullable=False, comment="what is compared when the id comes again"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="the message without free text"
        ),
        sa.PrimaryKeyConstraint("sender", "message_id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_about", "inbox", ["about"], unique=False)
    op.create_table(
        "node_day",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the node's local day"),
        sa.Column(
            "claimed",
            sa.Integer(),
            nullable=False,
            comment="the sum of the claims: a fact may go beyond the capacity",
        ),
        sa.CheckConstraint("claimed >= 0", name=op.f("ck_node_day_claimed_is_not_negative")),
        sa.PrimaryKeyConstraint("node", "day", name=op.f("pk_node_day")),
    )
    op.create_table(
        "incoming",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False, comment="the node's message that announced it"),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_incoming_some_units")),
        sa.PrimaryKeyConstraint("node", "message_id", "sku", name=op.f("pk_incoming")),
    )
    op.create_index("ix_incoming_sku", "incoming", ["sku", "node"], unique=False)
    op.create_table(
        "key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="the channel or node that it speaks for"),
        sa.Column("hash", sa.Text(), nullable=False, comment="sha256 of the key; the key itself is nowhere"),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('operator', 'channel', 'node')", name=op.f("ck_key_kind_is_known")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_key_hash")),
    )
    op.create_table(
        "webhook",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False, comment="what calls are signed with, so it cannot be a hash"),
        sa.Column("previous_secret", sa.Text(), nullable=True, comment="signs along until previous_until"),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "failed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the channel last did not take an event",
        ),
        sa.Column(
            "failure", sa.Text(), nullable=True, comment="why: a status, or the kind of error; no address, no body"
        ),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_webhook")),
    )
    op.create_table(
        "movement",
        sa.Column("movement_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="the business key: the same movement twice is one movement"
        ),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("set_aside", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=True, comment="why units were set aside, where that changed"),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False, comment="what made it: a plan's round, a message, a request"),
        sa.Column("actor", sa.Text(), nullable=False, comment="workflow, or the kind of key and its id"),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "kind IN ('received', 'counted', 'adjusted', 'reserved', 'allocated', 'freed', 'shipped', 'short', 'restocked', 'moved')",
            name=op.f("ck_movement_kind_is_known"),
        ),
        sa.PrimaryKeyConstraint("movement_id", name=op.f("pk_movement")),
        sa.UniqueConstraint("key", name=op.f("uq_movement_key")),
    )
    op.create_index(
        "ix_movement_arrived",
        "movement",
        ["node", "sku", "occurred_at"],
        unique=False,
        postgresql_where=sa.text("on_hand > 0"),
    )
    op.create_index("ix_movement_node_sku", "movement", ["node", "sku", "occurred_at"], unique=False)
    op.create_index("ix_movement_order", "movement", ["order_id"], unique=False)
    op.create_index(
        "ix_movement_state", "movement", ["node", "sku"], unique=False, postgresql_where=sa.text("state IS NOT NULL")
    )
    op.create_table(
        "network_version",
        sa.Column("version", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "documents",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="nodes.toml, policy.toml and items.csv as they were applied",
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_network_version")),
    )
    op.create_index(
        "uq_network_version_active",
        "network_version",
        ["is_active"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column(
            "body_digest",
            sa.Text(),
            nullable=False,
            comment="fingerprint of the channel's body; empty once it was forgotten",
        ),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("postal_area", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("customer_tier", sa.Text(), nullable=False),
        sa.Column("ship_complete", sa.Text(), nullable=True),
        sa.Column("pickup_node", sa.Text(), nullable=True),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=False, comment="goods after discounts, minor units"),
        sa.Column("shipping_price", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=True),
        sa.Column(
            "release_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="grace period or not_before, whichever is later",
        ),
        sa.Column(
            "return_window",
            sa.Interval(),
            nullable=False,
            comment="the longest of its lines",
        ),
        sa.Column(
            "version",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="0 until the workflow has acted once",
        ),
        sa.Column("promise_ship_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("promise_deliver_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "looked_after_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the relay last saw to it that its workflow runs",
        ),
        sa.CheckConstraint(
            "(promise_ship_by IS NULL) = (promise_deliver_by IS NULL)", name=op.f("ck_orders_promise_is_whole")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("channel", "number", name=op.f("uq_orders_channel_number")),
    )
    op.create_index(
        "ix_orders_open", "orders", ["order_id"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(
        "ix_orders_unstarted", "orders", ["received_at"], unique=False, postgresql_where=sa.text("version = 0")
    )
    op.create_table(
        "stock",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column(
            "on_hand",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="a fact: may be below what is promised",
        ),
        sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("allocated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "set_aside", sa.BigInteger(), server_default="0", nullable=False, comment="on hand, and not to be sold"
        ),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the goods were last counted, by the counter's clock",
        ),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True, comment="since when nothing of it is sold"),
        sa.Column(
            "short_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when fewer are on hand than are promised, pinned units among them",
        ),
        sa.Column(
            "offered_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when its units are offered to the orders that wait, and to nobody else",
        ),
        sa.Column(
            "rejected_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when its node rejected it or found it short; NULL = never, or it has told of it since",
        ),
        sa.CheckConstraint("allocated >= 0", name=op.f("ck_stock_allocated_is_not_negative")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_stock_reserved_is_not_negative")),
        sa.PrimaryKeyConstraint("node", "sku", name=op.f("pk_stock")),
    )
    op.create_index(
        "ix_stock_offered", "stock", ["sku", "node"], unique=False, postgresql_where=sa.text("offered_at IS NOT NULL")
    )
    op.create_index(
        "ix_stock_short", "stock", ["sku", "node"], unique=False, postgresql_where=sa.text("short_at IS NOT NULL")
    )
    op.create_index("ix_stock_sku", "stock", ["sku", "node"], unique=False)
    op.create_table(
        "stop",
        sa.Column("stop_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True, comment="where nothing is sold; NULL = everywhere"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remark", sa.BigInteger(), nullable=True, comment="who stopped the sale and why, in personal.remark"),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.BigInteger(), nullable=True, comment="who lifted it and why, in personal.remark"),
        sa.PrimaryKeyConstraint("stop_id", name=op.f("pk_stop")),
    )
    op.create_index(
        "uq_stop_standing",
        "stop",
        ["sku", sa.literal_column("coalesce(node, '')")],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "node_pause",
        sa.Column("pause_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open_work", sa.Text(), nullable=False, comment="keep, or reroute"),
        sa.Column(
            "cleared_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when nothing of its open work was left that could be rerouted",
        ),
        sa.Column("remark", sa.BigInteger(), nullable=True, comment="who paused it and why, in personal.remark"),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.BigInteger(), nullable=True, comment="who resumed it and why, in personal.remark"),
        sa.CheckConstraint("open_work IN ('keep', 'reroute')", name=op.f("ck_node_pause_open_work_is_known")),
        sa.PrimaryKeyConstraint("pause_id", name=op.f("pk_node_pause")),
    )
    op.create_index(
        "uq_node_pause_standing",
        "node_pause",
        ["node"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "capacity_claim",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="the node's local day"),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="fulfillment orders, planned or released"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_capacity_claim_some_capacity")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_capacity_claim_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "node", "day", name=op.f("pk_capacity_claim")),
    )
    op.create_table(
        "cart",
        sa.Column("cart_id", sa.Text(), nullable=False, comment="what the channel calls a reservation"),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False, comment="whose key was shown, as in `channel:web`"),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column("promise", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="what was answered"),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True, comment="the order that it became"),
        sa.Column("given_back_at", sa.DateTime(timezone=True), nullable=True, comment="when the channel gave it back"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_cart_order_id_orders")),
        sa.PrimaryKeyConstraint("cart_id", name=op.f("pk_cart")),
        sa.UniqueConstraint("asker", "idempotency_key", name=op.f("uq_cart_asker_idempotency_key")),
        sa.UniqueConstraint("order_id", name=op.f("uq_cart_order_id")),
    )
    op.create_table(
        "fulfillment_order",
        sa.Column("fulfillment_order_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("dispatch", sa.Text(), nullable=False, comment="how the node learns of it: it polls, or is called"),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deliver_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pick_final", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ship_final", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "shipped_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the last of what left has left",
        ),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assumed_delivered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "delivery_failed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it could not be delivered, until a person has seen to that",
        ),
        sa.Column(
            "dead_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the attempt was given up; what it may still have is in doubt",
        ),
        sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "asked_for_all",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="its node was asked to stop all of it, not only what the customer cancelled",
        ),
        sa.Column("ship_clock_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated", sa.Text(), nullable=True, comment="the wait that a person has taken over"),
        sa.Column(
            "patience_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when its node has its time anew, after a person talked to it",
        ),
        sa.Column("pickup", sa.Boolean(), nullable=False, comment="the customer collects it, as its node was told"),
        sa.Column(
            "reminded_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when half of the customer's time to collect was over",
        ),
        sa.Column(
            "uncollected_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the customer's time to collect was over",
        ),
        sa.Column(
            "at_risk_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a person was told that it may not leave in time",
        ),
        sa.Column("waiting_for", sa.Text(), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "reason_remark", sa.BigInteger(), nullable=True, comment="the node's last reason, in personal.remark"
        ),
        sa.CheckConstraint(
            "(waiting_for IS NULL) = (deadline IS NULL)", name=op.f("ck_fulfillment_order_a_wait_has_a_deadline")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_fulfillment_order_order_id_orders")),
        sa.PrimaryKeyConstraint("fulfillment_order_id", name=op.f("pk_fulfillment_order")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_fulfillment_order_order_id_number")),
    )
    op.create_index(
        "ix_fulfillment_order_deadline",
        "fulfillment_order",
        ["deadline"],
        unique=False,
        postgresql_where=sa.text("deadline IS NOT NULL"),
    )
    op.create_index(
        "ix_fulfillment_order_node", "fulfillment_order", ["node", "released_at", "fulfillment_order_id"], unique=False
    )
    op.create_table(
        "hold",
        sa.Column("hold_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("hold", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True, comment="who takes it off, as the policy said when it was placed"),
        sa.Column(
            "stock",
            sa.Text(),
            nullable=False,
            comment="whether the order's units stay reserved, or wait for the hold to be off",
        ),
        sa.Column("is_by_policy", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remark", sa.BigInteger(), nullable=True, comment="who placed it and why, in personal.remark"),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.BigInteger(), nullable=True, comment="who released it and why, in personal.remark"),
        sa.CheckConstraint("stock IN ('reserve', 'wait')", name=op.f("ck_hold_stock_is_known")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_hold_order_id_orders")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold")),
    )
    op.create_index(
        "uq_hold_open", "hold", ["order_id", "hold"], unique=True, postgresql_where=sa.text("released_at IS NULL")
    )
    op.create_table(
        "order_line",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column(
            "return_window",
            sa.Interval(),
            nullable=True,
            comment="from delivery, as the policy said when the order came; NULL = final sale",
        ),
        sa.Column("ordered", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("backordered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reserved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("allocated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "least(open, backordered, reserved, allocated, shipped, cancelled) >= 0",
            name=op.f("ck_order_line_no_bucket_is_negative"),
        ),
        sa.CheckConstraint(
            "open + backordered + reserved + allocated + shipped + cancelled = ordered",
            name=op.f("ck_order_line_every_unit_in_one_bucket"),
        ),
        sa.CheckConstraint("ordered > 0", name=op.f("ck_order_line_something_is_ordered")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_order_line_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_order_line")),
    )
    op.create_table(
        "forgotten",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "remark",
            sa.BigInteger(),
            nullable=True,
            comment="who asked for it and why, in personal.remark, sealed with the common key",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_forgotten_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_forgotten")),
    )
    op.create_table(
        "key",
        sa.Column("owner", sa.Text(), nullable=False, comment="an order; `-` = what is about no order"),
        sa.Column(
            "wrapped",
            sa.LargeBinary(),
            nullable=False,
            comment="the key, sealed with a master key that is not here",
        ),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_key")),
        schema="personal",
    )
    op.create_table(
        "recipient",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("ship_to", sa.LargeBinary(), nullable=False, comment="the address, sealed"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_recipient_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_recipient")),
        schema="personal",
    )
    op.create_table(
        "remark",
        sa.Column("remark_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True, comment="whose key has sealed it; NULL = the common one"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="actor and reason"),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_remark_order_id_orders")),
        sa.PrimaryKeyConstraint("remark_id", name=op.f("pk_remark")),
        schema="personal",
    )
    op.create_index("ix_remark_order", "remark", ["order_id"], unique=False, schema="personal")
    op.create_table(
        "plan",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("network_version", sa.Integer(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column(
            "document",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the decision with its explanation",
        ),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["network_version"], ["network_version.version"], name=op.f("fk_plan_network_version_network_version")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_plan_order_id_orders")),
        sa.PrimaryKeyConstraint("order_id", "round", name=op.f("pk_plan")),
    )
    op.create_table(
        "request",
        sa.Column("request_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False, comment="whose key was shown, as in `channel:web`"),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="the body without free text"
        ),
        sa.Column("remark", sa.BigInteger(), nullable=True, comment="actor and reason, in personal.remark"),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "answer",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what was done; written in the transaction that did it",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_request_order_id_orders")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request")),
        sa.UniqueConstraint("asker", "idempotency_key", name=op.f("uq_request_asker_idempotency_key")),
    )
    op.create_index(
        "ix_request_order", "request", ["order_id"], unique=False, postgresql_where=sa.text("order_id IS NOT NULL")
    )
    op.create_table(
        "new_address",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column(
            "ship_to",
            sa.LargeBinary(),
            nullable=False,
            comment="where somebody asked to send the order instead, sealed",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_new_address_order_id_orders")),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_new_address_request_id_request")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_new_address")),
        schema="personal",
    )
    op.create_index("ix_new_address_order", "new_address", ["order_id"], unique=False, schema="personal")
    op.create_table(
        "return",
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column(
            "node", sa.Text(), nullable=True, comment="where it should go; NULL = wherever the customer takes it"
        ),
        sa.Column("fee", sa.BigInteger(), server_default="0", nullable=False, comment="kept back once, minor units"),
        sa.Column(
            "parcel", sa.Text(), nullable=True, comment="the message of the last parcel that came without naming it"
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("authorized_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when nothing has come back by then, it expires",
        ),
        sa.Column(
            "reminders",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="since it last heard of its parcel",
        ),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the customer gave the parcel to a carrier",
        ),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "looked_after_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the relay last saw to it that its workflow runs",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_return_order_id_orders")),
        sa.PrimaryKeyConstraint("return_id", name=op.f("pk_return")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_return_order_id_number")),
    )
    op.create_index("ix_return_requested", "return", ["requested_at", "return_id"], unique=False)
    op.create_index(
        "ix_return_open",
        "return",
        ["requested_at"],
        unique=False,
        postgresql_where=sa.text("coalesce(closed_at, cancelled_at, declined_at, expired_at) IS NULL"),
    )
    op.create_table(
        "wake",
        sa.Column("wake_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp() + interval '2 seconds'"),
            nullable=False,
            comment="when a relay sends it, unless it was sent before by who wrote it",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_wake_order_id_orders")),
        sa.PrimaryKeyConstraint("wake_id", name=op.f("pk_wake")),
    )
    op.create_index("ix_wake_of_workflow", "wake", ["workflow_id", "wake_id"], unique=False)
    op.create_table(
        "event",
        sa.Column(
            "transaction_id",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
            comment="what wrote it: readers pass no transaction that is still open",
        ),
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "data",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="ids, SKUs, quantities, dates, tracking numbers: nothing of a person",
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the channel's webhook is to be called; NULL = it is not to be called any more",
        ),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "given_up_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the channel had not taken it for too long; NULL = it was not given up",
        ),
        sa.Column(
            "retried_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when somebody last asked to have it tried anew; its time began again then",
        ),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_event_order_id_orders")),
        sa.PrimaryKeyConstraint("transaction_id", "event_id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_channel", "event", ["channel", "transaction_id", "event_id"], unique=False)
    op.create_index(
        "ix_event_shipped", "event", ["order_id"], unique=False, postgresql_where=sa.text("kind = 'shipped'")
    )
    op.create_index(
        "ix_event_due", "event", ["channel", "due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index(
        "ix_event_order_due",
        "event",
        ["order_id", "event_id"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_event_given_up",
        "event",
        ["channel", "given_up_at"],
        unique=False,
        postgresql_where=sa.text("given_up_at IS NOT NULL"),
    )
    op.create_table(
        "cart_unit",
        sa.Column("cart_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="infinity once an order has it"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_cart_unit_some_units")),
        sa.ForeignKeyConstraint(["cart_id"], ["cart.cart_id"], name=op.f("fk_cart_unit_cart_id_cart")),
        sa.PrimaryKeyConstraint("cart_id", "node", "sku", name=op.f("pk_cart_unit")),
    )
    op.create_index("ix_cart_unit_expires_at", "cart_unit", ["expires_at"], unique=False)
    op.create_index("ix_cart_unit_shelf", "cart_unit", ["node", "sku", "expires_at"], unique=False)
    op.create_table(
        "exception",
        sa.Column("exception_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("fulfillment_order_id", sa.Text(), nullable=True),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, comment="made by us, without free text of others"),
        sa.Column("cause", sa.Text(), nullable=False, comment="what opened it"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="when a person should have looked"),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "resolved_by", sa.BigInteger(), nullable=True, comment="the remark of who resolved it, in personal.remark"
        ),
        sa.Column(
            "owner",
            sa.Text(),
            nullable=True,
            comment="who sees to it since a person said so; NULL = as the policy says for its code",
        ),
        sa.Column(
            "assigned_by",
            sa.BigInteger(),
            nullable=True,
            comment="the remark of who gave it to its owner, in personal.remark",
        ),
        sa.Column(
            "escalated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was told once more, because nobody had resolved it",
        ),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_order.fulfillment_order_id"],
            name=op.f("fk_exception_fulfillment_order_id_fulfillment_order"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_exception_order_id_orders")),
        sa.PrimaryKeyConstraint("exception_id", name=op.f("pk_exception")),
        sa.UniqueConstraint("code", "cause", name=op.f("uq_exception_code_cause")),
    )
    op.create_index(
        "ix_exception_open", "exception", ["since"], unique=False, postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.create_index("ix_exception_order", "exception", ["order_id"], unique=False)
    op.create_table(
        "fulfillment_order_line",
        sa.Column("fulfillment_order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("tried", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("told_picked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told_ready", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told_shipped", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told_delivered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("freed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("replaced", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancel_wanted", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "picked", sa.Integer(), server_default="0", nullable=False, comment="a count computed from what was told"
        ),
        sa.Column(
            "shipped", sa.Integer(), server_default="0", nullable=False, comment="a count computed from what was told"
        ),
        sa.Column(
            "delivered", sa.Integer(), server_default="0", nullable=False, comment="a count computed from what was told"
        ),
        sa.Column(
            "short", sa.Integer(), server_default="0", nullable=False, comment="a count computed from what was told"
        ),
        sa.Column(
            "surplus",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="a count computed from what was told",
        ),
        sa.Column(
            "in_doubt", sa.Integer(), server_default="0", nullable=False, comment="a count computed from what was told"
        ),
        sa.CheckConstraint(
            "least(picked, shipped, delivered, short, surplus, in_doubt) >= 0 AND delivered <= shipped AND picked <= quantity",
            name=op.f("ck_fulfillment_order_line_counts_make_sense"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_fulfillment_order_line_some_units")),
        sa.CheckConstraint("shipped + short <= quantity", name=op.f("ck_fulfillment_order_line_no_unit_twice")),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_order.fulfillment_order_id"],
            name=op.f("fk_fulfillment_order_line_fulfillment_order_id_fulfillment_order"),
        ),
        sa.PrimaryKeyConstraint("fulfillment_order_id", "line", name=op.f("pk_fulfillment_order_line")),
    )
    op.create_table(
        "package",
        sa.Column("fulfillment_order_id", sa.Text(), nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["fulfillment_order_id"],
            ["fulfillment_order.fulfillment_order_id"],
            name=op.f("fk_package_fulfillment_order_id_fulfillment_order"),
        ),
        sa.PrimaryKeyConstraint("fulfillment_order_id", "package", name=op.f("pk_package")),
    )
    op.create_table(
        "reservation",
        sa.Column("reservation_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tried", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("ship_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deliver_by", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservation_some_units")),
        sa.ForeignKeyConstraint(
            ["order_id", "line"],
            ["order_line.order_id", "order_line.line"],
            name=op.f("fk_reservation_order_id_order_line"),
        ),
        sa.PrimaryKeyConstraint("reservation_id", name=op.f("pk_reservation")),
    )
    op.create_index("ix_reservation_node", "reservation", ["node"], unique=False)
    op.create_index("ix_reservation_order", "reservation", ["order_id", "line"], unique=False)
    op.create_table(
        "return_line",
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="a word of the policy's list; what was typed is in personal.remark",
        ),
        sa.Column(
            "exchange_for",
            sa.Text(),
            nullable=True,
            comment="the SKU that the customer wants instead; NULL = the same",
        ),
        sa.Column(
            "unit_fee",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="kept back for each unit, minor units",
        ),
        sa.Column("refund_on", sa.Text(), nullable=False, comment="what the customer has to do to be paid"),
        sa.Column("told_received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "received",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="a count: at least what was graded",
        ),
        sa.Column(
            "graded", sa.BigInteger(), server_default="0", nullable=False, comment="a count: the units of its lots"
        ),
        sa.Column(
            "returned",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="a count: of the line itself, as announced",
        ),
        sa.CheckConstraint("graded <= received", name=op.f("ck_return_line_graded_is_received")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_return_line_some_units")),
        sa.CheckConstraint("returned <= quantity", name=op.f("ck_return_line_returned_is_announced")),
        sa.ForeignKeyConstraint(["return_id"], ["return.return_id"], name=op.f("fk_return_line_return_id_return")),
        sa.PrimaryKeyConstraint("return_id", "line", name=op.f("pk_return_line")),
    )
    op.create_table(
        "claim",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_claim_order_id_orders")),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_claim")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_claim_order_id_number")),
    )
    op.create_table(
        "claim_line",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_claim_line_some_units")),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.claim_id"], name=op.f("fk_claim_line_claim_id_claim")),
        sa.PrimaryKeyConstraint("claim_id", "line", name=op.f("pk_claim_line")),
    )
    op.create_table(
        "evidence",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column(
            "evidence", sa.LargeBinary(), nullable=False, comment="what the carrier or the customer has to show, sealed"
        ),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.claim_id"], name=op.f("fk_evidence_claim_id_claim")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_evidence_order_id_orders")),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_evidence")),
        schema="personal",
    )
    op.create_table(
        "refund",
        sa.Column(
            "refund_id", sa.Text(), nullable=False, comment="what tells the channel a repeat from another refund"
        ),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("return_id", sa.Text(), nullable=True),
        sa.Column("claim_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="what the channel was asked to pay, minor units"),
        sa.Column("shipping", sa.BigInteger(), nullable=False, comment="of the amount, what shipping had cost"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_amount", sa.BigInteger(), nullable=True, comment="what the channel says that it paid"),
        sa.Column("replacement", sa.Text(), nullable=True, comment="the order that the customer gets for it"),
        sa.CheckConstraint("kind IN ('refund', 'store_credit', 'exchange')", name=op.f("ck_refund_kind_is_known")),
        sa.CheckConstraint("(return_id IS NULL) <> (claim_id IS NULL)", name=op.f("ck_refund_it_is_for_one_thing")),
        sa.CheckConstraint("shipping >= 0 AND amount >= shipping", name=op.f("ck_refund_amounts_make_sense")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_refund_order_id_orders")),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.claim_id"], name=op.f("fk_refund_claim_id_claim")),
        sa.ForeignKeyConstraint(["replacement"], ["orders.order_id"], name=op.f("fk_refund_replacement_orders")),
        sa.ForeignKeyConstraint(["return_id"], ["return.return_id"], name=op.f("fk_refund_return_id_return")),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_refund")),
    )
    op.create_index("ix_refund_order", "refund", ["order_id"], unique=False)
    op.create_index("ix_refund_return", "refund", ["return_id"], unique=False)
    op.create_table(
        "refund_line",
        sa.Column("refund_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False, comment="units that it is about"),
        sa.Column(
            "paid",
            sa.Integer(),
            nullable=False,
            comment="of these, the ones that nothing was paid back for before",
        ),
        sa.CheckConstraint("paid BETWEEN 0 AND quantity", name=op.f("ck_refund_line_paid_makes_sense")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_refund_line_some_units")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.refund_id"], name=op.f("fk_refund_line_refund_id_refund")),
        sa.PrimaryKeyConstraint("refund_id", "line", name=op.f("pk_refund_line")),
    )
    op.create_table(
        "return_lot",
        sa.Column("return_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False, comment="where the units came to"),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_return_lot_some_units")),
        sa.ForeignKeyConstraint(
            ["return_id", "line"],
            ["return_line.return_id", "return_line.line"],
            name=op.f("fk_return_lot_return_id_return_line"),
        ),
        sa.PrimaryKeyConstraint("return_id", "line", "node", "condition", "disposition", name=op.f("pk_return_lot")),
    )
    op.create_table(
        "waiting",
        sa.Column("waiting_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="which try these units are on, from 1"),
        sa.Column(
            "tried",
            sa.ARRAY(sa.Text()),
            nullable=False,
            comment="nodes that these very units are not sourced from again",
        ),
        sa.Column("awaits", sa.Text(), nullable=False),
        sa.Column(
            "parts", sa.ARRAY(sa.Text()), nullable=False, comment="the stocked SKUs that these units are made of"
        ),
        sa.Column(
            "nodes",
            sa.ARRAY(sa.Text()),
            nullable=True,
            comment="where the last round would have placed them, had there been stock; NULL = anywhere",
        ),
        sa.Column(
            "gives_up_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when units that wait for stock are cancelled; NULL = never",
        ),
        sa.Column(
            "looks_again_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a node that has the goods may take them; NULL = no such moment is known",
        ),
        sa.CheckConstraint("awaits IN ('sourcing', 'stock', 'person')", name=op.f("ck_waiting_awaits_something")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_waiting_some_units")),
        sa.ForeignKeyConstraint(
            ["order_id", "line"],
            ["order_line.order_id", "order_line.line"],
            name=op.f("fk_waiting_order_id_order_line"),
        ),
        sa.PrimaryKeyConstraint("waiting_id", name=op.f("pk_waiting")),
    )
    op.create_index("ix_waiting_order", "waiting", ["order_id", "line"], unique=False)
    op.create_index(
        "ix_waiting_parts",
        "waiting",
        ["parts"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("awaits = 'stock'"),
    )


def downgrade() -> None:
    # As long as it is: the list of `upgrade`, backwards.
    # As long as upgrade: the same list backwards.
    op.drop_index(
        "ix_waiting_parts", table_name="waiting", postgresql_using="gin", postgresql_where=sa.text("awaits = 'stock'")
    )
    op.drop_index("ix_waiting_order", table_name="waiting")
    op.drop_table("waiting")
    op.drop_table("return_lot")
    op.drop_table("refund_line")
    op.drop_table("refund")
    op.drop_table("evidence", schema="personal")
    op.drop_table("claim_line")
    op.drop_table("claim")
    op.drop_table("return_line")
    op.drop_index("ix_reservation_order", table_name="reservation")
    op.drop_index("ix_reservation_node", table_name="reservation")
    op.drop_table("reservation")
    op.drop_table("package")
    op.drop_table("fulfillment_order_line")
    op.drop_index("ix_exception_order", table_name="exception")
    op.drop_index("ix_exception_open", table_name="exception", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_table("exception")
    op.drop_index("ix_cart_unit_shelf", table_name="cart_unit")
    op.drop_index("ix_cart_unit_expires_at", table_name="cart_unit")
    op.drop_table("cart_unit")
    op.drop_index("ix_event_given_up", table_name="event", postgresql_where=sa.text("given_up_at IS NOT NULL"))
    op.drop_index("ix_event_order_due", table_name="event", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_index("ix_event_due", table_name="event", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_index("ix_event_channel", table_name="event")
    op.drop_index("ix_event_shipped", table_name="event", postgresql_where=sa.text("kind = 'shipped'"))
    op.drop_table("event")
    op.drop_index("ix_wake_of_workflow", table_name="wake")
    op.drop_table("wake")
    op.drop_index(
        "ix_return_open",
        table_name="return",
        postgresql_where=sa.text("coalesce(closed_at, cancelled_at, declined_at, expired_at) IS NULL"),
    )
    op.drop_table("return")
    op.drop_index("ix_new_address_order", table_name="new_address", schema="personal")
    op.drop_table("new_address", schema="personal")
    op.drop_index("ix_request_order", table_name="request", postgresql_where=sa.text("order_id IS NOT NULL"))
    op.drop_table("request")
    op.drop_table("plan")
    op.drop_index("ix_remark_order", table_name="remark", schema="personal")
    op.drop_table("remark", schema="personal")
    op.drop_table("recipient", schema="personal")
    op.drop_table("key", schema="personal")
    op.drop_table("forgotten")
    op.drop_table("order_line")
    op.drop_index("uq_hold_open", table_name="hold", postgresql_where=sa.text("released_at IS NULL"))
    op.drop_table("hold")
    op.drop_index("ix_fulfillment_order_node", table_name="fulfillment_order")
    op.drop_index(
        "ix_fulfillment_order_deadline",
        table_name="fulfillment_order",
        postgresql_where=sa.text("deadline IS NOT NULL"),
    )
    op.drop_table("fulfillment_order")
    op.drop_table("cart")
    op.drop_table("capacity_claim")
    op.drop_index("uq_node_pause_standing", table_name="node_pause", postgresql_where=sa.text("lifted_at IS NULL"))
    op.drop_table("node_pause")
    op.drop_index("uq_stop_standing", table_name="stop", postgresql_where=sa.text("lifted_at IS NULL"))
    op.drop_table("stop")
    op.drop_index("ix_stock_sku", table_name="stock")
    op.drop_index("ix_stock_short", table_name="stock", postgresql_where=sa.text("short_at IS NOT NULL"))
    op.drop_index("ix_stock_offered", table_name="stock", postgresql_where=sa.text("offered_at IS NOT NULL"))
    op.drop_table("stock")
    op.drop_index("ix_orders_unstarted", table_name="orders", postgresql_where=sa.text("version = 0"))
    op.drop_index("ix_orders_open", table_name="orders", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_table("orders")
    op.drop_index("uq_network_version_active", table_name="network_version", postgresql_where=sa.text("is_active"))
    op.drop_table("network_version")
    op.drop_index("ix_movement_state", table_name="movement", postgresql_where=sa.text("state IS NOT NULL"))
    op.drop_index("ix_movement_order", table_name="movement")
    op.drop_index("ix_movement_node_sku", table_name="movement")
    op.drop_index("ix_movement_arrived", table_name="movement", postgresql_where=sa.text("on_hand > 0"))
    op.drop_table("movement")
    op.drop_table("webhook")
    op.drop_table("key")
    op.drop_index("ix_incoming_sku", table_name="incoming")
    op.drop_table("incoming")
    op.drop_table("node_day")
    op.drop_index("ix_inbox_about", table_name="inbox")
    op.drop_table("inbox")

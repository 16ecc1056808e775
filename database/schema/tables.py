"""The schema: all tables, with one sentence for each constraint.

The tables hold facts only. The views of `views.py` (`order_state` and its helpers) compute statuses from them, so that none is
stored twice. Personal data and typed text are in the schema `personal`, sealed and apart from the facts; no other table repeats
them.
"""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

Moment = DateTime(timezone=True)


def _recorded_at() -> Column[datetime]:
    """When the row was written, by PostgreSQL's clock."""
    return Column("recorded_at", Moment, nullable=False, server_default=func.clock_timestamp())


def _updated_at() -> Column[datetime]:
    """When the row was last changed; the statement that counts its version writes it."""
    return Column(
        "updated_at",
        Moment,
        nullable=False,
        server_default=func.clock_timestamp(),
        comment="when its version last changed",
    )


network_version = Table(
    "network_version",
    metadata,
    Column("version", Integer, Identity(), primary_key=True),
    Column("digest", Text, nullable=False),
    Column(
        "documents",
        JSONB,
        nullable=False,
        comment="nodes.toml, policy.toml, items.csv, buffers.csv, rates.csv, channels.toml and aliases.csv as they were "
        "applied, and what was retired by then; the texts about nodes are sealed, because they have secrets",
    ),
    Column("is_active", Boolean, nullable=False),
    _recorded_at(),
    Column("actor", Text, comment="who applied it in the console; NULL = a command did"),
    # At most one version of the network is active.
    Index("uq_network_version_active", "is_active", unique=True, postgresql_where=text("is_active")),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("reference", Text, comment="what people call it; NULL = they call it by its number, or it was forgotten"),
    Column("purchase_order", Text),
    Column(
        "body_digest", Text, nullable=False, comment="fingerprint of the channel's body; empty once it was forgotten"
    ),
    Column("placed_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("currency", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("postal_area", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("customer_tier", Text, nullable=False),
    Column("ship_complete", Text),
    Column("pickup_node", Text),
    Column("from_node", Text, comment="the only node that may ship it; NULL = the policy decides"),
    Column("to_node", Text, comment="the node that a transfer goes to; NULL = it is a customer's order"),
    Column(
        "for_order_id",
        Text,
        ForeignKey("orders.order_id"),
        comment="the order whose units a transfer brings to where they are collected; NULL = it is for no order",
    ),
    Column("not_before", Moment),
    Column("not_after", Moment),
    Column("duty_ship_by", Moment, comment="when the channel must see it shipped; NULL = it named no such moment"),
    Column("duty_deliver_by", Moment),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("value", BigInteger, nullable=False, comment="goods after discounts that are not cancelled, minor units"),
    Column(
        "total",
        BigInteger,
        nullable=False,
        comment="what the customer pays for what is not cancelled: the value, tax on top of it, and shipping; minor units",
    ),
    Column("prices_include_tax", Boolean, nullable=False, server_default="true"),
    Column("shipping_price", BigInteger, nullable=False),
    Column("shipping_tax", BigInteger, nullable=False, server_default="0"),
    Column("paid", BigInteger, comment="what was captured before it was placed; NULL = its total"),
    Column(
        "authorized", BigInteger, nullable=False, server_default="0", comment="the sum of such payments, minor units"
    ),
    Column(
        "captured", BigInteger, comment="since it was placed: the sum of such payments; NULL = no payment was reported"
    ),
    Column("voided", BigInteger, nullable=False, server_default="0", comment="the sum of such payments"),
    Column(
        "capture_asked",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="what is captured, with what was paid, once all requests are done; 0 = none was made",
    ),
    Column(
        "void_asked",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="what is voided once all requests are done; 0 = none was made",
    ),
    Column("release_at", Moment, nullable=False, comment="grace period or not_before, whichever is later"),
    Column(
        "items_release_at",
        Moment,
        comment="from when all of its items may leave a node by their release dates; NULL = at any time",
    ),
    Column("return_window", Interval, nullable=False, comment="the longest of its lines"),
    Column("version", BigInteger, nullable=False, server_default="0", comment="0 until the workflow has acted once"),
    Column("promise_ship_by", Moment),
    Column("promise_deliver_by", Moment),
    Column("new_ship_by", Moment, comment="by the promise that replaced the first; NULL = nobody knows at present"),
    Column("new_deliver_by", Moment),
    Column("promise_changed_at", Moment, comment="when a new promise last replaced the first; NULL = the first holds"),
    Column("closed_at", Moment),
    Column("looked_after_at", Moment, comment="when the relay last saw to it that its workflow runs"),
    Column(
        "sweep_at",
        Moment,
        comment="when the sweep sees to it that what is due was done; NULL = nothing is, or no workflow has acted yet",
    ),
    Column(
        "taken_over_at", Moment, comment="when it came from another system, which had begun it; NULL = it began here"
    ),
    _updated_at(),
    # A channel's number names one order.
    UniqueConstraint("channel", "number"),
    # A promise has a day of shipment; how long the goods are on the way, nobody may know.
    CheckConstraint("promise_ship_by IS NOT NULL OR promise_deliver_by IS NULL", name="promise_is_whole"),
    Index("ix_orders_received", "received_at", "order_id"),
    Index("ix_orders_channel", "channel", "received_at", "order_id"),
    Index("ix_orders_open", "received_at", "order_id", postgresql_where=text("closed_at IS NULL")),
    Index("ix_orders_placed", "placed_at"),
    Index("ix_orders_updated", "updated_at"),
    Index("ix_orders_number", text("lower(number)")),
    Index("ix_orders_reference", text("lower(reference)"), postgresql_where=text("reference IS NOT NULL")),
    Index("ix_orders_unstarted", "received_at", postgresql_where=text("version = 0")),
    Index("ix_orders_to_node", "received_at", "order_id", postgresql_where=text("to_node IS NOT NULL")),
    Index(
        "ix_orders_coming",
        "to_node",
        "received_at",
        "order_id",
        postgresql_where=text("to_node IS NOT NULL AND closed_at IS NULL"),
    ),
    Index("ix_orders_for_order_id", "for_order_id", postgresql_where=text("for_order_id IS NOT NULL")),
    Index(
        "ix_orders_collected",
        "order_id",
        postgresql_where=text("pickup_node IS NOT NULL AND closed_at IS NULL"),
    ),
    Index(
        "ix_orders_items_release_at",
        "items_release_at",
        postgresql_where=text("items_release_at IS NOT NULL AND closed_at IS NULL"),
    ),
    Index("ix_orders_sweep", "sweep_at", postgresql_where=text("sweep_at IS NOT NULL")),
)

order_line = Table(
    "order_line",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("line", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("sku", Text, nullable=False),
    Column("name", Text, comment="as the channel calls it; NULL = as the network does, or it was forgotten"),
    Column("components", JSONB, comment="of a bundle, as it was ordered: units in one, by stocked SKU"),
    Column("weight_g", Integer, comment="as it was ordered; NULL = it was ordered before weights were kept"),
    Column(
        "terms",
        JSONB,
        comment="its terms of return as the policy said when the order came, but for the window; NULL = not kept then",
    ),
    Column("unit_price", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False, comment="its own, of the units that it was placed with"),
    Column("order_discount", BigInteger, nullable=False, server_default="0", comment="its share of the order's"),
    Column("tax", BigInteger, nullable=False, server_default="0", comment="of the units that it was placed with"),
    Column(
        "return_window", Interval, comment="from delivery, as the policy said when the order came; NULL = final sale"
    ),
    Column("ordered", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("backordered", Integer, nullable=False, server_default="0"),
    Column("reserved", Integer, nullable=False, server_default="0"),
    Column("allocated", Integer, nullable=False, server_default="0"),
    Column("shipped", Integer, nullable=False, server_default="0"),
    Column("cancelled", Integer, nullable=False, server_default="0"),
    # Every ordered unit is in exactly one bucket.
    CheckConstraint(
        "open + backordered + reserved + allocated + shipped + cancelled = ordered", name="every_unit_in_one_bucket"
    ),
    # No bucket has less than 0 units.
    CheckConstraint(
        "least(open, backordered, reserved, allocated, shipped, cancelled) >= 0", name="no_bucket_is_negative"
    ),
    # A line is ordered with at least one unit.
    CheckConstraint("ordered > 0", name="something_is_ordered"),
    Index("ix_order_line_sku", "sku", "order_id"),
)

order_layer = Table(
    "order_layer",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("line", Text, primary_key=True),
    Column("layer", Integer, primary_key=True, comment="from 2; the first layer is the rest of the order line"),
    Column("ordered", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False, comment="of all its units"),
    Column("tax", BigInteger, nullable=False, comment="of all its units"),
    ForeignKeyConstraint(["order_id", "line"], ["order_line.order_id", "order_line.line"]),
    CheckConstraint("layer > 1", name="the_first_is_the_line"),
    # No more units are cancelled than were added.
    CheckConstraint("ordered > 0 AND cancelled BETWEEN 0 AND ordered", name="units_make_sense"),
)

waiting = Table(
    "waiting",
    metadata,
    Column("waiting_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("attempt", Integer, nullable=False, comment="which try these units are on, from 1"),
    Column("tried", ARRAY(Text), nullable=False, comment="nodes that these very units are not sourced from again"),
    Column("awaits", Text, nullable=False),
    Column("parts", ARRAY(Text), nullable=False, comment="the stocked SKUs that these units are made of"),
    Column(
        "nodes",
        ARRAY(Text),
        comment="where the last round would have placed them, had there been stock; NULL = anywhere",
    ),
    Column("gives_up_at", Moment, comment="when units that wait for stock are cancelled; NULL = never"),
    Column(
        "looks_again_at", Moment, comment="when a node that has the goods may take them; NULL = no such moment is known"
    ),
    Column(
        "network_version",
        Integer,
        nullable=False,
        server_default="0",
        comment="the version of the network under which it was last decided what may become of them; 0 = none",
    ),
    Column(
        "incoming_lag_seconds",
        Double,
        comment="how much later than announced goods are counted on; NULL = none are promised to these units",
    ),
    Column(
        "sell_ahead_max",
        Integer,
        comment="the limit of units that wait for stock within which these were let wait; NULL = there was none",
    ),
    Column(
        "sells_returns",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="whether goods that come back from customers are promised to them as well",
    ),
    ForeignKeyConstraint(["order_id", "line"], ["order_line.order_id", "order_line.line"]),
    # Units without a node wait for sourcing, for stock or for a person.
    CheckConstraint("awaits IN ('sourcing', 'stock', 'person')", name="awaits_something"),
    CheckConstraint("quantity > 0", name="some_units"),
    Index("ix_waiting_order", "order_id", "line"),
    Index("ix_waiting_parts", "parts", postgresql_using="gin", postgresql_where=text("awaits = 'stock'")),
    Index(
        "ix_waiting_network_version",
        "network_version",
        postgresql_where=text("awaits = 'stock' OR (awaits = 'person' AND nodes = '{}')"),
    ),
)

stock = Table(
    "stock",
    metadata,
    Column("node", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("on_hand", BigInteger, nullable=False, server_default="0", comment="a fact: may be below what is promised"),
    Column("reserved", BigInteger, nullable=False, server_default="0"),
    Column("allocated", BigInteger, nullable=False, server_default="0"),
    Column("set_aside", BigInteger, nullable=False, server_default="0", comment="on hand, and not to be sold"),
    Column("counted_at", Moment, comment="when the goods were last counted, by the counter's clock"),
    Column("stopped_at", Moment, comment="since when nothing of it is sold"),
    Column("short_at", Moment, comment="since when fewer are on hand than are promised, pinned units among them"),
    Column(
        "offered_at", Moment, comment="since when its units are offered to the orders that wait, and to nobody else"
    ),
    Column(
        "rejected_at",
        Moment,
        comment="when its node rejected it or found it short; NULL = never, or it has told of it since",
    ),
    Column(
        "changed_in",
        BigInteger,
        nullable=False,
        server_default=text("(pg_current_xact_id()::text)::bigint"),
        comment="the transaction that last changed what may be available: readers go on from one that was still open",
    ),
    Column(
        "changed_at",
        Moment,
        nullable=False,
        server_default=text("now()"),
        comment="when what may be available last changed: the beginning of that transaction",
    ),
    # Promised units are never less than 0.
    CheckConstraint("reserved >= 0", name="reserved_is_not_negative"),
    CheckConstraint("allocated >= 0", name="allocated_is_not_negative"),
    Index("ix_stock_sku", "sku", "node"),
    Index("ix_stock_offered", "sku", "node", postgresql_where=text("offered_at IS NOT NULL")),
    Index("ix_stock_short", "sku", "node", postgresql_where=text("short_at IS NOT NULL")),
    # A summary of pages: a change of what it has leaves all other indexes as they are.
    Index(
        "ix_stock_changed",
        "changed_in",
        "changed_at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 4, "autosummarize": True},
    ),
)

cart = Table(
    "cart",
    metadata,
    Column("cart_id", Text, primary_key=True, comment="what the channel calls a reservation"),
    Column("channel", Text, nullable=False),
    Column("asker", Text, nullable=False, comment="whose key was shown, as in `channel:web`"),
    Column("idempotency_key", Text, comment="a keyed hash of it: equal for equal keys of one asker"),
    Column("body_digest", Text, nullable=False),
    Column("promise", JSONB, nullable=False, comment="what was answered"),
    Column("reserved_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("order_id", Text, ForeignKey("orders.order_id"), comment="the order that it became"),
    Column("given_back_at", Moment, comment="when the channel gave it back"),
    # An asker's idempotency key names one reservation.
    UniqueConstraint("asker", "idempotency_key"),
    # One order takes over a reservation, and an order takes over one reservation.
    UniqueConstraint("order_id"),
)

cart_unit = Table(
    "cart_unit",
    metadata,
    Column("cart_id", Text, ForeignKey("cart.cart_id"), primary_key=True),
    Column("node", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("expires_at", Moment, nullable=False, comment="infinity once an order has it"),
    CheckConstraint("quantity > 0", name="some_units"),
    Index("ix_cart_unit_shelf", "node", "sku", "expires_at"),
    Index("ix_cart_unit_expires_at", "expires_at"),
)

stop = Table(
    "stop",
    metadata,
    Column("stop_id", BigInteger, Identity(), primary_key=True),
    Column("sku", Text, nullable=False),
    Column("node", Text, comment="where nothing is sold; NULL = everywhere"),
    Column("since", Moment, nullable=False),
    Column("remark", BigInteger, comment="who stopped the sale and why, in personal.remark"),
    Column(
        "is_by_node",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="its node stopped it, and may lift it",
    ),
    Column("lifted_at", Moment),
    Column("lifted_by", BigInteger, comment="who lifted it and why, in personal.remark"),
    Index(
        "uq_stop_standing",
        "sku",
        text("coalesce(node, '')"),
        unique=True,
        postgresql_where=text("lifted_at IS NULL"),
    ),
)

node_pause = Table(
    "node_pause",
    metadata,
    Column("pause_id", BigInteger, Identity(), primary_key=True),
    Column("node", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("open_work", Text, nullable=False, comment="keep, or reroute"),
    Column("cleared_at", Moment, comment="when nothing of its open work was left that could be rerouted"),
    Column("remark", BigInteger, comment="who paused it and why, in personal.remark"),
    Column(
        "is_by_node", Boolean, nullable=False, server_default=text("false"), comment="it paused itself, and may resume"
    ),
    Column("lifted_at", Moment),
    Column("lifted_by", BigInteger, comment="who resumed it and why, in personal.remark"),
    # A node has one active pause at a time.
    Index("uq_node_pause_standing", "node", unique=True, postgresql_where=text("lifted_at IS NULL")),
    # Open work is kept or rerouted.
    CheckConstraint("open_work IN ('keep', 'reroute')", name="open_work_is_known"),
)

node_contact = Table(
    "node_contact",
    metadata,
    Column("node", Text, primary_key=True),
    Column("called_at", Moment, comment="when a call to it last ended"),
    Column("answer", Text, comment="what it answered, or why there was no answer"),
    Column("failing_since", Moment, comment="since when no call was taken; NULL = the last one was"),
    Column("heard_at", Moment, comment="when it last sent a request"),
)

incoming = Table(
    "incoming",
    metadata,
    Column("node", Text, primary_key=True),
    Column("message_id", Text, primary_key=True, comment="the node's message that announced it"),
    Column("sku", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    Column("arrived", BigInteger, nullable=False, server_default="0"),
    Column("expected_at", Moment, nullable=False),
    Column("changed_at", Moment, comment="of when the last change of it is; NULL = it is as it was announced"),
    Column(
        "fulfillment_order_id",
        Text,
        ForeignKey("fulfillment_order.fulfillment_order_id"),
        comment="the work of a transfer that it came from; NULL = its node announced it, or it has a transfer_id",
    ),
    Column(
        "transfer_id",
        Text,
        ForeignKey("orders.order_id"),
        comment="the transfer for an order that brings it, in whatever work; NULL = no such transfer does",
    ),
    Column(
        "for_order_id",
        Text,
        ForeignKey("orders.order_id"),
        comment="the only order that it may be promised to, while some of it has not left; NULL = any order",
    ),
    Column(
        "return_id",
        Text,
        ForeignKey("return.return_id"),
        comment="the return that it comes back with; NULL = it does not come back from a customer",
    ),
    Column(
        "restocked_percent",
        Integer,
        comment="of 100 such units of returns, how many were restocked before; NULL = not known, or it is of no return",
    ),
    Column("supplier", Text, comment="who sends it; NULL = the node did not say"),
    Column("first_expected_at", Moment, comment="as it was announced first; NULL = that was not kept"),
    Column("arrived_at", Moment, comment="when units of it arrived last; NULL = none did, or that was not kept"),
    Column(
        "late_days",
        Integer,
        comment="how much later than first announced it is counted on, by what the supplier did before; NULL = not known",
    ),
    Column(
        "learned_from", Integer, comment="how many announcements of the supplier say so; NULL = late_days is not known"
    ),
    CheckConstraint("quantity >= 0", name="no_fewer_than_none"),
    Index("ix_incoming_sku", "sku", "node"),
    Index("ix_incoming_for_order_id", "for_order_id", postgresql_where=text("for_order_id IS NOT NULL")),
    Index("ix_incoming_supplier", "supplier", postgresql_where=text("supplier IS NOT NULL")),
    Index("ix_incoming_return_id", "return_id", postgresql_where=text("return_id IS NOT NULL")),
)

peg = Table(
    "peg",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("line", Text, primary_key=True),
    Column(
        "node", Text, primary_key=True, comment="with message_id and sku, the row of incoming whose units it promises"
    ),
    Column("message_id", Text, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("quantity", Integer, nullable=False, comment="units that have not arrived"),
    Column(
        "arrived",
        Integer,
        nullable=False,
        server_default="0",
        comment="units that have arrived, and are offered to the order until its turn",
    ),
    Column("is_whole", Boolean, nullable=False, comment="whether the order can use it only all at once"),
    Column("due_at", Moment, comment="when the goods are counted on; NULL = they are late, and nobody knows"),
    Column("ship_by", Moment, comment="when they leave the node, if they are there then; NULL = nobody knows"),
    Column("deliver_by", Moment),
    ForeignKeyConstraint(["node", "message_id", "sku"], ["incoming.node", "incoming.message_id", "incoming.sku"]),
    CheckConstraint("quantity >= 0 AND arrived >= 0 AND quantity + arrived > 0", name="some_units"),
    Index("ix_peg_row", "sku", "node", "message_id"),
    Index("ix_peg_due", "due_at", postgresql_where=text("ship_by IS NOT NULL AND quantity > 0")),
)

to_peg = Table(
    "to_peg",
    metadata,
    Column("to_peg_id", BigInteger, Identity(), primary_key=True),
    Column("sku", Text, nullable=False, comment="its announced goods, or the units that wait for them, have changed"),
    Column(
        "order_id", Text, comment="the order whose promise may be another; NULL = any order that is served better now"
    ),
)

taken_need = Table(
    "taken_need",
    metadata,
    Column("order_id", Text, primary_key=True, comment="the transfer that it was taken as"),
    Column("line", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column(
        "free", BigInteger, nullable=False, comment="what the source could give, before this and beyond its own need"
    ),
    Column("position", BigInteger, nullable=False, comment="units of the node that were free or on their way to it"),
    Column("least", BigInteger, nullable=False, comment="below so many there was a need"),
    Column("target", BigInteger, nullable=False, comment="up to so many it is filled"),
    Column("pack_units", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False, comment="in the days that the rule looked back"),
    Column("actor", Text, nullable=False, comment="the kind of key and its id; clock = its rule takes it"),
    Column("taken_at", Moment, nullable=False),
    ForeignKeyConstraint(["order_id", "line"], ["order_line.order_id", "order_line.line"]),
    CheckConstraint("quantity > 0", name="some_units"),
)

movement = Table(
    "movement",
    metadata,
    Column("movement_id", BigInteger, Identity(), primary_key=True),
    Column("key", Text, nullable=False, comment="the business key: the same movement twice is one movement"),
    Column("node", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("allocated", BigInteger, nullable=False),
    Column("set_aside", BigInteger, nullable=False, server_default="0"),
    Column("state", Text, comment="why units were set aside, where that changed"),
    Column("order_id", Text),
    Column("cause", Text, nullable=False, comment="what made it: a plan's round, a message, a request"),
    Column("actor", Text, nullable=False, comment="workflow, or the kind of key and its id"),
    Column("occurred_at", Moment, nullable=False),
    _recorded_at(),
    # A movement is booked once, however often it is reported.
    UniqueConstraint("key"),
    # The ledger knows these kinds.
    CheckConstraint(
        "kind IN ('received', 'counted', 'adjusted', 'reserved', 'allocated', 'freed', 'shipped', 'short',"
        " 'restocked', 'moved')",
        name="kind_is_known",
    ),
    Index("ix_movement_node_sku", "node", "sku", "occurred_at"),
    Index("ix_movement_arrived", "node", "sku", "occurred_at", postgresql_where=text("on_hand > 0")),
    Index("ix_movement_state", "node", "sku", postgresql_where=text("state IS NOT NULL")),
    Index("ix_movement_order", "order_id"),
    Index("ix_movement_sku", "sku", "movement_id"),
)

plan = Table(
    "plan",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("network_version", Integer, ForeignKey("network_version.version"), nullable=False),
    Column("strategy", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="the decision with its explanation"),
    _recorded_at(),
)

look_ahead = Table(
    "look_ahead",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False, comment="the hour, counted from 1970"),
    Column("orders", Integer, nullable=False, comment="how many orders it was learned from"),
    Column("ahead", Integer, nullable=False, comment="how many orders were expected"),
    _recorded_at(),
)

look_ahead_price = Table(
    "look_ahead_price",
    metadata,
    Column("version", BigInteger, ForeignKey("look_ahead.version", ondelete="CASCADE"), primary_key=True),
    Column("node", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("price", BigInteger, nullable=False, comment="thousandths of a minor unit; absent = 0"),
    CheckConstraint("price > 0", name="is_more_than_nothing"),
)

shadow = Table(
    "shadow",
    metadata,
    Column("shadow", Integer, Identity(), primary_key=True),
    Column("digest", Text, nullable=False),
    Column("documents", JSONB, nullable=False, comment="as those of network_version, with the same texts sealed"),
    Column("policy_version", Text, nullable=False, comment="what its policy calls itself"),
    Column(
        "network_version",
        Integer,
        ForeignKey("network_version.version"),
        nullable=False,
        comment="the version that was active when it began",
    ),
    _recorded_at(),
    Column(
        "reached_at", Moment, nullable=False, comment="rounds are compared in the sequence in which they were stored"
    ),
    Column("reached_order", Text, nullable=False, server_default=""),
    Column("reached_round", Integer, nullable=False, server_default="0"),
    Column("claimed_until", Moment, comment="until then one process works on it; NULL = none does"),
    Column("figures", JSONB, nullable=False, comment="the sums over its rounds"),
    Column("ended_at", Moment),
    Column("outcome", Text, comment="how it ended; NULL = it has not"),
    Column("promoted_as", Integer, ForeignKey("network_version.version"), comment="the version that it became"),
    CheckConstraint("outcome IN ('promoted', 'stopped', 'replaced')", name="outcome_is_known"),
    CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name="has_ended_somehow"),
    # At most one shadow runs.
    Index("uq_shadow_runs", text("(ended_at IS NULL)"), unique=True, postgresql_where=text("ended_at IS NULL")),
)

reservation = Table(
    "reservation",
    metadata,
    Column("reservation_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("tried", ARRAY(Text), nullable=False),
    Column("round", Integer, nullable=False),
    Column("ship_by", Moment, nullable=False),
    Column("deliver_by", Moment, comment="NULL = nobody knows how long it is on the way"),
    ForeignKeyConstraint(["order_id", "line"], ["order_line.order_id", "order_line.line"]),
    CheckConstraint("quantity > 0", name="some_units"),
    Index("ix_reservation_order", "order_id", "line"),
    Index("ix_reservation_node", "node"),
)

fulfillment_order = Table(
    "fulfillment_order",
    metadata,
    Column("fulfillment_order_id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("node", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("dispatch", Text, nullable=False, comment="how the node learns of it: it polls, or is called"),
    Column("request", Text, nullable=False),
    Column("released_at", Moment, nullable=False),
    Column("ship_by", Moment, nullable=False),
    Column("deliver_by", Moment, comment="NULL = nobody knows how long it is on the way"),
    Column("accepted_at", Moment),
    Column("pick_final", Boolean, nullable=False, server_default=text("false")),
    Column("ship_final", Boolean, nullable=False, server_default=text("false")),
    Column("ready_at", Moment),
    Column("shipped_at", Moment, comment="when the last of what left has left"),
    Column("delivered_at", Moment),
    Column("assumed_delivered", Boolean, nullable=False, server_default=text("false")),
    Column("delivery_failed_at", Moment, comment="when it could not be delivered, until a person has seen to that"),
    Column("dead_at", Moment, comment="when the attempt was given up; what it may still have is in doubt"),
    Column("cancel_asked_at", Moment),
    Column(
        "asked_for_all",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="its node was asked to stop all of it, not only what the customer cancelled",
    ),
    Column("ship_clock_from", Moment),
    Column("escalated", Text, comment="the wait that a person has taken over"),
    Column("patience_from", Moment, comment="since when its node has its time anew, after a person talked to it"),
    Column("pickup", Boolean, nullable=False, comment="the customer collects it, as its node was told"),
    Column("reminded_at", Moment, comment="when half of the customer's time to collect was over"),
    Column("uncollected_at", Moment, comment="when the customer's time to collect was over"),
    Column("at_risk_at", Moment, comment="when a person was told that it may not leave in time"),
    Column("waiting_for", Text),
    Column("deadline", Moment),
    Column("accept_by", Moment, comment="until when its node should accept; NULL = it is not waited for"),
    Column(
        "updated_at",
        Moment,
        nullable=False,
        server_default=func.clock_timestamp(),
        comment="when its node's document last changed",
    ),
    Column("reason_remark", BigInteger, comment="the node's last reason, in personal.remark"),
    Column("country", Text, comment="where its node was told to send it; NULL = where the order goes"),
    Column("service", Text, comment="how its node was told to send it; NULL = as the order goes"),
    # An order counts its fulfillment orders from 1, each number once.
    UniqueConstraint("order_id", "number"),
    # A wait has a deadline.
    CheckConstraint("(waiting_for IS NULL) = (deadline IS NULL)", name="a_wait_has_a_deadline"),
    Index("ix_fulfillment_order_node", "node", "released_at", "fulfillment_order_id"),
    Index("ix_fulfillment_order_updated_at", "updated_at"),
    Index("ix_fulfillment_order_deadline", "deadline", postgresql_where=text("deadline IS NOT NULL")),
    Index(
        "ix_fulfillment_order_owed",
        "node",
        "ship_by",
        "fulfillment_order_id",
        postgresql_where=text(
            "waiting_for IN ('acceptance', 'shipment', 'cancel_answer', 'collection') "
            "OR escalated IN ('acceptance', 'shipment', 'cancel_answer', 'collection')"
        ),
    ),
)

fulfillment_order_line = Table(
    "fulfillment_order_line",
    metadata,
    Column("fulfillment_order_id", Text, ForeignKey("fulfillment_order.fulfillment_order_id"), primary_key=True),
    Column("line", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("sku", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("tried", ARRAY(Text), nullable=False),
    Column("told_picked", BigInteger, nullable=False, server_default="0"),
    Column("told_ready", BigInteger, nullable=False, server_default="0"),
    Column("told_shipped", BigInteger, nullable=False, server_default="0"),
    Column("told_delivered", BigInteger, nullable=False, server_default="0"),
    Column("voided", BigInteger, nullable=False, server_default="0", comment="of what was told shipped: did not leave"),
    Column("freed", Integer, nullable=False, server_default="0"),
    Column("replaced", Integer, nullable=False, server_default="0"),
    Column("cancel_wanted", Integer, nullable=False, server_default="0"),
    Column("picked", Integer, nullable=False, server_default="0", comment="a count computed from what was told"),
    Column("shipped", Integer, nullable=False, server_default="0", comment="a count computed from what was told"),
    Column("delivered", Integer, nullable=False, server_default="0", comment="a count computed from what was told"),
    Column("short", Integer, nullable=False, server_default="0", comment="a count computed from what was told"),
    Column("surplus", BigInteger, nullable=False, server_default="0", comment="a count computed from what was told"),
    Column("in_doubt", Integer, nullable=False, server_default="0", comment="a count computed from what was told"),
    Column(
        "left_before",
        Integer,
        nullable=False,
        server_default="0",
        comment="of what shipped, what had left before the order came from another system: it left no stock of ours",
    ),
    Column(
        "lost", BigInteger, nullable=False, server_default="0", comment="of a transfer: did not arrive, written off"
    ),
    Column(
        "in_transit",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="of a transfer, a count: left its source, and did not arrive and was not written off",
    ),
    CheckConstraint("quantity > 0", name="some_units"),
    # A unit ships from an attempt or is short of it, never both.
    CheckConstraint("shipped + short <= quantity", name="no_unit_twice"),
    CheckConstraint(
        "least(picked, shipped, delivered, short, surplus, in_doubt) >= 0"
        " AND delivered <= shipped AND picked <= quantity",
        name="counts_make_sense",
    ),
)

capacity_claim = Table(
    "capacity_claim",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("node", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="the node's local day"),
    Column("quantity", Integer, nullable=False, comment="fulfillment orders, planned or released"),
    CheckConstraint("quantity > 0", name="some_capacity"),
)

node_day = Table(
    "node_day",
    metadata,
    Column("node", Text, primary_key=True),
    Column("day", Date, primary_key=True, comment="the node's local day"),
    Column("claimed", Integer, nullable=False, comment="the sum of the claims: a fact may go beyond the capacity"),
    # The claims on a day are never less than 0.
    CheckConstraint("claimed >= 0", name="claimed_is_not_negative"),
)

package = Table(
    "package",
    metadata,
    Column("fulfillment_order_id", Text, ForeignKey("fulfillment_order.fulfillment_order_id"), primary_key=True),
    Column("package", Text, primary_key=True, comment="the node's id; `#2` behind it tells it from one of the same id"),
    Column("carrier", Text),
    Column("tracking", Text),
    Column("lines", JSONB, nullable=False),
    Column("shipped_at", Moment, comment="NULL = it was not reported as shipped, only as packed or delivered"),
    Column("voided_at", Moment, comment="when its node said that it did not leave; NULL = it did not say so"),
    Index("ix_package_tracking", "tracking", postgresql_where=text("tracking IS NOT NULL")),
)

inbox = Table(
    "inbox",
    metadata,
    Column("sender", Text, primary_key=True, comment="the node that the message is from or about"),
    Column("message_id", Text, primary_key=True),
    Column("about", Text, nullable=False, comment="a fulfillment order, a return, or `stock`"),
    Column("body_digest", Text, nullable=False, comment="what is compared when the id comes again"),
    Column("kind", Text, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("facts", JSONB, nullable=False, comment="the message without free text"),
    Column("remark", BigInteger, comment="its reason, in personal.remark"),
    Index("ix_inbox_about", "about"),
)

unknown_stock = Table(
    "unknown_stock",
    metadata,
    Column("node", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True, comment="the row's place in its message, from 0"),
    Column("sku", Text, nullable=False, comment="no item of the network when the message came"),
    Column("quantity", Integer, nullable=False),
    ForeignKeyConstraint(["node", "message_id"], ["inbox.sender", "inbox.message_id"]),
    Index("ix_unknown_stock_sku", "node", "sku"),
)

wake = Table(
    "wake",
    metadata,
    Column("wake_id", BigInteger, Identity(), primary_key=True),
    Column("workflow_id", Text, nullable=False),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("signal", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column(
        "due_at",
        Moment,
        nullable=False,
        server_default=text("clock_timestamp() + interval '2 seconds'"),
        comment="when a relay sends it, unless it was sent before by who wrote it",
    ),
    Index("ix_wake_of_workflow", "workflow_id", "wake_id"),
)

event = Table(
    "event",
    metadata,
    Column(
        "transaction_id",
        BigInteger,
        primary_key=True,
        server_default=text("(pg_current_xact_id()::text)::bigint"),
        comment="what wrote it: readers pass no transaction that is still open",
    ),
    Column("event_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column(
        "data", JSONB, nullable=False, comment="ids, SKUs, quantities, dates, tracking numbers: nothing of a person"
    ),
    Column(
        "due_at", Moment, comment="when the channel's webhook is to be called; NULL = it is not to be called any more"
    ),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("given_up_at", Moment, comment="when the channel had not taken it for too long; NULL = it was not given up"),
    Column("retried_at", Moment, comment="when somebody last asked to have it tried anew; its time began again then"),
    _recorded_at(),
    Index("ix_event_shipped", "order_id", postgresql_where=text("kind = 'shipped'")),
    Index("ix_event_order", "order_id", "transaction_id", "event_id"),
    Index("ix_event_channel", "channel", "transaction_id", "event_id"),
    Index("ix_event_due", "channel", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_event_order_due", "order_id", "event_id", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_event_given_up", "channel", "given_up_at", postgresql_where=text("given_up_at IS NOT NULL")),
)

webhook = Table(
    "webhook",
    metadata,
    Column("channel", Text, primary_key=True),
    Column(
        "sealed", LargeBinary, nullable=False, comment="url, secret and previous_secret, sealed with the common key"
    ),
    Column("previous_until", Moment, comment="how long the previous secret signs along"),
    Column("failed_at", Moment, comment="when the channel last did not take an event"),
    Column("failure", Text, comment="why: a status, or the kind of error; no address, no body"),
    _recorded_at(),
)

exception_number = Sequence("exception_number", metadata=metadata)

exception = Table(
    "exception",
    metadata,
    Column("exception_id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id")),
    Column("fulfillment_order_id", Text, ForeignKey("fulfillment_order.fulfillment_order_id")),
    Column("node", Text),
    Column("subject", Text, comment="the line, return or SKU that it is about, where the fact that closes it needs it"),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False, comment="made by us, without free text of others"),
    Column("cause", Text, nullable=False, comment="what opened it"),
    Column("since", Moment, nullable=False),
    Column("due_at", Moment, nullable=False, comment="when a person should have looked"),
    Column("resolved_at", Moment),
    Column("resolved_by", BigInteger, comment="the remark of who resolved it, in personal.remark"),
    Column("closed_cause", Text, comment="the event whose facts closed it; NULL = a person did, or nobody yet"),
    Column("closed_actor", Text, comment="who did what closed it"),
    Column("owner", Text, comment="who sees to it since a person said so; NULL = as the policy says for its code"),
    Column("assigned_by", BigInteger, comment="the remark of who gave it to its owner, in personal.remark"),
    Column("escalated_at", Moment, comment="when it was told once more, because nobody had resolved it"),
    # One cause opens one exception of a code.
    UniqueConstraint("code", "cause"),
    Index("ix_exception_order", "order_id"),
    Index("ix_exception_since", "since", "exception_id"),
    Index("ix_exception_open", "since", "exception_id", postgresql_where=text("resolved_at IS NULL")),
)

hold = Table(
    "hold",
    metadata,
    Column("hold_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("hold", Text, nullable=False),
    Column("owner", Text, comment="who takes it off, as the policy said when it was placed"),
    Column(
        "stock", Text, nullable=False, comment="whether the order's units stay reserved, or wait for the hold to be off"
    ),
    Column("is_by_policy", Boolean, nullable=False),
    Column(
        "is_by_channel",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="the order's channel placed it, and may take it off",
    ),
    Column("since", Moment, nullable=False),
    Column("remark", BigInteger, comment="who placed it and why, in personal.remark"),
    Column("released_at", Moment),
    Column("released_by", BigInteger, comment="who released it and why, in personal.remark"),
    CheckConstraint("stock IN ('reserve', 'wait')", name="stock_is_known"),
    # An order has one active hold of a name at a time.
    Index("ix_hold_order", "order_id"),
    Index("ix_hold_active", "since", "hold_id", "hold", postgresql_where=text("released_at IS NULL")),
    Index("uq_hold_open", "order_id", "hold", unique=True, postgresql_where=text("released_at IS NULL")),
)

request = Table(
    "request",
    metadata,
    Column("request_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id")),
    Column("kind", Text, nullable=False),
    Column("asker", Text, nullable=False, comment="whose key was shown, as in `channel:web`"),
    Column("idempotency_key", Text, comment="a keyed hash of it: equal for equal keys of one asker"),
    Column("body_digest", Text, nullable=False),
    Column("facts", JSONB, nullable=False, comment="the body without free text"),
    Column("remark", BigInteger, comment="actor and reason, in personal.remark"),
    Column("requested_at", Moment, nullable=False),
    Column("answer", JSONB, comment="what was done; written in the transaction that did it"),
    # An asker's idempotency key names one request.
    UniqueConstraint("asker", "idempotency_key"),
    Index("ix_request_order", "order_id", postgresql_where=text("order_id IS NOT NULL")),
)

return_ = Table(
    "return",
    metadata,
    Column("return_id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("node", Text, comment="where it should go; NULL = wherever the customer takes it"),
    Column("fee", BigInteger, nullable=False, server_default="0", comment="kept back once, minor units"),
    Column("parcel", Text, comment="the message of the last parcel that came without naming it"),
    Column("pickup_node", Text, comment="where its exchange is collected, as the request says; NULL = it says nothing"),
    Column(
        "request_id",
        BigInteger,
        comment="the request that names where its exchange goes, in personal.new_address; NULL = it names no address",
    ),
    Column("requested_at", Moment, nullable=False),
    Column("authorized_at", Moment),
    Column("expires_at", Moment, nullable=False, comment="when nothing has come back by then, it expires"),
    Column("reminders", Integer, nullable=False, server_default="0", comment="since it last heard of its parcel"),
    Column("sent_at", Moment, comment="when the customer gave the parcel to a carrier"),
    Column("cancelled_at", Moment),
    Column("declined_at", Moment),
    Column("expired_at", Moment),
    Column("settled_at", Moment),
    Column("closed_at", Moment),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("looked_after_at", Moment, comment="when the relay last saw to it that its workflow runs"),
    Column(
        "sweep_at",
        Moment,
        server_default=text("clock_timestamp() + interval '1 minute'"),
        comment="when the sweep sees to it that what is due was done; NULL = the return is over",
    ),
    _updated_at(),
    UniqueConstraint("order_id", "number"),
    Index("ix_return_requested", "requested_at", "return_id"),
    Index("ix_return_updated", "updated_at"),
    Index(
        "ix_return_open",
        "requested_at",
        postgresql_where=text("coalesce(closed_at, cancelled_at, declined_at, expired_at) IS NULL"),
    ),
    Index("ix_return_sweep", "sweep_at", postgresql_where=text("sweep_at IS NOT NULL")),
)

return_line = Table(
    "return_line",
    metadata,
    Column("return_id", Text, ForeignKey("return.return_id"), primary_key=True),
    Column("line", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("sku", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("reason", Text, comment="a word of the policy's list; what was typed is in personal.remark"),
    Column("exchange_for", Text, comment="the SKU that the customer wants instead; NULL = the same"),
    Column("unit_fee", BigInteger, nullable=False, server_default="0", comment="kept back for each unit, minor units"),
    Column("refund_on", Text, nullable=False, comment="what the customer has to do to be paid"),
    Column("told_received", BigInteger, nullable=False, server_default="0"),
    Column("received", BigInteger, nullable=False, server_default="0", comment="a count: at least what was graded"),
    Column("graded", BigInteger, nullable=False, server_default="0", comment="a count: the units of its lots"),
    Column(
        "returned", Integer, nullable=False, server_default="0", comment="a count: of the line itself, as announced"
    ),
    CheckConstraint("quantity > 0", name="some_units"),
    # Only units that came back are graded.
    CheckConstraint("graded <= received", name="graded_is_received"),
    # Units that come back beyond the return are surplus, and not counted as its units.
    CheckConstraint("returned <= quantity", name="returned_is_announced"),
    Index("ix_return_line_sku", "sku"),
)

return_lot = Table(
    "return_lot",
    metadata,
    Column("return_id", Text, primary_key=True),
    Column("line", Text, primary_key=True),
    Column("node", Text, primary_key=True, comment="where the units came to"),
    Column("condition", Text, primary_key=True),
    Column("disposition", Text, primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    ForeignKeyConstraint(["return_id", "line"], ["return_line.return_id", "return_line.line"]),
    CheckConstraint("quantity > 0", name="some_units"),
)

claim = Table(
    "claim",
    metadata,
    Column("claim_id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("claimed_at", Moment, nullable=False),
    UniqueConstraint("order_id", "number"),
    Index("ix_claim_claimed_at", "claimed_at", "claim_id"),
)

claim_line = Table(
    "claim_line",
    metadata,
    Column("claim_id", Text, ForeignKey("claim.claim_id"), primary_key=True),
    Column("line", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    CheckConstraint("quantity > 0", name="some_units"),
)

refund = Table(
    "refund",
    metadata,
    Column("refund_id", Text, primary_key=True, comment="what tells the channel a repeat from another refund"),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("return_id", Text, ForeignKey("return.return_id")),
    Column("claim_id", Text, ForeignKey("claim.claim_id")),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="what the channel was asked to pay, minor units"),
    Column("shipping", BigInteger, nullable=False, comment="of the amount, what shipping had cost"),
    Column("fee", BigInteger, nullable=False, server_default="0", comment="kept back from what the units cost"),
    Column(
        "cut",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="what the customer gets beyond the amount as soon as more is captured",
    ),
    Column("asked_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("settled_amount", BigInteger, comment="what the channel says that it paid"),
    Column("replacement", Text, ForeignKey("orders.order_id"), comment="the order that the customer gets for it"),
    # A refund is for a return or for a claim.
    CheckConstraint("(return_id IS NULL) <> (claim_id IS NULL)", name="it_is_for_one_thing"),
    CheckConstraint("shipping >= 0 AND amount >= shipping", name="amounts_make_sense"),
    CheckConstraint("kind IN ('refund', 'store_credit', 'exchange')", name="kind_is_known"),
    Index("ix_refund_order", "order_id"),
    Index("ix_refund_return", "return_id"),
    Index("ix_refund_unsettled", "asked_at", postgresql_where=text("settled_at IS NULL")),
    CheckConstraint("cut >= 0", name="cut_makes_sense"),
    Index("ix_refund_cut", "order_id", postgresql_where=text("cut > 0")),
    Index("ix_refund_replacement", "replacement", postgresql_where=text("replacement IS NOT NULL")),
)

refund_line = Table(
    "refund_line",
    metadata,
    Column("refund_id", Text, ForeignKey("refund.refund_id"), primary_key=True),
    Column("line", Text, primary_key=True),
    Column("quantity", Integer, nullable=False, comment="units that it is about"),
    Column("paid", Integer, nullable=False, comment="of these, the ones that nothing was paid back for before"),
    CheckConstraint("quantity > 0", name="some_units"),
    CheckConstraint("paid BETWEEN 0 AND quantity", name="paid_makes_sense"),
)

payment = Table(
    "payment",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("message_id", Text, primary_key=True, comment="the id of its message, which the inbox has from the channel"),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="minor units of the order's currency"),
    Column("occurred_at", Moment, nullable=False, comment="as it was reported"),
    Column("received_at", Moment, nullable=False),
    CheckConstraint("kind IN ('authorized', 'captured', 'voided')", name="kind_is_known"),
    CheckConstraint("amount > 0", name="some_money"),
)

payment_request = Table(
    "payment_request",
    metadata,
    Column("request_id", Text, primary_key=True, comment="what tells the channel a repeat from another request"),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="minor units of the order's currency"),
    Column("asked_at", Moment, nullable=False),
    CheckConstraint("kind IN ('capture', 'void')", name="kind_is_known"),
    CheckConstraint("amount > 0", name="some_money"),
    Index("ix_payment_request_order", "order_id"),
)

connection = Table(
    "connection",
    metadata,
    Column("channel", Text, primary_key=True, comment="its name in channels.toml"),
    Column("credentials", LargeBinary, comment="what `connect` read, sealed with the common key"),
    Column("token", LargeBinary, comment="what authorizes requests now, sealed with the common key"),
    Column("token_until", Moment, comment="NULL = it does not end"),
    Column("settings", JSONB, nullable=False, server_default="{}", comment="what the last check set up; no secret"),
    Column("findings", JSONB, nullable=False, server_default="[]", comment="what the last check found"),
    Column("cursor", JSONB, nullable=False, server_default="{}", comment="where the next poll begins"),
    Column("checked_at", Moment, comment="when a check last found that orders can flow"),
    Column("poll_due_at", Moment, comment="when it is asked next for what has changed; NULL = now"),
    Column("polled_at", Moment, comment="when the last poll ended well"),
    Column("last_in_at", Moment, comment="when something last came"),
    Column("last_out_at", Moment, comment="when the channel last took something"),
    Column("failed_at", Moment, comment="when a request to the channel last failed"),
    Column("failure", Text, comment="why: a status or the kind of error; no address, no body"),
    Column("poll_failing_since", Moment, comment="since when no poll has ended well; NULL = the last one did"),
    Column("check_due_at", Moment, comment="when it is checked next; NULL = only when somebody asks for it"),
    Column("levels_due_at", Moment, comment="when its stock levels are compared next; NULL = they never were"),
    _recorded_at(),
)

exchange = Table(
    "exchange",
    metadata,
    Column("exchange_id", BigInteger, Identity(), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("event_id", Text, nullable=False, comment="what its repeats have in common"),
    Column("topic", Text, nullable=False),
    Column("body", LargeBinary, comment="as it came, sealed with the common key; NULL = it is kept no longer"),
    Column(
        "externals",
        ARRAY(Text),
        nullable=False,
        server_default="{}",
        comment="the channel's own ids of the orders in it; empty = it was not read yet, or cannot be read",
    ),
    Column("state", Text, nullable=False, server_default="kept"),
    Column("reason", Text, comment="why it was passed over or does not fit; nothing of a person"),
    Column("due_at", Moment, comment="when it is to be read next; NULL = it is not"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column(
        "was_misfit", Boolean, nullable=False, server_default="false", comment="it did not fit when it was tried before"
    ),
    Column("received_at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column(
        "digest",
        Text,
        comment="a keyed fingerprint of its content, where its sender numbers what it sends: one number must stay one content",
    ),
    UniqueConstraint("channel", "event_id"),
    CheckConstraint("state IN ('kept', 'applied', 'passed_over', 'misfit')", name="state_is_known"),
    Index("ix_exchange_due", "channel", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_exchange_orders", "externals", postgresql_using="gin"),
    Index("ix_exchange_misfit", "channel", postgresql_where=text("state = 'misfit'")),
)

channel_order = Table(
    "channel_order",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("external", Text, primary_key=True, comment="the channel's own id of the order"),
    Column("order_id", Text, ForeignKey("orders.order_id"), comment="NULL = it was never placed here"),
    Column("version", Moment, nullable=False, comment="the channel's own instant of what it said last"),
    Column("digest", Text, nullable=False, comment="a keyed fingerprint of what it said last"),
    Column("said", LargeBinary, comment="what it said last, sealed with the order's key; NULL = nothing is wanted"),
    Column("why_not", Text, comment="why nothing of it is wanted"),
    Column("ids", JSONB, nullable=False, server_default="{}", comment="names that the channel gave; no secret"),
    _recorded_at(),
    Column(
        "sold_there",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="by node, units by SKU that were sold and handed over there, and are off its stock",
    ),
    Index("ix_channel_order_order", "order_id"),
)

channel_notice = Table(
    "channel_notice",
    metadata,
    Column("transaction_id", BigInteger, primary_key=True, comment="of the event that the channel is notified of"),
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("about", Text, comment="the fulfillment order, return or claim that it is about; NULL = the whole order"),
    Column("due_at", Moment, comment="when it is to be sent next; NULL = it is not"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("retried_at", Moment, comment="when somebody last asked to have it sent again; its time began again then"),
    Column("notified_at", Moment, comment="when the channel took it; NULL = it has not"),
    Column("refused", Text, comment="why the channel will not take it; NULL = it has not refused"),
    _recorded_at(),
    Index("ix_channel_notice_due", "channel", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_channel_notice_refused", "channel", postgresql_where=text("refused IS NOT NULL")),
    Index("ix_channel_notice_order_due", "order_id", "event_id", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_channel_notice_order_refused", "order_id", "event_id", postgresql_where=text("refused IS NOT NULL")),
)

channel_level = Table(
    "channel_level",
    metadata,
    Column("channel", Text, primary_key=True),
    Column(
        "place",
        Text,
        primary_key=True,
        server_default="",
        comment="the place of the channel that it stands at; empty = the channel has one level for each item",
    ),
    Column("external", Text, primary_key=True, comment="what the channel calls the item"),
    Column("available", BigInteger, comment="what stood there when it last answered; NULL = it has no such item"),
    Column("wanted", BigInteger, nullable=False, comment="what was to stand there then"),
    Column(
        "missing",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="units fewer than we knew that stood there: sold there perhaps, by orders that are not here yet",
    ),
    Column(
        "differs_at", Moment, comment="when another number stood there than was sent; NULL = the number that was sent"
    ),
    Column("tries", Integer, nullable=False, server_default="0", comment="how often in a row that was so"),
    Column("notified_at", Moment, nullable=False),
)

x12_control = Table(
    "x12_control",
    metadata,
    Column("partner", Text, primary_key=True, comment="its name: a channel's or a node's"),
    Column("last", BigInteger, nullable=False, comment="the highest control number that it was sent"),
)

x12_document = Table(
    "x12_document",
    metadata,
    Column("partner", Text, primary_key=True, comment="its name: a channel's or a node's"),
    Column("control", BigInteger, primary_key=True, autoincrement=False, comment="of its interchange and its group"),
    Column("code", Text, nullable=False, comment="the code of its set, such as 856"),
    Column("key", Text, nullable=False, comment="what a second document about the same would have, too"),
    Column("order_id", Text, ForeignKey("orders.order_id"), comment="NULL = it is about no order"),
    Column("about", Text, comment="the fulfillment order that it is about"),
    Column("body", LargeBinary, comment="as it is sent, sealed with the common key; NULL = it was erased"),
    Column("due_at", Moment, comment="when it is put into the mailbox next; NULL = it is not"),
    Column("tries", Integer, nullable=False, server_default="0", comment="how often it was put there"),
    Column("sent_at", Moment, comment="when it was last put there"),
    Column("answer_by", Moment, comment="when its acknowledgment is late; NULL = none is waited for"),
    Column("missed_at", Moment, comment="since when a person was asked to look for its acknowledgment"),
    Column("answered_at", Moment, comment="when its last acknowledgment came"),
    Column("verdict", Text, comment="of that: A, E (accepted with errors noted), P or R, as AK901 has it"),
    _recorded_at(),
    UniqueConstraint("partner", "key"),
    CheckConstraint("verdict IN ('A', 'E', 'P', 'R')", name="verdict_is_known"),
    CheckConstraint("(verdict IS NULL) = (answered_at IS NULL)", name="an_answer_has_a_verdict"),
    Index("ix_x12_document_due", "partner", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_x12_document_answer", "partner", "answer_by", postgresql_where=text("answer_by IS NOT NULL")),
    Index("ix_x12_document_order", "order_id"),
)

carton = Table(
    "carton",
    metadata,
    Column("serial", BigInteger, Identity(), primary_key=True, comment="the serial number of its SSCC"),
    Column("fulfillment_order_id", Text, ForeignKey("fulfillment_order.fulfillment_order_id"), nullable=False),
    Column("package", Text, nullable=False, comment="the node's id of the package"),
    UniqueConstraint("fulfillment_order_id", "package"),
)

label = Table(
    "label",
    metadata,
    Column("label_id", Text, primary_key=True, comment="our reference at the carrier, too"),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("about", Text, nullable=False, comment="a fulfillment order, or the return that the parcel belongs to"),
    Column("number", Integer, nullable=False, comment="which label of what it is about, from 1"),
    Column("package", Text, nullable=False, comment="the node's id of the package"),
    Column("carrier", Text, nullable=False, comment="its name in carriers.toml"),
    Column("asked", JSONB, nullable=False, comment="service, format, weight and sides: what the carrier is asked for"),
    Column("state", Text, nullable=False, server_default=text("'asked'")),
    Column("actor", Text, nullable=False),
    Column("due_at", Moment, comment="when the carrier is asked next; NULL = it is not"),
    Column("called_at", Moment, comment="when the carrier was first asked to sell it"),
    Column("void_wanted_at", Moment, comment="since when it is to be given back"),
    Column("tries", Integer, nullable=False, server_default=text("0"), comment="calls since the last good answer"),
    Column("bought_at", Moment),
    Column("tracking", Text),
    Column("theirs", Text, comment="what the carrier calls the shipment"),
    Column("amount", BigInteger, comment="what the carrier asks, in minor units"),
    Column("currency", Text),
    Column("content", LargeBinary, comment="the label, sealed with the key of its order"),
    Column("said", LargeBinary, comment="what the carrier said last when it did not sell or take back, sealed alike"),
    Column("updated_at", Moment, nullable=False, server_default=func.clock_timestamp()),
    _recorded_at(),
    Column(
        "void_called_at",
        Moment,
        comment="since when an answer of the carrier is missing that was asked to take it back",
    ),
    Column(
        "is_unused",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="it is to be given back because its work ended without a shipment, not because somebody asked",
    ),
    Column("kept_at", Moment, comment="since when it is certain that it is not given back by itself"),
    UniqueConstraint("about", "number"),
    CheckConstraint("state IN ('asked', 'bought', 'unknown', 'refused', 'voided')", name="state_is_known"),
    # A carrier that may have sold a label is not asked for a second one of the same parcel.
    Index(
        "ix_label_of_package",
        "about",
        "package",
        unique=True,
        postgresql_where=text("state IN ('asked', 'bought', 'unknown')"),
    ),
    Index("ix_label_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_label_tracking", "tracking"),
    Index("ix_label_order_id", "order_id"),
    Index("ix_label_bought", "carrier", "bought_at", postgresql_where=text("state = 'bought'")),
)

manifest = Table(
    "manifest",
    metadata,
    Column("manifest_id", Text, primary_key=True, comment="our reference at the carrier, too"),
    Column("node", Text, nullable=False),
    Column("carrier", Text, nullable=False, comment="its name in carriers.toml"),
    Column("number", Integer, nullable=False, comment="which manifest of the node and the carrier, from 1"),
    Column("day", Date, nullable=False, comment="on which its parcels are handed over, by the node's calendar"),
    Column(
        "at_cutoff",
        Boolean,
        nullable=False,
        comment="it was asked for by itself at the node's cut-off, which is done once a day",
    ),
    Column("state", Text, nullable=False, server_default=text("'asked'")),
    Column("actor", Text, nullable=False),
    Column("due_at", Moment, comment="when the carrier is asked next; NULL = it is not"),
    Column("called_at", Moment, comment="when the carrier was first asked to make it"),
    Column("tries", Integer, nullable=False, server_default=text("0"), comment="calls since the last good answer"),
    Column("made_at", Moment),
    Column("theirs", Text, comment="what the carrier calls it"),
    Column("content", LargeBinary, comment="its document, sealed with the common key"),
    Column("said", LargeBinary, comment="what the carrier said last when it did not make it, sealed alike"),
    Column("updated_at", Moment, nullable=False, server_default=func.clock_timestamp()),
    _recorded_at(),
    UniqueConstraint("node", "carrier", "number"),
    CheckConstraint("state IN ('asked', 'made', 'unknown', 'refused')", name="state_is_known"),
    Index("ix_manifest_at_cutoff", "node", "carrier", "day", unique=True, postgresql_where=text("at_cutoff")),
    Index("ix_manifest_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

manifest_parcel = Table(
    "manifest_parcel",
    metadata,
    Column("manifest_id", Text, ForeignKey("manifest.manifest_id"), primary_key=True),
    Column("label_id", Text, ForeignKey("label.label_id"), primary_key=True),
    Column(
        "taken_off_at",
        Moment,
        comment="since when it waits for another one: the carrier did not make this one, or left it out",
    ),
    # A parcel is on one manifest only.
    Index("ix_manifest_parcel_label", "label_id", unique=True, postgresql_where=text("taken_off_at IS NULL")),
    Index("ix_manifest_parcel_label_id", "label_id"),
)

parcel_tracking = Table(
    "parcel_tracking",
    metadata,
    Column("carrier", Text, primary_key=True, comment="its name in carriers.toml"),
    Column("tracking", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("fulfillment_order_id", Text, ForeignKey("fulfillment_order.fulfillment_order_id"), nullable=False),
    Column("package", Text, nullable=False),
    Column("first_scan_at", Moment, comment="by the carrier's clock: it had the parcel"),
    Column("last_kind", Text, comment="what the latest scan means"),
    Column("last_at", Moment, comment="by the carrier's clock"),
    Column("poll_due_at", Moment, comment="when the carrier is asked next; NULL = it is not"),
    Column("tries", Integer, nullable=False, server_default=text("0"), comment="polls in a row without an answer"),
    _recorded_at(),
    Index("ix_parcel_tracking_due", "poll_due_at", postgresql_where=text("poll_due_at IS NOT NULL")),
    Index("ix_parcel_tracking_order_id", "order_id"),
)

parcel_scan = Table(
    "parcel_scan",
    metadata,
    Column("carrier", Text, primary_key=True),
    Column("tracking", Text, primary_key=True),
    Column("at", Moment, primary_key=True, comment="by the carrier's clock"),
    Column("code", Text, primary_key=True, comment="the carrier's own"),
    Column("kind", Text, nullable=False, comment="what it means"),
    Column("is_day_only", Boolean, nullable=False, server_default=text("false"), comment="no zone was given"),
    _recorded_at(),
    ForeignKeyConstraint(["carrier", "tracking"], ["parcel_tracking.carrier", "parcel_tracking.tracking"]),
)

unknown_scan = Table(
    "unknown_scan",
    metadata,
    Column("scan", Text, primary_key=True, comment="keyed fingerprint of all that was said"),
    Column("carrier", Text, nullable=False, comment="its name in carriers.toml"),
    Column("number", Text, nullable=False, comment="keyed fingerprint of the tracking number"),
    Column("sealed", LargeBinary, nullable=False, comment="what was said, sealed with the common key"),
    Column("due_at", Moment, nullable=False, comment="when its parcel is looked for next"),
    _recorded_at(),
    Index("ix_unknown_scan_carrier", "carrier", "recorded_at"),
    Index("ix_unknown_scan_number", "number"),
    Index("ix_unknown_scan_due", "due_at"),
)

key = Table(
    "key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False, comment="the channel or node that it speaks for"),
    Column("hash", Text, nullable=False, comment="sha256 of the key; the key itself is nowhere"),
    Column("revoked_at", Moment),
    _recorded_at(),
    Column(
        "role", Text, nullable=False, server_default="admin", comment="what an operator may do; others have `admin`"
    ),
    UniqueConstraint("hash"),
    CheckConstraint("kind IN ('operator', 'channel', 'node')", name="kind_is_known"),
    CheckConstraint("role IN ('see', 'act', 'admin')", name="role_is_known"),
    CheckConstraint("kind = 'operator' OR role = 'admin'", name="only_operators_have_roles"),
)

saved_filter = Table(
    "saved_filter",
    metadata,
    Column("filter_id", Text, primary_key=True),
    Column("page", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False, comment="the kind and name of the key that saved it"),
    Column("is_shared", Boolean, nullable=False),
    Column(
        "query",
        Text,
        nullable=False,
        comment="as in the address of the page; nothing in it names one order or person",
    ),
    _recorded_at(),
    # A name is used once by each person, and once among those that all see.
    Index("uq_saved_filter_own", "page", "owner", "name", unique=True, postgresql_where=text("NOT is_shared")),
    Index("uq_saved_filter_shared", "page", "name", unique=True, postgresql_where=text("is_shared")),
    # These pages have filters.
    CheckConstraint("page IN ('orders', 'exceptions')", name="page_is_known"),
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("forgotten_at", Moment, nullable=False),
    Column("remark", BigInteger, comment="who asked for it and why, in personal.remark, sealed with the common key"),
)

order_key = Table(
    "key",
    metadata,
    Column("owner", Text, primary_key=True, comment="an order; `-` = what is about no order"),
    Column("wrapped", LargeBinary, nullable=False, comment="the key, sealed with a master key that is not here"),
    schema="personal",
)

recipient = Table(
    "recipient",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("ship_to", LargeBinary, nullable=False, comment="the address, sealed"),
    Column(
        "details",
        LargeBinary,
        comment="bill_to, note, attributes, and by line gift_message and attributes, sealed; NULL = it has none of them",
    ),
    schema="personal",
)

customer_key = Table(
    "customer_key",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="a keyed hash of a mail address, a phone number or a name"),
    Column(
        "received_at", Moment, primary_key=True, comment="when its order was received, so that the newest comes first"
    ),
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Index("ix_customer_key_order", "order_id"),
    schema="personal",
)

new_address = Table(
    "new_address",
    metadata,
    Column("request_id", BigInteger, ForeignKey("request.request_id"), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("ship_to", LargeBinary, nullable=False, comment="where somebody asked to send the order instead, sealed"),
    Index("ix_new_address_order", "order_id"),
    schema="personal",
)

new_details = Table(
    "new_details",
    metadata,
    Column("request_id", BigInteger, ForeignKey("request.request_id"), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column(
        "details", LargeBinary, nullable=False, comment="what is personal of lines that somebody asked to add, sealed"
    ),
    Index("ix_new_details_order", "order_id"),
    schema="personal",
)

given_address = Table(
    "given_address",
    metadata,
    Column("fulfillment_order_id", Text, ForeignKey("fulfillment_order.fulfillment_order_id"), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("ship_to", LargeBinary, nullable=False, comment="the address that its node was given, sealed"),
    Index("ix_given_address_order", "order_id"),
    schema="personal",
)

evidence = Table(
    "evidence",
    metadata,
    Column("claim_id", Text, ForeignKey("claim.claim_id"), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), nullable=False),
    Column("evidence", LargeBinary, nullable=False, comment="what the carrier or the customer has to show, sealed"),
    schema="personal",
)

plan_input = Table(
    "plan_input",
    metadata,
    Column("order_id", Text, ForeignKey("orders.order_id"), primary_key=True),
    Column("round", Integer, primary_key=True),
    Column(
        "input",
        LargeBinary,
        nullable=False,
        comment="what the round of `plan` was decided from, compressed and sealed; erased after 90 days",
    ),
    _recorded_at(),
    Index("ix_plan_input_recorded", "recorded_at", postgresql_using="brin"),
    schema="personal",
)

shadow_round = Table(
    "shadow_round",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("shadow", Integer, ForeignKey("shadow.shadow"), primary_key=True),
    Column("verdict", Text, nullable=False),
    Column(
        "compared", LargeBinary, comment="both plans in short, sealed; NULL = they are the same, or it was forgotten"
    ),
    _recorded_at(),
    ForeignKeyConstraint(["order_id", "round"], ["plan.order_id", "plan.round"]),
    CheckConstraint("verdict IN ('same', 'other_figures', 'different', 'impossible')", name="verdict_is_known"),
    Index(
        "ix_shadow_round_newest",
        "shadow",
        "recorded_at",
        postgresql_where=text("verdict IN ('different', 'impossible')"),
    ),
    schema="personal",
)

remark = Table(
    "remark",
    metadata,
    Column("remark_id", BigInteger, Identity(), primary_key=True),
    Column("order_id", Text, ForeignKey("orders.order_id"), comment="whose key has sealed it; NULL = the common one"),
    Column("sealed", LargeBinary, nullable=False, comment="actor and reason"),
    _recorded_at(),
    Index("ix_remark_order", "order_id"),
    schema="personal",
)

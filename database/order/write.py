"""Writes what an event changed of an order, and counts its version."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from sqlalchemy import text, update

from database import peg, stock
from database.connect import WriteConnection
from database.order.read import Header
from database.outbox import channel_notice, event
from database.outbox.unattended import sweep_at
from database.schema.tables import orders
from database.writes import Rows, Writes
from domain.account import Prices
from domain.event import ChannelEvent, EventKind
from domain.network import Network
from domain.order import BUCKETS, OrderState
from domain.units import Changes, Order, Reservation, Waiting, prices_after


def waiting_row(order: str, units: Waiting, network: Network) -> dict[str, Any]:
    return {
        "order_id": order,
        "line": units.line,
        "quantity": units.quantity,
        "attempt": units.attempt,
        "tried": list(units.tried),
        "awaits": units.awaits,
        "parts": [part for part, _ in network.components(units.sku)],
        "nodes": None if units.nodes is None else list(units.nodes),
        "gives_up_at": units.gives_up_at,
        "looks_again_at": units.looks_again_at,
        "network_version": units.network_version,
        "incoming_lag_seconds": None if units.incoming_lag is None else units.incoming_lag.total_seconds(),
        "sell_ahead_max": units.sell_ahead_max,
        "sells_returns": units.sells_returns,
    }


@dataclass(frozen=True, slots=True)
class Event:
    """What caused a change: its unique name, who did it, and when."""

    cause: str
    actor: str
    occurred_at: datetime
    reported_at: datetime | None = None
    """When goods left or came, as their node reports it; None = at `occurred_at`."""

    as_of: datetime | None = None
    """When the stock changed in truth, where that is not when it happened: a parcel that did not leave was there all along."""

    @property
    def happened_at(self) -> datetime:
        """When goods left or came; `occurred_at` when the node's clock runs ahead of ours."""
        return min(self.reported_at or self.occurred_at, self.occurred_at)


@dataclass(frozen=True, slots=True)
class Promise:
    """The days that an order is promised for."""

    ship_by: datetime
    deliver_by: datetime | None
    """None = nobody knows how long it is on the way."""


@dataclass(frozen=True, slots=True)
class NewPromise:
    """The days that an order is promised for now, beside those of its first promise."""

    new_ship_by: datetime | None
    """None = nobody knows at present."""
    new_deliver_by: datetime | None
    """None = nobody knows."""


@dataclass(frozen=True, slots=True)
class ItemsRelease:
    """From when an order's items may leave a node, where that has changed."""

    items_release_at: datetime | None
    """None = at any time."""


def save(
    writes: Writes,
    header: Header,
    before: Order,
    after: Order,
    changes: Changes,
    promise: Promise | NewPromise | None = None,
    release: ItemsRelease | None = None,
) -> None:
    """Write what an event changed of an order's rows: buckets, prices, waiting and pinned units, the promise, and from when its
    items may leave a node. The first promise never changes; a new one is written beside it.

    `database.fulfillment` and `database.exception` write fulfillment orders and exceptions, `book` the ledger.
    """
    _move_buckets(writes, header.order, changes)
    prices = _keep_prices(writes, before, prices_after(after, changes))
    if before.waiting != after.waiting:
        _replace_waiting(writes, header.order, before.waiting, after.waiting, changes.network)
    if before.reservations != after.reservations:
        _replace_reservations(writes, header.order, before.reservations, after.reservations)
    pickup = {"pickup_node": after.pickup_node} if before.pickup_node != after.pickup_node else {}
    changed = [asdict(one) for one in (promise, release) if one is not None]
    _change_its_row(writes, header.order, reduce(or_, changed, prices | pickup))


async def book(connection: WriteConnection, header: Header, changes: Changes, event: Event) -> list[stock.Shortage]:
    """Write what an event changed of stock: the ledger with its counters. Answers the shortages that the event caused.

    Do it last: other orders wait for these rows until the transaction ends.
    """
    return await stock.record(
        connection,
        changes.movements,
        order=header.order,
        cause=event.cause,
        actor=event.actor,
        at=event.occurred_at,
        happened_at=event.as_of or event.happened_at,
    )


def _move_buckets(writes: Writes, order: str, changes: Changes) -> None:
    moved = [(line, units) for line, units in changes.buckets.items() if any(units.values())]
    if not moved:
        return
    parameters: dict[str, Any] = {bucket: [units[bucket] for _, units in moved] for bucket in BUCKETS}
    lines = [line for line, _ in moved]
    named = {"moved": [order] * len(lines), "lines": lines, "added": [changes.added[line] for line in lines]}
    writes.add(MOVE_BUCKETS, named | parameters)


MOVE_BUCKETS = """
    moved AS (
        UPDATE order_line l
        SET open = l.open + d.open, backordered = l.backordered + d.backordered, reserved = l.reserved + d.reserved,
            allocated = l.allocated + d.allocated, shipped = l.shipped + d.shipped, cancelled = l.cancelled + d.cancelled,
            ordered = l.ordered + d.added
        FROM unnest(CAST(:moved AS text[]), CAST(:lines AS text[]), CAST(:open AS int[]), CAST(:backordered AS int[]),
                    CAST(:reserved AS int[]), CAST(:allocated AS int[]), CAST(:shipped AS int[]), CAST(:cancelled AS int[]),
                    CAST(:added AS int[]))
             AS d(order_id, line, open, backordered, reserved, allocated, shipped, cancelled, added)
        WHERE l.order_id = d.order_id AND l.line = d.line)
"""


def _keep_prices(writes: Writes, before: Order, prices: Prices) -> dict[str, Any]:
    """Write the layers that changed; what changes of the order's row, nothing where no unit was added or cancelled."""
    changed = {
        line: layers
        for line, layers in prices.lines.items()
        if line not in before.lines or layers != before.lines[line].layers
    }
    above = [
        {"line": line, "layer": number} | asdict(layer)
        for line, layers in changed.items()
        for number, layer in enumerate(layers[1:], 2)
    ]
    if above:
        writes.add(KEEP_LAYERS, {"order": before.order, "layers": json.dumps(above)})
    return {"value": prices.value, "total": prices.total} if changed else {}


KEEP_LAYERS = """
    layered AS (
        INSERT INTO order_layer (order_id, line, layer, ordered, cancelled, unit_price, discount, tax)
        SELECT :order, l.* FROM jsonb_to_recordset(CAST(:layers AS jsonb))
               AS l(line text, layer int, ordered int, cancelled int, unit_price bigint, discount bigint, tax bigint)
        ON CONFLICT (order_id, line, layer) DO UPDATE SET cancelled = excluded.cancelled)
"""


def _replace_waiting(
    writes: Writes, order: str, before: Sequence[Waiting], units: Sequence[Waiting], network: Network
) -> None:
    if before:
        writes.add(NOT_WAITING, {"not_waiting": [order]})
    if units:
        rows = [waiting_row(order, row, network) for row in units]
        writes.add(WAITING, {"waiting": json.dumps(rows, default=datetime.isoformat)})
    begin = {one.sku for one in units if one.incoming_lag is not None and one.awaits == "stock" and one not in before}
    if begin:
        writes.add(peg.MARK_WHO_WAITS, {"awaited": sorted(begin)})


NOT_WAITING = "not_waiting AS (DELETE FROM waiting WHERE order_id = ANY(CAST(:not_waiting AS text[])))"
WAITING = """
    now_waiting AS (
        INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts, nodes, gives_up_at, looks_again_at,
                             network_version, incoming_lag_seconds, sell_ahead_max, sells_returns)
        SELECT n.* FROM jsonb_to_recordset(CAST(:waiting AS jsonb))
               AS n(order_id text, line text, quantity int, attempt int, tried text[], awaits text, parts text[], nodes text[],
                    gives_up_at timestamptz, looks_again_at timestamptz, network_version int,
                    incoming_lag_seconds double precision, sell_ahead_max int, sells_returns boolean))
"""


def _replace_reservations(
    writes: Writes, order: str, before: Sequence[Reservation], pinned: Sequence[Reservation]
) -> None:
    if before:
        writes.add(NOT_PINNED, {"order": order})
    if pinned:
        writes.add(PINNED, {"reservations": Rows(_reservation_row(order, row) for row in pinned)})


NOT_PINNED = "not_pinned AS (DELETE FROM reservation WHERE order_id = :order)"
PINNED = """
    now_pinned AS (
        INSERT INTO reservation (order_id, line, node, quantity, attempt, tried, round, ship_by, deliver_by)
        SELECT n.* FROM jsonb_to_recordset(CAST(:reservations AS jsonb))
               AS n(order_id text, line text, node text, quantity int, attempt int, tried text[], round int,
                    ship_by timestamptz, deliver_by timestamptz))
"""


def _reservation_row(order: str, pinned: Reservation) -> dict[str, Any]:
    return {
        "order_id": order,
        "line": pinned.line,
        "node": pinned.node,
        "quantity": pinned.quantity,
        "attempt": pinned.attempt,
        "tried": pinned.tried,
        "round": pinned.round,
        "ship_by": pinned.ship_by,
        "deliver_by": pinned.deliver_by,
    }


def _change_its_row(writes: Writes, order: str, changes: Mapping[str, Any]) -> None:
    """Change columns of the order's row, all by one query: a statement may change a row only once."""
    if changes:
        columns = ", ".join(SET[name] for name in changes)
        writes.add(f"changed AS (UPDATE orders SET {columns} WHERE order_id = :order)", {"order": order, **changes})


SET = {
    "value": "value = CAST(:value AS bigint)",
    "total": "total = CAST(:total AS bigint)",
    "ship_by": "promise_ship_by = coalesce(promise_ship_by, CAST(:ship_by AS timestamptz))",
    "deliver_by": """
        promise_deliver_by = CASE WHEN promise_ship_by IS NULL THEN CAST(:deliver_by AS timestamptz) ELSE promise_deliver_by END
    """,
    "items_release_at": "items_release_at = CAST(:items_release_at AS timestamptz)",
    "pickup_node": "pickup_node = CAST(:pickup_node AS text)",
    "new_ship_by": "new_ship_by = CAST(:new_ship_by AS timestamptz), promise_changed_at = clock_timestamp()",
    "new_deliver_by": "new_deliver_by = CAST(:new_deliver_by AS timestamptz)",
}


async def write_promises(connection: WriteConnection, promises: Mapping[str, Promise | NewPromise]) -> None:
    """Write the promises of several orders, under their locks, as `save` does."""
    for kind in (Promise, NewPromise):
        if found := {name: one for name, one in promises.items() if isinstance(one, kind)}:
            columns = zip(*(asdict(one).values() for one in found.values()), strict=True)
            ship_by, deliver_by = (list(column) for column in columns)
            parameters = {"orders": list(found), "ship": ship_by, "deliver": deliver_by}
            await connection.execute(WRITE_PROMISES[kind], parameters)


_OF_ORDERS = """
    FROM unnest(CAST(:orders AS text[]), CAST(:ship AS timestamptz[]), CAST(:deliver AS timestamptz[]))
         AS n(order_id, ship_by, deliver_by)
    WHERE o.order_id = n.order_id
"""
WRITE_PROMISES = {
    Promise: text(
        f"""
        UPDATE orders o SET promise_ship_by = n.ship_by, promise_deliver_by = n.deliver_by {_OF_ORDERS}
          AND o.promise_ship_by IS NULL
        """
    ),
    NewPromise: text(
        f"""
        UPDATE orders o
        SET new_ship_by = n.ship_by, new_deliver_by = n.deliver_by, promise_changed_at = clock_timestamp() {_OF_ORDERS}
        """
    ),
}


async def change_service(connection: WriteConnection, order: str, service: str) -> None:
    """Let the order travel by another service, under its lock; its promise is void, and the next plan makes a new one."""
    promises = ("promise_ship_by", "promise_deliver_by", "new_ship_by", "new_deliver_by", "promise_changed_at")
    values = {"service": service} | dict.fromkeys(promises)
    await connection.execute(update(orders).where(orders.c.order_id == order).values(values))


async def close(connection: WriteConnection, order: str, at: datetime) -> None:
    """Close the order: later messages are applied in PostgreSQL and signal no workflow."""
    statement = update(orders).where(orders.c.order_id == order, orders.c.closed_at.is_(None)).values(closed_at=at)
    await connection.execute(statement)


async def next_version(
    connection: WriteConnection,
    order: str,
    events: Sequence[ChannelEvent],
    occurred_at: datetime,
    heard: Collection[EventKind] = (),
) -> OrderState:
    """Count the change, write the channel's events about it, and answer the order's new state, as `news` does.

    `heard` are the kinds of events that the connection is notified of through which the order came.
    """
    parameters = {"order": order, "events": event.rows(events), "occurred_at": occurred_at, "heard": list(heard)}
    counted = (await connection.execute(NEXT_VERSION, parameters)).one()
    return OrderState.model_validate_json(counted.state).model_copy(update={"version": counted.version})


NEXT_VERSION = text(
    f"""
    WITH news AS MATERIALIZED (SELECT state::text, due_at FROM order_news WHERE order_id = :order),
    counted AS (
        UPDATE orders
        SET version = version + 1, updated_at = clock_timestamp(),
            sweep_at = CASE WHEN closed_at IS NULL THEN {sweep_at("news.due_at")} END
        FROM news WHERE order_id = :order RETURNING version),
    written AS ({event.INSERT_EVENTS}),
    owed AS ({channel_notice.INSERT_NOTICES})
    SELECT counted.version, news.state FROM news CROSS JOIN counted
    """
)
"""The view still sees the version from before the statement."""

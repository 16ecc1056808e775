"""Writes what an event changed of an order, and counts its version."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, text, update

from database import stock
from database.connect import WriteConnection
from database.order.read import Header
from database.outbox import event
from database.outbox.unattended import sweep_at
from database.schema.tables import orders, waiting
from domain.account import Prices
from domain.event import ChannelEvent
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


async def save(
    connection: WriteConnection, header: Header, before: Order, after: Order, changes: Changes, event: Event
) -> list[stock.Shortage]:
    """Write what an event changed: buckets, waiting and pinned units, and the ledger with its counters.

    `database.fulfillment` and `database.exception` write fulfillment orders and exceptions. Answers the shortages that the
    event caused.
    """
    await _move_buckets(connection, header.order, changes)
    await _keep_prices(connection, before, prices_after(after, changes))
    if before.waiting != after.waiting:
        await _replace_waiting(connection, header.order, after.waiting, changes.network)
    if before.reservations != after.reservations:
        await _replace_reservations(connection, header.order, after.reservations)
    if before.pickup_node != after.pickup_node:
        await connection.execute(COLLECT_AT, {"order": header.order, "node": after.pickup_node})
    return await stock.record(
        connection,
        changes.movements,
        order=header.order,
        cause=event.cause,
        actor=event.actor,
        at=event.occurred_at,
        happened_at=event.as_of or event.happened_at,
    )


COLLECT_AT = text("UPDATE orders SET pickup_node = :node WHERE order_id = :order")


async def _move_buckets(connection: WriteConnection, order: str, changes: Changes) -> None:
    moved = [(line, units) for line, units in changes.buckets.items() if any(units.values())]
    if not moved:
        return
    parameters: dict[str, Any] = {bucket: [units[bucket] for _, units in moved] for bucket in BUCKETS}
    named = {"order": order, "lines": [line for line, _ in moved], "added": [changes.added[line] for line, _ in moved]}
    await connection.execute(MOVE_BUCKETS, named | parameters)


MOVE_BUCKETS = text(
    """
    UPDATE order_line l
    SET open = l.open + d.open, backordered = l.backordered + d.backordered, reserved = l.reserved + d.reserved,
        allocated = l.allocated + d.allocated, shipped = l.shipped + d.shipped, cancelled = l.cancelled + d.cancelled,
        ordered = l.ordered + d.added
    FROM unnest(CAST(:lines AS text[]), CAST(:open AS int[]), CAST(:backordered AS int[]), CAST(:reserved AS int[]),
                CAST(:allocated AS int[]), CAST(:shipped AS int[]), CAST(:cancelled AS int[]), CAST(:added AS int[]))
         AS d(line, open, backordered, reserved, allocated, shipped, cancelled, added)
    WHERE l.order_id = :order AND l.line = d.line
    """
)


async def _keep_prices(connection: WriteConnection, before: Order, prices: Prices) -> None:
    """Write the layers that changed, and what the order costs now; nothing where no unit was added or cancelled."""
    changed = {
        line: layers
        for line, layers in prices.lines.items()
        if line not in before.lines or layers != before.lines[line].layers
    }
    if not changed:
        return
    above = [
        {"line": line, "layer": number} | asdict(layer)
        for line, layers in changed.items()
        for number, layer in enumerate(layers[1:], 2)
    ]
    parameters = {"order": before.order, "layers": json.dumps(above), "value": prices.value, "total": prices.total}
    await connection.execute(KEEP_PRICES, parameters)


KEEP_PRICES = text(
    """
    WITH layered AS (
        INSERT INTO order_layer (order_id, line, layer, ordered, cancelled, unit_price, discount, tax)
        SELECT :order, l.* FROM jsonb_to_recordset(CAST(:layers AS jsonb))
               AS l(line text, layer int, ordered int, cancelled int, unit_price bigint, discount bigint, tax bigint)
        ON CONFLICT (order_id, line, layer) DO UPDATE SET cancelled = excluded.cancelled)
    UPDATE orders SET value = :value, total = :total WHERE order_id = :order
    """
)


async def _replace_waiting(connection: WriteConnection, order: str, units: Sequence[Waiting], network: Network) -> None:
    await connection.execute(waiting.delete().where(waiting.c.order_id == order))
    if units:
        await connection.execute(insert(waiting), [waiting_row(order, row, network) for row in units])


async def _replace_reservations(connection: WriteConnection, order: str, pinned: Sequence[Reservation]) -> None:
    await connection.execute(text("DELETE FROM reservation WHERE order_id = :order"), {"order": order})
    if pinned:
        await connection.execute(INSERT_RESERVATION, [_reservation_row(order, row) for row in pinned])


INSERT_RESERVATION = text(
    """
    INSERT INTO reservation (order_id, line, node, quantity, attempt, tried, round, ship_by, deliver_by)
    VALUES (:order, :line, :node, :quantity, :attempt, CAST(:tried AS text[]), :round, :ship_by, :deliver_by)
    """
)


def _reservation_row(order: str, pinned: Reservation) -> dict[str, Any]:
    return {
        "order": order,
        "line": pinned.line,
        "node": pinned.node,
        "quantity": pinned.quantity,
        "attempt": pinned.attempt,
        "tried": list(pinned.tried),
        "round": pinned.round,
        "ship_by": pinned.ship_by,
        "deliver_by": pinned.deliver_by,
    }


async def keep_promise(connection: WriteConnection, order: str, ship_by: datetime, deliver_by: datetime | None) -> None:
    """Write the promise, unless the order has one: a promise never changes."""
    statement = (
        update(orders)
        .where(orders.c.order_id == order, orders.c.promise_ship_by.is_(None))
        .values(promise_ship_by=ship_by, promise_deliver_by=deliver_by)
    )
    await connection.execute(statement)


async def change_service(connection: WriteConnection, order: str, service: str) -> None:
    """Let the order travel by another service, under its lock; its promise is void, and the next plan makes a new one."""
    values = {"service": service, "promise_ship_by": None, "promise_deliver_by": None}
    await connection.execute(update(orders).where(orders.c.order_id == order).values(values))


async def close(connection: WriteConnection, order: str, at: datetime) -> None:
    """Close the order: later messages are applied in PostgreSQL and signal no workflow."""
    statement = update(orders).where(orders.c.order_id == order, orders.c.closed_at.is_(None)).values(closed_at=at)
    await connection.execute(statement)


async def next_version(
    connection: WriteConnection, order: str, events: Sequence[ChannelEvent], occurred_at: datetime
) -> OrderState:
    """Count the change, write the channel's events about it, and answer the order's new state, as `news` does."""
    parameters = {"order": order, "events": event.rows(events), "occurred_at": occurred_at}
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
    written AS ({event.INSERT_EVENTS})
    SELECT counted.version, news.state FROM news CROSS JOIN counted
    """
)
"""The view still sees the version from before the statement."""

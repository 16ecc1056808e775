"""Named statements about orders: take one in, lock it, read what it holds, write what an event changed, show its state."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, insert, select, text, update

from database import capacity, personal, stock
from database.connect import ReadConnection, WriteConnection
from database.outbox import event
from database.schema.tables import hold, orders, waiting
from domain.capacity import Claims
from domain.event import ChannelEvent
from domain.fulfillment import FulfillmentOrder, Request, Told, WaitingFor
from domain.hold import POLICY, Placement
from domain.network import Network
from domain.order import BUCKETS, NewOrder, OrderState
from domain.units import Changes, Order, OrderedLine, Reservation, Waiting
from nodes.kinds import KINDS


class UnknownOrder(LookupError):
    """No order has this id."""


@dataclass(frozen=True, slots=True)
class Header:
    """What sourcing and releasing need of an order beside its units."""

    order: str
    channel: str
    service: str
    country: str
    region: str
    postal_code: str
    """Only the postal area, when the order was forgotten."""
    customer_tier: str
    value: int
    priority: int
    ship_complete: str | None
    pickup_node: str | None
    version: int
    rounds: int
    network_version: int | None
    """The version of the network that is active now; None before one was applied."""
    is_closed: bool
    is_held: bool
    waits_for_hold: bool
    """Nothing is reserved for it before such a hold is off."""
    is_forgotten: bool
    deliver_by: datetime | None
    """The promise; None = none was given yet."""
    planned_at: datetime | None
    """When its last sourcing round was made; None = there was none."""
    release_at: datetime
    not_after: datetime | None
    """What is not released then is cancelled; None = there is no such day."""
    placed_at: datetime
    own: dict[tuple[str, str], int]
    """Units at each (node, SKU) that the cart holds which became this order."""
    claimed: Claims
    """What it has claimed of its nodes' capacity."""

    def window_has_ended(self, at: datetime) -> bool:
        """Whether nothing of it may be released any more."""
        return self.not_after is not None and at >= self.not_after


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an order that was handed in: the digest of the body that counts, and whether it is this one."""

    is_new: bool
    body_digest: str


async def take(
    connection: WriteConnection,
    order: NewOrder,
    *,
    body_digest: str,
    postal_area: str,
    received_at: datetime,
    grace: timedelta,
    return_windows: Mapping[str, timedelta | None],
    holds: Sequence[Placement] = (),
) -> Taken:
    """Store a new order with all its units `open`, and its holds; an order of this id that exists already stays as it is.

    `return_windows` are how long after delivery each line may be returned; None = it may not.
    """
    longest = max((window or timedelta() for window in return_windows.values()), default=timedelta())
    row = _order_row(order, body_digest, postal_area, received_at, grace, longest)
    statement = INSERT_ORDER.bindparams(**row)
    if (await connection.execute(statement)).scalar() is None:
        known = await connection.execute(select(orders.c.body_digest).where(orders.c.order_id == order.order))
        return Taken(is_new=False, body_digest=known.scalar_one())
    key, wrapped = personal.new_key(connection, order.order)
    sealed = key.seal("address", order.ship_to.model_dump(mode="json", exclude_none=True))
    lines = json.dumps(list(_line_rows(order, return_windows)))
    parameters = {"order": order.order, "received_at": received_at, "lines": lines, "key": wrapped, "ship_to": sealed}
    await connection.execute(INSERT_LINES, parameters)
    for placement in holds:
        await place_reasoned(connection, order.order, placement, order.channel, received_at)
    return Taken(is_new=True, body_digest=body_digest)


INSERT_ORDER = text(
    """
    INSERT INTO orders (order_id, channel, number, body_digest, placed_at, received_at, currency, service, country,
                        postal_area, priority, customer_tier, ship_complete, pickup_node, not_after, value,
                        shipping_price, paid, release_at, return_window)
    VALUES (:order_id, :channel, :number, :body_digest, :placed_at, :received_at, :currency, :service, :country,
            :postal_area, :priority, :customer_tier, :ship_complete, :pickup_node, :not_after, :value,
            :shipping_price, :paid, :release_at, :return_window)
    ON CONFLICT DO NOTHING
    RETURNING order_id
    """
)
"""Answers nothing when the order exists."""


INSERT_LINES = text(
    """
    WITH l AS (
        SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb))
                      AS l(line text, position int, sku text, unit_price bigint, discount bigint, ordered int,
                           return_window_seconds float)
    ), demanded AS (
        INSERT INTO order_line (order_id, line, position, sku, unit_price, discount, return_window, ordered, open)
        SELECT :order, line, position, sku, unit_price, discount, make_interval(secs => return_window_seconds),
               ordered, ordered
        FROM l
    ), unplaced AS (
        INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts)
        SELECT :order, line, ordered, 1, '{}', 'sourcing', '{}' FROM l
    ), accepted AS (
        INSERT INTO event (order_id, channel, kind, occurred_at, data, due_at)
        SELECT o.order_id, o.channel, 'accepted', CAST(:received_at AS timestamptz), jsonb_build_object('lines', (
                   SELECT jsonb_agg(jsonb_build_object('line', line, 'sku', sku, 'quantity', ordered) ORDER BY position)
                   FROM l)),
               (SELECT clock_timestamp() FROM webhook w WHERE w.channel = o.channel)
        FROM orders o WHERE o.order_id = :order
    ), keyed AS (
        INSERT INTO personal.key (owner, wrapped) VALUES (:order, :key)
    )
    INSERT INTO personal.recipient (order_id, ship_to) VALUES (:order, :ship_to)
    """
)
"""The lines, all of whose units are open and wait for their first sourcing round, where they go, the key that this is sealed
with, and the first event."""


def _order_row(
    order: NewOrder,
    body_digest: str,
    postal_area: str,
    received_at: datetime,
    grace: timedelta,
    return_window: timedelta,
) -> dict[str, Any]:
    return {
        "order_id": order.order,
        "channel": order.channel,
        "number": order.number,
        "body_digest": body_digest,
        "placed_at": order.placed_at,
        "received_at": received_at,
        "currency": order.currency,
        "service": order.service,
        "country": order.ship_to.country,
        "postal_area": postal_area,
        "priority": order.priority,
        "customer_tier": order.customer_tier or "",
        "ship_complete": order.ship_complete,
        "pickup_node": order.pickup_node,
        "not_after": order.not_after,
        "value": order.value,
        "shipping_price": order.shipping_price,
        "paid": order.paid,
        "release_at": max(received_at + grace, order.not_before or received_at),
        "return_window": return_window,
    }


def _line_rows(order: NewOrder, return_windows: Mapping[str, timedelta | None]) -> Iterable[dict[str, Any]]:
    for position, line in enumerate(order.lines):
        yield {
            "line": line.line,
            "position": position,
            "sku": line.sku,
            "unit_price": line.unit_price,
            "discount": line.discount,
            "return_window_seconds": None if (window := return_windows[line.line]) is None else window.total_seconds(),
            "ordered": line.quantity,
        }


def _waiting_row(order: str, units: Waiting, network: Network) -> dict[str, Any]:
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
    }


async def place_reasoned(
    connection: WriteConnection, order: str, placement: Placement, actor: str, at: datetime
) -> bool:
    """Place a hold with its own reason, the policy's as the policy and another as `actor`; false when one stands."""
    if not await place_hold(connection, order, placement, None, at):
        return False
    remark_id = await personal.note(connection, order, POLICY if placement.is_by_policy else actor, placement.reason)
    standing = (hold.c.order_id == order, hold.c.hold == placement.hold, hold.c.released_at.is_(None))
    await connection.execute(update(hold).where(*standing).values(remark=remark_id))
    return True


async def place_hold(
    connection: WriteConnection, order: str, placement: Placement, remark_id: int | None, at: datetime
) -> bool:
    """Place a named hold, with the remark of who placed it and why; false when one of this name stands: it stays as it is."""
    parameters = {
        "order": order,
        "hold": placement.hold,
        "owner": placement.owner,
        "stock": placement.stock,
        "is_by_policy": placement.is_by_policy,
        "since": at,
        "remark": remark_id,
    }
    return (await connection.execute(PLACE_HOLD, parameters)).rowcount > 0


PLACE_HOLD = text(
    """
    INSERT INTO hold (order_id, hold, owner, stock, is_by_policy, since, remark)
    VALUES (:order, :hold, :owner, :stock, :is_by_policy, :since, :remark)
    ON CONFLICT (order_id, hold) WHERE released_at IS NULL DO NOTHING
    """
)


async def is_held_by_policy(connection: ReadConnection, order: str, name: str, channel: str) -> bool:
    """Whether a hold of this name stands on an order of the channel because the policy placed it."""
    parameters = {"order": order, "hold": name, "channel": channel}
    return bool((await connection.execute(IS_HELD_BY_POLICY, parameters)).scalar_one())


IS_HELD_BY_POLICY = text(
    """
    SELECT EXISTS (SELECT FROM hold JOIN orders USING (order_id)
                   WHERE order_id = :order AND hold = :hold AND channel = :channel AND released_at IS NULL AND is_by_policy)
    """
)


async def release_hold(connection: WriteConnection, order: str, name: str, remark_id: int | None, at: datetime) -> bool:
    """Release a named hold; false when none of this name stands."""
    statement = (
        update(hold)
        .where(hold.c.order_id == order, hold.c.hold == name, hold.c.released_at.is_(None))
        .values(released_at=at, released_by=remark_id)
    )
    return (await connection.execute(statement)).rowcount > 0


async def lock(connection: WriteConnection, order: str) -> None:
    """Take the order's row lock: nobody else moves its units until the transaction ends. Raises `UnknownOrder`.

    Read what the order holds in a statement of its own afterwards: sub-selects of the locking statement would still see the
    state from before the wait.
    """
    if (await connection.execute(LOCK, {"order": order})).scalar() is None:
        raise UnknownOrder(order)


LOCK = text("SELECT order_id FROM orders WHERE order_id = :order FOR UPDATE")


async def unshipped(connection: ReadConnection, order: str) -> int:
    """Units that neither shipped nor were cancelled."""
    return int((await connection.execute(UNSHIPPED, {"order": order})).scalar_one())


UNSHIPPED = text("SELECT sum(ordered - shipped - cancelled) FROM order_line WHERE order_id = :order")


async def load(connection: ReadConnection, order: str) -> tuple[Header, Order]:
    """Everything that an order holds, in one statement. Call it under the order's lock when you mean to write."""
    row = (await connection.execute(LOAD, {"order": order})).one_or_none()
    if row is None:
        raise UnknownOrder(order)
    facts = json.loads(row.facts)
    ship_to = personal.opened(personal.open_key(connection, order, row.wrapped), "address", row.ship_to) or {}
    return _header(row, ship_to, facts), _order(order, facts, row.pickup_node)


LOAD = text(
    """
    SELECT o.*, r.ship_to, k.wrapped, p.rounds, p.planned_at,
           EXISTS (SELECT FROM hold h WHERE h.order_id = o.order_id AND h.released_at IS NULL) AS is_held,
           EXISTS (SELECT FROM hold h WHERE h.order_id = o.order_id AND h.released_at IS NULL AND h.stock = 'wait')
               AS waits_for_hold,
           (SELECT version FROM network_version WHERE is_active) AS network_version,
           json_build_object(
               'lines', (SELECT json_agg(l) FROM (
                             SELECT line, sku, ordered, shipped, cancelled FROM order_line
                             WHERE order_id = o.order_id ORDER BY position) l),
               'waiting', (SELECT coalesce(json_agg(w ORDER BY w.waiting_id), '[]')
                           FROM waiting w WHERE w.order_id = o.order_id),
               'reservations', (SELECT coalesce(json_agg(v ORDER BY v.reservation_id), '[]')
                                FROM reservation v WHERE v.order_id = o.order_id),
               'fulfillment_orders', (SELECT coalesce(json_agg(f ORDER BY f.number), '[]')
                                      FROM fulfillment_order f WHERE f.order_id = o.order_id),
               'fulfillment_order_lines', (
                   SELECT coalesce(json_agg(l), '[]') FROM (
                       SELECT l.fulfillment_order_id, l.line, l.sku, l.quantity, l.tried, l.told_picked, l.told_ready,
                              l.told_shipped, l.told_delivered, l.freed, l.replaced, l.cancel_wanted
                       FROM fulfillment_order f JOIN fulfillment_order_line l USING (fulfillment_order_id)
                       WHERE f.order_id = o.order_id ORDER BY f.number, l.position) l),
               'own', (SELECT coalesce(json_agg(json_build_array(u.node, u.sku, u.quantity)), '[]')
                       FROM cart c JOIN cart_unit u USING (cart_id)
                       WHERE c.order_id = o.order_id AND u.expires_at = 'infinity'),
               'claims', (SELECT coalesce(json_agg(c), '[]') FROM capacity_claim c WHERE c.order_id = o.order_id)
           )::text AS facts
    FROM orders o LEFT JOIN personal.recipient r USING (order_id) LEFT JOIN personal.key k ON k.owner = o.order_id
    CROSS JOIN LATERAL (SELECT count(*) AS rounds, max(recorded_at) AS planned_at FROM plan WHERE plan.order_id = o.order_id) p
    WHERE o.order_id = :order
    """
)


def _header(row: Any, ship_to: dict[str, Any], facts: dict[str, list[Any]]) -> Header:
    return Header(
        order=row.order_id,
        channel=row.channel,
        service=row.service,
        country=row.country,
        region=ship_to.get("region", ""),
        postal_code=ship_to.get("postal_code", row.postal_area),
        customer_tier=row.customer_tier,
        value=row.value,
        priority=row.priority,
        ship_complete=row.ship_complete,
        pickup_node=row.pickup_node,
        version=row.version,
        rounds=row.rounds,
        network_version=row.network_version,
        is_closed=row.closed_at is not None,
        is_held=row.is_held,
        waits_for_hold=row.waits_for_hold,
        is_forgotten=not ship_to,
        deliver_by=row.promise_deliver_by,
        planned_at=row.planned_at,
        release_at=row.release_at,
        not_after=row.not_after,
        placed_at=row.placed_at,
        own={(node, sku): quantity for node, sku, quantity in facts["own"]},
        claimed=capacity.claims(facts["claims"]),
    )


def _order(order: str, facts: dict[str, list[dict[str, Any]]], pickup_node: str | None) -> Order:
    skus = {line["line"]: line["sku"] for line in facts["lines"]}
    told: dict[str, dict[str, Told]] = {row["fulfillment_order_id"]: {} for row in facts["fulfillment_orders"]}
    for row in facts["fulfillment_order_lines"]:
        told[row["fulfillment_order_id"]][row["line"]] = _told(row)
    return Order(
        order=order,
        lines={
            line["line"]: OrderedLine(line["sku"], line["ordered"], line["shipped"], line["cancelled"])
            for line in facts["lines"]
        },
        waiting=[_waiting(row, skus[row["line"]]) for row in facts["waiting"]],
        reservations=[_reservation(row, skus[row["line"]]) for row in facts["reservations"]],
        fulfillment_orders={
            row["fulfillment_order_id"]: _fulfillment_order(row, told[row["fulfillment_order_id"]])
            for row in facts["fulfillment_orders"]
        },
        tried={
            (row["fulfillment_order_id"], row["line"]): tuple(row["tried"]) for row in facts["fulfillment_order_lines"]
        },
        pickup_node=pickup_node,
    )


def _waiting(row: dict[str, Any], sku: str) -> Waiting:
    return Waiting(
        row["line"],
        sku,
        row["quantity"],
        row["attempt"],
        tuple(row["tried"]),
        row["awaits"],
        None if row["nodes"] is None else tuple(row["nodes"]),
        _moment(row["gives_up_at"]),
        _moment(row["looks_again_at"]),
    )


def _reservation(row: dict[str, Any], sku: str) -> Reservation:
    return Reservation(
        row["line"],
        sku,
        row["node"],
        row["quantity"],
        row["attempt"],
        tuple(row["tried"]),
        row["round"],
        datetime.fromisoformat(row["ship_by"]),
        datetime.fromisoformat(row["deliver_by"]),
    )


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _fulfillment_order(row: dict[str, Any], lines: dict[str, Told]) -> FulfillmentOrder:
    return FulfillmentOrder(
        fulfillment_order=row["fulfillment_order_id"],
        order=row["order_id"],
        node=row["node"],
        attempt=row["attempt"],
        dispatch=KINDS[row["dispatch"]].dispatch,
        request=Request(row["request"]),
        lines=lines,
        released_at=datetime.fromisoformat(row["released_at"]),
        ship_by=datetime.fromisoformat(row["ship_by"]),
        deliver_by=datetime.fromisoformat(row["deliver_by"]),
        accepted_at=_moment(row["accepted_at"]),
        pick_final=row["pick_final"],
        ship_final=row["ship_final"],
        ready_at=_moment(row["ready_at"]),
        shipped_at=_moment(row["shipped_at"]),
        delivered_at=_moment(row["delivered_at"]),
        assumed_delivered=row["assumed_delivered"],
        delivery_failed_at=_moment(row["delivery_failed_at"]),
        dead_at=_moment(row["dead_at"]),
        cancel_asked_at=_moment(row["cancel_asked_at"]),
        asked_for_all=row["asked_for_all"],
        ship_clock_from=_moment(row["ship_clock_from"]),
        escalated=WaitingFor(row["escalated"]) if row["escalated"] else None,
        patience_from=_moment(row["patience_from"]),
        pickup=row["pickup"],
        reminded_at=_moment(row["reminded_at"]),
        uncollected_at=_moment(row["uncollected_at"]),
        at_risk_at=_moment(row["at_risk_at"]),
    )


def _told(row: dict[str, Any]) -> Told:
    return Told(
        line=row["line"],
        sku=row["sku"],
        quantity=row["quantity"],
        picked=row["told_picked"],
        ready=row["told_ready"],
        shipped=row["told_shipped"],
        delivered=row["told_delivered"],
        freed=row["freed"],
        replaced=row["replaced"],
        cancel_wanted=row["cancel_wanted"],
    )


@dataclass(frozen=True, slots=True)
class Event:
    """What caused a change: its unique name, who did it, and when."""

    cause: str
    actor: str
    occurred_at: datetime
    told_at: datetime | None = None
    """When goods left or came, as their node tells; None = at the same moment."""

    @property
    def happened_at(self) -> datetime:
        """When goods left or came. A clock that runs ahead cannot tell of the future: then it is the moment that we heard."""
        return min(self.told_at or self.occurred_at, self.occurred_at)


async def save(
    connection: WriteConnection, header: Header, before: Order, after: Order, changes: Changes, event: Event
) -> list[stock.Shortage]:
    """Write what an event changed: buckets, what waits and is pinned, and the ledger with its counters.

    Fulfillment orders and exceptions are written by `database.fulfillment` and `database.exception`. Answers where less is on
    hand than is promised since this event.
    """
    await _move_buckets(connection, header.order, changes)
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
        happened_at=event.happened_at,
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


async def _replace_waiting(connection: WriteConnection, order: str, units: Sequence[Waiting], network: Network) -> None:
    await connection.execute(waiting.delete().where(waiting.c.order_id == order))
    if units:
        await connection.execute(insert(waiting), [_waiting_row(order, row, network) for row in units])


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


async def keep_promise(connection: WriteConnection, order: str, ship_by: datetime, deliver_by: datetime) -> None:
    """Write the promise that was given; one that stands is never overwritten."""
    statement = (
        update(orders)
        .where(orders.c.order_id == order, orders.c.promise_ship_by.is_(None))
        .values(promise_ship_by=ship_by, promise_deliver_by=deliver_by)
    )
    await connection.execute(statement)


async def change_value(
    connection: WriteConnection, order: str, before: Mapping[str, int], after: Mapping[str, int]
) -> int:
    """Let the order's value follow its lines, which counted so many units `before` and now count so many; answers it.

    The discount of a line stays, and never takes more than the line costs.
    """
    parameters = {
        "order": order,
        "lines": list(after),
        "before": [before[line] for line in after],
        "after": list(after.values()),
    }
    return int((await connection.execute(CHANGE_VALUE, parameters)).scalar_one())


CHANGE_VALUE = text(
    """
    UPDATE orders o
    SET value = o.value + (
        SELECT sum(greatest(0, l.unit_price * d.after - l.discount) - greatest(0, l.unit_price * d.before - l.discount))
        FROM unnest(CAST(:lines AS text[]), CAST(:before AS bigint[]), CAST(:after AS bigint[])) AS d(line, before, after)
        JOIN order_line l USING (line)
        WHERE l.order_id = o.order_id)
    WHERE o.order_id = :order
    RETURNING o.value
    """
)


async def close(connection: WriteConnection, order: str, at: datetime) -> None:
    """Close the order: from now on its messages are applied here and wake nobody."""
    statement = update(orders).where(orders.c.order_id == order, orders.c.closed_at.is_(None)).values(closed_at=at)
    await connection.execute(statement)


async def next_version(
    connection: WriteConnection, order: str, events: Sequence[ChannelEvent], occurred_at: datetime
) -> OrderState:
    """Count the change, write what its channel hears of it, and answer the order's new state, as `news` does."""
    parameters = {"order": order, "events": event.rows(events), "occurred_at": occurred_at}
    counted = (await connection.execute(NEXT_VERSION, parameters)).one()
    return OrderState.model_validate_json(counted.state).model_copy(update={"version": counted.version})


NEXT_VERSION = text(
    f"""
    WITH counted AS (UPDATE orders SET version = version + 1 WHERE order_id = :order RETURNING version),
    told AS ({event.TELL})
    SELECT counted.version, n.state::text AS state FROM order_news n CROSS JOIN counted WHERE n.order_id = :order
    """
)
"""The view still sees the version from before the statement."""


async def channel(connection: ReadConnection, order: str) -> str:
    """The channel that an order came from. Raises `UnknownOrder`."""
    found: str | None = (await connection.execute(select(orders.c.channel).where(orders.c.order_id == order))).scalar()
    if found is None:
        raise UnknownOrder(order)
    return found


async def news(connection: ReadConnection, order: str) -> OrderState:
    """The order's state with every status derived; of a large one without its lines. Raises `UnknownOrder`."""
    return await _state(connection, order, NEWS)


NEWS = text("SELECT state::text FROM order_news WHERE order_id = :order")


async def state(connection: ReadConnection, order: str) -> OrderState:
    """The same with its lines, unless they are more than Temporal could carry. Raises `UnknownOrder`."""
    return await _state(connection, order, STATE)


STATE = text("SELECT state::text FROM order_copy WHERE order_id = :order")


async def _state(connection: ReadConnection, order: str, statement: TextClause) -> OrderState:
    found = (await connection.execute(statement, {"order": order})).scalar()
    if found is None:
        raise UnknownOrder(order)
    return OrderState.model_validate_json(found)

"""Reads an order: loads its facts, shows the state that its workflow keeps a copy of."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import TextClause, select, text

from database import capacity, details, personal
from database.connect import ReadConnection
from database.details import Details
from database.outbox import inbox
from database.outbox.inbox import Known
from database.schema.tables import orders
from database.sealing import Key
from domain.account import Charges, Layer, Layers
from domain.capacity import Claims
from domain.closing import OpenException
from domain.fulfillment import FulfillmentOrder, FulfillmentOrderLine, RequestStatus, WaitingFor
from domain.network import Locality
from domain.order import OrderState
from domain.payment import Payments
from domain.peg import Peg, RowName
from domain.reasons import ExceptionCode
from domain.units import Order, OrderedLine, Reservation, Waiting
from nodes.kinds import KINDS


class MessageName(NamedTuple):
    """A message of a node: its id, and the fulfillment order that it is about."""

    about: str
    message_id: str


class UnknownOrder(LookupError):
    """No order has this id."""


@dataclass(frozen=True, slots=True)
class Replaces:
    """What an order was placed for: the exchange or the claim of another order."""

    order: str
    refund: str
    """The refund of that order that it stands for."""


@dataclass(frozen=True, slots=True)
class Header:
    """What sourcing and releasing need of an order beside its units."""

    order: str
    channel: str
    service: str
    locality: Locality
    """Only the country and the postal area when the order was forgotten."""
    customer_tier: str
    reference: str | None
    """What people call it; None = they call it by its number, or it was forgotten."""
    purchase_order: str | None
    tags: tuple[str, ...]
    details: Details = field(repr=False)
    """What is personal of it beside its address."""
    key: Key | None = field(repr=False)
    """Seals what is personal of it; None = it was forgotten."""
    currency: str
    """Of all its amounts."""
    value: int
    payments: Payments
    priority: int
    ship_complete: str | None
    pickup_node: str | None
    from_node: str | None
    """The node that its channel wants it shipped from; None = the policy decides."""
    to_node: str | None
    """The node that a transfer goes to; None = it is a customer's order."""
    for_order: str | None
    """The order whose units a transfer brings to where they are collected; None = it is for no order."""
    version: int
    rounds: int
    network_version: int | None
    """The version of the network that is active now; None before one was applied."""
    is_closed: bool
    is_held: bool
    waits_for_hold: bool
    """Whether a hold lets nothing be reserved for it until the hold is released."""
    is_forgotten: bool
    is_promised: bool
    """Whether a promise was given."""
    promised: tuple[datetime | None, datetime | None]
    """When it ships and arrives by the present promise. None = there is none, or nobody knows."""
    is_promise_changed: bool
    """Whether a new promise has replaced the first."""
    duty_ship_by: datetime | None
    """When the channel must see it shipped; None = it named no such moment."""
    duty_deliver_by: datetime | None
    """When the channel must see it delivered; None = it named no such moment."""
    planned_at: datetime | None
    """When its last sourcing round was made; None = there was none."""
    own_release_at: datetime
    """When it may be released but for the release dates of its items: its grace period is over, and its first day is there."""
    items_release_at: datetime | None
    """From when all of its items may leave a node by their release dates; None = at any time."""
    not_after: datetime | None
    """Units that are not released then are cancelled; None = there is no such day."""
    placed_at: datetime
    own: dict[tuple[str, str], int]
    """Units at each (node, SKU) in the cart that this order took over."""
    claimed: Claims
    """Its claims on the capacity of nodes' days."""
    replaces: Replaces | None = None
    """What it was placed for; None = it replaces nothing."""
    open_exceptions: Sequence[OpenException] = ()
    """What needs a person, the oldest first."""
    known: Known | None = None
    """What is stored under the message id that was asked about; None = nothing, or nothing was asked."""
    deadlines: Mapping[str, datetime] = field(default_factory=dict)
    """By fulfillment order that waits, until when: as it was last written, whatever the network says now."""

    @property
    def deliver_by(self) -> datetime | None:
        """The promised day; None = no promise was given yet, or it has no day of delivery."""
        return self.promised[1]

    @property
    def release_at(self) -> datetime:
        """When it may be released."""
        return self.own_release_at if self.items_release_at is None else max(self.own_release_at, self.items_release_at)

    def window_has_ended(self, at: datetime) -> bool:
        """Whether none of its units may be released any more."""
        return self.not_after is not None and at >= self.not_after


async def unshipped(connection: ReadConnection, order: str) -> int:
    """Units that did not ship and were not cancelled."""
    return int((await connection.execute(UNSHIPPED, {"order": order})).scalar_one())


UNSHIPPED = text("SELECT sum(ordered - shipped - cancelled) FROM order_line WHERE order_id = :order")


async def load(connection: ReadConnection, order: str, message: MessageName | None = None) -> tuple[Header, Order]:
    """An order with all its facts, read by one statement. Call it under the order's lock before you write.

    With a message, the header says what its sender has stored under its id. Raises `UnknownOrder`.
    """
    asked = {"order": order, "about": None, "message_id": None} | (message._asdict() if message else {})
    row = (await connection.execute(LOAD, asked)).one_or_none()
    if row is None:
        raise UnknownOrder(order)
    return _loaded(connection, row)


async def load_all(connection: ReadConnection, names: Collection[str]) -> dict[str, tuple[Header, Order]]:
    """As `load`, for several orders by one statement; those that there are not are absent."""
    asked = {"orders": sorted(names), "about": None, "message_id": None}
    return {row.order_id: _loaded(connection, row) for row in await connection.execute(LOAD_ALL, asked)}


def _loaded(connection: ReadConnection, row: Any) -> tuple[Header, Order]:
    facts = json.loads(row.facts)
    key = personal.open_key(connection, row.order_id, row.wrapped)
    ship_to = personal.unseal(key, "address", row.ship_to) or {}
    return _header(row, key, ship_to, details.unseal(key, row.details), facts), _order(row, facts)


_FACTS = f"""
    SELECT o.*, r.ship_to, r.details, k.wrapped, p.rounds, p.planned_at,
           EXISTS (SELECT FROM hold h WHERE h.order_id = o.order_id AND h.released_at IS NULL) AS is_held,
           EXISTS (SELECT FROM hold h WHERE h.order_id = o.order_id AND h.released_at IS NULL AND h.stock = 'wait')
               AS waits_for_hold,
           (SELECT version FROM network_version WHERE is_active) AS network_version,
           json_build_object(
               'lines', (SELECT json_agg(l) FROM (
                             SELECT line, sku, name, ordered, shipped, cancelled, components, weight_g, unit_price,
                                    discount + order_discount AS discount, tax
                             FROM order_line WHERE order_id = o.order_id ORDER BY position) l),
               'layers', (SELECT coalesce(json_agg(y ORDER BY y.layer), '[]') FROM order_layer y WHERE y.order_id = o.order_id),
               'waiting', (SELECT coalesce(json_agg(w ORDER BY w.waiting_id), '[]')
                           FROM waiting w WHERE w.order_id = o.order_id),
               'pegs', (SELECT coalesce(json_agg(g ORDER BY g.line, g.node, g.message_id), '[]')
                        FROM peg g WHERE g.order_id = o.order_id),
               'reservations', (SELECT coalesce(json_agg(v ORDER BY v.reservation_id), '[]')
                                FROM reservation v WHERE v.order_id = o.order_id),
               'fulfillment_orders', (SELECT coalesce(json_agg(f ORDER BY f.number), '[]')
                                      FROM fulfillment_order f WHERE f.order_id = o.order_id),
               'fulfillment_order_lines', (
                   SELECT coalesce(json_agg(l), '[]') FROM (
                       SELECT l.fulfillment_order_id, l.line, l.sku, l.quantity, l.tried, l.told_picked, l.told_ready,
                              l.told_shipped, l.told_delivered, l.voided, l.freed, l.replaced, l.cancel_wanted, l.lost
                       FROM fulfillment_order f JOIN fulfillment_order_line l USING (fulfillment_order_id)
                       WHERE f.order_id = o.order_id ORDER BY f.number, l.position) l),
               'own', (SELECT coalesce(json_agg(json_build_array(u.node, u.sku, u.quantity)), '[]')
                       FROM cart c JOIN cart_unit u USING (cart_id)
                       WHERE c.order_id = o.order_id AND u.expires_at = 'infinity'),
               'known', {inbox.KNOWN_OF_ITS_NODE},
               'claims', (SELECT coalesce(json_agg(c), '[]') FROM capacity_claim c WHERE c.order_id = o.order_id),
               'replaces', (SELECT coalesce(json_agg(json_build_array(f.order_id, f.refund_id) ORDER BY f.refund_id), '[]')
                            FROM refund f WHERE f.replacement = o.order_id),
               'exceptions', (SELECT coalesce(json_agg(e ORDER BY e.since, e.exception_id), '[]')
                              FROM exception e WHERE e.order_id = o.order_id AND e.resolved_at IS NULL)
           )::text AS facts
    FROM orders o LEFT JOIN personal.recipient r USING (order_id) LEFT JOIN personal.key k ON k.owner = o.order_id
    CROSS JOIN LATERAL (SELECT count(*) AS rounds, max(recorded_at) AS planned_at FROM plan WHERE plan.order_id = o.order_id) p
"""

LOAD = text(f"{_FACTS} WHERE o.order_id = :order")
LOAD_ALL = text(f"{_FACTS} WHERE o.order_id = ANY(CAST(:orders AS text[]))")


_SAME = (
    *("channel", "service", "currency", "value", "priority", "placed_at", "not_after", "ship_complete"),
    "customer_tier",
    *("reference", "purchase_order", "pickup_node", "from_node", "to_node", "duty_ship_by", "duty_deliver_by"),
    *("version", "rounds", "network_version", "is_held", "waits_for_hold", "planned_at", "items_release_at"),
)
"""What a header has as the row has it, under the same name."""


def _header(row: Any, key: Key | None, ship_to: dict[str, Any], own: Details, facts: dict[str, list[Any]]) -> Header:
    return Header(
        **{name: getattr(row, name) for name in _SAME},
        order=row.order_id,
        for_order=row.for_order_id,
        own_release_at=row.release_at,
        locality=_locality(ship_to) if ship_to else Locality(row.country, row.postal_area),
        tags=tuple(row.tags),
        details=own,
        key=key,
        payments=Payments(row.paid, row.captured, row.authorized, row.voided, row.capture_asked, row.void_asked),
        is_closed=row.closed_at is not None,
        is_forgotten=not ship_to,
        is_promised=row.promise_ship_by is not None,
        promised=_promised(row),
        is_promise_changed=row.promise_changed_at is not None,
        own={(node, sku): quantity for node, sku, quantity in facts["own"]},
        claimed=capacity.claims(facts["claims"]),
        replaces=next((Replaces(order, refund) for order, refund in facts["replaces"]), None),
        open_exceptions=[_open_exception(row) for row in facts["exceptions"]],
        known=Known(*facts["known"]) if facts["known"] else None,
        deadlines=_deadlines(facts["fulfillment_orders"]),
    )


def _promised(row: Any) -> tuple[datetime | None, datetime | None]:
    first = row.promise_ship_by, row.promise_deliver_by
    return first if row.promise_changed_at is None else (row.new_ship_by, row.new_deliver_by)


def _deadlines(fulfillment_orders: Sequence[dict[str, Any]]) -> dict[str, datetime]:
    return {
        row["fulfillment_order_id"]: datetime.fromisoformat(row["deadline"])
        for row in fulfillment_orders
        if row["deadline"] is not None
    }


def _locality(ship_to: Mapping[str, Any]) -> Locality:
    """What a stored address says about where it is; it is not validated again: what is refused now was accepted then."""
    point = (ship_to["latitude"], ship_to["longitude"]) if ship_to.get("latitude") is not None else None
    country, postal_code, city, region = (
        ship_to.get(name) or "" for name in ("country", "postal_code", "city", "region")
    )
    return Locality(country, postal_code, city, region, point)


def _open_exception(row: dict[str, Any]) -> OpenException:
    return OpenException(
        row["exception_id"],
        ExceptionCode(row["code"]),
        row["fulfillment_order_id"],
        row["subject"],
        datetime.fromisoformat(row["since"]),
    )


def _order(order: Any, facts: dict[str, list[dict[str, Any]]]) -> Order:
    skus = {line["line"]: line["sku"] for line in facts["lines"]}
    lines: dict[str, dict[str, FulfillmentOrderLine]] = {
        row["fulfillment_order_id"]: {} for row in facts["fulfillment_orders"]
    }
    for fo_line in facts["fulfillment_order_lines"]:
        lines[fo_line["fulfillment_order_id"]][fo_line["line"]] = _fulfillment_order_line(fo_line)
    added: dict[str, list[Layer]] = {}
    for layer in facts["layers"]:
        added.setdefault(layer["line"], []).append(_layer(layer))
    return Order(
        order=order.order_id,
        lines={
            line["line"]: _ordered_line(line, _layers(line, added.get(line["line"], ()))) for line in facts["lines"]
        },
        waiting=[_waiting(one, skus[one["line"]]) for one in facts["waiting"]],
        reservations=[_reservation(one, skus[one["line"]]) for one in facts["reservations"]],
        fulfillment_orders={
            fo["fulfillment_order_id"]: _fulfillment_order(order, fo, lines[fo["fulfillment_order_id"]])
            for fo in facts["fulfillment_orders"]
        },
        tried={
            (fo_line["fulfillment_order_id"], fo_line["line"]): tuple(fo_line["tried"])
            for fo_line in facts["fulfillment_order_lines"]
        },
        pickup_node=order.pickup_node,
        to_node=order.to_node,
        for_order=order.for_order_id,
        pegs=[peg_of(row) for row in facts["pegs"]],
        charges=Charges(order.prices_include_tax, order.shipping_price, order.shipping_tax),
        duty_ship_by=order.duty_ship_by,
        duty_deliver_by=order.duty_deliver_by,
    )


def _ordered_line(line: dict[str, Any], layers: Layers) -> OrderedLine:
    return OrderedLine(
        line["sku"],
        line["ordered"],
        line["shipped"],
        line["cancelled"],
        tuple((line["components"] or {}).items()),
        line["weight_g"],
        layers,
        line["name"],
    )


def _layers(line: dict[str, Any], added: Sequence[Layer]) -> Layers:
    """The layers of a line: the first one is what the line was placed with."""
    ordered = line["ordered"] - sum(layer.ordered for layer in added)
    cancelled = line["cancelled"] - sum(layer.cancelled for layer in added)
    return (Layer(ordered, cancelled, line["unit_price"], line["discount"], line["tax"]), *added)


def _layer(row: dict[str, Any]) -> Layer:
    return Layer(row["ordered"], row["cancelled"], row["unit_price"], row["discount"], row["tax"])


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
        row["network_version"],
        None if row["incoming_lag_seconds"] is None else timedelta(seconds=row["incoming_lag_seconds"]),
        row["sell_ahead_max"],
        row["sells_returns"],
    )


def peg_of(row: Mapping[str, Any]) -> Peg:
    """A peg as a statement read it."""
    return Peg(
        row["line"],
        row["sku"],
        RowName(row["node"], row["message_id"]),
        row["quantity"],
        row["arrived"],
        row["is_whole"],
        *(_moment(row[name]) for name in ("due_at", "ship_by", "deliver_by")),
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
        _moment(row["deliver_by"]),
    )


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _fulfillment_order(order: Any, row: dict[str, Any], lines: dict[str, FulfillmentOrderLine]) -> FulfillmentOrder:
    return FulfillmentOrder(
        fulfillment_order=row["fulfillment_order_id"],
        order=row["order_id"],
        node=row["node"],
        attempt=row["attempt"],
        dispatch=KINDS[row["dispatch"]].dispatch,
        request=RequestStatus(row["request"]),
        lines=lines,
        released_at=datetime.fromisoformat(row["released_at"]),
        ship_by=datetime.fromisoformat(row["ship_by"]),
        deliver_by=_moment(row["deliver_by"]),
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
        duty_ship_by=order.duty_ship_by,
        duty_deliver_by=order.duty_deliver_by,
        to_node=order.to_node,
    )


def _fulfillment_order_line(row: dict[str, Any]) -> FulfillmentOrderLine:
    return FulfillmentOrderLine(
        line=row["line"],
        sku=row["sku"],
        quantity=row["quantity"],
        picked=row["told_picked"],
        ready=row["told_ready"],
        shipped=row["told_shipped"],
        delivered=row["told_delivered"],
        voided=row["voided"],
        freed=row["freed"],
        replaced=row["replaced"],
        cancel_wanted=row["cancel_wanted"],
        lost=row["lost"],
    )


async def channel(connection: ReadConnection, order: str) -> str:
    """The channel that an order came from. Raises `UnknownOrder`."""
    found: str | None = (await connection.execute(select(orders.c.channel).where(orders.c.order_id == order))).scalar()
    if found is None:
        raise UnknownOrder(order)
    return found


async def news(connection: ReadConnection, order: str) -> OrderState:
    """The order's state with every status derived; a large order without its lines. Raises `UnknownOrder`."""
    return await state_from(connection, order, NEWS)


NEWS = text("SELECT state::text FROM order_news WHERE order_id = :order")


async def state(connection: ReadConnection, order: str) -> OrderState:
    """The order's state with its lines, unless they are more than Temporal can carry. Raises `UnknownOrder`."""
    return await state_from(connection, order, STATE)


STATE = text("SELECT state::text FROM order_copy WHERE order_id = :order")


async def state_from(connection: ReadConnection, order: str, statement: TextClause) -> OrderState:
    found = (await connection.execute(statement, {"order": order})).scalar()
    if found is None:
        raise UnknownOrder(order)
    return OrderState.model_validate_json(found)

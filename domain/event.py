"""Decides which events a channel gets about its orders: the difference between an order before a change and after it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from domain.fulfillment import FulfillmentOrder
from domain.network import OrderRules
from domain.order import Bucket, NewLine
from domain.returns import ReturnLineState
from domain.units import Changes, Order


class EventKind(StrEnum):
    """The kinds of events about an order."""

    ACCEPTED = "accepted"
    ADDED = "added"
    PROMISED = "promised"
    PROMISE_CHANGED = "promise_changed"
    BACKORDERED = "backordered"
    BACKORDER_FILLED = "backorder_filled"
    READY_FOR_PICKUP = "ready_for_pickup"
    STILL_TO_COLLECT = "still_to_collect"
    NOT_COLLECTED = "not_collected"
    SHIPPED = "shipped"
    SHIPMENT_VOIDED = "shipment_voided"
    SHIPMENT_CORRECTED = "shipment_corrected"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"
    RETURNED = "returned"
    SETTLED = "settled"
    RETURN_REMINDER = "return_reminder"
    EXCHANGED = "exchanged"
    REFUND_REQUESTED = "refund_requested"
    RETURN_AUTHORIZED = "return_authorized"
    RETURN_DECLINED = "return_declined"
    RETURN_CANCELLED = "return_cancelled"
    RETURN_EXPIRED = "return_expired"
    CAPTURE_REQUESTED = "capture_requested"
    VOID_REQUESTED = "void_requested"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """A change that a channel must know; `data` holds ids, SKUs, quantities and dates, and no personal data."""

    kind: EventKind
    data: Mapping[str, Any]


def promised(ship_by: datetime, deliver_by: datetime | None) -> ChannelEvent:
    """A promise was given; the day of delivery is None where nobody knows it."""
    return ChannelEvent(EventKind.PROMISED, _dates(ship_by, deliver_by))


def promise_changed(ship_by: datetime | None, deliver_by: datetime | None) -> ChannelEvent:
    """A new promise replaces the present one; both days are None where nobody knows when the goods come."""
    return ChannelEvent(EventKind.PROMISE_CHANGED, _dates(ship_by, deliver_by))


def _dates(ship_by: datetime | None, deliver_by: datetime | None) -> dict[str, str | None]:
    dates = {"ship_by": ship_by, "deliver_by": deliver_by}
    return {name: None if at is None else at.astimezone(UTC).isoformat() for name, at in dates.items()}


def events(before: Order, after: Order, changes: Changes) -> list[ChannelEvent]:
    """The events that a change of an order's units causes."""
    return [
        *_added(after, changes),
        *_entered(EventKind.BACKORDERED, "backordered", after, changes),
        *_filled(after, changes),
        *_of_work(before, after, changes),
        *_entered(EventKind.CANCELLED, "cancelled", after, changes),
    ]


def of_return(
    name: str, before: Iterable[ReturnLineState], after: Iterable[ReturnLineState], resolution: str | None
) -> list[ChannelEvent]:
    """The events that a message about a return causes: units came back, or (with a resolution) the return was settled."""
    known = {line.line: line.returned for line in before}
    lines = [_units(line.line, line.sku, line.returned - known.get(line.line, 0)) for line in after]
    came = [line for line in lines if line["quantity"] > 0]
    returned = [ChannelEvent(EventKind.RETURNED, {"return": name, "lines": came})] if came else []
    settled = {"return": name, "resolution": resolution}
    return returned + ([ChannelEvent(EventKind.SETTLED, settled)] if resolution else [])


def about_return(kind: EventKind, name: str, **more: object) -> ChannelEvent:
    """An event about a return as a whole."""
    return ChannelEvent(kind, {"return": name} | more)


def _units(line: str, sku: str, quantity: int) -> dict[str, Any]:
    return {"line": line, "sku": sku, "quantity": quantity}


def added(lines: Iterable[NewLine]) -> ChannelEvent:
    """Lines were added to an order."""
    return ChannelEvent(EventKind.ADDED, {"lines": [_units(line.line, line.sku, line.quantity) for line in lines]})


def _added(order: Order, changes: Changes) -> list[ChannelEvent]:
    lines = [_units(line, order.lines[line].sku, quantity) for line, quantity in changes.added.items()]
    return [ChannelEvent(EventKind.ADDED, {"lines": lines})] if lines else []


def _entered(kind: EventKind, bucket: Bucket, order: Order, changes: Changes) -> list[ChannelEvent]:
    lines = [
        _units(line, order.lines[line].sku, moved[bucket])
        for line, moved in changes.buckets.items()
        if moved[bucket] > 0
    ]
    return [ChannelEvent(kind, {"lines": lines})] if lines else []


def _filled(order: Order, changes: Changes) -> list[ChannelEvent]:
    """Units that waited for stock, and have a node now."""
    lines = [
        _units(line, order.lines[line].sku, units)
        for line, moved in changes.buckets.items()
        if (units := min(-moved["backordered"], moved["reserved"] + moved["allocated"])) > 0
    ]
    return [ChannelEvent(EventKind.BACKORDER_FILLED, {"lines": lines})] if lines else []


def _of_work(before: Order, after: Order, changes: Changes) -> Sequence[ChannelEvent]:
    found: list[ChannelEvent] = []
    for name in sorted(changes.touched & after.fulfillment_orders.keys()):
        fo = before.fulfillment_orders.get(name), after.fulfillment_orders[name]
        found += [*_of_pickup(*fo, changes.network.policy.orders), *_of_fulfillment_order(*fo), *_voided(*fo)]
        found += _refused(*fo, changes)
    return found


def _refused(before: FulfillmentOrder | None, after: FulfillmentOrder, changes: Changes) -> Iterable[ChannelEvent]:
    """Units whose cancel is no longer pending although they were not cancelled: their node kept or shipped them.

    For uncollected goods the customer asked for no cancel, so there is nothing to refuse.
    """
    if before is None or after.uncollected_at is not None:
        return
    none: Counter[Bucket] = Counter()
    lines = [
        _units(line, now.sku, before.lines[line].cancel_wanted - now.cancel_wanted - cancelled)
        for line, now in after.lines.items()
        for cancelled in [changes.buckets.get(line, none)["cancelled"]]
    ]
    if refused := [line for line in lines if line["quantity"] > 0]:
        about = {"fulfillment_order": after.fulfillment_order, "node": after.node}
        yield ChannelEvent(EventKind.CANCEL_REFUSED, about | {"lines": refused})


def _of_pickup(before: FulfillmentOrder | None, after: FulfillmentOrder, rules: OrderRules) -> Iterable[ChannelEvent]:
    """Goods that the customer collects became ready, need a reminder, or were not collected in time."""
    if before is None or not after.lies_ready or after.ready_at is None:
        return
    about = {"fulfillment_order": after.fulfillment_order, "node": after.node}
    until = {"collect_by": after.ready_at + rules.collect_within} if rules.collect_within else {}
    dates = {name: at.astimezone(UTC).isoformat() for name, at in until.items()}
    due = [_units(line, fo_line.sku, after.counts(line).due) for line, fo_line in after.lines.items()]
    for kind, was, now in (
        (EventKind.READY_FOR_PICKUP, before.ready_at, after.ready_at),
        (EventKind.STILL_TO_COLLECT, before.reminded_at, None if after.uncollected_at else after.reminded_at),
        (EventKind.NOT_COLLECTED, before.uncollected_at, after.uncollected_at),
    ):
        if was is None and now is not None:
            yield ChannelEvent(kind, about | dates | {"lines": [line for line in due if line["quantity"]]})


def _of_fulfillment_order(before: FulfillmentOrder | None, after: FulfillmentOrder) -> Iterable[ChannelEvent]:
    about = {"fulfillment_order": after.fulfillment_order, "node": after.node}
    for kind in (EventKind.SHIPPED, EventKind.DELIVERED):
        lines = [
            _units(line, fo_line.sku, _count(after, line, kind) - (_count(before, line, kind) if before else 0))
            for line, fo_line in after.lines.items()
        ]
        if grown := [line for line in lines if line["quantity"] > 0]:
            is_assumed = {"assumed": after.assumed_delivered} if kind is EventKind.DELIVERED else {}
            yield ChannelEvent(kind, about | is_assumed | {"lines": grown})


def _voided(before: FulfillmentOrder | None, after: FulfillmentOrder) -> Iterable[ChannelEvent]:
    """Units that were reported as shipped did not leave."""
    lines = [
        _units(line, now.sku, before.counts(line).shipped - after.counts(line).shipped)
        for line, now in after.lines.items()
        if before and before.lines[line].voided < now.voided
    ]
    if back := [line for line in lines if line["quantity"] > 0]:
        about = {"fulfillment_order": after.fulfillment_order, "node": after.node}
        yield ChannelEvent(EventKind.SHIPMENT_VOIDED, about | {"lines": back})


def shipment_corrected(fulfillment_order: FulfillmentOrder) -> ChannelEvent:
    """Of units that have left, their node reports other packages than before: another number, carrier or content."""
    about = {"fulfillment_order": fulfillment_order.fulfillment_order, "node": fulfillment_order.node}
    return ChannelEvent(EventKind.SHIPMENT_CORRECTED, about | {"lines": []})


def _count(fulfillment_order: FulfillmentOrder, line: str, kind: EventKind) -> int:
    counts = fulfillment_order.counts(line)
    return counts.shipped if kind is EventKind.SHIPPED else counts.delivered

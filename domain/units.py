"""Decides where an order's units go: every event moves them between the six buckets and takes the stock along.

Each function takes an `Order` (what PostgreSQL holds of it, read under its row lock) and notes in a `Changes` what is to be
written. The order is updated as well, so that one event may be made of several steps. The rule behind all of them: a unit that
leaves a bucket enters another one in the same step, and stock that is no longer promised is freed or gone in the same step.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from domain import identifiers
from domain.fulfillment import (
    Counts,
    FulfillmentOrder,
    Request,
    Told,
    WaitingFor,
    ask_to_cancel,
    forget_a_wish_without_units,
    is_asked_for_all,
    is_partly_cancelled,
    presume_dead,
    withdraw,
)
from domain.network import Dispatch, Network
from domain.order import Bucket, CancelAnswer, CancelledUnits
from domain.reasons import ExceptionCode
from domain.sourcing import Plan, PlannedShipment, Wanted
from domain.stock import Movement, MovementKind, explode

Awaits = Literal["sourcing", "stock", "person"]

_BUCKET_OF: Mapping[Awaits, Bucket] = {"sourcing": "open", "stock": "backordered", "person": "open"}


class SomeUnits(Protocol):
    """Some units of a line, as several kinds of requests name them."""

    @property
    def line(self) -> str:
        """The line's id."""

    @property
    def quantity(self) -> int:
        """How many units."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Units of a line without a node, on their `attempt`-th try; `tried` nodes are not asked for them again."""

    line: str
    sku: str
    quantity: int
    attempt: int = 1
    tried: tuple[str, ...] = ()
    awaits: Awaits = "sourcing"
    nodes: tuple[str, ...] | None = None
    """Of units that wait for stock: the nodes that the last round would have given them, had there been any; None = all."""
    gives_up_at: datetime | None = None
    """When units that wait for stock are cancelled; None = never."""
    looks_again_at: datetime | None = None
    """Of units that wait for stock: when a node that has them may take them; None = no such moment is known."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of a line pinned at a node, before a fulfillment order exists."""

    line: str
    sku: str
    node: str
    quantity: int
    attempt: int
    tried: tuple[str, ...]
    round: int
    ship_by: datetime
    deliver_by: datetime


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of the order: what was ordered of which item, and how much of it is done with."""

    sku: str
    ordered: int
    shipped: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An exception that this event opens; the cause is the event's own, so that it opens exactly once."""

    code: ExceptionCode
    detail: str
    fulfillment_order: str | None = None
    node: str | None = None


@dataclass(slots=True)
class Order:
    """An order's units with everything that holds them, as PostgreSQL had it under the order's row lock."""

    order: str
    lines: dict[str, OrderedLine]
    waiting: list[Waiting]
    reservations: list[Reservation]
    fulfillment_orders: dict[str, FulfillmentOrder]
    tried: dict[tuple[str, str], tuple[str, ...]]
    """Nodes tried before, of the units in each (fulfillment order, line)."""
    pickup_node: str | None = None
    """Where the customer collects; None = it is sent to him."""

    @property
    def has_unreleased(self) -> bool:
        """Some of its units are not work for a node yet."""
        return bool(self.waiting or self.reservations)

    def living(self) -> list[FulfillmentOrder]:
        """Fulfillment orders of which something is due, the newest first: they are the easiest to stop."""
        return [fo for fo in reversed(self.fulfillment_orders.values()) if not fo.has_ended]


@dataclass(slots=True)
class Changes:
    """What one event changes; written by `database.order.save` in the transaction that read the order."""

    network: Network
    buckets: dict[str, Counter[Bucket]] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    """Units by which lines grew."""
    touched: set[str] = field(default_factory=set)
    """Fulfillment orders to write."""

    def move(self, line: str, source: Bucket, target: Bucket, quantity: int) -> None:
        """Move units of a line from one bucket to another."""
        if quantity and source != target:
            self.buckets.setdefault(line, Counter()).update({target: quantity})
            self.buckets[line].subtract({source: quantity})

    def add(self, line: str, quantity: int) -> None:
        """Let a line count more units, which are open."""
        self.added[line] += quantity
        self.buckets.setdefault(line, Counter())["open"] += quantity

    def freed(self) -> Counter[tuple[str, str]]:
        """Pinned units of each stocked SKU at each node that are given back so far, by (node, SKU)."""
        units: Counter[tuple[str, str]] = Counter()
        for movement in self.movements:
            units[movement.node, movement.sku] -= movement.reserved
        return +units

    def book(self, sku: str, movement: Movement) -> None:
        """Book a movement of an item, in its stocked components."""
        if not movement.changes_nothing:
            self.movements += explode(movement, self.network.components(sku))


def wanted(order: Order) -> list[tuple[Waiting, Wanted]]:
    """The units that a sourcing round may place: all that wait for sourcing or stock, and not for a person."""
    return [
        (waiting, Wanted(waiting.line, waiting.sku, waiting.quantity, waiting.attempt, waiting.tried))
        for waiting in order.waiting
        if waiting.awaits != "person"
    ]


def take_plan(
    order: Order,
    changes: Changes,
    asked: list[Waiting],
    plan: Plan,
    round_: int,
    at: datetime,
    looks_again_at: datetime | None = None,
) -> None:
    """Pin the units of a plan at their nodes; what it leaves unfilled goes on waiting, is cancelled, or needs a person.

    `looks_again_at` is when a node that has what is left may take it; None = no such moment is known.
    """
    for waiting in asked:
        order.waiting.remove(waiting)
    for shipment in plan.shipments:
        for part in shipment.parts:
            waiting = asked[part.wanted_index]
            order.reservations.append(_reservation(waiting, shipment, part.quantity, round_))
            changes.move(waiting.line, _BUCKET_OF[waiting.awaits], "reserved", part.quantity)
    for part in plan.unfilled:
        nodes = plan.hopes.get(part.wanted_index)
        left = replace(asked[part.wanted_index], quantity=part.quantity, nodes=nodes, looks_again_at=looks_again_at)
        _leave_unfilled(order, changes, left, plan, at)


def _reservation(waiting: Waiting, shipment: PlannedShipment, quantity: int, round_: int) -> Reservation:
    return Reservation(
        waiting.line,
        waiting.sku,
        shipment.node,
        quantity,
        waiting.attempt,
        waiting.tried,
        round_,
        shipment.ship_by,
        shipment.deliver_by,
    )


def give_up_waiting(order: Order, changes: Changes, at: datetime) -> int:
    """Cancel the units that have waited for stock as long as their strategy lets them; answers how many. A person is told."""
    over = [
        units for units in order.waiting if units.awaits == "stock" and units.gives_up_at and units.gives_up_at <= at
    ]
    for waiting in over:
        order.waiting.remove(waiting)
        changes.move(waiting.line, "backordered", "cancelled", waiting.quantity)
        detail = (
            f"{waiting.quantity} of line {waiting.line} waited for stock until their time was over, and were cancelled"
        )
        changes.opened.append(Opened(ExceptionCode.UNFILLED, detail))
    return sum(waiting.quantity for waiting in over)


def promised(order: Order) -> tuple[datetime, datetime] | None:
    """When the last unit is to leave and to arrive, as pinned and released; None while any unit has no node."""
    dates = [(pinned.ship_by, pinned.deliver_by) for pinned in order.reservations]
    dates += [(fo.ship_by, fo.deliver_by) for fo in order.fulfillment_orders.values()]
    if order.waiting or not dates:
        return None
    return max(ship_by for ship_by, _ in dates), max(deliver_by for _, deliver_by in dates)


def unpin(order: Order, changes: Changes, node: str, sku: str, quantity: int) -> int:
    """Take pinned units off a node that turned out to have less of a stocked SKU than it promised; they are sourced again.

    `quantity` counts units of the stocked SKU; the youngest pins go first. Answers how many of it became free.
    """
    left = quantity
    for reservation in reversed(order.reservations[:]):
        needed = dict(changes.network.components(reservation.sku)).get(sku, 0)
        if reservation.node != node or not needed or left <= 0:
            continue
        taken = min(reservation.quantity, -(-left // needed))
        _unpin(order, changes, reservation, taken)
        changes.move(reservation.line, "reserved", "open", taken)
        order.waiting.append(Waiting(reservation.line, reservation.sku, taken, reservation.attempt, reservation.tried))
        left -= taken * needed
    return quantity - left


def pinned(order: Order) -> list[Waiting]:
    """What is pinned and not released, as if it still looked for its nodes."""
    return [Waiting(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in order.reservations]


def leave(order: Order, changes: Changes, node: str, at: datetime) -> bool:
    """Take everything from a node that is in trouble: pins at once, work as `reroute` does; answers whether there was any.

    What it is being asked to cancel as a whole, or has refused to, stays as it is.
    """
    pins = [reservation for reservation in order.reservations if reservation.node == node]
    _unpin_all(order, changes, pins)
    works = [fo for fo in order.living() if fo.node == node and not fo.pickup and _may_be_asked(fo)]
    for fo in works:
        reroute(order, changes, fo.fulfillment_order, at)
    return bool(pins or works)


def _may_be_asked(fo: FulfillmentOrder) -> bool:
    return fo.request is not Request.CANCEL_REJECTED and not is_asked_for_all(fo)


def unpin_everything(order: Order, changes: Changes) -> None:
    """Take all pinned units off their nodes, because the order goes elsewhere; they are sourced again."""
    _unpin_all(order, changes, order.reservations[:])


def give_back(order: Order, changes: Changes) -> None:
    """Let go of everything that is not released, and queue for no stock: nothing may be reserved before a hold is off."""
    unpin_everything(order, changes)
    for waiting in order.waiting:
        if waiting.awaits == "stock":
            changes.move(waiting.line, "backordered", "open", waiting.quantity)
    order.waiting = [
        replace(waiting, awaits="sourcing", nodes=None) if waiting.awaits == "stock" else waiting
        for waiting in order.waiting
    ]


def end_window(order: Order, changes: Changes) -> int:
    """Cancel everything that is not released, because it may not leave any more; answers how many units. A person is told."""
    unpin_everything(order, changes)
    late = sum(waiting.quantity for waiting in order.waiting)
    for waiting in order.waiting:
        changes.move(waiting.line, _BUCKET_OF[waiting.awaits], "cancelled", waiting.quantity)
    order.waiting.clear()
    if late:
        detail = f"{late} unit{'s' if late != 1 else ''} had not been released when not_after came, and were cancelled"
        changes.opened.append(Opened(ExceptionCode.UNFILLED, detail))
    return late


def _unpin_all(order: Order, changes: Changes, pins: list[Reservation]) -> None:
    for pin in pins:
        _unpin(order, changes, pin, pin.quantity)
        changes.move(pin.line, "reserved", "open", pin.quantity)
        order.waiting.append(Waiting(pin.line, pin.sku, pin.quantity, pin.attempt, pin.tried))


def held(order: Order, network: Network) -> Counter[tuple[str, str]]:
    """Units of each stocked SKU at each node that the order's pins hold, by (node, SKU)."""
    units: Counter[tuple[str, str]] = Counter()
    for reservation in order.reservations:
        for sku, quantity in network.components(reservation.sku):
            units[reservation.node, sku] += reservation.quantity * quantity
    return units


def swap(order: Order, asked: list[Waiting], plan: Plan, round_: int) -> None:
    """Put the pins of a plan that fills everything in the place of those that the order has; no unit changes its bucket."""
    order.reservations = [
        _reservation(asked[part.wanted_index], shipment, part.quantity, round_)
        for shipment in plan.shipments
        for part in shipment.parts
    ]


def claims(plan: Plan, network: Network) -> list[Movement]:
    """The stock that a plan wants to pin, one movement a node and stocked SKU, summed over its lines."""
    wanted_units: Counter[tuple[str, str]] = Counter()
    for shipment in plan.shipments:
        for part in shipment.parts:
            for sku, quantity in network.components(part.sku):
                wanted_units[shipment.node, sku] += part.quantity * quantity
    return [
        Movement(MovementKind.RESERVED, node, sku, reserved=quantity)
        for (node, sku), quantity in sorted(wanted_units.items())
    ]


def _leave_unfilled(order: Order, changes: Changes, waiting: Waiting, plan: Plan, at: datetime) -> None:
    before = _BUCKET_OF[waiting.awaits]
    if order.pickup_node is not None and (plan.unfilled_action == "exception" or waiting.nodes == ()):
        _ask_the_customer(order, changes, waiting, f"nothing that {order.pickup_node} may get fills it")
        return
    match plan.unfilled_action:
        case "backorder" if waiting.tried and waiting.nodes == ():
            detail = f"every node that may ship {waiting.quantity} of line {waiting.line} has failed to"
            _give_to_a_person(order, changes, waiting, detail)
        case "backorder":
            gives_up_at = waiting.gives_up_at or (at + plan.cancel_after if plan.cancel_after else None)
            order.waiting.append(replace(waiting, awaits="stock", gives_up_at=gives_up_at))
            changes.move(waiting.line, before, "backordered", waiting.quantity)
        case "cancel":
            changes.move(waiting.line, before, "cancelled", waiting.quantity)
        case _:
            _give_to_a_person(order, changes, waiting, f"no node may fill {waiting.quantity} of line {waiting.line}")


def _give_to_a_person(order: Order, changes: Changes, waiting: Waiting, detail: str) -> None:
    order.waiting.append(replace(waiting, awaits="person"))
    changes.move(waiting.line, _BUCKET_OF[waiting.awaits], "open", waiting.quantity)
    changes.opened.append(Opened(ExceptionCode.UNFILLED, detail))


def _ask_the_customer(order: Order, changes: Changes, waiting: Waiting, why: str) -> None:
    """What cannot be collected where the customer wanted to is never sent elsewhere unasked: one exception, many lines."""
    order.waiting.append(replace(waiting, awaits="person"))
    changes.move(waiting.line, _BUCKET_OF[waiting.awaits], "open", waiting.quantity)
    if not any(opened.code is ExceptionCode.PICKUP for opened in changes.opened):
        detail = f"it cannot be collected at {order.pickup_node} ({why}): the customer must choose"
        changes.opened.append(Opened(ExceptionCode.PICKUP, detail, node=order.pickup_node))


def needs_a_person(order: Order) -> bool:
    """Whether units wait until a person has seen to them, or the customer has chosen where to collect them."""
    return any(waiting.awaits == "person" for waiting in order.waiting)


def collect_at(order: Order, node: str | None) -> Counter[str]:
    """Let the customer collect at another node what is not released, or send it home; answers what must find its place there.

    What waits for a person is sourced again, without the nodes that failed it, but for one that was chosen all the same.
    Pins stay where they are until they are planned anew.
    """
    order.pickup_node = node
    must = Counter[str]()
    for pin in order.reservations:
        must[pin.line] += pin.quantity
    for index, waiting in enumerate(order.waiting):
        if waiting.awaits == "person":
            must[waiting.line] += waiting.quantity
            tried = tuple(name for name in waiting.tried if name != node)
            order.waiting[index] = replace(waiting, attempt=1, tried=tried, awaits="sourcing")
    return must


def source_again(order: Order) -> None:
    """A person has seen to what nobody could fill: it is sourced again as if never tried, and any node may be asked."""
    order.waiting = [
        replace(waiting, attempt=1, tried=(), awaits="sourcing") if waiting.awaits == "person" else waiting
        for waiting in order.waiting
    ]


def release(order: Order, changes: Changes, at: datetime) -> None:
    """Turn what is pinned into fulfillment orders, one a node; from now on they are work, and each node may see its own."""
    by_node: dict[str, list[Reservation]] = {}
    for reservation in order.reservations:
        by_node.setdefault(reservation.node, []).append(reservation)
    for node in sorted(by_node):
        _release_to(order, changes, node, by_node[node], at)
    order.reservations.clear()


def _release_to(order: Order, changes: Changes, node: str, pinned: list[Reservation], at: datetime) -> None:
    name = identifiers.fulfillment_order_id(order.order, len(order.fulfillment_orders) + 1)
    lines: dict[str, Told] = {}
    for reservation in pinned:
        told = lines.get(reservation.line) or Told(reservation.line, reservation.sku, 0)
        lines[reservation.line] = replace(told, quantity=told.quantity + reservation.quantity)
        order.tried[name, reservation.line] = tuple(
            sorted({*order.tried.get((name, reservation.line), ()), *reservation.tried})
        )
        changes.move(reservation.line, "reserved", "allocated", reservation.quantity)
    for told in lines.values():
        reference = f"{name}:{told.line}"
        units = told.quantity
        changes.book(told.sku, Movement(MovementKind.ALLOCATED, node, told.sku, 0, -units, units, reference))
    dispatch = changes.network.nodes[node].dispatch
    order.fulfillment_orders[name] = FulfillmentOrder(
        name,
        order.order,
        node,
        max(reservation.attempt for reservation in pinned),
        Request.SENT if dispatch is Dispatch.PULL else Request.UNSENT,
        lines,
        at,
        max(reservation.ship_by for reservation in pinned),
        max(reservation.deliver_by for reservation in pinned),
        dispatch,
        pickup=order.pickup_node is not None,
    )
    changes.touched.add(name)


def change_fulfillment_order(
    order: Order, changes: Changes, after: FulfillmentOrder, *, is_a_failed_try: bool = True
) -> None:
    """Take what became of a fulfillment order over to the order's buckets and the node's stock.

    Units that left the attempt are cancelled where the customer wanted that, otherwise sourced again; they do not go back to
    the node that failed them (`is_a_failed_try`). A unit that had left and has shipped after all takes its replacement's
    place where that can still be undone; where it cannot, it is surplus, and a person must look.
    """
    before = order.fulfillment_orders[after.fulfillment_order]
    concerned = [line for line in after.lines if _is_concerned(before, after, line)]
    after = _undo_replacements(order, changes, before, after, concerned)
    for line in concerned:
        after = _settle_line(order, changes, before, after, line, is_a_failed_try)
    order.fulfillment_orders[after.fulfillment_order] = forget_a_wish_without_units(after)
    changes.touched.add(after.fulfillment_order)


def _is_concerned(before: FulfillmentOrder, after: FulfillmentOrder, line: str) -> bool:
    """Whether anything became of a line: of a hundred lines a message is mostly about one."""
    return before.lines[line] != after.lines[line] or before.counts(line) != after.counts(line)


def _undo_replacements(
    order: Order, changes: Changes, before: FulfillmentOrder, after: FulfillmentOrder, concerned: Sequence[str]
) -> FulfillmentOrder:
    """Units that had left the attempt and are there again take the place of those that were to replace them."""
    lines = dict(after.lines) | {line: _with_fewer_replaced(after.lines[line], before, after) for line in concerned}
    after = replace(after, lines=lines)
    back = {line: before.counts(line).short - after.counts(line).short for line in concerned}
    taken = _take_units(order, changes, back, after.fulfillment_order)
    for line in concerned:
        told = lines[line]
        changes.move(line, "open", "allocated", taken[line])
        if (missing := back[line] - taken[line]) > 0:
            why = "after they had been given to another node or cancelled"
            detail = f"{missing} of line {line} left {after.node} {why}"
            changes.opened.append(Opened(ExceptionCode.DOUBLE_SHIP, detail, after.fulfillment_order, after.node))
            lines[line] = replace(told, replaced=told.replaced + missing)
    return replace(after, lines=lines)


def _with_fewer_replaced(told: Told, before: FulfillmentOrder, after: FulfillmentOrder) -> Told:
    absent_again = max(0, before.counts(told.line).present - after.counts(told.line).present)
    return replace(told, replaced=max(0, told.replaced - absent_again))


def _settle_line(
    order: Order,
    changes: Changes,
    before: FulfillmentOrder,
    after: FulfillmentOrder,
    line: str,
    is_a_failed_try: bool,
) -> FulfillmentOrder:
    told, was, now = after.lines[line], before.counts(line), after.counts(line)
    _book_difference(changes, after, told, was, now)
    changes.move(line, "allocated", "shipped", now.shipped - was.shipped)
    beyond = now.surplus - was.surplus - max(0, _newly_replaced(before, after, line))
    if beyond > 0:
        detail = f"{beyond} of line {line} left {after.node} beyond what was ordered"
        changes.opened.append(Opened(ExceptionCode.SURPLUS, detail, after.fulfillment_order, after.node))
    left = max(0, now.short - was.short)
    cancelled = min(left, told.cancel_wanted)
    changes.move(line, "allocated", "cancelled", cancelled)
    kept = _keep_what_came_twice(order, changes, line, left - cancelled, after.fulfillment_order)
    _wait_again(order, changes, after, line, left - cancelled - kept, is_a_failed_try)
    told = replace(told, cancel_wanted=min(told.cancel_wanted - cancelled, now.due))
    return replace(after, lines={**after.lines, line: told})


def _newly_replaced(before: FulfillmentOrder, after: FulfillmentOrder, line: str) -> int:
    """Units that this event found to be replaced: `double_ship` tells of them, so `surplus` must not."""
    return after.lines[line].replaced - before.lines[line].replaced


def _keep_what_came_twice(order: Order, changes: Changes, line: str, quantity: int, except_for: str) -> int:
    """Units that another attempt has beyond the order fill the place of those that left: nothing more needs to be sourced."""
    left = quantity
    for name, fo in list(order.fulfillment_orders.items()):
        if name == except_for or not left or line not in fo.lines or not fo.lines[line].replaced:
            continue
        was, told = fo.counts(line), fo.lines[line]
        taken = min(left, told.replaced)
        kept = replace(fo, lines={**fo.lines, line: replace(told, replaced=told.replaced - taken)})
        changes.move(line, "allocated", "shipped", kept.counts(line).shipped - was.shipped)
        order.fulfillment_orders[name] = kept
        changes.touched.add(name)
        left -= taken
    return quantity - left


def _book_difference(changes: Changes, fo: FulfillmentOrder, told: Told, was: Counts, now: Counts) -> None:
    """The node's stock follows the counts: what left or was written off is not on hand, what is held stays allocated."""
    reference = f"{fo.fulfillment_order}:{told.line}"
    gone = now.gone - was.gone
    left = min(now.gone, told.quantity) - min(was.gone, told.quantity)
    freed, short = now.freed - was.freed, now.written_off - was.written_off
    for movement in (
        Movement(MovementKind.SHIPPED, fo.node, told.sku, -gone, 0, -left, reference),
        Movement(MovementKind.SHORT, fo.node, told.sku, -short, 0, -short, reference),
        Movement(MovementKind.FREED, fo.node, told.sku, 0, 0, -freed, reference),
    ):
        changes.book(told.sku, movement)


def _wait_again(
    order: Order, changes: Changes, fo: FulfillmentOrder, line: str, quantity: int, is_a_failed_try: bool
) -> None:
    if not quantity:
        return
    tried = order.tried.get((fo.fulfillment_order, line), ())
    changes.move(line, "allocated", "open", quantity)
    waiting = Waiting(line, fo.lines[line].sku, quantity, len(tried) + 1, tried)
    if not is_a_failed_try:
        order.waiting.append(waiting)
        return
    again = replace(waiting, attempt=waiting.attempt + 1, tried=tuple(sorted({*tried, fo.node})))
    attempts_max = changes.network.policy.orders.max_attempts
    if order.pickup_node is not None:
        _ask_the_customer(order, changes, again, f"{fo.fulfillment_order} was not filled")
    elif again.attempt <= attempts_max:
        order.waiting.append(again)
    else:
        _give_to_a_person(order, changes, again, f"{quantity} of line {line} were tried {attempts_max} times")


def _take_units(order: Order, changes: Changes, wanted: Mapping[str, int], except_for: str) -> Counter[str]:
    """Free up to so many units of each line from whatever holds them and can still be stopped at once; they end up `open`.

    First what waits, then what is pinned, then work that no node has accepted. Answers how many of each line were taken.
    """
    left = +Counter(wanted)
    for line in list(left):
        left[line] -= _take_waiting(order, changes, line, left[line])
        left[line] -= _take_reserved(order, changes, line, left[line])
    for fo in order.living():
        if fo.fulfillment_order != except_for and can_withdraw(fo) and any(left[line] for line in fo.lines):
            left -= _take_from_unseen_work(order, changes, fo, left)
    return +Counter(wanted) - left


def _take_from_unseen_work(
    order: Order, changes: Changes, fo: FulfillmentOrder, wanted: Mapping[str, int]
) -> Counter[str]:
    """Take units out of work that its node has not accepted; they are `open`.

    The rest is new work for the same node at once: were it sourced again, others who wait for its goods would come first.
    """
    withdrawn = Counter({units.line: units.quantity for units in _withdraw(order, changes, fo)})
    taken = withdrawn & Counter(wanted)
    if rest := withdrawn - taken:
        _leave_at_its_node(order, changes, fo, rest)
    return taken


def _withdraw(order: Order, changes: Changes, fo: FulfillmentOrder) -> list[Waiting]:
    """Take work back from a node that cannot have seen it. Its units are `open`, and wait only where the caller lets them."""
    before = len(order.waiting)
    change_fulfillment_order(order, changes, withdraw(fo), is_a_failed_try=False)
    units = order.waiting[before:]
    del order.waiting[before:]
    return units


def _leave_at_its_node(order: Order, changes: Changes, fo: FulfillmentOrder, rest: Mapping[str, int]) -> None:
    """What was asked is never edited: the rest of withdrawn work is asked anew, as of the same release."""
    name = identifiers.fulfillment_order_id(order.order, len(order.fulfillment_orders) + 1)
    lines = {line: Told(line, fo.lines[line].sku, quantity) for line, quantity in rest.items()}
    for line, told in lines.items():
        order.tried[name, line] = order.tried.get((fo.fulfillment_order, line), ())
        changes.move(line, "open", "allocated", told.quantity)
        reference = f"{name}:{line}"
        changes.book(told.sku, Movement(MovementKind.ALLOCATED, fo.node, told.sku, 0, 0, told.quantity, reference))
    order.fulfillment_orders[name] = replace(fo, fulfillment_order=name, lines=lines, escalated=None, at_risk_at=None)
    changes.touched.add(name)


def _take_waiting(order: Order, changes: Changes, line: str, quantity: int) -> int:
    """Take units that wait; they are `open` afterwards, and wait no longer."""
    left = quantity
    for waiting in [w for w in order.waiting if w.line == line]:
        taken = min(left, waiting.quantity)
        if not taken:
            break
        index = order.waiting.index(waiting)
        rest = replace(waiting, quantity=waiting.quantity - taken)
        order.waiting[index : index + 1] = [rest] if rest.quantity else []
        changes.move(line, _BUCKET_OF[waiting.awaits], "open", taken)
        left -= taken
    return quantity - left


def _take_reserved(order: Order, changes: Changes, line: str, quantity: int) -> int:
    """Take units that are pinned, the youngest first: their stock is freed, and they are `open` afterwards."""
    left = quantity
    for reservation in [r for r in reversed(order.reservations) if r.line == line]:
        taken = min(left, reservation.quantity)
        if not taken:
            break
        _unpin(order, changes, reservation, taken)
        changes.move(line, "reserved", "open", taken)
        left -= taken
    return quantity - left


def _unpin(order: Order, changes: Changes, reservation: Reservation, taken: int) -> None:
    index = order.reservations.index(reservation)
    rest = replace(reservation, quantity=reservation.quantity - taken)
    order.reservations[index : index + 1] = [rest] if rest.quantity else []
    reference = f"reservation:{reservation.round}:{reservation.line}:{index}"
    freed = Movement(MovementKind.FREED, reservation.node, reservation.sku, reserved=-taken, reference=reference)
    changes.book(reservation.sku, freed)


def can_withdraw(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether work can be taken back without asking: its node polls, and has not accepted it (CONTRACT §3, cancel)."""
    is_unseen = fulfillment_order.request is Request.SENT and fulfillment_order.accepted_at is None
    return is_unseen and fulfillment_order.dispatch is Dispatch.PULL


Rerouted = Literal["withdrawn", "cancel_requested", "given_up"]
"""How work was taken from its node: at once, by asking it, or behind the fence, since it was asked and has not answered."""


class CannotBeDone(Exception):
    """What was asked of an order cannot be done, for this reason; nothing was changed."""


def reroute(order: Order, changes: Changes, name: str, at: datetime) -> Rerouted:
    """Take work from its node, so that it is sourced elsewhere. Raises `CannotBeDone`, and has changed nothing then."""
    fo = order.fulfillment_orders.get(name)
    if fo is None:
        raise CannotBeDone(f"the order has no fulfillment order {name}")
    if fo.has_ended:
        raise CannotBeDone(f"nothing of {name} is due any more: it has shipped, or was given back")
    if can_withdraw(fo):
        _withdraw_for_another_node(order, changes, fo)
        return "withdrawn"
    is_unanswered = fo.request is Request.CANCEL_REQUESTED and fo.escalated is WaitingFor.CANCEL_ANSWER
    if is_unanswered and not is_partly_cancelled(fo):
        change_fulfillment_order(order, changes, presume_dead(fo, at))
        return "given_up"
    if is_asked_for_all(fo):
        raise CannotBeDone(f"{fo.node} was asked to cancel {name} and still has time to answer")
    change_fulfillment_order(order, changes, ask_to_cancel(fo, {}, at))
    return "cancel_requested"


def _withdraw_for_another_node(order: Order, changes: Changes, fo: FulfillmentOrder) -> None:
    """A person's wish is no failure of the node: however often, it gives the units to no person's queue."""
    order.waiting += [
        replace(units, attempt=units.attempt + 1, tried=tuple(sorted({*units.tried, fo.node})))
        for units in _withdraw(order, changes, fo)
    ]


def cancel(order: Order, changes: Changes, wished: Mapping[str, int], at: datetime) -> CancelAnswer:
    """Cancel units of lines: at once where nothing was accepted, else by asking the node; what shipped is refused."""
    answer = CancelAnswer()
    known = {line: quantity for line, quantity in wished.items() if line in order.lines}
    taken = _take_units(order, changes, known, "")
    for line, quantity in wished.items():
        if line not in known:
            answer.refused.append(CancelledUnits(line=line, quantity=quantity, reason="the order has no such line"))
            continue
        changes.move(line, "open", "cancelled", taken[line])
        pending = _ask_nodes_to_cancel(order, changes, line, quantity - taken[line], at)
        _note(answer.cancelled, line, taken[line], "cancelled before a node accepted it")
        _note(answer.pending, line, pending, "the node was asked to cancel")
        _note(answer.refused, line, quantity - taken[line] - pending, "shipped, cancelled or being cancelled already")
    return answer


def _note(units: list[CancelledUnits], line: str, quantity: int, reason: str) -> None:
    if quantity:
        units.append(CancelledUnits(line=line, quantity=quantity, reason=reason))


def _ask_nodes_to_cancel(order: Order, changes: Changes, line: str, quantity: int, at: datetime) -> int:
    left = quantity
    for fo in order.living():
        if not left or line not in fo.lines:
            continue
        asked = min(left, fo.counts(line).due - fo.lines[line].cancel_wanted)
        if asked > 0:
            change_fulfillment_order(order, changes, ask_to_cancel(fo, {line: asked}, at))
            left -= asked
    return quantity - left


def everything(order: Order) -> dict[str, int]:
    """Per line, all units that are not cancelled: what a cancel without lines wishes, and is told of each."""
    wanted = {name: line.ordered - line.cancelled for name, line in order.lines.items()}
    return {line: quantity for line, quantity in wanted.items() if quantity}


def sums(quantities: Iterable[SomeUnits]) -> dict[str, int]:
    """Quantities per line, repeated lines added up."""
    total: Counter[str] = Counter()
    for quantity in quantities:
        total[quantity.line] += quantity.quantity
    return dict(total)

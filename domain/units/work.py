"""Decides where the units of a fulfillment order go: released, shipped, short, cancelled, or sourced again.

A fulfillment order is never edited after it was sent: it is withdrawn, and its other units are a new one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from domain import identifiers
from domain.fulfillment import (
    Counts,
    FulfillmentOrder,
    FulfillmentOrderLine,
    RequestStatus,
    drop_empty_cancel_request,
    withdraw,
)
from domain.promise import last_arrival
from domain.reasons import ExceptionCode
from domain.stock import Movement, MovementKind
from domain.units.order import Changes, Opened, Order, Reservation, Waiting, ask_the_customer, give_to_a_person
from domain.units.pins import take_reserved, take_waiting


def release(order: Order, changes: Changes, at: datetime) -> None:
    """Turn the pins into fulfillment orders, one for each node; from now on each node can read its own."""
    by_node: dict[str, list[Reservation]] = {}
    for reservation in order.reservations:
        by_node.setdefault(reservation.node, []).append(reservation)
    for node in sorted(by_node):
        _release_to(order, changes, node, by_node[node], at)
    order.reservations.clear()


def _release_to(order: Order, changes: Changes, node: str, pinned: list[Reservation], at: datetime) -> None:
    name = identifiers.fulfillment_order_id(order.order, len(order.fulfillment_orders) + 1)
    lines: dict[str, FulfillmentOrderLine] = {}
    for reservation in pinned:
        fo_line = lines.get(reservation.line) or FulfillmentOrderLine(reservation.line, reservation.sku, 0)
        lines[reservation.line] = replace(fo_line, quantity=fo_line.quantity + reservation.quantity)
        order.tried[name, reservation.line] = tuple(
            sorted({*order.tried.get((name, reservation.line), ()), *reservation.tried})
        )
        changes.move(reservation.line, "reserved", "allocated", reservation.quantity)
    for fo_line in lines.values():
        reference = f"{name}:{fo_line.line}"
        units = fo_line.quantity
        changes.book(fo_line.sku, Movement(MovementKind.ALLOCATED, node, fo_line.sku, 0, -units, units, reference))
    dispatch = changes.network.node(node).dispatch
    order.fulfillment_orders[name] = FulfillmentOrder(
        name,
        order.order,
        node,
        max(reservation.attempt for reservation in pinned),
        RequestStatus.UNSENT if dispatch.is_called else RequestStatus.SENT,
        lines,
        at,
        max(reservation.ship_by for reservation in pinned),
        last_arrival(reservation.deliver_by for reservation in pinned),
        dispatch,
        pickup=order.pickup_node is not None,
        duty_ship_by=order.duty_ship_by,
        duty_deliver_by=order.duty_deliver_by,
        to_node=order.to_node,
    )
    changes.touched.add(name)


def change_fulfillment_order(
    order: Order, changes: Changes, after: FulfillmentOrder, *, is_a_failed_try: bool = True
) -> None:
    """Let the order's buckets and the node's stock follow a changed fulfillment order.

    Units that left the attempt are cancelled where the customer cancelled them, otherwise sourced again, without the node that
    failed them (`is_a_failed_try`). A unit that had left the attempt and ships after all takes the place of its replacement, if
    that can still be undone; if not, it is surplus, and a person must handle it.
    """
    before = order.fulfillment_orders[after.fulfillment_order]
    changed_lines = _changed_lines(before, after)
    after = _undo_replacements(order, changes, before, after, changed_lines)
    _settle(order, changes, before, after, changed_lines, is_a_failed_try)


def _changed_lines(before: FulfillmentOrder, after: FulfillmentOrder) -> list[str]:
    """The lines that changed: of a hundred lines, most messages change one."""
    return [
        line
        for line in after.lines
        if before.lines[line] != after.lines[line] or before.counts(line) != after.counts(line)
    ]


def _undo_replacements(
    order: Order, changes: Changes, before: FulfillmentOrder, after: FulfillmentOrder, changed_lines: Sequence[str]
) -> FulfillmentOrder:
    """Units that had left the attempt and are back take the place of their replacements."""
    lines = dict(after.lines) | {line: _with_fewer_replaced(after.lines[line], before, after) for line in changed_lines}
    after = replace(after, lines=lines)
    back = {line: before.counts(line).short - after.counts(line).short for line in changed_lines}
    taken = take_units(order, changes, back, after.fulfillment_order)
    for line in changed_lines:
        fo_line = lines[line]
        changes.move(line, "open", "allocated", taken[line])
        if (missing := back[line] - taken[line]) > 0:
            why = "after they had been given to another node or cancelled"
            detail = f"{missing} of line {line} left {after.node} {why}"
            changes.opened.append(Opened(ExceptionCode.DOUBLE_SHIP, detail, after.fulfillment_order, after.node, line))
            lines[line] = replace(fo_line, replaced=fo_line.replaced + missing)
    return replace(after, lines=lines)


def _with_fewer_replaced(
    fo_line: FulfillmentOrderLine, before: FulfillmentOrder, after: FulfillmentOrder
) -> FulfillmentOrderLine:
    absent_again = max(0, before.counts(fo_line.line).present - after.counts(fo_line.line).present)
    return replace(fo_line, replaced=max(0, fo_line.replaced - absent_again))


def _settle(
    order: Order,
    changes: Changes,
    before: FulfillmentOrder,
    after: FulfillmentOrder,
    changed_lines: Sequence[str],
    is_a_failed_try: bool,
) -> None:
    """Let the order's buckets and the node's stock follow the counts of the changed lines."""
    for line in changed_lines:
        after = _settle_line(order, changes, before, after, line, is_a_failed_try)
    order.fulfillment_orders[after.fulfillment_order] = drop_empty_cancel_request(after)
    changes.touched.add(after.fulfillment_order)


def _settle_line(
    order: Order,
    changes: Changes,
    before: FulfillmentOrder,
    after: FulfillmentOrder,
    line: str,
    is_a_failed_try: bool,
) -> FulfillmentOrder:
    fo_line, was, now = after.lines[line], before.counts(line), after.counts(line)
    _book_difference(changes, after, fo_line, was, now)
    changes.move(line, "allocated", "shipped", now.shipped - was.shipped)
    beyond = now.surplus - was.surplus - max(0, _newly_replaced(before, after, line))
    if beyond > 0:
        detail = f"{beyond} of line {line} left {after.node} beyond what was ordered"
        changes.opened.append(Opened(ExceptionCode.SURPLUS, detail, after.fulfillment_order, after.node, line))
    left = max(0, now.short - was.short)
    cancelled = min(left, fo_line.cancel_wanted)
    changes.move(line, "allocated", "cancelled", cancelled)
    kept = _use_surplus_elsewhere(order, changes, line, left - cancelled, after.fulfillment_order)
    _wait_again(order, changes, after, line, left - cancelled - kept, is_a_failed_try)
    fo_line = replace(fo_line, cancel_wanted=min(fo_line.cancel_wanted - cancelled, now.due))
    return replace(after, lines={**after.lines, line: fo_line})


def _newly_replaced(before: FulfillmentOrder, after: FulfillmentOrder, line: str) -> int:
    """Units that this event found to be replaced: `double_ship` reports them, so `surplus` must not."""
    return after.lines[line].replaced - before.lines[line].replaced


def _use_surplus_elsewhere(order: Order, changes: Changes, line: str, quantity: int, except_for: str) -> int:
    """Surplus units of another attempt replace the units that left, so these need not be sourced again."""
    left = quantity
    for name, fo in list(order.fulfillment_orders.items()):
        if name == except_for or not left or line not in fo.lines or not fo.lines[line].replaced:
            continue
        was, fo_line = fo.counts(line), fo.lines[line]
        taken = min(left, fo_line.replaced)
        kept = replace(fo, lines={**fo.lines, line: replace(fo_line, replaced=fo_line.replaced - taken)})
        changes.move(line, "allocated", "shipped", kept.counts(line).shipped - was.shipped)
        order.fulfillment_orders[name] = kept
        changes.touched.add(name)
        left -= taken
    return quantity - left


def _book_difference(
    changes: Changes, fo: FulfillmentOrder, fo_line: FulfillmentOrderLine, was: Counts, now: Counts
) -> None:
    """Book the node's stock by the counts: units gone or written off are not on hand, held units stay allocated."""
    reference = f"{fo.fulfillment_order}:{fo_line.line}"
    gone = now.gone - was.gone
    left = min(now.gone, fo_line.quantity) - min(was.gone, fo_line.quantity)
    freed, short = now.freed - was.freed, now.written_off - was.written_off
    for movement in (
        Movement(MovementKind.SHIPPED, fo.node, fo_line.sku, -gone, 0, -left, reference),
        Movement(MovementKind.SHORT, fo.node, fo_line.sku, -short, 0, -short, reference),
        Movement(MovementKind.FREED, fo.node, fo_line.sku, 0, 0, -freed, reference),
    ):
        changes.book(fo_line.sku, movement)


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
        ask_the_customer(order, changes, again, f"{fo.fulfillment_order} was not filled")
    elif again.attempt <= attempts_max:
        order.waiting.append(again)
    else:
        give_to_a_person(order, changes, again, f"{quantity} of line {line} were tried {attempts_max} times")


def take_units(order: Order, changes: Changes, quantities: Mapping[str, int], except_for: str) -> Counter[str]:
    """Take up to these quantities of each line where that needs no node's answer; the units are `open` afterwards.

    Waiting units first, then pinned ones, then work that no node has accepted. Answers how many of each line were taken.
    """
    left = +Counter(quantities)
    for line in list(left):
        left[line] -= take_waiting(order, changes, line, left[line])
        left[line] -= take_reserved(order, changes, line, left[line])
    for fo in order.living():
        if fo.fulfillment_order != except_for and can_withdraw(fo) and any(left[line] for line in fo.lines):
            left -= _take_from_unseen_work(order, changes, fo, left)
    return +Counter(quantities) - left


def _take_from_unseen_work(
    order: Order, changes: Changes, fo: FulfillmentOrder, quantities: Mapping[str, int]
) -> Counter[str]:
    """Take units out of work that its node has not accepted; they are `open` afterwards.

    The other units become new work for the same node at once: sourced again, they would lose their goods to orders that wait.
    """
    withdrawn = Counter({units.line: units.quantity for units in withdraw_unseen(order, changes, fo)})
    taken = withdrawn & Counter(quantities)
    if rest := withdrawn - taken:
        _reissue_to_same_node(order, changes, fo, rest)
    return taken


def withdraw_unseen(order: Order, changes: Changes, fo: FulfillmentOrder) -> list[Waiting]:
    """Take work back from a node that cannot have seen it. Its units are `open`; the caller decides whether they wait.

    None of them has left the node, so none comes back that has been replaced.
    """
    before = len(order.waiting)
    withdrawn = withdraw(fo)
    _settle(order, changes, fo, withdrawn, _changed_lines(fo, withdrawn), is_a_failed_try=False)
    units = order.waiting[before:]
    del order.waiting[before:]
    return units


def _reissue_to_same_node(order: Order, changes: Changes, fo: FulfillmentOrder, rest: Mapping[str, int]) -> None:
    """Send the other units of withdrawn work as a new fulfillment order, with the same release."""
    name = identifiers.fulfillment_order_id(order.order, len(order.fulfillment_orders) + 1)
    lines = {line: FulfillmentOrderLine(line, fo.lines[line].sku, quantity) for line, quantity in rest.items()}
    for line, fo_line in lines.items():
        order.tried[name, line] = order.tried.get((fo.fulfillment_order, line), ())
        changes.move(line, "open", "allocated", fo_line.quantity)
        reference = f"{name}:{line}"
        changes.book(
            fo_line.sku, Movement(MovementKind.ALLOCATED, fo.node, fo_line.sku, 0, 0, fo_line.quantity, reference)
        )
    order.fulfillment_orders[name] = replace(fo, fulfillment_order=name, lines=lines, escalated=None, at_risk_at=None)
    changes.touched.add(name)


def can_withdraw(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether work can be taken back at once: its node has not accepted it, and need not be asked."""
    is_unseen = fulfillment_order.request is RequestStatus.SENT and fulfillment_order.accepted_at is None
    return is_unseen and not fulfillment_order.dispatch.asks_before_cancel

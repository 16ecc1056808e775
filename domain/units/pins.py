"""Decides which units of an order are pinned at which node before their release, and what happens to units without a node.

Stock that is no longer promised is freed in the same step.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain import sourcing
from domain.network import Network, Unfilled
from domain.promise import last_arrival
from domain.reasons import ExceptionCode
from domain.sell_ahead import Room, parts_beyond
from domain.sourcing import Plan, PlannedShipment
from domain.sourcing.plans import Part
from domain.stock import Movement, MovementKind
from domain.units.order import (
    BUCKET_OF,
    Changes,
    Opened,
    Order,
    Reservation,
    Waiting,
    ask_the_customer,
    give_to_a_person,
)

UNLIMITED = Room()
"""The room of units that wait already, and of items without a limit."""


def take_plan(
    order: Order,
    changes: Changes,
    asked: list[Waiting],
    plan: Plan,
    round_: int,
    at: datetime,
    looks_again_at: datetime | None = None,
    room: Room = UNLIMITED,
) -> list[Part]:
    """Pin the units of a plan at their nodes; unfilled units wait, are cancelled, or need a person.

    `looks_again_at` is when a node that has stock may take unfilled units; None = no such moment is known. Of unfilled units,
    only those within `room` may wait; answers the others.
    """
    for waiting in asked:
        order.waiting.remove(waiting)
    for shipment in plan.shipments:
        for part in shipment.parts:
            waiting = asked[part.wanted_index]
            order.reservations.append(_reservation(waiting, shipment, part.quantity, round_))
            changes.move(waiting.line, BUCKET_OF[waiting.awaits], "reserved", part.quantity)
    waits = {index for index, one in enumerate(asked) if one.awaits == "stock"}
    beyond = {part.wanted_index: part for part in parts_beyond(plan, room, changes.network, waits)}
    for part in plan.unfilled:
        index = part.wanted_index
        over = beyond[index].quantity if index in beyond else 0
        left = replace(asked[index], quantity=part.quantity - over, looks_again_at=looks_again_at)
        if left.quantity:
            _leave_unfilled(order, changes, left, plan, index, at, room)
        if over:
            _leave_beyond(order, changes, replace(left, quantity=over), plan, room)
    return list(beyond.values())


def judge_again(
    order: Order,
    changes: Changes,
    asked: list[Waiting],
    plan: Plan,
    at: datetime,
    looks_again_at: datetime | None = None,
) -> bool:
    """Decide again what may become of units that a plan leaves unfilled; answers whether any of them do not go on as before.

    Units that wait for stock go on waiting, unless no node may ever ship them now. Units that waited for a person for just this
    reason are sourced again when a node may.
    """
    is_changed = False
    for index, waiting in enumerate(asked):
        is_lost = index in plan.hopeless
        position = order.waiting.index(waiting)
        judged = replace(waiting, network_version=changes.network_version)
        if waiting.is_hopeless and (is_lost or plan.unfilled_action != Unfilled.BACKORDER):
            order.waiting[position] = judged
        elif waiting.is_hopeless:
            order.waiting[position] = replace(judged, awaits="sourcing", nodes=None)
            is_changed = True
        elif is_lost:
            del order.waiting[position]
            _leave_unfilled(order, changes, waiting, plan, index, at, UNLIMITED)
            is_changed = True
        else:
            order.waiting[position] = replace(
                judged,
                nodes=plan.hopes.get(index),
                looks_again_at=looks_again_at,
                incoming_lag=plan.incoming_lag,
                sells_returns=plan.sells_returns,
            )
    return is_changed


def promised_otherwise(before: Sequence[Waiting], after: Sequence[Waiting]) -> set[str]:
    """The SKUs of units of which another judgement says from which announced goods they may be promised."""
    return {sku for sku, *_ in _promisable(before) ^ _promisable(after)}


def _promisable(waiting: Sequence[Waiting]) -> set[tuple[Any, ...]]:
    return {
        (one.sku, one.line, one.tried, one.nodes, one.incoming_lag, one.sells_returns)
        for one in waiting
        if one.awaits == "stock" and one.incoming_lag is not None
    }


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


def _leave_beyond(order: Order, changes: Changes, units: Waiting, plan: Plan, room: Room) -> None:
    """What becomes of units that may not wait, because as many as may be sold ahead do."""
    waiting = replace(
        units, nodes=None, network_version=changes.network_version, incoming_lag=None, sell_ahead_max=None
    )
    if plan.beyond_sell_ahead is Unfilled.CANCEL:
        changes.move(units.line, BUCKET_OF[units.awaits], "cancelled", units.quantity)
        return
    named = [f"{room.limits[sku]} of {sku}" for sku, _ in changes.network.components(units.sku) if sku in room.limits]
    why = f"no more than {' and '.join(named)} may be sold ahead (sell_ahead_max)"
    if order.pickup_node is not None:
        ask_the_customer(order, changes, waiting, why)
    else:
        give_to_a_person(
            order, changes, waiting, f"{units.quantity} of line {units.line} may not wait for stock: {why}"
        )


def _leave_unfilled(
    order: Order, changes: Changes, units: Waiting, plan: Plan, index: int, at: datetime, room: Room
) -> None:
    """What becomes of units that a plan leaves unfilled, and that may wait; `index` is their position in it."""
    before, why = BUCKET_OF[units.awaits], plan.hopeless.get(index)
    nodes = plan.hopes.get(index) if why is None else ()
    waiting = replace(units, nodes=nodes, network_version=changes.network_version, incoming_lag=None)
    match plan.unfilled_action:
        case Unfilled.BACKORDER if why is None:
            gives_up_at = waiting.gives_up_at or (at + plan.cancel_after if plan.cancel_after else None)
            limit = waiting.sell_ahead_max if waiting.awaits == "stock" else room.limits.get(waiting.sku)
            waiting = replace(waiting, gives_up_at=gives_up_at, incoming_lag=plan.incoming_lag, sell_ahead_max=limit)
            order.waiting.append(replace(waiting, awaits="stock", sells_returns=plan.sells_returns))
            changes.move(waiting.line, before, "backordered", waiting.quantity)
        case Unfilled.CANCEL:
            changes.move(waiting.line, before, "cancelled", waiting.quantity)
        case _ if order.pickup_node is not None:
            reason = f"no stock that {order.pickup_node} may get fills it" if why in (None, sourcing.TRIED) else why
            ask_the_customer(order, changes, waiting, reason or "")
        case _:
            give_to_a_person(order, changes, waiting, _unfilled(waiting, plan, why))


def _unfilled(waiting: Waiting, plan: Plan, why: str | None) -> str:
    """What an exception says about units that no node can ship, or not the one that the order asks for."""
    of_line = f"{waiting.quantity} of line {waiting.line}"
    if plan.only_node is not None:
        return f"the order asks for {plan.only_node}, which {_obstacle(plan, plan.only_node, of_line, why)}"
    match why:
        case None:
            return f"no node may fill {of_line}"
        case sourcing.TRIED:
            return f"every node that may ship {of_line} rejected them or found them short"
        case _:
            return f"no node may ever ship {of_line}: {why}"


def _obstacle(plan: Plan, node: str, of_line: str, why: str | None) -> str:
    """Why a node does not ship units."""
    match why:
        case None:
            reasons = [seen.excluded for seen in plan.explanation.nodes if seen.node == node and seen.excluded]
            return f"cannot ship {of_line} now: {reasons[0] if reasons else 'it has too few'}"
        case sourcing.TRIED:
            return f"rejected {of_line} or found them short"
        case _:
            return f"may never ship {of_line}: {why}"


def swap(order: Order, asked: list[Waiting], plan: Plan, round_: int) -> None:
    """Replace the order's pins by those of a plan that fills everything; no unit changes its bucket."""
    order.reservations = [
        _reservation(asked[part.wanted_index], shipment, part.quantity, round_)
        for shipment in plan.shipments
        for part in shipment.parts
    ]


def held(order: Order, network: Network) -> Counter[tuple[str, str]]:
    """Units of each stocked SKU at each node that the order's pins hold, by (node, SKU)."""
    units: Counter[tuple[str, str]] = Counter()
    for reservation in order.reservations:
        for sku, quantity in network.components(reservation.sku):
            units[reservation.node, sku] += reservation.quantity * quantity
    return units


def pinned(order: Order) -> list[Waiting]:
    """The pinned, unreleased units as units that wait for sourcing."""
    return [Waiting(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in order.reservations]


def promised(order: Order) -> tuple[datetime, datetime | None] | None:
    """When the last unit will leave and arrive, by its pin, fulfillment order or peg; None while any unit has no node and
    no announced goods whose date is known.

    The second is None where nobody knows how long a shipment is on the way.
    """
    dates = [(pinned.ship_by, pinned.deliver_by) for pinned in order.reservations]
    dates += [(fo.ship_by, fo.deliver_by) for fo in order.fulfillment_orders.values()]
    coming = [(peg.ship_by, peg.deliver_by) for peg in order.pegs]
    if not dates + coming or not _is_pegged(order):
        return None
    leave = [ship_by for ship_by, _ in dates] + [ship_by for ship_by, _ in coming if ship_by]
    return max(leave), last_arrival(deliver_by for _, deliver_by in dates + coming)


def _is_pegged(order: Order) -> bool:
    """Whether all units without a node wait for announced goods that have a date; also where none waits."""
    if any(one.awaits != "stock" for one in order.waiting) or any(peg.ship_by is None for peg in order.pegs):
        return False
    pegged: Counter[str] = Counter()
    for peg in order.pegs:
        pegged[peg.line] += peg.units
    return all(pegged[line] >= units for line, units in order.backordered.items())


def unpin(order: Order, changes: Changes, node: str, sku: str, quantity: int) -> int:
    """Take pinned units off a node that has less of a stocked SKU than it promised; they are sourced again.

    `quantity` counts units of the stocked SKU; the newest pins go first. Answers how many of them were freed.
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


def unpin_everything(order: Order, changes: Changes) -> None:
    """Take all pinned units off their nodes; they are sourced again."""
    _unpin_all(order, changes, order.reservations[:])


def unpin_node(order: Order, changes: Changes, node: str) -> bool:
    """Take all pinned units off one node; they are sourced again. Answers whether there were any."""
    pins = [reservation for reservation in order.reservations if reservation.node == node]
    _unpin_all(order, changes, pins)
    return bool(pins)


def _unpin_all(order: Order, changes: Changes, pins: list[Reservation]) -> None:
    for pin in pins:
        _unpin(order, changes, pin, pin.quantity)
        changes.move(pin.line, "reserved", "open", pin.quantity)
        order.waiting.append(Waiting(pin.line, pin.sku, pin.quantity, pin.attempt, pin.tried))


def give_back(order: Order, changes: Changes) -> None:
    """Free all pins and leave the queue for stock, because a hold forbids reservations until it is released."""
    unpin_everything(order, changes)
    for waiting in order.waiting:
        if waiting.awaits == "stock":
            changes.move(waiting.line, "backordered", "open", waiting.quantity)
    order.waiting = [
        replace(waiting, awaits="sourcing", nodes=None) if waiting.awaits == "stock" else waiting
        for waiting in order.waiting
    ]


def give_up_waiting(order: Order, changes: Changes, at: datetime) -> int:
    """Cancel units whose time to wait for stock is over, and open an exception; answers how many were cancelled."""
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


def end_window(order: Order, changes: Changes) -> int:
    """Cancel all unreleased units after the order's window, and open an exception; answers how many were cancelled."""
    unpin_everything(order, changes)
    late = sum(waiting.quantity for waiting in order.waiting)
    for waiting in order.waiting:
        changes.move(waiting.line, BUCKET_OF[waiting.awaits], "cancelled", waiting.quantity)
    order.waiting.clear()
    if late:
        detail = f"{late} unit{'s' if late != 1 else ''} had not been released when not_after came, and were cancelled"
        changes.opened.append(Opened(ExceptionCode.UNFILLED, detail))
    return late


def take_waiting(order: Order, changes: Changes, line: str, quantity: int) -> int:
    """Take units that wait; afterwards they are `open` and do not wait."""
    left = quantity
    for waiting in [w for w in order.waiting if w.line == line]:
        taken = min(left, waiting.quantity)
        if not taken:
            break
        index = order.waiting.index(waiting)
        rest = replace(waiting, quantity=waiting.quantity - taken)
        order.waiting[index : index + 1] = [rest] if rest.quantity else []
        changes.move(line, BUCKET_OF[waiting.awaits], "open", taken)
        left -= taken
    return quantity - left


def take_reserved(order: Order, changes: Changes, line: str, quantity: int) -> int:
    """Take pinned units, the newest first: their stock is freed, and afterwards they are `open`."""
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

"""Decides what a request does: cancel units, take work from a node, collect elsewhere, source again."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal, Protocol

from domain.fulfillment import (
    FulfillmentOrder,
    RequestStatus,
    WaitingFor,
    ask_to_cancel,
    is_asked_for_all,
    is_partly_cancelled,
    presume_dead,
)
from domain.request import CancelAnswer, CancelledUnits
from domain.units.order import Changes, Order
from domain.units.pins import unpin_node
from domain.units.work import can_withdraw, change_fulfillment_order, take_units, withdraw_unseen


class SomeUnits(Protocol):
    """Some units of a line, in any of several kinds of requests."""

    @property
    def line(self) -> str:
        """The line's id."""

    @property
    def quantity(self) -> int:
        """How many units."""


class Impossible(Exception):
    """A request on an order is impossible, for this reason; nothing was changed."""


Rerouted = Literal["withdrawn", "cancel_requested", "given_up"]
"""How work was taken from its node: at once, by asking it to cancel, or behind the fence after it did not answer that."""


def reroute(order: Order, changes: Changes, name: str, at: datetime) -> Rerouted:
    """Take work from its node, so that it is sourced elsewhere. Raises `Impossible` and then changes nothing."""
    fo = order.fulfillment_orders.get(name)
    if fo is None:
        raise Impossible(f"the order has no fulfillment order {name}")
    if fo.has_ended:
        raise Impossible(f"nothing of {name} is due any more: it has shipped, or was given back")
    if can_withdraw(fo):
        _withdraw_for_another_node(order, changes, fo)
        return "withdrawn"
    is_unanswered = fo.request is RequestStatus.CANCEL_REQUESTED and fo.escalated is WaitingFor.CANCEL_ANSWER
    if is_unanswered and not is_partly_cancelled(fo):
        change_fulfillment_order(order, changes, presume_dead(fo, at))
        return "given_up"
    if is_asked_for_all(fo):
        raise Impossible(f"{fo.node} was asked to cancel {name} and still has time to answer")
    change_fulfillment_order(order, changes, ask_to_cancel(fo, {}, at))
    return "cancel_requested"


def _withdraw_for_another_node(order: Order, changes: Changes, fo: FulfillmentOrder) -> None:
    """A reroute by a person is not a failure of the node: however often, the units never need a person because of it."""
    order.waiting += [
        replace(units, attempt=units.attempt + 1, tried=tuple(sorted({*units.tried, fo.node})))
        for units in withdraw_unseen(order, changes, fo)
    ]


def take_off_node(order: Order, changes: Changes, node: str, at: datetime) -> bool:
    """Take everything off a node that is in trouble: pins at once, work as `reroute` does; answers whether there was any.

    Work that the node is asked to cancel as a whole, or has refused to cancel, stays.
    """
    had_pins = unpin_node(order, changes, node)
    works = [fo for fo in order.living() if fo.node == node and not fo.pickup and _may_be_asked(fo)]
    for fo in works:
        reroute(order, changes, fo.fulfillment_order, at)
    return had_pins or bool(works)


def _may_be_asked(fo: FulfillmentOrder) -> bool:
    return fo.request is not RequestStatus.CANCEL_REJECTED and not is_asked_for_all(fo)


def cancel(order: Order, changes: Changes, requested: Mapping[str, int], at: datetime) -> CancelAnswer:
    """Cancel units of lines: at once where no node accepted them, else by asking the node; shipped units are refused."""
    answer = CancelAnswer()
    known = {line: quantity for line, quantity in requested.items() if line in order.lines}
    taken = take_units(order, changes, known, "")
    for line, quantity in requested.items():
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


def all_uncancelled(order: Order) -> dict[str, int]:
    """Per line, all units that are not cancelled: the units of a cancel request without lines."""
    uncancelled = {name: line.ordered - line.cancelled for name, line in order.lines.items()}
    return {line: quantity for line, quantity in uncancelled.items() if quantity}


def sums(quantities: Iterable[SomeUnits]) -> dict[str, int]:
    """Quantities per line, repeated lines added up."""
    total: Counter[str] = Counter()
    for quantity in quantities:
        total[quantity.line] += quantity.quantity
    return dict(total)


def collect_at(order: Order, node: str | None) -> Counter[str]:
    """Set where the customer collects the unreleased units, or None to ship them; answers the units that must be filled there.

    Units that wait for a person are sourced again, without the nodes that were tried, except the chosen node.
    Pins stay until the next plan.
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
    """Source units again that waited for a person, after their exception was resolved: as if no node had been tried."""
    order.waiting = [
        replace(waiting, attempt=1, tried=(), awaits="sourcing") if waiting.awaits == "person" else waiting
        for waiting in order.waiting
    ]

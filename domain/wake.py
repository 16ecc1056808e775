"""Decides by its effect whether a change of an order wakes the order's workflow.

A change wakes it when there may be something to source, release, cancel or call, when an exception opens or ends, when the
order's status may be another one, or when its next deadline comes nearer. Anything else is a fact that the workflow reads when
it is next awake. So it never waits longer than the facts say; it may look earlier, see that nothing is due, and wait again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.fulfillment import FulfillmentOrder, RequestStatus
from domain.order import OrderState
from domain.units import Order, Reservation, Waiting

_NEEDS_NOTHING = {
    (RequestStatus.UNSENT, RequestStatus.ACCEPTED),
    (RequestStatus.SENT, RequestStatus.ACCEPTED),
}
"""How the request to a node may change without anything for the workflow to do, unless a call about it is under way."""


@dataclass(frozen=True, slots=True)
class Work:
    """What of a fulfillment order concerns the workflow."""

    request: RequestStatus
    cancel_asked_at: datetime | None
    needs_a_call: bool
    units: tuple[int, int, int]
    """Shipped, delivered, in doubt."""
    delivered_at: datetime | None
    """The return window runs from it."""
    deadline: datetime | None
    """Until when its node's answer is waited for; None = nothing is waited for, or a person has taken the wait over."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What of an order concerns its workflow: where its units are, who waits for what, and until when."""

    waiting: tuple[Waiting, ...]
    pins: tuple[Reservation, ...]
    pickup_node: str | None
    looks_again_at: datetime | None
    is_held: bool
    exceptions: frozenset[str]
    works: Mapping[str, Work]
    to_source: int = 0
    """Units that may be sourced now: a hold that kept them back may have been taken off while others stay."""


def before(order: Order, deadlines: Mapping[str, datetime], *, is_held: bool, exceptions: frozenset[str]) -> Standing:
    """Where an order stood as it was read: with the deadlines of its fulfillment orders as stored, and its open exceptions."""
    found = [one.looks_again_at for one in order.waiting if one.awaits == "stock" and one.looks_again_at]
    return _standing(order, deadlines, min(found, default=None), is_held, exceptions)


def after(order: Order, state: OrderState) -> Standing:
    """Where an order stands by its new state, which was read after everything was written."""
    deadlines = {fo.fulfillment_order: fo.deadline for fo in state.fulfillment_orders if fo.deadline}
    exceptions = frozenset(one.exception for one in state.exceptions)
    now = _standing(order, deadlines, state.looks_again_at, bool(state.holds), exceptions)
    return replace(now, to_source=state.to_source)


def is_woken(was: Standing, now: Standing) -> bool:
    """Whether the workflow of an order that stood so, and stands so now, must be woken."""
    own = (was.waiting, was.pins, was.pickup_node, was.looks_again_at, was.is_held, was.exceptions, set(was.works))
    own_now = (now.waiting, now.pins, now.pickup_node, now.looks_again_at, now.is_held, now.exceptions, set(now.works))
    is_to_source = now.to_source > 0
    return is_to_source or own != own_now or any(_concerns_it(was.works[name], now.works[name]) for name in now.works)


def _concerns_it(was: Work, now: Work) -> bool:
    is_answered = was.request is not now.request and (was.request, now.request) not in _NEEDS_NOTHING
    is_called = was.needs_a_call != now.needs_a_call or was.cancel_asked_at != now.cancel_asked_at
    is_moved = (was.units, was.delivered_at) != (now.units, now.delivered_at)
    return is_answered or is_called or is_moved or _is_nearer(was.deadline, now.deadline)


def _is_nearer(was: datetime | None, now: datetime | None) -> bool:
    """Whether a wait ends sooner than it did; one that begins, or is over, is a change of what there is to do."""
    return now < was if was and now else was != now


def _standing(
    order: Order,
    deadlines: Mapping[str, datetime],
    looks_again_at: datetime | None,
    is_held: bool,
    exceptions: frozenset[str],
) -> Standing:
    return Standing(
        waiting=tuple(order.waiting),
        pins=tuple(order.reservations),
        pickup_node=order.pickup_node,
        looks_again_at=looks_again_at,
        is_held=is_held,
        exceptions=exceptions,
        works={name: _work(fo, deadlines.get(name)) for name, fo in order.fulfillment_orders.items()},
    )


def _work(fo: FulfillmentOrder, deadline: datetime | None) -> Work:
    counts = [fo.counts(line) for line in fo.lines]
    units = sum(c.shipped for c in counts), sum(c.delivered for c in counts), sum(c.in_doubt for c in counts)
    return Work(fo.request, fo.cancel_asked_at, fo.needs_a_call, units, fo.delivered_at, deadline)

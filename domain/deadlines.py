"""Decides how long a node may stay silent about a fulfillment order, and what happens when it has been silent too long.

A fulfillment order waits for one thing, until one deadline. A notice may be due before that: to a person, that it may leave
late, or to the customer, that it still lies ready. The notice is then the next deadline; the facts say which of the two is due.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from domain.fulfillment import (
    FulfillmentOrder,
    RequestStatus,
    WaitingFor,
    ask_to_cancel,
    give_up_what_was_cancelled,
    is_partly_cancelled,
    presume_dead,
    restart_clock,
    write_off,
    write_off_in_transit,
)
from domain.hours import working_deadline
from domain.network import Node, OnSilence, OrderRules, Uncollected
from domain.reasons import ExceptionCode

WORD_ON_DOUBT_WITHIN = timedelta(days=30)
"""How long an order stays open for the answer of a dead attempt."""

ON_THE_WAY_MAX = timedelta(days=60)
"""How long a parcel is taken to be on the way where nobody knows: military mail and sea mail are seldom longer."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a fulfillment order waits for, and until when: a notice is due then, or the wait times out."""

    waiting_for: WaitingFor
    deadline: datetime


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A fulfillment order after a wait timed out; with a code, a person must handle it."""

    fulfillment_order: FulfillmentOrder
    exception: ExceptionCode | None = None


def waits_for(fulfillment_order: FulfillmentOrder, node: Node, rules: OrderRules) -> Wait | None:
    """What the fulfillment order waits for next; None when it is over, or a person has taken the wait over."""
    stage = _stage(fulfillment_order, rules)
    if stage is None:
        return None
    moments = [_notice_at(stage, fulfillment_order, rules)]
    if not _has_no_deadline(stage, fulfillment_order):
        moments.append(_deadline(stage, fulfillment_order, node, rules))
    return min((Wait(stage, moment) for moment in moments if moment), key=lambda wait: wait.deadline, default=None)


def accept_by(fulfillment_order: FulfillmentOrder, node: Node, rules: OrderRules) -> datetime | None:
    """Until when its node should accept it; None when that is not waited for."""
    stage = _stage(fulfillment_order, rules)
    if stage is not WaitingFor.ACCEPTANCE or _has_no_deadline(stage, fulfillment_order):
        return None
    return _deadline(stage, fulfillment_order, node, rules)


def send_reminders_due(fulfillment_order: FulfillmentOrder, rules: OrderRules, at: datetime) -> FulfillmentOrder:
    """Note the reminder or at-risk notice that is due at the instant `at`; unchanged when none is due."""
    stage = _stage(fulfillment_order, rules)
    notice_at = _notice_at(stage, fulfillment_order, rules) if stage else None
    if notice_at is None or at < notice_at:
        return fulfillment_order
    if stage is WaitingFor.COLLECTION:
        return replace(fulfillment_order, reminded_at=at)
    return replace(fulfillment_order, at_risk_at=at)


def delay_reason(fulfillment_order: FulfillmentOrder, rules: OrderRules) -> str:
    """For work that may leave late: when it must leave, what it waits for, and since when."""
    stage = _stage(fulfillment_order, rules) or WaitingFor.SHIPMENT
    word, since = stage.replace("_", " "), _began(stage, fulfillment_order)
    return f"it must leave by {utc_text(fulfillment_order.must_leave_by)}, and has waited for {word} since {utc_text(since)}"


def utc_text(moment: datetime) -> str:
    """A moment as people read it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def on_timeout(
    fulfillment_order: FulfillmentOrder,
    waiting_for: WaitingFor,
    node: Node,
    at: datetime,
    uncollected: Uncollected | None = Uncollected.CANCEL,
) -> TimedOut:
    """Act on a deadline that has passed at the instant `at`.

    For goods that the customer did not collect, `uncollected` says what happens; None = a person must decide.
    """
    match waiting_for:
        case WaitingFor.DELIVERY if fulfillment_order.to_node is None:
            return TimedOut(replace(fulfillment_order, assumed_delivered=True, delivered_at=at))
        case WaitingFor.COLLECTION if uncollected is not None and fulfillment_order.uncollected_at is None:
            return TimedOut(_ask_back(fulfillment_order, uncollected, at))
        case WaitingFor.COLLECTION:
            over = replace(fulfillment_order, uncollected_at=fulfillment_order.uncollected_at or at)
            return TimedOut(replace(over, escalated=waiting_for), _code_of(waiting_for))
        case WaitingFor.ACCEPTANCE if node.on_silence is OnSilence.ASK_CANCEL:
            return TimedOut(ask_to_cancel(fulfillment_order, {}, at))
        case WaitingFor.CANCEL_ANSWER if node.on_silence is OnSilence.REROUTE and is_partly_cancelled(
            fulfillment_order
        ):
            return TimedOut(give_up_what_was_cancelled(fulfillment_order))
        case WaitingFor.ACCEPTANCE | WaitingFor.CANCEL_ANSWER if node.on_silence is OnSilence.REROUTE:
            return TimedOut(presume_dead(fulfillment_order, at))
        case WaitingFor.SHIPMENT if fulfillment_order.request is not RequestStatus.CANCEL_REJECTED:
            return TimedOut(ask_to_cancel(fulfillment_order, {}, at))
        case _:
            return TimedOut(replace(fulfillment_order, escalated=waiting_for), _code_of(waiting_for))


def _ask_back(fulfillment_order: FulfillmentOrder, uncollected: Uncollected, at: datetime) -> FulfillmentOrder:
    """Ask the node to put uncollected goods back. The customer's units are cancelled then, unless they must be sent."""
    to_cancel = {
        line: fulfillment_order.counts(line).due - fo_line.cancel_wanted
        for line, fo_line in fulfillment_order.lines.items()
        if uncollected is Uncollected.CANCEL
    }
    return replace(ask_to_cancel(fulfillment_order, to_cancel, at), uncollected_at=at)


def after_the_call(fulfillment_order: FulfillmentOrder, code: ExceptionCode, at: datetime) -> FulfillmentOrder:
    """What happens to a wait that a person has taken over, when they resolve its exception of this code.

    The clock of the node, or of the failed delivery, starts again. Units still in doubt after their month are written off: the
    node may have shipped them without a report, so they are not sold again. The next count finds those that are still there.
    Units of a transfer that did not arrive are written off as well.
    """
    if code is ExceptionCode.DELIVERY_FAILED and fulfillment_order.delivery_failed_at is not None:
        return replace(fulfillment_order, delivery_failed_at=None, patience_from=at)
    if fulfillment_order.escalated is None or code is not _code_of(fulfillment_order.escalated):
        return fulfillment_order
    if fulfillment_order.escalated is WaitingFor.WORD_ON_DOUBT and fulfillment_order.has_ended:
        return write_off(fulfillment_order)
    if fulfillment_order.escalated is WaitingFor.DELIVERY:
        return write_off_in_transit(fulfillment_order, at)
    return restart_clock(fulfillment_order, at)


def is_with_a_person(fulfillment_order: FulfillmentOrder, code: ExceptionCode, rules: OrderRules) -> bool:
    """Whether the fulfillment order still waits for what an exception of this code has given to a person."""
    escalated = fulfillment_order.escalated
    is_its_code = escalated is not None and code is _code_of(escalated)
    return is_its_code and escalated is _stage(fulfillment_order, rules)


def _has_no_deadline(stage: WaitingFor, fulfillment_order: FulfillmentOrder) -> bool:
    """Whether a person has taken this wait over, or must find out where an undelivered parcel is."""
    is_failed = stage is WaitingFor.DELIVERY and fulfillment_order.delivery_failed_at is not None
    return is_failed or stage is fulfillment_order.escalated


def _code_of(escalated: WaitingFor) -> ExceptionCode:
    match escalated:
        case WaitingFor.CANCEL_ANSWER:
            return ExceptionCode.CANCEL_UNANSWERED
        case WaitingFor.COLLECTION:
            return ExceptionCode.PICKUP
        case WaitingFor.DELIVERY:
            return ExceptionCode.TRANSFER_SHORT
        case _:
            return ExceptionCode.NODE_SILENT


def _stage(fulfillment_order: FulfillmentOrder, rules: OrderRules) -> WaitingFor | None:
    counts = [fulfillment_order.counts(line) for line in fulfillment_order.lines]
    if any(c.due for c in counts):
        if fulfillment_order.request is RequestStatus.CANCEL_REQUESTED:
            return WaitingFor.CANCEL_ANSWER
        if fulfillment_order.lies_ready and rules.collect_within is not None:
            return WaitingFor.COLLECTION
        return WaitingFor.SHIPMENT if fulfillment_order.accepted_at else WaitingFor.ACCEPTANCE
    if any(c.in_doubt for c in counts):
        return WaitingFor.WORD_ON_DOUBT
    if fulfillment_order.to_node is not None:
        return WaitingFor.DELIVERY if any(c.in_transit for c in counts) else None
    return WaitingFor.DELIVERY if any(c.shipped > c.delivered for c in counts) else None


def _notice_at(stage: WaitingFor, fo: FulfillmentOrder, rules: OrderRules) -> datetime | None:
    """When a reminder or an at-risk notice is due; None = none is due any more."""
    if stage is WaitingFor.COLLECTION and fo.reminded_at is None and fo.uncollected_at is None:
        return _began(stage, fo) + (rules.collect_within or timedelta()) / 2
    if fo.is_owed and fo.at_risk_at is None and rules.at_risk_before is not None:
        return fo.must_leave_by - rules.at_risk_before
    return None


def _deadline(stage: WaitingFor, fo: FulfillmentOrder, node: Node, rules: OrderRules) -> datetime:
    began = _began(stage, fo)
    clock_from = max(began, fo.patience_from or began)
    match stage:
        case WaitingFor.ACCEPTANCE | WaitingFor.CANCEL_ANSWER:
            return working_deadline(node, clock_from, node.accept_within)
        case WaitingFor.SHIPMENT:
            return working_deadline(node, clock_from, node.ship_within)
        case WaitingFor.COLLECTION:
            return clock_from + (rules.collect_within or timedelta())
        case WaitingFor.DELIVERY:
            return clock_from + rules.assume_delivered
        case WaitingFor.WORD_ON_DOUBT:
            return began + WORD_ON_DOUBT_WITHIN


def _began(stage: WaitingFor, fo: FulfillmentOrder) -> datetime:
    """When the time for this wait began."""
    match stage:
        case WaitingFor.ACCEPTANCE:
            return fo.released_at
        case WaitingFor.SHIPMENT:
            return fo.ship_clock_from or fo.released_at
        case WaitingFor.CANCEL_ANSWER:
            return fo.cancel_asked_at or fo.released_at
        case WaitingFor.COLLECTION:
            ready_at = fo.ready_at or fo.released_at
            return max(ready_at, fo.ship_clock_from or ready_at) if fo.uncollected_at else ready_at
        case WaitingFor.DELIVERY:
            late = max((fo.shipped_at or fo.ship_by) - fo.ship_by, timedelta())
            return (fo.deliver_by or fo.ship_by + ON_THE_WAY_MAX) + late
        case WaitingFor.WORD_ON_DOUBT:
            return fo.dead_at or fo.released_at

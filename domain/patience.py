"""Decides how long a node may stay silent about a fulfillment order, and what happens when it has been silent too long."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.fulfillment import (
    FulfillmentOrder,
    Request,
    WaitingFor,
    ask_to_cancel,
    be_patient_again,
    give_up_what_was_cancelled,
    presume_dead,
    write_off,
)
from domain.network import Node, OnSilence, working_deadline
from domain.reasons import ExceptionCode

WORD_ON_DOUBT_WITHIN = timedelta(days=30)
"""How long an order stays open for the answer of a dead attempt (DESIGN §5)."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What a fulfillment order waits for, and until when."""

    waiting_for: WaitingFor
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Lost:
    """What lost patience made of a fulfillment order; with a code, a person must look."""

    fulfillment_order: FulfillmentOrder
    exception: ExceptionCode | None = None


def waits_for(fulfillment_order: FulfillmentOrder, node: Node, assume_delivered: timedelta) -> Wait | None:
    """What the fulfillment order waits for next; None when it is over, or a person has taken the wait over."""
    stage = _stage(fulfillment_order)
    if stage is None or stage is fulfillment_order.escalated:
        return None
    return Wait(stage, _deadline(stage, fulfillment_order, node, assume_delivered))


def lose_patience(fulfillment_order: FulfillmentOrder, waiting_for: WaitingFor, node: Node, at: datetime) -> Lost:
    """Act on a deadline that has passed at the instant `at` (DESIGN §5, the fence; CONTRACT §2 `on_silence`)."""
    match waiting_for:
        case WaitingFor.DELIVERY:
            return Lost(replace(fulfillment_order, assumed_delivered=True, delivered_at=at))
        case WaitingFor.ACCEPTANCE if node.on_silence is OnSilence.ASK_CANCEL:
            return Lost(ask_to_cancel(fulfillment_order, {}, at))
        case WaitingFor.CANCEL_ANSWER if node.on_silence is OnSilence.REROUTE and _is_partly_cancelled(
            fulfillment_order
        ):
            return Lost(give_up_what_was_cancelled(fulfillment_order))
        case WaitingFor.ACCEPTANCE | WaitingFor.CANCEL_ANSWER if node.on_silence is OnSilence.REROUTE:
            return Lost(presume_dead(fulfillment_order, at))
        case WaitingFor.SHIPMENT if fulfillment_order.request is not Request.CANCEL_REJECTED:
            return Lost(ask_to_cancel(fulfillment_order, {}, at))
        case _:
            return Lost(replace(fulfillment_order, escalated=waiting_for), _code_of(waiting_for))


def after_the_call(fulfillment_order: FulfillmentOrder, code: ExceptionCode, at: datetime) -> FulfillmentOrder:
    """What becomes of a wait that a person has taken over when he resolves its exception of this code.

    The node has its time anew. What is still in doubt after its month is written off: the node may have shipped it untold,
    so it is not sold again, and the next count finds what is there after all.
    """
    if fulfillment_order.escalated is None or code is not _code_of(fulfillment_order.escalated):
        return fulfillment_order
    if fulfillment_order.escalated is WaitingFor.WORD_ON_DOUBT and fulfillment_order.has_ended:
        return write_off(fulfillment_order)
    return be_patient_again(fulfillment_order, at)


def _code_of(escalated: WaitingFor) -> ExceptionCode:
    is_cancel = escalated is WaitingFor.CANCEL_ANSWER
    return ExceptionCode.CANCEL_UNANSWERED if is_cancel else ExceptionCode.NODE_SILENT


def _is_partly_cancelled(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether a customer cancelled some of what is due, and not all of it."""
    wanted = sum(told.cancel_wanted for told in fulfillment_order.lines.values())
    due = sum(fulfillment_order.counts(line).due for line in fulfillment_order.lines)
    return 0 < wanted < due


def _stage(fulfillment_order: FulfillmentOrder) -> WaitingFor | None:
    counts = [fulfillment_order.counts(line) for line in fulfillment_order.lines]
    if any(c.due for c in counts):
        if fulfillment_order.request is Request.CANCEL_REQUESTED:
            return WaitingFor.CANCEL_ANSWER
        return WaitingFor.SHIPMENT if fulfillment_order.accepted_at else WaitingFor.ACCEPTANCE
    if any(c.in_doubt for c in counts):
        return WaitingFor.WORD_ON_DOUBT
    return WaitingFor.DELIVERY if any(c.shipped > c.delivered for c in counts) else None


def _deadline(stage: WaitingFor, fo: FulfillmentOrder, node: Node, assume_delivered: timedelta) -> datetime:
    match stage:
        case WaitingFor.ACCEPTANCE:
            return working_deadline(node, _since(fo.released_at, fo), node.accept_within)
        case WaitingFor.SHIPMENT:
            return working_deadline(node, _since(fo.ship_clock_from or fo.released_at, fo), node.ship_within)
        case WaitingFor.CANCEL_ANSWER:
            return working_deadline(node, _since(fo.cancel_asked_at or fo.released_at, fo), node.accept_within)
        case WaitingFor.DELIVERY:
            return fo.deliver_by + assume_delivered
        case WaitingFor.WORD_ON_DOUBT:
            return (fo.dead_at or fo.released_at) + WORD_ON_DOUBT_WITHIN


def _since(moment: datetime, fo: FulfillmentOrder) -> datetime:
    return max(moment, fo.patience_from or moment)

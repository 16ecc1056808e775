"""Decides how a fulfillment order changes when we ask its node to cancel, give the attempt up, or withdraw it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from domain.fulfillment.work import FulfillmentOrder, RequestStatus, free, units_due


def presume_dead(fulfillment_order: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """Mark a silent attempt dead: its due units are in doubt until the node answers."""
    return replace(fulfillment_order, dead_at=at, request=RequestStatus.TIMED_OUT)


def give_up_what_was_cancelled(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Give up units that the customer cancelled, after the node's silence: they are in doubt, the other work goes on."""
    lines = {
        line: replace(fo_line, replaced=fo_line.replaced + fo_line.cancel_wanted)
        for line, fo_line in fulfillment_order.lines.items()
    }
    return replace(fulfillment_order, lines=lines, request=RequestStatus.ACCEPTED)


def ask_to_cancel(fulfillment_order: FulfillmentOrder, to_cancel: Mapping[str, int], at: datetime) -> FulfillmentOrder:
    """Ask the node to cancel; `to_cancel` are the units per line to cancel for the customer once the node accepts.

    Without any, the node is asked to cancel everything. A later cancel by the customer then asks for nothing more, and a wait
    that a person has taken over stays with that person. Any other cancel request is new, and the node gets its time to answer.
    """
    was_asked_for_all = is_asked_for_all(fulfillment_order)
    lines = {
        line: replace(fo_line, cancel_wanted=fo_line.cancel_wanted + to_cancel.get(line, 0))
        for line, fo_line in fulfillment_order.lines.items()
    }
    return replace(
        fulfillment_order,
        lines=lines,
        request=RequestStatus.CANCEL_REQUESTED,
        cancel_asked_at=at,
        asked_for_all=was_asked_for_all or not any(to_cancel.values()),
        escalated=fulfillment_order.escalated if was_asked_for_all else None,
    )


def drop_empty_cancel_request(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """End a cancel request when all its units have shipped or were given back; the other work goes on.

    The node may still answer, so `cancel_asked_at` stays.
    """
    is_asked = fulfillment_order.request is RequestStatus.CANCEL_REQUESTED
    is_for_units = fulfillment_order.asked_for_all or any(units_to_cancel(fulfillment_order).values())
    if not is_asked or is_for_units or fulfillment_order.has_ended:
        return fulfillment_order
    return replace(
        fulfillment_order, request=RequestStatus.ACCEPTED if fulfillment_order.accepted_at else RequestStatus.SENT
    )


def is_asked_for_all(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether its node is asked to cancel all of it."""
    return fulfillment_order.request is RequestStatus.CANCEL_REQUESTED and fulfillment_order.asked_for_all


def is_partly_cancelled(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether its node was asked to cancel only the units that a customer cancelled, and these are not all that is due."""
    to_cancel = sum(fo_line.cancel_wanted for fo_line in fulfillment_order.lines.values())
    due = sum(fulfillment_order.counts(line).due for line in fulfillment_order.lines)
    return not fulfillment_order.asked_for_all and 0 < to_cancel < due


def restart_clock(fulfillment_order: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """Start the node's time again, for any wait, because a person has talked to the node."""
    return replace(fulfillment_order, escalated=None, patience_from=at)


def write_off(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Write off the units in doubt: no report is expected any more, and none of them is sold again."""
    return replace(fulfillment_order, escalated=None, ship_final=True)


def withdraw(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Take all of a fulfillment order back at once; the caller knows that its node cannot have seen it."""
    return replace(free(fulfillment_order, units_due(fulfillment_order)), request=RequestStatus.CANCEL_ACCEPTED)


def units_to_cancel(fo: FulfillmentOrder) -> dict[str, int]:
    """The units per line that the node was asked to cancel for the customer."""
    return {line: fo_line.cancel_wanted for line, fo_line in fo.lines.items()}

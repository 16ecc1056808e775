"""Decides what becomes of a fulfillment order when we ask its node to stop, give it up, or take it back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from domain.fulfillment.work import FulfillmentOrder, RequestStatus, free, units_due


def presume_dead(fulfillment_order: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """Give a silent attempt up: what it still owed is in doubt until its node answers."""
    return replace(fulfillment_order, dead_at=at, request=RequestStatus.TIMED_OUT)


def give_up_what_was_cancelled(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """The node has not answered for units that the customer cancelled: they are in doubt, the rest of its work goes on."""
    lines = {
        line: replace(told, replaced=told.replaced + told.cancel_wanted)
        for line, told in fulfillment_order.lines.items()
    }
    return replace(fulfillment_order, lines=lines, request=RequestStatus.ACCEPTED)


def ask_to_cancel(fulfillment_order: FulfillmentOrder, wanted: Mapping[str, int], at: datetime) -> FulfillmentOrder:
    """Ask the node to stop; `wanted` are the units per line that are cancelled for the customer once it consents.

    Without any, it is asked to stop everything: what the customer cancels of it meanwhile asks for no less, and a person who
    has taken the wait over keeps it. Any other wish asks for something new, for which the node has its time.
    """
    was_asked_for_all = is_asked_for_all(fulfillment_order)
    lines = {
        line: replace(told, cancel_wanted=told.cancel_wanted + wanted.get(line, 0))
        for line, told in fulfillment_order.lines.items()
    }
    return replace(
        fulfillment_order,
        lines=lines,
        request=RequestStatus.CANCEL_REQUESTED,
        cancel_asked_at=at,
        asked_for_all=was_asked_for_all or not any(wanted.values()),
        escalated=fulfillment_order.escalated if was_asked_for_all else None,
    )


def drop_empty_cancel_request(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Ask the node nothing more when all that the customer wanted cancelled has left or was given back; the rest goes on.

    It may still answer, so it stays known that it was asked.
    """
    is_asked = fulfillment_order.request is RequestStatus.CANCEL_REQUESTED
    is_for_units = fulfillment_order.asked_for_all or any(units_wanted(fulfillment_order).values())
    if not is_asked or is_for_units or fulfillment_order.has_ended:
        return fulfillment_order
    return replace(
        fulfillment_order, request=RequestStatus.ACCEPTED if fulfillment_order.accepted_at else RequestStatus.SENT
    )


def is_asked_for_all(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether its node is being asked to stop all of it."""
    return fulfillment_order.request is RequestStatus.CANCEL_REQUESTED and fulfillment_order.asked_for_all


def is_partly_cancelled(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether its node was asked to stop only what a customer cancelled, and that is not all of what is due."""
    wanted = sum(told.cancel_wanted for told in fulfillment_order.lines.values())
    due = sum(fulfillment_order.counts(line).due for line in fulfillment_order.lines)
    return not fulfillment_order.asked_for_all and 0 < wanted < due


def restart_clock(fulfillment_order: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """A person has talked to the node: whatever is waited for next, it has its time for it from now on."""
    return replace(fulfillment_order, escalated=None, patience_from=at)


def write_off(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Nobody will ever know what became of the units in doubt: nothing more is expected, and none of them is sold again."""
    return replace(fulfillment_order, escalated=None, ship_final=True)


def withdraw(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Take all of a fulfillment order back at once, which only holds while its node cannot have seen it."""
    return replace(free(fulfillment_order, units_due(fulfillment_order)), request=RequestStatus.CANCEL_ACCEPTED)


def units_wanted(fo: FulfillmentOrder) -> dict[str, int]:
    """What the customer wants cancelled."""
    return {line: told.cancel_wanted for line, told in fo.lines.items()}

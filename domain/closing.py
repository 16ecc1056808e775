"""Which facts close an exception: one row for each code, beside what `domain.reasons` says about it.

An exception is over when the reason for it is: the facts are judged as they are after a change, whatever made it. So it does
not matter in which order messages came, or who acted.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.claim import ClaimKind
from domain.deadlines import is_with_a_person
from domain.fulfillment import FulfillmentOrder
from domain.network import OrderRules
from domain.payment import Misfit, is_about
from domain.reasons import ExceptionCode
from domain.units import Order, needs_a_person


@dataclass(frozen=True, slots=True)
class OpenException:
    """An exception of an order that is not resolved."""

    exception: str
    code: ExceptionCode
    fulfillment_order: str | None
    subject: str | None
    """The line, return or SKU that it is about, where the fact that closes it needs it."""
    since: datetime


@dataclass(frozen=True, slots=True)
class ReturnedUnits:
    """Units of a line that came back in a return, which was requested at an instant."""

    return_: str
    line: str
    quantity: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimedUnits:
    """Units of a line that a customer was given something for without sending them back."""

    line: str
    kind: ClaimKind
    quantity: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides whether an exception of an order is over."""

    order: Order
    rules: OrderRules
    returned: Sequence[ReturnedUnits] = ()
    claimed: Sequence[ClaimedUnits] = ()
    misfits: Collection[Misfit] = ()
    """How its payments do not fit it."""
    short: Collection[str] = ()
    """Its returns and claims of which less was paid back than is owed, because no more was captured."""


_IsOver = Callable[[OpenException, Facts], bool]


class Closing(NamedTuple):
    """What closes exceptions of one code."""

    closed_by: str | None
    """The facts that close it without a person, in words; None = only a person resolves it."""
    is_over: _IsOver | None = None
    """Whether an order's exception is over; None = the facts are not those of an order's units, or there are none."""


def over(known: Iterable[OpenException], facts: Facts) -> list[OpenException]:
    """The open exceptions of an order whose reason is gone."""
    return [one for one in known if (is_over := CLOSING[one.code].is_over) and is_over(one, facts)]


def looks_at_returns(known: Iterable[OpenException]) -> bool:
    """Whether `over` must know what came back and what was claimed to judge one of these."""
    return any(one.code in _OF_RETURNED_UNITS for one in known)


def looks_at_payments(known: Iterable[OpenException]) -> bool:
    """Whether `over` must know what was paid and paid back to judge one of these."""
    return any(one.code in _OF_PAYMENTS for one in known)


def _wait_is_over(known: OpenException, facts: Facts) -> bool:
    """Whether the wait that a person took over has ended: by the node's word, a cancel, or a reroute."""
    fo = _work(known, facts)
    return fo is not None and not is_with_a_person(fo, known.code, facts.rules)


def _nobody_waits_for_the_line(known: OpenException, facts: Facts) -> bool:
    waiting = facts.order.waiting
    return known.subject is not None and not any(w.awaits == "person" and w.line == known.subject for w in waiting)


def _line_is_gone(known: OpenException, facts: Facts) -> bool:
    return not any(waiting.line == known.subject for waiting in facts.order.waiting)


def _pickup_goes_on(known: OpenException, facts: Facts) -> bool:
    return _wait_is_over(known, facts) if known.fulfillment_order else not needs_a_person(facts.order)


def _risk_is_over(known: OpenException, facts: Facts) -> bool:
    fo = _work(known, facts)
    return not fo.is_owed if fo else not facts.order.has_unreleased


def _needs_no_call(known: OpenException, facts: Facts) -> bool:
    fo = _work(known, facts)
    return fo is not None and not fo.needs_a_call


def _parcel_is_found(known: OpenException, facts: Facts) -> bool:
    """Whether it was delivered after all, or what was not is lost by a claim or came back.

    What came back or was claimed for another reason counts for the delivered units first.
    """
    fo = _work(known, facts)
    if fo is None or fo.delivery_failed_at is None or (fo.has_ended and not fo.has_shipped):
        return fo is not None
    missing = [line for line in fo.lines if fo.undelivered(line)]
    return bool(missing) and all(_is_accounted_for(line, facts) for line in missing)


def _is_accounted_for(line: str, facts: Facts) -> bool:
    works = [fo for fo in facts.order.fulfillment_orders.values() if line in fo.lines]
    failed = sum(fo.undelivered(line) for fo in works if fo.delivery_failed_at)
    delivered = sum(fo.counts(line).shipped - fo.undelivered(line) for fo in works)
    lost = sum(units.quantity for units in facts.claimed if units.line == line and units.kind is ClaimKind.LOST)
    others = sum(units.quantity for units in facts.claimed if units.line == line) - lost
    others += sum(units.quantity for units in facts.returned if units.line == line)
    return lost + max(0, others - delivered) >= failed


def _surplus_is_gone(known: OpenException, facts: Facts) -> bool:
    """Whether no unit is beyond the order any more, or as many have come back since."""
    fo, line = _work(known, facts), known.subject
    if fo is None or line is None:
        return False
    back = [one for one in facts.returned if one.line == line and one.requested_at >= known.since]
    return sum(one.quantity for one in back) >= fo.counts(line).surplus


def _parcel_came(known: OpenException, facts: Facts) -> bool:
    return any(units.return_ == known.subject and units.quantity for units in facts.returned)


def _payments_fit(known: OpenException, facts: Facts) -> bool:
    return not is_about(known.subject or "", facts.misfits)


def _rest_is_paid(known: OpenException, facts: Facts) -> bool:
    return known.subject is not None and known.subject not in facts.short


def _work(known: OpenException, facts: Facts) -> FulfillmentOrder | None:
    return facts.order.fulfillment_orders.get(known.fulfillment_order or "")


CLOSING: Mapping[ExceptionCode, Closing] = {
    ExceptionCode.UNFILLED: Closing(
        "no unit of the line waits for a person any more: another request has them sourced again, or they are cancelled; "
        "for units that were cancelled because their time was over: only a person",
        _nobody_waits_for_the_line,
    ),
    ExceptionCode.NODE_SILENT: Closing(
        "the node does or refuses what it was waited for, or the work is cancelled or rerouted", _wait_is_over
    ),
    ExceptionCode.CANCEL_UNANSWERED: Closing(
        "the node cancels, refuses or ships what it was asked to cancel, or the work is rerouted", _wait_is_over
    ),
    ExceptionCode.DOUBLE_SHIP: Closing(
        "as many units as left twice come back in a return, or replace others that did not ship", _surplus_is_gone
    ),
    ExceptionCode.SURPLUS: Closing(
        "as many units as left beyond the order come back in a return, or replace others that did not ship",
        _surplus_is_gone,
    ),
    ExceptionCode.STOCK_SHORT: Closing(
        "as many units are on hand as are promised: by a count, a receipt, or because fewer are promised"
    ),
    ExceptionCode.MESSAGE_MISFIT: Closing(None),
    ExceptionCode.PICKUP: Closing(
        "no unit waits for the customer's decision any more, or the goods are collected, cancelled or rerouted",
        _pickup_goes_on,
    ),
    ExceptionCode.DELIVERY_FAILED: Closing(
        "the goods are delivered, come back in a return, or are claimed as lost", _parcel_is_found
    ),
    ExceptionCode.AT_RISK: Closing(
        "the units ship, lie ready for pickup, are cancelled or rerouted; for an order: all its units are released",
        _risk_is_over,
    ),
    ExceptionCode.RETURN_MISFIT: Closing(
        "a parcel that was sent and had not come arrives, or what was waited for during 14 days is done; "
        "anything else: only a person",
        _parcel_came,
    ),
    ExceptionCode.STUCK: Closing("the step works"),
    ExceptionCode.NODE_UNREACHABLE: Closing(
        "the node takes a call, or has nothing left to be called about", _needs_no_call
    ),
    ExceptionCode.REFUND_SHORT: Closing(
        "as much is captured later as was missing, and the rest is paid back; an exchange, and what a channel paid without "
        "being asked: only a person",
        _rest_is_paid,
    ),
    ExceptionCode.REPLACEMENT_LOST: Closing(None),
    ExceptionCode.STOCK_MISFIT: Closing("the network knows the item, and its rows are applied"),
    ExceptionCode.PAYMENT_MISFIT: Closing(
        "the payments fit again: by others that come later, or because the order costs more", _payments_fit
    ),
    ExceptionCode.UNMAPPED: Closing("the network knows the item, or no unit of the line is left", _line_is_gone),
    ExceptionCode.CHANNEL_MISFIT: Closing(
        "what came is understood when it is tried again, or a newer document of its order is carried out; a change that an "
        "order cannot follow: only a person"
    ),
    ExceptionCode.CHANNEL_REFUSED: Closing("the channel takes it when it is sent again"),
    ExceptionCode.ACKNOWLEDGMENT_MISSING: Closing("the partner acknowledges the document, however late"),
    ExceptionCode.CARRIER_FAILED: Closing(
        "the parcel gets a label, or the label in question is given back; of a manifest: its parcels are on one that was made"
    ),
    ExceptionCode.CONNECTION_FAULT: Closing(
        "the connection works again; for what a check found: the next check does not find it"
    ),
    ExceptionCode.MARKETPLACE_AT_RISK: Closing("the rate is good again, also with what is due within a day"),
    ExceptionCode.TRANSFER_SHORT: Closing("the missing units are received at the destination", _wait_is_over),
}
"""Every code. A code whose facts are not an order's units is closed where its fact is recorded."""

_OF_PAYMENTS = frozenset({ExceptionCode.REFUND_SHORT, ExceptionCode.PAYMENT_MISFIT})

_OF_RETURNED_UNITS = frozenset(
    {
        ExceptionCode.DOUBLE_SHIP,
        ExceptionCode.SURPLUS,
        ExceptionCode.DELIVERY_FAILED,
        ExceptionCode.RETURN_MISFIT,
    }
)

"""Decides what a node's message means for a fulfillment order. No message fails; what does not fit is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.fulfillment.messages import MessageKind, NodeMessage, Quantity
from domain.fulfillment.requests import units_wanted
from domain.fulfillment.work import FulfillmentOrder, RequestStatus, free, units_due


@dataclass(frozen=True, slots=True)
class Applied:
    """What a message made of a fulfillment order, and in which respects it did not fit (empty when it did)."""

    fulfillment_order: FulfillmentOrder
    mismatches: tuple[str, ...] = field(default=())


def apply_message(fulfillment_order: FulfillmentOrder, message: NodeMessage, at: datetime) -> Applied:
    """Take a node's message as fact: add it to what was told. Never fails; what does not fit is named in `mismatches`."""
    unknown = _unknown_lines(fulfillment_order, message)
    quantities = {line: n for line, n in _quantities(fulfillment_order, message).items() if line not in unknown}
    heard = _HANDLERS[message.kind](fulfillment_order, quantities, message, at)
    mismatches = [f"line {line} is not in it" for line in unknown] + list(heard.mismatches)
    return Applied(_note_that_it_lies_ready(heard.fulfillment_order, at), tuple(mismatches))


def _note_that_it_lies_ready(fo: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """The customer may come once all that is due lies ready, also because the node gave the rest back."""
    counts = {line: fo.counts(line) for line in fo.lines}
    lies_ready = all(fo.lines[line].ready >= c.gone + c.due for line, c in counts.items() if c.due)
    return replace(fo, ready_at=at) if fo.ready_at is None and lies_ready and not fo.has_ended else fo


def _quantities(fulfillment_order: FulfillmentOrder, message: NodeMessage) -> dict[str, int]:
    """The message's units per line: its lines, else the sum of its packages, else all that is still due at that stage."""
    if message.lines is not None:
        return _sum(message.lines)
    if message.packages and any(package.lines for package in message.packages):
        return _sum(tuple(quantity for package in message.packages for quantity in package.lines))
    return _DUE_AT_STAGE.get(message.kind, units_due)(fulfillment_order)


def _sum(quantities: tuple[Quantity, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for quantity in quantities:
        total[quantity.line] = total.get(quantity.line, 0) + quantity.quantity
    return total


def _unpicked(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """What is there or has left, and was not told picked: also what was told shipped before."""
    found = _found(fulfillment_order)
    return {line: max(0, found[line] - told.picked) for line, told in fulfillment_order.lines.items()}


def _unready(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """What is there or has left, and was not told ready."""
    found = _found(fulfillment_order)
    return {line: max(0, found[line] - told.ready) for line, told in fulfillment_order.lines.items()}


def _found(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    counts = {line: fulfillment_order.counts(line) for line in fulfillment_order.lines}
    return {line: c.held + min(c.gone, fulfillment_order.lines[line].quantity) for line, c in counts.items()}


def _unshipped(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """What is due, and what was told delivered before it was told shipped: when all has left, both have."""
    counts = {line: fulfillment_order.counts(line) for line in fulfillment_order.lines}
    return {line: c.held + c.gone - fulfillment_order.lines[line].shipped for line, c in counts.items()}


def _undelivered(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """Shipped and not yet told delivered; where nothing has shipped, what is due (delivery implies shipment)."""
    on_the_way = {
        line: max(told.shipped, told.delivered) - told.delivered for line, told in fulfillment_order.lines.items()
    }
    return on_the_way if any(on_the_way.values()) else units_due(fulfillment_order)


def _asked_back(fo: FulfillmentOrder) -> dict[str, int]:
    """What the node was asked to stop: all that it has, or what the customer wants cancelled, or what was given up of it."""
    if fo.request not in _ASKED:
        return {line: fo.counts(line).in_doubt for line in fo.lines}
    wanted = units_wanted(fo)
    return units_due(fo) if fo.asked_for_all or not any(wanted.values()) else wanted


_ASKED = (RequestStatus.CANCEL_REQUESTED, RequestStatus.TIMED_OUT, RequestStatus.CANCEL_REJECTED)


def _was_asked(fo: FulfillmentOrder) -> bool:
    """Whether its node may answer a wish to cancel: one that is open, or that its deeds or our patience have ended."""
    return fo.request in _ASKED or fo.cancel_asked_at is not None


_DUE_AT_STAGE = {
    MessageKind.CANCEL_ACCEPTED: _asked_back,
    MessageKind.PICKED: _unpicked,
    MessageKind.READY_FOR_PICKUP: _unready,
    MessageKind.SHIPPED: _unshipped,
    MessageKind.DELIVERED: _undelivered,
}


def _unknown_lines(fulfillment_order: FulfillmentOrder, message: NodeMessage) -> list[str]:
    named = list(message.lines or ()) + [quantity for package in message.packages for quantity in package.lines]
    return sorted({quantity.line for quantity in named} - set(fulfillment_order.lines))


def _accept(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    if _was_given_back(fo):
        return Applied(fo, ("it was given back before",))
    return Applied(_accepted(fo, at))


def _accepted(fo: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """A later stage implies acceptance; a request to cancel stays open until it is answered itself."""
    request = RequestStatus.ACCEPTED if fo.request in (RequestStatus.UNSENT, RequestStatus.SENT) else fo.request
    return replace(fo, request=request, accepted_at=fo.accepted_at or at, ship_clock_from=fo.ship_clock_from or at)


def _was_given_back(fo: FulfillmentOrder) -> bool:
    return fo.request in (RequestStatus.REJECTED, RequestStatus.CANCEL_ACCEPTED) and fo.has_ended and not fo.has_shipped


def _reject(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    mismatches = _more_than_held(fo, quantities)
    freed = free(fo, quantities)
    whole = not mismatches and freed.has_ended and not freed.has_shipped and freed.dead_at is None
    return Applied(replace(freed, request=RequestStatus.REJECTED) if whole else freed, mismatches)


def _more_than_held(fo: FulfillmentOrder, quantities: Mapping[str, int]) -> tuple[str, ...]:
    excess = {line: n - fo.counts(line).held - fo.counts(line).written_off for line, n in quantities.items()}
    named = tuple(f"line {line}: {n} more than is due" for line, n in excess.items() if n > 0)
    return named or (
        () if any(quantities.values()) or any(units_due(fo).values()) else ("nothing of it is due any more",)
    )


def _pick(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """Units were picked, or lie ready: each is told of apart, so that a node may name the same units in both."""
    if _was_given_back(fo):
        return Applied(fo, ("it was given back before",))
    lies_ready = message.kind is MessageKind.READY_FOR_PICKUP
    lines, mismatches = dict(fo.lines), []
    for line, quantity in quantities.items():
        told = fo.lines[line]
        so_far = quantity + (told.ready if lies_ready else told.picked)
        lines[line] = replace(told, ready=so_far) if lies_ready else replace(told, picked=so_far)
        if so_far > told.quantity:
            mismatches.append(f"line {line}: {so_far} {'ready' if lies_ready else 'picked'} of {told.quantity}")
    picked = replace(_accepted(fo, at), lines=lines, pick_final=fo.pick_final or message.final)
    return Applied(picked, tuple(mismatches))


def _ship(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], shipped=lines[line].shipped + quantity)
    left_at = max(filter(None, (fo.shipped_at, min(message.occurred_at, at))))
    shipped = replace(_accepted(fo, at), lines=lines, ship_final=fo.ship_final or message.final, shipped_at=left_at)
    says_something = any(quantities.values()) or message.final or fo.has_shipped
    return Applied(shipped, () if says_something else ("nothing of it is due any more",))


def _collect(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    shipped = _ship(fo, quantities, message, at)
    delivered = _deliver(shipped.fulfillment_order, quantities, message, at)
    return Applied(delivered.fulfillment_order, shipped.mismatches)


def _deliver(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], delivered=lines[line].delivered + quantity)
    latest = max(filter(None, (fo.delivered_at if not fo.assumed_delivered else None, message.occurred_at)))
    is_told_whole = all(told.delivered >= fo.counts(line).shipped for line, told in lines.items())
    is_assumed = fo.assumed_delivered and not is_told_whole
    delivered = replace(_accepted(fo, at), lines=lines, delivered_at=latest, assumed_delivered=is_assumed)
    return Applied(delivered, () if any(quantities.values()) else ("nothing of it was on the way",))


def _fail_delivery(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """Not a misfit, but always a person's case: the parcel is somewhere, and only a person knows what happens next."""
    return Applied(replace(fo, delivery_failed_at=at))


def _consent(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """Who lets go of a part has the rest; what it was asked for and has not named is still to be answered."""
    if not _was_asked(fo):
        return Applied(fo, ("nobody asked to cancel it",))
    mismatches = _more_than_held(fo, quantities)
    freed = free(fo, quantities)
    if fo.dead_at is not None:
        return Applied(freed, mismatches)
    if not freed.has_ended:
        freed = replace(freed, accepted_at=fo.accepted_at or at, ship_clock_from=fo.ship_clock_from or at)
    if fo.request is RequestStatus.CANCEL_REQUESTED and _leaves_unanswered(fo, quantities, freed):
        return Applied(freed, mismatches)
    answered = replace(freed, request=RequestStatus.CANCEL_ACCEPTED, cancel_asked_at=None, asked_for_all=False)
    return Applied(answered, mismatches)


def _leaves_unanswered(fo: FulfillmentOrder, quantities: Mapping[str, int], freed: FulfillmentOrder) -> bool:
    """Whether the node was asked to stop more than it has named, and still has some of that."""
    return any(asked > quantities.get(line, 0) and freed.counts(line).due for line, asked in _asked_back(fo).items())


def _refuse_to_cancel(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """Who refuses to stop has the work: it is accepted, and the node has its time to ship anew."""
    if fo.request is not RequestStatus.CANCEL_REQUESTED:
        is_late = fo.request is RequestStatus.TIMED_OUT or fo.cancel_asked_at is not None
        return Applied(fo, () if is_late else ("nobody asked to cancel it",))
    lines = {line: replace(told, cancel_wanted=0) for line, told in fo.lines.items()}
    refused = replace(fo, lines=lines, request=RequestStatus.CANCEL_REJECTED, cancel_asked_at=None, asked_for_all=False)
    return Applied(replace(refused, accepted_at=fo.accepted_at or at, ship_clock_from=at))


_HANDLERS = {
    MessageKind.ACCEPTED: _accept,
    MessageKind.REJECTED: _reject,
    MessageKind.PICKED: _pick,
    MessageKind.READY_FOR_PICKUP: _pick,
    MessageKind.SHIPPED: _ship,
    MessageKind.COLLECTED: _collect,
    MessageKind.DELIVERED: _deliver,
    MessageKind.DELIVERY_FAILED: _fail_delivery,
    MessageKind.CANCEL_ACCEPTED: _consent,
    MessageKind.CANCEL_REJECTED: _refuse_to_cancel,
}

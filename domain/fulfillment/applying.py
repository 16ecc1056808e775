"""Applies a node's message to a fulfillment order. No message fails; what does not fit is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.fulfillment.messages import MessageKind, NodeMessage, Quantity
from domain.fulfillment.requests import units_to_cancel
from domain.fulfillment.work import FulfillmentOrder, FulfillmentOrderLine, RequestStatus, free, units_due


@dataclass(frozen=True, slots=True)
class Applied:
    """A fulfillment order after a message, and what of the message did not fit (empty when all fitted)."""

    fulfillment_order: FulfillmentOrder
    mismatches: tuple[str, ...] = field(default=())


def apply_message(fulfillment_order: FulfillmentOrder, message: NodeMessage, at: datetime) -> Applied:
    """Add a node's message to its reports. It is a fact and never fails; `mismatches` names what does not fit."""
    unknown = _unknown_lines(fulfillment_order, message)
    quantities = {line: n for line, n in _quantities(fulfillment_order, message).items() if line not in unknown}
    handlers = _HANDLERS if fulfillment_order.to_node is None else _HANDLERS_OF_TRANSFERS
    applied = handlers[message.kind](fulfillment_order, quantities, message, at)
    mismatches = [f"line {line} is not in it" for line in unknown] + list(applied.mismatches)
    return Applied(_note_ready_for_pickup(applied.fulfillment_order, at), tuple(mismatches))


def receive(fo: FulfillmentOrder, quantities: Mapping[str, int], happened_at: datetime) -> FulfillmentOrder:
    """Units of a transfer arrived at its destination, by line. What arrived has left, whatever was reported of that."""
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], delivered=lines[line].delivered + quantity)
    delivered_at = max(filter(None, (fo.delivered_at, happened_at)))
    received = replace(_accepted(fo, happened_at), lines=lines, delivered_at=delivered_at)
    return replace(received, delivery_failed_at=None) if _is_delivered(received) else received


def write_off_in_transit(fo: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """Expect the units of a transfer no more that did not arrive. The next wait for others has its own time."""
    lines = {
        line: replace(fo_line, lost=fo.counts(line).lost + fo.counts(line).in_transit)
        for line, fo_line in fo.lines.items()
    }
    return replace(fo, lines=lines, escalated=None, patience_from=at, delivered_at=fo.delivered_at or at)


def _note_ready_for_pickup(fo: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """The goods lie ready once all due units do, also when the node gave the others back."""
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


def brings_units(fulfillment_order: FulfillmentOrder, message: NodeMessage) -> bool:
    """Whether a message reports units as shipped, those of lines that the fulfillment order does not have included."""
    if message.kind not in (MessageKind.SHIPPED, MessageKind.COLLECTED):
        return False
    if message.lines is not None or any(package.lines for package in message.packages):
        return message.lines != ()
    return any(_unshipped(fulfillment_order).values())


def _sum(quantities: tuple[Quantity, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for quantity in quantities:
        total[quantity.line] = total.get(quantity.line, 0) + quantity.quantity
    return total


def _unpicked(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """Units at the node or shipped that were not reported picked, also those reported shipped before."""
    found = _found(fulfillment_order)
    return {line: max(0, found[line] - fo_line.picked) for line, fo_line in fulfillment_order.lines.items()}


def _unready(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """Units at the node or shipped that were not reported ready."""
    found = _found(fulfillment_order)
    return {line: max(0, found[line] - fo_line.ready) for line, fo_line in fulfillment_order.lines.items()}


def _found(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    counts = {line: fulfillment_order.counts(line) for line in fulfillment_order.lines}
    return {line: c.held + min(c.gone, fulfillment_order.lines[line].quantity) for line, c in counts.items()}


def _unshipped(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """Units due, and units reported delivered before they were reported shipped: when all has left, both have."""
    counts = {line: fulfillment_order.counts(line) for line in fulfillment_order.lines}
    sums = fulfillment_order.lines
    return {line: c.held + c.gone - (sums[line].shipped - sums[line].voided) for line, c in counts.items()}


def _undelivered(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """Units shipped and not reported delivered; where none has shipped, the units due (delivery implies shipment)."""
    on_the_way = {line: fo_line.gone - fo_line.delivered for line, fo_line in fulfillment_order.lines.items()}
    return on_the_way if any(on_the_way.values()) else units_due(fulfillment_order)


def _units_asked_back(fo: FulfillmentOrder) -> dict[str, int]:
    """The units that the node was asked to stop: all of them, those cancelled for the customer, or those given up."""
    if fo.request not in _ASKED:
        return {line: fo.counts(line).in_doubt for line in fo.lines}
    to_cancel = units_to_cancel(fo)
    return units_due(fo) if fo.asked_for_all or not any(to_cancel.values()) else to_cancel


_ASKED = (RequestStatus.CANCEL_REQUESTED, RequestStatus.TIMED_OUT, RequestStatus.CANCEL_REJECTED)


def _was_asked(fo: FulfillmentOrder) -> bool:
    """Whether its node may answer a cancel request: an open one, or one that ended by a shipment or a time-out."""
    return fo.request in _ASKED or fo.cancel_asked_at is not None


def _nothing(_: FulfillmentOrder) -> dict[str, int]:
    """What a void is about is in its parcel, and nowhere else."""
    return {}


_DUE_AT_STAGE = {
    MessageKind.CANCEL_ACCEPTED: _units_asked_back,
    MessageKind.PICKED: _unpicked,
    MessageKind.READY_FOR_PICKUP: _unready,
    MessageKind.SHIPPED: _unshipped,
    MessageKind.DELIVERED: _undelivered,
    MessageKind.VOID: _nothing,
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
    """Units were picked, or lie ready. The two sums are separate, so a node may report the same units in both."""
    if _was_given_back(fo):
        return Applied(fo, ("it was given back before",))
    lies_ready = message.kind is MessageKind.READY_FOR_PICKUP
    lines, mismatches = dict(fo.lines), []
    for line, quantity in quantities.items():
        fo_line = fo.lines[line]
        so_far = quantity + (fo_line.ready if lies_ready else fo_line.picked)
        lines[line] = replace(fo_line, ready=so_far) if lies_ready else replace(fo_line, picked=so_far)
        if so_far > fo_line.quantity:
            mismatches.append(f"line {line}: {so_far} {'ready' if lies_ready else 'picked'} of {fo_line.quantity}")
    picked = replace(_accepted(fo, at), lines=lines, pick_final=fo.pick_final or message.final)
    return Applied(picked, tuple(mismatches))


def _ship(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], shipped=lines[line].shipped + quantity)
    left_at = max(filter(None, (fo.shipped_at, min(message.occurred_at, at))))
    shipped = replace(_accepted(fo, at), lines=lines, ship_final=fo.ship_final or message.final, shipped_at=left_at)
    has_effect = any(quantities.values()) or message.final or fo.has_shipped
    return Applied(shipped, () if has_effect else ("nothing of it is due any more",))


def _collect(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    shipped = _ship(fo, quantities, message, at)
    delivered = _deliver(shipped.fulfillment_order, quantities, message, at)
    return Applied(delivered.fulfillment_order, shipped.mismatches)


def _deliver(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], delivered=lines[line].delivered + quantity)
    is_reported_whole = all(fo_line.delivered >= fo.counts(line).shipped for line, fo_line in lines.items())
    # The last parcel cannot arrive before it left.
    moments = (None if fo.assumed_delivered else fo.delivered_at, fo.shipped_at if is_reported_whole else None)
    latest = max(filter(None, (*moments, min(message.occurred_at, at))))
    is_assumed = fo.assumed_delivered and not is_reported_whole
    delivered = replace(_accepted(fo, at), lines=lines, delivered_at=latest, assumed_delivered=is_assumed)
    if _is_delivered(delivered):
        delivered = replace(delivered, delivery_failed_at=None)
    return Applied(delivered, () if any(quantities.values()) else ("nothing of it was on the way",))


def _note(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """Only the destination knows what arrived of a transfer: what its source or a carrier says of it counts no unit."""
    return Applied(fo)


def _fail_delivery(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """The message fits, but a person must handle it: only a person can find out where the parcel is.

    A failure from before everything was delivered is old news.
    """
    is_old = _is_delivered(fo) and fo.delivered_at is not None and message.occurred_at <= fo.delivered_at
    return Applied(fo if is_old else replace(fo, delivery_failed_at=at))


def _is_delivered(fo: FulfillmentOrder) -> bool:
    """Whether all that shipped was reported delivered."""
    return fo.has_shipped and not any(fo.undelivered(line) for line in fo.lines)


def _accept_cancel(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """A node that cancels a part keeps the rest; units that it was asked to cancel and did not name stay requested."""
    if not _was_asked(fo):
        return Applied(fo, ("no cancel was requested",))
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
    """Whether the node was asked to stop more units than it named, and still has some of them."""
    return any(
        asked > quantities.get(line, 0) and freed.counts(line).due for line, asked in _units_asked_back(fo).items()
    )


def _reject_cancel(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """A node that refuses to cancel has accepted the work; its time to ship starts again."""
    if fo.request is not RequestStatus.CANCEL_REQUESTED:
        is_late = fo.request is RequestStatus.TIMED_OUT or fo.cancel_asked_at is not None
        return Applied(fo, () if is_late else ("no cancel was requested",))
    lines = {line: replace(fo_line, cancel_wanted=0) for line, fo_line in fo.lines.items()}
    refused = replace(fo, lines=lines, request=RequestStatus.CANCEL_REJECTED, cancel_asked_at=None, asked_for_all=False)
    return Applied(replace(refused, accepted_at=fo.accepted_at or at, ship_clock_from=at))


def _void(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Applied:
    """A parcel did not leave: what is in it lies picked at the node, and the node has its time to ship it again.

    What arrived has left, so it is not taken back.
    """
    known = fo.lines
    back = {line: min(quantity, known[line].shipped - known[line].voided) for line, quantity in quantities.items()}
    if not any(back.values()):
        return Applied(fo, ("nothing of it has shipped",))
    lines = {line: _with_voided(fo_line, back.get(line, 0), fo.ship_final) for line, fo_line in known.items()}
    if arrived := sorted(line for line, quantity in back.items() if known[line].gone - lines[line].gone < quantity):
        return Applied(fo, tuple(f"line {line}: units of it have arrived" for line in arrived))
    voided = replace(fo, lines=lines, ship_final=False, pick_final=fo.pick_final or fo.ship_final)
    return Applied(_without_news_of_the_parcel(replace(voided, escalated=None, ship_clock_from=at)))


def _with_voided(fo_line: FulfillmentOrderLine, quantity: int, was_final: bool) -> FulfillmentOrderLine:
    """A line without units that had left; they were picked. After the last shipment no other units were to be found."""
    left = min(fo_line.gone, fo_line.quantity)
    picked = left if was_final else max(fo_line.picked, left) if quantity else fo_line.picked
    ready = min(fo_line.ready, left) if was_final else fo_line.ready
    return replace(fo_line, voided=fo_line.voided + quantity, picked=picked, ready=ready)


def _without_news_of_the_parcel(fo: FulfillmentOrder) -> FulfillmentOrder:
    if not any(fo_line.delivered for fo_line in fo.lines.values()):
        fo = replace(fo, assumed_delivered=False, delivered_at=None)
    if not any(fo.undelivered(line) for line in fo.lines):
        fo = replace(fo, delivery_failed_at=None)
    return fo if fo.has_shipped else replace(fo, shipped_at=None)


_HANDLERS = {
    MessageKind.ACCEPTED: _accept,
    MessageKind.REJECTED: _reject,
    MessageKind.PICKED: _pick,
    MessageKind.READY_FOR_PICKUP: _pick,
    MessageKind.SHIPPED: _ship,
    MessageKind.COLLECTED: _collect,
    MessageKind.DELIVERED: _deliver,
    MessageKind.DELIVERY_FAILED: _fail_delivery,
    MessageKind.CANCEL_ACCEPTED: _accept_cancel,
    MessageKind.CANCEL_REJECTED: _reject_cancel,
    MessageKind.VOID: _void,
}

_HANDLERS_OF_TRANSFERS = {**_HANDLERS, MessageKind.DELIVERED: _note, MessageKind.COLLECTED: _ship}

"""Decides what a node's message means: a fulfillment order's counts are a pure function of everything its node has told.

Sums of what was told are kept per line (picked, shipped, delivered, given back), and the counts are computed from the sums, a
later stage implying the earlier ones. So the same messages in any order end in the same counts, and what a message changed is
the difference between the counts before and after it. Goods that left win over every other story: a unit that was short,
rejected or in doubt and then ships after all is shipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.network import Dispatch
from domain.text import FreeText, Identifier, Label, MessageId, Moment, Units


class MessageKind(StrEnum):
    """What a node can say about a fulfillment order (CONTRACT §3)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PICKED = "picked"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    COLLECTED = "collected"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    CANCEL_ACCEPTED = "cancel_accepted"
    CANCEL_REJECTED = "cancel_rejected"


class Request(StrEnum):
    """The talk with the node, apart from the work's own status (DESIGN §5)."""

    UNSENT = "unsent"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_ACCEPTED = "cancel_accepted"
    CANCEL_REJECTED = "cancel_rejected"
    TIMED_OUT = "timed_out"


class FulfillmentOrderStatus(StrEnum):
    """How far the work is (DESIGN §5); derived by the view `fulfillment_order_status`."""

    PLANNED = "planned"
    ON_HOLD = "on_hold"
    RELEASED = "released"
    IN_PROGRESS = "in_progress"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CLOSED_SHORT = "closed_short"
    CANCELLED = "cancelled"


class WaitingFor(StrEnum):
    """What a fulfillment order waits for; each has a deadline, after which the order acts by itself."""

    ACCEPTANCE = "acceptance"
    SHIPMENT = "shipment"
    CANCEL_ANSWER = "cancel_answer"
    COLLECTION = "collection"
    DELIVERY = "delivery"
    WORD_ON_DOUBT = "word_on_doubt"


class Quantity(BaseModel):
    """Some units of one order line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: Identifier
    quantity: Units


class Package(BaseModel):
    """A parcel that left a node, with the carrier's tracking number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: Identifier
    carrier: Label | None = None
    tracking: Label | None = None
    lines: tuple[Quantity, ...] = Field(default=(), max_length=2000)


class NodeMessage(BaseModel):
    """A fact that a node tells about one fulfillment order; quantities are additional, not totals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_id: MessageId
    kind: MessageKind
    occurred_at: Moment
    lines: tuple[Quantity, ...] | None = Field(default=None, max_length=2000)
    packages: tuple[Package, ...] = Field(default=(), max_length=2000)
    reason: FreeText | None = None
    final: bool = Field(default=False, strict=True)


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a fulfillment order: what was asked, and the sums of what the node has told since."""

    line: str
    sku: str
    quantity: int
    picked: int = 0
    ready: int = 0
    shipped: int = 0
    delivered: int = 0
    freed: int = 0
    replaced: int = 0
    """Units that left this attempt and came back when their replacement could no longer be undone: they count as surplus."""
    cancel_wanted: int = 0
    """Units that the node was asked to cancel for the customer; as they leave they are cancelled, not sourced again."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Where one line's units of a fulfillment order are. `quantity = shipped + due + short`; the rest says why.

    `held` units keep the node's stock allocated (due, or in doubt); `gone + written_off` units are no longer on hand.
    """

    picked: int
    present: int
    """Units that left the node or that it still owes: those not `replaced` are shipped or due."""
    shipped: int
    delivered: int
    due: int
    short: int
    surplus: int
    in_doubt: int
    held: int
    gone: int
    freed: int
    written_off: int


@dataclass(frozen=True, slots=True)
class FulfillmentOrder:
    """Work for one node, attempt n, with everything that was told about it."""

    fulfillment_order: str
    order: str
    node: str
    attempt: int
    request: Request
    lines: Mapping[str, Told]
    released_at: datetime
    ship_by: datetime
    deliver_by: datetime
    dispatch: Dispatch = Dispatch.PULL
    """How its node learns of it."""
    accepted_at: datetime | None = None
    pick_final: bool = False
    ship_final: bool = False
    ready_at: datetime | None = None
    """Since when all that is due lies ready for the customer; some of it is no reason to come."""
    shipped_at: datetime | None = None
    """When the last of what left has left: as told, and not after it was told."""
    delivered_at: datetime | None = None
    assumed_delivered: bool = False
    delivery_failed_at: datetime | None = None
    """When it was told that it could not be delivered; None once a person has seen to that."""
    dead_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    """When its node was last asked to cancel; it stays known until the node has consented, or refused in time."""
    asked_for_all: bool = False
    """Whether its node was last asked to stop all of it, and not only the units that the customer cancelled."""
    ship_clock_from: datetime | None = None
    """Since when the node has had `ship_within`: its acceptance, or its refusal to cancel."""
    escalated: WaitingFor | None = None
    """The wait that a person has taken over; it has no deadline any more."""
    patience_from: datetime | None = None
    """Since when its node has its time anew, because a person has talked to it."""
    pickup: bool = False
    """Whether the customer collects it, as its node was told."""
    reminded_at: datetime | None = None
    """When the channel was told that half of the customer's time to collect is over."""
    uncollected_at: datetime | None = None
    """When the customer's time to collect was over."""
    at_risk_at: datetime | None = None
    """When a person was told that it may not leave in time."""

    def counts(self, line: str) -> Counts:
        """The counts of one line, computed from what was told."""
        return count(self.lines[line], self)

    @property
    def has_ended(self) -> bool:
        """Nothing of it is due any more."""
        return all(self.counts(line).due == 0 for line in self.lines)

    @property
    def lies_ready(self) -> bool:
        """Its node has done its part: the goods lie there for the customer."""
        return self.pickup and self.ready_at is not None

    @property
    def is_owed(self) -> bool:
        """Its node still has to send some of it on its way, or to lay it ready."""
        return not self.lies_ready and not self.has_ended

    @property
    def has_shipped(self) -> bool:
        """At least one unit left the node."""
        return any(told.shipped or told.delivered for told in self.lines.values())


def count(told: Told, fulfillment_order: FulfillmentOrder) -> Counts:
    """Where one line's units are, from the sums of what was told: in any order of telling the same.

    Delivered units have shipped, and shipped ones and those that lie ready were picked, so each stage counts at least as much
    as the next. After the final word nothing more is expected: what was not picked (or did not ship) is written off. A dead
    attempt owes nothing to its order, but what it may still have stays in doubt.
    """
    gone = max(told.shipped, told.delivered)
    left = min(gone, told.quantity)
    picked = min(max(told.picked, told.ready, gone), told.quantity)
    freed = min(told.freed, told.quantity - left)
    found = left if fulfillment_order.ship_final else picked if fulfillment_order.pick_final else told.quantity
    written_off = max(0, told.quantity - freed - max(found, left))
    held = told.quantity - left - freed - written_off
    is_dead = fulfillment_order.dead_at is not None
    present = left + (0 if is_dead else held)
    owned = max(0, present - told.replaced)
    shipped = min(left, owned)
    due = owned - shipped
    delivered = shipped if fulfillment_order.assumed_delivered else min(told.delivered, shipped)
    return Counts(
        picked=picked,
        present=present,
        shipped=shipped,
        delivered=delivered,
        due=due,
        short=told.quantity - shipped - due,
        surplus=gone - shipped,
        in_doubt=held - due,
        held=held,
        gone=gone,
        freed=freed,
        written_off=written_off,
    )


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message made of a fulfillment order, and in which respects it did not fit (empty when it did)."""

    fulfillment_order: FulfillmentOrder
    misfits: tuple[str, ...] = field(default=())


def hear(fulfillment_order: FulfillmentOrder, message: NodeMessage, at: datetime) -> Heard:
    """Take a node's message as fact: add it to what was told. Never fails; what does not fit is named in `misfits`."""
    unknown = _unknown_lines(fulfillment_order, message)
    quantities = {line: n for line, n in _quantities(fulfillment_order, message).items() if line not in unknown}
    heard = _HEARING[message.kind](fulfillment_order, quantities, message, at)
    misfits = [f"line {line} is not in it" for line in unknown] + list(heard.misfits)
    return Heard(_note_that_it_lies_ready(heard.fulfillment_order, at), tuple(misfits))


def _note_that_it_lies_ready(fo: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """The customer may come once all that is due lies ready, also because the node gave the rest back."""
    counts = {line: fo.counts(line) for line in fo.lines}
    lies_ready = all(fo.lines[line].ready >= c.gone + c.due for line, c in counts.items() if c.due)
    return replace(fo, ready_at=at) if fo.ready_at is None and lies_ready and not fo.has_ended else fo


def presume_dead(fulfillment_order: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """Give a silent attempt up: what it still owed is in doubt until its node answers (the fence of DESIGN §5)."""
    return replace(fulfillment_order, dead_at=at, request=Request.TIMED_OUT)


def give_up_what_was_cancelled(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """The node has not answered for units that the customer cancelled: they are in doubt, the rest of its work goes on."""
    lines = {
        line: replace(told, replaced=told.replaced + told.cancel_wanted)
        for line, told in fulfillment_order.lines.items()
    }
    return replace(fulfillment_order, lines=lines, request=Request.ACCEPTED)


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
        request=Request.CANCEL_REQUESTED,
        cancel_asked_at=at,
        asked_for_all=was_asked_for_all or not any(wanted.values()),
        escalated=fulfillment_order.escalated if was_asked_for_all else None,
    )


def forget_a_wish_without_units(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Ask the node nothing more when all that the customer wanted cancelled has left or was given back; the rest goes on.

    It may still answer, so it stays known that it was asked.
    """
    is_asked = fulfillment_order.request is Request.CANCEL_REQUESTED
    is_for_units = fulfillment_order.asked_for_all or any(_wanted(fulfillment_order).values())
    if not is_asked or is_for_units or fulfillment_order.has_ended:
        return fulfillment_order
    return replace(fulfillment_order, request=Request.ACCEPTED if fulfillment_order.accepted_at else Request.SENT)


def is_asked_for_all(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether its node is being asked to stop all of it."""
    return fulfillment_order.request is Request.CANCEL_REQUESTED and fulfillment_order.asked_for_all


def is_partly_cancelled(fulfillment_order: FulfillmentOrder) -> bool:
    """Whether its node was asked to stop only what a customer cancelled, and that is not all of what is due."""
    wanted = sum(told.cancel_wanted for told in fulfillment_order.lines.values())
    due = sum(fulfillment_order.counts(line).due for line in fulfillment_order.lines)
    return not fulfillment_order.asked_for_all and 0 < wanted < due


def be_patient_again(fulfillment_order: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """A person has talked to the node: whatever is waited for next, it has its time for it from now on."""
    return replace(fulfillment_order, escalated=None, patience_from=at)


def write_off(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Nobody will ever know what became of the units in doubt: nothing more is expected, and none of them is sold again."""
    return replace(fulfillment_order, escalated=None, ship_final=True)


def withdraw(fulfillment_order: FulfillmentOrder) -> FulfillmentOrder:
    """Take all of a fulfillment order back at once, which only holds while its node cannot have seen it."""
    return replace(_free(fulfillment_order, _due(fulfillment_order)), request=Request.CANCEL_ACCEPTED)


def _quantities(fulfillment_order: FulfillmentOrder, message: NodeMessage) -> dict[str, int]:
    """The message's units per line: its lines, else the sum of its packages, else all that is still due at that stage."""
    if message.lines is not None:
        return _sum(message.lines)
    if message.packages and any(package.lines for package in message.packages):
        return _sum(tuple(quantity for package in message.packages for quantity in package.lines))
    return _DUE_AT_STAGE.get(message.kind, _due)(fulfillment_order)


def _sum(quantities: tuple[Quantity, ...]) -> dict[str, int]:
    total: dict[str, int] = {}
    for quantity in quantities:
        total[quantity.line] = total.get(quantity.line, 0) + quantity.quantity
    return total


def _due(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """What the node still has to answer for: due, or in doubt after the attempt was given up."""
    return {line: fulfillment_order.counts(line).held for line in fulfillment_order.lines}


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
    return on_the_way if any(on_the_way.values()) else _due(fulfillment_order)


def _wanted(fo: FulfillmentOrder) -> dict[str, int]:
    """What the customer wants cancelled."""
    return {line: told.cancel_wanted for line, told in fo.lines.items()}


def _asked_back(fo: FulfillmentOrder) -> dict[str, int]:
    """What the node was asked to stop: all that it has, or what the customer wants cancelled, or what was given up of it."""
    if fo.request not in _ASKED:
        return {line: fo.counts(line).in_doubt for line in fo.lines}
    wanted = _wanted(fo)
    return _due(fo) if fo.asked_for_all or not any(wanted.values()) else wanted


_ASKED = (Request.CANCEL_REQUESTED, Request.TIMED_OUT, Request.CANCEL_REJECTED)


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


def _accept(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    if _was_given_back(fo):
        return Heard(fo, ("it was given back before",))
    return Heard(_accepted(fo, at))


def _accepted(fo: FulfillmentOrder, at: datetime) -> FulfillmentOrder:
    """A later stage implies acceptance; a request to cancel stays open until it is answered itself."""
    request = Request.ACCEPTED if fo.request in (Request.UNSENT, Request.SENT) else fo.request
    return replace(fo, request=request, accepted_at=fo.accepted_at or at, ship_clock_from=fo.ship_clock_from or at)


def _was_given_back(fo: FulfillmentOrder) -> bool:
    return fo.request in (Request.REJECTED, Request.CANCEL_ACCEPTED) and fo.has_ended and not fo.has_shipped


def _reject(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    misfits = _more_than_held(fo, quantities)
    freed = _free(fo, quantities)
    whole = not misfits and freed.has_ended and not freed.has_shipped and freed.dead_at is None
    return Heard(replace(freed, request=Request.REJECTED) if whole else freed, misfits)


def _free(fo: FulfillmentOrder, quantities: Mapping[str, int]) -> FulfillmentOrder:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        counts, told = fo.counts(line), lines[line]
        taken = min(quantity, counts.held)
        explained = min(quantity - taken, counts.written_off)
        left = counts.gone + counts.held - taken
        freed, picked, ready = told.freed + taken + explained, min(told.picked, left), min(told.ready, left)
        lines[line] = replace(told, freed=freed, picked=picked, ready=ready)
    return replace(fo, lines=lines)


def _more_than_held(fo: FulfillmentOrder, quantities: Mapping[str, int]) -> tuple[str, ...]:
    excess = {line: n - fo.counts(line).held - fo.counts(line).written_off for line, n in quantities.items()}
    named = tuple(f"line {line}: {n} more than is due" for line, n in excess.items() if n > 0)
    return named or (() if any(quantities.values()) or any(_due(fo).values()) else ("nothing of it is due any more",))


def _pick(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    """Units were picked, or lie ready: each is told of apart, so that a node may name the same units in both."""
    if _was_given_back(fo):
        return Heard(fo, ("it was given back before",))
    lies_ready = message.kind is MessageKind.READY_FOR_PICKUP
    lines, misfits = dict(fo.lines), []
    for line, quantity in quantities.items():
        told = fo.lines[line]
        so_far = quantity + (told.ready if lies_ready else told.picked)
        lines[line] = replace(told, ready=so_far) if lies_ready else replace(told, picked=so_far)
        if so_far > told.quantity:
            misfits.append(f"line {line}: {so_far} {'ready' if lies_ready else 'picked'} of {told.quantity}")
    picked = replace(_accepted(fo, at), lines=lines, pick_final=fo.pick_final or message.final)
    return Heard(picked, tuple(misfits))


def _ship(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], shipped=lines[line].shipped + quantity)
    left_at = max(filter(None, (fo.shipped_at, min(message.occurred_at, at))))
    shipped = replace(_accepted(fo, at), lines=lines, ship_final=fo.ship_final or message.final, shipped_at=left_at)
    says_something = any(quantities.values()) or message.final or fo.has_shipped
    return Heard(shipped, () if says_something else ("nothing of it is due any more",))


def _collect(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    shipped = _ship(fo, quantities, message, at)
    delivered = _deliver(shipped.fulfillment_order, quantities, message, at)
    return Heard(delivered.fulfillment_order, shipped.misfits)


def _deliver(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        lines[line] = replace(lines[line], delivered=lines[line].delivered + quantity)
    latest = max(filter(None, (fo.delivered_at if not fo.assumed_delivered else None, message.occurred_at)))
    is_told_whole = all(told.delivered >= fo.counts(line).shipped for line, told in lines.items())
    is_assumed = fo.assumed_delivered and not is_told_whole
    delivered = replace(_accepted(fo, at), lines=lines, delivered_at=latest, assumed_delivered=is_assumed)
    return Heard(delivered, () if any(quantities.values()) else ("nothing of it was on the way",))


def _fail_delivery(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    """Not a misfit, but always a person's case: the parcel is somewhere, and only a person knows what happens next."""
    return Heard(replace(fo, delivery_failed_at=at))


def _consent(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    """Who lets go of a part has the rest; what it was asked for and has not named is still to be answered."""
    if not _was_asked(fo):
        return Heard(fo, ("nobody asked to cancel it",))
    misfits = _more_than_held(fo, quantities)
    freed = _free(fo, quantities)
    if fo.dead_at is not None:
        return Heard(freed, misfits)
    if not freed.has_ended:
        freed = replace(freed, accepted_at=fo.accepted_at or at, ship_clock_from=fo.ship_clock_from or at)
    if fo.request is Request.CANCEL_REQUESTED and _leaves_unanswered(fo, quantities, freed):
        return Heard(freed, misfits)
    answered = replace(freed, request=Request.CANCEL_ACCEPTED, cancel_asked_at=None, asked_for_all=False)
    return Heard(answered, misfits)


def _leaves_unanswered(fo: FulfillmentOrder, quantities: Mapping[str, int], freed: FulfillmentOrder) -> bool:
    """Whether the node was asked to stop more than it has named, and still has some of that."""
    return any(asked > quantities.get(line, 0) and freed.counts(line).due for line, asked in _asked_back(fo).items())


def _refuse_to_cancel(fo: FulfillmentOrder, quantities: dict[str, int], message: NodeMessage, at: datetime) -> Heard:
    """Who refuses to stop has the work: it is accepted, and the node has its time to ship anew."""
    if fo.request is not Request.CANCEL_REQUESTED:
        is_late = fo.request is Request.TIMED_OUT or fo.cancel_asked_at is not None
        return Heard(fo, () if is_late else ("nobody asked to cancel it",))
    lines = {line: replace(told, cancel_wanted=0) for line, told in fo.lines.items()}
    refused = replace(fo, lines=lines, request=Request.CANCEL_REJECTED, cancel_asked_at=None, asked_for_all=False)
    return Heard(replace(refused, accepted_at=fo.accepted_at or at, ship_clock_from=at))


_HEARING = {
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

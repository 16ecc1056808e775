"""What a fulfillment order is, and where its units are: counts, computed from the sums of what was told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.network import Dispatch


class RequestStatus(StrEnum):
    """Where our request to the node stands, apart from the work's own status."""

    UNSENT = "unsent"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCEL_REQUESTED = "cancel_requested"
    CANCEL_ACCEPTED = "cancel_accepted"
    CANCEL_REJECTED = "cancel_rejected"
    TIMED_OUT = "timed_out"


class FulfillmentOrderStatus(StrEnum):
    """How far the work is; derived by the view `fulfillment_order_status`."""

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


@dataclass(frozen=True, slots=True)
class FulfillmentOrderLine:
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
    request: RequestStatus
    lines: Mapping[str, FulfillmentOrderLine]
    released_at: datetime
    ship_by: datetime
    deliver_by: datetime
    dispatch: Dispatch
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


def count(told: FulfillmentOrderLine, fulfillment_order: FulfillmentOrder) -> Counts:
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


def units_due(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """What the node still has to answer for: due, or in doubt after the attempt was given up."""
    return {line: fulfillment_order.counts(line).held for line in fulfillment_order.lines}


def free(fo: FulfillmentOrder, quantities: Mapping[str, int]) -> FulfillmentOrder:
    """The node gives units back that it has not sent, or says of units that were written off that it never had them."""
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        counts, told = fo.counts(line), lines[line]
        taken = min(quantity, counts.held)
        explained = min(quantity - taken, counts.written_off)
        left = counts.gone + counts.held - taken
        freed, picked, ready = told.freed + taken + explained, min(told.picked, left), min(told.ready, left)
        lines[line] = replace(told, freed=freed, picked=picked, ready=ready)
    return replace(fo, lines=lines)

"""What a fulfillment order is, and where its units are: counts, computed from the sums that its node reported."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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


CALLED_ABOUT = (RequestStatus.UNSENT, RequestStatus.CANCEL_REQUESTED, RequestStatus.TIMED_OUT)
"""The request statuses about which a node that does not poll is called."""


class FulfillmentOrderStatus(StrEnum):
    """The status of the work; derived by the view `fulfillment_order_status`."""

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
    """What a fulfillment order waits for; each wait has a deadline, at which the order acts by itself."""

    ACCEPTANCE = "acceptance"
    SHIPMENT = "shipment"
    CANCEL_ANSWER = "cancel_answer"
    COLLECTION = "collection"
    DELIVERY = "delivery"
    WORD_ON_DOUBT = "word_on_doubt"


@dataclass(frozen=True, slots=True)
class FulfillmentOrderLine:
    """One line of a fulfillment order: the units that were asked for, and the sums that the node has reported since."""

    line: str
    sku: str
    quantity: int
    picked: int = 0
    ready: int = 0
    shipped: int = 0
    delivered: int = 0
    voided: int = 0
    """Units that were reported shipped in a parcel which did not leave."""
    freed: int = 0
    replaced: int = 0
    """Units that left this attempt and came back after their replacement could no longer be undone: they count as surplus."""
    cancel_wanted: int = 0
    """Units that the node was asked to cancel for the customer; when it gives them back they are not sourced again."""
    lost: int = 0
    """Units of a transfer that a person has written off because they did not arrive; fewer are lost when some arrive later."""

    @property
    def gone(self) -> int:
        """Units that left the node: those that were reported shipped and not taken back, or that arrived."""
        return max(self.shipped - self.voided, self.delivered)


@dataclass(frozen=True, slots=True)
class Counts:
    """Where one line's units of a fulfillment order are. `quantity = shipped + due + short`; the other counts say why.

    `held` units keep the node's stock allocated (due, or in doubt); `gone + written_off` units are no longer on hand.
    """

    picked: int
    present: int
    """Units that left the node or are still to leave it: those not `replaced` are shipped or due."""
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
    lost: int
    """Units of a transfer that left the node, did not arrive, and are not expected any more."""
    in_transit: int
    """Units of a transfer that left the node and are expected at its destination; those beyond what was asked for included."""


@dataclass(frozen=True, slots=True)
class FulfillmentOrder:
    """Work for one node, attempt n, with everything that was reported about it."""

    fulfillment_order: str
    order: str
    node: str
    attempt: int
    request: RequestStatus
    lines: Mapping[str, FulfillmentOrderLine]
    released_at: datetime
    ship_by: datetime
    deliver_by: datetime | None
    dispatch: Dispatch
    """How its node gets it."""
    accepted_at: datetime | None = None
    pick_final: bool = False
    ship_final: bool = False
    ready_at: datetime | None = None
    """Since when all due units lie ready for the customer; None while only some do."""
    shipped_at: datetime | None = None
    """When the last shipped unit left: as reported, and not after the report."""
    delivered_at: datetime | None = None
    assumed_delivered: bool = False
    delivery_failed_at: datetime | None = None
    """When a failed delivery was reported; None once it was delivered after all, or a person has resolved it."""
    dead_at: datetime | None = None
    cancel_asked_at: datetime | None = None
    """When its node was last asked to cancel; kept until the node has accepted, or rejected in time."""
    asked_for_all: bool = False
    """Whether its node was last asked to cancel all of it, and not only the units that the customer cancelled."""
    ship_clock_from: datetime | None = None
    """When the node's `ship_within` began: at its acceptance, or when it rejected a cancel."""
    escalated: WaitingFor | None = None
    """The wait that a person has taken over; it has no deadline."""
    patience_from: datetime | None = None
    """When the node's time started again, because a person has talked to it."""
    pickup: bool = False
    """Whether the customer collects it, as it was sent to its node."""
    reminded_at: datetime | None = None
    """When the channel was reminded: half of the customer's time to collect is over."""
    uncollected_at: datetime | None = None
    """When the customer's time to collect was over."""
    at_risk_at: datetime | None = None
    """When an exception was opened because it may not leave in time."""
    duty_ship_by: datetime | None = None
    """When the channel must see its order shipped; None = it named no such moment."""
    duty_deliver_by: datetime | None = None
    """When the channel must see its order delivered; None = it named no such moment."""
    to_node: str | None = None
    """The node that a transfer goes to; None = it goes to a customer."""

    @property
    def must_leave_by(self) -> datetime:
        """When it must leave, so that neither what we promised nor what the channel must keep is missed."""
        in_transit = self.deliver_by - self.ship_by if self.deliver_by else timedelta()
        arrives = self.duty_deliver_by - in_transit if self.duty_deliver_by else None
        return min(moment for moment in (self.ship_by, self.duty_ship_by, arrives) if moment)

    def counts(self, line: str) -> Counts:
        """The counts of one line, computed from the sums."""
        return count(self.lines[line], self)

    def undelivered(self, line: str) -> int:
        """Shipped units of a line that were not reported delivered, also where their delivery is assumed."""
        shipped = self.counts(line).shipped
        return shipped - min(self.lines[line].delivered, shipped)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is due any more."""
        return all(self.counts(line).due == 0 for line in self.lines)

    @property
    def ended_without_shipment(self) -> bool:
        """Whether nothing of it left its node, and nothing of it may still leave: nothing is due, and nothing in doubt."""
        return not self.has_shipped and not any(self.counts(line).held for line in self.lines)

    @property
    def lies_ready(self) -> bool:
        """Whether its goods lie ready for the customer: its node has done its part."""
        return self.pickup and self.ready_at is not None

    @property
    def is_owed(self) -> bool:
        """Whether its node must still ship some of it, or make it ready for pickup."""
        return not self.lies_ready and not self.has_ended

    @property
    def needs_a_call(self) -> bool:
        """Whether its node is called and does not know yet of work, of a cancel request, or that work was taken from it."""
        is_open = self.request in CALLED_ABOUT
        return self.dispatch.is_called and is_open and any(self.counts(line).held for line in self.lines)

    @property
    def has_shipped(self) -> bool:
        """Whether at least one unit left the node."""
        return any(fo_line.gone for fo_line in self.lines.values())


def count(fo_line: FulfillmentOrderLine, fulfillment_order: FulfillmentOrder) -> Counts:
    """Where one line's units are, from the sums that the node reported; the order of the reports does not matter.

    Delivered units have shipped; shipped and ready units were picked. So each stage counts at least as many units as the next.
    After a message with `final` no more is expected: units that were not picked (or not shipped) are written off. A dead
    attempt has no units due, but units that it may still have are in doubt.
    """
    gone = fo_line.gone
    left = min(gone, fo_line.quantity)
    picked = min(max(fo_line.picked, fo_line.ready, gone), fo_line.quantity)
    freed = min(fo_line.freed, fo_line.quantity - left)
    found = left if fulfillment_order.ship_final else picked if fulfillment_order.pick_final else fo_line.quantity
    written_off = max(0, fo_line.quantity - freed - max(found, left))
    held = fo_line.quantity - left - freed - written_off
    is_dead = fulfillment_order.dead_at is not None
    present = left + (0 if is_dead else held)
    owned = max(0, present - fo_line.replaced)
    shipped = min(left, owned)
    due = owned - shipped
    delivered = shipped if fulfillment_order.assumed_delivered else min(fo_line.delivered, shipped)
    lost = min(fo_line.lost, gone - fo_line.delivered)
    in_transit = 0 if fulfillment_order.to_node is None else gone - fo_line.delivered - lost
    return Counts(
        picked=picked,
        present=present,
        shipped=shipped,
        delivered=delivered,
        due=due,
        short=fo_line.quantity - shipped - due,
        surplus=gone - shipped,
        in_doubt=held - due,
        held=held,
        gone=gone,
        freed=freed,
        written_off=written_off,
        lost=lost,
        in_transit=in_transit,
    )


def units_due(fulfillment_order: FulfillmentOrder) -> dict[str, int]:
    """Units per line that the node may still report about: due, or in doubt after the attempt was given up."""
    return {line: fulfillment_order.counts(line).held for line in fulfillment_order.lines}


def free(fo: FulfillmentOrder, quantities: Mapping[str, int]) -> FulfillmentOrder:
    """The node gives back units that it has not shipped, or reports that it never had units that were written off."""
    lines = dict(fo.lines)
    for line, quantity in quantities.items():
        counts, fo_line = fo.counts(line), lines[line]
        taken = min(quantity, counts.held)
        explained = min(quantity - taken, counts.written_off)
        left = counts.gone + counts.held - taken
        freed, picked, ready = fo_line.freed + taken + explained, min(fo_line.picked, left), min(fo_line.ready, left)
        lines[line] = replace(fo_line, freed=freed, picked=picked, ready=ready)
    return replace(fo, lines=lines)

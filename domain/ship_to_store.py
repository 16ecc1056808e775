"""Ship-to-store: what a transfer brings to the node where an order is collected, and what of it the order needs.

A transfer that is made for an order is like any other, but that its units are promised to this order from the moment in which
they are reserved at their source (docs/decisions/0068).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.deadlines import ON_THE_WAY_MAX
from domain.fulfillment import FulfillmentOrder, RequestStatus
from domain.transfer import NOTHING, Cargo, expected_at
from domain.units import Order


@dataclass(frozen=True, slots=True)
class Brought:
    """Units of one SKU that a transfer for an order brings: reserved, released, in transit or arrived."""

    cargo: Cargo = NOTHING
    expected_at: datetime | None = None
    """When the last of them should arrive, or should have; None = no source has them, nor ever had."""
    is_kept: bool = True
    """Whether they are promised to nobody but its order: some have not left, or are about to be sourced again."""


def brought(order: Order) -> dict[str, Brought]:
    """What a transfer for an order brings, by SKU. Units that a source was asked to cancel do not count until they leave."""
    return {sku: _brought(order, sku) for sku in sorted({line.sku for line in order.lines.values()})}


def _brought(order: Order, sku: str) -> Brought:
    pins = [pin for pin in order.reservations if pin.sku == sku]
    units, arrived = sum(pin.quantity for pin in pins), 0
    dates = [pin.deliver_by or pin.ship_by + ON_THE_WAY_MAX for pin in pins]
    is_kept = bool(pins) or any(one.sku == sku for one in order.waiting)
    works = _work(order, sku)
    for fo, line in works:
        counts, here = fo.counts(line), _here(fo, line)
        units += here + counts.gone - counts.lost
        arrived += fo.lines[line].delivered
        is_kept = is_kept or here > 0
        dates += [fo.deliver_by or fo.ship_by + ON_THE_WAY_MAX] if here else []
        dates += [expected_at(fo)] if counts.in_transit else []
    dates = dates or [expected_at(fo) for fo, _ in works]
    return Brought(Cargo(units, arrived), max(dates, default=None), is_kept)


def _work(order: Order, sku: str) -> list[tuple[FulfillmentOrder, str]]:
    return [
        (fo, line)
        for fo in order.fulfillment_orders.values()
        for line, fo_line in sorted(fo.lines.items())
        if fo_line.sku == sku
    ]


def _here(fo: FulfillmentOrder, line: str) -> int:
    """Units that are to leave the source, without those that it was asked to cancel."""
    due = fo.counts(line).due
    return due - min(due, fo.lines[line].cancel_wanted)


@dataclass(frozen=True, slots=True)
class Balance:
    """Units of one SKU that an order needs at the node where it is collected, and what is to come there for it."""

    order: str
    node: str
    sku: str
    wanted: int
    """Units that wait for stock and are promised goods that come."""
    waiting: int
    """These, and those that wait for their sourcing round or for stock in another way."""
    promised: int
    """Units that it is promised there from goods that come."""
    kept: int
    """Units that its transfers bring and that are not promised to it yet."""
    not_sourced: int
    """Units of its transfers that have no source at present."""
    not_left: int
    """Units of its transfers that have not left and can be cancelled, the `not_sourced` included."""

    @property
    def missing(self) -> int:
        """Units that nothing brings."""
        return max(0, self.wanted - self.promised - self.kept - self.not_sourced)

    @property
    def unneeded(self) -> int:
        """Units that its transfers need not bring, of those that have not left."""
        return min(self.not_left, max(0, self.promised + self.kept + self.not_sourced - self.waiting))


def to_cancel(transfer: Order, unneeded: Mapping[str, int]) -> dict[str, int]:
    """By line: units of a transfer to cancel, of those that are not needed, by SKU. Units that left, and those whose cancelling
    was asked for or refused, are not among them.
    """
    found: Counter[str] = Counter()
    for name, line in sorted(transfer.lines.items()):
        left = unneeded.get(line.sku, 0) - sum(found[other] for other in found if transfer.lines[other].sku == line.sku)
        found[name] = min(max(0, left), _cancellable(transfer, name))
    return dict(+found)


def _cancellable(transfer: Order, line: str) -> int:
    waiting = sum(one.quantity for one in transfer.waiting if one.line == line)
    works = [fo for fo in transfer.fulfillment_orders.values() if line in fo.lines]
    asked = (RequestStatus.CANCEL_REQUESTED, RequestStatus.CANCEL_REJECTED)
    return waiting + transfer.pinned[line] + sum(_here(fo, line) for fo in works if fo.request not in asked)

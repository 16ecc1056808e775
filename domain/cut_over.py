"""Decides what an order of another system is here: what was done before it came, and what is left to do.

Such an order is one of ours with a past: units that shipped, were cancelled or came back before. They are facts of the other
system: no stock of ours moves for them, and no event tells of them.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain import identifiers
from domain.account import lowered
from domain.fulfillment import FulfillmentOrder, FulfillmentOrderLine, Package, RequestStatus
from domain.network import Network
from domain.order import NewLine, NewOrder
from domain.text import Moment, Money, NodeId
from domain.units import Changes, Order
from domain.units.pins import take_waiting

SoFar = Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
"""Units, of which there may be none."""


class OpenLine(NewLine):
    """A line of an order that another system has begun, with what has become of its units so far."""

    shipped: SoFar = 0
    cancelled: SoFar = 0
    returned: SoFar = 0
    """Of the shipped units, those that came back."""


class OpenOrder(NewOrder):
    """An order that another system has begun: the body of `POST /orders`, and what was done so far."""

    lines: tuple[OpenLine, ...] = Field(min_length=1, max_length=2000)
    shipped_from: NodeId | None = None
    """The node that the shipped units left."""
    shipped_at: Moment | None = None
    """When the last of them left; None = when the order was placed."""
    delivered_at: Moment | None = None
    """When the last of them arrived; None = it is not known, or they are on their way."""
    packages: tuple[Package, ...] = Field(default=(), max_length=2000)
    refunded: Money | None = None
    """What was paid back for the units that came back, in minor units."""

    @model_validator(mode="after")
    def _units_add_up(self) -> Self:
        for index, line in enumerate(self.lines):
            if line.shipped + line.cancelled > line.quantity:
                raise ValueError(f"lines.{index}.shipped: with `cancelled` it is more than the {line.quantity} ordered")
            if line.returned > line.shipped:
                raise ValueError(f"lines.{index}.returned: is more than the {line.shipped} shipped")
        return self

    @model_validator(mode="after")
    def _shipment_is_whole(self) -> Self:
        if not any(self.so_far("shipped").values()):
            for name in ("shipped_from", "shipped_at", "delivered_at", "packages"):
                if getattr(self, name):
                    raise ValueError(f"{name}: no unit of any line is `shipped`")
        elif self.shipped_from is None:
            raise ValueError("shipped_from: is missing: the node that the shipped units left")
        if self.delivered_at and self.delivered_at < self.left_at:
            raise ValueError("delivered_at: is before they left")
        return self

    @model_validator(mode="after")
    def _packages_hold_what_shipped(self) -> Self:
        packed: Counter[str] = Counter()
        for package in self.packages:
            packed.update({line.line: line.quantity for line in package.lines})
        shipped = self.so_far("shipped")
        if wrong := next((line for line, units in packed.items() if units > shipped.get(line, 0)), None):
            raise ValueError(f"packages: hold more of line {wrong} than was shipped")
        if len({package.package for package in self.packages}) < len(self.packages):
            raise ValueError("packages: the same package is named twice")
        return self

    @model_validator(mode="after")
    def _money_is_known(self) -> Self:
        is_returned = any(self.so_far("returned").values())
        if is_returned and self.refunded is None:
            raise ValueError("refunded: is missing: what was paid back for the returned units, 0 if nothing was")
        if not is_returned and self.refunded:
            raise ValueError(
                "refunded: no unit of any line is `returned`; lower `paid` by what was paid back otherwise"
            )
        if self.refunded and self.refunded > self.captured:
            raise ValueError(f"refunded: is more than the {self.captured} that were captured")
        return self

    @model_validator(mode="after")
    def _has_no_cart(self) -> Self:
        if self.reservation is not None:
            raise ValueError("reservation: an order of another system has no units reserved here")
        return self

    def so_far(self, what: str) -> dict[str, int]:
        """By line, the units that were shipped, cancelled or returned."""
        return {line.line: getattr(line, what) for line in self.lines}

    @property
    def captured(self) -> int:
        """What was captured, in minor units: where nothing is said of it, what the units cost that are not cancelled."""
        if self.paid is not None:
            return self.paid
        cancelled = self.so_far("cancelled")
        lines = {line: lowered(layers, cancelled[line]) for line, layers in self.prices.lines.items()}
        return replace(self.prices, lines=lines).total

    @property
    def left_at(self) -> datetime:
        """When the shipped units left."""
        return self.shipped_at or self.placed_at

    def in_future(self, now: datetime) -> str | None:
        """The field of a moment that has not come yet; None = there is none."""
        moments = {"placed_at": self.placed_at, "shipped_at": self.shipped_at, "delivered_at": self.delivered_at}
        return next((name for name, moment in moments.items() if moment and moment > now), None)

    def demand(self) -> NewOrder:
        """The order as its channel sends it, without its past: a repeated `POST /orders` is known by it."""
        past = set(OpenOrder.model_fields) - set(NewOrder.model_fields)
        past_of_line = set(OpenLine.model_fields) - set(NewLine.model_fields)
        kept = self.model_dump(
            exclude={**dict.fromkeys(past, True), "lines": {"__all__": past_of_line}}, exclude_unset=True
        )
        return NewOrder.model_validate(kept)


def take_over(order: Order, changes: Changes, asked: OpenOrder) -> None:
    """Put the units that were shipped or cancelled before into their buckets; the others wait for their first sourcing."""
    for line in asked.lines:
        take_waiting(order, changes, line.line, line.cancelled + line.shipped)
        changes.move(line.line, "open", "cancelled", line.cancelled)
        changes.move(line.line, "open", "shipped", line.shipped)
    if asked.shipped_from is not None:
        before = _shipment(order, changes.network, asked, asked.shipped_from)
        order.fulfillment_orders[before.fulfillment_order] = before
        changes.touched.add(before.fulfillment_order)


def _shipment(order: Order, network: Network, asked: OpenOrder, node: str) -> FulfillmentOrder:
    """The units that left before, as a fulfillment order that its node has done."""
    arrived = asked.delivered_at is not None
    lines = {
        line.line: FulfillmentOrderLine(
            line.line,
            line.sku,
            line.shipped,
            picked=line.shipped,
            shipped=line.shipped,
            delivered=line.shipped if arrived else 0,
        )
        for line in asked.lines
        if line.shipped
    }
    return FulfillmentOrder(
        identifiers.fulfillment_order_id(order.order, 1),
        order.order,
        node,
        1,
        RequestStatus.ACCEPTED,
        lines,
        asked.left_at,
        asked.left_at,
        asked.left_at + timedelta(days=_longest_way(network, asked.service)),
        network.node(node).dispatch,
        accepted_at=asked.left_at,
        shipped_at=asked.left_at,
        delivered_at=asked.delivered_at,
        pickup=asked.pickup_node is not None,
    )


def _longest_way(network: Network, service: str) -> int:
    """The days after which a parcel of a service has arrived, wherever it goes; 0 = the service is not known."""
    return max((band.days for band in network.policy.transit.get(service, ())), default=0)

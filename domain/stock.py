"""What a stock movement is: the append-only ledger's row, and the arithmetic of what is available."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.text import FreeText, Identifier, MessageId, Moment, NodeId


class MovementKind(StrEnum):
    """Why units moved. Reserving and allocating promise units; only goods that leave or come change what is on hand."""

    RECEIVED = "received"
    COUNTED = "counted"
    ADJUSTED = "adjusted"
    RESERVED = "reserved"
    ALLOCATED = "allocated"
    FREED = "freed"
    SHIPPED = "shipped"
    SHORT = "short"
    RESTOCKED = "restocked"
    MOVED = "moved"
    """Between sellable and set aside: damaged, on display, quarantined."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of one node's stock of one SKU: signed differences of its counters.

    `reference` tells movements of one cause, node, SKU and kind apart (an order line of a fulfillment order), so that the same
    event can never be booked twice. `state` names why units are set aside, where that changes.
    """

    kind: MovementKind
    node: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    allocated: int = 0
    reference: str = ""
    set_aside: int = 0
    state: str | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether all differences are zero."""
        return not (self.on_hand or self.reserved or self.allocated or self.set_aside)

    def plus(self, other: "Movement") -> "Movement":
        """Both at once; they differ in nothing but their counters."""
        return replace(
            self,
            on_hand=self.on_hand + other.on_hand,
            reserved=self.reserved + other.reserved,
            allocated=self.allocated + other.allocated,
            set_aside=self.set_aside + other.set_aside,
        )

    @property
    def makes_available(self) -> int:
        """Units that may be promised to somebody else because of it; below 0 when it takes some."""
        return self.on_hand - self.set_aside - self.reserved - self.allocated


def explode(movement: Movement, components: Iterable[tuple[str, int]]) -> list[Movement]:
    """The movement in stocked SKUs: a bundle's units move as so many units of each component."""
    return [
        Movement(
            movement.kind,
            movement.node,
            sku,
            movement.on_hand * quantity,
            movement.reserved * quantity,
            movement.allocated * quantity,
            movement.reference,
        )
        for sku, quantity in components
    ]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One node's stock of one SKU as it was read."""

    node: str
    sku: str
    on_hand: int
    reserved: int
    allocated: int
    set_aside: int = 0
    """Units on hand that cannot be sold. Below 0 while units were put back that nobody had told us were set aside."""
    lapsed: int = 0
    """Of the reserved units, those of carts whose time is over: they are free although nobody has tidied them yet."""
    counted_at: datetime | None = None
    stopped_at: datetime | None = None
    """Since when nothing of it is sold; None = it is."""
    offered_at: datetime | None = None
    """Since when its units are offered to the orders that wait, and to nobody else; None = to everybody."""

    def available(self, safety_stock: int, own: int = 0) -> int:
        """Units that may still be promised; never below 0 (DESIGN §2). `own` are reserved for whoever asks."""
        promised = self.reserved - self.lapsed - own + self.allocated
        return max(0, self.on_hand - max(0, self.set_aside) - promised - safety_stock)

    def sellable(self, safety_stock: int, *, offer: datetime | None = None, own: int = 0) -> int:
        """Units that a claim may take: none where the sale is stopped, and of an offer to others only its own."""
        if self.stopped_at is not None:
            return 0
        units = self.available(safety_stock, own)
        return units if self.offered_at in (None, offer) else min(units, own)


class StockMessageKind(StrEnum):
    """What can be said about a node's stock: goods came, goods were counted, or a signed correction."""

    RECEIVED = "received"
    COUNTED = "counted"
    ADJUSTED = "adjusted"


class StockLine(BaseModel):
    """Units of one SKU; what the quantity means depends on the message's kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Identifier
    quantity: int = Field(ge=-1_000_000, le=1_000_000, strict=True)


class StockMessage(BaseModel):
    """A fact about stock (CONTRACT §3, `POST /stock/messages`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_id: MessageId
    node: NodeId
    kind: StockMessageKind
    occurred_at: Moment
    lines: tuple[StockLine, ...] = Field(min_length=1, max_length=10_000)
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _quantities_fit_the_kind(self) -> "StockMessage":
        for index, line in enumerate(self.lines):
            if self.kind is StockMessageKind.RECEIVED and line.quantity < 1:
                raise ValueError(f"lines.{index}.quantity: received units are 1 or more")
            if self.kind is StockMessageKind.COUNTED and line.quantity < 0:
                raise ValueError(f"lines.{index}.quantity: counted units are 0 or more")
            if self.kind is StockMessageKind.ADJUSTED and line.quantity == 0:
                raise ValueError(f"lines.{index}.quantity: an adjustment of 0 says nothing")
        skus = [line.sku for line in self.lines]
        if self.kind is StockMessageKind.COUNTED and len(set(skus)) < len(skus):
            raise ValueError("lines: a SKU is counted twice in one message")
        return self

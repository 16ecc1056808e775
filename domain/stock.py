"""What a stock movement is: the append-only ledger's row, and the arithmetic of what is available."""

from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of one node's stock of one SKU: signed differences of the three counters.

    `reference` tells movements of one cause, node, SKU and kind apart (an order line of a fulfillment order), so that the same
    event can never be booked twice.
    """

    kind: MovementKind
    node: str
    sku: str
    on_hand: int = 0
    reserved: int = 0
    allocated: int = 0
    reference: str = ""

    @property
    def changes_nothing(self) -> bool:
        """Whether all three differences are zero."""
        return not (self.on_hand or self.reserved or self.allocated)


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


def available(on_hand: int, reserved: int, allocated: int, safety_stock: int) -> int:
    """Units that may still be promised; never below 0 (DESIGN §2)."""
    return max(0, on_hand - reserved - allocated - safety_stock)


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

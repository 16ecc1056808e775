"""What a stock movement is: the append-only ledger's row, the arithmetic of what is available, and what is told about stock."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

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
        """Units that may be promised to somebody else because of it, at the most; below 0 when it takes some.

        At the most, because setting units aside takes none while more had been put back than were known to be set aside.
        """
        return self.on_hand - min(0, self.set_aside) - self.reserved - self.allocated


def explode(movement: Movement, components: Iterable[tuple[str, int]]) -> list[Movement]:
    """The movement in stocked SKUs: a bundle's units move as so many units of each component."""
    return [
        replace(
            movement,
            sku=sku,
            on_hand=movement.on_hand * quantity,
            reserved=movement.reserved * quantity,
            allocated=movement.allocated * quantity,
            set_aside=movement.set_aside * quantity,
        )
        for sku, quantity in components
    ]


@dataclass(frozen=True, slots=True)
class StockLevel:
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
    is_paused: bool = False
    """Whether its node is paused: nothing new is sourced from there."""
    rejected_at: datetime | None = None
    """When its node last rejected it, or found it short, and has not told of its stock since; None = never."""

    def available(self, safety_stock: int, own: int = 0) -> int:
        """Units that may still be promised; never below 0. `own` are reserved for whoever asks."""
        promised = self.reserved - self.lapsed - own + self.allocated
        return max(0, self.on_hand - max(0, self.set_aside) - promised - safety_stock)

    def has_seen(self, moment: datetime) -> bool:
        """Whether the last count was taken later: what happened at that moment is in the figure that it told.

        Of one and the same moment, what is told later counts as later: clocks that tell whole minutes are common.
        """
        return self.counted_at is not None and moment < self.counted_at

    def sellable(self, safety_stock: int, *, offer: datetime | None = None, own: int = 0) -> int:
        """Units that a claim may take: none where the sale is stopped, and of an offer to others only its own."""
        if self.stopped_at is not None:
            return 0
        units = self.available(safety_stock, own)
        return units if self.offered_at in (None, offer) else min(units, own)


class StockMessageKind(StrEnum):
    """What can be reported about a node's stock."""

    RECEIVED = "received"
    COUNTED = "counted"
    ADJUSTED = "adjusted"
    SNAPSHOT = "snapshot"
    """A count of everything that the node has: what is not named is not there."""
    MOVED = "moved"
    """From one state to another, at the same node."""
    EXPECTED = "expected"
    """Announced, and not there yet."""

    @property
    def is_absolute(self) -> bool:
        """Whether the quantities say how many there are, and not how many more or fewer."""
        return self in (StockMessageKind.COUNTED, StockMessageKind.SNAPSHOT)

    def refuses(self, quantity: int) -> str | None:
        """Why a line of this kind cannot have this quantity; None = it can."""
        if self is StockMessageKind.ADJUSTED:
            return None if quantity else "an adjustment of 0 says nothing"
        least, told = (0, StockMessageKind.COUNTED) if self.is_absolute else (1, self)
        return None if quantity >= least else f"{told} units are {least} or more"


class StockState(StrEnum):
    """What may be done with units on hand: sold, or not, and why not."""

    SELLABLE = "sellable"
    DAMAGED = "damaged"
    DISPLAY = "display"
    QUARANTINED = "quarantined"
    REFURBISHING = "refurbishing"
    """It came back, and is sold again when it was put in order."""


LINE_UNITS_MAX = 1_000_000
"""Units of one line, up or down."""


class StockLine(BaseModel):
    """Units of one SKU; what the quantity means depends on the message's kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Identifier
    quantity: int = Field(ge=-LINE_UNITS_MAX, le=LINE_UNITS_MAX, strict=True)


_OF_ONE_KIND: Mapping[str, tuple[StockMessageKind, bool]] = {
    "from_state": (StockMessageKind.MOVED, True),
    "to_state": (StockMessageKind.MOVED, True),
    "expected_at": (StockMessageKind.EXPECTED, True),
    "expected": (StockMessageKind.RECEIVED, False),
}
"""The fields that only one kind of message has, and whether it must have them."""


class StockMessage(BaseModel):
    """A fact about stock (`POST /stock/messages`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_id: MessageId
    node: NodeId
    kind: StockMessageKind
    occurred_at: Moment
    lines: tuple[StockLine, ...] = Field(min_length=1, max_length=10_000)
    from_state: StockState | None = None
    to_state: StockState | None = None
    expected_at: Moment | None = None
    """When announced units should arrive."""
    expected: MessageId | None = None
    """The message that had announced what was received now."""
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> "StockMessage":
        for name, (kind, is_needed) in _OF_ONE_KIND.items():
            is_there = getattr(self, name) is not None
            if is_there and self.kind is not kind:
                raise ValueError(f"{name}: only a message of kind {kind} has it")
            if not is_there and self.kind is kind and is_needed:
                raise ValueError(f"{name}: a message of kind {kind} needs it")
        if self.kind is StockMessageKind.MOVED and self.from_state is self.to_state:
            raise ValueError("to_state: it must differ from from_state")
        return self

    @model_validator(mode="after")
    def _quantities_fit_the_kind(self) -> "StockMessage":
        for index, line in enumerate(self.lines):
            if refusal := self.kind.refuses(line.quantity):
                raise ValueError(f"lines.{index}.quantity: {refusal}")
        if self.kind.is_absolute and len(self.units) < len(self.lines):
            raise ValueError("lines: a SKU is counted twice in one message")
        return self

    @cached_property
    def units(self) -> Counter[str]:
        """Units by SKU; a SKU that comes on several lines is summed."""
        found: Counter[str] = Counter()
        for line in self.lines:
            found[line.sku] += line.quantity
        return found

    def facts(self) -> dict[str, Any]:
        """What the inbox keeps of it: all but free text."""
        return self.model_dump(mode="json", exclude={"reason"}, exclude_unset=True)

    def movements(self) -> list[Movement]:
        """What it changes, whatever is on the shelves; nothing for a count, which `recount` compares with them."""
        if self.kind in (StockMessageKind.RECEIVED, StockMessageKind.ADJUSTED):
            kind = MovementKind(self.kind)
            return [
                Movement(kind, self.node, line.sku, on_hand=line.quantity, reference=str(position))
                for position, line in enumerate(self.lines)
            ]
        if self.kind is not StockMessageKind.MOVED:
            return []
        return [
            Movement(
                MovementKind.MOVED,
                self.node,
                line.sku,
                set_aside=line.quantity * sign,
                state=state,
                reference=f"{position} {direction}",
            )
            for position, line in enumerate(self.lines)
            for direction, sign, state in (("from", -1, self.from_state), ("to", 1, self.to_state))
            if state is not StockState.SELLABLE
        ]


class StockFile(StockMessage):
    """The same fact as a file tells it: with as many lines as there are."""

    lines: tuple[StockLine, ...] = Field(min_length=1)
    file_digest: str
    """The SHA-256 of the file in hexadecimal: it stands for the lines, which the ledger has already."""

    def facts(self) -> dict[str, Any]:
        """What the inbox keeps of it: which file it was and what is in it, in numbers."""
        kept = self.model_dump(mode="json", exclude={"reason", "lines"}, exclude_unset=True)
        return kept | {"lines": len(self.lines), "units": self.units.total()}


def recount(shelf: StockLevel, quantity: int, taken_at: datetime, later: int) -> Movement | None:
    """The correction that a count of `quantity` units, taken at `taken_at`, makes to a shelf; None = it tells nothing new.

    `later` is the sum of the differences to on hand that the ledger has of moments after `taken_at`. The count has not seen
    them, so they are added on top: units that have shipped since do not come back.

    So on hand is always what the newest count found, and what happened after it, in whatever order this was told:

    - An older count is known to be outdated: it changes nothing. Of two of the same moment the one that is told later holds.
    - What is told after a count and happened before it was seen by it. `database.stock.record` books it together with a
      `counted` movement of the same moment that takes it back: whatever sum has the one has the other.
    - The correction itself is booked at `taken_at`. No older counts come here, so no correction and no movement that was
      taken back is ever after `taken_at`: `later` holds goods that really moved, each once, without a look at the kinds.
    """
    if shelf.has_seen(taken_at):
        return None
    return Movement(MovementKind.COUNTED, shelf.node, shelf.sku, on_hand=quantity + later - shelf.on_hand)


@dataclass(frozen=True, slots=True)
class StockChange:
    """What a message did to the units on hand of its node."""

    shelves: int = 0
    """SKUs that it spoke of, those among them that a snapshot does not name."""
    changed: int = 0
    """Of these, the ones that have more or fewer units on hand now."""
    units_up: int = 0
    units_down: int = 0

    @classmethod
    def of(cls, shelves: Mapping[str, StockLevel], movements: Iterable[Movement], at: datetime) -> "StockChange":
        """The change that movements of one moment make to shelves, by SKU; what the last count has seen changes nothing."""
        differences = Counter(dict.fromkeys(shelves, 0))
        for movement in movements:
            if movement.kind is MovementKind.COUNTED or not shelves[movement.sku].has_seen(at):
                differences[movement.sku] += movement.on_hand
        units = differences.values()
        up, down = sum(n for n in units if n > 0), -sum(n for n in units if n < 0)
        return cls(len(shelves), sum(n != 0 for n in units), up, down)

"""What a stock movement is: a row of the append-only ledger; how available units are computed; and messages about stock."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from domain.identifiers import is_work_of_a_transfer
from domain.mistake import Mistake, mistakes
from domain.text import FreeText, MessageId, Moment, NodeId, Sku, Strict, TransferName, Word


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

    @property
    def is_allocated(self) -> bool:
        """Whether it only turns reserved units into allocated ones."""
        return self.kind is MovementKind.ALLOCATED and self.reserved == -self.allocated

    def plus(self, other: "Movement") -> "Movement":
        """The sum of two movements that differ only in their counters."""
        return replace(
            self,
            on_hand=self.on_hand + other.on_hand,
            reserved=self.reserved + other.reserved,
            allocated=self.allocated + other.allocated,
            set_aside=self.set_aside + other.set_aside,
        )

    @property
    def makes_available(self) -> int:
        """Units that other orders may get because of it, at the most; below 0 when it takes some.

        At the most: setting units aside takes none while `set_aside` is below 0.
        """
        return self.on_hand - min(0, self.set_aside) - self.reserved - self.allocated


def explode(movement: Movement, components: Iterable[tuple[str, int]]) -> list[Movement]:
    """The movement in stocked SKUs: a unit of a bundle moves its quantity of each component."""
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


class StockLevel(NamedTuple):
    """One node's stock of one SKU as it was read. A tuple: a promise makes a hundred of them, and as a dataclass that takes six
    times as long."""

    node: str
    sku: str
    on_hand: int
    reserved: int
    allocated: int
    set_aside: int = 0
    """Units on hand that cannot be sold. Below 0 after units were put back that were never reported as set aside."""
    lapsed: int = 0
    """Reserved units of expired carts: they are free, although no job has freed them yet."""
    counted_at: datetime | None = None
    stopped_at: datetime | None = None
    """Since when a stop-sale forbids its sale; None = it is sold."""
    offered_at: datetime | None = None
    """Since when its units are offered to the waiting orders only; None = any order may take them."""
    is_paused: bool = False
    """Whether its node is paused: no new units are sourced from it."""
    rejected_at: datetime | None = None
    """When its node last rejected it or found it short, with no report of its stock since; None = no such time."""
    price: int = 0
    """Its look-ahead price, in thousandths of a minor unit: what a unit here is worth to later orders beyond one where it is
    worth least."""

    def available(self, safety_stock: int, own: int = 0) -> int:
        """Units that may still be promised; never below 0. `own` units are reserved for the asking order or cart itself."""
        promised = self.reserved - self.lapsed - own + self.allocated
        return max(0, self.on_hand - max(0, self.set_aside) - promised - safety_stock)

    def has_seen(self, moment: datetime) -> bool:
        """Whether the last count was taken after this moment: its figure includes what happened then.

        Of two facts of the same moment, the one reported later counts as later: many clocks show whole minutes only.
        """
        return self.counted_at is not None and moment < self.counted_at

    def sellable(self, safety_stock: int, *, offer: datetime | None = None, own: int = 0) -> int:
        """Units that a claim may take: none where the sale is stopped; of units offered to other orders only its own."""
        if self.stopped_at is not None:
            return 0
        units = self.available(safety_stock, own)
        return units if self.offered_at in (None, offer) else min(units, own)


class StockMessageKind(StrEnum):
    """The kinds of messages about a node's stock."""

    RECEIVED = "received"
    COUNTED = "counted"
    ADJUSTED = "adjusted"
    SNAPSHOT = "snapshot"
    """A count of everything that the node has: a SKU that it does not name counts as 0."""
    MOVED = "moved"
    """From one state to another, at the same node."""
    EXPECTED = "expected"
    """Announced, and not arrived."""
    EXPECTED_CHANGED = "expected_changed"
    """What was announced has another date, or other quantities."""

    @property
    def is_absolute(self) -> bool:
        """Whether the quantities are totals of units on hand, and not differences."""
        return self in (StockMessageKind.COUNTED, StockMessageKind.SNAPSHOT)

    @property
    def is_about_the_future(self) -> bool:
        """Whether it says what will come, and changes nothing of what is on hand."""
        return self in (StockMessageKind.EXPECTED, StockMessageKind.EXPECTED_CHANGED)

    def refuses(self, quantity: int) -> str | None:
        """Why a line of this kind cannot have this quantity; None = it can."""
        if self is StockMessageKind.ADJUSTED:
            return None if quantity else "an adjustment of 0 says nothing"
        if self is StockMessageKind.EXPECTED_CHANGED:
            return None if quantity >= 0 else "expected units are 0 or more"
        least, kind = (0, StockMessageKind.COUNTED) if self.is_absolute else (1, self)
        return None if quantity >= least else f"{kind} units are {least} or more"


class StockState(StrEnum):
    """Whether units on hand may be sold, and if not, why."""

    SELLABLE = "sellable"
    DAMAGED = "damaged"
    DISPLAY = "display"
    QUARANTINED = "quarantined"
    REFURBISHING = "refurbishing"
    """It was returned, and is sold again after refurbishing."""


LINE_UNITS_MAX = 1_000_000
"""The most units of one line, up or down."""


class StockLine(Strict):
    """Units of one SKU; what the quantity means depends on the message's kind."""

    sku: Sku
    quantity: int = Field(ge=-LINE_UNITS_MAX, le=LINE_UNITS_MAX, strict=True)


class WrongRow(BaseModel):
    """A row that cannot be read or does not fit its message: it is left out, and the other rows count."""

    model_config = ConfigDict(frozen=True)

    sku: str | None = None
    """The SKU, if it could be read."""
    field: str = ""
    """The field of the row that is wrong; empty = the row itself."""
    detail: str
    digest: str = ""
    """The SHA-256 of what was sent, so that another wrong row makes another body."""

    def __str__(self) -> str:
        """What is wrong with it, as a person reads it."""
        return str(Mistake(self.field, self.detail)) if self.field else self.detail


def _read_row(row: Any, _: ValidatorFunctionWrapHandler) -> StockLine | WrongRow:
    if isinstance(row, StockLine | WrongRow):
        return row
    try:
        return StockLine.model_validate(row)
    except ValidationError as error:
        first = mistakes(error.errors(), StockLine)[0]
        digest = sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()
        is_object = isinstance(row, Mapping)
        sku, field = (sku_of(row.get("sku")), first.field) if is_object else (None, "")
        return WrongRow(sku=sku, field=field, detail=first.detail, digest=digest)


def sku_of(given: object) -> str | None:
    """A SKU as it was sent; None where it is none, which is not repeated."""
    try:
        return _SKU.validate_python(given)
    except ValidationError:
        return None


_SKU = TypeAdapter[str](Sku)


StockRow = Annotated[StockLine | SkipJsonSchema[WrongRow], WrapValidator(_read_row)]
"""A row of a stock message as it was read."""

_OF_KINDS: Mapping[str, Mapping[StockMessageKind, bool]] = {
    "from_state": {StockMessageKind.MOVED: True},
    "to_state": {StockMessageKind.MOVED: True},
    "expected_at": {StockMessageKind.EXPECTED: True, StockMessageKind.EXPECTED_CHANGED: True},
    "expected": {StockMessageKind.RECEIVED: False, StockMessageKind.EXPECTED_CHANGED: True},
    "supplier": {StockMessageKind.EXPECTED: False},
    "transfer": {StockMessageKind.RECEIVED: False},
}
"""The fields that only some kinds of messages have, and whether these must have them."""


class StockMessage(Strict):
    """A fact about stock (`POST /stock/messages`)."""

    message_id: MessageId
    node: NodeId
    kind: StockMessageKind
    occurred_at: Moment
    lines: tuple[StockRow, ...] = Field(min_length=1, max_length=10_000)
    from_state: StockState | None = None
    to_state: StockState | None = None
    expected_at: Moment | None = None
    """When announced units should arrive."""
    expected: MessageId | None = None
    """The message that announced the units that were received now, or whose announcement changes."""
    supplier: Word | None = None
    """Who sends the units that are announced; how late it was before is added to what it announces."""
    transfer: TransferName | None = None
    """The transfer that brought the units that were received now."""
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> "StockMessage":
        for name, kinds in _OF_KINDS.items():
            is_there = getattr(self, name) is not None
            if is_there and self.kind not in kinds:
                raise ValueError(f"{name}: only a message of kind {' or '.join(kinds)} has it")
            if not is_there and kinds.get(self.kind, False):
                raise ValueError(f"{name}: a message of kind {self.kind} needs it")
        if self.kind is StockMessageKind.MOVED and self.from_state is self.to_state:
            raise ValueError("to_state: it must differ from from_state")
        return self

    @model_validator(mode="after")
    def _transfers_are_named_as_such(self) -> "StockMessage":
        if self.transfer is not None and self.expected is not None:
            raise ValueError("expected: must be absent beside transfer")
        if self.announcement is not None and is_work_of_a_transfer(self.announcement):
            field = "message_id" if self.kind is StockMessageKind.EXPECTED else "expected"
            raise ValueError(
                f"{field}: names a transfer: its source reports what it ships, and `received` names it as transfer"
            )
        return self

    @model_validator(mode="after")
    def _a_row_counts(self) -> "StockMessage":
        if not self.good:
            first = self.wrong[0]
            raise ValueError(f"{'.'.join(filter(None, ('lines', '0', first.field)))}: {first.detail}")
        return self

    @property
    def announcement(self) -> str | None:
        """The message that announced the goods that it is about: itself, or `expected`; None = it is about no announcement."""
        return self.message_id if self.kind is StockMessageKind.EXPECTED else self.expected

    @cached_property
    def wrong(self) -> Mapping[int, WrongRow]:
        """The rows that cannot count, by their place: unreadable, of a quantity that the kind does not have, counted twice."""
        found: dict[int, WrongRow] = {}
        first_places: dict[str, int] = {}
        for place, row in enumerate(self.lines):
            if isinstance(row, WrongRow):
                found[place] = row
            elif refusal := self.kind.refuses(row.quantity):
                found[place] = WrongRow(sku=row.sku, field="quantity", detail=refusal)
            elif self._names_once and first_places.setdefault(row.sku, place) != place:
                found[place] = WrongRow(sku=row.sku, field="sku", detail="it is counted twice in one message")
        return found

    @property
    def _names_once(self) -> bool:
        """Whether its quantities are totals, so that a SKU may come on one row only."""
        return self.kind.is_absolute or self.kind is StockMessageKind.EXPECTED_CHANGED

    @cached_property
    def good(self) -> Mapping[int, StockLine]:
        """The other rows, by their place."""
        rows = ((place, row) for place, row in enumerate(self.lines) if place not in self.wrong)
        return {place: row for place, row in rows if isinstance(row, StockLine)}

    def with_rows(self, rows: Iterable[StockLine]) -> "StockMessage":
        """The same message with other rows, all of them good; any number of them."""
        return self._changed(lines=tuple(rows))

    def later_rows(self, rows: Iterable[StockLine]) -> "StockMessage":
        """The message that applies rows which were kept from this one: of a snapshot, a count of just these SKUs."""
        is_count = self.kind.is_absolute
        return self._changed(lines=tuple(rows), kind=StockMessageKind.COUNTED if is_count else self.kind)

    def _changed(self, **fields: Any) -> "StockMessage":
        return StockMessage.model_construct(
            **{name: getattr(self, name) for name in StockMessage.model_fields} | fields
        )

    @cached_property
    def units(self) -> Counter[str]:
        """Units by SKU in the good rows; a SKU that comes on several rows is summed."""
        found: Counter[str] = Counter()
        for row in self.good.values():
            found[row.sku] += row.quantity
        return found

    def facts(self) -> dict[str, Any]:
        """What the inbox stores of it: all but free text."""
        rows = [row.model_dump() for row in self.good.values()]
        return self.model_dump(mode="json", exclude={"reason", "lines"}, exclude_unset=True) | {"lines": rows}

    def movements(self) -> list[Movement]:
        """The movements that do not depend on the stock levels; none for a count, which `recount` compares with them."""
        if self.kind in (StockMessageKind.RECEIVED, StockMessageKind.ADJUSTED):
            kind = MovementKind(self.kind)
            return [
                Movement(kind, self.node, line.sku, on_hand=line.quantity, reference=str(position))
                for position, line in self.good.items()
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
            for position, line in self.good.items()
            for direction, sign, state in (("from", -1, self.from_state), ("to", 1, self.to_state))
            if state is not StockState.SELLABLE
        ]


class StockFile(StockMessage):
    """The same fact from a file, with any number of lines."""

    lines: tuple[StockRow, ...] = Field(min_length=1)
    file_digest: str
    """The SHA-256 of the file in hexadecimal: the inbox stores it instead of the lines, which the ledger has."""
    file_lines: tuple[int, ...] = ()
    """The line of the file that each row begins on."""

    def facts(self) -> dict[str, Any]:
        """What the inbox stores of it: which file it was, and how many lines and units it has."""
        kept = self.model_dump(mode="json", exclude={"reason", "lines", "file_lines"}, exclude_unset=True)
        return kept | {"lines": len(self.lines), "units": self.units.total()}


def recount(level: StockLevel, quantity: int, taken_at: datetime, later: int) -> Movement | None:
    """The correction that a count of `quantity` units, taken at `taken_at`, makes to a stock level; None = none.

    `later` is the sum of the ledger's differences to on hand after `taken_at`. The count does not include them, so they are
    added: units that have shipped since then do not come back.

    So on hand is always what the newest count found plus what happened after it, in any order of the reports:

    - An older count is outdated: it changes nothing. Of two counts of the same moment the one that is reported later is valid.
    - A movement that happened before a count and is reported after it is in the count's figure. `database.stock.record` books
      it together with a `counted` movement of the same moment that reverses it: every sum has both or neither.
    - The correction itself is booked at `taken_at`. Older counts never come here, so no correction and no reversed movement
      is after `taken_at`: `later` is the sum of goods that really moved, each once, and need not look at the kinds.
    """
    if level.has_seen(taken_at):
        return None
    return Movement(MovementKind.COUNTED, level.node, level.sku, on_hand=quantity + later - level.on_hand)


@dataclass(frozen=True, slots=True)
class StockChange:
    """What a message changed in the units on hand of its node."""

    stock_levels: int = 0
    """SKUs that it is about, including those that a snapshot counts as 0 because it does not name them."""
    changed: int = 0
    """Of these, the SKUs that have more or fewer units on hand now."""
    units_up: int = 0
    units_down: int = 0

    @classmethod
    def of(cls, levels: Mapping[str, StockLevel], movements: Iterable[Movement], at: datetime) -> "StockChange":
        """The change that movements of one moment make to stock levels, by SKU; movements before the last count change none."""
        differences = Counter(dict.fromkeys(levels, 0))
        for movement in movements:
            if movement.kind is MovementKind.COUNTED or not levels[movement.sku].has_seen(at):
                differences[movement.sku] += movement.on_hand
        units = differences.values()
        up, down = sum(n for n in units if n > 0), -sum(n for n in units if n < 0)
        return cls(len(levels), sum(n != 0 for n in units), up, down)

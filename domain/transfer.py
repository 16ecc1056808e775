"""What a transfer is: an order whose destination is a node. What left its source is supply of its destination until it arrives.

All of it is computed from the sums of its fulfillment orders, so the order in which the two nodes report does not matter
(docs/decisions/0066).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from domain import identifiers
from domain.deadlines import ON_THE_WAY_MAX
from domain.fulfillment import FulfillmentOrder
from domain.order import LINES_MAX, NewOrder
from domain.text import Identifier, Moment, NodeId, Sku, Strict, TransferName, Units, Word

POSSIBLE_REQUESTS = frozenset({"cancel", "hold", "release", "resolve"})
"""What can be asked of a transfer, of all that can be asked of an order."""


class TransferLine(Strict):
    """Units of an item to move; a line without an id gets its place among the lines, from 1."""

    line: Identifier | None = None
    sku: Sku
    quantity: Units


class TransferRequest(Strict):
    """Goods to move from one node to another (`POST /transfers`)."""

    transfer: TransferName
    from_node: NodeId = Field(alias="from")
    to_node: NodeId = Field(alias="to")
    service: Word = "standard"
    ship_after: Moment | None = None
    """Nothing is released before; None, or a moment that has passed = at once."""
    lines: Annotated[tuple[TransferLine, ...], Field(min_length=1, max_length=LINES_MAX)]

    @model_validator(mode="after")
    def _goes_to_another_node(self) -> Self:
        if self.from_node == self.to_node:
            raise ValueError("to: must be another node than from")
        return self

    @model_validator(mode="after")
    def _lines_are_unique(self) -> Self:
        names = [name for name, _ in self.numbered()]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"lines: line id {repeated[0]!r} is used twice")
        return self

    def numbered(self) -> list[tuple[str, TransferLine]]:
        """Its lines, each with its id."""
        return [(line.line or str(place), line) for place, line in enumerate(self.lines, 1)]


NO_CURRENCY = 3 * "X"
"""The code that ISO 4217 has for a transaction without money."""


PRIORITY = 5
"""Of a transfer that somebody asked for: that of an order that says nothing."""


class TransferOrder(NewOrder):
    """The order that a transfer is."""

    currency: str = NO_CURRENCY
    """A customer can pay in any other."""

    @property
    def order(self) -> str:
        """The order's id."""
        return identifiers.transfer_order_id(self.number)


class Cargo(NamedTuple):
    """Units of one SKU that left their source in one fulfillment order and were not written off."""

    quantity: int
    arrived: int

    @property
    def in_transit(self) -> int:
        """Units that have not arrived."""
        return self.quantity - self.arrived


NOTHING = Cargo(0, 0)


def cargo(fo: FulfillmentOrder) -> dict[str, Cargo]:
    """By SKU, what left in a fulfillment order of a transfer, and what of it has arrived."""
    found: dict[str, Cargo] = {}
    for line, fo_line in sorted(fo.lines.items()):
        counts, so_far = fo.counts(line), found.get(fo_line.sku, NOTHING)
        left = so_far.quantity + counts.gone - counts.lost
        found[fo_line.sku] = Cargo(left, so_far.arrived + fo_line.delivered)
    return found


def expected_at(fo: FulfillmentOrder) -> datetime:
    """When the goods of a fulfillment order should arrive: as long after they left as it was planned."""
    in_transit = fo.deliver_by - fo.ship_by if fo.deliver_by else ON_THE_WAY_MAX
    return (fo.shipped_at or fo.delivered_at or fo.released_at) + in_transit


def missing(fo: FulfillmentOrder) -> str:
    """What of a fulfillment order did not arrive, in a sentence."""
    units = [
        f"{one.in_transit} of {one.quantity} unit{'s' if one.quantity != 1 else ''} of {sku}"
        for sku, one in cargo(fo).items()
        if one.in_transit
    ]
    return f"{fo.fulfillment_order}: {', '.join(units)} did not arrive at {fo.to_node}"


@dataclass(frozen=True, slots=True)
class Allotted:
    """To which lines received units belong."""

    lines: Mapping[str, Mapping[str, int]]
    """By fulfillment order and line."""
    unknown: Mapping[str, int]
    """By SKU: units of which nothing was released to the source."""


def allot(works: Collection[FulfillmentOrder], received: Mapping[str, int]) -> Allotted:
    """Find the fulfillment orders that received units, by SKU, belong to, the oldest first.

    Units that left come first, those that were written off included; then units that the source has not reported as shipped.
    More than that is a surplus of the last line: it came from the source, too.
    """
    lines: dict[str, Counter[str]] = {}
    unknown = dict[str, int]()
    for sku, units in sorted(received.items()):
        places = [(fo, line) for fo in works for line, fo_line in fo.lines.items() if fo_line.sku == sku]
        left = units
        for wanted in (_left, _held):
            for fo, line in places:
                taken = min(left, wanted(fo, line))
                lines.setdefault(fo.fulfillment_order, Counter())[line] += taken
                left -= taken
        if left and places:
            fo, line = places[-1]
            lines[fo.fulfillment_order][line] += left
        elif left:
            unknown[sku] = left
    return Allotted({name: +units for name, units in lines.items() if +units}, unknown)


def _left(fo: FulfillmentOrder, line: str) -> int:
    counts = fo.counts(line)
    return counts.in_transit + counts.lost


def _held(fo: FulfillmentOrder, line: str) -> int:
    return fo.counts(line).held


def not_released(transfer: str, unknown: Mapping[str, int]) -> str:
    """What was received for a transfer and fits none of its work, in a sentence."""
    units = ", ".join(f"{units} of {sku}" for sku, units in unknown.items())
    return f"received of transfer {transfer}: {units}, of which nothing was released to its source"


def skus(works: Iterable[FulfillmentOrder]) -> set[str]:
    """The SKUs of fulfillment orders."""
    return {fo_line.sku for fo in works for fo_line in fo.lines.values()}

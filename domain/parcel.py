"""Decides what a parcel that comes back without a return belongs to."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from domain.identifiers import in_one_case
from domain.returns import ReturnMessage, ReturnMessageKind, ReturnMessageLine
from domain.text import FreeText, Label, MessageId, Moment, NodeId, Sku, Strict, Units


class ParcelUnits(Strict):
    """Units of one SKU that were in a parcel."""

    sku: Sku
    quantity: Units


class Parcel(Strict):
    """A fact: a parcel came back that names no return (`POST /returns/blind`)."""

    message_id: MessageId
    occurred_at: Moment
    node: NodeId
    order: Annotated[Label, AfterValidator(in_one_case)] | None = None
    """The order, if known; None = the parcel belongs to no known order."""
    lines: tuple[ParcelUnits, ...] = Field(min_length=1, max_length=2000)
    reason: FreeText | None = None

    @property
    def units(self) -> Counter[str]:
        """Units by SKU."""
        found: Counter[str] = Counter()
        for line in self.lines:
            found[line.sku] += line.quantity
        return found

    def received(self, lines: Mapping[str, int]) -> ReturnMessage:
        """The same fact as a message to a return."""
        return ReturnMessage(
            message_id=self.message_id,
            kind=ReturnMessageKind.RECEIVED,
            occurred_at=self.occurred_at,
            node=self.node,
            lines=tuple(ReturnMessageLine(line=line, quantity=quantity) for line, quantity in lines.items()),
        )


class Room(NamedTuple):
    """Units of a line that may still come back."""

    line: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class Match:
    """Units of a parcel by the line that they belong to, and by SKU those that belong to none."""

    lines: Mapping[str, int]
    left: Mapping[str, int]


def match(units: Mapping[str, int], rooms: Iterable[Room]) -> Match:
    """Give each line the units of its SKU that it has room for, the first lines first."""
    left = Counter(units)
    lines: dict[str, int] = {}
    for room in rooms:
        if taken := min(left[room.sku], max(0, room.units)):
            lines[room.line] = taken
            left[room.sku] -= taken
    return Match(lines, dict(+left))

"""Reads what a warehouse says of its stock: 944 (received), 947 (adjusted) and 846 (counted), as stock messages.

A row that cannot count is left out with its reason, and the others count. An item that nobody knows keeps what it is called: it
counts once the network has it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from pydantic import ValidationError

from domain.stock import StockLine, StockMessage, StockMessageKind, StockRow, StockState, WrongRow
from formats.x12.elements import pairs
from formats.x12.parts import Segment
from nodes.x12.items import Items, Misfit, Named, Received, first_fault, moment, named, the, units
from nodes.x12.profile import WarehouseProfile

ROWS_MAX = 10_000
"""The rows of one stock message."""
SKU_MAX = 64
RECEIPTS = frozenset("FJNP")
"""Values of W1701 (data element 514) that say that goods were received: full detail, original, no exceptions, production."""
NO_RECEIPTS: Mapping[str, str] = {
    "A": "an adjustment, which is sent as a 947",
    "B": "a change of the owner",
    "C": "a return of a customer, which is reported as a message of its return",
    "K": "a trial",
    "O": "an overage of a count, which is sent as a 947",
    "R": "a replacement of an earlier 944, and that one counts already",
    "S": "a shortage of a count, which is sent as a 947",
    "X": "only what differs, and not what was received",
}
DAMAGED = frozenset({"01", "04", "07"})
"""Values of W1303 (data element 412) for units that cannot be sold: damaged, contaminated, leaking."""


@dataclass(frozen=True, slots=True)
class Announcements:
    """What a warehouse was sent 943s about, each by the number of its 943 in lower case."""

    messages: Mapping[str, str] = field(default_factory=dict)
    """Ids of the messages that announced goods."""
    transfers: Mapping[str, str] = field(default_factory=dict)
    """Names of the transfers that goods belong to."""

    def named(self, numbers: Sequence[str]) -> Mapping[str, str]:
        """The fields by which a receipt names the first of these that was announced; nothing when none was."""
        for number in numbers:
            if number in self.transfers:
                return {"transfer": self.transfers[number]}
            if number in self.messages:
                return {"expected": self.messages[number]}
        return {}


def read(
    received: Received, node: str, items: Items, profile: WarehouseProfile, announced: Announcements | None = None
) -> list[StockMessage]:
    """The stock messages of a 944, 947 or 846, in the sequence in which they are applied; `announced` is what a 944 can answer.
    Raises `Misfit`."""
    reader = _READERS[received.set.code]
    try:
        return list(reader(_Report(received, node, items, profile, announced or Announcements())))
    except ValidationError as error:
        raise Misfit(first_fault(error)) from error


@dataclass(frozen=True, slots=True)
class _Report:
    received: Received
    node: str
    items: Items
    profile: WarehouseProfile
    announced: Announcements

    @property
    def segments(self) -> Sequence[Segment]:
        return self.received.set.segments

    def row(self, item: Named, quantity: str, unit: str, where: str) -> StockRow:
        """A row of a stock message; a `WrongRow` where the quantity or the item cannot be read."""
        sku = self.sku(item)
        if sku is None:
            return WrongRow(field="sku", detail=f"{where} names no item", digest=_digest(quantity, unit))
        try:
            return StockLine(sku=sku, quantity=units(quantity, unit, f"{where} of {item.called}", self.profile))
        except Misfit as misfit:
            return WrongRow(sku=sku, field="quantity", detail=str(misfit), digest=_digest(quantity, unit))

    def sku(self, item: Named) -> str | None:
        """The SKU; of an item that nobody knows, what the warehouse calls it."""
        found = (self.items.sku(kind, value) for kind, value in item.ids)
        known = next((sku for sku in found if sku is not None), None)
        return known or (item.ids[0][1][:SKU_MAX].strip() if item.ids else None)

    def message(
        self, about: str, kind: StockMessageKind, at: datetime, rows: Sequence[StockRow], **more: Any
    ) -> StockMessage:
        return StockMessage(
            message_id=f"{self.received.key}-{about}",
            node=self.node,
            kind=kind,
            occurred_at=at,
            lines=tuple(rows),
            **more,
        )


def _digest(*elements: str) -> str:
    """What was sent, so that another wrong row makes another body."""
    return "*".join(elements)[:64]


def _receipt(report: _Report) -> Iterator[StockMessage]:
    """A 944: what was received, W1704 naming our announcement of it; what of it is damaged is set aside at once."""
    w17 = the(report.received.set, "W17")
    if w17[1] not in RECEIPTS:
        raise Misfit(f"W1701 is {w17[1]}: {NO_RECEIPTS.get(w17[1], 'it says nothing of received goods')}")
    at = moment(w17[2], "W1702", report.received, report.profile, w17[7])
    good: list[StockRow] = []
    damaged: list[StockRow] = []
    item: Named | None = None
    for segment in report.segments:
        if segment.name == "W07":
            item = named(segment, 4, report.profile)
            good.append(report.row(item, segment[1], segment[2], "W0701"))
        elif segment.name == "W13" and item is not None and segment[3] in DAMAGED:
            damaged.append(report.row(item, segment[1], segment[2], "W1301"))
    good = [row for row in good if isinstance(row, WrongRow) or row.quantity]
    if not good:
        raise Misfit("it has no W07 with a quantity: it does not say what was received")
    announced = report.announced.named([w17[position].strip().lower() for position in (4, 5)])
    for index, part in enumerate(_parts(good)):
        about = "received" if index == 0 else f"received-{index + 1}"
        yield report.message(about, StockMessageKind.RECEIVED, at, part, **announced)
    for index, part in enumerate(_parts(damaged)):
        states = {"from_state": StockState.SELLABLE, "to_state": StockState.DAMAGED}
        yield report.message(f"damaged-{index + 1}", StockMessageKind.MOVED, at, part, **states)


def _adjustment(report: _Report) -> Iterator[StockMessage]:
    """A 947: units that are more or fewer, by W1902 with its sign; or units that change their state, by the reason in W1901."""
    w15 = the(report.received.set, "W15")
    at = moment(w15[1], "W1501", report.received, report.profile)
    found = [segment for segment in report.segments if segment.name == "W19"]
    if not found:
        raise Misfit("it has no W19: it does not say what was adjusted")
    moves = report.profile.moves
    number = 0
    for move, some in groupby(found, key=lambda segment: moves.get(segment[1].strip())):
        segments = list(some)
        reason = "X12 947, reason " + ", ".join(dict.fromkeys(segment[1] for segment in segments))
        rows = [report.row(named(one, 5, report.profile), one[2], one[3], "W1902") for one in segments]
        for part in _parts(rows):
            number += 1
            if move is None:
                yield report.message(f"adjusted-{number}", StockMessageKind.ADJUSTED, at, part, reason=reason)
                continue
            moved = [
                row if isinstance(row, WrongRow) else row.model_copy(update={"quantity": abs(row.quantity)})
                for row in part
            ]
            states = {"from_state": move[0], "to_state": move[1]}
            yield report.message(f"moved-{number}", StockMessageKind.MOVED, at, moved, reason=reason, **states)


def _inventory(report: _Report) -> Iterator[StockMessage]:
    """An 846: how many units are on hand. A count of everything must be one message, so it has a limit."""
    bia = the(report.received.set, "BIA")
    at = moment(bia[4], "BIA04", report.received, report.profile, bia[5])
    rows = [row for item, quantities in _items(report) if (row := _on_hand(report, item, quantities)) is not None]
    if not rows:
        known = " and ".join(report.profile.on_hand)
        raise Misfit(f"no LIN has a QTY with {known}: it does not say what is on hand")
    counts_all = report.profile.counts_all
    if counts_all and len(rows) > ROWS_MAX:
        raise Misfit(f"it counts {len(rows)} items as everything there is; {ROWS_MAX} are possible in one count")
    kind = StockMessageKind.SNAPSHOT if counts_all else StockMessageKind.COUNTED
    for index, part in enumerate(_parts(_summed(rows))):
        yield report.message(f"counted-{index + 1}", kind, at, part)


def _items(report: _Report) -> Iterator[tuple[Named, Mapping[str, list[Segment]]]]:
    """Each LIN with its QTY segments, by qualifier."""
    item: Named | None = None
    quantities: dict[str, list[Segment]] = {}
    for segment in report.segments:
        if segment.name == "LIN":
            if item is not None:
                yield item, quantities
            item, quantities = _item_of_lin(segment, report.profile), {}
        elif segment.name == "QTY" and item is not None:
            quantities.setdefault(segment[1].strip(), []).append(segment)
    if item is not None:
        yield item, quantities


def _item_of_lin(segment: Segment, profile: WarehouseProfile) -> Named:
    """The ids of a LIN begin at its second element, and no case code stands before them."""
    without = Segment("LIN", ("", *segment.elements[1:]))
    found = named(without, 2, profile)
    others = [f"{qualifier} {value}" for qualifier, value in pairs(without.elements[1:])]
    return found if found.ids else Named((), others[0] if others else "")


def _on_hand(report: _Report, item: Named, quantities: Mapping[str, list[Segment]]) -> StockRow | None:
    """The count of an item: the sum of the first qualifier of the profile that it has; None = it has none of them."""
    chosen = next((quantities[name] for name in report.profile.on_hand if name in quantities), None)
    if chosen is None:
        return None
    total = 0
    for segment in chosen:
        row = report.row(item, segment[2], segment[3], f"QTY02 ({segment[1]})")
        if isinstance(row, WrongRow):
            return row
        total += row.quantity
    return StockLine(sku=row.sku, quantity=total) if isinstance(row, StockLine) else row


def _summed(rows: Sequence[StockRow]) -> list[StockRow]:
    """Rows of one SKU, such as those of its lots, are one count; a SKU with a row that cannot be read is not counted."""
    wrong = [row for row in rows if isinstance(row, WrongRow)]
    unread = {row.sku for row in wrong}
    sums: dict[str, int] = {}
    for row in rows:
        if isinstance(row, StockLine) and row.sku not in unread:
            sums[row.sku] = sums.get(row.sku, 0) + row.quantity
    return [*(StockLine(sku=sku, quantity=total) for sku, total in sums.items()), *wrong]


def _parts(rows: Sequence[StockRow]) -> Iterator[list[StockRow]]:
    """The rows, as many at once as one message can have."""
    left = iter(rows)
    while part := list(islice(left, ROWS_MAX)):
        yield part


_READERS: Mapping[str, Callable[[_Report], Iterator[StockMessage]]] = {
    "944": _receipt,
    "947": _adjustment,
    "846": _inventory,
}

"""Writes purchase order change acknowledgments (X12 865): the answer to an 860, and changes that we start after an 855."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from channels.parcels import line_there
from channels.x12.answers import (
    Buyer,
    OrderedLine,
    acknowledged_part,
    buyer_of,
    ids_of,
    in_unit,
    price_of,
    ship_to_of,
)
from channels.x12.purchase_change import CHANGE, DELETED, line_called
from channels.x12.purchase_order import CANCEL
from domain.order import NewOrder
from formats.x12.elements import divided
from formats.x12.partner import ONLY_SET
from formats.x12.parts import Segment, Set

KEPT, WAITING = "kept", "waiting"
"""The names of what is kept with the order: by line, the units that the buyer knows to be coming, and which of them it knows to
wait for stock."""
FEWER, DECREASED, CHANGED = "IQ", "QD", "CA"
FOLLOWED, IN_PART, NOT_FOLLOWED = "AD", "AC", "RD"
"""Values of BCA02 (data element 587): acknowledged without change, with change, rejected."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the buyer's order as it is now, in our units; what took the place of some of its units is part of it."""

    line: OrderedLine
    kept: int
    """Units that are coming or wait for stock."""
    waiting: Sequence[tuple[int, date | None]]
    """Those of them that wait for stock, in parts by the day on which they can leave; None = nobody knows it."""

    @property
    def waits(self) -> str:
        """What of it waits, as it is kept with the order."""
        return ", ".join(str(units) if day is None else f"{units} {day}" for units, day in self.waiting)


def lines_of(buyer: Buyer) -> dict[str, Line]:
    """By the buyer's own line, how it is now."""
    kept, waiting, named = Counter[str](), dict[str, Counter[date | None]](), dict[str, OrderedLine]()
    for line in buyer.lines:
        there = line_there(line.line)
        kept[there] += line.ordered - line.cancelled
        by_day = waiting.setdefault(there, Counter())
        for units, day in line.waiting:
            by_day[day] += units
        named.setdefault(there, line)
    return {name: Line(line, kept[name], _in_parts(waiting[name])) for name, line in named.items()}


def _in_parts(by_day: Mapping[date | None, int]) -> list[tuple[int, date | None]]:
    """The units of each day, the earliest first; those without a day are the last."""
    return [(by_day[day], day) for day in sorted(by_day, key=lambda day: day or date.max)]


def known_to_the_buyer(buyer: Buyer, lines: Collection[str] | None = None) -> Mapping[str, str]:
    """What is kept with an order once its buyer knows these lines as they are now; None = all of them."""
    known = {name: one for name, one in lines_of(buyer).items() if lines is None or name in lines}
    return {_name(KEPT, name): str(one.kept) for name, one in known.items()} | {
        _name(WAITING, name): one.waits for name, one in known.items()
    }


def _name(what: str, line: str) -> str:
    return f"{what} {line}"


def fewer_than_known(buyer: Buyer, cancelled: Mapping[str, int], ids: Mapping[str, str]) -> list[str]:
    """The lines of which fewer units are coming than the buyer knows. `cancelled` are the units that an event cancelled, by
    line of ours, for an order with which nothing was kept."""
    fewer = Counter[str]()
    for line, units in cancelled.items():
        fewer[line_there(line)] += units
    now = lines_of(buyer)
    return [name for name, one in now.items() if int(ids.get(_name(KEPT, name), one.kept + fewer[name])) > one.kept]


def wait_otherwise(buyer: Buyer, about: Collection[str], ids: Mapping[str, str]) -> list[str]:
    """The lines of which other units wait for stock than the buyer knows, or other days are known. `about` are the lines of
    ours that an event is about, for an order with which nothing was kept."""
    named = {line_there(line) for line in about}

    def is_otherwise(name: str, one: Line) -> bool:
        known = ids.get(_name(WAITING, name))
        return name in named if known is None else one.waits != known

    return [name for name, one in lines_of(buyer).items() if is_otherwise(name, one)]


def as_decided(buyer: Buyer, ids: Mapping[str, str]) -> Buyer:
    """The order with units that are about to be sourced as its buyer knows them: a node that was short is none of its business
    while another one may have the goods, and what waited for stock is not accepted yet."""
    left = {name: _known_to_wait(ids, name, one) for name, one in lines_of(buyer).items()}
    lines = list[OrderedLine]()
    for line in buyer.lines:
        sure = line.backordered - line.undecided
        waits = min(line.backordered, max(sure, left[line.number]))
        left[line.number] -= waits
        lines.append(replace(line, backordered=waits, undecided=waits - sure))
    return replace(buyer, lines=lines)


def _known_to_wait(ids: Mapping[str, str], name: str, line: Line) -> int:
    """How many units of a line its buyer knows to wait; where nothing was kept, those that do."""
    known = ids.get(_name(WAITING, name), line.waits)
    return sum(int(part.partition(" ")[0]) for part in filter(None, known.split(", ")))


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """What an 860 asks for, and how it is answered."""

    change: Set

    def known(self, order: Mapping[str, Any]) -> Mapping[str, str]:
        """What the answer lets the buyer know, to be kept with the order."""
        buyer = buyer_of(order)
        return known_to_the_buyer(buyer, [name for name, _ in self._asked(lines_of(buyer))])

    def document(
        self, order: Mapping[str, Any] | None, wanted: NewOrder | None, not_followed: Collection[str], at: datetime
    ) -> Set:
        """The 865 about an order as it is now, None = none of it was placed; `wanted` is how its buyer wants it, and
        `not_followed` what of the header or of prices is not done."""
        buyer = buyer_of(order) if order else None
        now = lines_of(buyer) if buyer else {}
        asked = [(name, code) for name, code in self._asked(now) if name in now]
        quantities = {line.line: line.quantity for line in wanted.lines} if wanted else {}
        segments = [_begin("00", self._verdict(now, asked, quantities, not_followed), self._change, at)]
        segments += ship_to_of(buyer) if buyer else []
        for name, code in asked:
            assert buyer is not None, "a line that is there is of an order"
            segments += _about(now[name], code, quantities.get(name, 0), buyer.currency, at)
        segments.append(Segment.of("CTT", len(asked)))
        return Set("865", ONLY_SET, tuple(segments))

    @property
    def _change(self) -> Segment:
        return next(segment for segment in self.change.segments if segment.name == "BCH")

    @property
    def _is_cancel(self) -> bool:
        return self._change[1] == CANCEL

    @property
    def _lines(self) -> list[list[Segment]]:
        return divided(self.change.segments, CHANGE)[1]

    def _asked(self, now: Mapping[str, Line]) -> list[tuple[str, str]]:
        """The lines of the answer, each with the code of the change that was asked for."""
        if self._is_cancel:
            return [(name, DELETED) for name in now]
        return list({line_called(line[0][1], now): line[0][2] for line in self._lines}.items())

    def _verdict(
        self,
        now: Mapping[str, Line],
        asked: Collection[tuple[str, str]],
        quantities: Mapping[str, int],
        not_followed: Collection[str],
    ) -> str:
        followed = [now[name].kept == quantities.get(name, 0) for name, _ in asked]
        if all(followed) and not not_followed:
            return FOLLOWED
        return IN_PART if any(followed) else NOT_FOLLOWED


def own_change(buyer: Buyer, lines: Collection[str], at: datetime) -> Set:
    """The 865 that we start after the 855: how these lines of the buyer's are now."""
    now = lines_of(buyer)
    begin = Segment.of(
        *("BCA", "04", IN_PART, buyer.purchase_order, None, None, f"{buyer.ordered_at:%Y%m%d}"),
        *(None, None, None, f"{at:%Y%m%d}"),
    )
    segments = [begin, *ship_to_of(buyer)]
    for name in lines:
        one = now[name]
        code = DELETED if not one.kept else CHANGED if one.kept >= one.line.ordered else DECREASED
        segments += _about(one, code, one.line.ordered, buyer.currency, at)
    return Set("865", ONLY_SET, (*segments, Segment.of("CTT", len(lines))))


def _begin(purpose: str, verdict: str, change: Segment, at: datetime) -> Segment:
    """BCA: the order, release, sequence and dates of the 860 come back as they came."""
    ordered_on = change[6] or f"{at:%Y%m%d}"
    return Segment.of(
        *("BCA", purpose, verdict, change[3], change[4], change[5], ordered_on, None, None, None),
        *(f"{at:%Y%m%d}", change[11]),
    )


def _about(now: Line, code: str, wanted: int, currency: str, at: datetime) -> Iterator[Segment]:
    """POC with what is ordered now, and ACK for each part of it."""
    quantity, unit = in_unit(now.kept, now.line)
    price = price_of(now.line, currency)
    yield Segment.of("POC", now.line.line, code, quantity, None, unit, price, None, *ids_of(now.line))
    coming = now.kept - sum(units for units, _ in now.waiting)
    if coming:
        yield acknowledged_part("IA" if coming == now.kept == wanted else FEWER, coming, now.line, at)
    for units, day in now.waiting:
        yield acknowledged_part("IB", units, now.line, day)
    if not now.kept:
        yield acknowledged_part("IR" if wanted else "ID", 0, now.line, None)

"""Decides which announced units are promised to which waiting units: pegs, and what becomes of them when announcements change.

Nothing is ever taken from one order for another: an order keeps what it has, or moves to earlier units that nobody has
(docs/decisions/0061).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple


class RowName(NamedTuple):
    """Names a dated row among those of one SKU: the node that the goods come to, and the message that announced them."""

    node: str
    expected: str


@dataclass(frozen=True, slots=True)
class DatedRow:
    """The units of one SKU that one message announced and that have not arrived."""

    name: RowName
    expected_at: datetime
    open: int
    """Units that have not arrived; below 0 is never stored, more arrived counts as 0."""
    counted_from: datetime | None = None
    """They are not counted on before, because their supplier is late as a rule; None = nothing is known of that."""
    only_for: str | None = None
    """The only order that they may be promised to; None = any order."""
    is_returned: bool = False
    """Whether they come back from a customer."""
    restocked_percent: int | None = None
    """Of 100 such units that were to come back, how many were restocked; None = that is not known, or they do not come back."""

    def counted_on(self, lag: timedelta) -> datetime:
        """When they are counted on by a strategy with this lag."""
        return max(self.expected_at + lag, self.counted_from or self.expected_at)


@dataclass(frozen=True, slots=True)
class Peg:
    """Units of a dated row that are promised to a line of an order."""

    line: str
    sku: str
    row: RowName
    quantity: int
    """Units that have not arrived."""
    arrived: int = 0
    """Units that have arrived, and are offered to their order until its turn."""
    is_whole: bool = False
    """Whether its order can use it only all at once."""
    due_at: datetime | None = None
    """When the order counts on the goods: their date with the strategy's lag; None = their date has passed, nobody knows."""
    ship_by: datetime | None = None
    """When they leave the node, if they are there at `due_at`; None = nobody knows."""
    deliver_by: datetime | None = None
    """When they reach the customer; None = nobody knows."""

    @property
    def units(self) -> int:
        """All its units."""
        return self.quantity + self.arrived


@dataclass(frozen=True, slots=True)
class Demand:
    """Units of a line that wait for stock and may be promised from announced goods."""

    line: str
    sku: str
    quantity: int
    nodes: frozenset[str]
    """The nodes that may ship them, but for those in `tried`."""
    tried: frozenset[str]
    lag: timedelta
    """How much later than announced the goods are counted on."""
    is_whole: bool = False
    """Whether one dated row must have all of them."""
    order: str | None = None
    """Whose units they are; None = a cart's."""
    sells_returns: bool = False
    """Whether goods that come back from customers may be promised to them."""

    def may_use(self, row: DatedRow) -> bool:
        """Whether the goods may be promised to these units, and come to a node that may ship them."""
        node = row.name.node
        is_for_it = row.only_for in (None, self.order) and (self.sells_returns or not row.is_returned)
        return is_for_it and node in self.nodes and node not in self.tried


def due_at(row: DatedRow, lag: timedelta, now: datetime) -> datetime | None:
    """When announced goods are counted on; None once that has passed: they are late, and nobody knows until when."""
    counted_on = row.counted_on(lag)
    return counted_on if counted_on > now else None


def peg(
    demand: Demand, own: Sequence[Peg], rows: Iterable[DatedRow], free: Mapping[RowName, int], now: datetime
) -> list[Peg]:
    """The pegs of waiting units: of what is free or theirs already, the earliest.

    `own` are the present pegs of the line, `free` the open units that nobody has. Units that have arrived stay theirs. Goods
    that are kept for the order come first, late ones last. Of goods of the same moment, those that are theirs come first, so
    that nothing moves without a reason.
    """
    had = {one.row: one for one in own}
    arrived = sum(one.arrived for one in own)
    usable = sorted(
        (row for row in rows if row.open > 0 and demand.may_use(row)),
        key=lambda row: (
            row.counted_on(demand.lag) <= now,
            row.only_for is None,
            row.counted_on(demand.lag),
            row.name not in had,
            row.name,
        ),
    )
    left = max(0, demand.quantity - arrived)
    taken: dict[RowName, int] = {}
    for row in usable:
        pool = free.get(row.name, 0) + (had[row.name].quantity if row.name in had else 0)
        units = min(left, pool, row.open)
        if units and not (demand.is_whole and units < left):
            taken[row.name] = units
            left -= units
    dates = {row.name: due_at(row, demand.lag, now) for row in usable}
    kept = [_changed(one, taken.pop(one.row, 0), demand, dates.get(one.row)) for one in own]
    new = [
        Peg(demand.line, demand.sku, name, units, is_whole=demand.is_whole, due_at=dates[name])
        for name, units in taken.items()
    ]
    return [one for one in kept if one.units] + new


def _changed(one: Peg, quantity: int, demand: Demand, due: datetime | None) -> Peg:
    """A peg with another quantity and date; one of which all has arrived keeps its date."""
    return replace(one, quantity=quantity, is_whole=demand.is_whole, due_at=due if quantity else one.due_at)


def fitted(pegs: Sequence[Peg], backordered: Mapping[str, int], pinned: Mapping[str, int]) -> list[Peg]:
    """The pegs that are left when lines have fewer backordered units than before, by line.

    `pinned` are the units that were pinned for it just now: they use what has arrived. Else the latest promises go first.
    """
    left: list[Peg] = []
    for line in sorted({one.line for one in pegs}):
        of_line = [one for one in pegs if one.line == line]
        excess = sum(one.units for one in of_line) - backordered.get(line, 0)
        served = min(max(0, excess), pinned.get(line, 0))
        left += _lowered(_served(of_line, served), excess - served)
    return left


def _served(pegs: Sequence[Peg], units: int) -> list[Peg]:
    """Pegs without units that were pinned: what has arrived is used first, then what would come last."""
    left, found = units, []
    for one in pegs:
        used = min(left, one.arrived)
        left -= used
        found.append(replace(one, arrived=one.arrived - used))
    return _lowered(found, left)


def _lowered(pegs: Sequence[Peg], excess: int) -> list[Peg]:
    """Pegs without `excess` units: those with the latest date go first, those that have arrived last."""
    left, found = excess, []
    for one in sorted(pegs, key=lambda one: (one.due_at is not None, one.due_at and -one.due_at.timestamp(), one.row)):
        late = min(max(0, left), one.quantity)
        left -= late
        found.append(replace(one, quantity=one.quantity - late))
    for position, one in enumerate(found):
        here = min(max(0, left), one.arrived)
        left -= here
        found[position] = replace(one, arrived=one.arrived - here)
    return [one for one in found if one.units]


def after_turn(left: Iterable[Peg], now: Iterable[Peg], began_with: Iterable[Peg]) -> list[Peg]:
    """The pegs that are `left` of those of `now` when their order's turn is over, without what had arrived when it began. What
    has arrived since is kept for the order's next turn.
    """
    had = {(one.line, one.row): one.arrived for one in began_with}
    since = {(one.line, one.row): max(0, one.arrived - had.get((one.line, one.row), 0)) for one in now}
    kept = (replace(one, arrived=min(one.arrived, since[one.line, one.row])) for one in left)
    return [one for one in kept if one.units]


def take(free: dict[RowName, int], own: Iterable[Peg], given: Iterable[Peg]) -> None:
    """Take what an order has been given, and had not, from what nobody had.

    What it leaves is not free yet: orders that come before it in sequence may want it, and are looked at first.
    """
    had = {one.row: one.quantity for one in own}
    for one in given:
        if one.row in free:
            free[one.row] -= max(0, one.quantity - had.get(one.row, 0))


class Held(NamedTuple):
    """A peg of one dated row, and whose it is."""

    order: str
    line: str
    quantity: int
    arrived: int
    is_whole: bool


def arrive(held: Sequence[Held], units: int, left_open: int) -> list[Held]:
    """The pegs of a dated row, in the sequence of their orders, after `units` arrived and `left_open` are still to come.

    Arrived units go to the pegs in sequence; a peg that can be used only whole waits until it is whole. What is not covered any
    more loses its peg, the last in sequence first. `units` is 0 when an announcement was only changed.
    """
    found = []
    for one in held:
        here = min(units, one.quantity)
        if one.is_whole and here < one.quantity:
            here = 0
        units -= here
        found.append(one._replace(quantity=one.quantity - here, arrived=one.arrived + here))
    excess = sum(one.quantity for one in found) - max(0, left_open)
    for position in range(len(found) - 1, -1, -1):
        one = found[position]
        lost = min(max(0, excess), one.quantity)
        if one.is_whole and lost:
            lost = one.quantity
        excess -= lost
        found[position] = one._replace(quantity=one.quantity - lost)
    return found

"""Decides what a channel's document changes of an order: the difference between what the channel said last and says now.

A document says how an order is wanted, as a whole; what it was sent for does not matter. So one function serves a new order, an
edited one, a cancelled one, a repeated document, and one that a poll found. It compares three states:

`before`  what the channel said last, so far as it was carried out; None = nothing of the order was wanted
`now`     what it says
`held`    by line, the units that we still mean to ship or have shipped; None = the order was never placed here

Rules for a line: fewer units than before cancel what we hold beyond `now`; more units add as many as it has more, but never
more than `now`, since a node may have refused to give units back; the same number changes nothing, so that what we cancelled,
swapped or split ourselves is never undone. A line that is new is added.
Units that had left and that the channel has paid back are recorded as paid, as many more as it says than before; but not those
that are paid back here already, since the channel may have done so because we asked.
Everything else (address, pickup, service, holds) follows the channel where it changes it, and else stays as it is here.

Invariants, for every sequence of documents and of own cancels and swaps:
- Without own cancels, we hold of every line exactly what the channel says.
- With them, we hold at most what it says, and at least that less what we cancelled.
- The same document again changes nothing.
- A step that was carried out is part of `before` (`after`), so a process may stop between two steps.

An item that nobody knows has a line whose units are the channel's, such as cases. When it is known, the line gets its item and
its units (`Identify`). When an item that was known is not known any more, nobody can tell how many units of ours the channel
means: its line stays as it was said before (`as_known_before`).

Prices, payments, notes and dates of a placed order do not follow: they are read when it is placed, and its lines when they are
added. Units that are added to a line cost what the line costs more at the channel than before.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict

from domain.account import Cost
from domain.money import cost_of_first
from domain.new_lines import stem_of, takes_place_of
from domain.order import Address, NewHold, NewLine, NewOrder
from domain.units import Order

UNMAPPED = "unmapped"
"""The hold of an order with an item that nobody knows."""


class PaidBack(BaseModel):
    """What the channel has paid its customer back for units of a line that had left, in all."""

    model_config = ConfigDict(frozen=True)

    units: int = 0
    amount: int = 0
    """Minor units."""


class Stated(BaseModel):
    """How a channel wants an order, so far as a placed order can follow it."""

    model_config = ConfigDict(frozen=True)

    lines: dict[str, NewLine]
    ship_to: Address
    service: str
    pickup_node: str | None = None
    holds: dict[str, NewHold] = {}
    unmapped: dict[str, str] = {}
    """By line: what the channel calls an item that nobody knows."""
    paid_back: dict[str, PaidBack] = {}
    """By line."""

    @classmethod
    def of(cls, order: NewOrder, unmapped: Mapping[str, str], paid_back: Mapping[str, PaidBack]) -> Self:
        """What an order says; `unmapped` is by line what the channel calls items that nobody knows."""
        holds = {hold.hold: hold for hold in order.holds}
        if unmapped:
            holds[UNMAPPED] = NewHold(hold=UNMAPPED)
        return cls(
            lines={line.line: line for line in order.lines},
            ship_to=order.ship_to,
            service=order.service,
            pickup_node=order.pickup_node,
            holds=holds,
            unmapped=dict(unmapped),
            paid_back=dict(paid_back),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Place the order."""


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Cancel every unit: nothing of it is wanted any more."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel units of a line of the channel."""

    line: str
    units: Mapping[str, int]
    """By line of ours. Empty = we hold no more than is wanted, because we cancelled units ourselves."""


@dataclass(frozen=True, slots=True)
class Raise:
    """Add units to a line of the channel."""

    line: str
    quantity: int
    """0 = we hold as many already."""
    cost: Cost
    """What all of them cost."""


@dataclass(frozen=True, slots=True)
class Add:
    """Add lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identify:
    """Give a line the item that it is, which nobody knew."""

    line: str
    quantity: int
    """The units of that item that we hold then."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchange the item of a line."""

    line: str
    quantity: int
    """The units of the line itself; 0 = we have swapped or cancelled them all."""


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Send the unreleased units elsewhere."""


@dataclass(frozen=True, slots=True)
class ChangePickup:
    """Let the customer collect the unreleased units elsewhere, or send them home."""


@dataclass(frozen=True, slots=True)
class ChangeService:
    """Send the unreleased units faster or slower."""


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Place a hold of the channel."""

    hold: str


@dataclass(frozen=True, slots=True)
class TakeOffHold:
    """Take a hold of the channel off."""

    hold: str


@dataclass(frozen=True, slots=True)
class RecordRefund:
    """Record that the channel has paid the customer back for units that had left."""

    units: Mapping[str, int]
    """By line. Empty = all of them are paid back here already."""
    amount: int
    """Minor units, of all these units."""


ChangeOfLine = Cancel | Raise | Add | Identify | Swap
Step = (
    Place
    | CancelAll
    | ChangeOfLine
    | ChangeAddress
    | ChangePickup
    | ChangeService
    | PlaceHold
    | TakeOffHold
    | RecordRefund
)


def difference(
    before: Stated | None,
    now: Stated | None,
    held: Mapping[str, int] | None,
    paid_back: Mapping[str, int] | None = None,
) -> list[Step]:
    """What is to be done, in this sequence: what stops goods first, what lets them go last.

    `paid_back` is by line the units that are paid back here already.

    Lines are cancelled before others are added, so that these can have their stock; but not where that would end the order.
    """
    if held is None:
        return [Place()] if now else []
    if now is None:
        return [CancelAll()] if before else []
    said = before or _nothing_of(now)
    cancels, adds = _cancels(said, now, held), _adds(said, now, held)
    ends_it = sum(sum(step.units.values()) for step in cancels) >= sum(held.values())
    return [
        *(PlaceHold(name) for name in now.holds if name not in said.holds),
        *([*adds, *cancels] if ends_it else [*cancels, *adds]),
        *([ChangePickup()] if said.pickup_node != now.pickup_node else []),
        *([ChangeAddress()] if said.ship_to != now.ship_to else []),
        *([ChangeService()] if said.service != now.service else []),
        *(TakeOffHold(name) for name in said.holds if name not in now.holds),
        *([_refund(said, now, paid_back or {})] if said.paid_back != now.paid_back else []),
    ]


def is_followed(before: Stated | None, now: Stated | None) -> bool:
    """Whether a placed order has nothing to follow between two documents: what differs still, as prices and notes, stays."""
    return not difference(before, now, {})


def followed(before: Stated | None, now: Stated | None) -> Stated | None:
    """What the channel said last once nothing is left to follow: of a line that stays, with the amounts that were carried
    out, so that the next units of it cost what is left to the channel's sum."""
    if before is None or now is None:
        return now
    costs = {name: _ordered_before(line) for name, line in before.lines.items()}
    lines = {name: line.model_copy(update=costs.get(name, {})) for name, line in now.lines.items()}
    return now.model_copy(update={"lines": lines})


def _refund(said: Stated, now: Stated, paid_back: Mapping[str, int]) -> RecordRefund:
    """The units that were paid back since, less those that count as paid back here; with their share of the money."""
    units, amount = dict[str, int](), 0
    for line, paid in now.paid_back.items():
        before = said.paid_back.get(line, PaidBack())
        more = paid.units - before.units
        here = sum(_ours(line, {**said.lines, **now.lines}, paid_back).values())
        unknown = min(more, paid.units - here)
        if unknown > 0:
            units[line] = unknown
            amount += max(0, paid.amount - before.amount) * unknown // more
    return RecordRefund(units, amount)


def _nothing_of(now: Stated) -> Stated:
    """As if the channel had said before what it says now, but had wanted no line."""
    return now.model_copy(update={"lines": {}, "holds": {}, "unmapped": {}, "paid_back": {}})


def _cancels(said: Stated, now: Stated, held: Mapping[str, int]) -> list[Cancel]:
    known = {**said.lines, **now.lines}
    wanted = {line: now.lines[line].quantity if line in now.lines else 0 for line in said.lines}
    return [
        Cancel(line, _beyond(wanted[line], _ours(line, known, held)))
        for line, was in said.lines.items()
        if wanted[line] < was.quantity and not _is_known_now(said, now, line)
    ]


def _is_known_now(said: Stated, now: Stated, line: str) -> bool:
    """Whether nobody knew the item of a line, and somebody does: its quantities do not count the same."""
    return line in said.unmapped and line in now.lines and line not in now.unmapped


def _adds(said: Stated, now: Stated, held: Mapping[str, int]) -> list[ChangeOfLine]:
    steps: list[ChangeOfLine] = []
    for line, wanted in now.lines.items():
        if line in said.lines:
            steps += _follow(said, now, line, held)
        elif line in held:  # it was wanted once, and what could not be cancelled of it is here
            ours = sum(_ours(line, now.lines, held).values())
            steps.append(_raise(None, wanted, max(0, wanted.quantity - ours)))
    new = tuple(line for line in now.lines if line not in said.lines and line not in held)
    return [*steps, *([Add(new)] if new else [])]


def _follow(said: Stated, now: Stated, line: str, held: Mapping[str, int]) -> Iterable[ChangeOfLine]:
    """What is to be done about a line that was wanted before, except to cancel units of it."""
    was, wanted = said.lines[line], now.lines[line]
    if _is_known_now(said, now, line):
        yield Identify(line, wanted.quantity * held.get(line, 0) // was.quantity)
        return
    if was.sku != wanted.sku:
        yield Swap(line, held.get(line, 0))
    if was.quantity < wanted.quantity:
        ours = sum(_ours(line, {**said.lines, **now.lines}, held).values())
        yield _raise(was, wanted, min(wanted.quantity - was.quantity, max(0, wanted.quantity - ours)))


def _raise(was: NewLine | None, wanted: NewLine, quantity: int) -> Raise:
    """All units that a line has more cost what it costs more at the channel, so the line's sum is the channel's to the minor
    unit; of some of them these are the last ones. Where it costs less than before, they cost nothing."""
    before, more = (_cost(was), wanted.quantity - was.quantity) if was else (Cost(), wanted.quantity)
    goods, tax = (max(0, amount) for amount in astuple(_cost(wanted) - before))
    first = more - quantity
    return Raise(
        wanted.line,
        quantity,
        Cost(goods - cost_of_first(first, more, goods), tax - cost_of_first(first, more, tax)),
    )


def _cost(line: NewLine) -> Cost:
    return Cost(line.goods, line.tax)


def _ours(line: str, known: Collection[str], held: Mapping[str, int]) -> dict[str, int]:
    """What we hold of a line of the channel: by line of ours, those included that took the place of its units."""
    return {name: units for name, units in held.items() if units and _origin(name, known) == line}


def _origin(name: str, known: Collection[str]) -> str | None:
    """The line of the channel that a line of ours is, or whose units it took the place of; None = it is our own."""
    while name not in known:
        stem = stem_of(name)
        if stem is None:
            return None
        name = next((line for line in known if takes_place_of(name, line)), stem)
    return name


def _beyond(wanted: int, ours: Mapping[str, int]) -> dict[str, int]:
    """The units beyond those that are wanted: of the line itself first, then of those that took its place."""
    left, units = max(0, sum(ours.values()) - wanted), {}
    for name in sorted(ours, key=lambda name: (len(name), name)):
        units[name] = min(left, ours[name])
        left -= units[name]
    return {name: quantity for name, quantity in units.items() if quantity}


def as_known_before(before: Stated | None, now: Stated) -> tuple[Stated, list[str]]:
    """What a channel says, where lines of an item that is not known any more stay as it said them before; and these lines."""
    said = before or _nothing_of(now)
    lost = [line for line in now.unmapped if line in said.lines and line not in said.unmapped]
    if not lost:
        return now, []
    unmapped = {line: name for line, name in now.unmapped.items() if line not in lost}
    lines = {**now.lines, **{line: said.lines[line] for line in lost}}
    holds = {name: hold for name, hold in now.holds.items() if unmapped or name != UNMAPPED}
    return now.model_copy(update={"lines": lines, "unmapped": unmapped, "holds": holds}), lost


def differs_by_items_only(before: Stated | None, now: Stated | None) -> bool:
    """Whether a channel says the same as before, but for items that nobody knew then and somebody knows now."""
    if before is None or now is None:
        return before is now
    return _without_unknown(before, before.unmapped) == _without_unknown(now, before.unmapped)


def _without_unknown(stated: Stated, lines: Collection[str]) -> Stated:
    update = {
        "lines": _replaced(stated.lines, {}, lines),
        "unmapped": {},
        "holds": _replaced(stated.holds, {}, [UNMAPPED]),
    }
    return stated.model_copy(update=update)


def after(before: Stated | None, now: Stated | None, step: Step) -> Stated | None:
    """What the channel said last so far as it was carried out, when this step is done, or was found impossible."""
    if now is None or isinstance(step, Place | CancelAll):
        return now
    said = before or _nothing_of(now)
    match step:
        case Add(lines):
            return _with_lines(said, now, lines)
        case Cancel(line=line) | Raise(line=line) | Identify(line=line):
            return _with_lines(said, now, [line])
        case Swap(line=line):  # its quantity is a step of its own; until then its units cost what they replace
            swapped = now.lines[line].model_copy(update=_ordered_before(said.lines[line]))
            return said.model_copy(update={"lines": {**said.lines, line: swapped}})
        case ChangeAddress():
            return said.model_copy(update={"ship_to": now.ship_to})
        case ChangePickup():
            return said.model_copy(update={"pickup_node": now.pickup_node})
        case ChangeService():
            return said.model_copy(update={"service": now.service})
        case PlaceHold(name):
            return said.model_copy(update={"holds": _replaced(said.holds, now.holds, [name])})
        case RecordRefund():
            return said.model_copy(update={"paid_back": now.paid_back})
        case TakeOffHold(name):
            return said.model_copy(update={"holds": _replaced(said.holds, {}, [name])})


def _ordered_before(line: NewLine) -> dict[str, int]:
    """The quantity of a line, and what it costs."""
    return line.model_dump(include={"quantity", "unit_price", "discount", "tax"})


def _with_lines(said: Stated, now: Stated, lines: Collection[str]) -> Stated:
    return said.model_copy(
        update={
            "lines": _replaced(said.lines, now.lines, lines),
            "unmapped": _replaced(said.unmapped, now.unmapped, lines),
        }
    )


Value = TypeVar("Value")


def _replaced(known: Mapping[str, Value], news: Mapping[str, Value], names: Collection[str]) -> dict[str, Value]:
    """`known`, where these names have what they have in `news`, also where that is nothing."""
    kept = {name: value for name, value in known.items() if name not in names}
    return kept | {name: news[name] for name in names if name in news}


def still_wanted(order: Order) -> dict[str, int]:
    """By line of an order: units that were neither cancelled nor asked back from their node."""
    asked_back = Counter[str]()
    for fo in order.living():
        asked_back.update({line: fo_line.cancel_wanted for line, fo_line in fo.lines.items()})
    return {name: line.ordered - line.cancelled - asked_back[name] for name, line in order.lines.items()}

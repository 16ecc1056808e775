"""Decides what may be returned and what happens to it: the units of a return, their grades and dispositions.

A return keeps sums: how many units came back, and how many were graded, in lots of one node, condition and disposition.
Everything else is computed from the sums, so the same messages in any order end in the same counts. A receipt is always a fact:
units that arrive after their return was cancelled, declined or expired count as returned.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.stock import Movement, MovementKind, StockState
from domain.text import FreeText, Identifier, Label, MessageId, Moment, Money, NodeId, Strict, Units

COMES_BACK_WITHIN = timedelta(days=30)
"""How long a return waits for its parcel before it expires, from its authorization and again from when it was sent."""

REMINDERS_BEFORE = (timedelta(days=14), timedelta(days=3))
"""How long before a return expires its channel is reminded that no units have arrived."""


class ReturnStatus(StrEnum):
    """How far a return is; derived from what was received, graded and settled."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    EXPIRED = "expired"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    GRADED = "graded"
    DISPOSED = "disposed"
    SETTLED = "settled"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether no more units are expected; only goods that arrive after all change that."""
        return self in (ReturnStatus.CLOSED, ReturnStatus.CANCELLED, ReturnStatus.DECLINED, ReturnStatus.EXPIRED)


class Condition(StrEnum):
    """What a unit looks like when it comes back."""

    AS_NEW = "as_new"
    USED = "used"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"


class Disposition(StrEnum):
    """Where a returned unit goes; only restocking makes it sellable again."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    QUARANTINE = "quarantine"
    VENDOR = "vendor"
    SCRAP = "scrap"
    MISSING = "missing"


class RefundOn(StrEnum):
    """When the customer is paid back."""

    SHIPPING = "shipping"
    RECEIPT = "receipt"
    GRADING = "grading"
    NONE_NEEDED = "none_needed"
    """When the return is authorized; the customer need not send anything."""


class ReturnMessageKind(StrEnum):
    """The kinds of messages about a return."""

    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    GRADED = "graded"
    SETTLED = "settled"


class ReturnMessageLine(Strict):
    """Units of one line of a return. When graded, with their condition, and a disposition if it differs from the policy's."""

    line: Identifier
    quantity: Units
    condition: Condition | None = None
    disposition: Disposition | None = None


class ReturnMessage(Strict):
    """A fact about a return (`POST /returns/{return}/messages`)."""

    message_id: MessageId
    kind: ReturnMessageKind
    occurred_at: Moment
    node: NodeId | None = None
    lines: tuple[ReturnMessageLine, ...] | None = Field(default=None, max_length=2000)
    refund: Identifier | None = None
    """Which refund was settled; None = all that were requested."""
    amount: Money | None = None
    """What the customer got; None = the amount that was requested."""
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _has_money_only_when_settled(self) -> Self:
        for name in ("refund", "amount"):
            if getattr(self, name) is not None and self.kind is not ReturnMessageKind.SETTLED:
                raise ValueError(f"{name}: only a message of kind settled has it")
        return self

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind in (ReturnMessageKind.RECEIVED, ReturnMessageKind.GRADED) and self.node is None:
            raise ValueError(f"node: {self.kind} needs the node where it happened")
        if self.kind is ReturnMessageKind.GRADED:
            for index, line in enumerate(self.lines or ()):
                if line.condition is None:
                    raise ValueError(f"lines.{index}: graded units have a condition")
            if not self.lines:
                raise ValueError("lines: graded needs the units with their condition")
        return self


class NewDisposition(Strict):
    """Units of one line whose disposition a person changes; `node` is needed if the units are at several nodes."""

    model_config = ConfigDict(serialize_by_alias=True)

    line: Identifier
    quantity: Units
    from_: Disposition = Field(alias="from")
    to: Disposition
    node: NodeId | None = None


class DispositionRequest(Strict):
    """The body of `POST /returns/{return}/dispositions`."""

    lines: tuple[NewDisposition, ...] = Field(min_length=1, max_length=2000)
    reason: FreeText | None = None
    actor: Label | None = None


class ReturnDecision(Strict):
    """Who decides about a whole return, and why: the body of its `/approve`, `/decline` and `/cancel`."""

    reason: FreeText | None = None
    actor: Label | None = None


class ReturnLot(BaseModel):
    """Units of a line that were graded alike at one node."""

    model_config = ConfigDict(frozen=True)

    node: str
    condition: Condition
    disposition: Disposition
    quantity: int


class ReturnLineState(BaseModel):
    """One line of a return: units announced, units reported as received, and units graded."""

    line: str
    sku: str
    quantity: int
    told_received: int = 0
    exchange_for: str | None = None
    """The SKU that the customer gets instead, in an exchange; None = the same SKU."""
    refund_on: RefundOn = RefundOn.GRADING
    refunded: int = 0
    """Units that were paid back, or are being paid back, because of this return."""
    lots: tuple[ReturnLot, ...] = ()

    @property
    def graded(self) -> int:
        """Units whose condition was reported."""
        return sum(lot.quantity for lot in self.lots)

    @property
    def received(self) -> int:
        """Units that came back: as reported, but at least the graded ones, because graded units have arrived."""
        return max(self.told_received, self.graded)

    @property
    def wrong(self) -> int:
        """Units that arrived for this line and are another item."""
        return sum(lot.quantity for lot in self.lots if lot.condition is Condition.WRONG_ITEM)

    @property
    def returned(self) -> int:
        """Units of the line itself that came back, up to what was announced."""
        return min(self.received - self.wrong, self.quantity)

    @property
    def surplus(self) -> int:
        """Units that came back beyond what was announced."""
        return self.received - self.wrong - self.returned


class ReturnState(BaseModel):
    """A return at one version, as its workflow keeps it; without free text."""

    return_: str = Field(alias="return")
    order: str
    version: int
    status: ReturnStatus
    resolution: str
    node: str | None = None
    """The node that it should go to; None = any node that the customer chooses."""
    is_authorized: bool = True
    is_declined: bool = False
    is_sent: bool = False
    expires_at: AwareDatetime
    reminders: int = 0
    """How many reminders its channel got since the last report about the parcel."""
    is_stuck: bool = False
    """Whether a step of it, or of its order, is said to fail again and again."""
    lines: list[ReturnLineState] = []

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @property
    def waits_for_its_parcel(self) -> bool:
        """Whether units are expected and none have arrived."""
        return self.status in (ReturnStatus.AUTHORIZED, ReturnStatus.IN_TRANSIT)

    @property
    def is_graded(self) -> bool:
        """Whether everything that came back was graded."""
        return all(line.graded >= line.received for line in self.lines)

    @property
    def next_check_at(self) -> datetime:
        """When the next reminder is due, or the return expires."""
        return min((self.expires_at - before for before in REMINDERS_BEFORE[self.reminders :]), default=self.expires_at)

    @property
    def wakes_at(self) -> datetime | None:
        """When it goes on although nothing is reported; None = it waits for a report, or for a person."""
        return self.next_check_at if self.waits_for_its_parcel else None

    def reminders_due(self, at: datetime) -> int:
        """How many reminders its channel should have got by then."""
        return max(self.reminders, sum(self.expires_at - before <= at for before in REMINDERS_BEFORE))


@dataclass(frozen=True, slots=True)
class Applied:
    """The lines of a return after a message, and what of the message did not fit."""

    lines: tuple[ReturnLineState, ...]
    mismatches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line of an order, with what a return needs to know of it."""

    sku: str
    window: timedelta | None
    """How long after delivery the line may be returned; None = it was a final sale."""
    unpaid: int
    """Shipped units that were not paid back, and that no return or exchange is about to pay back."""
    deliveries: tuple[tuple[datetime, int], ...] = ()
    """When units were delivered, and how many."""
    in_returns: int = 0
    """Units that came back, or are in a return which is not over."""
    terms: Mapping[str, Any] | None = None
    """The terms of return that it was ordered on, but for the window; None = it was ordered before they were kept."""
    was_declined: bool = False
    """Whether a person has declined a return of its units."""

    def returnable(self, at: datetime) -> int:
        """Units that may still be returned at this instant: delivered within the window, in no return, and not paid back.

        Units in returns count as those that were delivered first.
        """
        if self.window is None:
            return 0
        delivered = sum(units for _, units in self.deliveries)
        in_time = sum(units for delivered_at, units in self.deliveries if at <= delivered_at + self.window)
        return max(0, min(delivered - self.in_returns, in_time, self.unpaid))


def refusal(sold: Mapping[str, SoldLine], requested: Mapping[str, int], at: datetime) -> str | None:
    """Why these units cannot be returned; None = they can."""
    for name, quantity in requested.items():
        line = sold.get(name)
        if line is None:
            return f"the order has no line {name}"
        if line.window is None:
            return f"line {name} was a final sale"
        if quantity <= line.returnable(at):
            continue
        room = max(0, sum(units for _, units in line.deliveries) - line.in_returns)
        if quantity <= min(room, line.unpaid):
            return f"line {name}: the return window is over"
        if quantity <= room:
            return f"line {name}: {quantity} requested, {max(0, line.unpaid)} not paid back already"
        return f"line {name}: {quantity} requested, {room} delivered and not in a return already"
    return None


def apply_message(state: ReturnState, message: ReturnMessage, dispositions: Mapping[Condition, Disposition]) -> Applied:
    """Add a message to a return. It is a fact and never fails; `mismatches` names what does not fit.

    `dispositions` apply to units of a condition where the message names no disposition.
    """
    by_line = {line.line: line for line in state.lines}
    mismatches = _untimely(state, message)
    for reported in _reported_lines(state.lines, message):
        known = by_line.get(reported.line)
        if known is None:
            mismatches.append(f"line {reported.line} is not in it")
            continue
        by_line[reported.line] = after = _with(known, message, reported, dispositions)
        mismatches += _beyond(known, after)
    return Applied(tuple(by_line[line.line] for line in state.lines), tuple(mismatches))


def _untimely(state: ReturnState, message: ReturnMessage) -> list[str]:
    """Goods may arrive after their return was cancelled, declined or expired; a person must know then."""
    came = message.kind in (ReturnMessageKind.RECEIVED, ReturnMessageKind.GRADED)
    given_up = state.status.is_over and state.status is not ReturnStatus.CLOSED
    return [f"it was {state.status}"] if came and given_up else []


def _reported_lines(lines: Sequence[ReturnLineState], message: ReturnMessage) -> Sequence[ReturnMessageLine]:
    if message.kind in (ReturnMessageKind.SETTLED, ReturnMessageKind.IN_TRANSIT):
        return ()
    if message.lines is not None:
        return message.lines
    return [
        ReturnMessageLine(line=line.line, quantity=line.quantity - line.received)
        for line in lines
        if line.quantity > line.received
    ]


def _with(
    known: ReturnLineState,
    message: ReturnMessage,
    reported: ReturnMessageLine,
    dispositions: Mapping[Condition, Disposition],
) -> ReturnLineState:
    if message.kind is ReturnMessageKind.RECEIVED:
        return known.model_copy(update={"told_received": known.told_received + reported.quantity})
    condition = reported.condition or Condition.USED
    disposition = reported.disposition or dispositions[condition]
    lot = ReturnLot(node=message.node or "", condition=condition, disposition=disposition, quantity=reported.quantity)
    return _put(known, [lot])


def _beyond(before: ReturnLineState, after: ReturnLineState) -> list[str]:
    more, wrong = after.surplus - before.surplus, after.wrong - before.wrong
    found = [f"line {after.line}: {more} more than it expects"] if more > 0 else []
    return found + ([f"line {after.line}: {wrong} of another item"] if wrong > 0 else [])


class _Place(NamedTuple):
    """What the units of a lot have in common."""

    node: str
    condition: Condition
    disposition: Disposition


def _put(line: ReturnLineState, changes: Iterable[ReturnLot]) -> ReturnLineState:
    """The line with units added to its lots, or (below 0) removed."""
    units: dict[_Place, int] = {}
    for lot in (*line.lots, *changes):
        place = _Place(lot.node, lot.condition, lot.disposition)
        units[place] = units.get(place, 0) + lot.quantity
    lots = tuple(ReturnLot(**place._asdict(), quantity=n) for place, n in sorted(units.items()) if n)
    return line.model_copy(update={"lots": lots})


@dataclass(frozen=True, slots=True)
class Disposed:
    """The lines of a return after a change of dispositions, or why the change was refused."""

    lines: tuple[ReturnLineState, ...]
    refused: str | None = None


def dispose(lines: Sequence[ReturnLineState], changes: Iterable[NewDisposition]) -> Disposed:
    """Change the dispositions of graded units: all of the changes or none."""
    by_line = {line.line: line for line in lines}
    for change in changes:
        known = by_line.get(change.line)
        refused = "is not in it" if known is None else _irrevocable(change)
        taken = _take(known, change) if known and not refused else []
        if not refused and sum(lot.quantity for lot in taken) < change.quantity:
            refused = f"fewer than {change.quantity} units are {change.from_}" + _at(change)
        if known is None or refused:
            return Disposed(tuple(lines), f"line {change.line}: {refused}")
        given = [lot.model_copy(update={"disposition": change.to}) for lot in taken]
        by_line[change.line] = _put(
            known, [*(lot.model_copy(update={"quantity": -lot.quantity}) for lot in taken), *given]
        )
    return Disposed(tuple(by_line[line.line] for line in lines))


def _irrevocable(change: NewDisposition) -> str | None:
    gone = change.from_ in (Disposition.VENDOR, Disposition.SCRAP)
    return f"what went to {change.from_} has left the node" if gone else None


def _at(change: NewDisposition) -> str:
    return f" at {change.node}" if change.node else ""


def _take(line: ReturnLineState, change: NewDisposition) -> list[ReturnLot]:
    """The units of the lots that a change names, up to its quantity."""
    taken: list[ReturnLot] = []
    left = change.quantity
    for lot in line.lots:
        if lot.disposition is change.from_ and change.node in (None, lot.node) and left:
            taken.append(lot.model_copy(update={"quantity": min(left, lot.quantity)}))
            left -= taken[-1].quantity
    return taken


_STATES: Mapping[Disposition, StockState] = {
    Disposition.QUARANTINE: StockState.QUARANTINED,
    Disposition.REFURBISH: StockState.REFURBISHING,
}
"""Dispositions that keep units at their node unsold, and the stock state of these units."""


def movements(
    name: str, before: Sequence[ReturnLineState], after: Sequence[ReturnLineState]
) -> list[tuple[str, Movement]]:
    """The stock movements of a change of lots, each with the SKU that was ordered; units of another item move no stock."""
    found: list[tuple[str, Movement]] = []
    for old, new in zip(before, after, strict=True):
        taken = [lot.model_copy(update={"quantity": -lot.quantity}) for lot in old.lots]
        changed = _put(new, taken)
        found += [(new.sku, moved) for lot in changed.lots if (moved := _movement(name, new, lot))]
    return found


def _movement(name: str, line: ReturnLineState, lot: ReturnLot) -> Movement | None:
    state = _STATES.get(lot.disposition)
    stays = state is not None or lot.disposition is Disposition.RESTOCK
    if not stays or lot.condition is Condition.WRONG_ITEM:
        return None
    return Movement(
        MovementKind.RESTOCKED,
        lot.node,
        line.sku,
        on_hand=lot.quantity,
        set_aside=lot.quantity if state else 0,
        state=state,
        reference=f"{name}:{line.line}:{lot.condition}:{lot.disposition}",
    )

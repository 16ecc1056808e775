"""Decides what may come back and what becomes of it: the units of a return, their grades and dispositions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.text import FreeText, Identifier, MessageId, Moment, NodeId, Units

COMES_BACK_WITHIN = timedelta(days=30)
"""How long an authorized return waits for its parcel before it expires."""


class ReturnStatus(StrEnum):
    """How far a return is (DESIGN §5); derived from what was received, graded and settled."""

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


class Condition(StrEnum):
    """What a unit looks like when it comes back."""

    AS_NEW = "as_new"
    USED = "used"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"


class Disposition(StrEnum):
    """What becomes of a unit that came back; only restocking makes it sellable again."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    QUARANTINE = "quarantine"
    VENDOR = "vendor"
    SCRAP = "scrap"
    MISSING = "missing"


class ReturnMessageKind(StrEnum):
    """What can be said about a return."""

    RECEIVED = "received"
    GRADED = "graded"
    SETTLED = "settled"


class ReturnMessageLine(BaseModel):
    """Units of one line of a return; when graded, with their condition and what becomes of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: Identifier
    quantity: Units
    condition: Condition | None = None
    disposition: Disposition | None = None


class ReturnMessage(BaseModel):
    """A fact about a return (CONTRACT §3, `POST /returns/{return}/messages`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_id: MessageId
    kind: ReturnMessageKind
    occurred_at: Moment
    node: NodeId | None = None
    lines: tuple[ReturnMessageLine, ...] | None = Field(default=None, max_length=2000)
    reason: FreeText | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if self.kind is not ReturnMessageKind.SETTLED and self.node is None:
            raise ValueError(f"node: {self.kind} needs the node where it happened")
        if self.kind is ReturnMessageKind.GRADED:
            for index, line in enumerate(self.lines or ()):
                if line.condition is None or line.disposition is None:
                    raise ValueError(f"lines.{index}: graded units have a condition and a disposition")
            if not self.lines:
                raise ValueError("lines: graded needs the units with their condition and disposition")
        return self


class ReturnState(BaseModel):
    """A return at one version, as its workflow keeps it; without free text."""

    return_: str = Field(alias="return")
    order: str
    version: int
    status: ReturnStatus
    resolution: str
    expires_at: AwareDatetime
    lines: list["ReturnLineState"] = []

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class ReturnLineState(BaseModel):
    """One line of a return: what was announced, what came back and what became of it."""

    line: str
    sku: str
    quantity: int
    received: int = 0
    """At least what was graded: nobody grades what has not come back."""
    graded: int = 0
    told_received: int = 0
    condition: Condition | None = None
    disposition: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message adds to the lines of a return, and in which respects it did not fit."""

    lines: tuple[ReturnLineState, ...]
    restocked: Mapping[str, int]
    """Units per line that are sellable again."""
    misfits: tuple[str, ...] = ()


def returnable(delivered: Mapping[str, int], in_returns: Mapping[str, int]) -> dict[str, int]:
    """Units per line that may still be returned: delivered, and not in a return already."""
    return {line: max(0, quantity - in_returns.get(line, 0)) for line, quantity in delivered.items()}


def hear(lines: Sequence[ReturnLineState], message: ReturnMessage) -> Heard:
    """Take a message about a return as fact. Never fails; what does not fit is named in `misfits`."""
    by_line = {line.line: line for line in lines}
    restocked: dict[str, int] = {}
    misfits: list[str] = []
    for told in _told(lines, message):
        known = by_line.get(told.line)
        if known is None:
            misfits.append(f"line {told.line} is not in it")
            continue
        counted = known.told_received if message.kind is ReturnMessageKind.RECEIVED else known.graded
        room = known.quantity - counted
        taken = min(told.quantity, room)
        if taken < told.quantity:
            misfits.append(f"line {told.line}: {told.quantity - taken} more than it expects")
        by_line[told.line] = _with(known, message.kind, told, taken)
        if told.disposition is Disposition.RESTOCK and message.kind is ReturnMessageKind.GRADED:
            restocked[told.line] = restocked.get(told.line, 0) + taken
    return Heard(tuple(by_line[line.line] for line in lines), restocked, tuple(misfits))


def _told(lines: Sequence[ReturnLineState], message: ReturnMessage) -> Sequence[ReturnMessageLine]:
    if message.kind is ReturnMessageKind.SETTLED:
        return ()
    if message.lines is not None:
        return message.lines
    return [
        ReturnMessageLine(line=line.line, quantity=line.quantity - line.received)
        for line in lines
        if line.quantity > line.received
    ]


def _with(known: ReturnLineState, kind: ReturnMessageKind, told: ReturnMessageLine, taken: int) -> ReturnLineState:
    """What was graded has come back, so news in the wrong order end in the same counts."""
    if not taken:
        return known
    if kind is ReturnMessageKind.RECEIVED:
        told_received = known.told_received + taken
        return known.model_copy(update={"told_received": told_received, "received": max(told_received, known.graded)})
    graded = known.graded + taken
    update = {"graded": graded, "received": max(known.told_received, graded)}
    return known.model_copy(update=update | {"condition": told.condition, "disposition": told.disposition})

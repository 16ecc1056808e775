"""What is personal of an order beside its address, sealed as one: who pays, a note, gift messages, the channel's own texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.sealing import Key
from domain.order import NewLine, NewOrder
from domain.request import LinesRequest


@dataclass(frozen=True, slots=True)
class LineDetails:
    """What is personal of a line."""

    gift_message: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Details:
    """What is personal of an order beside its address; nothing of it is left when the order was forgotten."""

    bill_to: Mapping[str, Any] | None = None
    note: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, LineDetails] = field(default_factory=dict)
    """Those lines that have something of their own."""

    def line(self, line: str) -> LineDetails:
        """What a line has of its own."""
        return self.lines.get(line, LineDetails())


def seal(key: Key, order: NewOrder) -> bytes | None:
    """The details of a new order, sealed; None when it has none."""
    own = order.model_dump(mode="json", include={"bill_to", "note", "attributes"}, exclude_defaults=True)
    if of_lines := _of_lines(order.lines):
        own["lines"] = of_lines
    return key.seal("details", own) if own else None


def _of_lines(lines: Sequence[NewLine]) -> dict[str, dict[str, Any]]:
    own = {line.line: line.model_dump(include={"gift_message", "attributes"}, exclude_defaults=True) for line in lines}
    return {name: details for name, details in own.items() if details}


async def keep(connection: WriteConnection, request: int, order: str, lines: Sequence[NewLine]) -> None:
    """Store what is personal of the lines that a request adds. Does nothing for a forgotten order or a repeated request."""
    own = _of_lines(lines)
    key = await personal.key_of(connection, order) if own else None
    if key is not None:
        sealed = key.seal("details", {"lines": own})
        await connection.execute(KEEP, {"request": request, "order": order, "details": sealed})


KEEP = text(
    """
    INSERT INTO personal.new_details (request_id, order_id, details)
    SELECT :request, owner, :details FROM personal.key WHERE owner = :order FOR KEY SHARE
    ON CONFLICT DO NOTHING
    """
)
"""The key row is locked: when another transaction is forgetting the order, this waits for it and then stores nothing."""


async def asked_for(connection: ReadConnection, order: str, request: int) -> Details:
    """What is personal of the lines that a request adds."""
    sealed = (await connection.execute(ASKED_FOR, {"request": request})).scalar()
    return unseal(await personal.key_of(connection, order), sealed)


ASKED_FOR = text("SELECT details FROM personal.new_details WHERE request_id = :request")


def completed(body: LinesRequest, own: Details) -> LinesRequest:
    """A request with what is personal of its lines, which was stored apart."""
    lines = [line.model_copy(update=asdict(own.line(line.line))) for line in body.lines]
    return body.model_copy(update={"lines": tuple(lines)})


async def add(connection: WriteConnection, order: str, known: Details, lines: Sequence[NewLine]) -> None:
    """Store what is personal of lines that are new, or have an item now, of an order with these details, under its lock."""
    own = _of_lines(lines)
    key = await personal.key_of(connection, order) if own else None
    if key is None:
        return
    whole = {name: value for name, value in asdict(known).items() if value}
    whole["lines"] = {**whole.get("lines", {}), **own}
    await connection.execute(REPLACE, {"order": order, "details": key.seal("details", whole)})


REPLACE = text("UPDATE personal.recipient SET details = :details WHERE order_id = :order")


def unseal(key: Key | None, sealed: bytes | None) -> Details:
    """The details of an order from its row in `personal.recipient`; `key` = None when it was forgotten."""
    known = personal.unseal(key, "details", sealed) or {}
    return Details(
        known.get("bill_to"),
        known.get("note"),
        known.get("attributes", {}),
        {
            line: LineDetails(own.get("gift_message"), own.get("attributes", {}))
            for line, own in known.get("lines", {}).items()
        },
    )

"""What is personal of an order beside its address, sealed as one: who pays, a note, gift messages, the channel's own texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from database import personal
from database.sealing import Key
from domain.order import NewOrder


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
    lines = {
        line.line: line.model_dump(include={"gift_message", "attributes"}, exclude_defaults=True)
        for line in order.lines
    }
    if with_details := {line: details for line, details in lines.items() if details}:
        own["lines"] = with_details
    return key.seal("details", own) if own else None


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

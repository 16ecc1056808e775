"""Decides what may be claimed without a return: units that were missing, wrong, damaged or lost."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from domain.fulfillment import Quantity
from domain.order import Address
from domain.text import FreeText, Label, MessageId, Moment, Money, NodeId, Strict


class ClaimKind(StrEnum):
    """What was wrong with the units."""

    MISSING = "missing"
    WRONG = "wrong"
    DAMAGED = "damaged"
    LOST = "lost"


class ClaimResolution(StrEnum):
    """What the customer gets for them."""

    REFUND = "refund"
    REPLACEMENT = "replacement"


class ClaimRequest(Strict):
    """The body of `POST /orders/{order}/claims`; `evidence` is what the carrier or the customer provided, as data. With
    `pickup_node` or `ship_to`, a replacement goes there, and not the way that the order went."""

    lines: tuple[Quantity, ...] = Field(min_length=1, max_length=2000)
    kind: ClaimKind
    resolution: ClaimResolution = ClaimResolution.REFUND
    pickup_node: NodeId | None = None
    """Where the customer collects a replacement; None = as they got the order."""
    ship_to: Address | None = None
    """Where a replacement is sent; None = the order's address."""
    evidence: dict[str, Any] | None = None
    reason: FreeText | None = None
    actor: Label | None = None

    def without_effect(self) -> str | None:
        """A field that changes nothing, because it is about a replacement and the customer gets none; None = no such field."""
        named = [name for name in ("pickup_node", "ship_to") if getattr(self, name) is not None]
        return next(iter(named), None) if self.resolution is ClaimResolution.REFUND else None


class ClaimMessage(Strict):
    """A fact about a claim: the customer was paid (`POST /claims/{claim}/messages`)."""

    message_id: MessageId
    kind: Literal["settled"]
    occurred_at: Moment
    amount: Money | None = None
    """What the customer got; None = the amount that was requested."""
    reason: FreeText | None = None


def refusal(requested: Mapping[str, int], shipped: Mapping[str, int], paid_back: Mapping[str, int]) -> str | None:
    """Why these units cannot be claimed; None = they can. They must have shipped, and not be paid back already."""
    for line, quantity in requested.items():
        if line not in shipped:
            return f"the order has no line {line}"
        room = shipped[line] - paid_back.get(line, 0)
        if quantity > room:
            return f"line {line}: {quantity} claimed, {max(0, room)} shipped and not paid back already"
    return None

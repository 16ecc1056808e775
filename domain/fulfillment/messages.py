"""The messages that a node sends about a fulfillment order."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.text import FreeText, Identifier, Label, MessageId, Moment, Strict, Units

PackageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,64}(#[0-9]{1,4})?$")]
"""A node's id of a parcel; `#2` behind it tells it from another parcel that the node gave the same id."""


class MessageKind(StrEnum):
    """The kinds of messages about a fulfillment order."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PICKED = "picked"
    READY_FOR_PICKUP = "ready_for_pickup"
    SHIPPED = "shipped"
    COLLECTED = "collected"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    CANCEL_ACCEPTED = "cancel_accepted"
    CANCEL_REJECTED = "cancel_rejected"


class Quantity(Strict):
    """Some units of one order line."""

    line: Identifier
    quantity: Units


class Package(Strict):
    """A parcel that left a node, with the carrier's tracking number."""

    package: PackageName
    carrier: Label | None = None
    tracking: Label | None = None
    lines: tuple[Quantity, ...] = Field(default=(), max_length=2000)


class NodeMessage(Strict):
    """A fact that a node reports about one fulfillment order; quantities add to earlier ones."""

    message_id: MessageId
    kind: MessageKind
    occurred_at: Moment
    lines: tuple[Quantity, ...] | None = Field(default=None, max_length=2000)
    packages: tuple[Package, ...] = Field(default=(), max_length=2000)
    reason: FreeText | None = None
    final: bool = Field(default=False, strict=True)

"""The messages that a node sends about a fulfillment order."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.text import FreeText, Identifier, Label, MessageId, Moment, Units

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


class Quantity(BaseModel):
    """Some units of one order line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: Identifier
    quantity: Units


class Package(BaseModel):
    """A parcel that left a node, with the carrier's tracking number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: PackageName
    carrier: Label | None = None
    tracking: Label | None = None
    lines: tuple[Quantity, ...] = Field(default=(), max_length=2000)


class NodeMessage(BaseModel):
    """A fact that a node reports about one fulfillment order; quantities add to earlier ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_id: MessageId
    kind: MessageKind
    occurred_at: Moment
    lines: tuple[Quantity, ...] | None = Field(default=None, max_length=2000)
    packages: tuple[Package, ...] = Field(default=(), max_length=2000)
    reason: FreeText | None = None
    final: bool = Field(default=False, strict=True)

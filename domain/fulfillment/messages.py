"""The messages that a node sends about a fulfillment order."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

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
    VOID = "void"


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
    package: PackageName | None = None
    reason: FreeText | None = None
    final: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _a_void_names_its_parcel_and_nothing_else(self) -> Self:
        if self.kind is not MessageKind.VOID:
            if self.package is not None:
                raise ValueError("package: is only for void; name parcels in packages")
            return self
        if self.package is None:
            raise ValueError("package: is needed: the parcel that did not leave")
        for field, is_there in (("lines", self.lines is not None), ("packages", self.packages), ("final", self.final)):
            if is_there:
                raise ValueError(f"{field}: has no effect with void; all that is in the package is taken back")
        return self

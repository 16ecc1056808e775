"""What a stop-sale is: a SKU is not sold, everywhere or at one node, until the stop-sale is lifted."""

from datetime import datetime

from pydantic import BaseModel

from domain.text import FreeText, Label, NodeId, Strict


class StopRequest(Strict):
    """The body of `POST /stock/{sku}/stop` and `/resume`; without a node it means everywhere."""

    node: NodeId | None = None
    reason: FreeText | None = None
    actor: Label | None = None


class PinnedUnits(BaseModel):
    """Units of the SKU that are pinned at a node for an order."""

    order: str
    node: str
    quantity: int


class AllocatedUnits(PinnedUnits):
    """Units of the SKU allocated to a fulfillment order, or in doubt at the node after its attempt was given up."""

    fulfillment_order: str


class Touched(BaseModel):
    """What a stop-sale affects. It changes none of this: units promised before still ship."""

    available: int
    """Units that could be sold without the stop-sale."""
    reserved: list[PinnedUnits]
    allocated: list[AllocatedUnits]
    carts: int
    """Units in carts that have not expired."""
    backordered: int
    """Ordered units that wait for the SKU, or for a bundle that it is part of."""
    more: bool
    """Whether there is more than the two lists show."""


class Stopped(BaseModel):
    """An active stop-sale, and what it affects."""

    sku: str
    node: str | None
    since: datetime
    touches: Touched


class StandingStop(BaseModel):
    """An active stop-sale of a SKU: where, and since when; no node = everywhere."""

    node: str | None
    since: datetime


class Resumed(BaseModel):
    """A stop-sale that was lifted, and the others of the same SKU that are still active."""

    sku: str
    node: str | None
    since: datetime
    lifted_at: datetime
    standing: list[StandingStop]

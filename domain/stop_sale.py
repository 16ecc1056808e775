"""What a stop-sale is: nothing of a SKU is sold, everywhere or at one node, until somebody lifts it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.text import FreeText, Label, NodeId


class StopRequest(BaseModel):
    """The body of `POST /stock/{sku}/stop` and `/resume`; without a node it means everywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: NodeId | None = None
    reason: FreeText | None = None
    actor: Label | None = None


class PinnedUnits(BaseModel):
    """Units of the SKU that are pinned at a node for an order."""

    order: str
    node: str
    quantity: int


class AllocatedUnits(PinnedUnits):
    """Units of the SKU that a node has promised to a fulfillment order, or may still have for one that was given up."""

    fulfillment_order: str


class Touched(BaseModel):
    """What a stop-sale touches. Nothing of it is changed: what is promised already still ships."""

    available: int
    """Units that could be sold, were it not stopped."""
    reserved: list[PinnedUnits]
    allocated: list[AllocatedUnits]
    carts: int
    """Units in carts whose time is not over."""
    backordered: int
    """Ordered units that wait for the SKU, or for a bundle that it is part of."""
    more: bool
    """Whether there is more than the two lists show."""


class Stopped(BaseModel):
    """A stop-sale that stands, and what it touches."""

    sku: str
    node: str | None
    since: datetime
    touches: Touched


class StandingStop(BaseModel):
    """Where nothing of a SKU is sold, and since when; no node = everywhere."""

    node: str | None
    since: datetime


class Resumed(BaseModel):
    """A stop-sale that was lifted, and the others of the same SKU, which still stand."""

    sku: str
    node: str | None
    since: datetime
    lifted_at: datetime
    standing: list[StandingStop]

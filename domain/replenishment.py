"""What can be asked of replenishment, and the answer: which needs are taken, and the transfers that they became."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.text import FreeText, Label, NodeId, Sku, Strict

SKUS_MAX = 1_000
"""Items that one request may name."""


class TakeRequest(Strict):
    """The body of `POST /needs/take`: the needs that are taken as transfers."""

    node: NodeId | None = None
    """Only those of this node."""
    skus: Annotated[tuple[Sku, ...], Field(min_length=1, max_length=SKUS_MAX)] | None = None
    """Only those of these items."""
    reason: FreeText | None = None
    actor: Label | None = None


class _Answer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class TakenUnits(_Answer):
    """A line of a transfer that a need was taken as."""

    line: str
    """The line's id in its transfer."""
    sku: str
    quantity: int
    """Units."""


class TakenTransfer(_Answer):
    """A transfer that needs were taken as."""

    transfer: str
    """Its name: the node that it goes to, and a number."""
    order: str
    """The id of the order that it is."""
    from_node: str = Field(alias="from")
    """The node that ships it."""
    to_node: str = Field(alias="to")
    """The node that it goes to."""
    lines: list[TakenUnits]
    """What moves, by SKU."""


class Taken(_Answer):
    """The transfers that needs were taken as."""

    transfers: list[TakenTransfer]
    """One for each source, destination and service; empty when there was nothing to take."""
    more: bool
    """Whether needs are left that the same request would take: it takes some hundreds at once."""

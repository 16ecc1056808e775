"""The document that answers why a node does not ship: what would have had to be different."""

from database.documents.document import Document, LineUnits
from database.documents.sourcing import ConsideredLine
from domain.sourcing.what_if import ChangeKind


class ImaginedShipment(Document):
    """What one node would ship."""

    node: str
    lines: list[LineUnits]
    cost: int
    """Minor units of the policy's currency."""
    days: int | None
    """Days in transit; null when nobody knows."""


class ImaginedPlan(Document):
    """A plan that would be made."""

    strategy: str
    """The strategy that would decide."""
    tier: int | None
    """The tier that would fill it, from 1; null when nothing is filled, or the order named the node."""
    shipments: list[ImaginedShipment]
    unfilled: list[LineUnits]
    """Units that no node would fill."""
    cost: int
    """Of all shipments, in minor units of the policy's currency."""


class ChangedUnits(Document):
    """Units of a stocked SKU."""

    sku: str
    quantity: int
    """Units."""


class WhatIf(Document):
    """A change under which the node would have shipped, and no smaller change of its kind would do."""

    kind: ChangeKind
    """The sort of change."""
    words: str
    """The change in words."""
    amount: int | None
    """How large it is: units, minor units, kilometres, orders, minutes or shipments; null when it is there or not."""
    units: list[ChangedUnits]
    """The units of a change of stock, safety stock or quota; otherwise empty."""
    plan: ImaginedPlan
    """The plan with this change alone."""


class ConsideredLineOfNode(ConsideredLine):
    """What the node had of a wanted line."""

    kept_back_by: str | None
    """The file of the network directory that decides the safety stock; null without any."""


class WhyNot(Document):
    """Why a node did not ship in a sourcing round, and what would have had to be different."""

    order: str
    round: int
    """The sourcing round, from 1."""
    node: str
    network_version: int
    """The version of the network that it was decided under."""
    ships: bool
    """Whether the node ships after all; then there are no changes."""
    excluded: str | None
    """Why the node could take no part; null when it could, and others were better."""
    lines: list[ConsideredLineOfNode]
    """What the node had of each wanted line of which it had anything."""
    plan: ImaginedPlan
    """The plan of the round."""
    changes: list[WhatIf]
    """Each alone would have been enough."""
    without: ImaginedPlan
    """The plan if the node had not been there."""
    plans: int
    """How many plans were made to find this."""

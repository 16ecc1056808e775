"""The documents of needs: why a node needs units of an item, and which nodes should send them."""

from typing import Any

from database.documents.document import Document
from domain import need as domain


class ProposedUnits(Document):
    """Units that a source should send."""

    source: str
    """The node that should send them."""
    quantity: int
    """Units, in whole packs of the item."""
    free: int
    """What the source could give: beyond its safety stock, its own minimum, and what other needs were given before."""


class NotFrom(Document):
    """A node that gives nothing."""

    node: str
    reason: str
    """Why, in plain words."""


class Need(Document):
    """A need of a node: its units of an item, free or on their way, are fewer than the minimum of its rule."""

    need: str
    """Its place in the list."""
    node: str
    """The node that needs the units."""
    sku: str
    on_hand: int
    """Units on hand that are not set aside, safety stock included."""
    promised: int
    """Units of these that are reserved or allocated."""
    waiting: int
    """Units that orders wait for which only this node can fill, that orders were promised of what comes to it, or that
    transfers will take from it."""
    planned: int
    """Units of transfers to it that have not left their source."""
    in_transit: int
    """Units of transfers to it that are on their way."""
    announced: int
    """Units that were announced for it. Late announcements do not count."""
    position: int
    """On hand − promised − waiting + planned + in transit + announced."""
    sold: int
    """Units that it shipped to customers in the last `sales_days` days."""
    sales_days: int
    """How many days back sales are counted, as its rule says."""
    sold_per_day: float
    """Units, rounded to two digits."""
    minimum: int
    """There is a need while the position is below it: the larger of `min_units` and the sales of `min_days`."""
    maximum: int
    """Up to so many units it is filled: the larger of `max_units` and the sales of `max_days`."""
    pack_units: int
    """Units of a pack of the item."""
    wanted: int
    """Units that should be sent, in whole packs: as many as fit below the maximum, and no fewer than reach the minimum."""
    proposed: int
    """How many of these a source has."""
    proposals: list[ProposedUnits]
    """Which sources should send them; the first one is preferred."""
    not_from: list[NotFrom]
    """Where less is proposed than is wanted: why nodes give nothing, five at most."""
    automatic: bool
    """Whether it is taken without a person."""


def shown(need: domain.Need, place: str) -> dict[str, Any]:
    """A need as a document; `place` is where it stands in the list."""
    position = need.position._asdict()
    rule = need.rule
    return {
        "need": place,
        "node": need.node,
        "sku": need.sku,
        **position,
        "position": need.position.units,
        "sales_days": rule.sales_days,
        "sold_per_day": round(need.position.sold / rule.sales_days, 2),
        "minimum": need.least,
        "maximum": need.target,
        "pack_units": need.pack_units,
        "wanted": need.wanted,
        "proposed": need.proposed,
        "proposals": [proposal._asdict() for proposal in need.proposals],
        "not_from": [one._asdict() for one in need.not_from],
        "automatic": rule.automatic,
    }

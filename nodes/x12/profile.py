"""What is agreed with a warehouse that is reached by X12: a part of `partners/NAME.toml` as data, NAME being its node.

The defaults are what most guides say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from zoneinfo import ZoneInfo

from domain.stock import StockState

PRODUCT_IDS = {
    "VN": "sku",
    "VP": "sku",
    "VC": "sku",
    "SK": "sku",
    "VA": "sku",
    "UP": "gtin",
    "UK": "gtin",
    "EN": "gtin",
    "UA": "gtin",
    "UI": "gtin",
    "UD": "gtin",
}
"""Product id qualifiers (data element 235): what a warehouse calls our item by its SKU, and what by a barcode."""

SINGLES = frozenset({"EA", "PC", "UN", "EACH", "UNIT", ""})
"""Units of measure (data element 355) that are one unit."""

ON_HOLD = {"05": (StockState.SELLABLE, StockState.QUARANTINED), "55": (StockState.QUARANTINED, StockState.SELLABLE)}
"""Reasons of a 947 (data element 181) that move units and do not change how many there are: put on hold, taken off hold."""


@dataclass(frozen=True, slots=True)
class Routing:
    """How a service is asked for in W66 of a 940."""

    method: str = "M"
    """W6602 (data element 91): M = motor carrier, U = private parcel service, A = air."""
    carrier: str = ""
    """W6610, the carrier's SCAC; empty = the warehouse chooses."""
    payment: str = "PP"
    """W6601 (data element 146): PP = the shipper pays."""


@dataclass(frozen=True, slots=True)
class WarehouseProfile:
    """What is agreed with one warehouse."""

    zone: tzinfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """The zone of the dates and times in what it sends: its own, where its file names none."""
    item_ids: Mapping[str, str] = field(default_factory=lambda: dict(PRODUCT_IDS))
    """By qualifier, `sku` or `gtin`; an item is looked up by them in this order."""
    units: Mapping[str, int] = field(default_factory=dict)
    """By unit of measure, how many of our units one is: `CA = 12`."""
    routing: Mapping[str, Routing] = field(default_factory=dict)
    """By our service, how it is asked for."""
    item_id_at: int = 7
    """The element of W12 with the first product id qualifier. W1207 by the standard; some warehouses are one later."""
    several_shipments: bool = False
    """Whether one order may be answered by several 945s: then a 945 ends its order only if no unit is due after it, or if
    W0601 is one of `last_shipment`."""
    last_shipment: frozenset[str] = frozenset()
    """Values of W0601 (data element 514) that say that no other 945 follows."""
    on_hand: tuple[str, ...] = ("17", "33")
    """The qualifiers of QTY in an 846 (data element 673) that count as on hand, the first that is there: 17 = on hand, 33 =
    available for sale."""
    counts_all: bool = False
    """Whether an 846 names everything that the warehouse has: an item that it does not name is then 0."""
    moves: Mapping[str, tuple[StockState, StockState]] = field(default_factory=lambda: dict(ON_HOLD))
    """By reason of a 947, from which state to which its units move; other reasons change how many there are."""


DEFAULT = WarehouseProfile()

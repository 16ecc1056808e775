"""What is agreed with one X12 partner: a file `partners/NAME.toml` as data. The defaults are what most guides say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from domain.order import Address

ITEM_IDS = {
    "VN": "sku",
    "VP": "sku",
    "VC": "sku",
    "SK": "sku",
    "UP": "gtin",
    "UK": "gtin",
    "EN": "gtin",
    "UA": "gtin",
    "UI": "gtin",
    "UC": "gtin",
    "IN": "buyer_part",
    "BP": "buyer_part",
    "CB": "buyer_part",
    "PI": "buyer_part",
}
"""Product id qualifiers (data element 235), and the kind of alias that each is; ours first, then a GTIN, then the buyer's."""

CASES = frozenset({"CA", "CS", "CT", "PK", "BX", "PL"})
"""Units of measure (data element 355) that hold several units; PO4 or the alias says how many."""

SINGLES = frozenset({"EA", "PC", "UN", "EACH", ""})
"""Units of measure that are one unit."""


STOCK_EVERY = timedelta(days=1)
BY_A_PERSON, REPLACE, CANCEL = "person", "replace", "cancel"
"""How a shipment notice is corrected: by a person, by one that replaces it (BSN01 05), or by one that takes it back (01) and a
new one."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is agreed with one partner."""

    item_ids: Mapping[str, str] = field(default_factory=lambda: dict(ITEM_IDS))
    """By qualifier, the kind of alias; a line is looked up by them in this order."""
    units: Mapping[str, int] = field(default_factory=dict)
    """By unit of measure, how many of our units one is, where that is the same for every item: `DZ = 12`."""
    currency: str = "USD"
    """Of orders that name none."""
    dates: Mapping[str, str] = field(
        default_factory=lambda: {
            "037": "not_before",
            "064": "not_before_delivery",
            "001": "not_after",
            "038": "ship_by",
            "010": "ship_by",
            "002": "deliver_by",
            "063": "deliver_by",
        }
    )
    """By DTM qualifier (data element 374), what the date means here."""
    stores: Mapping[str, Address] = field(default_factory=dict)
    """By the partner's code, the address of a store, for orders that name only the code."""
    services: Mapping[str, str] = field(default_factory=dict)
    """By the routing text or carrier code of TD5, the service."""
    service: str = "standard"
    ship_complete: str | None = None
    customer_tier: str | None = None
    documents: frozenset[str] = frozenset({"855", "856", "810"})
    """The sets that the partner wants to get, beside 997."""
    stock_every: timedelta = STOCK_EVERY
    """How often it gets an 846, where it wants one."""
    wrong_notices: str = BY_A_PERSON
    """How it learns that an 856 is wrong."""
    wrong_invoices: str = BY_A_PERSON
    """How it learns that an 810 is wrong: by a person, by a credit `810` or by an `812`."""

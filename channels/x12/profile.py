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
    "VA": "sku",
    "MG": "sku",
    "UP": "gtin",
    "UK": "gtin",
    "EN": "gtin",
    "UA": "gtin",
    "UI": "gtin",
    "UC": "gtin",
    "UD": "gtin",
    "EO": "gtin",
    "IN": "buyer_part",
    "BP": "buyer_part",
    "CB": "buyer_part",
    "PI": "buyer_part",
}
"""Product id qualifiers (data element 235), and the kind of alias that each is; ours first, then a GTIN, then the buyer's."""

EACH: Mapping[str, int] = {"EA": 1, "PC": 1, "UN": 1, "EACH": 1, "": 1, "DZ": 12}
"""Units of measure (data element 355) that are as many units with every partner. Of any other, such as CA, PO4 or the alias
says how many it holds."""

MEASURED = frozenset({"LB", "KG", "GR", "OZ", "FT", "MR", "LT", "GA", "YD", "SF", "SY", "TN"})
"""Units of measure that weigh or measure goods, and hold none."""

STOCK_EVERY = timedelta(days=1)
BY_A_PERSON, REPLACE, CANCEL = "person", "replace", "cancel"
"""How a shipment notice is corrected: by a person, by one that replaces it (BSN01 05), or by one that takes it back (01) and a
new one."""


NOTHING = "nothing"
"""The buyer gets no document about it."""


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
            "074": "deliver_by",
            "106": "deliver_by",
            "071": "not_before_delivery",
            "177": "not_after",
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
    waiting_units: str = NOTHING
    """How it learns what becomes of units that wait for stock: by another `855`, by an `865`, or not."""

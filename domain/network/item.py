"""What can be ordered: an item, or a bundle of items."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What can be ordered. A bundle has components, is not stocked itself, and each unit of it ships from one node."""

    sku: str
    name: str
    weight_g: int
    safety_stock: int = 0
    components: tuple[tuple[str, int], ...] = ()
    """(SKU, quantity in one bundle), none of them a bundle; empty for a plain item."""
    category: str = ""
    tags: tuple[str, ...] = ()
    barcode: str = ""
    """What is printed on one unit, such as a GTIN; "" = not known."""
    length_mm: int | None = None
    """Of one unit, packed; None = its three measures are not known."""
    width_mm: int | None = None
    height_mm: int | None = None
    hazmat: bool = False
    """Whether it, or a component of the bundle, is dangerous goods."""
    ships_alone: bool = False
    """Whether each unit is a parcel of its own."""
    release_date: date | None = None
    """No unit leaves a node before this day, wherever it lies; of a bundle the latest of its components. None = at any time."""
    sell_ahead_max: int | None = None
    """Units that may wait for stock, over all orders; of a bundle never said. None = without a limit."""
    pack_units: int = 1
    """Units of the pack in which it moves between nodes: replenishment sends whole packs. 1 = single units move."""

"""Says what the paper of a packer shows: the slip that goes into the parcel, and the list of what to fetch.

`formats/packing_pdf.py` draws it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class SlipLine:
    """An item in the parcel."""

    sku: str
    name: str
    quantity: int
    barcode: str = ""
    price: str = ""
    """Of one unit, with its currency; "" = it is not printed."""
    contents: Sequence[str] = ()
    """What one unit of a bundle is made of, a line each."""
    remarks: Sequence[str] = ()
    """What else the customer asked for, such as an engraving."""
    gift_message: str = ""


@dataclass(frozen=True, slots=True)
class PackingSlip:
    """What goes into the parcel of a fulfillment order."""

    sender: str
    """In whose name it goes: the channel's."""
    fulfillment_order: str
    """Its id, also as a barcode."""
    called: str
    """What the customer calls the order."""
    purchase_order: str
    service: str
    is_collected: bool
    """Whether the customer collects it."""
    ship_from: Sequence[str]
    ship_to: Sequence[str] = field(repr=False)
    country: str
    """Of `ship_to`: it says in whose way Chinese characters are drawn."""
    lines: Sequence[SlipLine] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pick:
    """Units of an item to fetch."""

    sku: str
    name: str
    barcode: str
    zone: str
    """Where to look: the item's category."""
    marks: Sequence[str]
    """What to mind, such as dangerous goods."""
    boxes: Sequence[tuple[int, int]]
    """By number of the box, the units that go into it."""

    @property
    def quantity(self) -> int:
        """Units to fetch in all."""
        return sum(units for _, units in self.boxes)


@dataclass(frozen=True, slots=True)
class PickList:
    """What a person fetches in one walk. It names no customer."""

    node: str
    on: date
    """The day at the node."""
    boxes: Sequence[str]
    """The fulfillment orders; box 1 is the first."""
    picks: Sequence[Pick]
    is_cut: bool = False
    """Whether more fulfillment orders are due than this list has."""

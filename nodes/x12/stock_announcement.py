"""Writes a warehouse stock transfer shipment advice (X12 943): goods that a warehouse is to expect."""

from datetime import datetime
from typing import NamedTuple

from formats.x12.parts import Segment, Set
from nodes.x12.profile import WarehouseProfile
from nodes.x12.shipping_order import TEXT_MAX, barcode_pair, order_number, text


class Announced(NamedTuple):
    """Units of one SKU that are on their way."""

    sku: str
    quantity: int
    name: str
    barcode: str | None


def announcement(
    message_id: str,
    announced: list[Announced],
    expected_at: datetime,
    node: str,
    profile: WarehouseProfile,
    control: str,
) -> Set:
    """The 943 about announced goods: a 944 that answers it repeats W0602, which is the number of the announcement."""
    number = order_number(message_id)
    arrives = expected_at.astimezone(profile.zone)
    segments = [
        Segment.of("W06", "F", number, f"{arrives:%Y%m%d}", number),
        Segment.of("N1", "WH", text(node)),
        Segment.of("G62", "17", f"{arrives:%Y%m%d}"),
        Segment.of("W27", "M"),
    ]
    for one in announced:
        segments.append(Segment.of("W04", one.quantity, "EA", None, "VN", text(one.sku), *barcode_pair(one.barcode)))
        if name := text(one.name)[:TEXT_MAX].strip():
            segments.append(Segment.of("G69", name))
    segments.append(Segment.of("W03", sum(one.quantity for one in announced)))
    return Set("943", control, tuple(segments))

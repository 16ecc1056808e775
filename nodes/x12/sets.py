"""Opens what was kept of a warehouse: one set, alone in its interchange; or acknowledgments of what it was sent."""

from collections.abc import Collection, Mapping

from formats.x12.parts import Interchange
from formats.x12.read import NO_TRAILER_OF_SET, NotX12, read
from nodes.x12.items import Misfit, Received, interchanged_at
from nodes.x12.profile import WarehouseProfile

TAKES: Mapping[str, Collection[str]] = {
    "945": ("W06",),
    "944": ("W17", "W07"),
    "947": ("W15", "W19"),
    "846": ("BIA", "LIN"),
}
"""The sets that a warehouse sends, each with the segments that it cannot be without. A 945 without a W12 answers a cancel."""


def interchange_of(body: bytes) -> Interchange:
    """The interchange of something that was kept. Raises `Misfit`."""
    try:
        (interchange,) = read(body)
    except (NotX12, ValueError) as error:
        raise Misfit(f"it is no single interchange of X12: {error}") from error
    return interchange


def received(interchange: Interchange, key: str, profile: WarehouseProfile) -> Received:
    """The one set of an interchange, under a key that its repeats have too. Raises `Misfit`, also for a set that was cut off:
    half of a 945 would make the rest of its order short."""
    sets = [one for group in interchange.groups for one in group.sets]
    if len(sets) != 1:
        raise Misfit(f"it holds {len(sets)} sets, and is kept with one")
    (one,) = sets
    if NO_TRAILER_OF_SET in one.faults:
        raise Misfit(f"set {one.code} {one.control} was cut off: it ends without SE; ask for the whole file")
    return Received(one, key, interchanged_at(interchange.date, interchange.time, profile))

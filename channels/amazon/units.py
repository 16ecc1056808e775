"""Counts the units of an order at Amazon: in parcels of ours, confirmed by somebody else, and those that it waits for."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from channels.amazon.amazon_order import AmazonOrder, Item, Package
from channels.amazon.parcels import units_of
from channels.parcels import Parcel


@dataclass(slots=True)
class Counted:
    """Each unit that was ordered is in one of these, by item."""

    own: dict[str, Counter[str]]
    """By the key of each parcel that Amazon knows."""
    by_others: Counter[str]
    """In packages that are no parcel of ours."""
    waits_for: Counter[str]

    def room(self, parcel: Parcel) -> Counter[str]:
        """The units that Amazon takes in a parcel, instead of those that it knows of it."""
        return self.waits_for + self.own.get(parcel.key, Counter())

    def confirm(self, parcel: Parcel) -> None:
        """Count the units of a parcel as confirmed."""
        self.waits_for = self.room(parcel) - Counter(parcel.units)
        self.own[parcel.key] = Counter(parcel.units)


def counted(
    order: AmazonOrder, ours: Sequence[Parcel], standing: Mapping[str, Package], confirmed: Collection[str]
) -> Counted:
    """The units of an order. Of the parcels that were `confirmed`, Amazon may not show the last yet."""
    own = {
        parcel.key: Counter(units_of(standing[parcel.key]) if parcel.key in standing else parcel.units)
        for parcel in ours
        if parcel.key in standing or parcel.key in confirmed
    }
    in_ours = sum(own.values(), Counter[str]())
    items = {item.orderItemId: item for item in order.orderItems}
    by_others = Counter({name: max(0, _fulfilled(item) - in_ours[name]) for name, item in items.items()})
    ordered = Counter({name: item.quantityOrdered for name, item in items.items()})
    return Counted(own, by_others, ordered - by_others - in_ours)


def _fulfilled(item: Item) -> int:
    """The units of an item that were confirmed, by us or somebody else."""
    left = item.fulfillment.quantityUnfulfilled
    return item.fulfillment.quantityFulfilled if left is None else item.quantityOrdered - left

"""Decides what a carrier asks for the parcels of a shipment, by its rate card, and how long they take.

A parcel counts with its weight or its dimensional weight, whichever is more. A shipment is packed so: each unit that ships
alone is a parcel of its own, and the others share one, which is divided where it is heavier than the last step of the prices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.delivery import DeliveryDays
from domain.network.carrier import Carrier, Surcharge, Zone
from domain.network.item import Item

CUBIC_MM_PER_CUBIC_CM = 1000
GRAMS_PER_KG = 1000
PARTS_PER_PERCENT = 1000


class ParcelSize(NamedTuple):
    """What a carrier asks about a parcel."""

    weight_g: int
    volume_mm3: int = 0
    """0 = not known."""
    longest_mm: int = 0
    """The longest side that is known."""
    hazmat: bool = False


class Unit(NamedTuple):
    """One unit of an item, as it is packed."""

    size: ParcelSize
    ships_alone: bool


Content = Sequence[tuple[Unit, int]]
"""Units with how many there are of each, all in one shipment."""


class Offer(NamedTuple):
    """What a carrier asks for a shipment, and when it delivers."""

    carrier: str
    amount: int
    """Minor units, for all its parcels."""
    days: int
    delivery: DeliveryDays | None
    """None = it delivers on every day."""


class Destination(NamedTuple):
    """Where a shipment goes, and how far."""

    country: str
    region: str
    postal_code: str
    distance_km: float | None
    """None = no distance can be measured."""


@dataclass(frozen=True, slots=True)
class Route:
    """A carrier's zone for one node, service and destination: it prices any shipment there."""

    carrier: Carrier
    zone: Zone
    surcharges: tuple[Surcharge, ...]
    delivery: DeliveryDays | None

    def amount(self, content: Content) -> int | None:
        """Minor units for a shipment; None = one of its units is too heavy or too large for a parcel."""
        heaviest = self.zone.prices[-1][0]
        total = 0
        for size, number in parcels(content, heaviest, self.carrier.dimensional_divisor):
            asked = self._of_parcel(size, heaviest)
            if asked is None:
                return None
            total += asked * number
        return total

    def offer(self, content: Content) -> Offer | None:
        """What it asks for a shipment; None = it does not take it."""
        amount = self.amount(content)
        return None if amount is None else Offer(self.carrier.name, amount, self.zone.days, self.delivery)

    def offer_by_weight(self, weight_g: int) -> Offer | None:
        """What it asks for one parcel of which only the weight is known; None = it is too heavy."""
        amount = self._of_parcel(ParcelSize(weight_g), self.zone.prices[-1][0])
        return None if amount is None else Offer(self.carrier.name, amount, self.zone.days, self.delivery)

    def _of_parcel(self, size: ParcelSize, heaviest: int) -> int | None:
        counted = counted_weight_g(size, self.carrier.dimensional_divisor)
        if counted > heaviest:
            return None
        total = next(amount for weight_g_max, amount in self.zone.prices if counted <= weight_g_max)
        parts = 0
        for one in self.surcharges:
            if _applies(one, size, counted):
                total, parts = total + one.amount, parts + one.percent_parts
        whole = 100 * PARTS_PER_PERCENT
        return (total * (whole + parts) + whole // 2) // whole


def counted_weight_g(size: ParcelSize, dimensional_divisor: int | None) -> int:
    """The grams that a carrier charges for: the weight, or the volume by its divisor (cm³ per kg) where that is more."""
    if not dimensional_divisor:
        return size.weight_g
    volume = size.volume_mm3 * GRAMS_PER_KG
    return max(size.weight_g, -(-volume // (CUBIC_MM_PER_CUBIC_CM * dimensional_divisor)))


def parcels(content: Content, heaviest_g: int, dimensional_divisor: int | None) -> list[tuple[ParcelSize, int]]:
    """The parcels of a shipment with the number of equal ones, none heavier than `heaviest_g` where units allow for it."""
    found: list[tuple[ParcelSize, int]] = []
    weight = volume = longest = largest = 0
    hazmat = False
    largest_unit: ParcelSize | None = None
    for (size, alone), units in content:
        if alone:
            found.append((size, units))
            continue
        weight += size.weight_g * units
        volume += size.volume_mm3 * units
        longest, hazmat = max(longest, size.longest_mm), hazmat or size.hazmat
        counted = counted_weight_g(size, dimensional_divisor)
        if largest_unit is None or counted > largest:
            largest_unit, largest = size, counted
    if largest_unit is None:
        return found
    if largest > heaviest_g:
        return [*found, (largest_unit, 1)]
    together = ParcelSize(weight, volume, longest, hazmat)
    number = -(-max(counted_weight_g(together, dimensional_divisor), 1) // heaviest_g)
    if number > 1:
        together = ParcelSize(-(-weight // number), -(-volume // number), longest, hazmat)
    return [*found, (together, number)]


def unit_of(item: Item) -> Unit:
    """One unit of an item."""
    sides = [side for side in (item.length_mm, item.width_mm, item.height_mm) if side is not None]
    volume = sides[0] * sides[1] * sides[2] if len(sides) == 3 else 0
    return Unit(ParcelSize(item.weight_g, volume, max(sides, default=0), item.hazmat), item.ships_alone)


def _applies(surcharge: Surcharge, size: ParcelSize, counted: int) -> bool:
    """Whether a surcharge of the destination is charged for a parcel."""
    if surcharge.hazmat and not size.hazmat:
        return False
    if surcharge.weight_g_over is not None and counted <= surcharge.weight_g_over:
        return False
    return surcharge.longest_mm_over is None or size.longest_mm > surcharge.longest_mm_over


class Way:
    """What a carrier's rate card says for a service and an address, from whichever node."""

    __slots__ = ("_country", "_routes")

    def __init__(self, carrier: Carrier, service: str, to: Destination) -> None:
        """The way to a destination; its distance is not looked at."""
        due = tuple([one for one in carrier.surcharges if _is_for(one, service, to)])
        delivery = carrier.delivery.at(to.country, to.region)
        zones = [one for one in carrier.services.get(service, ()) if one.area.has(to.country, to.postal_code)]
        self._country = to.country
        self._routes = [Route(carrier, zone, due, delivery) for zone in zones]

    def route(self, node_country: str, distance_km: float | None) -> Route | None:
        """The first zone that a shipment from a node of this country falls in; None = there is none."""
        for route in self._routes:
            zone = route.zone
            most = zone.distance_km_max
            if most is not None and (distance_km is None or distance_km > most):
                continue
            if node_country != self._country and not zone.area.countries:
                continue
            if not zone.from_countries or node_country in zone.from_countries:
                return route
        return None


def route(carrier: Carrier, service: str, node_country: str, to: Destination) -> Route | None:
    """The first zone of a carrier's service that a shipment from a node of this country falls in; None = there is none."""
    return Way(carrier, service, to).route(node_country, to.distance_km)


def _is_for(surcharge: Surcharge, service: str, to: Destination) -> bool:
    if surcharge.services and service not in surcharge.services:
        return False
    return surcharge.area.has(to.country, to.postal_code)


def cheapest(offers: Iterable[Offer]) -> Offer | None:
    """The offer that costs least; of equal ones the faster, then the first by name."""
    return min(offers, key=lambda one: (one.amount, one.days, one.carrier), default=None)

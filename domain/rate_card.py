"""Decides what a carrier asks for the parcels of a shipment, by its rate card, and how long they take.

A parcel counts with its weight or its dimensional weight, whichever is more. A shipment is packed so: each unit that ships
alone is a parcel of its own, and the others share one, which is divided where it is heavier than the last step of the prices.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from sys import maxsize
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


class Packed(NamedTuple):
    """A shipment as it is packed: its sums are the same for every carrier and zone."""

    weight_g: int
    """Of all units that share a parcel."""
    volume_mm3: int
    longest_mm: int
    hazmat: bool
    together: Sequence[ParcelSize]
    """The units that share a parcel, one of each."""
    alone: Sequence[tuple[ParcelSize, int]] = ()
    """The units that ship alone, with how many there are of each."""


def packed(content: Content) -> Packed:
    """A shipment of these units."""
    together, alone = list[ParcelSize](), list[tuple[ParcelSize, int]]()
    weight = volume = longest = 0
    hazmat = False
    for (size, ships_alone), units in content:
        if ships_alone:
            alone.append((size, units))
            continue
        together.append(size)
        weight += size.weight_g * units
        volume += size.volume_mm3 * units
        longest, hazmat = max(longest, size.longest_mm), hazmat or size.hazmat
    return Packed(weight, volume, longest, hazmat, together, alone)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A carrier's zone for one node, service and destination: it prices any shipment there."""

    carrier: Carrier
    zone: Zone
    steps: "Steps"
    delivery: DeliveryDays | None

    def amount(self, shipment: Packed) -> int | None:
        """Minor units for a shipment; None = one of its units is too heavy or too large for a parcel."""
        if shipment.together and not shipment.alone and self.steps.takes(shipment.together):
            return self.steps.of_shared(shipment.weight_g, shipment.volume_mm3)
        total = 0
        for size, number in shipment.alone:
            asked = self.steps.of_parcel(size)
            if asked is None:
                return None
            total += asked * number
        if not shipment.together:
            return total
        parcel = _parcel(shipment, self.zone.prices[-1][0], self.carrier.dimensional_divisor)
        asked = self.steps.of_parcel(parcel[0]) if parcel else None
        return None if asked is None or parcel is None else total + asked * parcel[1]

    def offer_by_weight(self, weight_g: int) -> Offer | None:
        """What it asks for one parcel of which only the weight is known; None = it is too heavy."""
        amount = self.steps.of_parcel(ParcelSize(weight_g))
        return None if amount is None else self.offer(amount)

    def offer(self, amount: int) -> Offer:
        """An offer of this amount."""
        return Offer(self.carrier.name, amount, self.zone.days, self.delivery)


_WHOLE = 100 * PARTS_PER_PERCENT


class Steps:
    """What a carrier asks for a parcel in a zone, with the surcharges of a destination. It is the same for many orders."""

    __slots__ = ("_amounts", "_divisor", "_ends", "_heaviest", "_longest", "_prices", "_surcharges")

    def __init__(self, carrier: Carrier, zone: Zone, surcharges: tuple[Surcharge, ...]) -> None:
        """What a parcel costs that is neither long nor dangerous is computed once: at the end of each step."""
        self._prices, self._surcharges = zone.prices, surcharges
        self._divisor, self._heaviest = carrier.dimensional_divisor, zone.prices[-1][0]
        over = {one.weight_g_over for one in surcharges if one.weight_g_over is not None}
        self._ends = sorted({*(grams for grams, _ in zone.prices), *(one for one in over if one < self._heaviest)})
        long_from = [one.longest_mm_over for one in surcharges if one.longest_mm_over is not None]
        self._longest = min(long_from, default=maxsize)
        self._amounts = [self.of_parcel(ParcelSize(grams)) or 0 for grams in self._ends]

    def takes(self, sizes: Iterable[ParcelSize]) -> bool:
        """Whether each of these fits in a parcel, and none of them is long or dangerous."""
        return all(
            counted_weight_g(size, self._divisor) <= self._heaviest
            and size.longest_mm <= self._longest
            and not size.hazmat
            for size in sizes
        )

    def of_shared(self, weight_g: int, volume_mm3: int) -> int:
        """Minor units for units that share as few equal parcels as can be; each of them must be taken."""
        counted = self._counted(weight_g, volume_mm3)
        if counted <= self._heaviest:
            return self._amounts[bisect_left(self._ends, counted)]
        number = -(-counted // self._heaviest)
        counted = self._counted(-(-weight_g // number), -(-volume_mm3 // number))
        return number * self._amounts[bisect_left(self._ends, counted)]

    def _counted(self, weight_g: int, volume_mm3: int) -> int:
        if not volume_mm3 or not self._divisor:
            return weight_g
        return max(weight_g, -(-volume_mm3 * GRAMS_PER_KG // (CUBIC_MM_PER_CUBIC_CM * self._divisor)))

    def of_parcel(self, size: ParcelSize) -> int | None:
        """Minor units for a parcel; None = it is too heavy."""
        counted = counted_weight_g(size, self._divisor)
        step = bisect_left(self._prices, (counted,))
        if step == len(self._prices):
            return None
        total, parts = self._prices[step][1], 0
        for one in self._surcharges:
            if _applies(one, size, counted):
                total, parts = total + one.amount, parts + one.percent_parts
        return (total * (_WHOLE + parts) + _WHOLE // 2) // _WHOLE


class RateCards:
    """The steps of a network's zones, each computed once. The network holds it, and what it is about."""

    def __init__(self) -> None:
        """Nothing is computed yet."""
        self._known: dict[tuple[int, ...], Steps] = {}

    def steps(self, carrier: Carrier, zone: Zone, surcharges: tuple[Surcharge, ...]) -> Steps:
        """The steps of a zone of this network."""
        key = (id(zone), *map(id, surcharges))
        if key not in self._known:
            self._known[key] = Steps(carrier, zone, surcharges)
        return self._known[key]


def counted_weight_g(size: ParcelSize, dimensional_divisor: int | None) -> int:
    """The grams that a carrier charges for: the weight, or the volume by its divisor (cm³ per kg) where that is more."""
    if not dimensional_divisor or not size.volume_mm3:
        return size.weight_g
    volume = size.volume_mm3 * GRAMS_PER_KG
    return max(size.weight_g, -(-volume // (CUBIC_MM_PER_CUBIC_CM * dimensional_divisor)))


def _parcel(shipment: Packed, heaviest_g: int, dimensional_divisor: int | None) -> tuple[ParcelSize, int] | None:
    """The equal parcels of the units that share one, none heavier than `heaviest_g`; None = one unit alone is heavier."""
    volume = shipment.volume_mm3
    if max([counted_weight_g(size, dimensional_divisor) for size in shipment.together]) > heaviest_g:
        return None
    parcel = ParcelSize(shipment.weight_g, volume, shipment.longest_mm, shipment.hazmat)
    number = -(-max(counted_weight_g(parcel, dimensional_divisor), 1) // heaviest_g)
    if number > 1:
        parcel = parcel._replace(weight_g=-(-shipment.weight_g // number), volume_mm3=-(-volume // number))
    return parcel, number


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

    def __init__(self, carrier: Carrier, service: str, to: Destination, cards: RateCards) -> None:
        """The way to a destination; its distance is not looked at. `cards` are those of the carrier's network."""
        due = tuple([one for one in carrier.surcharges if _is_for(one, service, to)])
        delivery = carrier.delivery.at(to.country, to.region)
        zones = [one for one in carrier.services.get(service, ()) if one.area.has(to.country, to.postal_code)]
        self._country = to.country
        self._routes = [Route(carrier, zone, cards.steps(carrier, zone, due), delivery) for zone in zones]

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
    return Way(carrier, service, to, RateCards()).route(node_country, to.distance_km)


def _is_for(surcharge: Surcharge, service: str, to: Destination) -> bool:
    if surcharge.services and service not in surcharge.services:
        return False
    return surcharge.area.has(to.country, to.postal_code)


def cheapest(offers: Iterable[Offer]) -> Offer | None:
    """The offer that costs least; of equal ones the faster, then the first by name."""
    return min(offers, key=lambda one: (one.amount, one.days, one.carrier), default=None)

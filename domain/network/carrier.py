"""A carrier as carriers.toml describes it: what it asks for a parcel, how long it takes, and how it is called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.delivery import DeliveryCalendar


@dataclass(frozen=True, slots=True)
class Area:
    """Destinations: all, or those of some countries, or those whose postal code begins in some way."""

    countries: frozenset[str] = frozenset()
    """Empty = of every country."""
    postal_prefixes: tuple[str, ...] = ()
    """Upper-case, without blanks; empty = every postal code."""

    def has(self, country: str, postal_code: str) -> bool:
        """Whether a destination lies in it."""
        if self.countries and country not in self.countries:
            return False
        return not self.postal_prefixes or postal_code.replace(" ", "").upper().startswith(self.postal_prefixes)


@dataclass(frozen=True, slots=True)
class Zone:
    """Destinations to which parcels of a service cost the same and take the same days."""

    prices: tuple[tuple[int, int], ...]
    """(grams at most, minor units), ascending in grams: the first step that a parcel does not exceed."""
    days: int
    """Days on which the carrier delivers, not counting the day of shipment."""
    area: Area = Area()
    """Without countries: within the node's own country only."""
    from_countries: frozenset[str] = frozenset()
    """Countries of nodes; empty = of every one."""
    distance_km_max: float | None = None
    """None = at any distance, also where none can be measured."""


@dataclass(frozen=True, slots=True)
class Surcharge:
    """What a parcel costs beside the price of its zone, where every condition that it has is met."""

    name: str
    amount: int = 0
    """Minor units."""
    percent_parts: int = 0
    """Thousandths of a percent of the price and all amounts."""
    area: Area = Area()
    services: frozenset[str] = frozenset()
    """Empty = all."""
    hazmat: bool = False
    """Whether it is only for parcels with dangerous goods."""
    weight_g_over: int | None = None
    longest_mm_over: int | None = None


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier. It holds no secret."""

    name: str
    """What fulfillment orders, labels and nodes call it."""
    kind: str
    services: Mapping[str, tuple[Zone, ...]] = field(default_factory=dict)
    """Its zones by service; the first one that fits decides."""
    surcharges: tuple[Surcharge, ...] = ()
    dimensional_divisor: int | None = None
    """Cubic centimetres that count as a kilogram; None = only the weight counts."""
    delivery: DeliveryCalendar = field(default_factory=DeliveryCalendar)
    manifest_at_cutoff: bool = False
    """Whether a manifest is asked for by itself at the cut-off of each node."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its kind needs beside this."""

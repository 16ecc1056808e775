"""Where something is, how exactly that is known, and how far two points are apart."""

from enum import StrEnum
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth, (2a + b) / 3 of the WGS 84 ellipsoid."""


class Precision(StrEnum):
    """How exactly a place is known, the most exact first."""

    POINT = "point"
    """By its coordinates, which were given."""
    POSTAL_CODE = "postal_code"
    CITY = "city"
    REGION = "region"
    """By its region, or by the beginning of its postal code."""
    COUNTRY = "country"


class Far(StrEnum):
    """Why no distance to a place can be measured; as the policy names the table for such places."""

    MILITARY = "military"
    """Military mail: it is handed to an army at home, and nobody says where the army is."""
    REMOTE = "remote"
    """An island or a territory without a road to the rest of its state."""


class Locality(NamedTuple):
    """What an address says about where it is; "" and None = nothing."""

    country: str
    postal_code: str = ""
    city: str = ""
    region: str = ""
    point: tuple[float, float] | None = None
    """Latitude and longitude in degrees."""


class Place(NamedTuple):
    """A point on the map, in degrees, how exactly it is known, and whether a distance to it can be measured."""

    latitude: float
    longitude: float
    precision: Precision
    far: Far | None = None
    """None = any distance can be measured."""


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance between two points given in degrees (haversine formula on a sphere)."""
    half_height = sin(radians(other_latitude - latitude) / 2) ** 2
    half_width = sin(radians(other_longitude - longitude) / 2) ** 2
    chord = half_height + cos(radians(latitude)) * cos(radians(other_latitude)) * half_width
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))

"""Finds a position that is certainly far outside its country: a lost sign, or latitude and longitude exchanged.

There are no borders here, only points: the middle of each country, and the cities of its time zones. So a position counts as
outside only when it is farther from all of them than any place of the country can be.
"""

from collections.abc import Iterator

from domain.network import distance_km
from network.countries import CENTROIDS
from network.time_zones import zones_by_country

OUTSIDE_KM = 2700
"""No place of any country is so far from its middle and from all cities of its time zones."""

OUTSIDE_SMALL_KM = 1000
"""The same for small countries, and for territories."""

_SMALL_NAMES = """
AD AE AL AM AT AZ BA BE BG BY CH CR CU CY CZ DE DK DO EE ES FI FR GB GE GR GT HK HN HR HT HU IE IL IS IT JM JO KR KW LB LI LK
LT LU LV MC MD ME MK MO MT NI NL NZ PA PL PR PT QA RO RS SE SG SI SK SM SV TN TR TW UA UY VA
"""
_SMALL = frozenset(_SMALL_NAMES.split())
"""Countries of which every place is nearer than OUTSIDE_SMALL_KM to one of the points; it is not all of them."""

_TERRITORIES = {
    "AU": ("CC", "CX", "NF"),
    "CN": ("HK", "MO", "TW"),
    "DK": ("FO", "GL"),
    "FI": ("AX",),
    "FR": ("BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"),
    "GB": ("AI", "BM", "FK", "GG", "GI", "IM", "IO", "JE", "KY", "MS", "PN", "SH", "TC", "VG"),
    "NL": ("AW", "BQ", "CW", "SX"),
    "NO": ("BV", "SJ"),
    "NZ": ("CK", "NU", "TK"),
    "US": ("AS", "GU", "MP", "PR", "UM", "VI"),
}
"""Territories with a code of their own, whose addresses are also written with the code of their state."""


def outside_km(country: str, latitude: float, longitude: float) -> int | None:
    """About how far a position is from a country, when it is certainly outside; None = it may be inside.

    `country` is an ISO 3166-1 alpha-2 code in capitals. The distance is that to the nearest known point.
    """
    for one in (country, *_TERRITORIES.get(country, ())):
        limit = OUTSIDE_SMALL_KM if one in _SMALL or one != country else OUTSIDE_KM
        if any(distance_km(latitude, longitude, *point) <= limit for point in _points(one)):
            return None
    return int(round(min(distance_km(latitude, longitude, *point) for point in _points(country)), -2))


def slip(country: str, latitude: float, longitude: float) -> str | None:
    """The slip that explains a position outside its country; None when no simple one does."""
    slips = {
        "the sign of longitude is wrong": (latitude, -longitude),
        "the sign of latitude is wrong": (-latitude, longitude),
        "latitude and longitude are exchanged": (longitude, latitude),
        "the signs of both are wrong": (-latitude, -longitude),
    }
    fits = (words for words, point in slips.items() if abs(point[0]) <= 90 and outside_km(country, *point) is None)
    return next(fits, None)


def _points(country: str) -> Iterator[tuple[float, float]]:
    yield CENTROIDS[country]
    yield from ((zone.latitude, zone.longitude) for zone in zones_by_country().get(country, ()))

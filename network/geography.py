"""Says where an address is, offline, as exactly as what it says allows, and how exact that is.

Coordinates that were given are the place. Otherwise it is the first of these that is known: the postal code, the city, the area
of the postal code, the region, the country. The tables are in `network/places/`.
"""

import re
from functools import lru_cache

from domain.network import Far, Locality, Place, Precision, distance_km
from network import places
from network.countries import CENTROIDS
from network.country_extent import outside_km
from network.places.folding import TABLE_OF, compact, looked_up
from network.places.rules import PostalRule, postal_rules
from network.remote import far

AREA_CHARACTERS = 3
"""How many characters of a postal code name its area; no more of them may be sent to Temporal."""

OF_AREA_KM, OF_REGION_KM = 500, 150
"""A city that is farther from the area of the postal code, or from a region that it is not in, is another one of that name."""

PLACES_KEPT = 4_096
"""Places that a process keeps, so that one order looks its place up once."""

NORTH_POLE = "888"
"""The beginning of 88888, where the United States' post takes letters to Santa Claus; no table has its place."""

_ANY_CODE = PostalRule("", False, "", "")
_ANY_PATTERN, _ANY_WORDS = "[A-Z0-9]{0,12}", "at most 12 letters and digits"


class ImpossiblePlace(ValueError):
    """A place that cannot exist; `field` is the wrong field of the address, and the message begins with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def check_locality(locality: Locality) -> None:
    """Raise ImpossiblePlace for an unknown country, a postal code that cannot exist there or is missing, and for coordinates
    that are certainly outside the country.

    An order that was accepted may have a code that is refused now; it is located all the same.
    """
    country = locality.country
    if country not in CENTROIDS:
        raise ImpossiblePlace("country", f"{country[:3]!r} is not an ISO 3166-1 alpha-2 code such as US or DE")
    _check_code(country, locality.postal_code)
    if locality.point and (kilometres := outside_km(country, *locality.point)):
        raise ImpossiblePlace("latitude", f"latitude and longitude are about {kilometres:,} km outside {country}")


def _check_code(country: str, postal_code: str) -> None:
    rule, code = postal_rules().get(country, _ANY_CODE), compact(country, postal_code)
    such = f", such as {rule.examples}" if rule.examples else ""
    if not code:
        if rule.is_required:
            raise ImpossiblePlace("postal_code", f"missing; an address in {country} cannot do without one{such}")
        return
    if not re.fullmatch(rule.pattern or _ANY_PATTERN, code, re.ASCII):
        has = f"it is such as {rule.examples}" if rule.examples else f"it has {_ANY_WORDS}"
        raise ImpossiblePlace("postal_code", f"impossible in {country}; there {has}")
    if not is_used(country, code):
        raise ImpossiblePlace(
            "postal_code", f"impossible in {country}; no ZIP code begins with {code[:AREA_CHARACTERS]}"
        )


def is_used(country: str, code: str) -> bool:
    """False for a ZIP code whose first three digits the United States do not use: each of these areas that is used has codes
    in the table. Of codes of other countries nothing is certain."""
    is_zip = TABLE_OF.get(country, country) == "US"
    is_military = far(Locality(country), code) is Far.MILITARY
    beginning = code[:AREA_CHARACTERS]
    return not is_zip or is_military or beginning == NORTH_POLE or places.begins_a_code(country, beginning)


def postal_area(country: str, postal_code: str) -> str:
    """The first three characters of a postal code, in Britain those of the part before the blank: an area of many thousand
    people, so it identifies no household; "" without a code.

    Raises ImpossiblePlace as `check_locality` does, so that no other text in the field of the postal code is sent on.
    """
    check_locality(Locality(country, postal_code))
    return looked_up(country, compact(country, postal_code))[:AREA_CHARACTERS]


def code_of_area(country: str, area: str) -> str:
    """A postal code of this area, for a place where a whole code must stand; the area itself where none is known."""
    pattern = postal_rules().get(country, _ANY_CODE).pattern or _ANY_PATTERN
    codes = (area + tail for tail in _TAILS)
    return next((code for code in codes if re.fullmatch(pattern, compact(country, code), re.ASCII)), area)


_TAILS = ("", "0", "00", "000", "0000", "00000", "0AA", "0A0", "1AA", "A1AA", "AF30")
"""What makes a code of some country out of its area."""


@lru_cache(PLACES_KEPT)
def locate(locality: Locality) -> Place:
    """Where an address of a known country is. Of a forgotten address the postal code is only its area."""
    code = compact(locality.country, locality.postal_code)
    why_far = far(locality, code)
    if locality.point:
        return Place(*locality.point, Precision.POINT, why_far)
    if why_far is Far.MILITARY:
        return Place(*CENTROIDS[locality.country], Precision.COUNTRY, why_far)
    return _found(locality, code)._replace(far=why_far)


def _found(locality: Locality, code: str) -> Place:
    country = locality.country
    if row := places.postal(country, code):
        return Place(row.latitude, row.longitude, Precision.POSTAL_CODE)
    area = places.postal_area(country, code) if is_used(country, code) else None
    region = places.region(country, locality.region)
    city = places.city(country, locality.city, region.word if region else None)
    if city and not ((area and _kilometres(city, area) > OF_AREA_KM) or _is_elsewhere(city, region)):
        return Place(city.latitude, city.longitude, Precision.CITY)
    if area:
        return Place(area.latitude, area.longitude, Precision(area.word))
    part = places.part(country, locality.city)
    if part and (region is None or part.word == region.word):
        return Place(part.latitude, part.longitude, Precision.REGION)
    if region:
        return Place(region.latitude, region.longitude, Precision.REGION)
    return Place(*CENTROIDS[country], Precision.COUNTRY)


def _is_elsewhere(city: places.Row, region: places.Row | None) -> bool:
    """Whether a city that is in another region than the address says is another one of the same name. Near the region it is
    the same: a region may be called by the name of a part of it."""
    return region is not None and city.word != region.word and _kilometres(city, region) > OF_REGION_KM


def _kilometres(one: places.Row, other: places.Row) -> float:
    return distance_km(one.latitude, one.longitude, other.latitude, other.longitude)

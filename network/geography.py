"""Locates a postal code, offline, and states how exact the position is.

Positions of United States codes come from the `zipcodes` package. A well-formed code that it does not have gets the middle of
its 3-digit area, or else the middle of the country. For every other country only its middle is known.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from math import dist
from statistics import median_low
from typing import NamedTuple

import zipcodes

from domain.network import Place, Precision
from network.countries import CENTROIDS

ZIP_CHARACTERS = 5

AREA_CHARACTERS = 3
"""How many characters of a postal code name its area; no more of them may be sent to Temporal."""

_ZIP_COUNTRIES = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})
"""The United States and those territories that share its codes."""

_PATTERNS = {
    **dict.fromkeys(_ZIP_COUNTRIES, (r"\d{5}(-?\d{4})?", "five digits, or ZIP+4")),
    **dict.fromkeys(("AT", "AU", "BE", "CH", "DK", "HU", "LI", "LU", "NO", "NZ", "ZA"), (r"\d{4}", "four digits")),
    **dict.fromkeys(("DE", "ES", "FI", "FR", "IT", "KR", "MX", "TR"), (r"\d{5}", "five digits")),
    **dict.fromkeys(("CZ", "GR", "SE", "SK"), (r"\d{3} ?\d{2}", "five digits, such as 123 45")),
    **dict.fromkeys(("CN", "SG"), (r"\d{6}", "six digits")),
    "BR": (r"\d{5}-?\d{3}", "eight digits, such as 12345-678"),
    "CA": (r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d", "the form K1A 0B1"),
    "GB": (r"GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", "a form such as M1 1AE or SW1A 1AA"),
    "IE": (r"[A-Z]\d[\dW] ?[A-Z\d]{4}", "the form D02 AF30"),
    "IN": (r"[1-9]\d{2} ?\d{3}", "six digits, the first of them not 0"),
    "JP": (r"\d{3}-?\d{4}", "seven digits"),
    "NL": (r"[1-9]\d{3} ?[A-Z]{2}", "four digits and two letters"),
    "PL": (r"\d{2}-?\d{3}", "five digits, such as 12-345"),
    "PT": (r"\d{4}-?\d{3}", "seven digits, such as 1234-567"),
}
"""The form of a country's codes, where it is certain: a regular expression, and the same in words."""


_ANY_CODE = (r"[A-Z0-9 -]{0,12}", "at most 12 letters, digits, spaces and hyphens")


class ImpossiblePlace(ValueError):
    """A place that cannot exist; `field` is "country" or "postal_code", and the message begins with it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def locate(country: str, postal_code: str) -> Place:
    """The position of a postal code, as exact as it is known offline.

    `country` is an ISO 3166-1 alpha-2 code in capitals. Raises ImpossiblePlace for an unknown country, or a code that
    cannot exist in that country.
    """
    code = _code(country, postal_code)
    point = _zip_codes().codes.get(code[:ZIP_CHARACTERS]) if country in _ZIP_COUNTRIES else None
    return Place(*point, Precision.POSTAL_CODE) if point else locate_area(country, code[:AREA_CHARACTERS])


def locate_area(country: str, area: str) -> Place:
    """The position of a `postal_area` of a known country; an address that was forgotten has only this."""
    point = _zip_codes().areas.get(area) if country in _ZIP_COUNTRIES else None
    return Place(*point, Precision.AREA) if point else Place(*CENTROIDS[country], Precision.COUNTRY)


def postal_area(country: str, postal_code: str) -> str:
    """The first three characters of a postal code: an area of many thousand people, so it identifies no household.

    Raises ImpossiblePlace as `locate` does, so that no other text in the field of the postal code is sent on.
    """
    return _code(country, postal_code)[:AREA_CHARACTERS]


def code_of_area(country: str, area: str) -> str:
    """A postal code of this area, for a place where a whole code must stand: near its middle, where codes are known."""
    near = _zip_codes().central.get(area) if country in _ZIP_COUNTRIES else None
    pattern, _ = _PATTERNS.get(country, _ANY_CODE)
    return near or next((area + tail for tail in _TAILS if re.fullmatch(pattern, area + tail, re.ASCII)), area)


_TAILS = (
    "",
    "0",
    "00",
    "000",
    "0000",
    "-000",
    "00-000",
    "0-000",
    " 00",
    "0AA",
    "0 AA",
    " 0A0",
    " 1AA",
    "A 1AA",
    " AF30",
)
"""What makes a code of some country out of its area."""


def _code(country: str, postal_code: str) -> str:
    """The code in the form for look-ups. Raises ImpossiblePlace when it or its country cannot exist."""
    if country not in CENTROIDS:
        raise ImpossiblePlace("country", f"{country[:3]!r} is not an ISO 3166-1 alpha-2 code such as US or DE")
    code = postal_code.strip().upper()
    pattern, words = _PATTERNS.get(country, _ANY_CODE)
    if not re.fullmatch(pattern, code, re.ASCII):
        raise ImpossiblePlace("postal_code", f"impossible in {country}; there it has {words}")
    return code


class _ZipCodes(NamedTuple):
    """(latitude, longitude) by ZIP code, the median of these by 3-digit area, and by area the code that is nearest to it."""

    codes: Mapping[str, tuple[float, float]]
    areas: Mapping[str, tuple[float, float]]
    central: Mapping[str, str]


@cache
def _zip_codes() -> _ZipCodes:
    """The package's table, reduced once (about half a second) to the positions.

    In the table a point of (0, 0) means an unknown position, mostly of military addresses.
    """
    rows = zipcodes.filter_by()
    codes = {row["zip_code"]: (float(row["lat"]), float(row["long"])) for row in rows}
    known = {code: point for code, point in codes.items() if point != (0.0, 0.0)}
    by_area: dict[str, list[str]] = defaultdict(list)
    for code in known:
        by_area[code[:AREA_CHARACTERS]].append(code)
    areas = {area: _middle([known[code] for code in codes]) for area, codes in by_area.items()}
    central = {area: min(codes, key=lambda code: dist(known[code], areas[area])) for area, codes in by_area.items()}
    return _ZipCodes(known, areas, central)


def _middle(points: list[tuple[float, float]]) -> tuple[float, float]:
    """The median of each coordinate. A mean would be far off for an area across the date line, or with one wrong row."""
    return median_low(latitude for latitude, _ in points), median_low(longitude for _, longitude in points)

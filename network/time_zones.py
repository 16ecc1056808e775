"""The time zones of each country, with the place that each is named after, from the table of the time zone database."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Zone(NamedTuple):
    """A time zone of a country, and the position of its largest city, in degrees."""

    name: str
    latitude: float
    longitude: float


_ROW = re.compile(r"^([A-Z]{2})\t([+-]\d+)([+-]\d+)\t(\S+)", re.MULTILINE)


@cache
def zones_by_country() -> Mapping[str, Sequence[Zone]]:
    """The zones by ISO 3166-1 alpha-2 code; a territory without inhabitants has none."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text()
    zones: dict[str, list[Zone]] = defaultdict(list)
    for country, latitude, longitude, name in _ROW.findall(table):
        zones[country].append(Zone(name, _degrees(latitude, 2), _degrees(longitude, 3)))
    return dict(zones)


def _degrees(written: str, digits: int) -> float:
    """`+5130` is 51 degrees and 30 minutes; a longitude has three digits of degrees, and seconds may follow."""
    degrees, rest = written[1 : 1 + digits], written[1 + digits :]
    minutes = int(rest[:2]) + (int(rest[2:]) / 60 if rest[2:] else 0)
    return (-1 if written[0] == "-" else 1) * (int(degrees) + minutes / 60)

"""Reads places.zip: a table of postal codes, of cities and of regions for each country, each read when it is first asked for.

A table is text, sorted by its bytes, with a row on each line; it is searched as it is, so it takes little more memory than its
text, 2 MB for the largest. `make.py` in this folder says where the rows come from.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from network.places.folding import TABLE_OF, folded, looked_up

PLACES = Path(__file__).with_name("places.zip")
POSTAL, CITIES, REGIONS, PARTS = "postal", "cities", "regions", "parts"
REGIONS_KEPT = 1_024
"""Regions that a process keeps as addresses name them: most addresses name one of a few."""


class Row(NamedTuple):
    """A row of a table: a position in degrees, and a word that says more."""

    word: str
    """Of a city and a region: its region, as the tables of the same country name it. Of an area of postal codes: "city" when
    nearly all of it is within 30 km, otherwise "region". Of a postal code: nothing."""
    latitude: float
    longitude: float


def postal(country: str, code: str) -> Row | None:
    """The row of a postal code in compact form, or of the codes that begin as it does and are all within 2 km."""
    table, code = _table(POSTAL, country), looked_up(country, code)
    start = table.first_not_before(code.encode())
    return next(_rows_at(table, code, start), None) or _row_before(table, code, start)


def postal_area(country: str, code: str) -> Row | None:
    """The row of the codes that have the first three characters of a code in common with it, or two, or one; None where even
    these are too far from each other."""
    table, code = _table(POSTAL, country), looked_up(country, code)
    return next((row for end in range(min(3, len(code)), 0, -1) for row in _rows(table, f"{code[:end]}*")), None)


def begins_a_code(country: str, beginning: str) -> bool:
    """Whether a postal code is known that begins so."""
    table, key = _table(POSTAL, country), beginning.encode()
    return table.text.startswith(key, table.first_not_before(key))


def city(country: str, name: str, region_word: str | None) -> Row | None:
    """The city of this name in a region; without a region, or where it has none of that name, the largest one."""
    found = list(_rows(_table(CITIES, country), folded(name)))
    return next((row for row in found if row.word == region_word), found[0] if found else None)


@lru_cache(REGIONS_KEPT)
def region(country: str, name: str) -> Row | None:
    """A region by its ISO 3166-2 code, with or without the country, or by its name."""
    return next(_rows(_table(REGIONS, country), folded(name.removeprefix(f"{country}-"))), None)


def part(country: str, name: str) -> Row | None:
    """A part of a region by its name, such as a commune or a township: the word is its region."""
    return next(_rows(_table(PARTS, country), folded(name)), None)


def points() -> Iterator[tuple[float, float]]:
    """The position of every city of the world, in degrees; of one with several names more than once."""
    with ZipFile(PLACES) as archive:
        for name in archive.namelist():
            if name.startswith(CITIES):
                for line in archive.read(name).splitlines():
                    _, _, latitude, longitude = line.split(b"\t")
                    yield float(latitude), float(longitude)


class _Table(NamedTuple):
    """The text of a table, and where each of its lines begins."""

    text: bytes
    starts: Sequence[int]

    def first_not_before(self, key: bytes) -> int:
        """Where the first line begins that is not less than a key."""
        text, length = self.text, len(key)
        number = bisect_left(self.starts, key, key=lambda start: text[start : start + length])
        return self.starts[number] if number < len(self.starts) else len(text)


@cache
def _table(kind: str, country: str) -> _Table:
    with ZipFile(PLACES) as archive:
        name = f"{kind}/{TABLE_OF.get(country, country) if kind == POSTAL else country}"
        text = archive.read(name) if name in archive.NameToInfo else b""
    lengths = map(len, text.splitlines(keepends=True))
    return _Table(text, array("I", accumulate(lengths, initial=0))[:-1])


def _rows(table: _Table, key: str) -> Iterator[Row]:
    """The rows of a key, in the order of the table."""
    return _rows_at(table, key, table.first_not_before(key.encode())) if key else iter(())


def _rows_at(table: _Table, key: str, start: int) -> Iterator[Row]:
    beginning, text = key.encode() + b"\t", table.text
    while key and text.startswith(beginning, start):
        end = text.index(b"\n", start)
        word, latitude, longitude = text[start + len(beginning) : end].decode().split("\t")
        yield Row(word, float(latitude), float(longitude))
        start = end + 1


def _row_before(table: _Table, code: str, start: int) -> Row | None:
    """The row of the codes that begin as this one does, which would stand at `start`: it is the last before it that is not that
    of an area."""
    text, end = table.text, start - 1
    while end > 0:
        start = text.rfind(b"\n", 0, end) + 1
        key, word, latitude, longitude = text[start:end].decode().split("\t")
        if not key.endswith("*"):
            return Row(word, float(latitude), float(longitude)) if code.startswith(key) else None
        end = start - 1
    return None

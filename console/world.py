"""Draws maps as SVG, on the server: outlines of the countries, and marks with names. Everything comes from this file's folder.

A degree of longitude is as wide as it is in the middle of the map, so distances near there look right. `outline.txt` is made by
`make_outline`; it is in tenths of degrees, east and south.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from formats.markup import element, text

OUTLINE = Path(__file__).with_name("outline.txt")
WIDTH, HEIGHT = 480.0, 260.0
SPAN_MIN = 120.0
"""Tenths of degrees from north to south that a map shows at least: nearer, the outlines say nothing."""
MARGIN = 1.3
NORTH, SOUTH = -840.0, 600.0
"""Tenths of degrees: where nobody lives beyond."""
LABEL_ROOM = (60.0, 11.0)
"""A name nearer than this to another is left out; it is in the title of its mark."""
RADII = {"chosen": 6.0, "runner": 5.0, "trouble": 6.0, "node": 4.0, "other": 2.5}


@dataclass(frozen=True, slots=True)
class Mark:
    """A point on a map."""

    latitude: float
    longitude: float
    name: str
    says: str
    """What the pointer shows over it, beside its name."""
    kind: str = "node"
    """One of `RADII`, or `customer`."""
    is_linked: bool = False
    """Whether a line joins it with the customer."""


class _Border(NamedTuple):
    west: int
    north: int
    east: int
    south: int
    path: str


class _View(NamedTuple):
    """What part of the world a map shows, and how much a tenth of a degree is on it, to the east and to the south."""

    west: float
    north: float
    per_east: float
    per_south: float

    def at(self, mark: Mark) -> tuple[float, float]:
        east, south = 10 * mark.longitude - self.west, -10 * mark.latitude - self.north
        return east * self.per_east, south * self.per_south

    def shows(self, border: _Border) -> bool:
        east, south = self.west + WIDTH / self.per_east, self.north + HEIGHT / self.per_south
        return border.west < east and border.east > self.west and border.north < south and border.south > self.north


def drawn(title: str, marks: Sequence[Mark]) -> Markup:
    """A map of these marks; the first ones keep their names where there is no room for all. Empty without marks."""
    if not marks:
        return Markup("")
    view = _view(marks)
    land = "".join(border.path for border in _borders() if view.shows(border))
    moved = f"scale({view.per_east:.4f} {view.per_south:.4f}) translate({-view.west:.1f} {-view.north:.1f})"
    customer = next((mark for mark in marks if mark.kind == "customer"), None)
    lines = [_line(view, mark, customer) for mark in marks if customer and mark.is_linked]
    points = [_point(view, mark) for mark in reversed(marks)]
    inner = [element("path", d=land, transform=moved), *lines, *points, *_names(view, marks)]
    svg = element("svg", *inner, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", role="img", aria_label=title)
    return Markup(element("figure", svg, element("figcaption", text(title)), class_="map"))


def _view(marks: Sequence[Mark]) -> _View:
    """All marks and some room around them, in the shape of the map, and nothing beyond where people live."""
    easts, souths = [10 * mark.longitude for mark in marks], [-10 * mark.latitude for mark in marks]
    middle = (min(souths) + max(souths)) / 2
    narrow = max(0.3, cos(radians(middle / 10)))
    tall = max(
        (max(souths) - min(souths)) * MARGIN, (max(easts) - min(easts)) * MARGIN * narrow * HEIGHT / WIDTH, SPAN_MIN
    )
    per_south = HEIGHT / tall
    highest = (NORTH + SOUTH - tall) / 2 if tall > SOUTH - NORTH else NORTH
    north = min(max(middle - tall / 2, highest), max(SOUTH - tall, highest))
    return _View((min(easts) + max(easts)) / 2 - WIDTH / per_south / narrow / 2, north, per_south * narrow, per_south)


def _line(view: _View, mark: Mark, customer: Mark) -> str:
    (x, y), (to_x, to_y) = view.at(mark), view.at(customer)
    return element("line", x1=x, y1=y, x2=to_x, y2=to_y)


def _point(view: _View, mark: Mark) -> str:
    x, y = view.at(mark)
    caption = element("title", text(f"{mark.name}: {mark.says}"))
    if mark.kind == "customer":
        return element("rect", caption, x=x - 5, y=y - 5, width=10.0, height=10.0, class_=mark.kind)
    return element("circle", caption, cx=x, cy=y, r=RADII[mark.kind], class_=mark.kind)


def _names(view: _View, marks: Sequence[Mark]) -> list[str]:
    placed: list[tuple[float, float]] = []
    names = []
    for mark in marks:
        x, y = view.at(mark)
        is_free = all(abs(x - a) > LABEL_ROOM[0] or abs(y - b) > LABEL_ROOM[1] for a, b in placed)
        if is_free:
            placed.append((x, y))
            is_right = x > WIDTH - LABEL_ROOM[0]
            anchor, beside = ("end", -8.0) if is_right else ("start", 8.0)
            names.append(element("text", text(mark.name), x=x + beside, y=y + 4, text_anchor=anchor))
    return names


@lru_cache(1)
def _borders() -> tuple[_Border, ...]:
    return tuple(map(_border, OUTLINE.read_text().splitlines()))


def _border(line: str) -> _Border:
    steps = [tuple(map(int, pair.split(","))) for pair in line.split()]
    x = y = 0
    xs, ys = [], []
    for east, south in steps:
        x, y = x + east, y + south
        xs.append(x)
        ys.append(y)
    first, _, others = line.partition(" ")
    return _Border(min(xs), min(ys), max(xs), max(ys), f"M{first}l{others}z")

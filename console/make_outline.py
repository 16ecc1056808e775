"""Makes outline.txt, the countries that maps show, from the npm package world-atlas: Natural Earth 1:110m, public domain.

`npm pack world-atlas@2.0.2`, unpack it, then `python -m console.make_outline package/countries-110m.json`. Nothing else needs
the package. The shared borders of TopoJSON (`arcs`) are simplified, not the countries, so that neighbours still meet.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from console.world import OUTLINE

TOLERANCE = 0.15
"""Degrees by which a simplified border may be off: less than two pixels of a map of a continent."""
ANTARCTICA = "010"

Point = tuple[float, float]


def simplified(points: Sequence[Point]) -> list[Point]:
    """The line without the points that are nearer to it than the tolerance (Douglas and Peucker)."""
    if len(points) < 3:
        return list(points)
    (x, y), (end_x, end_y) = points[0], points[-1]
    length = ((end_x - x) ** 2 + (end_y - y) ** 2) ** 0.5
    offs = [
        abs((end_x - x) * (y - b) - (x - a) * (end_y - y)) / length if length else ((a - x) ** 2 + (b - y) ** 2) ** 0.5
        for a, b in points[1:-1]
    ]
    farthest = max(range(len(offs)), key=offs.__getitem__)
    if offs[farthest] <= TOLERANCE:
        return [points[0], points[-1]]
    middle = farthest + 1
    return simplified(points[: middle + 1])[:-1] + simplified(points[middle:])


def outlines(topology: dict[str, Any]) -> Iterator[str]:
    """Each outer border as a line of the file; lakes and enclaves are not cut out."""
    arcs = [simplified(list(_positions(arc, topology["transform"]))) for arc in topology["arcs"]]
    for country in topology["objects"]["countries"]["geometries"]:
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        for polygon in polygons if country.get("id") != ANTARCTICA else ():
            points = [
                point for number in polygon[0] for point in (arcs[number] if number >= 0 else arcs[~number][::-1])
            ]
            tenths = list(dict.fromkeys((round(10 * x), round(-10 * y)) for x, y in _in_one_piece(points)))
            if len(tenths) > 2:
                yield _written(tenths)


def _in_one_piece(points: Sequence[Point]) -> list[Point]:
    """A border that crosses the 180th meridian goes on to the east of it, and not around the world."""
    crosses = any(abs(x - before) > 180 for (before, _), (x, _) in pairwise(points))
    return [(x + 360 if crosses and x < 0 else x, y) for x, y in points]


def _positions(arc: Sequence[Sequence[int]], transform: dict[str, Any]) -> Iterator[Point]:
    """Degrees east and north: each position of an arc is stored as its difference to the one before."""
    x = y = 0
    for east, north in arc:
        x, y = x + east, y + north
        yield (
            x * transform["scale"][0] + transform["translate"][0],
            y * transform["scale"][1] + transform["translate"][1],
        )


def _written(tenths: Sequence[tuple[int, int]]) -> str:
    steps = (f"{x - before[0]},{y - before[1]}" for before, (x, y) in pairwise(tenths))
    return f"{tenths[0][0]},{tenths[0][1]} {' '.join(steps)}"


def main() -> None:
    """Write the file from the one that is named."""
    topology = json.loads(Path(sys.argv[1]).read_text())
    OUTLINE.write_text("".join(f"{line}\n" for line in outlines(topology)))


if __name__ == "__main__":
    main()

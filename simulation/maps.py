"""Draws where orders go and from which node: a plate-carrée map, true to scale in its middle, with no help from outside.

The land is drawn from the cities that are known offline, one grey dot for each half degree that has any.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count, takewhile
from math import ceil, cos, radians, sqrt

from domain.network import Precision
from formats.markup import element, text
from network import places
from simulation.comparison import Comparison, Trial
from simulation.words import nodes_by_units

WIDTH = 620.0
HEIGHT_MAX = 520.0
HEIGHT_MIN = 220.0
MARGIN_DEGREES = 1.5
CELL_DEGREES = 0.5
"""Destinations closer than this are one dot."""
COLORS = 8
"""As many nodes have a colour of their own: the busiest."""
LABELS = 12
"""As many nodes are named on the map."""

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of the earth that is drawn, in degrees, and how it becomes pixels."""

    west: float
    east: float
    south: float
    north: float

    @property
    def scale(self) -> float:
        """Pixels per degree of latitude."""
        return WIDTH / ((self.east - self.west) * self.shrink)

    @property
    def shrink(self) -> float:
        """How much shorter a degree of longitude is than one of latitude, in the middle."""
        return max(0.2, cos(radians((self.south + self.north) / 2)))

    @property
    def height(self) -> float:
        """Pixels."""
        return (self.north - self.south) * self.scale

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        """A point in pixels."""
        return (longitude - self.west) * self.shrink * self.scale, (self.north - latitude) * self.scale

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a point is drawn."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


def maps(comparison: Comparison) -> list[str]:
    """A map for each trial, of the same area in the same colours."""
    frame = _frame(comparison)
    background = _land(frame) + _graticule(frame)
    colors = {node: min(place, COLORS) for place, node in enumerate(nodes_by_units(comparison))}
    return [_map(trial, frame, background, colors) for trial in comparison.trials]


def only_by_country(comparison: Comparison) -> int:
    """Orders that are drawn in the middle of their country, because no more is known of where they go."""
    return sum(one.place.precision is Precision.COUNTRY for one in comparison.trials[0].outcomes)


def _frame(comparison: Comparison) -> _Frame:
    """All nodes and destinations with some room around, in a shape that fits on a page."""
    points = [(node.latitude, node.longitude) for trial in comparison.trials for node in trial.network.nodes.values()]
    points += [(one.place.latitude, one.place.longitude) for one in comparison.trials[0].outcomes]
    latitudes, longitudes = zip(*points, strict=True)
    tight = _Frame(
        min(longitudes) - MARGIN_DEGREES,
        max(longitudes) + MARGIN_DEGREES,
        min(latitudes) - MARGIN_DEGREES,
        max(latitudes) + MARGIN_DEGREES,
    )
    wider = max(0.0, tight.height / HEIGHT_MAX - 1) * (tight.east - tight.west) / 2
    taller = max(0.0, HEIGHT_MIN - tight.height) / tight.scale / 2
    return _Frame(tight.west - wider, tight.east + wider, tight.south - taller, tight.north + taller)


@cache
def _known_cells() -> frozenset[Cell]:
    """The cells in which there is a city."""
    return frozenset(_cell(*point) for point in places.points())


def _cell(latitude: float, longitude: float) -> Cell:
    return round(latitude / CELL_DEGREES), round(longitude / CELL_DEGREES)


def _middle(cell: Cell) -> tuple[float, float]:
    return cell[0] * CELL_DEGREES, cell[1] * CELL_DEGREES


def _land(frame: _Frame) -> str:
    """Every dot as a line without length, which round caps make a dot: one element for all of them."""
    dots = (frame.at(*_middle(cell)) for cell in sorted(_known_cells()) if frame.holds(*_middle(cell)))
    width = f"{frame.scale * CELL_DEGREES * 0.55:.1f}"
    return element("path", d="".join(f"M{x:.1f} {y:.1f}h0" for x, y in dots), class_="land", stroke_width=width)


def _graticule(frame: _Frame) -> str:
    step = next(step for step in (1, 2, 5, 10, 20, 45) if (frame.east - frame.west) / step <= 9 or step == 45)
    drawn = []
    for longitude in _round_degrees(frame.west, frame.east, step):
        x, _ = frame.at(frame.north, longitude)
        drawn.append(element("line", x1=x, x2=x, y1=0.0, y2=frame.height, class_="grid"))
        label = f"{abs(longitude)}°{_side(longitude, 'W', 'E')}"
        drawn.append(element("text", label, x=x + 3, y=frame.height - 4, class_="tick"))
    for latitude in _round_degrees(frame.south, frame.north, step):
        _, y = frame.at(latitude, frame.west)
        drawn.append(element("line", x1=0.0, x2=WIDTH, y1=y, y2=y, class_="grid"))
        drawn.append(element("text", f"{abs(latitude)}°{_side(latitude, 'S', 'N')}", x=3.0, y=y + 11, class_="tick"))
    return "".join(drawn)


def _round_degrees(least: float, most: float, step: int) -> Iterable[int]:
    return takewhile(lambda degrees: degrees < most, count(ceil(least / step) * step, step))


def _side(degrees: int, below: str, above: str) -> str:
    return below if degrees < 0 else above if degrees > 0 else ""


def _map(trial: Trial, frame: _Frame, background: str, colors: Mapping[str, int]) -> str:
    goes = _units_by_cell(trial)
    drawn = [background, *_flows(trial, frame, goes, colors), *_dots(frame, goes, colors)]
    drawn += _nodes(trial, frame, colors)
    name = f"{trial.label}: where orders go and from which node"
    return element("svg", *drawn, viewBox=f"0 0 {WIDTH:.0f} {frame.height:.0f}", role="img", aria_label=name)


def _units_by_cell(trial: Trial) -> dict[Cell, Counter[str]]:
    """Units by the node that ships them; those that nobody ships under an empty name."""
    found: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
    for one in trial.outcomes:
        units = found[_cell(one.place.latitude, one.place.longitude)]
        units.update(one.units_by_node)
        units[""] += one.units - one.units_filled
    return dict(sorted(found.items()))


def _flows(trial: Trial, frame: _Frame, goes: Mapping[Cell, Counter[str]], colors: Mapping[str, int]) -> Iterable[str]:
    """A thin line from each node to each place that it ships to."""
    for node in sorted(trial.network.nodes.values(), key=lambda node: -colors[node.id]):
        x, y = frame.at(node.latitude, node.longitude)
        ends = (frame.at(*_middle(cell)) for cell, units in goes.items() if units[node.id])
        if lines := "".join(f"M{x:.1f} {y:.1f}L{end:.1f} {low:.1f}" for end, low in ends):
            yield element("path", d=lines, class_=f"flow stroke-{colors[node.id]}")


def _dots(frame: _Frame, goes: Mapping[Cell, Counter[str]], colors: Mapping[str, int]) -> Iterable[str]:
    """A dot for each place, in the colour of the node that ships most of its units; hollow where most wait."""
    most = max(units.total() for units in goes.values())
    for cell, units in goes.items():
        x, y = frame.at(*_middle(cell))
        node = min(units, key=lambda node: (-units[node], node))
        class_ = f"dot fill-{colors[node]}" if node else "dot unfilled"
        caption = ", ".join(
            f"{count} from {name}" if name else f"{count} unfilled" for name, count in units.items() if count
        )
        radius = 1.4 + 4 * sqrt(units.total() / most)
        yield element("circle", element("title", text(caption)), cx=x, cy=y, r=radius, class_=class_)


def _nodes(trial: Trial, frame: _Frame, colors: Mapping[str, int]) -> Iterable[str]:
    """A ring for each node, named where it is one of the busiest."""
    units = trial.units_by_node
    for place, node in enumerate(sorted(trial.network.nodes.values(), key=lambda node: (-units[node.id], node.id))):
        x, y = frame.at(node.latitude, node.longitude)
        caption = element("title", text(f"{node.id}, {node.name}: {units[node.id]:,} units"))
        yield element("circle", caption, cx=x, cy=y, r=6.0, class_=f"node fill-{colors[node.id]}")
        if place < LABELS:
            yield _label(f"{node.id} {units[node.id]:,}", x, y)


def _label(words: str, x: float, y: float) -> str:
    """Beside the point, on the side that has room."""
    is_left = x > WIDTH - 90
    anchor = "end" if is_left else "start"
    return element("text", text(words), x=x - 10 if is_left else x + 10, y=y + 4, class_="label", text_anchor=anchor)


def legend(comparison: Comparison) -> Sequence[tuple[int, str]]:
    """The colours of the map and whose they are."""
    named = nodes_by_units(comparison)
    nodes = {node.id: node for trial in comparison.trials for node in trial.network.nodes.values()}
    rest = [(COLORS, f"{len(named) - COLORS} other nodes")] if len(named) > COLORS else []
    return [*((place, f"{node}: {nodes[node].name}") for place, node in enumerate(named[:COLORS])), *rest]

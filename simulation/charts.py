"""Draws bars for how trials are spread: for each step one bar a trial, side by side."""

from itertools import count, takewhile

from formats.markup import element, text
from simulation.spread import Spread

WIDTH = 520.0
HEIGHT = 220.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 4.0, 10.0, 26.0
"""Room around the bars for the axes' words."""
BAR_WIDTH_MAX = 26.0
GAP = 2.0
ROUND = 3.0
LINES = 4
ROW_HEIGHT_MIN, ROW_HEIGHT_MAX = 34.0, 50.0
ROW_LEFT = 92.0
ROW_RIGHT = 64.0


def columns(spread: Spread, classes: list[str], labels: list[str]) -> str:
    """Upright bars: the share of each step in its trial."""
    shares = [[units / max(1, sum(counts)) for units in counts] for counts in spread.counts]
    top = _top(max(max(one, default=0.0) for one in shares))
    slot = (WIDTH - LEFT - RIGHT) / len(spread.steps)
    width = min(BAR_WIDTH_MAX, (slot - 3 * GAP) / len(shares) - GAP)
    drawn = [_horizontal_lines(top)]
    for position, step in enumerate(spread.steps):
        middle = LEFT + slot * (position + 0.5)
        drawn.append(element("text", text(step), x=middle, y=HEIGHT - 8, class_="tick", text_anchor="middle"))
        for trial, one in enumerate(shares):
            x = middle + (trial - len(shares) / 2) * (width + GAP) + GAP / 2
            counted, of = spread.counts[trial][position], sum(spread.counts[trial])
            caption = f"{labels[trial]}, {step}: {counted:,} of {of:,} {spread.of} ({one[position]:.1%})"
            drawn.append(_column(x, width, one[position] / top, classes[trial], caption))
    return _chart(spread.title, f"share of {spread.of}", WIDTH, HEIGHT, drawn)


def rows(spread: Spread, classes: list[str], labels: list[str]) -> str:
    """Lying bars with their figures: what each step has in each trial."""
    most = max(1, *(units for counts in spread.counts for units in counts))
    height = min(ROW_HEIGHT_MAX, max(ROW_HEIGHT_MIN, HEIGHT / len(spread.steps)))
    thickness = (height - 12) / len(spread.counts) - GAP
    drawn = []
    for position, step in enumerate(spread.steps):
        y = height * position
        drawn.append(
            element("text", text(step), x=ROW_LEFT - 10, y=y + height / 2 + 3, class_="name", text_anchor="end")
        )
        for trial, counts in enumerate(spread.counts):
            length = (WIDTH - ROW_LEFT - ROW_RIGHT) * counts[position] / most
            at = y + 5 + trial * (thickness + GAP)
            caption = f"{labels[trial]}, {step}: {counts[position]:,} {spread.of}"
            shape = element(
                "path", element("title", text(caption)), d=_lying(at, length, thickness), class_=classes[trial]
            )
            figure = f"{counts[position]:,}"
            x = ROW_LEFT + length + 6
            drawn += [shape, element("text", figure, x=x, y=at + thickness / 2 + 3.5, class_="tick")]
    return _chart(spread.title, spread.of, WIDTH, height * len(spread.steps) + 4, drawn)


def _chart(title: str, of: str, width: float, height: float, drawn: list[str]) -> str:
    caption = element("figcaption", text(title), " ", element("span", text(of)))
    svg = element("svg", *drawn, viewBox=f"0 0 {width:.0f} {height:.0f}", role="img", aria_label=title)
    return element("figure", caption, svg)


def _top(highest: float) -> float:
    """The end of the axis: the next of the usual steps."""
    return next(step for step in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if highest <= step)


def _horizontal_lines(top: float) -> str:
    lines = []
    for share in takewhile(lambda share: share <= top * 1.001, (top * step / LINES for step in count())):
        y = _y(share / top)
        lines.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        label = f"{100 * share:g} %"
        lines.append(element("text", label, x=LEFT - 8, y=y + 3.5, class_="tick", text_anchor="end"))
    return "".join(lines)


def _y(part: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - part)


def _column(x: float, width: float, part: float, class_: str, caption: str) -> str:
    """A bar from the ground up, its upper corners rounded; nothing is drawn of nothing."""
    if not part:
        return ""
    top, ground = _y(part), _y(0)
    bend = min(ROUND, width / 2, ground - top)
    shape = (
        f"M{x:.1f} {ground:.1f}V{top + bend:.1f}q0 {-bend:.1f} {bend:.1f} {-bend:.1f}h{width - 2 * bend:.1f}"
        f"q{bend:.1f} 0 {bend:.1f} {bend:.1f}V{ground:.1f}z"
    )
    return element("path", element("title", text(caption)), d=shape, class_=class_)


def _lying(y: float, length: float, thickness: float) -> str:
    """A bar from the left, its right corners rounded."""
    bend = min(ROUND, thickness / 2, length)
    return (
        f"M{ROW_LEFT:.1f} {y:.1f}h{length - bend:.1f}q{bend:.1f} 0 {bend:.1f} {bend:.1f}v{thickness - 2 * bend:.1f}"
        f"q0 {bend:.1f} {-bend:.1f} {bend:.1f}h{bend - length:.1f}z"
    )

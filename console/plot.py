"""Draws the bars of a report as SVG, on the server: a figure for each group, with its value in words for who cannot see it."""

from collections.abc import Sequence

from markupsafe import Markup

from formats.markup import element, text

WIDTH, HEIGHT = 560.0, 180.0
LEFT, TOP, BOTTOM = 48.0, 8.0, 24.0
"""Room around the bars for the words of the axes."""
LABELS_MAX = 8
LINES = 4
BAR_SHARE = 0.8
"""The part of its place that a bar fills."""
BAR_MAX = 48.0
"""Of few bars none looks like a wall."""
_POWERS = tuple(float(f"1e{power}") for power in range(13))


def bars(title: str, figures: Sequence[tuple[str, float | None]], *, is_share: bool = False) -> Markup:
    """Upright bars. A group without a figure has no bar; shares are drawn as parts of 100 %."""
    top = 1.0 if is_share else _top(max((figure or 0.0 for _, figure in figures), default=0.0))
    place = (WIDTH - LEFT) / max(1, len(figures))
    every = -(-len(figures) // LABELS_MAX) or 1
    drawn = [_lines(top, is_share)]
    for position, (name, figure) in enumerate(figures):
        x = LEFT + place * position
        if figure is not None:
            height = (HEIGHT - TOP - BOTTOM) * figure / top
            caption = element("title", text(f"{name}: {shown(figure, is_share)}"))
            width = min(place * BAR_SHARE, BAR_MAX)
            drawn.append(element("rect", caption, x=x, y=HEIGHT - BOTTOM - height, width=width, height=height))
        if position % every == 0:
            drawn.append(element("text", text(name), x=x, y=HEIGHT - 8))
    svg = element("svg", *drawn, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", role="img", aria_label=title)
    return Markup(element("figure", element("figcaption", text(title)), svg, class_="plot"))


def shown(figure: float, is_share: bool) -> str:
    """A figure as people read it."""
    return f"{100 * figure:.1f} %" if is_share else f"{figure:,.10g}"


def _top(highest: float) -> float:
    """The end of the axis: 1, 2 or 5 times a power of ten, and at least 4."""
    steps = (step * power for power in _POWERS for step in (1.0, 2.0, 5.0))
    return next(step for step in steps if step >= max(highest, LINES))


def _lines(top: float, is_share: bool) -> str:
    drawn = []
    for step in range(LINES + 1):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * step / LINES
        label = f"{25 * step} %" if is_share else f"{top * step / LINES:,.10g}"
        drawn.append(element("line", x1=LEFT, x2=WIDTH, y1=y, y2=y))
        drawn.append(element("text", label, x=LEFT - 6, y=y + 4, text_anchor="end"))
    return "".join(drawn)

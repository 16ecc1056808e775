"""Shows a comparison as one page that needs nothing else: no script, no font, no picture from anywhere."""

from pathlib import Path

from formats.markup import element, table, text
from simulation import spread, words
from simulation.charts import columns, rows
from simulation.comparison import Comparison
from simulation.maps import legend, maps, only_by_country

STYLE = Path(__file__).with_name("page.css")
CLASSES = {1: ["second"], 2: ["first", "second"]}
"""The colours of trials: a single one has the stronger."""


def page(comparison: Comparison, shown: int) -> str:
    """The page; of the orders that changed, so many are shown one by one."""
    is_pair = len(comparison.trials) > 1
    title = "Two networks on the same orders" if is_pair else "A network on past orders"
    parts = [_head(comparison, title), _tiles(comparison), _figures(comparison), _spreads(comparison)]
    parts += [_map_section(comparison), _decided(comparison), *([_changes(comparison, shown)] if is_pair else [])]
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        element("title", text(title)),
        element("style", STYLE.read_text(encoding="utf-8")),
    ]
    body = element("body", element("main", *parts))
    return "<!doctype html>\n" + element("html", element("head", *head), body, lang="en") + "\n"


def _head(comparison: Comparison, title: str) -> str:
    names = zip(_classes(comparison), words.names(comparison), strict=True)
    chips = (element("li", element("i", class_=f"chip {class_}"), text(name)) for class_, name in names)
    sentences = (element("p", text(sentence)) for sentence in words.heading(comparison))
    return element("header", element("h1", text(title)), *sentences, element("ul", *chips, class_="legend"))


def _classes(comparison: Comparison) -> list[str]:
    return CLASSES[len(comparison.trials)]


def _labels(comparison: Comparison) -> list[str]:
    return [trial.label for trial in comparison.trials]


def _section(title: str, *inner: str) -> str:
    return element("section", element("h2", text(title)), *inner)


def _tiles(comparison: Comparison) -> str:
    """The few figures that are read first."""
    return element(
        "section", *(_tile(comparison, one) for one in words.figures(comparison) if one.is_key), class_="tiles"
    )


def _tile(comparison: Comparison, figure: words.Figure) -> str:
    values = [
        element("p", element("i", class_=f"chip {class_}"), element("b", text(value.split(" (")[0])), title=label)
        for class_, label, value in zip(_classes(comparison), _labels(comparison), figure.values, strict=True)
    ]
    difference = [element("p", text(figure.difference), class_="difference")] if figure.difference else []
    return element("div", element("h3", text(figure.name)), *values, *difference, class_="tile", title=figure.help)


def _figures(comparison: Comparison) -> str:
    is_pair = len(comparison.trials) > 1
    head = ["", *_labels(comparison), *(["B − A"] if is_pair else []), "what is counted"]
    cells = [
        (one.name, *one.values, *([one.difference] if is_pair else []), one.help) for one in words.figures(comparison)
    ]
    return _section("Figures", table(head, cells, class_="figures explained"))


def _spreads(comparison: Comparison) -> str:
    classes, labels = _classes(comparison), _labels(comparison)
    upright = (spread.costs, spread.days, spread.shipments)
    drawn = [columns(of(comparison), classes, labels) for of in upright]
    drawn.append(rows(spread.nodes(comparison), classes, labels))
    return _section("How they are spread", element("div", *drawn, class_="charts"))


def _map_section(comparison: Comparison) -> str:
    chips = [element("li", element("i", class_=f"chip fill-{color}"), text(name)) for color, name in legend(comparison)]
    chips.append(element("li", element("i", class_="chip unfilled"), "not filled"))
    drawn = [
        element("figure", element("figcaption", text(name)), picture)
        for name, picture in zip(words.names(comparison), maps(comparison), strict=True)
    ]
    coarse = only_by_country(comparison)
    note = f"{coarse:,} orders are known by their country only, and drawn in its middle." if coarse else ""
    note_of_dots = "A dot is where orders go, in the colour of the node that ships most of its units there. "
    return _section(
        "Where orders go, and from where",
        element("p", text(note_of_dots + note)),
        element("ul", *chips, class_="legend"),
        element("div", *drawn, class_="maps"),
    )


def _decided(comparison: Comparison) -> str:
    labels = _labels(comparison)
    nodes = table(["node", *labels], words.node_rows(comparison), class_="figures")
    ways = table(["strategy", "tier", *labels], words.way_rows(comparison), class_="figures ways")
    return element(
        "div",
        _section("Units by node", nodes),
        _section("Orders by what decided", ways),
        class_="pair",
    )


def _changes(comparison: Comparison, shown: int) -> str:
    sentences = (element("p", text(sentence)) for sentence in words.change_sentences(comparison))
    causes = table(["reason", "orders"], words.cause_rows(comparison), class_="figures")
    found = words.shown_changes(comparison, shown)
    listed = table(["order", *_labels(comparison), "why"], found, class_="changes")
    first = element("h3", text(f"The first {len(found)} of them")) + listed if found else ""
    return _section("Orders that ship differently", *sentences, causes if comparison.changes else "", first)

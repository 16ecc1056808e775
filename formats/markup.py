"""Writes elements of a page: names, attributes and text, escaped where they come from outside."""

from collections.abc import Iterable, Sequence
from html import escape


def element(name: str, *inner: str, **attributes: object) -> str:
    """An element around markup. An attribute that is None is left out; `class_` is class, `stroke_width` stroke-width."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(inner)}</{name}>"


def text(words: object) -> str:
    """Text as escaped markup."""
    return escape(str(words))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], **attributes: object) -> str:
    """A table of texts; its first row has the names of the columns."""
    head = element("tr", *(element("th", text(column), scope="col") for column in columns))
    body = (element("tr", *(element("td", text(cell)) for cell in row)) for row in rows)
    inner = element("table", element("thead", head), element("tbody", *body), **attributes)
    return element("div", inner, class_="scrolls")


def _value(value: object) -> str:
    """An attribute's value as text; a float has at most one decimal place."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)

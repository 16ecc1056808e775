"""Orders of other systems become ours by the tables of docs/reference/mapping.md, and nothing that an order has is lost.

The documents are invented. They have the shape of Shopify's, Amazon's and WooCommerce's orders and of an X12 850.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from channels.channel import Amends, Message, Said, Settings, Units
from channels.kinds import KINDS
from channels.x12.profile import Profile
from tests.house import Document, House
from tests.journeys.test_order_document import moments

PAGE = Path(__file__).parents[2] / "docs/reference/mapping.md"
ORDERS = Path(__file__).parent / "orders"
FILES = {
    "Shopify": "shopify.json",
    "Amazon": "amazon.json",
    "WooCommerce": "woocommerce.json",
    "X12 850": "purchase_order.x12",
}
SERVICES = {"Free Shipping": "standard", "STANDARD": "standard", "Flat Rate": "standard", "UPSG": "standard"}
LISTS = ("tags", "street")


@dataclass(frozen=True)
class Row:
    """A row of a table: their field, ours (None = it is not sent), and how one becomes the other."""

    theirs: str
    ours: str | None
    how: str


def rows_of(heading: str) -> list[Row]:
    """The rows of the table below a heading of the page."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None, heading
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section[1].splitlines() if "|" in line]
    return [
        Row(theirs, None if ours == "–" else ours.strip("`"), how.strip("`"))
        for names, ours, how in cells[2:]
        for theirs in re.findall("`([^`]+)`", names)
    ]


@dataclass(frozen=True)
class Found:
    """A value of their document: its path, and on which line it is."""

    path: str
    line: int
    value: Any


def of_json(value: Any, path: str = "", line: int | None = None) -> Iterator[Found]:
    """Every value that is not empty, and every object in a list."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from of_json(part, f"{path}.{name}" if path else name, line)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            if isinstance(part, dict):
                yield Found(f"{path}[]", index if line is None else line, part)
            yield from of_json(part, f"{path}[]", index if line is None else line)
    elif value not in (None, ""):
        yield Found(path, line or 0, value)


QUALIFIED = ("REF", "DTM", "PKG")
WHOLE = ("CSH", "ITD", "PKG", "PO4", "REF", "TD5")
"""Segments that are kept as they came."""


def of_x12(text: str) -> Iterator[Found]:
    """Every element of a purchase order that is not empty, as the page names it."""
    party, line = "", -1
    for name, *elements in (segment.split("*") for segment in text.replace("\n", "").split("~") if segment):
        party = elements[0] if name == "N1" else party
        line += name == "PO1"
        of_line = "[]" if name in ("PO1", "PID", "PO4") else ""
        of_party = f"({party})" if name in ("N1", "N2", "N3", "N4") else ""
        qualifier = f"({elements[0]})" if name in QUALIFIED else ""
        if name in WHOLE:
            whole = " ".join(filter(None, elements[1 if qualifier else 0 :]))
            yield Found(f"{name}{of_line}{qualifier}", max(line, 0), whole)
        if name in WHOLE and name != "TD5":
            continue
        for number, element in enumerate(elements, 1):
            if name == "PO1" and number > 5:
                path = f"PO1[] {elements[number - 2]}" if number % 2 else "PO1[]qualifier"
            else:
                path = f"{name}{of_line}{of_party}{qualifier}{number:02}"
            if element:
                yield Found(path, max(line, 0), element)


@dataclass
class Mapping:
    """Maps one document by the rows of a table."""

    rows: list[Row]
    order: Document = field(default_factory=dict)
    used: set[Row] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)

    def map(self, found: list[Found]) -> Document:
        """Our document. What the units cost is made of sums, once their quantity is known."""
        later = ("of one", "the rest")
        for one in found:
            self._put(one, [row for row in self._rows(one) if row.how not in later])
        for how in later:
            for one in found:
                self._put(one, [row for row in self._rows(one) if row.how == how])
        return self.order

    def _rows(self, one: Found) -> list[Row]:
        """The rows for a value: those that name it, or the one whose beginning fits best."""
        if exact := [row for row in self.rows if row.theirs == one.path]:
            return exact
        fits = [row for row in self.rows if row.theirs.endswith("*") and one.path.startswith(row.theirs[:-1])]
        best = max(fits, key=lambda row: len(row.theirs), default=None)
        if best is None and not isinstance(one.value, dict):
            self.lost.append(one.path)
        return [best] if best else []

    def _put(self, one: Found, rows: list[Row]) -> None:
        for row in rows:
            self.used.add(row)
            if row.ours is None:
                continue
            *way, last = row.ours.split(".")
            place = self.order
            for step in way:
                place = self._line(one.line) if step == "lines[]" else place.setdefault(step, {})
            self._write(place, last, row.how, one.value)

    def _line(self, number: int) -> Document:
        lines: list[Document] = self.order.setdefault("lines", [])
        while len(lines) <= number:
            lines.append({})
        return lines[number]

    def _write(self, place: Document, name: str, how: str, value: Any) -> None:
        match how.split(" "):
            case ["minor", "units"]:
                place[name] = place.get(name, 0) + minor(value)
            case ["only", kind]:
                is_it = value["type"] == kind
                place[name] = place.get(name, 0) + (minor(value["subtotal"]["amount"]) if is_it else 0)
            case ["of", "one"]:
                place[name] = -(-minor(value) // place["quantity"])
            case ["the", "rest"]:
                place[name] = place["unit_price"] * place["quantity"] - minor(value)
            case ["pairs"]:
                place.setdefault(name, {})[value.get("name") or value["key"]] = value["value"]
            case ["lines"]:
                place[name] = f"{place[name]}\n{value}" if name in place else value
            case ["commas"]:
                place[name] = [word.strip() for word in value.split(",")]
            case ["added"] if name in LISTS:
                place.setdefault(name, []).append(value)
            case ["added"]:
                place[name] = f"{place[name]} {value}" if name in place else value
            case _:
                place[name] = int(value) if name == "quantity" else plain(how, value)


def minor(amount: str) -> int:
    """An amount in minor units; the documents are in currencies with hundredths."""
    return int(Decimal(amount).scaleb(2))


def plain(how: str, value: Any) -> Any:
    """A value that is written in another way."""
    match how:
        case "text":
            return str(value)
        case "number":
            return float(value)
        case "HTML":
            return unescape(value)
        case "service":
            return SERVICES[value]
        case "day" | "end of day":
            return f"{value[:4]}-{value[4:6]}-{value[6:]}T{'00:00:00' if how == 'day' else '23:59:59'}Z"
        case "noon":
            return f"{value[:4]}-{value[4:6]}-{value[6:]}T12:00:00Z"
        case "#":
            return f"#{value}"
        case "UTC":
            return f"{value}Z"
    return value


KNOWN_BY = {"Shopify": "orders/create", "Amazon": "order", "WooCommerce": "order.updated", "X12 850": "850"}
"""By heading, what the message is about that brings such an order."""


class EverySku:
    """A catalogue in which each SKU is an item."""

    def nodes(self) -> Collection[str]:
        """None."""
        return ()

    def item(self, kind: str, external: str) -> Units | None:
        """The item of a SKU."""
        return Units(external) if kind == "sku" and external else None


def by_the_kind(heading: str, file: Path) -> Document:
    """The order that the kind of channels makes of it."""
    name = heading.partition(" ")[0].lower()
    body = file.read_bytes()
    message = Message(KNOWN_BY[heading], json.dumps(json.loads(body)["order"]).encode() if name == "amazon" else body)
    entry = {"services": SERVICES, "profile": Profile(services=SERVICES)}
    kept = {"location": "1", "connected_at": "2000-01-01T00:00:00+00:00"}
    (said,) = KINDS[name].read(Settings(name, entry, {}, kept), EverySku(), message)
    if isinstance(said, Amends):
        said = said.together([message])
    assert isinstance(said, Said)
    assert said.order is not None, said.why_not
    return said.order.model_dump(mode="json")


def lacking(wanted: Any, made: Any, place: str = "") -> Iterator[str]:
    """The places where what was made lacks what is wanted, or has something else there."""
    if isinstance(wanted, dict):
        for name, part in wanted.items():
            yield from lacking(part, made.get(name) if isinstance(made, dict) else None, f"{place}.{name}")
    elif isinstance(wanted, list) and isinstance(made, list) and len(wanted) == len(made):
        for number, (one, other) in enumerate(zip(wanted, made, strict=True)):
            yield from lacking(one, other, f"{place}.{number}")
    elif moments({"of": wanted}) != moments({"of": made}):
        yield f"{place} is {made!r}, and the page has {wanted!r}"


@pytest.mark.parametrize(("heading", "file"), FILES.items())
def test_a_kind_of_channels_puts_each_field_where_the_page_says(heading: str, file: str) -> None:
    wanted = Mapping(rows_of(heading)).map(read(ORDERS / file))
    assert list(lacking(wanted, by_the_kind(heading, ORDERS / file))) == []


def read(file: Path) -> list[Found]:
    """Every value of a document of theirs."""
    return list(of_json(json.loads(file.read_text())) if file.suffix == ".json" else of_x12(file.read_text()))


@pytest.mark.parametrize(("heading", "file"), FILES.items())
async def test_an_order_of_another_system_loses_nothing_on_its_way_in(house: House, heading: str, file: str) -> None:
    rows = rows_of(heading)
    mapping = Mapping(rows)
    order = mapping.map(read(ORDERS / file)) | {"channel": heading.partition(" ")[0].lower()}

    assert mapping.lost == []
    assert [row for row in rows if row.ours and row not in mapping.used] == [], (
        "the document has every field of the table"
    )
    answer = await house.http.post("/orders", json=order)
    assert answer.status_code == 201, answer.text
    name = answer.json()["order"]
    house.orders.append(name)
    shown = await house.order(name)
    for line, sent in zip(shown["lines"], order.pop("lines"), strict=True):
        assert line["ordered"] == sent.pop("quantity")
        assert {known: line[known] for known in sent} == sent
    assert moments({known: shown[known] for known in order}) == moments(order)

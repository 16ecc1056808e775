"""Reads items.csv: what can be ordered, and what bundles are made of."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.network import Item
from network.mistakes import Mistakes
from network.tables import did_you_mean

REQUIRED = ("sku", "name", "weight_g", "safety_stock", "components")
OPTIONAL = ("category", "tags")
SKU_CHARACTERS_MAX = 64
QUANTITY_MAX = 1_000_000


def read_items(text: str, mistakes: Mistakes) -> dict[str, Item]:
    """The items by SKU; whatever is wrong is reported, and what it leaves is read on."""
    rows = _rows(text, mistakes)
    items: dict[str, Item] = {}
    lines: dict[str, int] = {}
    for row in rows:
        item = row.item()
        if item.sku in items:
            row.wrong(f"sku {item.sku!r} is there twice; the first is in line {lines[item.sku]}")
        elif item.sku:
            items[item.sku], lines[item.sku] = item, row.line
    for row in rows:
        row.check_components(items)
    return {sku: _weighed(item, items) for sku, item in items.items()}


def _rows(text: str, mistakes: Mistakes) -> list["_Row"]:
    """The rows under the header; none when the header is wrong, since then no cell has a meaning."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        mistakes.add(line, f"no CSV: {error}")
    header = rows[0][1] if rows else []
    if not _header_is_right(header, mistakes):
        return []
    found = []
    for line, cells in rows[1:]:
        if len(cells) == len(header):
            found.append(_Row(line, dict(zip(header, cells, strict=True)), mistakes))
        elif cells:
            mistakes.add(line, f"{len(cells)} columns instead of {len(header)}; a text with a comma needs quotes")
    return found


def _header_is_right(header: list[str], mistakes: Mistakes) -> bool:
    known = [*REQUIRED, *OPTIONAL]
    missing = [column for column in REQUIRED if column not in header]
    for column in header:
        if column not in known:
            mistakes.add(1, f"unknown column {column!r}{did_you_mean(column, known)}")
        elif header.count(column) > 1:
            mistakes.add(1, f"column {column!r} is there twice")
    if missing:
        mistakes.add(1, f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
    return not missing and len(set(header)) == len(header)


@dataclass(frozen=True, slots=True)
class _Row:
    """One item as it is written."""

    line: int
    cells: Mapping[str, str]
    mistakes: Mistakes

    def wrong(self, text: str) -> None:
        self.mistakes.add(self.line, text)

    def item(self) -> Item:
        sku = self.cells["sku"]
        if not re.fullmatch(rf"[A-Za-z0-9._:/-]{{1,{SKU_CHARACTERS_MAX}}}", sku):
            allowed = f"1 to {SKU_CHARACTERS_MAX} letters, digits and . _ : / -"
            self.wrong(f"sku must be {allowed}, not {sku!r}")
            sku = ""
        return Item(
            sku=sku,
            name=self.cells["name"] or sku,
            weight_g=self._whole("weight_g", blank_allowed=bool(self.cells["components"].strip())),
            safety_stock=self._whole("safety_stock", blank_allowed=True),
            components=tuple(self._components()),
            category=self.cells.get("category", ""),
            tags=tuple(self.cells.get("tags", "").split()),
        )

    def _whole(self, column: str, blank_allowed: bool) -> int:
        cell = self.cells[column].strip()
        if re.fullmatch(r"\d{1,9}", cell, re.ASCII):
            return int(cell)
        if cell or not blank_allowed:
            self.wrong(f"{column} must be a whole number of at least 0, not {cell!r}")
        return 0

    def _components(self) -> list[tuple[str, int]]:
        """`SKU*2 SKU*1` as pairs."""
        found: list[tuple[str, int]] = []
        for word in self.cells["components"].split():
            sku, _, count = word.rpartition("*")
            if not sku or not re.fullmatch(r"\d{1,7}", count, re.ASCII) or not 1 <= int(count) <= QUANTITY_MAX:
                self.wrong(f"components must be like SKU*2 SKU*1, not {word!r}")
            elif any(sku == other for other, _ in found):
                self.wrong(f"components name {sku!r} twice; add the quantities")
            else:
                found.append((sku, int(count)))
        return found

    def check_components(self, items: Mapping[str, Item]) -> None:
        for sku, _ in items[self.cells["sku"]].components if self.cells["sku"] in items else ():
            if sku == self.cells["sku"]:
                self.wrong(f"components of {sku!r} name itself")
            elif sku not in items:
                self.wrong(f"components name unknown SKU {sku!r}{did_you_mean(sku, list(items))}")
            elif items[sku].components:
                self.wrong(f"components name {sku!r}, which is a bundle itself; name its components instead")


def _weighed(item: Item, items: Mapping[str, Item]) -> Item:
    """A bundle that states no weight weighs what its components weigh."""
    if item.weight_g or not item.components:
        return item
    return replace(item, weight_g=sum(items[sku].weight_g * count for sku, count in item.components if sku in items))

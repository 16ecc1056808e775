"""Reads items.csv: what can be ordered, and what bundles are made of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from domain.network import Item
from domain.stock import sku_of
from network.barcodes import fault_of_barcode
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes
from network.toml_tables import did_you_mean

REQUIRED = ("sku", "name", "weight_g", "safety_stock", "components")
MEASURES = ("length_mm", "width_mm", "height_mm")
OPTIONAL = (
    "category",
    "tags",
    "barcode",
    *MEASURES,
    "hazmat",
    "ships_alone",
    "release_date",
    "sell_ahead_max",
    "pack_units",
)
QUANTITY_MAX = 1_000_000
RELEASE_YEARS = range(1970, 2201)
"""As of moments in requests. The first day of the year 1 begins before the first moment that there is, in the east."""


def read_items(text: str, mistakes: Mistakes) -> dict[str, Item]:
    """The items by SKU. Mistakes are reported, and the rest is read."""
    rows = read_rows(text, REQUIRED, OPTIONAL, mistakes)
    items: dict[str, Item] = {}
    lines: dict[str, int] = {}
    for row in rows:
        item = _item(row)
        if item.sku in items:
            row.wrong(f"sku {item.sku!r} is there twice; the first is on line {lines[item.sku]}")
        elif item.sku:
            items[item.sku], lines[item.sku] = item, row.line
    for row in rows:
        _check_components(row, items)
    _warn_of_barcodes_there_twice(rows)
    return {sku: _with_components(item, items) for sku, item in items.items()}


def _item(row: Row) -> Item:
    sku = row.cells["sku"]
    if sku_of(sku) is None:
        row.wrong(
            f"sku must be 1 to 64 characters, without control characters and without a blank at an end, not {sku!r}"
        )
        sku = ""
    return Item(
        sku=sku,
        name=row.cells["name"] or sku,
        weight_g=_whole(row, "weight_g", blank_allowed=bool(row.cells["components"].strip())),
        safety_stock=_whole(row, "safety_stock", blank_allowed=True),
        components=tuple(_components(row)),
        category=row.cells.get("category", ""),
        tags=tuple(row.cells.get("tags", "").split()),
        barcode=_barcode(row),
        **_measures(row),
        hazmat=row.flag("hazmat"),
        ships_alone=row.flag("ships_alone"),
        release_date=_release_date(row),
        sell_ahead_max=_sell_ahead_max(row),
        pack_units=_pack_units(row),
    )


def _release_date(row: Row) -> date | None:
    return row.day("release_date", RELEASE_YEARS) if row.cells.get("release_date", "").strip() else None


def _sell_ahead_max(row: Row) -> int | None:
    if not row.cells.get("sell_ahead_max", "").strip():
        return None
    if row.cells["components"].strip():
        row.wrong("sell_ahead_max of a bundle: give it to its components, whose units are what waits")
        return None
    return row.whole("sell_ahead_max")


def _whole(row: Row, column: str, blank_allowed: bool) -> int:
    is_blank = not row.cells[column].strip()
    return 0 if is_blank and blank_allowed else row.whole(column)


def _pack_units(row: Row) -> int:
    """Units of a pack; 1 for an empty cell. A bundle does not move between nodes, so it has no pack."""
    if not row.cells.get("pack_units", "").strip():
        return 1
    if row.cells["components"].strip():
        row.wrong("pack_units must be empty for a bundle; its components move between nodes, each in its own pack")
        return 1
    return row.whole("pack_units", least=1, most=QUANTITY_MAX)


def _barcode(row: Row) -> str:
    code = row.cells.get("barcode", "").strip()
    fault = fault_of_barcode(code) if code else None
    if fault and fault.is_certain:
        row.wrong(fault.text)
    elif fault:
        row.warn(fault.text)
    return code


def _warn_of_barcodes_there_twice(rows: Sequence[Row]) -> None:
    """Who scans a barcode of two items cannot tell which of them it is."""
    seen: dict[str, str] = {}
    for row in rows:
        code, sku = row.cells.get("barcode", "").strip(), row.cells["sku"]
        if code and seen.setdefault(code, sku) != sku:
            row.warn(f"barcode {code} is also that of {seen[code]}")


def _measures(row: Row) -> dict[str, int]:
    """Length, width and height; all three or none."""
    given = [column for column in MEASURES if row.cells.get(column, "").strip()]
    if given and len(given) < len(MEASURES):
        missing = " and ".join(column for column in MEASURES if column not in given)
        row.wrong(f"{' and '.join(given)} without {missing}: give all three or none")
    return {column: row.whole(column, least=1) for column in given}


def _components(row: Row) -> list[tuple[str, int]]:
    """`SKU*2 "A SKU"*1` as pairs."""
    found: list[tuple[str, int]] = []
    for word in _WORD.finditer(row.cells["components"]):
        part = _COMPONENT.fullmatch(word[0])
        if part is None or not 1 <= int(part["count"]) <= QUANTITY_MAX:
            row.wrong(f'components must be like SKU*2 "A SKU"*1, not {word[0]!r}{_in_quotes(word[0])}')
            continue
        sku = part["plain"] or part["quoted"].replace('""', '"')
        if any(sku == other for other, _ in found):
            row.wrong(f"components name {sku!r} twice; add the quantities")
        else:
            found.append((sku, int(part["count"])))
    return found


_QUOTED = r'"(?:[^"]|"")+"'
_WORD = re.compile(rf"(?:{_QUOTED}|\S)+")
"""What stands between blanks; those in quotes do not count."""
_COMPONENT = re.compile(r'(?:(?P<plain>[^\s*@"]+)|"(?P<quoted>(?:[^"]|"")+)")\*(?P<count>\d{1,7})', re.ASCII)


def _in_quotes(word: str) -> str:
    sku, _, count = word.rpartition("*")
    needs_them = re.fullmatch(r"\d{1,7}", count, re.ASCII) and re.search(r'[*@"]', sku)
    return '; a SKU with blanks, *, @ or " stands in double quotes, with "" for "' if needs_them else ""


def _check_components(row: Row, items: Mapping[str, Item]) -> None:
    for sku, _ in items[row.cells["sku"]].components if row.cells["sku"] in items else ():
        if sku == row.cells["sku"]:
            row.wrong(f"components of {sku!r} name the bundle itself")
        elif sku not in items:
            row.wrong(f"components name unknown SKU {sku!r}{did_you_mean(sku, list(items))}")
        elif items[sku].components:
            row.wrong(f"components name {sku!r}, which is a bundle too; name its components instead")


def _with_components(item: Item, items: Mapping[str, Item]) -> Item:
    """The item; a bundle without a weight gets that of its components, is dangerous goods where one of them is, and is released
    when the last of them is."""
    parts = [(items[sku], count) for sku, count in item.components if sku in items]
    weight_g = item.weight_g or sum(part.weight_g * count for part, count in parts)
    hazmat = item.hazmat or any(part.hazmat for part, _ in parts)
    days = [one.release_date for one in (item, *(part for part, _ in parts)) if one.release_date]
    released = max(days, default=None)
    return replace(item, weight_g=weight_g, hazmat=hazmat, release_date=released) if parts else item

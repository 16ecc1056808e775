"""Puts the good rows of a file of items into items.csv of a network directory: an ERP knows its items, nobody types them."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from network.csv_rows import Row, read_rows
from network.items_csv import OPTIONAL, REQUIRED, read_items
from network.mistakes import Mistakes

COLUMNS = (*REQUIRED, *OPTIONAL)
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


def merge(current: str, incoming: str, mistakes: Mistakes) -> str:
    """items.csv with the rows of another such file: a SKU that it has gets the new cells, a new one is added, none is dropped.

    A row with a mistake is reported and left out. A column that the other file does not have keeps its cells.
    """
    own = Mistakes("items.csv")
    known = {row.cells["sku"]: dict(row.cells) for row in read_rows(current, REQUIRED, OPTIONAL, own)}
    read_items(current, own)
    if own.found():
        mistakes.add(0, f"nothing was taken, because items.csv has a mistake: {own.found()[0]}")
        return current
    rows = _once_each(read_rows(incoming, REQUIRED, OPTIONAL, mistakes))
    while rows:
        text, places = _written(known, rows)
        probe = Mistakes("items.csv")
        read_items(text, probe)
        wrong = {places[mistake.line]: mistake.text for mistake in probe.found()}
        if not wrong:
            return text
        left = [row for row in rows if row.cells["sku"] not in wrong]
        _report(rows, wrong)
        if len(left) == len(rows):
            mistakes.add(0, f"nothing was taken, because items.csv would have a mistake: {probe.found()[0].text}")
            return current
        rows = left
    return current


def _once_each(rows: Sequence[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        if (earlier := first.setdefault(row.cells["sku"], row)) is not row:
            row.wrong(f"sku {row.cells['sku']!r} is there twice; the first is on line {earlier.line}, and was taken")
    return list(first.values())


def _report(rows: Sequence[Row], wrong: Mapping[str, str]) -> None:
    for row in rows:
        if (text := wrong.get(row.cells["sku"])) is not None:
            row.wrong(text)


def _written(known: Mapping[str, Mapping[str, str]], rows: Sequence[Row]) -> tuple[str, dict[int, str]]:
    """The merged file, and the SKU of the row that begins on each of its lines."""
    merged = {sku: dict(cells) for sku, cells in known.items()}
    for row in rows:
        merged[row.cells["sku"]] = merged.get(row.cells["sku"], {}) | dict(row.cells)
    used = [column for column in COLUMNS if column in REQUIRED or any(column in cells for cells in merged.values())]
    output = io.StringIO(newline="")
    writer = csv.DictWriter(output, used, restval="", lineterminator="\n")
    writer.writeheader()
    places: dict[int, str] = {}
    line = 2
    for sku, cells in merged.items():
        places[line] = sku
        writer.writerow(cells)
        line += 1 + sum(len(_LINE_ENDS.findall(cell)) for cell in cells.values())
    return output.getvalue(), places

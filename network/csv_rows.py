"""Reads the rows of a CSV file with a header; the caller checks the cells."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from network.mistakes import Mistakes
from network.toml_tables import did_you_mean

WHOLE_MAX = 1_000_000_000
"""The largest number in a cell: a thousand million."""
YEARS = range(1, 2201)
"""The years of a day in a cell."""


_FLAGS = {"": False, "no": False, "false": False, "0": False, "yes": True, "true": True, "1": True}
"""What spreadsheets and people write for yes and no."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file: its cells by column, and the line that it begins on."""

    line: int
    cells: Mapping[str, str]
    mistakes: Mistakes

    def wrong(self, text: str) -> None:
        """Report a mistake in this row."""
        self.mistakes.add(self.line, text)

    def warn(self, text: str) -> None:
        """Report what only looks like a mistake in this row."""
        self.mistakes.warn(self.line, text)

    def flag(self, column: str) -> bool:
        """The cell as yes or no; a column that is absent and an empty cell are no. Otherwise reports the mistake."""
        cell = self.cells.get(column, "").strip()
        if cell.lower() not in _FLAGS:
            self.wrong(f"{column} must be yes or no, not {cell!r}")
        return _FLAGS.get(cell.lower(), False)

    def day(self, column: str, years: range = YEARS) -> date | None:
        """The cell as a day of these years. Otherwise reports the mistake and answers None."""
        cell = self.cells[column].strip()
        day = _day(cell)
        if day is None:
            self.wrong(f"{column} must be a day such as 2026-01-31, not {cell!r}")
        elif day.year not in years:
            self.wrong(f"{column} must be between the years {years[0]} and {years[-1]}, not {cell!r}")
            return None
        return day

    def whole(self, column: str, least: int = 0, most: int = WHOLE_MAX) -> int:
        """The cell as a whole number from `least` to `most`. Otherwise reports the mistake and answers `least`."""
        cell = self.cells[column].strip()
        if re.fullmatch(r"\d{1,10}", cell, re.ASCII) and least <= int(cell) <= most:
            return int(cell)
        self.wrong(f"{column} must be a whole number from {least} to {most}, not {cell!r}")
        return least


def _day(cell: str) -> date | None:
    try:
        return date.fromisoformat(cell) if re.fullmatch(r"\d{4}-\d\d-\d\d", cell, re.ASCII) else None
    except ValueError:
        return None


def read_rows(text: str, required: Sequence[str], optional: Sequence[str], mistakes: Mistakes) -> list[Row]:
    """The rows under the header; none when the header is wrong, because then the cells have no meaning, or when the text stops
    being CSV, because then it is not known which rows follow."""
    lines = _lines(text, mistakes)
    header = lines[0][1] if lines else []
    if not _header_is_right(header, required, optional, mistakes):
        return []
    found = []
    for line, cells in lines[1:]:
        if len(cells) == len(header):
            found.append(Row(line, dict(zip(header, cells, strict=True)), mistakes))
        elif cells:
            mistakes.add(line, f"{len(cells)} columns instead of {len(header)}; put a text with a comma in quotes")
    return found


def _lines(text: str, mistakes: Mistakes) -> list[tuple[int, list[str]]]:
    """The cells of each row, header and empty lines included; of a text that stops being CSV only the header."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            found.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        mistakes.add(line, _FAULTS.get(str(error), f"this is not CSV: {error}"))
        return found[:1]
    return found


_FAULTS = {
    "',' expected after '\"'": 'behind the quotes that close a text must stand a comma; inside a text write "" for "',
    "unexpected end of data": "the quotes that open in this row are not closed",
    "field larger than field limit (131072)": "a cell has more than 131072 characters; are its quotes closed?",
}
"""What the library says, and the same in plain words."""

_SEPARATORS = {";": "';'", "\t": "tabs", "|": "'|'"}
"""What stands between columns in the files of some spreadsheets, and its name."""


def _separator(header: Sequence[str], known: Sequence[str]) -> str | None:
    """What stands between the columns when it is no comma; None when the header has commas, or one column only."""
    names = {sign: {name.strip(' "') for name in ",".join(header).split(sign)} for sign in _SEPARATORS}
    return next((_SEPARATORS[sign] for sign, found in names.items() if len(found & set(known)) > 1), None)


def _header_is_right(
    header: Sequence[str], required: Sequence[str], optional: Sequence[str], mistakes: Mistakes
) -> bool:
    known = [*required, *optional]
    if separator := _separator(header, known):
        mistakes.add(1, f"columns are separated by {separator}; write , between them, in every row")
        return False
    missing = [column for column in required if column not in header]
    for column in header:
        if column not in known:
            mistakes.add(1, f"unknown column {column!r}{did_you_mean(column, known)}")
        elif header.count(column) > 1:
            mistakes.add(1, f"column {column!r} is there twice")
    if missing:
        mistakes.add(1, f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
    return not missing and len(set(header)) == len(header)

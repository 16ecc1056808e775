"""Spells rows as a CSV file for spreadsheets, in which no text that an outsider chose is a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is a formula for spreadsheets (OWASP, CSV Injection)."""


def sheet(rows: Iterable[Sequence[object]]) -> str:
    """The lines of rows: a text that would be a formula begins with an apostrophe, numbers stay as they are."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

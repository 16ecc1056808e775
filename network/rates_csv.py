"""Reads rates.csv: what one unit of a currency is worth in another, from a day on."""

import re
from collections import defaultdict
from datetime import date
from fractions import Fraction

from domain.money import MINOR_DIGITS
from domain.rates import Rates
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes

COLUMNS = ("date", "from", "to", "rate")


def read_rates(text: str, mistakes: Mistakes) -> Rates:
    """The rates; none for an empty text. Mistakes are reported, and the rest is read."""
    lines: dict[tuple[str, str, date], int] = {}
    found: dict[tuple[str, str], list[tuple[date, Fraction]]] = defaultdict(list)
    for row in read_rows(text, COLUMNS, (), mistakes) if text else ():
        source, target, day, rate = _currency(row, "from"), _currency(row, "to"), row.day("date"), _rate(row)
        if source is None or target is None or day is None or rate is None:
            continue
        if source == target:
            row.wrong(f"from and to are both {source}; a rate is between two currencies")
        elif first := lines.get((source, target, day)):
            row.wrong(f"the rate from {source} to {target} of {day} is there twice; the first is on line {first}")
        else:
            lines[source, target, day] = row.line
            found[source, target].append((day, rate))
    return Rates({pair: sorted(rates) for pair, rates in found.items()})


def _currency(row: Row, column: str) -> str | None:
    cell = row.cells[column]
    if cell in MINOR_DIGITS:
        return cell
    row.wrong(f"{column} must be a code of ISO 4217 such as EUR, not {cell!r}")
    return None


def _rate(row: Row) -> Fraction | None:
    cell = row.cells["rate"]
    if re.fullmatch(r"\d{1,12}(\.\d{1,12})?", cell, re.ASCII) and Fraction(cell):
        return Fraction(cell)
    row.wrong(f"rate must be a number above 0 such as 1.0834, with a point and no other sign, not {cell!r}")
    return None

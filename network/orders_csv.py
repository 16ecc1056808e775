"""Reads a CSV file of orders, as an ERP writes it: a row for each line of an order, the rows of an order one after another.

An order with a row that cannot be read is left out whole: half an order would be a wrong one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes

TEXTS = (
    *("number", "placed_at", "currency", "service", "reference", "purchase_order", "not_before", "not_after"),
    *("ship_complete", "customer_tier", "from_node", "pickup_node", "note"),
)
AMOUNTS = ("priority", "shipping_price", "shipping_tax", "paid")
ADDRESS = ("company", "street", "street_2", "city", "region", "postal_code", "country", "email", "phone")
LINE_TEXTS = ("line", "sku")
LINE_AMOUNTS = ("quantity", "unit_price", "discount", "tax")

OF_THE_ORDER = ("channel", *TEXTS, *AMOUNTS, "prices_include_tax", "ship_to_name", *ADDRESS)
"""Columns that say something of the whole order: each of its rows says the same or nothing."""
OF_A_LINE = (*LINE_TEXTS, "item_name", *LINE_AMOUNTS)
REQUIRED = ("number", "placed_at", "currency", "country", "sku", "quantity", "unit_price")

_FIELDS = {"ship_to_name": "ship_to.name", "street_2": "ship_to.street", "item_name": "name"}
"""What a column is called in the body of a `POST /orders`, where that is not its name."""


@dataclass(frozen=True, slots=True)
class OrderRows:
    """An order of the file."""

    line: int
    """The line of the file on which it begins."""
    lines: Sequence[int]
    """The line of the file on which each line of the order begins."""
    body: Mapping[str, Any]
    """The body of a `POST /orders`."""

    def place(self, path: str) -> tuple[int, str]:
        """The line of the file and the column of a field of the body, such as `lines.0.quantity` or `ship_to.postal_code`."""
        names = path.split(".")
        if names[0] == "lines" and len(names) > 1 and names[1].isdigit() and int(names[1]) < len(self.lines):
            column = {"name": "item_name"}.get(".".join(names[2:]), ".".join(names[2:]))
            return self.lines[int(names[1])], column or "line"
        if names[0] == "ship_to":
            return self.line, {"name": "ship_to_name"}.get(".".join(names[1:2]), ".".join(names[1:2])) or "country"
        return self.line, path


def read_orders(text: str, channel: str | None, mistakes: Mistakes) -> list[OrderRows]:
    """The orders of a file whose every row can be read; mistakes are reported. `channel` is for orders that name none."""
    optional = [column for column in (*OF_THE_ORDER, *OF_A_LINE) if column not in REQUIRED]
    rows = read_rows(text, REQUIRED, optional, mistakes)
    unreadable = {mistake.line for mistake in mistakes.found()}
    readers = [_Reader(list(own), channel) for _, own in groupby(rows, lambda row: row.cells["number"].strip())]
    _refuse_scattered(readers)
    _refuse_beside(readers, unreadable)
    return [order for reader in readers if (order := reader.order()) and not reader.has_mistake]


@dataclass
class _Reader:
    """Reads the rows of one order."""

    rows: Sequence[Row]
    channel: str | None
    has_mistake: bool = field(default=False, init=False)

    @property
    def number(self) -> str:
        return self.rows[0].cells["number"].strip()

    def wrong(self, row: Row, text: str) -> None:
        self.has_mistake = True
        row.wrong(text)

    def order(self) -> OrderRows:
        """The order; its body lacks what cannot be read, which is reported."""
        known = dict(self._of_the_order())
        address: dict[str, Any] = {column: known[column] for column in ADDRESS if column in known}
        if street := [address.pop(column) for column in ("street", "street_2") if column in address]:
            address["street"] = street
        if "ship_to_name" in known:
            address["name"] = known["ship_to_name"]
        body = {"channel": known.get("channel", self.channel)} | {
            column: known[column] for column in (*TEXTS, *AMOUNTS, "prices_include_tax") if column in known
        }
        lines = [self._line(position, row) for position, row in enumerate(self.rows, 1)]
        body |= {"ship_to": address, "lines": lines}
        given = {name: value for name, value in body.items() if value is not None}
        return OrderRows(self.rows[0].line, [row.line for row in self.rows], given)

    def _of_the_order(self) -> Iterator[tuple[str, Any]]:
        for column in OF_THE_ORDER:
            found = [(row, cell) for row in self.rows if (cell := row.cells.get(column, "").strip())]
            if not found:
                continue
            first, said = found[0]
            for row, cell in found[1:]:
                if cell != said:
                    self.wrong(row, f"{column} is not that of line {first.line}, which is of the same order")
            if (value := self._value(first, column)) is not None:
                yield column, value

    def _line(self, position: int, row: Row) -> dict[str, Any]:
        columns = [column for column in OF_A_LINE if row.cells.get(column, "").strip()]
        found = {_FIELDS.get(column, column): self._value(row, column) for column in columns}
        return {"line": str(position)} | {name: value for name, value in found.items() if value is not None}

    def _value(self, row: Row, column: str) -> Any:
        """A cell as the body has it; None where it cannot be read, which is reported."""
        cell = row.cells[column].strip()
        if column == "prices_include_tax":
            return row.flag(column)
        if column == "placed_at" and re.fullmatch(r"\d{4}-\d\d-\d\d", cell, re.ASCII):
            return f"{cell}T00:00:00Z"
        if column not in (*AMOUNTS, *LINE_AMOUNTS):
            return cell
        if re.fullmatch(r"\d{1,15}", cell, re.ASCII):
            return int(cell)
        units = "" if column in ("quantity", "priority") else " of minor units, such as 1999 for 19.99"
        self.wrong(row, f"{column} must be a whole number{units}, not {cell!r}")
        return None


def _refuse_scattered(readers: Sequence[_Reader]) -> None:
    """Rows of an order that do not stand together may be two orders of one number, or one whose rows were sorted."""
    first: dict[str, _Reader] = {}
    for reader in readers:
        if (earlier := first.setdefault(reader.number, reader)) is not reader:
            said = f"number {reader.number!r} is also that of line {earlier.rows[0].line}"
            reader.wrong(reader.rows[0], f"{said}; the rows of an order must stand one after another")
            earlier.has_mistake = True


def _refuse_beside(readers: Sequence[_Reader], unreadable: set[int]) -> None:
    """A row that cannot be read belongs to the order before it or behind it."""
    for line in unreadable:
        before = [reader for reader in readers if reader.rows[0].line < line][-1:]
        behind = [reader for reader in readers if reader.rows[-1].line > line][:1]
        for reader in {id(one): one for one in (*before, *behind)}.values():
            reader.wrong(reader.rows[0], f"order {reader.number} is left out: line {line} beside it cannot be read")

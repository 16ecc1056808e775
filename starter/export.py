"""`python -m starter export`: orders and stock as files that `simulate`, `order` and a spreadsheet read."""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress

from database import export, personal
from database.connect import Database
from database.export import ExportedOrder
from network.geography import code_of_area
from runtime.where import database_url, master_keys
from transactions.network import Networks

EVERYTHING = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    *("order", "channel", "number", "placed_at", "received_at", "status", "currency", "service", "country", "region"),
    *("postal_code", "line", "sku", "quantity", "unit_price", "discount", "shipped", "cancelled", "returned"),
)
"""A row of the CSV file is a line of an order."""

Since = Annotated[
    datetime | None, Parameter(help="A day or a moment, as 2026-11-01 or 2026-11-01T06:00:00Z; a day begins in UTC.")
]

command = App(name="export", help="Write orders or stock to standard output, for `simulate`, `order` and spreadsheets.")


@command.command(name="orders")
async def orders(
    *,
    since: Since = None,
    csv_: Annotated[bool, Parameter(name="--csv", negative="")] = False,
    personal_: Annotated[bool, Parameter(name="--personal", negative="")] = False,
) -> int:
    """Write the orders that came since a day, as JSON Lines: each line is the body of a POST /orders.

    Parameters
    ----------
    since
        Orders that came before are left out; without it, none is.
    csv_
        Write a CSV file instead, a row for each line of an order, with what became of its units.
    personal_
        With the whole address of each customer. Otherwise an order has a country, a region and the area of a postal code:
        enough for `simulate`.
    """
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        await personal.check(database)
        return await _orders(database, _moment(since) or EVERYTHING, is_csv=csv_, is_personal=personal_)
    finally:
        await database.close()


@command.command(name="stock")
async def stock(*, since: Since = None) -> int:
    """Write the units on hand as CSV with the header node,sku,on_hand, as `simulate --stock` reads it.

    Parameters
    ----------
    since
        What was on hand when this day began; without it, what is on hand now.
    """
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        return await _stock(database, _moment(since))
    finally:
        await database.close()


def _moment(since: datetime | None) -> datetime | None:
    return since.replace(tzinfo=UTC) if since and since.tzinfo is None else since


async def _orders(database: Database, since: datetime, *, is_csv: bool, is_personal: bool) -> int:
    async with database.read() as connection:
        total = await export.count_orders(connection, since)
    sheet = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    if is_csv:
        sheet.writeheader()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("orders", total=total)
        async for order in export.orders(database, since, is_personal=is_personal):
            if is_csv:
                sheet.writerows(rows_of(order))
            else:
                body = order.body if order.has_whole_code else _with_a_whole_code(order.body)
                sys.stdout.write(json.dumps(body, ensure_ascii=False) + "\n")
            progress.advance(task)
    return 0


def _with_a_whole_code(body: dict[str, Any]) -> dict[str, Any]:
    """The body with a postal code of its area: no order may have less than a whole one."""
    ship_to = body["ship_to"]
    return body | {"ship_to": ship_to | {"postal_code": code_of_area(ship_to["country"], ship_to["postal_code"])}}


def rows_of(order: ExportedOrder) -> Iterator[dict[str, Any]]:
    """The rows of an order, of which a spreadsheet computes nothing."""
    known = order.facts | order.body | order.body["ship_to"]
    for line in order.body["lines"]:
        row = known | {"discount": 0} | line | order.buckets[line["line"]]
        yield {name: harmless(row.get(name, "")) for name in COLUMNS}


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


async def _stock(database: Database, at: datetime | None) -> int:
    async with database.at_once() as connection:
        found = await export.stock(connection, at)
        _, network = await Networks().active(connection)
    kept = [
        (node, sku, on_hand)
        for node, sku, on_hand in found
        if node in network.nodes and sku in network.items and not network.items[sku].components and on_hand > 0
    ]
    sheet = csv.writer(sys.stdout, lineterminator="\n")
    sheet.writerow(("node", "sku", "on_hand"))
    sheet.writerows(kept)
    if left_out := len(found) - len(kept):
        sys.stderr.write(
            f"{left_out} places are left out: fewer than 0 units, or a node or an item that the network does not have\n"
        )
    return 0

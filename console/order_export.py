"""The orders of a list as a CSV file, for a spreadsheet."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from console.order_list import FILTERS, query_of
from console.visit import Visit, page
from database.documents import order as documents
from domain import money

ROWS_MAX = 10_000
"""More than anybody reads; who needs more asks `GET /orders`, page by page."""
ROWS = 500
COLUMNS = (
    "order",
    "channel",
    "number",
    "reference",
    "status",
    "needs_attention",
    "placed_at",
    "service",
    "value",
    "currency",
    "ship_by",
    "deliver_by",
    "tags",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula for spreadsheets (OWASP, CSV Injection): what an outsider chose must not run."""


async def _export(visit: Visit) -> Response:
    """The orders that the filters find, newest first."""
    asked, found = visit.query, list[Mapping[str, Any]]()
    wanted = replace(query_of(asked.get("order"), {name: asked.get(name) for name in FILTERS}, ""), limit=ROWS)
    async with visit.service.database.read() as connection:
        while len(found) < ROWS_MAX:
            rows = await documents.listed(connection, wanted)
            found += rows
            if len(rows) < ROWS:
                break
            wanted = replace(wanted, after=rows[-1]["order"])
    name = f"orders-{datetime.now(UTC):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written(found), media_type="text/csv", headers=headers)


def written(orders: list[Mapping[str, Any]]) -> str:
    """The rows of orders as they are listed, with a header."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in _row(order)] for order in orders)
    return sheet.getvalue()


def _row(order: Mapping[str, Any]) -> list[object]:
    known = dict(order) | (order["promise"] or {})
    known["value"] = money.written(order["value"], order["currency"])
    known["tags"] = " ".join(order["tags"])
    known["needs_attention"] = "yes" if order["needs_attention"] else ""
    return [known.get(name) for name in COLUMNS]


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


ROUTES = [page("/orders.csv", _export)]

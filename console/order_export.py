"""The orders of a list as a CSV file, for a spreadsheet."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from console.order_list import FILTERS, query_of
from console.visit import Visit, page
from database.documents import order as documents
from domain import money
from formats.spreadsheet import sheet

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
    return sheet([COLUMNS, *map(_row, orders)])


def _row(order: Mapping[str, Any]) -> list[object]:
    known = dict(order) | (order["promise"] or {})
    known["value"] = money.written(order["value"], order["currency"])
    known["tags"] = " ".join(order["tags"])
    known["needs_attention"] = "yes" if order["needs_attention"] else ""
    return [known.get(name) for name in COLUMNS]


ROUTES = [page("/orders.csv", _export)]

"""The orders of a list as a CSV file, for a spreadsheet."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response, StreamingResponse

from console.order_list import FILTERS, query_of
from console.visit import Visit, page
from database.connect import Database
from database.documents import order as documents
from database.documents.order import OrderQuery
from domain import money
from formats.spreadsheet import sheet

Order = Mapping[str, Any]

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
    """The orders that the filters find, newest first, sent as they are read. A failure to begin is answered as a page."""
    asked, database = visit.query, visit.service.database
    wanted = replace(query_of(asked.get("order"), {name: asked.get(name) for name in FILTERS}, ""), limit=ROWS)
    first = await _read(database, wanted)
    name = f"orders-{datetime.now(UTC):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_parts(database, wanted, first), media_type="text/csv", headers=headers)


async def _read(database: Database, wanted: OrderQuery) -> Sequence[Order]:
    """The orders of one page. Its connection is free again while they are sent, however slowly somebody takes them."""
    async with database.read() as connection:
        return await documents.listed(connection, wanted)


async def _parts(database: Database, wanted: OrderQuery, rows: Sequence[Order]) -> AsyncIterator[str]:
    """The file, page by page."""
    yield sheet([COLUMNS]) + written(rows)
    for _ in range(ROWS_MAX // ROWS - 1):
        if len(rows) < ROWS:
            return
        wanted = replace(wanted, after=rows[-1]["order"])
        rows = await _read(database, wanted)
        yield written(rows)


def written(orders: Sequence[Order]) -> str:
    """The rows of orders as they are listed."""
    return sheet(map(_row, orders))


def _row(order: Order) -> list[object]:
    known = dict(order) | (order["promise"] or {})
    known["value"] = money.written(order["value"], order["currency"])
    known["tags"] = " ".join(order["tags"])
    known["needs_attention"] = "yes" if order["needs_attention"] else ""
    return [known.get(name) for name in COLUMNS]


ROUTES = [page("/orders.csv", _export)]

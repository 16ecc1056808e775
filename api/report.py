"""Routes of reports, as JSON or as CSV."""

import csv
import io
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.access import Operator, ServiceDep
from api.answer import shown
from database.documents import report
from database.documents.report import By, ReturnsReport
from domain.text import Moment

router = APIRouter(tags=["reports"])

COLUMNS = ("returns", "units", "came_back", "shipped", "rate", "days_to_settled", "recovery")


@router.get(
    "/reports/returns", response_model=ReturnsReport, responses={200: {"content": {"text/csv": {"schema": {}}}}}
)
async def get_returns_report(
    _: Operator,
    service: ServiceDep,
    request: Request,
    begin: Annotated[Moment, Query(alias="from")],
    end: Annotated[Moment, Query(alias="to")],
    by: By = By.SKU,
    format: Literal["json", "csv"] | None = None,
) -> Response:
    """Returns requested in a period, by SKU, receiving node, channel or reason; as CSV by `format` or by `Accept`."""
    rows = await _rows(service, by, begin, end)
    wants_csv = format == "csv" or (format is None and request.headers.get("accept", "").startswith("text/csv"))
    if wants_csv:
        return Response(_written(by, rows), media_type="text/csv")
    return shown({"by": by, "rows": rows})


async def _rows(service: ServiceDep, by: By, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    async with service.database.read() as connection:
        return await report.returns(connection, by, begin, end)


def _written(by: By, rows: list[dict[str, Any]]) -> str:
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, (str(by), *COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue()

"""Routes of reports, as JSON or as CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.access import Operator, ServiceDep
from api.answer import shown
from api.problems import INVALID, Problem
from api.service import Service
from database.documents import report
from database.documents.report import (
    BackordersReport,
    By,
    CostsReport,
    Group,
    NodesReport,
    OrdersReport,
    PartnersReport,
    Period,
    PromisesReport,
    ReturnsReport,
    ShipmentsReport,
)
from database.documents.report.group import Report, columns
from database.documents.report.promise import PromisesByNode
from domain.text import Moment
from formats import spreadsheet

router = APIRouter(tags=["reports"])

OF_RETURNS = ("returns", "units", "came_back", "shipped", "rate", "days_to_settled", "recovery")
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
PERIOD_MAX = timedelta(days=400)
"""A year, compared with the days before it. What a report reads grows with its period."""

ByOrder = Literal[Group.DAY, Group.CHANNEL, Group.SERVICE]
ByOrderOrNode = Literal[Group.DAY, Group.CHANNEL, Group.SERVICE, Group.NODE]
ByOrderOrItem = Literal[Group.DAY, Group.CHANNEL, Group.SERVICE, Group.SKU]


@dataclass(frozen=True, slots=True)
class Asked:
    """The period of a report, and whether it is wanted as CSV."""

    period: Period
    wants_csv: bool


async def asked_of(
    request: Request,
    begin: Annotated[Moment, Query(alias="from")],
    end: Annotated[Moment, Query(alias="to")],
    format: Literal["json", "csv"] | None = None,
) -> Asked:
    """What a request asks for; CSV by `format`, else by the header `Accept`."""
    accepts = request.headers.get("accept", "").startswith("text/csv")
    return Asked(Period(begin, end), format == "csv" or (format is None and accepts))


AskedDep = Annotated[Asked, Depends(asked_of)]


@router.get("/reports/orders", response_model=OrdersReport, responses=CSV)
async def get_orders_report(_: Operator, service: ServiceDep, asked: AskedDep, by: ByOrder = Group.DAY) -> Response:
    """Orders placed in a period: how many, how many units, and what became of them."""
    return await _answered(service, OrdersReport, by, asked)


@router.get("/reports/shipments", response_model=ShipmentsReport, responses=CSV)
async def get_shipments_report(
    _: Operator, service: ServiceDep, asked: AskedDep, by: ByOrderOrNode = Group.DAY
) -> Response:
    """How the orders placed in a period were shipped: in how many shipments, and how long that took."""
    return await _answered(service, ShipmentsReport, by, asked)


@router.get("/reports/promises", response_model=PromisesReport, responses=CSV)
async def get_promises_report(
    _: Operator, service: ServiceDep, asked: AskedDep, by: ByOrderOrNode = Group.DAY
) -> Response:
    """How many promises were kept, of the orders placed in a period."""
    return await _answered(service, PromisesByNode if by is Group.NODE else PromisesReport, by, asked)


@router.get("/reports/nodes", response_model=NodesReport, responses=CSV)
async def get_nodes_report(
    _: Operator, service: ServiceDep, asked: AskedDep, by: ByOrderOrNode = Group.NODE
) -> Response:
    """How nodes worked on the orders placed in a period: acceptance, rejections, shorts, silence, and shipping in time."""
    return await _answered(service, NodesReport, by, asked)


@router.get("/reports/backorders", response_model=BackordersReport, responses=CSV)
async def get_backorders_report(
    _: Operator, service: ServiceDep, asked: AskedDep, by: ByOrderOrItem = Group.SKU
) -> Response:
    """What waits for stock now, and for how long, of the orders placed in a period."""
    return await _answered(service, BackordersReport, by, asked)


@router.get("/reports/costs", response_model=CostsReport, responses=CSV)
async def get_costs_report(_: Operator, service: ServiceDep, asked: AskedDep, by: ByOrder = Group.DAY) -> Response:
    """What the orders placed in a period cost by the policy, against their first plans."""
    return await _answered(service, CostsReport, by, asked)


@router.get("/reports/partners", response_model=PartnersReport, responses=CSV)
async def get_partners_report(
    _: Operator, service: ServiceDep, asked: AskedDep, by: ByOrder = Group.CHANNEL
) -> Response:
    """How buyers by X12 were served, of the orders placed in a period: in time, complete, with right documents."""
    return await _answered(service, PartnersReport, by, asked)


@router.get("/reports/returns", response_model=ReturnsReport, responses=CSV)
async def get_returns_report(_: Operator, service: ServiceDep, asked: AskedDep, by: By = By.SKU) -> Response:
    """Returns requested in a period, by SKU, receiving node, channel or reason."""
    async with service.database.read() as connection:
        rows = await report.returns(connection, by, asked.period.begin, asked.period.end)
    if asked.wants_csv:
        return sheet((by, *OF_RETURNS), rows)
    return shown({"by": by, "rows": rows})


async def _answered(service: Service, kind: type[Report], by: Group, asked: Asked) -> Response:
    """Raises the problem of a period that ends before it begins, or is too long."""
    begin, end = asked.period.begin, asked.period.end
    if not begin <= end <= begin + PERIOD_MAX:
        raise Problem(INVALID, f"must be after `from`, and at most {PERIOD_MAX.days} days later", field="to")
    async with service.database.read() as connection:
        document = await report.read(connection, kind, by, asked.period)
    return sheet((by, *columns(kind)), document["rows"]) if asked.wants_csv else shown(document)


def sheet(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """A CSV file: a header, and a row for each group. The sum of all is not in it: a sum over the rows would count twice."""
    written = spreadsheet.sheet([[str(name) for name in columns], *([row[name] for name in columns] for row in rows)])
    return Response(written, media_type="text/csv")

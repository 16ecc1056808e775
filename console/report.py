"""The reports: figures of a period in numbers, as bars and as tables, and each as a CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from api.problems import INVALID, NOT_FOUND, Problem
from api.report import OF_RETURNS, PERIOD_MAX, sheet
from console.plot import bars, shown
from console.visit import Visit, page
from database.connect import ReadConnection
from database.documents import report as documents
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
    ShipmentsReport,
)
from database.documents.report.group import Report, columns

Document = Mapping[str, Any]

DAYS_SHOWN = 30
YEARS = (1970, 2200)
"""As moments over HTTP: a period that is added to a day must still end in the calendar."""
GROUPS = (Group.DAY, Group.CHANNEL, Group.SERVICE)
"""What the operator may group by; nodes and items have their own tables."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page: the report, and what it is grouped by; None = as the operator asks."""

    title: str
    kind: type[Report]
    by: Group | None = None


SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "orders": Section("Orders", OrdersReport),
        "shipments": Section("Shipments", ShipmentsReport),
        "promises": Section("Promises", PromisesReport),
        "nodes": Section("Nodes", NodesReport, Group.NODE),
        "backorders": Section("What waits for stock", BackordersReport, Group.SKU),
        "costs": Section("Costs by the policy, in minor units", CostsReport),
        "partners": Section("Wholesale buyers by EDI", PartnersReport, Group.CHANNEL),
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator asks for: whole days in UTC, the last one included."""

    first: date
    last: date
    by: Group

    @property
    def period(self) -> Period:
        """The days as moments."""
        begin, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (self.first, self.last))
        return Period(begin, end + timedelta(days=1))


def _asked(visit: Visit) -> Asked:
    """The days and the group in the address: the last 30 days by day where it names none. Raises the problem of wrong ones."""
    today = datetime.now(UTC).date()
    last = _day(visit, "to") or today
    first = _day(visit, "from") or last - timedelta(days=DAYS_SHOWN - 1)
    if not first <= last < first + PERIOD_MAX:
        raise Problem(INVALID, f"must be on or after `from`, and less than {PERIOD_MAX.days} days after it", field="to")
    by = visit.query.get("by") or Group.DAY
    if by not in GROUPS:
        raise Problem(INVALID, f"must be one of {', '.join(GROUPS)}", field="by")
    return Asked(first, last, Group(by))


def _day(visit: Visit, name: str) -> date | None:
    written = visit.query.get(name)
    try:
        day = date.fromisoformat(written) if written else None
    except ValueError:
        raise Problem(INVALID, "must be a day such as 2026-11-21", field=name) from None
    if day and not YEARS[0] <= day.year <= YEARS[1]:
        raise Problem(INVALID, f"must be between the years {YEARS[0]} and {YEARS[1]}", field=name)
    return day


async def _show(visit: Visit) -> Response:
    """Every report of the period."""
    asked = _asked(visit)
    async with visit.service.database.read() as connection:
        found = {name: await _read(connection, section, asked) for name, section in SECTIONS.items()}
        returns = await documents.returns(connection, By.REASON, asked.period.begin, asked.period.end)
    tables = [_table(name, found[name], asked) for name in SECTIONS]
    tables.append(_table_of("returns", "Returns by reason", By.REASON, OF_RETURNS, returns))
    return visit.shown(
        "reports.html",
        asked=asked,
        groups=GROUPS,
        numbers=_numbers(found),
        plots=_plots(found, asked.by),
        tables=tables,
    )


async def _read(connection: ReadConnection, section: Section, asked: Asked) -> Document:
    return await documents.read(connection, section.kind, section.by or asked.by, asked.period)


def _table(name: str, found: Document, asked: Asked) -> Document:
    section = SECTIONS[name]
    by, figures = section.by or asked.by, columns(section.kind)
    return _table_of(name, section.title, by, figures, found["rows"]) | {"total": _cells(figures, found["total"])}


def _table_of(name: str, title: str, by: str, figures: Sequence[str], rows: Sequence[Document]) -> dict[str, Any]:
    cells = [(row[by] or "none", _cells(figures, row)) for row in rows]
    return {"name": name, "title": title, "by": by, "columns": figures, "rows": cells, "total": None}


def _cells(figures: Sequence[str], row: Document) -> list[str]:
    return [_figure(name, row[name]) for name in figures]


def _figure(name: str, value: float | None) -> str:
    """A figure as people read it; what cannot be computed is a dash."""
    return "–" if value is None else shown(value, is_share=name.endswith("rate") or name == "recovery")


def _numbers(found: Mapping[str, Document]) -> list[tuple[str, str]]:
    """The figures at the top, of all groups together."""
    named = (
        ("orders", "orders", "orders"),
        ("units shipped of those ordered", "orders", "fill_rate"),
        ("shipments an order", "shipments", "shipments_per_order"),
        ("of the orders split", "shipments", "split_rate"),
        ("left as promised", "promises", "ship_by_rate"),
        ("arrived as promised", "promises", "deliver_by_rate"),
        ("days to ship", "shipments", "days_to_ship"),
        ("days to deliver", "shipments", "days_to_deliver"),
    )
    return [(words, _figure(figure, found[name]["total"][figure])) for words, name, figure in named]


def _plots(found: Mapping[str, Document], by: Group) -> list[Markup]:
    def drawn(title: str, name: str, figure: str) -> Markup:
        figures = [(row[by], row[figure]) for row in found[name]["rows"]]
        return bars(f"{title}, by {by}", figures, is_share=figure.endswith("rate"))

    return [
        drawn("Orders placed", "orders", "orders"),
        drawn("Orders split", "shipments", "split_rate"),
        drawn("Left as promised", "promises", "ship_by_rate"),
        drawn("Arrived as promised", "promises", "deliver_by_rate"),
    ]


async def _csv(visit: Visit) -> Response:
    """One report as a CSV file."""
    asked, name = _asked(visit), visit.request.path_params["report"]
    async with visit.service.database.read() as connection:
        if name == "returns":
            rows = await documents.returns(connection, By.REASON, asked.period.begin, asked.period.end)
            return sheet((By.REASON, *OF_RETURNS), rows)
        if (section := SECTIONS.get(name)) is None:
            raise Problem(NOT_FOUND, f"there is no report {name}")
        found = await _read(connection, section, asked)
    return sheet((found["by"], *columns(section.kind)), found["rows"])


ROUTES = [page("/reports", _show), page("/reports/{report}.csv", _csv)]

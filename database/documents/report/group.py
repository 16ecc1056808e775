"""What the reports have in common: a period of orders, the groups of its figures, and the statement that reads both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, get_type_hints

from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document, sometimes


class Group(StrEnum):
    """What the figures of a report are grouped by."""

    DAY = "day"
    CHANNEL = "channel"
    SERVICE = "service"
    NODE = "node"
    SKU = "sku"


_OF_ORDERS: Mapping[Group, str] = MappingProxyType(
    {
        Group.DAY: "to_char(o.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        Group.CHANNEL: "o.channel",
        Group.SERVICE: "o.service",
    }
)
"""The SQL that names the group of an order `o`."""

PLACED = "o.placed_at >= :begin AND o.placed_at < :end AND o.to_node IS NULL"
"""The condition for customers' orders `o` of the period."""


WORK = "LATERAL (SELECT * FROM fulfillment_order WHERE fulfillment_order.order_id = o.order_id OFFSET 0)"
"""The fulfillment orders of order `o`. PostgreSQL plans without knowing the period: joined freely, it would read those of all
years to find the ones of a week. What is behind OFFSET is looked up for each order."""


@dataclass(frozen=True, slots=True)
class Period:
    """Orders that were placed from `begin` until before `end`."""

    begin: datetime
    end: datetime


class Figures(Document):
    """The figures of one group; its name is in the field that the report is grouped by, and the other names are absent."""

    day: str | SkipJsonSchema[None] = sometimes()
    """The day in UTC on which the orders were placed, as in 2026-11-21."""
    channel: str | SkipJsonSchema[None] = sometimes()
    """The channel's name."""
    service: str | SkipJsonSchema[None] = sometimes()
    """The shipping service of the orders."""


class Report(Document):
    """A report: what it can be grouped by, and the query that reads its figures."""

    statement: ClassVar[str]
    """A query with a row for each group and one for all together. `{name}` is the SQL that names a group, and `is_all` whether
    a row is about all; `figures` is a JSON object. `{placed}` and `{work}` are `PLACED` and `WORK`."""
    names: ClassVar[Mapping[Group, str]] = _OF_ORDERS


def columns(report: type[Report]) -> list[str]:
    """The names of a report's figures, in the order of its document."""
    figures = get_type_hints(report)["total"]
    return [name for name in figures.model_fields if name not in set(Group)]


async def read(connection: ReadConnection, report: type[Report], by: Group, period: Period) -> dict[str, Any]:
    """The document of a report. `by` is one of its `names`."""
    statement = text(report.statement.format(name=report.names[by], placed=PLACED, work=WORK))
    found = await connection.execute(statement, {"begin": period.begin, "end": period.end})
    rows, total = [], {}
    for row in found:
        figures = json.loads(row.figures)
        if row.is_all:
            total = figures
        else:
            rows.append({str(by): row.name} | figures)
    return {"by": by, "rows": rows, "total": total}


def grouped(query: str, figures: Mapping[str, str]) -> str:
    """A statement over the rows of a query with a column `name`: each group by its name, then all rows together."""
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in figures.items())
    return f"""
        WITH part AS ({query})
        SELECT name, grouping(name) = 1 AS is_all, jsonb_build_object({pairs})::text AS figures
        FROM part GROUP BY GROUPING SETS ((name), ()) ORDER BY is_all, name
    """


def share(part: str, whole: str) -> str:
    """The SQL of a share from 0 to 1, NULL of nothing."""
    return f"round(({part})::numeric / nullif({whole}, 0), 4)"


def mean(amount: str, digits: int = 2) -> str:
    """The SQL of a mean of those rows that have the amount, NULL without any."""
    return f"round(avg({amount})::numeric, {digits})"


def days(later: str, earlier: str) -> str:
    """The SQL of the days between two moments, with fractions."""
    return f"extract(epoch FROM {later} - {earlier}) / 86400"

"""Named statements about exceptions: what needs a person is opened once per cause and stays until someone resolves it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.filters import given
from database.sealing import COMMON
from domain.reasons import WHAT_TO_DO, ExceptionCode
from domain.units import Opened

DUE_WITHIN = timedelta(hours=4)
"""How soon a person should look at an exception."""


async def open_all(
    connection: WriteConnection, opened: Iterable[Opened], *, order: str | None, cause: str, at: datetime
) -> None:
    """Open exceptions of one event; one that this cause has opened before is not opened again."""
    for index, exception in enumerate(opened):
        await connection.execute(
            OPEN,
            {
                "order": order,
                "fulfillment_order": exception.fulfillment_order,
                "node": exception.node,
                "code": exception.code,
                "detail": exception.detail,
                "cause": f"{order or ''}|{cause}|{index}",
                "since": at,
                "due_at": at + DUE_WITHIN,
                "prefix": order or "stock",
            },
        )


OPEN = text(
    """
    INSERT INTO exception (exception_id, order_id, fulfillment_order_id, node, code, detail, cause, since, due_at)
    VALUES (:prefix || '-x' || nextval('exception_number'), :order, :fulfillment_order, :node, :code, :detail, :cause,
            :since, :due_at)
    ON CONFLICT (code, cause) DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class Known:
    """An exception as it stands."""

    exception: str
    order: str | None
    fulfillment_order: str | None
    code: ExceptionCode
    is_open: bool
    is_latest: bool
    """Whether no newer one of its code is open for the same fulfillment order."""


async def find(connection: ReadConnection, exception: str) -> Known | None:
    """An exception by its id; None when there is none. Read it under its order's lock when you mean to resolve it."""
    row = (await connection.execute(FIND, {"exception": exception})).one_or_none()
    if row is None:
        return None
    order, fulfillment_order = row.order_id, row.fulfillment_order_id
    return Known(exception, order, fulfillment_order, ExceptionCode(row.code), row.is_open, row.is_latest)


FIND = text(
    """
    SELECT e.order_id, e.fulfillment_order_id, e.code, e.resolved_at IS NULL AS is_open,
           NOT EXISTS (SELECT FROM exception n
                       WHERE n.order_id = e.order_id AND n.fulfillment_order_id = e.fulfillment_order_id
                         AND n.code = e.code AND n.resolved_at IS NULL AND n.since > e.since) AS is_latest
    FROM exception e WHERE e.exception_id = :exception
    """
)


async def resolve(connection: WriteConnection, exception: str, remark: int | None, at: datetime) -> bool:
    """Close an open exception, with the remark of who has seen to it and why; false when it is closed already."""
    found = await connection.execute(RESOLVE, {"exception": exception, "remark": remark, "at": at})
    return found.rowcount > 0


RESOLVE = text(
    """
    UPDATE exception SET resolved_at = :at, resolved_by = :remark
    WHERE exception_id = :exception AND resolved_at IS NULL
    """
)


async def queue(
    connection: ReadConnection,
    *,
    code: ExceptionCode | None,
    node: str | None,
    is_open: bool,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Exceptions that are open, or those that were resolved, the oldest first, after the one with the id `after`."""
    asked = given(
        {
            "(e.resolved_at IS NULL) = :is_open": is_open,
            "e.code = :code": code,
            "e.node = :node": node,
            f"(e.since, e.exception_id) > ({_AFTER})": after,
        }
    )
    rows = await connection.execute(
        text(f"{_SHOWN} WHERE {asked} ORDER BY e.since, e.exception_id LIMIT :limit"),
        {"is_open": is_open, "code": code, "node": node, "after": after, "limit": limit},
    )
    return [_shown(connection, row) for row in rows]


def _shown(connection: ReadConnection, row: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(row.shown)
    key = personal.open_key(connection, row.owner, row.wrapped)
    said = personal.remark(key, row.remark)
    seen_to = {"resolved_by": said["actor"], "reason": said["reason"]}
    return shown | seen_to | {"what_to_do": WHAT_TO_DO[ExceptionCode(shown["code"])]}


_SHOWN = f"""
    SELECT jsonb_build_object(
               'exception', e.exception_id, 'code', e.code, 'order', e.order_id,
               'fulfillment_order', e.fulfillment_order_id, 'node', e.node, 'detail', e.detail, 'since', e.since,
               'due_at', e.due_at, 'resolved_at', e.resolved_at)::text AS shown,
           k.owner, k.wrapped, m.sealed AS remark
    FROM exception e LEFT JOIN personal.remark m ON m.remark_id = e.resolved_by
    LEFT JOIN personal.key k ON k.owner = coalesce(m.order_id, '{COMMON}')
"""

_AFTER = "SELECT a.since, a.exception_id FROM exception a WHERE a.exception_id = :after"

"""Named statements about exceptions. One cause opens an exception once; it stays open until a person or a fact closes it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.reasons import ExceptionCode
from domain.units import Opened

DUE_WITHIN = timedelta(hours=4)
"""How soon a person should look at an exception."""


ONE_AT_A_TIME = (
    ExceptionCode.PICKUP,
    ExceptionCode.AT_RISK,
    ExceptionCode.CANCEL_UNANSWERED,
    ExceptionCode.NODE_UNREACHABLE,
)


async def open_all(
    connection: WriteConnection,
    opened: Iterable[Opened],
    *,
    order: str | None,
    cause: str,
    at: datetime,
    about: str = "stock",
) -> None:
    """Open the exceptions of one event. An exception that this cause has opened before is not opened again.

    For a code of `ONE_AT_A_TIME`, an order or a fulfillment order with an open exception gets no second one. The id of an
    exception of no order begins with what it is `about`.
    """
    for index, exception in enumerate(opened):
        await connection.execute(
            OPEN,
            {
                "order": order,
                "fulfillment_order": exception.fulfillment_order,
                "node": exception.node,
                "subject": exception.subject,
                "code": exception.code,
                "detail": exception.detail,
                "cause": _cause(order, cause, index),
                "since": at,
                "due_at": at + DUE_WITHIN,
                "prefix": order or about,
                "is_single": exception.code in ONE_AT_A_TIME,
            },
        )


OPEN = text(
    """
    INSERT INTO exception (exception_id, order_id, fulfillment_order_id, node, subject, code, detail, cause, since, due_at)
    SELECT :prefix || '-x' || nextval('exception_number'), n.* FROM (
        VALUES (CAST(:order AS text), CAST(:fulfillment_order AS text), CAST(:node AS text), CAST(:subject AS text),
                CAST(:code AS text), CAST(:detail AS text), CAST(:cause AS text), CAST(:since AS timestamptz),
                CAST(:due_at AS timestamptz))
    ) n(order_id, fulfillment_order_id, node, subject, code, detail, cause, since, due_at)
    WHERE NOT (CAST(:is_single AS boolean) AND EXISTS (
        SELECT FROM exception e WHERE e.order_id = n.order_id AND e.code = n.code AND e.resolved_at IS NULL
          AND e.fulfillment_order_id IS NOT DISTINCT FROM n.fulfillment_order_id))
    ON CONFLICT (code, cause) DO NOTHING
    """
)


def _cause(order: str | None, cause: str, index: int) -> str:
    return f"{order or ''}|{cause}|{index}"


async def was_opened(connection: ReadConnection, code: ExceptionCode, order: str, cause: str) -> bool:
    """Whether an event of an order has opened an exception of this code as its first one; it may be resolved since."""
    asked = {"code": code, "cause": _cause(order, cause, 0)}
    return (await connection.execute(WAS_OPENED, asked)).scalar_one_or_none() is not None


WAS_OPENED = text("SELECT exception_id FROM exception WHERE code = :code AND cause = :cause")


@dataclass(frozen=True, slots=True)
class ClosingFact:
    """The event whose facts close exceptions: its unique name, and who did it."""

    cause: str
    actor: str
    at: datetime

    def parameters(self) -> dict[str, Any]:
        """The parameters of a statement that closes exceptions."""
        return {"cause": self.cause, "actor": self.actor, "at": self.at}


_CLOSED = "resolved_at = greatest(:at, since), closed_cause = :cause, closed_actor = :actor"


async def close(connection: WriteConnection, exceptions: Collection[str], fact: ClosingFact) -> None:
    """Close the exceptions whose reason is gone; one that is resolved already stays as it is."""
    await connection.execute(CLOSE, fact.parameters() | {"exceptions": list(exceptions)})


CLOSE = text(
    f"""
    UPDATE exception SET {_CLOSED}
    WHERE exception_id = ANY(CAST(:exceptions AS text[])) AND resolved_at IS NULL
    """
)


async def close_about(
    connection: WriteConnection,
    order: str | None,
    code: ExceptionCode,
    subjects: Collection[str],
    fact: ClosingFact,
) -> bool:
    """Close the open exceptions of one code of an order, or (None) of no order, about subjects; whether there were any."""
    about = {"order": order, "code": code, "subjects": list(subjects)}
    return (await connection.execute(CLOSE_ABOUT, fact.parameters() | about)).rowcount > 0


CLOSE_ABOUT = text(
    f"""
    UPDATE exception SET {_CLOSED}
    WHERE order_id IS NOT DISTINCT FROM CAST(:order AS text) AND code = :code
      AND subject = ANY(CAST(:subjects AS text[])) AND resolved_at IS NULL
    """
)


async def close_shortages(connection: WriteConnection, places: Collection[tuple[str, str]], fact: ClosingFact) -> None:
    """Close the exceptions `stock_short` of those of these (node, SKU) that have as many units on hand as are promised."""
    names = {"nodes": [node for node, _ in places], "skus": [sku for _, sku in places]}
    await connection.execute(CLOSE_SHORTAGES, fact.parameters() | names)


CLOSE_SHORTAGES = text(
    f"""
    UPDATE exception e SET {_CLOSED}
    FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[])) AS n(node, sku) JOIN stock s USING (node, sku)
    WHERE e.code = 'stock_short' AND e.resolved_at IS NULL AND e.node = n.node AND e.subject = n.sku
      AND s.on_hand - greatest(s.set_aside, 0) >= s.reserved + s.allocated
    """
)


async def is_open_about(connection: ReadConnection, code: ExceptionCode, subject: str) -> bool:
    """Whether an exception of no order is open about a subject."""
    return bool((await connection.execute(IS_OPEN_ABOUT, {"code": code, "subject": subject})).scalar_one())


IS_OPEN_ABOUT = text(
    """
    SELECT EXISTS (
        SELECT FROM exception WHERE resolved_at IS NULL AND code = :code AND order_id IS NULL AND subject = :subject)
    """
)


@dataclass(frozen=True, slots=True)
class OpenOne:
    """An open exception of no order."""

    exception: str
    code: ExceptionCode
    detail: str


async def open_about(connection: ReadConnection, subject: str) -> list[OpenOne]:
    """The open exceptions of no order about a subject."""
    rows = await connection.execute(OPEN_ABOUT, {"subject": subject})
    return [OpenOne(row.exception_id, ExceptionCode(row.code), row.detail) for row in rows]


OPEN_ABOUT = text(
    """
    SELECT exception_id, code, detail FROM exception
    WHERE resolved_at IS NULL AND order_id IS NULL AND subject = :subject ORDER BY since, exception_id
    """
)


async def close_chosen_pickup(connection: WriteConnection, order: str, remark: int | None, at: datetime) -> None:
    """Resolve the open exceptions about where an order's units are collected: a person has entered it, with this remark."""
    await connection.execute(CLOSE_CHOSEN_PICKUP, {"order": order, "remark": remark, "at": at})


CLOSE_CHOSEN_PICKUP = text(
    """
    UPDATE exception SET resolved_at = :at, resolved_by = :remark
    WHERE order_id = :order AND code = 'pickup' AND resolved_at IS NULL AND fulfillment_order_id IS NULL
    """
)


async def is_open(connection: ReadConnection, order: str, code: ExceptionCode, fulfillment_order: str | None) -> bool:
    """Whether an exception of one code is open about a fulfillment order of an order, or (None) about the order itself."""
    parameters = {"order": order, "code": code, "fulfillment_order": fulfillment_order}
    return bool((await connection.execute(IS_OPEN, parameters)).scalar_one())


IS_OPEN = text(
    """
    SELECT EXISTS (SELECT FROM exception
                   WHERE order_id = :order AND code = :code AND resolved_at IS NULL
                     AND fulfillment_order_id IS NOT DISTINCT FROM CAST(:fulfillment_order AS text))
    """
)


async def close_caused_by(
    connection: WriteConnection, order: str, code: ExceptionCode, begins: str, at: datetime
) -> bool:
    """Close an order's open exceptions of one code whose cause begins with these words; whether there were any."""
    parameters = {"order": order, "code": code, "begins": begins, "at": at}
    return (await connection.execute(CLOSE_CAUSED_BY, parameters)).rowcount > 0


CLOSE_CAUSED_BY = text(
    """
    UPDATE exception SET resolved_at = :at
    WHERE order_id = :order AND code = :code AND resolved_at IS NULL AND starts_with(cause, :begins)
    """
)


@dataclass(frozen=True, slots=True)
class Known:
    """The present state of an exception."""

    exception: str
    order: str | None
    fulfillment_order: str | None
    code: ExceptionCode
    is_open: bool
    is_latest: bool
    """Whether no newer one of its code is open for the same fulfillment order."""


async def find(connection: ReadConnection, exception: str) -> Known | None:
    """An exception by its id; None when there is none. Read it under its order's lock before you resolve it."""
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
    """Close an open exception, with the remark of who resolved it and why; False when it is closed already."""
    found = await connection.execute(RESOLVE, {"exception": exception, "remark": remark, "at": at})
    return found.rowcount > 0


RESOLVE = text(
    """
    UPDATE exception SET resolved_at = :at, resolved_by = :remark
    WHERE exception_id = :exception AND resolved_at IS NULL
    """
)


async def assign(connection: WriteConnection, exception: str, owner: str, remark: int | None) -> bool:
    """Give an open exception another owner, with the remark of who did so and why; False when it is closed already."""
    found = await connection.execute(ASSIGN, {"exception": exception, "owner": owner, "remark": remark})
    return found.rowcount > 0


ASSIGN = text(
    """
    UPDATE exception SET owner = :owner, assigned_by = :remark WHERE exception_id = :exception AND resolved_at IS NULL
    """
)


async def orders_waiting_too_long(
    connection: ReadConnection, before: timedelta, limit: int
) -> list[tuple[str, datetime]]:
    """Open orders with units that wait for stock, a node or release, when less than `before` is left until they must ship: by
    what we promised, or by the channel's own duty. Answers each with this date, the most urgent first; without orders that have
    such an exception already."""
    rows = await connection.execute(ORDERS_WAITING_TOO_LONG, {"before": before, "limit": limit})
    return [(row.order_id, row.ship_by) for row in rows]


ORDERS_WAITING_TOO_LONG = text(
    """
    SELECT o.order_id, d.ship_by FROM orders o
    CROSS JOIN LATERAL (SELECT least(
        CASE WHEN o.promise_changed_at IS NULL THEN o.promise_ship_by ELSE o.new_ship_by END, o.duty_ship_by,
        o.duty_deliver_by - coalesce(o.promise_deliver_by - o.promise_ship_by, interval '0')) AS ship_by) d
    WHERE o.closed_at IS NULL AND d.ship_by < clock_timestamp() + CAST(:before AS interval)
      AND (EXISTS (SELECT FROM waiting w WHERE w.order_id = o.order_id AND w.awaits <> 'person')
           OR EXISTS (SELECT FROM reservation r WHERE r.order_id = o.order_id))
      AND NOT EXISTS (SELECT FROM exception e
                      WHERE e.order_id = o.order_id AND e.code = 'at_risk' AND e.fulfillment_order_id IS NULL)
    ORDER BY d.ship_by LIMIT :limit
    """
)


async def escalate(connection: WriteConnection, after: timedelta) -> list[dict[str, Any]]:
    """Mark the exceptions that are open for longer than `after` as escalated, each once; answers those that it marked."""
    rows = await connection.execute(ESCALATE, {"after": after})
    return [dict(row._mapping) for row in rows]


ESCALATE = text(
    """
    UPDATE exception SET escalated_at = clock_timestamp()
    WHERE exception_id IN (
        SELECT exception_id FROM exception
        WHERE resolved_at IS NULL AND escalated_at IS NULL AND since < clock_timestamp() - CAST(:after AS interval)
        FOR UPDATE SKIP LOCKED)
    RETURNING exception_id AS exception, code, order_id AS "order", since::text AS since
    """
)
"""It skips an exception that another transaction is resolving."""

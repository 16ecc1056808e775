"""Named statements about returns: authorize one, write what came back, show it."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain import identifiers
from domain.returns import ReturnLineState, ReturnState


class UnknownReturn(LookupError):
    """No return has this id."""


async def authorize(
    connection: WriteConnection,
    order: str,
    lines: Iterable[tuple[str, int]],
    *,
    resolution: str,
    at: datetime,
    expires_at: datetime,
) -> str:
    """Store a return of the order's units under the order's lock; answers its id, which counts the order's returns."""
    number: int = (await connection.execute(COUNT, {"order": order})).scalar_one() + 1
    name = identifiers.return_id(order, number)
    parameters = {"return": name, "order": order, "number": number, "resolution": resolution}
    await connection.execute(AUTHORIZE, parameters | {"at": at, "expires_at": expires_at})
    rows = [
        {"return": name, "order": order, "line": line, "position": position, "quantity": quantity}
        for position, (line, quantity) in enumerate(lines)
    ]
    await connection.execute(ADD_LINE, rows)
    return name


COUNT = text("SELECT count(*) FROM return WHERE order_id = :order")

AUTHORIZE = text(
    """
    INSERT INTO return (return_id, order_id, number, resolution, requested_at, authorized_at, expires_at)
    VALUES (:return, :order, :number, :resolution, :at, :at, :expires_at)
    """
)

ADD_LINE = text(
    """
    INSERT INTO return_line (return_id, line, position, sku, quantity)
    SELECT :return, l.line, :position, l.sku, :quantity FROM order_line l WHERE l.order_id = :order AND l.line = :line
    """
)


async def in_returns(connection: ReadConnection, order: str) -> dict[str, int]:
    """Units per line that are in a return which has not expired."""
    rows = await connection.execute(IN_RETURNS, {"order": order})
    return {row.line: row.quantity for row in rows}


IN_RETURNS = text(
    """
    SELECT l.line, sum(l.quantity)::int AS quantity FROM return r JOIN return_line l USING (return_id)
    WHERE r.order_id = :order AND r.expired_at IS NULL GROUP BY l.line
    """
)


async def write_lines(connection: WriteConnection, name: str, lines: Iterable[ReturnLineState]) -> None:
    """Write what came back and what became of it."""
    rows = [
        {
            "return": name,
            "line": line.line,
            "received": line.received,
            "told_received": line.told_received,
            "graded": line.graded,
            "condition": line.condition,
            "disposition": line.disposition,
        }
        for line in lines
    ]
    await connection.execute(WRITE_LINE, rows)


WRITE_LINE = text(
    """
    UPDATE return_line
    SET received = :received, told_received = :told_received, graded = :graded, condition = :condition,
        disposition = :disposition
    WHERE return_id = :return AND line = :line
    """
)


async def mark(connection: WriteConnection, name: str, fact: str, at: datetime) -> None:
    """Note that a return was settled, has expired or is closed; the first time counts."""
    await connection.execute(_MARKS[fact], {"return": name, "at": at})


_MARKS: Mapping[str, Any] = {
    fact: text(f"UPDATE return SET {fact} = coalesce({fact}, :at) WHERE return_id = :return")
    for fact in ("settled_at", "expired_at", "closed_at")
}


async def next_version(connection: WriteConnection, name: str) -> ReturnState:
    """Count the change and answer the return's new state."""
    await connection.execute(
        text("UPDATE return SET version = version + 1 WHERE return_id = :return"), {"return": name}
    )
    return await state(connection, name)


async def state(connection: ReadConnection, name: str) -> ReturnState:
    """The return's state with its status derived. Raises `UnknownReturn`."""
    found = (await connection.execute(STATE, {"return": name})).scalar()
    if found is None:
        raise UnknownReturn(name)
    return ReturnState.model_validate(json.loads(found))


STATE = text(
    """
    SELECT jsonb_build_object(
               'return', r.return_id, 'order', r.order_id, 'version', r.version, 'status', s.status,
               'resolution', r.resolution, 'expires_at', r.expires_at,
               'lines', (SELECT jsonb_agg(jsonb_build_object(
                                    'line', l.line, 'sku', l.sku, 'quantity', l.quantity, 'received', l.received,
                                    'told_received', l.told_received, 'graded', l.graded,
                                    'condition', l.condition, 'disposition', l.disposition)
                                    ORDER BY l.position)
                         FROM return_line l WHERE l.return_id = r.return_id))::text
    FROM return r JOIN return_status s USING (return_id) WHERE r.return_id = :return
    """
)

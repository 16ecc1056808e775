"""Named statements about requests: what was requested, for an order or for none, by whom, and the answer. A repeated request
gets the first answer."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection


class UsedForAnotherRequest(Exception):
    """This idempotency key was used for another request."""


class UnknownRequest(LookupError):
    """The order (or none) has no such request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A stored request; `facts` is its body without free text, `answer` is what was done, None before that."""

    request_id: int
    order: str | None
    kind: str
    asker: str
    """Whose key was shown, as in `channel:web`; `temporal` for an update that somebody sent to the workflow."""
    facts: dict[str, Any]
    remark: int | None
    answer: dict[str, Any] | None

    @property
    def is_by_channel(self) -> bool:
        """Whether a channel asks, and not an operator."""
        return self.asker.startswith("channel:")

    @property
    def is_by_a_person(self) -> bool:
        """Whether an operator asks, over HTTP or in the console."""
        return self.asker.startswith("operator:")

    @property
    def is_by_node(self) -> bool:
        """Whether a node asks, and not an operator."""
        return self.asker.startswith("node:")


async def keep(
    connection: WriteConnection,
    *,
    order: str | None,
    kind: str,
    asker: str,
    idempotency_key: str | None,
    body_digest: str,
    facts: dict[str, Any],
    actor: str | None = None,
    reason: str | None = None,
    at: datetime,
) -> Request:
    """Store a request with who asked and why. The same asker and key mean the same request: it is answered as it was stored.

    Raises `UsedForAnotherRequest` when it was stored with another order, kind or body.
    """
    stored_key = await personal.idempotency_key(connection, asker, idempotency_key)
    parameters = {
        "order": order,
        "kind": kind,
        "asker": asker,
        "idempotency_key": stored_key,
        "body_digest": body_digest,
        "facts": json.dumps(facts),
        "at": at,
    }
    made = (await connection.execute(KEEP, parameters)).scalar()
    if made is not None:
        remark = await personal.note(connection, order, actor, reason)
        await connection.execute(REMARK, {"request": made, "remark": remark})
        return Request(made, order, kind, asker, facts, remark, None)
    row = (await connection.execute(KNOWN, {"asker": asker, "idempotency_key": stored_key})).one()
    if (row.order_id, row.kind) != (order, kind) or not personal.is_same_body(row.body_digest, body_digest):
        raise UsedForAnotherRequest(idempotency_key)
    return await read(connection, order, kind, row.request_id)


KEEP = text(
    """
    INSERT INTO request (order_id, kind, asker, idempotency_key, body_digest, facts, requested_at)
    VALUES (:order, :kind, :asker, :idempotency_key, :body_digest, CAST(:facts AS jsonb), :at)
    ON CONFLICT (asker, idempotency_key) DO NOTHING
    RETURNING request_id
    """
)
"""Without a key nothing conflicts: NULLs are distinct."""

REMARK = text("UPDATE request SET remark = :remark WHERE request_id = :request AND CAST(:remark AS bigint) IS NOT NULL")

KNOWN = text(
    """
    SELECT request_id, order_id, kind, body_digest FROM request
    WHERE asker = :asker AND idempotency_key = :idempotency_key
    """
)


async def read(connection: ReadConnection, order: str | None, kind: str, request_id: int) -> Request:
    """A request of one kind by its id, for an order or for none, with its answer if there is one. Raises `UnknownRequest`."""
    row = (await connection.execute(READ, {"order": order, "kind": kind, "request": request_id})).one_or_none()
    if row is None:
        raise UnknownRequest(request_id)
    answer = json.loads(row.answer) if row.answer else None
    return Request(row.request_id, row.order_id, row.kind, row.asker, json.loads(row.facts), row.remark, answer)


READ = text(
    """
    SELECT request_id, order_id, kind, asker, facts::text AS facts, remark, answer::text AS answer
    FROM request
    WHERE request_id = :request AND order_id IS NOT DISTINCT FROM CAST(:order AS text) AND kind = :kind
    """
)


async def cancel_code(connection: ReadConnection, order: str) -> str | None:
    """The code of the last request to cancel units of an order; None = none had one."""
    found: str | None = (await connection.execute(CANCEL_CODE, {"order": order})).scalar_one_or_none()
    return found


CANCEL_CODE = text(
    """
    SELECT facts->>'code' FROM request WHERE order_id = :order AND kind = 'cancel' AND facts ? 'code'
    ORDER BY request_id DESC LIMIT 1
    """
)


async def answer(connection: WriteConnection, request_id: int, answered: dict[str, Any]) -> None:
    """Write the answer, in the transaction that did what was requested."""
    await connection.execute(ANSWER, {"request": request_id, "answer": json.dumps(answered)})


ANSWER = text("UPDATE request SET answer = CAST(:answer AS jsonb) WHERE request_id = :request AND answer IS NULL")

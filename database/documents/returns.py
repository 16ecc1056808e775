"""The documents of returns: one with what came back, and a page of many."""

import json
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents import refund
from database.documents.document import Document
from database.documents.filters import given
from database.documents.refund import Refund
from domain.request import Resolution
from domain.returns import Condition, Disposition, ReturnLineState, ReturnLot, ReturnState, ReturnStatus


class ReturnLine(Document):
    """A line of a return: what was announced, what came back, and its grading."""

    line: str
    """The line's id in its order."""
    sku: str
    name: str | None
    """As the channel calls the item; null when it did not say, or the order was forgotten."""
    quantity: int
    """Units that were announced."""
    received: int
    """Units that came back."""
    condition: Condition | None
    """The value of all lots; null without lots, or when they differ."""
    disposition: Disposition | None
    """The value of all lots; null without lots, or when they differ."""
    lots: list[ReturnLot]
    """Units with the same grading at one node."""


class Return(Document):
    """A return with what came back and what became of it."""

    return_: str = Field(alias="return")
    """Its id: the order's id with `-r1`, `-r2` and so on."""
    order: str
    """The order's id."""
    reference: str | None
    """What people call the order; null when the channel did not say, or the order was forgotten."""
    status: ReturnStatus
    """Derived from what was received, graded and settled."""
    resolution: Resolution
    """What the customer gets for it."""
    node: str | None
    """Where the customer sends or takes it; null when neither the request nor the policy says so."""
    expires_at: AwareDatetime
    """When it expires if nothing has come back."""
    lines: list[ReturnLine]
    refunds: list[Refund]
    """What the channel was asked to pay, the oldest first."""


class ListedReturn(Document):
    """A return in a list."""

    return_: str = Field(alias="return")
    """Its id."""
    order: str
    """The order's id."""
    reference: str | None
    """What people call the order; null when the channel did not say, or the order was forgotten."""
    channel: str
    """The order's channel."""
    status: ReturnStatus
    resolution: Resolution
    """What the customer gets for it."""
    node: str | None
    """Where the customer sends or takes it; null when neither the request nor the policy says so."""
    requested_at: AwareDatetime
    updated_at: AwareDatetime
    """When it last changed, or was requested."""
    expires_at: AwareDatetime
    """When it expires if nothing has come back."""


async def show(connection: ReadConnection, state: ReturnState) -> dict[str, Any]:
    """The document of a return in this state."""
    known = (await connection.execute(CALLED, {"order": state.order})).one()
    names: dict[str, str] = json.loads(known.names)
    return {
        "return": state.return_,
        "order": state.order,
        "reference": known.reference,
        "status": state.status,
        "resolution": state.resolution,
        "node": state.node,
        "expires_at": state.expires_at,
        "lines": [_line(line, names.get(line.line)) for line in state.lines],
        "refunds": await refund.shown(connection, state.order, state.return_),
    }


CALLED = text(
    """
    SELECT reference, (SELECT coalesce(jsonb_object_agg(l.line, l.name) FILTER (WHERE l.name IS NOT NULL), '{}')
                       FROM order_line l WHERE l.order_id = o.order_id)::text AS names
    FROM orders o WHERE o.order_id = :order
    """
)
"""What people call an order and its lines."""


def _line(line: ReturnLineState, name: str | None) -> dict[str, Any]:
    """A line with its lots; a value that all lots share is also shown for the line."""
    conditions, dispositions = {lot.condition for lot in line.lots}, {lot.disposition for lot in line.lots}
    return {
        "line": line.line,
        "sku": line.sku,
        "name": name,
        "quantity": line.quantity,
        "received": line.received,
        "condition": conditions.pop() if len(conditions) == 1 else None,
        "disposition": dispositions.pop() if len(dispositions) == 1 else None,
        "lots": [lot.model_dump() for lot in line.lots],
    }


async def listed(
    connection: ReadConnection,
    *,
    status: str | None,
    channel: str | None,
    node: str | None,
    order: str | None,
    updated_since: datetime | None,
    after: str | None,
    limit: int,
    is_open: bool = False,
) -> list[dict[str, Any]]:
    """Returns of a list, the oldest first, after the one with the id `after`; of a node, those that should go to it.

    `is_open` leaves out those that are over.
    """
    visible = given({"a.node = :node": node, "b.channel = :channel": channel})
    asked = given(
        {
            "r.node = :node": node,
            "o.channel = :channel": channel,
            "r.order_id = :order": order,
            "s.status = :status": status,
            _UPDATED: updated_since,
            _IS_OPEN: is_open or None,
            f"(r.requested_at, r.return_id) > (({_AFTER} AND {visible}), :after)": after,
        }
    )
    rows = await connection.execute(
        text(f"{_LISTED} WHERE {asked} ORDER BY r.requested_at, r.return_id LIMIT {limit:d}"),
        {"status": status, "channel": channel, "node": node, "order": order}
        | {"updated_since": updated_since, "after": after},
    )
    return [json.loads(row.shown) for row in rows]


_LISTED = """
    SELECT jsonb_build_object(
               'return', r.return_id, 'order', r.order_id, 'reference', o.reference, 'channel', o.channel, 'status', s.status,
               'resolution', r.resolution, 'node', r.node, 'requested_at', r.requested_at,
               'updated_at', r.updated_at, 'expires_at', r.expires_at)::text AS shown
    FROM return r JOIN return_status s USING (return_id) JOIN orders o USING (order_id)
"""

_AFTER = """
    SELECT a.requested_at FROM return a JOIN orders b USING (order_id) WHERE a.return_id = :after
"""

_IS_OPEN = "coalesce(r.closed_at, r.cancelled_at, r.declined_at, r.expired_at) IS NULL"

_UPDATED = """
    r.return_id = ANY(ARRAY(SELECT u.return_id FROM return u
                            WHERE u.updated_at >= :updated_since AND u.updated_at <= 'infinity'))
"""
"""An array is found first, along the index of this moment."""

"""The documents of transfers between nodes: one, and a page of many."""

import json
from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document
from database.documents.filters import given
from database.documents.order import ALSO_CLOSED, OpenException
from database.schema.views import PROMISE
from domain.closing import CLOSING
from domain.fulfillment import FulfillmentOrderStatus, RequestStatus
from domain.order import OrderStatus, PromiseState
from domain.reasons import ExceptionCode


class MovedLine(Document):
    """A line of a transfer, with its units by what became of them.

    The six buckets `open`, `backordered`, `reserved`, `allocated`, `shipped` and `cancelled` add up to `quantity`.
    """

    line: str
    """The line's id in its transfer."""
    sku: str
    quantity: int
    """Units to move."""
    open: int
    """Units that wait for a sourcing round or a person."""
    backordered: int
    """Units that wait for stock at the source."""
    reserved: int
    """Units that are reserved at the source and not released yet."""
    allocated: int
    """Units that were released to the source and have not left it."""
    shipped: int
    """Units that left the source."""
    cancelled: int
    """Units that were cancelled."""
    in_transit: int
    """Units that left the source and are expected at the destination, those beyond `quantity` included."""
    received: int
    """Units that arrived at the destination, those beyond `quantity` included."""
    lost: int
    """Units that left the source, did not arrive and were written off."""


class TransferWork(Document):
    """A fulfillment order of a transfer: work for its source."""

    fulfillment_order: str
    """Its id: `transfer.`, the transfer's name, and `-f1`, `-f2` and so on."""
    node: str
    """The source."""
    status: FulfillmentOrderStatus
    """How far the work is; `delivered` when all that shipped has arrived or was written off."""
    request: RequestStatus
    """The status of the request to the node."""


class Transfer(Document):
    """Goods that move from one node to another."""

    transfer: str
    """Its name, as it was sent."""
    order: str
    """The id of the order that it is: `transfer.` and its name in lower case."""
    channel: str
    """`transfer`, or `replenishment` when a need was taken as this."""
    from_node: str | None = Field(alias="from")
    """The only node that ships it; null = those that the policy chooses, which its fulfillment orders name."""
    to_node: str = Field(alias="to")
    """The node that it goes to."""
    for_order: str | None = Field(alias="for")
    """The order that it brings units for to where they are collected; null = it is for no order."""
    service: str
    """How fast it travels: a service of the policy, such as `standard`."""
    ship_after: AwareDatetime | None
    """Nothing is released earlier; null = at once."""
    status: OrderStatus
    """As that of an order; `delivered` and `completed` when all that shipped has arrived or was written off."""
    needs_attention: bool
    """Whether an exception is open."""
    created_at: AwareDatetime
    """When it was received."""
    updated_at: AwareDatetime
    """When it last changed."""
    promise: PromiseState | None
    """When it leaves and arrives by the present plan; null while units have no date."""
    lines: list[MovedLine]
    fulfillment_orders: list[TransferWork]
    """The oldest first."""
    exceptions: list[OpenException]
    """The open exceptions."""


async def show(connection: ReadConnection, order: str) -> dict[str, Any] | None:
    """A transfer by the id of its order; None when there is none."""
    rows = await _read(connection, "o.order_id = :order", {"order": order}, 1)
    return rows[0] if rows else None


async def listed(
    connection: ReadConnection,
    *,
    status: OrderStatus | None,
    source: str | None,
    destination: str | None,
    needs_attention: bool | None,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Transfers of a page, the newest first, after the one whose order has the id `after`."""
    asked = given(
        {
            "o.closed_at IS NULL": None if status in (None, *ALSO_CLOSED) else status,
            f"({_STATUS}) = :status": status,
            f"(o.from_node = :source OR {_SHIPS})": source,
            "o.to_node = :destination": destination,
            f"{'' if needs_attention else 'NOT '}{_NEEDS_ATTENTION}": needs_attention,
            "(o.received_at, o.order_id) < (SELECT a.received_at, a.order_id FROM orders a WHERE a.order_id = :after)": after,
        }
    )
    values = {"status": status, "source": source, "destination": destination, "after": after}
    return await _read(connection, asked, values, limit)


async def coming(connection: ReadConnection, node: str, limit: int) -> list[dict[str, Any]]:
    """The transfers to a node that are not over, the newest first."""
    return await _read(connection, "o.to_node = :node AND o.closed_at IS NULL", {"node": node}, limit)


async def _read(connection: ReadConnection, asked: str, values: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    rows = await connection.execute(text(SHOWN.format(asked=asked, limit=f"{limit:d}")), values)
    return [_with_what_closes(json.loads(row.shown)) for row in rows]


def _with_what_closes(shown: dict[str, Any]) -> dict[str, Any]:
    """A transfer, with the facts that close each of its exceptions."""
    for known in shown["exceptions"]:
        known["closed_by"] = CLOSING[ExceptionCode(known["code"])].closed_by
    return shown


_STATUS = "SELECT s.status FROM order_status s WHERE s.order_id = o.order_id"

_NEEDS_ATTENTION = """
    (EXISTS (SELECT FROM exception e WHERE e.order_id = o.order_id AND e.resolved_at IS NULL))
"""

_LINES = """
    SELECT jsonb_agg(jsonb_build_object(
               'line', l.line, 'sku', l.sku, 'quantity', l.ordered, 'open', l.open, 'backordered', l.backordered,
               'reserved', l.reserved, 'allocated', l.allocated, 'shipped', l.shipped, 'cancelled', l.cancelled,
               'in_transit', coalesce(f.in_transit, 0), 'received', coalesce(f.received, 0), 'lost', coalesce(f.lost, 0))
               ORDER BY l.position)
    FROM order_line l
    LEFT JOIN (SELECT fl.line, sum(fl.in_transit) AS in_transit, sum(fl.told_delivered) AS received, sum(fl.lost) AS lost
               FROM fulfillment_order fo JOIN fulfillment_order_line fl USING (fulfillment_order_id)
               WHERE fo.order_id = o.order_id GROUP BY fl.line) f USING (line)
    WHERE l.order_id = o.order_id
"""

_SHIPS = """
    (o.from_node IS NULL
     AND EXISTS (SELECT FROM fulfillment_order w WHERE w.order_id = o.order_id AND w.node = CAST(:source AS text)))
"""
"""Whether a node ships some of a transfer whose sources the policy chose."""

SHOWN = f"""
    SELECT jsonb_build_object(
               'transfer', o.number, 'order', o.order_id, 'channel', o.channel, 'from', o.from_node, 'to', o.to_node,
               'for', o.for_order_id, 'service', o.service,
               'ship_after', o.not_before, 'status', s.status, 'needs_attention', s.needs_attention,
               'created_at', o.received_at, 'updated_at', o.updated_at, 'promise', CAST({PROMISE} AS jsonb),
               'lines', ({_LINES}),
               'fulfillment_orders', (
                   SELECT coalesce(jsonb_agg(jsonb_build_object(
                              'fulfillment_order', f.fulfillment_order_id, 'node', f.node, 'status', fs.status,
                              'request', f.request) ORDER BY f.number), '[]')
                   FROM fulfillment_order f JOIN fulfillment_order_status fs USING (fulfillment_order_id)
                   WHERE f.order_id = o.order_id),
               'exceptions', (
                   SELECT coalesce(jsonb_agg(jsonb_build_object('exception', e.exception_id, 'code', e.code,
                                                                'since', e.since, 'detail', e.detail)
                                             ORDER BY e.since, e.exception_id), '[]')
                   FROM exception e WHERE e.order_id = o.order_id AND e.resolved_at IS NULL))::text AS shown
    FROM (SELECT o.* FROM orders o WHERE o.to_node IS NOT NULL AND {{asked}}
          ORDER BY o.received_at DESC, o.order_id DESC LIMIT {{limit}}) o
    JOIN order_status s USING (order_id)
    ORDER BY o.received_at DESC, o.order_id DESC
"""
"""The page is chosen first, so that what is shown is read of its transfers only."""

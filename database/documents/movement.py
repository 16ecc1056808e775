"""The documents of movements: the ledger of an item's stock, the newest first."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from database.documents.filters import given
from domain.stock import MovementKind, StockState


class BookedMovement(Document):
    """A row of the ledger: by how much the counters of one node changed. Rows are never changed, only added."""

    movement: str
    """Its id; a later row has a greater number."""
    at: AwareDatetime
    """When it was booked."""
    occurred_at: AwareDatetime
    """When it happened, as its node reports it."""
    node: str
    sku: str
    kind: MovementKind
    """Why units moved."""
    on_hand: int
    """Units that came, or below 0 those that left."""
    reserved: int
    """Units that were pinned, or below 0 those that are not pinned any more."""
    allocated: int
    """Units that fulfillment orders asked for, or below 0 those that they do not ask for any more."""
    set_aside: int
    """Units that cannot be sold any more, or below 0 those that can again."""
    state: StockState | None
    """Why units were set aside, where that changed; null where it did not."""
    order: str | None
    """The order's id; null when it is about no order."""
    cause: str
    """What made it: a sourcing round, a release, a message with its node and id, a request with its number."""
    actor: str
    """Who did it: the holder of a key as in `node:slc`, `workflow` or `clock`."""
    reason: str | None
    """Why, as typed in a message about stock; null when nothing was typed. What was typed about an order is in its timeline."""


async def of_item(
    connection: ReadConnection, sku: str, *, node: str | None, order: str | None, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """The movements of an item, at one node and for one order or all (None), before the one with the number `after`."""
    asked = given({"m.node = :node": node, "m.order_id = :order": order, "m.movement_id < :after": after})
    rows = await connection.execute(
        text(_MOVEMENTS.format(asked=asked, limit=limit)),
        {"sku": sku, "node": node, "order": order, "after": after},
    )
    common = await personal.common_key(connection)
    return [json.loads(row.shown) | {"reason": personal.remark(common, row.sealed)["reason"]} for row in rows]


_MOVEMENTS = """
    SELECT jsonb_build_object(
               'movement', m.movement_id::text, 'at', m.recorded_at, 'occurred_at', m.occurred_at, 'node', m.node,
               'sku', m.sku, 'kind', m.kind, 'on_hand', m.on_hand, 'reserved', m.reserved, 'allocated', m.allocated,
               'set_aside', m.set_aside, 'state', m.state, 'order', m.order_id, 'cause', m.cause,
               'actor', m.actor)::text AS shown,
           r.sealed
    FROM (SELECT * FROM movement m WHERE m.sku = :sku AND {asked} ORDER BY m.movement_id DESC LIMIT {limit:d}) m
    LEFT JOIN inbox i ON starts_with(m.cause, 'message ') AND i.sender = split_part(m.cause, ' ', 2)
                         AND i.message_id = split_part(m.cause, ' ', 3) AND i.about = 'stock'
    LEFT JOIN personal.remark r ON r.remark_id = i.remark
    ORDER BY m.movement_id DESC
"""
"""The page is chosen first: reasons are read of its rows only."""

"""Named statements about sourcing: store plans, and list the orders whose pins may be planned again."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from database.order.sequence import PLACED


async def keep_plan(
    connection: WriteConnection, order: str, round_: int, network_version: int, document: Mapping[str, Any]
) -> None:
    """Store a round's decision with its explanation, under the key (order, round). It never changes."""
    await connection.execute(
        KEEP_PLAN,
        {
            "order": order,
            "round": round_,
            "network_version": network_version,
            "strategy": document["strategy"],
            "document": json.dumps(document),
        },
    )


KEEP_PLAN = text(
    """
    INSERT INTO plan (order_id, round, network_version, strategy, document)
    VALUES (:order, :round, :network_version, :strategy, CAST(:document AS jsonb))
    """
)


async def pinned(connection: ReadConnection) -> list[str]:
    """The open orders that have pins, in sequence: priority, then promised date, then placed at."""
    return list((await connection.execute(PINNED)).scalars())


PINNED = text(
    f"""
    SELECT o.order_id FROM orders o
    WHERE o.closed_at IS NULL AND EXISTS (SELECT FROM reservation v WHERE v.order_id = o.order_id)
    ORDER BY o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, o.order_id
    """
)

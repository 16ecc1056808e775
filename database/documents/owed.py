"""The documents of the work that a node owes now, by when it is due."""

from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.fulfillment import SHOWN, shown
from domain.network import Network


async def of_node(connection: ReadConnection, network: Network, node: str, limit: int) -> list[dict[str, Any]]:
    """The fulfillment orders of which a node still has to send something, as it sees them, those due first first."""
    rows = await connection.execute(text(f"{OF_NODE} LIMIT {limit:d}"), {"node": node})
    return [shown(connection, network, row) for row in rows]


DUE = """
    (f.waiting_for IN ('acceptance', 'shipment', 'cancel_answer', 'collection')
     OR f.escalated IN ('acceptance', 'shipment', 'cancel_answer', 'collection'))
"""
"""What has units due waits for one of these, or a person has taken that wait over. The index of such rows has these words."""

OF_NODE = f"""
    {SHOWN} WHERE f.node = :node AND {DUE} AND s.status IN ('released', 'in_progress', 'ready_for_pickup')
    ORDER BY f.ship_by, f.fulfillment_order_id
"""

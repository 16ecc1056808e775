"""Named statements about incoming goods: one message announces them, later messages report their arrival."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from database.connect import WriteConnection


async def announce(
    connection: WriteConnection, node: str, message_id: str, expected_at: datetime, units: Mapping[str, int]
) -> None:
    """Store announced units, by SKU, under the id of the message that announced them."""
    parameters = {
        "node": node,
        "message": message_id,
        "expected_at": expected_at,
        "skus": list(units),
        "quantities": list(units.values()),
    }
    await connection.execute(ANNOUNCE, parameters)


ANNOUNCE = text(
    """
    INSERT INTO incoming (node, message_id, sku, quantity, expected_at)
    SELECT :node, :message, sku, quantity, :expected_at
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS n(sku, quantity)
    """
)


async def arrive(connection: WriteConnection, node: str, message_id: str, units: Mapping[str, int]) -> None:
    """Note that announced units, by SKU, have arrived. SKUs or announcements that are not known are ignored.

    The caller holds the locks of the stock rows, so that two deliveries of one announcement cannot deadlock.
    """
    parameters = {
        "node": node,
        "message": message_id,
        "skus": list(units),
        "quantities": list(units.values()),
    }
    await connection.execute(ARRIVE, parameters)


ARRIVE = text(
    """
    UPDATE incoming i SET arrived = i.arrived + n.quantity
    FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS n(sku, quantity)
    WHERE i.node = :node AND i.message_id = :message AND i.sku = n.sku
    """
)

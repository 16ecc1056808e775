"""The documents of what is at stake: the orders that a page of exceptions names, as a list of orders shows them."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.order import LISTED


async def orders(connection: ReadConnection, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Orders by id; one that does not exist is left out."""
    rows = await connection.execute(NAMED, {"names": sorted(names)})
    return {shown["order"]: shown for row in rows for shown in [json.loads(row.shown)]}


NAMED = text(LISTED.format(page="SELECT o.* FROM orders o WHERE o.order_id = ANY(CAST(:names AS text[]))"))

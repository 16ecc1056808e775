"""Named statements about lines of an item that nobody knew: it is known now."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from database.connect import WriteConnection
from database.order.accept import terms_document
from domain.network import Item, ReturnTerms
from domain.order import NewLine


async def identify(
    connection: WriteConnection, order: str, line: NewLine, item: Item, terms: ReturnTerms, left: int
) -> None:
    """Give a line its item, its units and what they cost, under the order's lock. `left` of its units are not cancelled: they
    wait for their first sourcing round."""
    parameters: Mapping[str, Any] = {
        "order": order,
        "line": line.line,
        "sku": line.sku,
        "name": line.name,
        "components": json.dumps(dict(item.components)) if item.components else None,
        "weight_g": item.weight_g,
        "terms": json.dumps(terms_document(terms)),
        "window": None if terms.final_sale else terms.window,
        "at_least": timedelta() if terms.final_sale else terms.window,
        "unit_price": line.unit_price,
        "discount": line.discount,
        "tax": line.tax,
        "ordered": line.quantity,
        "left": left,
        "parts": [part for part, _ in item.components] or [line.sku],
    }
    for statement in (DROP, IDENTIFY):
        await connection.execute(statement, parameters)


DROP = text(
    """
    WITH dropped AS (DELETE FROM order_layer WHERE order_id = :order AND line = :line)
    DELETE FROM waiting WHERE order_id = :order AND line = :line
    """
)

IDENTIFY = text(
    """
    WITH named AS (
        UPDATE order_line
        SET sku = :sku, name = coalesce(:name, name), components = CAST(:components AS jsonb), weight_g = :weight_g,
            terms = CAST(:terms AS jsonb), return_window = CAST(:window AS interval), unit_price = :unit_price,
            discount = :discount, tax = :tax, ordered = :ordered, open = :left, backordered = 0,
            cancelled = CAST(:ordered AS int) - CAST(:left AS int)
        WHERE order_id = :order AND line = :line
    ), lasts AS (
        UPDATE orders SET return_window = greatest(return_window, CAST(:at_least AS interval)) WHERE order_id = :order
    )
    INSERT INTO waiting (order_id, line, quantity, attempt, tried, awaits, parts)
    SELECT :order, :line, :left, 1, '{}', 'sourcing', CAST(:parts AS text[]) WHERE CAST(:left AS int) > 0
    """
)
"""No unit of it was ever pinned or shipped, for nobody knew what it is."""


async def keep_worth(connection: WriteConnection, order: str, value: int, total: int) -> None:
    """Store what an order is worth after a line got its item."""
    await connection.execute(KEEP_WORTH, {"order": order, "value": value, "total": total})


KEEP_WORTH = text("UPDATE orders SET value = :value, total = :total WHERE order_id = :order")

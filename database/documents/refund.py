"""The document of a refund: what a channel was asked to pay for a return or a claim."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document
from domain.refund import RefundKind


class Refund(Document):
    """What a customer is owed for units of a return or a claim."""

    refund: str
    """Its id, by which the channel recognizes a repeat: that of the return or claim with `-m1`, `-m2` and so on."""
    kind: RefundKind
    amount: int
    """What the channel was asked to pay, or the price of the other order; minor units of `currency`."""
    currency: str
    """Three letters, ISO 4217."""
    asked_at: AwareDatetime
    settled_at: AwareDatetime | None
    """When the customer was paid; null until the channel confirms it."""
    settled_amount: int | None
    """What the customer got, in minor units of `currency`; null until it is settled."""
    replacement: str | None
    """The order that the customer gets instead of money; null without one."""


async def shown(connection: ReadConnection, order: str, name: str) -> list[dict[str, Any]]:
    """The documents of the refunds of an order's return or claim."""
    rows = await connection.execute(SHOWN, {"order": order, "name": name})
    return [json.loads(row.shown) for row in rows]


SHOWN = text(
    """
    SELECT jsonb_build_object(
               'refund', f.refund_id, 'kind', f.kind, 'amount', f.amount, 'currency', o.currency, 'asked_at', f.asked_at,
               'settled_at', f.settled_at, 'settled_amount', f.settled_amount,
               'replacement', f.replacement)::text AS shown
    FROM refund f JOIN orders o USING (order_id)
    WHERE f.order_id = :order AND CAST(:name AS text) IN (f.return_id, f.claim_id) ORDER BY f.asked_at, f.refund_id
    """
)

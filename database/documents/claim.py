"""The document of a claim: what a customer was given for units that need not come back."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.claim import UnknownClaim
from database.connect import ReadConnection
from database.documents import refund
from database.documents.document import Document, NamedUnits
from database.documents.refund import Refund
from domain.claim import ClaimKind, ClaimResolution


class Claim(Document):
    """A claim with its evidence, and what the customer was paid or sent for it."""

    claim: str
    """Its id: the order's id with `-c1`, `-c2` and so on."""
    order: str
    """The order's id."""
    reference: str | None
    """What people call the order; null when the channel did not say, or the order was forgotten."""
    kind: ClaimKind
    """What was wrong with the units."""
    resolution: ClaimResolution
    """What the customer gets for them."""
    claimed_at: AwareDatetime
    lines: list[NamedUnits]
    evidence: dict[str, Any] | None
    """What the channel sent as evidence; null when it sent none, or the order was forgotten."""
    refunds: list[Refund]
    """What the channel was asked to pay, or the order that replaces the units."""


async def show(connection: ReadConnection, name: str) -> dict[str, Any]:
    """A claim with its evidence unless its order was forgotten, and without its refunds. Raises `UnknownClaim`."""
    row = (await connection.execute(SHOW, {"claim": name})).one_or_none()
    if row is None:
        raise UnknownClaim(name)
    shown: dict[str, Any] = json.loads(row.shown)
    key = personal.open_key(connection, shown["order"], row.wrapped)
    return shown | {"evidence": personal.unseal(key, "evidence", row.evidence)}


async def with_refunds(connection: ReadConnection, known: dict[str, Any]) -> dict[str, Any]:
    """The whole document of a claim from the answer of `show`."""
    return known | {"refunds": await refund.shown(connection, known["order"], known["claim"])}


async def recent(connection: ReadConnection, *, order: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest claims, of an order only unless that is None."""
    return [json.loads(row.shown) for row in await connection.execute(RECENT, {"order": order, "limit": limit})]


RECENT = text(
    """
    SELECT jsonb_build_object(
               'claim', c.claim_id, 'order', c.order_id, 'reference', o.reference, 'kind', c.kind, 'resolution', c.resolution,
               'claimed_at', c.claimed_at,
               'quantity', (SELECT sum(l.quantity) FROM claim_line l WHERE l.claim_id = c.claim_id))::text AS shown
    FROM (SELECT * FROM claim WHERE CAST(:order AS text) IS NULL OR order_id = :order
          ORDER BY claimed_at DESC, claim_id DESC LIMIT :limit) c
    JOIN orders o USING (order_id) ORDER BY c.claimed_at DESC, c.claim_id DESC
    """
)

SHOW = text(
    """
    SELECT jsonb_build_object(
               'claim', c.claim_id, 'order', c.order_id, 'reference', o.reference, 'kind', c.kind, 'resolution', c.resolution,
               'claimed_at', c.claimed_at,
               'lines', (SELECT jsonb_agg(jsonb_build_object('line', l.line, 'sku', sold.sku, 'name', sold.name,
                                                             'quantity', l.quantity) ORDER BY l.line)
                         FROM claim_line l JOIN order_line sold ON sold.order_id = c.order_id AND sold.line = l.line
                         WHERE l.claim_id = c.claim_id))::text AS shown,
           e.evidence, k.wrapped
    FROM claim c JOIN orders o USING (order_id)
    LEFT JOIN personal.evidence e USING (claim_id) LEFT JOIN personal.key k ON k.owner = c.order_id
    WHERE c.claim_id = :claim
    """
)

"""Named statements about claims: what a customer was given for units that need not come back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from domain import identifiers
from domain.claim import ClaimKind, ClaimRequest
from domain.closing import ClaimedUnits


class UnknownClaim(LookupError):
    """No claim has this id."""


async def add(
    connection: WriteConnection, order: str, claim: ClaimRequest, units: Mapping[str, int], at: datetime
) -> str:
    """Store a claim under the order's lock; answers its id, the order's id with the claim's number."""
    number: int = (await connection.execute(COUNT, {"order": order})).scalar_one() + 1
    name = identifiers.claim_id(order, number)
    facts = {"claim": name, "order": order, "number": number, "kind": claim.kind, "resolution": claim.resolution}
    await connection.execute(ADD, facts | {"at": at})
    lines = [{"claim": name, "line": line, "quantity": quantity} for line, quantity in units.items()]
    await connection.execute(ADD_LINE, lines)
    if claim.evidence is not None:
        await _keep_evidence(connection, name, order, claim.evidence)
    return name


async def claimed(connection: ReadConnection, order: str) -> list[ClaimedUnits]:
    """The units of an order that were claimed, by claim and line."""
    rows = await connection.execute(CLAIMED, {"order": order})
    return [ClaimedUnits(row.line, ClaimKind(row.kind), row.quantity) for row in rows]


CLAIMED = text(
    """
    SELECT cl.line, c.kind, cl.quantity FROM claim c JOIN claim_line cl USING (claim_id) WHERE c.order_id = :order
    """
)


async def _keep_evidence(connection: WriteConnection, name: str, order: str, evidence: dict[str, Any]) -> None:
    """Store the evidence, sealed; does nothing when the order was forgotten."""
    key = await personal.key_of(connection, order)
    if key is not None:
        shown = {"claim": name, "order": order, "evidence": key.seal("evidence", evidence)}
        await connection.execute(ADD_EVIDENCE, shown)


COUNT = text("SELECT count(*) FROM claim WHERE order_id = :order")

ADD = text(
    """
    INSERT INTO claim (claim_id, order_id, number, kind, resolution, claimed_at)
    VALUES (:claim, :order, :number, :kind, :resolution, :at)
    """
)

ADD_LINE = text("INSERT INTO claim_line (claim_id, line, quantity) VALUES (:claim, :line, :quantity)")

ADD_EVIDENCE = text("INSERT INTO personal.evidence (claim_id, order_id, evidence) VALUES (:claim, :order, :evidence)")

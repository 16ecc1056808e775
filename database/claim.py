"""Named statements about claims: what a customer was given for units that need not come back."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from database.connect import WriteConnection
from domain import identifiers
from domain.claim import ClaimRequest


async def add(
    connection: WriteConnection, order: str, claim: ClaimRequest, units: Mapping[str, int], at: datetime
) -> str:
    """Store a claim under the order's lock; answers its id, which counts the order's claims."""
    number: int = (await connection.execute(COUNT, {"order": order})).scalar_one() + 1
    name = identifiers.claim_id(order, number)
    facts = {"claim": name, "order": order, "number": number, "kind": claim.kind, "resolution": claim.resolution}
    await connection.execute(ADD, facts | {"at": at})
    lines = [{"claim": name, "line": line, "quantity": quantity} for line, quantity in units.items()]
    await connection.execute(ADD_LINE, lines)
    if claim.evidence is not None:
        shown = {"claim": name, "order": order, "evidence": json.dumps(claim.evidence)}
        await connection.execute(ADD_EVIDENCE, shown)
    return name


COUNT = text("SELECT count(*) FROM claim WHERE order_id = :order")

ADD = text(
    """
    INSERT INTO claim (claim_id, order_id, number, kind, resolution, claimed_at)
    VALUES (:claim, :order, :number, :kind, :resolution, :at)
    """
)

ADD_LINE = text("INSERT INTO claim_line (claim_id, line, quantity) VALUES (:claim, :line, :quantity)")

ADD_EVIDENCE = text(
    "INSERT INTO personal.evidence (claim_id, order_id, evidence) VALUES (:claim, :order, CAST(:evidence AS jsonb))"
)

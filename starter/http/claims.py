"""Routes about claims: units that were missing, wrong, damaged or lost, and need not come back."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from activities.claim import Claimed
from database import order
from database.order import UnknownOrder
from database.request import UsedForAnotherRequest
from domain.claim import ClaimRequest
from starter.http.access import OperatorOrChannel, Wired, nothing, own_channel
from starter.http.orders import IdempotencyKey
from starter.http.problems import OTHER_BODY, REFUSED, Problem

router = APIRouter(tags=["claims"])


class ClaimMade(BaseModel):
    """What the customer gets for a claim: a refund that its channel is asked for, or another order."""

    claim: str
    refund: str | None
    replacement: str | None


@router.post("/orders/{name}/claims", status_code=201, response_model=ClaimMade)
async def take_claim(
    name: str, body: ClaimRequest, holder: OperatorOrChannel, service: Wired, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Give the customer what he claims for units that have shipped and were not paid back; 409 for others."""
    async with service.database.read() as connection:
        try:
            state = await order.state(connection, name)
        except UnknownOrder as error:
            raise nothing("order", name) from error
    if own_channel(holder) not in (None, state.channel):
        raise nothing("order", name)
    try:
        answer = await service.claims.take(Claimed(name, body, holder.key_id, holder.actor, idempotency_key))
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error
    if reason := answer.get("refused"):
        raise Problem(REFUSED, str(reason))
    return answer

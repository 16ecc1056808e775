"""Routes about claims: units that were missing, wrong, damaged or lost, and need not come back."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.access import OperatorOrChannel, ServiceDep, not_found, own_channel
from api.answer import shown
from api.common import REPEATED, IdempotencyKey, Kept, check_customers, check_destination, check_own, kept
from api.paths import ClaimId, OrderId
from api.service import Service
from database import order
from database.documents import claim
from database.documents.claim import Claim
from database.key import Caller
from domain.claim import ClaimMessage, ClaimRequest
from transactions import claim as claims
from transactions.request import Asked

router = APIRouter(tags=["claims"])


class ClaimMade(BaseModel):
    """The refund that the channel is asked for, or the replacement order."""

    claim: str
    refund: str | None
    replacement: str | None


@router.post("/orders/{order}/claims", status_code=201, response_model=ClaimMade)
async def make_claim(
    name: OrderId,
    body: ClaimRequest,
    holder: OperatorOrChannel,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Claim shipped units: the customer gets a refund or a replacement. 409 for units not shipped or already refunded."""
    await check_destination(service, body)
    check_customers(name)
    await check_own(service, name, holder)
    return await claims.take(service.transactions, Asked(name, body, holder.actor, idempotency_key))


@router.get("/claims/{claim}", response_model=Claim)
async def get_claim(name: ClaimId, holder: OperatorOrChannel, service: ServiceDep) -> Response:
    """A claim with its evidence, and what was refunded or sent for it."""
    known = await _own(service, name, holder)
    async with service.database.read() as connection:
        return shown(await claim.with_refunds(connection, known))


@router.post("/claims/{claim}/messages", status_code=202, response_model=Kept, responses=REPEATED)
async def send_claim_message(
    name: ClaimId, body: ClaimMessage, holder: OperatorOrChannel, service: ServiceDep, response: Response
) -> Kept:
    """Report that a claim was settled. An amount other than the one asked for is recorded, and opens an exception."""
    await _own(service, name, holder)
    is_new = await claims.record(service.transactions, name, body, actor=holder.actor)
    return kept(body.message_id, response, is_new=is_new)


async def _own(service: Service, name: str, holder: Caller) -> dict[str, Any]:
    """The claim as it is shown, if the holder may know of it."""
    async with service.database.read() as connection:
        known = await claim.show(connection, name)
        if own_channel(holder) not in (None, await order.channel(connection, known["order"])):
            raise not_found("claim", name)
    return known

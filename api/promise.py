"""The route of the checkout: what would be promised, by the same rules as for an order, without changing anything."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.access import ReaderOrChannel, ServiceDep, own_channel
from api.answer import shown
from api.problems import NOT_ALLOWED, Problem
from database.documents import promise as documents
from database.documents.promise import Promise, PromisesByService
from domain.cart import PromiseRequest
from transactions.promise import plans

router = APIRouter(tags=["promises"])


@router.post("/promises", response_model=Promise | PromisesByService)
async def get_promise(body: PromiseRequest, holder: ReaderOrChannel, service: ServiceDep) -> Response:
    """What would be promised for a cart now. Nothing is stored. Without a service, one answer per service."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    planned = await plans(service.database, service.networks, body, datetime.now(UTC))
    promised = {name: documents.promise(*plan) for name, plan in planned.items()}
    return shown({"services": promised} if body.service is None else promised[body.service])

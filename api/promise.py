"""The route of the checkout: what would be promised, by the same rules as for an order, without changing anything."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.access import OperatorOrChannel, ServiceDep, own_channel
from api.answer import shown
from api.problems import NOT_ALLOWED, Problem
from database.documents import promise as documents
from database.documents.promise import Promise, PromisesByService
from domain.cart import PromiseRequest
from network.validate_order import check
from transactions.cart import decide_for

router = APIRouter(tags=["promises"])


@router.post("/promises", response_model=Promise | PromisesByService)
async def get_promise(body: PromiseRequest, holder: OperatorOrChannel, service: ServiceDep) -> Response:
    """What would be promised for a cart now. Nothing is stored. Without a service, one answer per service."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    now = datetime.now(UTC)
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        check(body, network)
        services = [body.service] if body.service is not None else sorted(network.policy.transit)
        plans = {name: (await decide_for(connection, network, body, name, now)).plan for name in services}
    promised = {name: documents.promise(plan) for name, plan in plans.items()}
    return shown({"services": promised} if body.service is None else promised[body.service])

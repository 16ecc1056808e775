"""The route of the checkout: what would be promised, by the same rules as for an order, changing nothing."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from api.access import OperatorOrChannel, Wired, own_channel
from api.problems import INVALID, NOT_ALLOWED, NOT_READY, Problem
from domain.cart import PromiseRequest
from network.validate_order import WrongField, check
from transactions.cart import decide_for, promise_document
from transactions.network import NoNetwork

router = APIRouter(tags=["promises"])


@router.post("/promises")
async def get_promise(body: PromiseRequest, holder: OperatorOrChannel, service: Wired) -> dict[str, Any]:
    """What would be promised for a cart now. Nothing is stored. Without a service, one answer per service."""
    if own_channel(holder) not in (None, body.channel):
        raise Problem(NOT_ALLOWED, f"this key is for channel {holder.name}", field="channel")
    now = datetime.now(UTC)
    try:
        async with service.database.read() as connection:
            _, network = await service.networks.active(connection)
            check(body, network)
            services = [body.service] if body.service is not None else sorted(network.policy.transit)
            plans = {name: (await decide_for(connection, network, body, name, now)).plan for name in services}
    except WrongField as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    promised = {name: promise_document(plan) for name, plan in plans.items()}
    return {"services": promised} if body.service is None else promised[body.service]

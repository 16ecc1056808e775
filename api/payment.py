"""Routes about payments: channels report what was authorized, captured and voided."""

from fastapi import APIRouter, Response

from api.access import OperatorOrChannel, ServiceDep
from api.common import REPEATED, Kept, check_customers, check_own, kept
from api.paths import OrderId
from domain.payment import PaymentMessage
from transactions import payment

router = APIRouter(tags=["payments"])


@router.post("/orders/{order}/payments", status_code=202, response_model=Kept, responses=REPEATED)
async def send_payment(
    name: OrderId, body: PaymentMessage, holder: OperatorOrChannel, service: ServiceDep, response: Response
) -> Kept:
    """Report money that was authorized, captured or voided for an order: a fact, which no state of the order refuses. The
    message id is unique for the order's channel, also when an operator reports it."""
    check_customers(name)
    channel = await check_own(service, name, holder)
    is_new = await payment.record(service.transactions, name, body, sender=channel, actor=holder.actor)
    return kept(body.message_id, response, is_new=is_new)

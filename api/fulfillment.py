"""Routes of the shipping side: a node sees its own work, and says what became of it."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.access import OperatorOrNode, Wired, nothing, own_node
from api.answer import shown
from api.order import Limit
from api.paths import FulfillmentOrderId
from api.problems import OTHER_BODY, Problem
from database.documents import fulfillment
from database.documents.document import Page, page
from database.documents.fulfillment import FulfillmentOrder
from database.outbox.inbox import UsedWithAnotherBody
from domain.fulfillment import FulfillmentOrderStatus, NodeMessage, Request
from transactions import fulfillment as fulfillments
from transactions.fulfillment import UnknownFulfillmentOrder

router = APIRouter(tags=["nodes"])


class Kept(BaseModel):
    """The message was stored and applied. What the order does about it follows."""

    message_id: str


REPEATED: dict[int | str, dict[str, Any]] = {200: {"model": Kept, "description": "The same message came before"}}


@router.get("/fulfillment-orders", response_model=Page[FulfillmentOrder])
async def list_fulfillment_orders(
    holder: OperatorOrNode,
    service: Wired,
    status: FulfillmentOrderStatus | None = None,
    request: Request | None = None,
    after: str | None = None,
    limit: Limit = 50,
) -> Response:
    """Fulfillment orders, oldest first. A node's key sees its own."""
    async with service.database.read() as connection:
        items = await fulfillment.listed(
            connection, node=own_node(holder), status=status, request=request, after=after, limit=limit + 1
        )
    return shown(page(items, limit, "fulfillment_order"))


@router.get("/fulfillment-orders/{fulfillment_order}", response_model=FulfillmentOrder)
async def get_fulfillment_order(name: FulfillmentOrderId, holder: OperatorOrNode, service: Wired) -> Response:
    """One fulfillment order, with its destination and its deadlines."""
    async with service.database.read() as connection:
        document = await fulfillment.show(connection, node=own_node(holder), fulfillment_order=name)
    if document is None:
        raise nothing("fulfillment order", name)
    return shown(document)


@router.post(
    "/fulfillment-orders/{fulfillment_order}/messages", status_code=202, response_model=Kept, responses=REPEATED
)
async def send_node_message(
    name: FulfillmentOrderId, body: NodeMessage, holder: OperatorOrNode, service: Wired, response: Response
) -> Kept:
    """Report a fact about a fulfillment order. 202 when new, 200 when sent before. A well-formed fact is never refused."""
    try:
        is_new = await fulfillments.record(service.transactions, name, body, node=own_node(holder), actor=holder.actor)
    except UnknownFulfillmentOrder as error:
        raise nothing("fulfillment order", name) from error
    except UsedWithAnotherBody as error:
        raise Problem(OTHER_BODY, f"message {body.message_id} was sent before with another body") from error
    if not is_new:
        response.status_code = 200
    return Kept(message_id=body.message_id)

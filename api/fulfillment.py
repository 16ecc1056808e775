"""Routes about fulfillment orders: a node reads its own, and reports what it did."""

from fastapi import APIRouter, Response

from api.access import OperatorOrNode, ServiceDep, not_found, own_node
from api.answer import shown
from api.common import REPEATED, Kept, Limit, kept
from api.paths import FulfillmentOrderId
from database.documents import fulfillment
from database.documents.document import Page, page
from database.documents.fulfillment import FulfillmentOrder
from domain.fulfillment import FulfillmentOrderStatus, NodeMessage, RequestStatus
from transactions import fulfillment as fulfillments

router = APIRouter(tags=["nodes"])


@router.get("/fulfillment-orders", response_model=Page[FulfillmentOrder])
async def list_fulfillment_orders(
    holder: OperatorOrNode,
    service: ServiceDep,
    status: FulfillmentOrderStatus | None = None,
    request: RequestStatus | None = None,
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
async def get_fulfillment_order(name: FulfillmentOrderId, holder: OperatorOrNode, service: ServiceDep) -> Response:
    """One fulfillment order, with its destination and its deadlines."""
    async with service.database.read() as connection:
        document = await fulfillment.show(connection, node=own_node(holder), fulfillment_order=name)
    if document is None:
        raise not_found("fulfillment order", name)
    return shown(document)


@router.post(
    "/fulfillment-orders/{fulfillment_order}/messages", status_code=202, response_model=Kept, responses=REPEATED
)
async def send_node_message(
    name: FulfillmentOrderId, body: NodeMessage, holder: OperatorOrNode, service: ServiceDep, response: Response
) -> Kept:
    """Report a fact about a fulfillment order. 202 when new, 200 when sent before. A well-formed fact is never refused."""
    is_new = await fulfillments.record(service.transactions, name, body, node=own_node(holder), actor=holder.actor)
    return kept(body.message_id, response, is_new=is_new)

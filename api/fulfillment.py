"""Routes about fulfillment orders: a node reads its own, and reports what it did."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from api.access import OperatorOrNode, ServiceDep, not_found, own_node
from api.answer import shown
from api.common import REPEATED, Kept, Limit, kept
from api.paths import FulfillmentOrderId
from database.documents import fulfillment
from database.documents.document import Page, page
from database.documents.fulfillment import Filters, FulfillmentOrder
from domain.fulfillment import FulfillmentOrderStatus, NodeMessage, RequestStatus
from domain.identifiers import is_of_a_transfer
from jobs.schedule import SUPPLY
from transactions import fulfillment as fulfillments

router = APIRouter(tags=["nodes"])


@router.get("/fulfillment-orders", response_model=Page[FulfillmentOrder])
async def list_fulfillment_orders(
    holder: OperatorOrNode,
    service: ServiceDep,
    status: FulfillmentOrderStatus | None = None,
    request: RequestStatus | None = None,
    node: str | None = None,
    shipping: Annotated[str | None, Query(alias="service")] = None,
    order: str | None = None,
    sku: str | None = None,
    ship_by_before: AwareDatetime | None = None,
    updated_since: AwareDatetime | None = None,
    after: str | None = None,
    limit: Limit = 50,
) -> Response:
    """Fulfillment orders, oldest first. A node's key sees its own."""
    filters = Filters(
        own_node(holder) or node,
        status,
        request,
        shipping,
        order and order.lower(),
        sku,
        ship_by_before,
        updated_since,
    )
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        items = await fulfillment.listed(connection, network, filters, after=after, limit=limit + 1)
    return shown(page(items, limit, "fulfillment_order"))


@router.get("/fulfillment-orders/{fulfillment_order}", response_model=FulfillmentOrder)
async def get_fulfillment_order(name: FulfillmentOrderId, holder: OperatorOrNode, service: ServiceDep) -> Response:
    """One fulfillment order, with its destination and its deadlines."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        document = await fulfillment.show(connection, network, node=own_node(holder), fulfillment_order=name)
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
    if is_of_a_transfer(name):
        service.driver.run_soon(SUPPLY)
    return kept(body.message_id, response, is_new=is_new)

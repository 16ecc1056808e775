"""The route that shows an item's supply: what is on hand, in transit and announced, with dates."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.access import OperatorOrNode, ServiceDep, not_found, own_node
from api.answer import shown
from api.common import Limit
from database.documents import supply as documents
from database.documents.supply import Supply
from domain.text import Sku

router = APIRouter(tags=["stock"])


@router.get("/supply", response_model=Supply)
async def list_supply(
    sku: Annotated[Sku, Query()],
    holder: OperatorOrNode,
    service: ServiceDep,
    node: Annotated[str | None, Query(max_length=32)] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
) -> Response:
    """The supply of an item by date: units on hand, then what is announced or in transit, each with what of it is promised. A
    node's key sees its own rows."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        if not network.knows_item(sku):
            raise not_found("item", sku)
        own = own_node(holder)
        page = await documents.of_item(connection, network, sku, node=own or node, after=after, limit=limit)
        limits = None if own else await documents.sold_ahead(connection, network, sku)
        return shown(page | {"sold_ahead": limits})

"""Routes about needs: what nodes need by their rules of replenishment, and take needs as transfers."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.access import Operator, ServiceDep
from api.answer import shown
from api.common import IdempotencyKey, Limit
from api.service import Service
from database.documents import need as documents
from database.documents.document import Page, page
from database.documents.need import Need
from domain.replenishment import Taken, TakeRequest
from domain.text import Sku
from transactions import need as needs
from transactions.request import Asked

router = APIRouter(tags=["transfers"])


@router.get("/needs", response_model=Page[Need])
async def list_needs(
    _: Operator,
    service: ServiceDep,
    node: Annotated[str | None, Query(max_length=32)] = None,
    sku: Annotated[Sku | None, Query()] = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
) -> Response:
    """What nodes need by the rules of replenishment.csv, by SKU and node: why, and which nodes should send how many units."""
    async with service.database.read() as connection:
        _version, network = await service.networks.active(connection)
        found = await needs.listed(connection, network, node=node, sku=sku, after=after, limit=limit + 1)
    items = [documents.shown(need, needs.place_of(need.node, need.sku)) for need in found]
    return shown(page(items, limit, "need"))


@router.post("/needs/take", response_model=Taken)
async def take_needs(
    body: TakeRequest, holder: Operator, service: ServiceDep, idempotency_key: IdempotencyKey = None
) -> Taken:
    """Take needs as transfers: one for each source, destination and service. A need that was taken is covered by what is on
    its way, so nothing is taken twice."""
    return await carry_out(service, Asked("needs", body, holder.actor, idempotency_key))


async def carry_out(service: Service, asked: Asked[TakeRequest], seen: str | None = None) -> Taken:
    """Take needs, and start the new transfers. `seen` and what is raised: as in `transactions.need.take`."""
    took = await needs.take(service.transactions, asked, seen)
    for order in took.inputs:
        service.relay.start_soon(order)
    return took.taken

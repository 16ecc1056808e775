"""The route about connected channels: how each of them goes."""

from fastapi import APIRouter, Response

from api.access import Operator, ServiceDep
from api.answer import shown
from api.common import Limit
from database.documents import connection as documents
from database.documents.connection import Connection
from database.documents.document import Page, page

router = APIRouter(tags=["channels"])


@router.get("/connections", response_model=Page[Connection])
async def list_connections(_: Operator, service: ServiceDep, after: str = "", limit: Limit = 50) -> Response:
    """The connected channels by name: when something last came and went, what waits, what was refused, and what a person must
    see to."""
    async with service.database.read() as connection:
        _version, network = await service.networks.active(connection)
        found = await documents.listed(connection, network, after=after, limit=limit + 1)
    return shown(page(found, limit, "connection"))

"""The connected channels: whether orders flow, what waits, and what a person must see to."""

from starlette.responses import Response

from console.visit import Visit, page
from database.documents import connection as documents

ROWS_MAX = 500


async def _show(visit: Visit) -> Response:
    """Every connected channel."""
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await documents.listed(connection, network, after="", limit=ROWS_MAX)
    return visit.shown("connections.html", connections=found)


ROUTES = [page("/connections", _show)]

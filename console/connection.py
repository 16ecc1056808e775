"""The connected channels: whether orders flow, what waits, what a person must see to, and the retry of what failed."""

import secrets

from starlette.responses import Response

from api import exchange as interface
from console.visit import REFUSALS, Visit, page, problem_of
from database.documents import connection as documents

ROWS_MAX = 500


async def _show(visit: Visit) -> Response:
    """Every connected channel."""
    return await _shown(visit)


async def _shown(visit: Visit, done: str = "", mistake: str = "", status: int = 200) -> Response:
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await documents.listed(connection, network, after="", limit=ROWS_MAX)
    once = secrets.token_hex(16)
    return visit.shown("connections.html", status, connections=found, once=once, done=done, mistake=mistake)


async def _retry(visit: Visit) -> Response:
    """Try everything again now that failed between a channel and us."""
    name = visit.request.path_params["connection"]
    try:
        body = interface.RetryConnection()
        tried = await interface.retry_connection(name, body, visit.holder, visit.service, visit.form.get("once"))
    except REFUSALS as error:
        problem = problem_of(error)
        return await _shown(visit, mistake=f"{problem.kind.title}: {problem.detail}", status=problem.kind.status)
    number = tried.documents + tried.notices + tried.levels
    return await _shown(visit, f"{number} of {name} {'is' if number == 1 else 'are'} tried again now")


ROUTES = [page("/connections", _show), page("/connections/{connection}/retry", _retry, ("POST",))]

"""The page that answers why a node did not ship in a sourcing round, and what would have had to be different."""

from starlette.responses import Response

from api.problems import INVALID, Problem
from console.visit import Visit, page
from domain.identifiers import in_one_case
from transactions.what_if import why_not

ROUND_MAX = 1_000_000


async def _show(visit: Visit) -> Response:
    """Each smallest change under which the node would have shipped, found by planning the round again. It stores nothing."""
    service, path = visit.service, visit.request.path_params
    order = in_one_case(path["order"])
    found = await why_not(service.database, service.networks, order, path["node"], _round(visit.query.get("round")))
    return visit.shown("why_not.html", found=found)


def _round(asked: str) -> int | None:
    """The round that is asked about; None = the last. Raises the problem of what is no number of a round."""
    if not asked:
        return None
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 8 and 1 <= int(asked) <= ROUND_MAX):
        raise Problem(INVALID, "must be the number of a round, from 1", field="round")
    return int(asked)


ROUTES = [page("/orders/{order}/why-not/{node}", _show)]

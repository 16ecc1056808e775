"""The stock of an item: at every node, who waits for it, and every movement."""

from urllib.parse import quote, unquote

from starlette.responses import RedirectResponse, Response

from api.problems import NOT_FOUND, Problem
from console.visit import Visit, page
from database.documents import movement, waiting
from database.documents import stock as documents
from database.documents.document import page as page_of

MOVEMENTS = 100
WAITING_MAX = 100
FOUND_MAX = 50


async def _find(visit: Visit) -> Response:
    """Items whose SKU or name has a word in it. A word that is a SKU leads to the item."""
    wanted = visit.query.get("sku")
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
    if network.knows_item(wanted):
        return RedirectResponse(f"/console/stock/{quote(wanted, safe='')}", 303)
    word = wanted.casefold()
    found = [item for item in network.items.values() if word in item.sku.casefold() or word in item.name.casefold()]
    return visit.shown("items.html", wanted=wanted, items=found[:FOUND_MAX], number=len(found))


async def _show(visit: Visit) -> Response:
    """One item. Its name in the address is decoded here, because a SKU may have a slash."""
    sku, after = unquote(visit.request.path_params["sku"]), visit.query.get("after")
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        if not network.knows_item(sku):
            raise Problem(NOT_FOUND, f"there is no item {sku}")
        shown = await documents.of_item(connection, network, sku, visit.holder)
        queue = await waiting.of_item(connection, sku, WAITING_MAX)
        before = int(after) if after.isdecimal() and len(after) <= 18 else None
        found = await movement.of_item(connection, sku, node=None, order=None, after=before, limit=MOVEMENTS + 1)
    ledger = page_of(found, MOVEMENTS, "movement")
    return visit.shown("stock.html", stock=shown, item=network.item(sku), waiting=queue, ledger=ledger)


ROUTES = [page("/stock", _find), page("/stock/{sku}", _show)]

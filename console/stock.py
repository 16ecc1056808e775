"""The stock of an item: at every node, who waits for it, every movement, and its supply by date."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from starlette.responses import RedirectResponse, Response

from api.problems import NOT_FOUND, Problem
from console.visit import Visit, page
from database.documents import movement, waiting
from database.documents import stock as documents
from database.documents import supply as supplies
from database.documents.document import page as page_of
from domain.identifiers import is_work_of_a_transfer, order_of_fulfillment_order

Document = Mapping[str, Any]

MOVEMENTS = 100
WAITING_MAX = 100
FOUND_MAX = 50
SUPPLY_ROWS = 100


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


async def _show_supply(visit: Visit) -> Response:
    """The supply of an item by date: what is on hand, then what is announced or on its way, the earliest first."""
    sku, node = unquote(visit.request.path_params["sku"]), visit.query.get("node")
    after = visit.query.get("after") or None
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        if not network.knows_item(sku):
            raise Problem(NOT_FOUND, f"there is no item {sku}")
        found = await supplies.of_item(connection, network, sku, node=node or None, after=after, limit=SUPPLY_ROWS)
        limits = await supplies.sold_ahead(connection, network, sku)
    here = f"/console/stock/{quote(sku, safe='')}/supply"
    kept = {"node": node} if node else {}
    return visit.shown(
        "supply.html",
        item=network.item(sku),
        rows=[_supply(row) for row in found["items"]],
        release_at=found["release_at"],
        limits=limits,
        node=node,
        nodes=sorted(network.nodes),
        here=here,
        following=f"{here}?{urlencode(kept | {'after': found['next']})}" if found["next"] else None,
    )


def _supply(row: Document) -> Document:
    """A row with the order of the transfer that brings it; None for what no transfer brings."""
    if row["kind"] != "in_transit":
        return {**row, "order": None}
    brought_by = row["expected"]
    return {**row, "order": order_of_fulfillment_order(brought_by) if is_work_of_a_transfer(brought_by) else brought_by}


ROUTES = [page("/stock", _find), page("/stock/{sku}", _show), page("/stock/{sku}/supply", _show_supply)]

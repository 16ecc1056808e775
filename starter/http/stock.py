"""Routes about stock: facts about it come in, and what is available goes out."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from activities.networks import NoNetwork
from activities.stock import UnknownPlace
from database import show, stock
from database.inbox import UsedWithAnotherBody
from domain.network import Network
from domain.stock import Shelf, StockMessage
from starter.http.access import Anyone, OperatorOrNode, Wired, nothing, own_node
from starter.http.fulfillment_orders import REPEATED, Kept
from starter.http.orders import Limit
from starter.http.problems import INVALID, NOT_ALLOWED, NOT_READY, OTHER_BODY, Problem

router = APIRouter(tags=["stock"])

Shelves = Mapping[tuple[str, str], Shelf]


@router.post("/stock/messages", status_code=202, response_model=Kept, responses=REPEATED)
async def take_stock_message(body: StockMessage, holder: OperatorOrNode, service: Wired, response: Response) -> Kept:
    """Take a fact about stock: the counts are applied before the answer. 202 when new, 200 when it is here already."""
    if own_node(holder) not in (None, body.node):
        raise Problem(NOT_ALLOWED, f"this key is for node {holder.name}", field="node")
    try:
        is_new = await service.stock.record(body, actor=holder.actor)
    except UnknownPlace as error:
        raise Problem(INVALID, str(error), field=error.field) from error
    except UsedWithAnotherBody as error:
        raise Problem(OTHER_BODY, f"message {body.message_id} was sent before with another body") from error
    except NoNetwork as error:
        raise Problem(NOT_READY, str(error)) from error
    if not is_new:
        response.status_code = 200
    service.stockroom.tidy_soon()
    return Kept(message_id=body.message_id)


@router.get("/stock/{sku}")
async def show_stock(sku: str, holder: Anyone, service: Wired) -> dict[str, Any]:
    """What is available of an item: at each node, or for a channel's key in total. A bundle counts its scarcest component."""
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        if sku not in network.items:
            raise nothing("item", sku)
        components = network.components(sku)
        shelves = await stock.shelves(connection, [component for component, _ in components])
        backordered = await show.backordered(connection, sku)
    nodes = [row for row in _rows(sku, network, shelves) if own_node(holder) in (None, row["node"])]
    document = {"sku": sku, "available": sum(row["available"] for row in nodes), "backordered": backordered}
    return document if holder.kind == "channel" else document | {"nodes": nodes}


def _rows(sku: str, network: Network, shelves: Shelves) -> list[dict[str, Any]]:
    return [
        _row(node, sku, network, shelves)
        for node in sorted(network.nodes)
        if any((node, component) in shelves for component, _ in network.components(sku))
    ]


def _row(node: str, sku: str, network: Network, shelves: Shelves) -> dict[str, Any]:
    """A node's row; of a bundle only what is available can be said, the rest belongs to its components."""
    if network.items[sku].components:
        return {"node": node, "available": min(_bundles(node, sku, network, shelves))}
    return _shelf(shelves[node, sku], network)


def _bundles(node: str, sku: str, network: Network, shelves: Shelves) -> list[int]:
    found = [(shelves.get((node, part)), quantity) for part, quantity in network.components(sku)]
    return [
        shelf.available(network.safety_stock(node, shelf.sku)) // quantity if shelf else 0 for shelf, quantity in found
    ]


def _shelf(shelf: Shelf, network: Network) -> dict[str, Any]:
    safety = network.safety_stock(shelf.node, shelf.sku)
    return {
        "node": shelf.node,
        "on_hand": shelf.on_hand,
        "reserved": shelf.reserved,
        "allocated": shelf.allocated,
        "safety_stock": safety,
        "available": shelf.available(safety),
    }


@router.get("/stock")
async def list_stock(
    holder: OperatorOrNode,
    service: Wired,
    node: Annotated[str | None, Query(max_length=32)] = None,
    after: str | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Rows of stock by SKU and node; a node's key sees its own."""
    wanted = own_node(holder) or node
    async with service.database.read() as connection:
        _, network = await service.networks.active(connection)
        rows = await show.stock(connection, skus=None, node=wanted, after=after, limit=limit + 1)
    items = [_listed(row, network) for row in rows[:limit]]
    last = items[-1] if items else None
    return {"items": items, "next": f"{last['sku']}@{last['node']}" if last and len(rows) > limit else None}


def _listed(row: dict[str, Any], network: Network) -> dict[str, Any]:
    is_known = row["node"] in network.nodes and row["sku"] in network.items
    safety = network.safety_stock(row["node"], row["sku"]) if is_known else 0
    shelf = Shelf(row["node"], row["sku"], row["on_hand"], row["reserved"], row["allocated"], row["set_aside"])
    free = shelf.available(safety) if is_known else 0
    return row | {"safety_stock": safety, "available": free}

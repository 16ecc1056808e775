"""What is shown of stock: an item at every node and in all, and pages of shelves, each from one snapshot."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from database import stock
from database.connect import ReadConnection
from database.documents import stock_levels
from database.documents.stock_levels import Details
from database.key import Holder
from domain.availability import Availability, knows, on_sale, safety_stock_max
from domain.network import Network
from domain.stock import Shelf

CANDIDATES_MAX = 2_000
"""Shelves that are looked at together when only those are wanted of which little is available."""

Document = dict[str, Any]


async def of_item(connection: ReadConnection, network: Network, sku: str, holder: Holder) -> Document:
    """The document of `GET /stock/{sku}`, as the holder of the key may see it: a node its own row, a channel only totals."""
    parts, is_bundle = [part for part, _ in network.components(sku)], bool(network.items[sku].components)
    totals = await stock_levels.totals(connection, sku, parts)
    seen = network.nodes.keys() & {holder.name} if holder.kind == "node" else network.nodes.keys()
    found = await stock.shelves(connection, parts)
    item = Availability(sku, network, {place: shelf for place, shelf in found.items() if place[0] in seen})
    announced = {node: units for node, units in totals.incoming.items() if node in seen}
    available = item.in_all(_kept_back(network, holder))
    document = {"sku": sku, "available": available, "backordered": totals.backordered, "stopped": totals.is_stopped}
    if not is_bundle:
        document["incoming"] = sum(announced.values())
    if not is_bundle and holder.kind == "operator":
        document["kept_back"] = network.buffers.thresholds.get(sku, 0)
    if holder.kind == "channel":
        return document
    nodes = _bundles(item) if is_bundle else await _nodes(connection, item, announced, is_stopped=totals.is_stopped)
    return document | {"nodes": nodes}


def _kept_back(network: Network, holder: Holder) -> Callable[[str], int]:
    """Units of a SKU that all nodes together keep back from whoever asks: from a channel the quotas of others as well."""
    if holder.kind == "channel":
        return lambda sku: network.kept_back(sku, holder.name)
    if holder.kind == "operator":
        return lambda sku: network.buffers.thresholds.get(sku, 0)
    return lambda _: 0


def _bundles(item: Availability) -> list[Document]:
    """The rows of a bundle: what is on hand or promised can only be said of its components."""
    return [{"node": node, "available": item.at(node), "stopped": item.is_stopped_at(node)} for node in item.nodes]


async def _nodes(
    connection: ReadConnection, item: Availability, announced: Collection[str], *, is_stopped: bool
) -> list[Document]:
    """The rows of a plain item, also where it was announced and has never been; `is_stopped` is whether it is everywhere."""
    places = [(node, item.sku) for node in sorted({*item.nodes, *announced})]
    rows = [item.shelves.get(place) or Shelf(*place, 0, 0, 0) for place in places]
    shown = await _shown(connection, item.network, rows)
    return [
        {name: row[name] for name in row if name != "sku"} | {"stopped": row["stopped"] or is_stopped} for row in shown
    ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which shelves a page shows: at one node or all (None), with fewer units available than `below` or all (None)."""

    node: str | None
    below: int | None
    after: tuple[str, str]
    """The (SKU, node) that the page before ended with."""
    limit: int


async def page(connection: ReadConnection, network: Network, wanted: Wanted) -> list[Document]:
    """The rows of `GET /stock`, by SKU and node."""
    if wanted.below is None:
        rows = await stock_levels.page(
            connection, node=wanted.node, free_below=None, after=wanted.after, limit=wanted.limit
        )
    else:
        rows = await _low(connection, network, wanted, wanted.below)
    return await _shown(connection, network, rows)


async def _low(connection: ReadConnection, network: Network, wanted: Wanted, below: int) -> list[Shelf]:
    """The next shelves of the network with fewer units available than `below`.

    How many units a node never sells is known to the network, and not to PostgreSQL. So PostgreSQL leaves out the shelves that
    have enough whatever stays there, and of the others each is looked at, until the page is full.
    """
    free_below = below + safety_stock_max(network)
    low: list[Shelf] = []
    while len(low) < wanted.limit:
        candidates = await stock_levels.page(
            connection, node=wanted.node, free_below=free_below, after=wanted.after, limit=CANDIDATES_MAX
        )
        low += [shelf for shelf in candidates if knows(network, shelf) and on_sale(shelf, network) < below]
        if len(candidates) < CANDIDATES_MAX:
            break
        wanted = replace(wanted, after=(candidates[-1].sku, candidates[-1].node))
    return low[: wanted.limit]


async def _shown(connection: ReadConnection, network: Network, rows: Sequence[Shelf]) -> list[Document]:
    details = await stock_levels.details(connection, rows)
    return [_row(shelf, details[shelf.node, shelf.sku], network) for shelf in rows]


def _row(shelf: Shelf, details: Details, network: Network) -> Document:
    """A shelf as everybody is shown it; units of lapsed carts are free, and not counted as reserved."""
    safety_stock = network.safety_stock(shelf.node, shelf.sku) if knows(network, shelf) else 0
    return {
        "sku": shelf.sku,
        "node": shelf.node,
        "on_hand": shelf.on_hand,
        "set_aside": dict(details.set_aside),
        "reserved": shelf.reserved - shelf.lapsed,
        "allocated": shelf.allocated,
        "safety_stock": safety_stock,
        "available": on_sale(shelf, network),
        "stopped": shelf.stopped_at is not None,
        "offered": shelf.offered_at is not None,
        "incoming": details.incoming,
        "incoming_at": details.incoming_at,
        "counted_at": shelf.counted_at,
        "oldest_received_at": details.oldest_received_at,
    }

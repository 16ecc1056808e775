"""The documents of stock: an item at every node and in all, and pages of shelves, each read from one snapshot."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import text

from database import stock
from database.connect import ReadConnection
from database.documents.document import Document, sometimes
from database.key import Caller
from domain.availability import Availability, knows, on_sale, safety_stock_max
from domain.network import Network
from domain.stock import StockLevel


class NodeStock(Document):
    """What a node has of an item."""

    node: str
    on_hand: int
    """Units that are there. Below 0 when more left than anybody reported to have come."""
    set_aside: dict[str, int]
    """Units on hand that are not sold, by why: `damaged`, `display`, `quarantined`, `refurbishing`."""
    reserved: int
    """Units that are pinned for orders and carts, without those of carts whose time is over."""
    allocated: int
    """Units that fulfillment orders ask for."""
    safety_stock: int
    """Units that the node never sells."""
    available: int
    """On hand − set aside − reserved − allocated − safety stock, not below 0; 0 where the sale is stopped."""
    stopped: bool
    """Whether its sale is stopped here."""
    offered: bool
    """Whether its units are offered to the orders that wait, and to nobody else yet."""
    incoming: int
    """Units that were announced and have not arrived."""
    incoming_at: AwareDatetime | None
    """When the first of them are expected; null without any."""
    counted_at: AwareDatetime | None
    """When it was last counted; null when it never was."""
    oldest_received_at: AwareDatetime | None
    """When the oldest unit on hand came, if what comes first leaves first; what a count found came when it was counted. Null
    without any."""


class StockRow(NodeStock):
    """What a node has of an item, in a list."""

    sku: str


class NodeBundles(Document):
    """How many bundles a node can make; what is on hand belongs to the components."""

    node: str
    available: int
    """Bundles that its scarcest component is enough for."""
    stopped: bool
    """Whether the sale of any component is stopped here."""


class StockOfItem(Document):
    """What there is of an item, as the key's holder may see it."""

    sku: str
    available: int
    """Of all nodes together, less what is kept back. For a channel: what it may take, so the threshold and the other channels'
    quotas are taken off. For an operator: the threshold only. For a node: its own units, nothing taken off."""
    backordered: int
    """Units of lines of this SKU that wait for stock."""
    stopped: bool
    """Whether it is sold nowhere, because its sale is stopped everywhere."""
    incoming: int | SkipJsonSchema[None] = sometimes()
    """Units that were announced and have not arrived; absent for a bundle."""
    kept_back: int | SkipJsonSchema[None] = sometimes()
    """The threshold, 0 without one; only for operators, and absent for a bundle."""
    nodes: list[NodeStock | NodeBundles] | SkipJsonSchema[None] = sometimes()
    """By node, where it ever was or is announced; for a node's key its own row; absent for a channel."""


@dataclass(frozen=True, slots=True)
class _Totals:
    """What is known of an item beside its shelves."""

    backordered: int
    """Units of its lines that wait for stock."""
    is_stopped: bool
    """Whether it, or a part of it, is sold nowhere."""
    incoming: Mapping[str, int]
    """Units that were announced and have not arrived, by node."""


@dataclass(frozen=True, slots=True)
class _Details:
    """What is known of a shelf beside its counters."""

    set_aside: Mapping[str, int]
    """Units on hand that are not sold, by state."""
    incoming: int
    """Units that were announced and have not arrived."""
    incoming_at: datetime | None
    """When the first of them are expected."""
    oldest_received_at: datetime | None
    """When the oldest unit on hand came, if those that come first leave first; None without any."""


CANDIDATES_MAX = 2_000
"""Shelves that are looked at together when only those are wanted of which little is available."""


async def of_item(connection: ReadConnection, network: Network, sku: str, holder: Caller) -> dict[str, Any]:
    """The document of `GET /stock/{sku}`, as the holder of the key may see it: a node its own row, a channel only totals."""
    parts, is_bundle = [part for part, _ in network.components(sku)], bool(network.items[sku].components)
    totals = await _totals(connection, sku, parts)
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


def _kept_back(network: Network, holder: Caller) -> Callable[[str], int]:
    """Units of a SKU that all nodes together keep back from whoever asks: from a channel the quotas of others as well."""
    if holder.kind == "channel":
        return lambda sku: network.kept_back(sku, holder.name)
    if holder.kind == "operator":
        return lambda sku: network.buffers.thresholds.get(sku, 0)
    return lambda _: 0


def _bundles(item: Availability) -> list[dict[str, Any]]:
    """The rows of a bundle: what is on hand or promised can only be said of its components."""
    return [{"node": node, "available": item.at(node), "stopped": item.is_stopped_at(node)} for node in item.nodes]


async def _nodes(
    connection: ReadConnection, item: Availability, announced: Collection[str], *, is_stopped: bool
) -> list[dict[str, Any]]:
    """The rows of a plain item, also where it was announced and has never been; `is_stopped` is whether it is everywhere."""
    places = [(node, item.sku) for node in sorted({*item.nodes, *announced})]
    rows = [item.shelves.get(place) or StockLevel(*place, 0, 0, 0) for place in places]
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


async def page(connection: ReadConnection, network: Network, wanted: Wanted) -> list[dict[str, Any]]:
    """The rows of `GET /stock`, by SKU and node."""
    if wanted.below is None:
        rows = await _shelves(connection, node=wanted.node, free_below=None, after=wanted.after, limit=wanted.limit)
    else:
        rows = await _low(connection, network, wanted, wanted.below)
    return await _shown(connection, network, rows)


async def _low(connection: ReadConnection, network: Network, wanted: Wanted, below: int) -> list[StockLevel]:
    """The next shelves of the network with fewer units available than `below`.

    How many units a node never sells is known to the network, and not to PostgreSQL. So PostgreSQL leaves out the shelves that
    have enough whatever stays there, and of the others each is looked at, until the page is full.
    """
    free_below = below + safety_stock_max(network)
    low: list[StockLevel] = []
    while len(low) < wanted.limit:
        candidates = await _shelves(
            connection, node=wanted.node, free_below=free_below, after=wanted.after, limit=CANDIDATES_MAX
        )
        low += [shelf for shelf in candidates if knows(network, shelf) and on_sale(shelf, network) < below]
        if len(candidates) < CANDIDATES_MAX:
            break
        wanted = replace(wanted, after=(candidates[-1].sku, candidates[-1].node))
    return low[: wanted.limit]


async def _shown(connection: ReadConnection, network: Network, rows: Sequence[StockLevel]) -> list[dict[str, Any]]:
    details = await _details(connection, rows)
    return [_row(shelf, details[shelf.node, shelf.sku], network) for shelf in rows]


def _row(shelf: StockLevel, details: _Details, network: Network) -> dict[str, Any]:
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


async def _totals(connection: ReadConnection, sku: str, parts: Collection[str]) -> _Totals:
    """What is known of an item beside its shelves; `parts` are the stocked SKUs that it is made of."""
    row = (await connection.execute(TOTALS, {"sku": sku, "parts": list(parts)})).one()
    return _Totals(row.backordered, row.is_stopped, json.loads(row.incoming))


TOTALS = text(
    """
    SELECT (SELECT coalesce(sum(w.quantity), 0)::bigint FROM waiting w JOIN order_line l USING (order_id, line)
            WHERE w.awaits = 'stock' AND w.parts && CAST(:parts AS text[]) AND l.sku = :sku) AS backordered,
           EXISTS (SELECT FROM stop WHERE sku = ANY(CAST(:parts AS text[])) AND node IS NULL AND lifted_at IS NULL)
           AS is_stopped,
           (SELECT coalesce(jsonb_object_agg(node, units), '{}') FROM (
                SELECT node, sum(quantity - arrived) AS units FROM incoming
                WHERE sku = :sku AND arrived < quantity GROUP BY node) i)::text AS incoming
    """
)


async def _details(connection: ReadConnection, shelves: Collection[StockLevel]) -> dict[tuple[str, str], _Details]:
    """What is known of some shelves beside their counters, by (node, SKU)."""
    parameters = {
        "nodes": [shelf.node for shelf in shelves],
        "skus": [shelf.sku for shelf in shelves],
        "on_hand": [shelf.on_hand for shelf in shelves],
    }
    rows = await connection.execute(DETAILS, parameters)
    return {
        (row.node, row.sku): _Details(json.loads(row.set_aside), row.incoming, row.incoming_at, row.oldest_received_at)
        for row in rows
    }


DETAILS = text(
    """
    SELECT p.node, p.sku,
           (SELECT coalesce(jsonb_object_agg(state, units), '{}') FROM (
                SELECT m.state, sum(m.set_aside) AS units FROM movement m
                WHERE m.node = p.node AND m.sku = p.sku AND m.state IS NOT NULL
                GROUP BY m.state HAVING sum(m.set_aside) <> 0) a)::text AS set_aside,
           i.incoming, i.incoming_at,
           (SELECT a.occurred_at FROM (
                SELECT m.occurred_at, sum(m.on_hand) OVER (ORDER BY m.occurred_at DESC) AS came FROM movement m
                WHERE m.node = p.node AND m.sku = p.sku AND m.on_hand > 0) a
            WHERE p.on_hand > 0 AND a.came >= p.on_hand ORDER BY a.occurred_at DESC LIMIT 1) AS oldest_received_at
    FROM unnest(CAST(:nodes AS text[]), CAST(:skus AS text[]), CAST(:on_hand AS bigint[])) AS p(node, sku, on_hand)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(quantity - arrived), 0)::bigint AS incoming, min(expected_at) AS incoming_at FROM incoming
        WHERE incoming.node = p.node AND incoming.sku = p.sku AND arrived < quantity) i
    """
)
"""What came is read from the newest backwards along its index, and no further than to the oldest unit that is still there."""


async def _shelves(
    connection: ReadConnection,
    *,
    node: str | None,
    free_below: int | None,
    after: tuple[str, str],
    limit: int,
) -> list[StockLevel]:
    """Shelves by SKU and node, after one (SKU, node).

    With `free_below` only those that are stopped, or where fewer units than that are on hand and promised to nobody; how many
    of these a node never sells is known to the network, and not here.
    """
    parameters = {"free_below": free_below, "after_sku": after[0], "after_node": after[1], "limit": limit}
    if node is None:
        return [stock.shelf(row) for row in await connection.execute(PAGE, parameters)]
    return [stock.shelf(row) for row in await connection.execute(PAGE_OF_NODE, parameters | {"node": node})]


_PAGE = """
      (s.sku, s.node) > (CAST(:after_sku AS text), CAST(:after_node AS text))
      AND (CAST(:free_below AS bigint) IS NULL OR s.stopped_at IS NOT NULL
           OR s.on_hand - greatest(s.set_aside, 0) - s.reserved - s.allocated < :free_below)
    ORDER BY s.sku, s.node LIMIT :limit
"""

PAGE = text(f"{stock.ON_SHELF} WHERE {_PAGE}")
PAGE_OF_NODE = text(f"{stock.ON_SHELF} WHERE s.node = :node AND {_PAGE}")
"""Two statements, because each goes along an index of its own."""

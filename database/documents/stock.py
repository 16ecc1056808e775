"""The documents of stock: an item in all and at every node, and pages of stock levels, each read from one snapshot."""

import json
from collections.abc import Callable, Collection, Container, Mapping, Sequence
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
    """The stock of an item at a node."""

    node: str
    on_hand: int
    """Units that are there. Below 0 when more units left than were reported as received."""
    set_aside: dict[str, int]
    """Units on hand that are not sold, by why: `damaged`, `display`, `quarantined`, `refurbishing`."""
    reserved: int
    """Units that are pinned for orders and carts, without those of expired carts."""
    allocated: int
    """Units that fulfillment orders ask the node for."""
    safety_stock: int
    """Units that are never sold from the node."""
    available: int
    """On hand − set aside − reserved − allocated − safety stock, not below 0; 0 where the sale is stopped."""
    stopped: bool
    """Whether its sale is stopped here."""
    offered: bool
    """Whether its units are offered to the orders that wait, and to no other order yet."""
    incoming: int
    """Units that were announced and have not arrived."""
    incoming_at: AwareDatetime | None
    """When the first of them are expected; null without any."""
    counted_at: AwareDatetime | None
    """When it was last counted; null when it never was."""
    oldest_received_at: AwareDatetime | None
    """When the oldest unit on hand arrived, by first in, first out; units that a count found arrived at that count. Null
    without units."""


class StockRow(NodeStock):
    """The stock of an item at a node, in a list."""

    sku: str


class NodeBundles(Document):
    """How many bundles a node can make of the components that are available there."""

    node: str
    available: int
    """Bundles, as far as the scarcest component allows."""
    stopped: bool
    """Whether the sale of any component is stopped here."""


class StockOfItem(Document):
    """The stock of an item, as the holder of the key may see it."""

    sku: str
    available: int
    """Units at all nodes together, less what is kept back. For a channel: the threshold and the other channels' quotas. For an
    operator: the threshold only. For a node: its own units, nothing kept back."""
    backordered: int
    """Units of lines of this SKU that wait for stock."""
    stopped: bool
    """Whether its sale is stopped everywhere."""
    incoming: int | SkipJsonSchema[None] = sometimes()
    """Units that were announced and have not arrived; absent for a bundle."""
    kept_back: int | SkipJsonSchema[None] = sometimes()
    """The threshold, 0 without one; only for operators, and absent for a bundle."""
    nodes: list[NodeStock | NodeBundles] | SkipJsonSchema[None] = sometimes()
    """One for each node that ever had it or has it announced; for a node's key only its own; absent for a channel."""


@dataclass(frozen=True, slots=True)
class _Totals:
    """What is known of an item beside its stock levels."""

    backordered: int
    """Units of its lines that wait for stock."""
    is_stopped: bool
    """Whether the sale of it, or of a component, is stopped everywhere."""
    incoming: Mapping[str, int]
    """Units that were announced and have not arrived, by node."""


@dataclass(frozen=True, slots=True)
class _Details:
    """What is known of a stock level beside its counters."""

    set_aside: Mapping[str, int]
    """Units on hand that are not sold, by state."""
    incoming: int
    """Units that were announced and have not arrived."""
    incoming_at: datetime | None
    """When the first of them are expected."""
    oldest_received_at: datetime | None
    """When the oldest unit on hand arrived, by first in, first out; None without units."""


CANDIDATES_MAX = 2_000
"""Stock levels that one statement reads when only low ones are asked for."""


async def of_item(
    connection: ReadConnection, network: Network, sku: str, holder: Caller, usable: Container[str] | None = None
) -> dict[str, Any]:
    """The document of `GET /stock/{sku}`, as the holder of the key may see it: a node its own row, a channel only totals.

    `usable` are the nodes that may ship orders of the holder; None = all.
    """
    parts, is_bundle = [part for part, _ in network.components(sku)], bool(network.item(sku).components)
    totals = await _totals(connection, sku, parts)
    known = network.nodes.keys() | network.retired_nodes.keys()
    seen = known & {holder.name} if holder.kind == "node" else known
    found = await stock.levels(connection, parts)
    item = Availability(sku, network, {place: level for place, level in found.items() if place[0] in seen})
    announced = {node: units for node, units in totals.incoming.items() if node in seen}
    available = item.in_all(_kept_back(network, holder), usable)
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
    """Units of a SKU that all nodes together keep back from this caller; for a channel, quotas of other channels too."""
    if holder.kind == "channel":
        return lambda sku: network.kept_back(sku, holder.name)
    if holder.kind == "operator":
        return lambda sku: network.buffers.thresholds.get(sku, 0)
    return lambda _: 0


def _bundles(item: Availability) -> list[dict[str, Any]]:
    """The rows of a bundle. It has no units of its own on hand or promised; only its components have."""
    return [{"node": node, "available": item.at(node), "stopped": item.is_stopped_at(node)} for node in item.nodes]


async def _nodes(
    connection: ReadConnection, item: Availability, announced: Collection[str], *, is_stopped: bool
) -> list[dict[str, Any]]:
    """The rows of a plain item, also at nodes where it is only announced; `is_stopped`: its sale is stopped everywhere."""
    places = [(node, item.sku) for node in sorted({*item.nodes, *announced})]
    rows = [item.levels.get(place) or StockLevel(*place, 0, 0, 0) for place in places]
    shown = await _shown(connection, item.network, rows)
    return [
        {name: row[name] for name in row if name != "sku"} | {"stopped": row["stopped"] or is_stopped} for row in shown
    ]


@dataclass(frozen=True, slots=True)
class StockQuery:
    """Which stock levels a page shows: at one node or all (None), with fewer units available than `below` or all (None)."""

    node: str | None
    below: int | None
    after: tuple[str, str]
    """The last (SKU, node) of the page before."""
    limit: int


async def page(connection: ReadConnection, network: Network, query: StockQuery) -> list[dict[str, Any]]:
    """The rows of `GET /stock`, by SKU and node."""
    if query.below is None:
        rows = await _levels(connection, node=query.node, free_below=None, after=query.after, limit=query.limit)
    else:
        rows = await _low(connection, network, query, query.below)
    return await _shown(connection, network, rows)


async def _low(connection: ReadConnection, network: Network, query: StockQuery, below: int) -> list[StockLevel]:
    """The next stock levels of the network with fewer units available than `below`.

    The network knows the safety stock of each node, PostgreSQL does not. So PostgreSQL leaves out the rows that have enough
    with any safety stock, and this function checks each of the others until the page is full.
    """
    free_below = below + safety_stock_max(network)
    low: list[StockLevel] = []
    while len(low) < query.limit:
        candidates = await _levels(
            connection, node=query.node, free_below=free_below, after=query.after, limit=CANDIDATES_MAX
        )
        low += [level for level in candidates if knows(network, level) and on_sale(level, network) < below]
        if len(candidates) < CANDIDATES_MAX:
            break
        query = replace(query, after=(candidates[-1].sku, candidates[-1].node))
    return low[: query.limit]


async def _shown(connection: ReadConnection, network: Network, rows: Sequence[StockLevel]) -> list[dict[str, Any]]:
    details = await _details(connection, rows)
    return [_row(level, details[level.node, level.sku], network) for level in rows]


def _row(level: StockLevel, details: _Details, network: Network) -> dict[str, Any]:
    """A stock level as it is shown; units of lapsed carts are free, and not counted as reserved."""
    safety_stock = network.safety_stock(level.node, level.sku) if knows(network, level) else 0
    return {
        "sku": level.sku,
        "node": level.node,
        "on_hand": level.on_hand,
        "set_aside": dict(details.set_aside),
        "reserved": level.reserved - level.lapsed,
        "allocated": level.allocated,
        "safety_stock": safety_stock,
        "available": on_sale(level, network),
        "stopped": level.stopped_at is not None,
        "offered": level.offered_at is not None,
        "incoming": details.incoming,
        "incoming_at": details.incoming_at,
        "counted_at": level.counted_at,
        "oldest_received_at": details.oldest_received_at,
    }


async def _totals(connection: ReadConnection, sku: str, parts: Collection[str]) -> _Totals:
    """What is known of an item beside its stock levels; `parts` are the stocked SKUs that it is made of."""
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
                WHERE sku = :sku AND arrived < quantity AND return_id IS NULL GROUP BY node) i)::text AS incoming
    """
)


async def _details(connection: ReadConnection, levels: Collection[StockLevel]) -> dict[tuple[str, str], _Details]:
    """What is known of stock levels beside their counters, by (node, SKU)."""
    parameters = {
        "nodes": [level.node for level in levels],
        "skus": [level.sku for level in levels],
        "on_hand": [level.on_hand for level in levels],
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
        WHERE incoming.node = p.node AND incoming.sku = p.sku AND arrived < quantity AND return_id IS NULL) i
    """
)
"""Arrivals are read from the newest backwards along an index, and no further than the oldest unit that is still there."""


async def _levels(
    connection: ReadConnection,
    *,
    node: str | None,
    free_below: int | None,
    after: tuple[str, str],
    limit: int,
) -> list[StockLevel]:
    """Stock levels by SKU and node, after one (SKU, node).

    With `free_below` only those whose sale is stopped, or with fewer units than that on hand and not promised. Safety stock is
    not considered: the network knows it, PostgreSQL does not.
    """
    parameters = {"free_below": free_below, "after_sku": after[0], "after_node": after[1], "limit": limit}
    if node is None:
        return [stock.level(row) for row in await connection.execute(PAGE, parameters)]
    return [stock.level(row) for row in await connection.execute(PAGE_OF_NODE, parameters | {"node": node})]


_PAGE = """
      (s.sku, s.node) > (CAST(:after_sku AS text), CAST(:after_node AS text))
      AND (CAST(:free_below AS bigint) IS NULL OR s.stopped_at IS NOT NULL
           OR s.on_hand - greatest(s.set_aside, 0) - s.reserved - s.allocated < :free_below)
    ORDER BY s.sku, s.node LIMIT :limit
"""

PAGE = text(f"{stock.LEVEL} WHERE {_PAGE}")
PAGE_OF_NODE = text(f"{stock.LEVEL} WHERE s.node = :node AND {_PAGE}")
"""Two statements, because each uses an index of its own."""

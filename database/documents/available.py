"""The documents of what a channel may take: pages of all items, or of those of which it may have changed."""

import re
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from database import stock, stock_feed
from database.connect import ReadConnection
from database.documents.document import Document
from domain.availability import Availability
from domain.network import Network
from domain.stock import StockLevel


class Available(Document):
    """How many units of an item a channel may take."""

    sku: str
    available: int
    """As `GET /stock/{sku}` shows it to the channel; 0 for an item that is not sold any more."""


class AvailablePage(Document):
    """A page of what a channel may take."""

    items: list[Available]
    next: str | None
    """Send it as `after` to get the next page; null at the end."""
    as_of: str
    """Send it as `updated_since` the next time: no change after the first page is missed. The same on every page."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """What a page knows: the network version, and all transactions before one."""

    version: int
    transaction: int

    def __str__(self) -> str:
        """As `as_of` says it."""
        return f"{self.version}-{self.transaction}"


def read_as_of(written: str) -> AsOf | None:
    """What an earlier page knew; None for what is no `as_of`."""
    found = re.fullmatch(r"([0-9]{1,18})-([0-9]{1,18})", written)
    return AsOf(int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class AvailableQuery:
    """Which items a page shows."""

    channel: str
    usable: Container[str]
    """The nodes that may ship the channel's orders."""
    since: AsOf | datetime | None
    """Only what may have changed since; None = everything."""
    after: str
    """The last SKU of the page before."""
    as_of: AsOf | None
    """What the first page knew; None = this is the first."""
    limit: int


async def page(connection: ReadConnection, version: int, network: Network, query: AvailableQuery) -> dict[str, Any]:
    """A page of `GET /stock` for a channel, by SKU; the snapshot is that of the first page's `as_of`, or later."""
    as_of = query.as_of or AsOf(version, await stock_feed.horizon(connection))
    skus = sorted(sku for sku in await changed(connection, version, network, query.since) if sku > query.after)
    shown = skus[: query.limit]
    available = await of_channel(connection, network, query.channel, query.usable, shown)
    items = [{"sku": sku, "available": available[sku]} for sku in shown]
    return {
        "items": items,
        "next": f"{as_of}@{shown[-1]}" if len(skus) > query.limit else None,
        "as_of": str(as_of),
    }


async def of_channel(
    connection: ReadConnection, network: Network, channel: str, usable: Container[str], skus: Collection[str]
) -> dict[str, int]:
    """How many units of each of these items a channel may take, from the nodes that may ship its orders."""
    levels = await _levels(connection, network, skus)
    kept_back = partial(network.kept_back, channel=channel)
    return {sku: _item(network, levels, sku).in_all(kept_back, usable) for sku in skus}


async def at_nodes(
    connection: ReadConnection, network: Network, channel: str, usable: Collection[str], skus: Collection[str]
) -> dict[str, dict[str, int]]:
    """By node, how many units of each of these items a channel may take there; together no more than `of_channel`."""
    levels = await _levels(connection, network, skus)
    kept_back = partial(network.kept_back, channel=channel)
    units = {sku: _item(network, levels, sku).at_each(kept_back, usable) for sku in skus}
    return {node: {sku: units[sku].get(node, 0) for sku in skus} for node in usable}


async def changed(
    connection: ReadConnection, version: int, network: Network, since: AsOf | datetime | None
) -> set[str]:
    """The items of which what is available may have changed. Under another network version it may have of every item: its
    nodes, strategies and buffers are others."""
    if since is None:
        return set(network.items)
    is_new = since.version != version if isinstance(since, AsOf) else await stock_feed.is_newer(connection, since)
    if is_new:
        return {*network.items, *network.retired_items}
    if isinstance(since, AsOf):
        changed = await stock_feed.changed_since(connection, since.transaction)
    else:
        changed = await stock_feed.changed_after(connection, since)
    return {sku for sku in network.items if any(part in changed for part, _ in network.components(sku))}


Levels = Mapping[str, Mapping[tuple[str, str], StockLevel]]
"""Stock levels by stocked SKU, then by (node, SKU)."""


async def _levels(connection: ReadConnection, network: Network, skus: Collection[str]) -> Levels:
    parts = {part for sku in skus for part, _ in network.components(sku)}
    found: dict[str, dict[tuple[str, str], StockLevel]] = {part: {} for part in parts}
    for place, level in (await stock.levels(connection, sorted(parts))).items():
        found[place[1]][place] = level
    return found


def _item(network: Network, levels: Levels, sku: str) -> Availability:
    its_own = {place: level for part, _ in network.components(sku) for place, level in levels[part].items()}
    return Availability(sku, network, its_own)

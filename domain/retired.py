"""Decides what an order's lines mean after the network has changed: what they meant when they were ordered."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from domain.network import Item, Network
from domain.units import OrderedLine


class AsOrdered(NamedTuple):
    """What a unit of an item was made of when it was ordered, and its weight."""

    sku: str
    components: tuple[tuple[str, int], ...]
    weight_g: int | None


def as_ordered(network: Network, lines: Iterable[OrderedLine | AsOrdered]) -> Network:
    """The network as one order sees it: each of its lines has the components and the weight that it was ordered with.

    A line that is made of something retired is retired for this order. It is the network itself where nothing differs.
    """
    own = {line.sku: _item(network, line) for line in lines}
    changed = {sku: item for sku, item in own.items() if not network.knows_item(sku) or item is not network.item(sku)}
    if not changed:
        return network
    gone = {sku: item for sku, item in changed.items() if not _can_be_sourced(network, item)}
    items = {sku: item for sku, item in {**network.items, **changed}.items() if sku not in gone}
    return replace(network, items=items, retired_items={**network.retired_items, **gone})


def _item(network: Network, line: OrderedLine | AsOrdered) -> Item:
    """A line's item as it was ordered; today's very object where that is the same."""
    if not network.knows_item(line.sku):
        return Item(sku=line.sku, name=line.sku, weight_g=line.weight_g or 0, components=line.components)
    today = network.item(line.sku)
    weight_g = today.weight_g if line.weight_g is None else line.weight_g
    if (dict(today.components), today.weight_g) == (dict(line.components), weight_g):
        return today
    return replace(today, components=line.components, weight_g=weight_g)


def _can_be_sourced(network: Network, item: Item) -> bool:
    """Whether it and all its parts are still sold; a plain item that is sold as a bundle now is not."""
    today = network.items.get(item.sku)
    was_plain = today is not None and bool(today.components) and not item.components
    return today is not None and not was_plain and all(part in network.items for part, _ in item.components)

"""Decides how much of an item can be had: at each node, of a bundle, in all, and by whom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.network import Network
from domain.stock import StockLevel


def knows(network: Network, shelf: StockLevel) -> bool:
    """Whether the network has the shelf's node and SKU; what it does not know is not sold."""
    return shelf.node in network.nodes and shelf.sku in network.items


def on_sale(shelf: StockLevel, network: Network) -> int:
    """Units on a shelf that may still be promised: none where the sale is stopped, or that the network does not know."""
    if not knows(network, shelf) or shelf.stopped_at is not None:
        return 0
    return shelf.available(network.safety_stock(shelf.node, shelf.sku))


def safety_stock_max(network: Network) -> int:
    """Units that any node keeps of any SKU, at most."""
    asked = [node.safety_stock for node in network.nodes.values()]
    asked += [item.safety_stock for item in network.items.values()]
    return max([*asked, *network.buffers.safety_stock.values()], default=0)


@dataclass(frozen=True, slots=True)
class Availability:
    """An item of the network and the shelves of its parts, by (node, SKU); a plain item is its own only part."""

    sku: str
    network: Network
    shelves: Mapping[tuple[str, str], StockLevel]

    @property
    def nodes(self) -> list[str]:
        """The nodes of the network that have ever had a part of it, sorted."""
        return sorted({node for node, _ in self.shelves} & set(self.network.nodes))

    def at(self, node: str) -> int:
        """Units of the item at a node: as many as its scarcest part is enough for."""
        return min(self._units(node, part) // quantity for part, quantity in self.network.components(self.sku))

    def is_stopped_at(self, node: str) -> bool:
        """Whether the sale of any part is stopped at a node."""
        shelves = [self.shelves.get((node, part)) for part, _ in self.network.components(self.sku)]
        return any(shelf is not None and shelf.stopped_at is not None for shelf in shelves)

    def in_all(self, kept_back: Callable[[str], int]) -> int:
        """Units of the item at all nodes together, when so many units of each part are kept back."""
        limits = [
            max(0, sum(self._units(node, part) for node in self.nodes) - kept_back(part)) // quantity
            for part, quantity in self.network.components(self.sku)
        ]
        return min(sum(self.at(node) for node in self.nodes), *limits)

    def _units(self, node: str, part: str) -> int:
        shelf = self.shelves.get((node, part))
        return on_sale(shelf, self.network) if shelf else 0

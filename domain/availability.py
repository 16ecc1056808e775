"""Decides how many units of an item are available: at each node, of a bundle, in all, and to which channel."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from domain.network import Network
from domain.stock import StockLevel


def knows(network: Network, level: StockLevel) -> bool:
    """Whether the network has the node and the plain item of a stock level; of what it does not have nothing is sold."""
    item = network.items.get(level.sku)
    return level.node in network.nodes and item is not None and not item.components


def on_sale(level: StockLevel, network: Network) -> int:
    """Units of a stock level that may still be promised: none where the sale is stopped, or of which something is retired."""
    if not knows(network, level) or level.stopped_at is not None:
        return 0
    return level.available(network.safety_stock(level.node, level.sku))


def safety_stock_max(network: Network) -> int:
    """The largest safety stock of any SKU at any node."""
    asked = [node.safety_stock for node in network.nodes.values()]
    asked += [item.safety_stock for item in network.items.values()]
    return max([*asked, *network.buffers.safety_stock.values()], default=0)


@dataclass(frozen=True, slots=True)
class Availability:
    """An item of the network and the stock levels of its parts, by (node, SKU); a plain item is its own only part."""

    sku: str
    network: Network
    levels: Mapping[tuple[str, str], StockLevel]

    @property
    def nodes(self) -> list[str]:
        """The nodes that have ever had a part of it, sorted; also retired ones, where it may still lie."""
        return sorted({node for node, _ in self.levels if self.network.knows_node(node)})

    def at(self, node: str) -> int:
        """Units of the item at a node: the scarcest part limits them."""
        return min(self._units(node, part) // quantity for part, quantity in self.network.components(self.sku))

    def is_stopped_at(self, node: str) -> bool:
        """Whether the sale of any part is stopped at a node."""
        levels = [self.levels.get((node, part)) for part, _ in self.network.components(self.sku)]
        return any(level is not None and level.stopped_at is not None for level in levels)

    def in_all(self, kept_back: Callable[[str], int], usable: Container[str] | None = None) -> int:
        """Units of the item at all nodes together; `kept_back` says how many units of a part are kept back.

        With `usable`, only these nodes can give units, but what is kept back may lie at the others.
        """
        limits = [
            max(0, sum(self._units(node, part) for node in self.nodes) - kept_back(part)) // quantity
            for part, quantity in self.network.components(self.sku)
        ]
        return min(sum(self.at(node) for node in self.nodes if usable is None or node in usable), *limits)

    def at_each(self, kept_back: Callable[[str], int], usable: Container[str]) -> dict[str, int]:
        """Units of the item at each of these nodes, together no more than `in_all`: what is kept back is kept where most is."""
        found = {node: self.at(node) for node in self.nodes if node in usable}
        beyond = sum(found.values()) - self.in_all(kept_back, usable)
        for node in sorted(found, key=lambda node: (-found[node], node)):
            less = min(beyond, found[node])
            found[node], beyond = found[node] - less, beyond - less
        return found

    def _units(self, node: str, part: str) -> int:
        level = self.levels.get((node, part))
        return on_sale(level, self.network) if level and self.sku in self.network.items else 0

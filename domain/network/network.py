"""One version of the network: its nodes, its items, its policy, and what is kept back."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from domain.identifiers import REPLENISHMENT
from domain.network.carrier import Carrier
from domain.network.connection import Alias, Connection
from domain.network.item import Item
from domain.network.node import Node
from domain.network.policy import Policy
from domain.network.replenishment import ReplenishmentRule
from domain.network.rule import EvaluationError
from domain.rates import NO_RATES, Rates


@dataclass(frozen=True, slots=True)
class Buffers:
    """Units of stocked SKUs that are kept back although they are on hand; empty = none."""

    safety_stock: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By (node, SKU): units that this node never sells; it overrides the safety stock of node and item; 0 = it sells all."""
    thresholds: Mapping[str, int] = field(default_factory=dict)
    """By SKU: units that all nodes together keep back from every channel."""
    quotas: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By (SKU, channel): units that all nodes together keep back from every other channel. A level that the channel's
    own orders do not use up."""
    _kept_back: Mapping[str, int] = field(init=False, repr=False, compare=False)
    """By SKU: its threshold and all its quotas; summed once, because every order needs it."""

    def __post_init__(self) -> None:
        kept_back = Counter(self.thresholds)
        for (sku, _), units in self.quotas.items():
            kept_back[sku] += units
        object.__setattr__(self, "_kept_back", dict(kept_back))

    def kept_back(self, sku: str, channel: str) -> int:
        """Units of a SKU that all nodes together keep back from a channel: the threshold and the others' quotas."""
        return self._kept_back.get(sku, 0) - self.quotas.get((sku, channel), 0)


@dataclass(frozen=True, slots=True)
class Network:
    """One immutable version of the business's network."""

    version: str
    nodes: Mapping[str, Node]
    items: Mapping[str, Item]
    policy: Policy
    buffers: Buffers = Buffers()
    retired_items: Mapping[str, Item] = field(default_factory=dict)
    """What earlier versions had and this one has not, each with its last definition: never ordered and never sourced, but its
    units still ship, are counted and come back. Also plain items that are bundles now, as their units may still lie somewhere;
    and for one order, what its lines cannot be sourced as any more."""
    retired_nodes: Mapping[str, Node] = field(default_factory=dict)
    """The same of nodes: never sourced from and never returned to, but what they report is a fact."""
    rates: Rates = NO_RATES
    connections: Mapping[str, Connection] = field(default_factory=dict)
    """The connected channels, by name."""
    aliases: Mapping[tuple[str, str, str], Alias] = field(default_factory=dict)
    """What connected channels call our items, by channel, `AliasKind` and the channel's name for it."""
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    """Who brings parcels to customers, by name; none = nobody's prices and days are known but the policy's."""
    replenishment: Mapping[tuple[str, str], ReplenishmentRule] = field(default_factory=dict)
    """The rules of replenishment, by (node, SKU); absent = no rule fills this stock level."""
    learnt: dict[type, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Values computed from this version alone and cached for all of its orders, by type; the cache adds no facts."""

    def converted(self, amount: int, source: str | None, target: str | None, at: datetime) -> int | EvaluationError:
        """An amount in the minor units of another currency, by the rate at this moment. None = the same currency."""
        if amount == 0 or source is None or target is None:
            return amount
        found = self.rates.converted(amount, source, target, at)
        return EvaluationError(f"no rate from {source} to {target} on {at:%Y-%m-%d}") if found is None else found

    def item(self, sku: str) -> Item:
        """An item, also a retired one. Raises KeyError for a SKU that no version has had."""
        return self.items.get(sku) or self.retired_items[sku]

    def node(self, name: str) -> Node:
        """A node, also a retired one. Raises KeyError for a name that no version has had."""
        return self.nodes.get(name) or self.retired_nodes[name]

    def knows_item(self, sku: str) -> bool:
        """Whether this version or an earlier one has the item."""
        return sku in self.items or sku in self.retired_items

    def knows_node(self, name: str) -> bool:
        """Whether this version or an earlier one has the node."""
        return name in self.nodes or name in self.retired_nodes

    def components(self, sku: str) -> tuple[tuple[str, int], ...]:
        """The stocked SKUs and their quantities in one unit of an item; a plain item is its own only component.

        Raises KeyError for a SKU that no version has had.
        """
        return self.item(sku).components or ((sku, 1),)

    def release_at(self, skus: Iterable[str]) -> datetime | None:
        """From when all of these items may leave a node: the beginning of the latest of their release dates, at the node where
        that day begins last. None = at any time. SKUs that no version has had do not count.
        """
        items = [self.items.get(sku) for sku in skus]
        latest = max((item.release_date for item in items if item and item.release_date), default=None)
        return None if latest is None else self._begins(latest)

    def leaves_at(self, skus: Iterable[str], at: datetime) -> datetime:
        """When items may leave a node that would leave it at this instant if they had no release dates."""
        release_at = self.release_at(skus)
        return at if release_at is None else max(at, release_at)

    def _begins(self, day: date) -> datetime:
        """When a day has begun at every node."""
        zones = {node.time_zone for node in self.nodes.values()}
        return max((datetime.combine(day, time(), zone).astimezone(UTC) for zone in zones), default=_in_utc(day))

    def safety_stock(self, node: str, sku: str) -> int:
        """Units of a stocked SKU that a node never sells: the buffer for this pair, if there is one, otherwise the larger
        safety stock of the node and of the item.

        Raises KeyError for a node or SKU that no version has had.
        """
        kept = self.buffers.safety_stock.get((node, sku))
        return max(self.node(node).safety_stock, self.item(sku).safety_stock) if kept is None else kept

    def kept_at(self, node: str, sku: str, channel: str) -> int:
        """Units of a stocked SKU at a node that an order of this channel never gets: its safety stock. Replenishment of
        other nodes also leaves what the rule of this stock level keeps, its `min_units`.

        Raises KeyError for a node or SKU that no version has had.
        """
        kept = self.safety_stock(node, sku)
        if channel != REPLENISHMENT or (node, sku) not in self.replenishment:
            return kept
        return max(kept, self.replenishment[node, sku].min_units)

    def kept_back(self, sku: str, channel: str) -> int:
        """Units of a stocked SKU that a channel may not take from what all nodes together have available: the SKU's
        threshold and every other channel's quota. 0 for most SKUs, and for a SKU that this version does not know.
        """
        return self.buffers.kept_back(sku, channel)


def _in_utc(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

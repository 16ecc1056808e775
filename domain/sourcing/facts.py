"""The input of a sourcing decision: the order, the units wanted, the stock, and how busy the nodes are."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.network import EvaluationError, Fact, Item, Network, Place, RuleLine, ShipComplete
from domain.promise import Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What sourcing may know of an order: no personal data but its postal code."""

    channel: str
    service: str
    country: str
    postal_code: str
    place: Place
    """Where the goods go, located offline."""
    region: str = ""
    customer_tier: str = ""
    currency: str = ""
    value: int | EvaluationError = 0
    """Minor units of the policy's currency; an error where there is no rate to it."""
    units: int = 0
    priority: int = 5
    weight_kg: float = 0.0
    ship_complete: ShipComplete | None = None
    """Overrides the strategy's."""
    pickup_node: str | None = None
    """The node where the customer collects; then only this node may fill the order, in one shipment."""
    from_node: str | None = None
    """The node that the channel wants it shipped from; then the policy may choose no other. None = it may choose any."""
    to_node: str | None = None
    """The node that a transfer goes to; None = it goes to a customer."""
    deliver_by: datetime | None = None
    """The promise to the customer; a plan that keeps it is better than any that breaks it. None = no promise."""
    not_after: datetime | None = None
    """The goods may not leave a node later. None = no limit."""
    reference: str = ""
    purchase_order: str = ""
    tags: list[str] = field(default_factory=list)
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Personal data: only rules read them, and no answer or explanation repeats them."""
    lines: Iterable[RuleLine] = ()
    """All that is ordered and not cancelled, whatever of it needs a node now."""

    @property
    def only_node(self) -> str | None:
        """The only node that may ship it; None = any may. What is collected ships from where it is collected."""
        return None if self.pickup_node is not None else self.from_node


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units of one line that need a node. Several may share a line, with different nodes already tried."""

    line: str
    sku: str
    quantity: int
    attempt: int = 1
    tried: tuple[str, ...] = ()
    """Nodes that failed to send these units and are not asked again."""


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """How busy a node is: its open fulfillment orders, and those already planned for the local day in question."""

    open_orders: int = 0
    capacity_used_today: int = 0


@dataclass(frozen=True, slots=True)
class CoolDown:
    """A node rejected a SKU, or found it short, and is not asked for it again until this has ended."""

    rejected_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The way from nodes to one place at one moment, as it was looked up. The planner writes what it looks up, and looks up
    nothing that stands here: so a plan can be made again when maps and calendars have changed."""

    distances: dict[str, float | None] = field(default_factory=dict)
    """Kilometres by node; None = no distance can be measured."""
    promises: dict[str, Promise | None] = field(default_factory=dict)
    """By node; where a carrier takes it, by node, carrier and days (`slc ups 3`), because it may take less in other days.
    None = the transit table ends before its distance."""

    def without_promises(self, node: str) -> "LookedUp":
        """The same without the promises of a node, which are then looked up again."""
        promises = {name: promise for name, promise in self.promises.items() if name.split()[0] != node}
        return LookedUp(dict(self.distances), promises)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that a decision depends on beside the order and the units wanted."""

    network: Network
    supply: Mapping[tuple[str, str], int]
    """Units of a stocked SKU available at a node, by (node, SKU), without safety stock; absent = none."""
    now: datetime
    workload: Mapping[str, NodeLoad] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    cooling: Mapping[tuple[str, str], CoolDown] = field(default_factory=dict)
    """By (node, SKU), which then has no supply; absent = none."""
    taken_off: Mapping[str, int] = field(default_factory=dict)
    """Minor units by which a shipment from a node costs less than the policy says, at most down to 0; to ask what if."""
    prices: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The look-ahead price of a unit by (node, SKU), in thousandths of a minor unit; absent = 0. Only for a strategy that looks
    ahead."""
    looked_up: LookedUp | None = None
    """For this order alone; None = what is looked up is not kept."""


def weight_kg(network: Network, wanted: Collection[Wanted]) -> float:
    """The weight of all wanted units."""
    return sum(network.item(one.sku).weight_g * one.quantity for one in wanted) / 1000


def order_facts(order: OrderFacts) -> dict[str, Fact]:
    """The facts of an order for rules."""
    return {
        "order.channel": order.channel,
        "order.service": order.service,
        "order.country": order.country,
        "order.region": order.region,
        "order.postal_code": order.postal_code,
        "order.customer_tier": order.customer_tier,
        "order.currency": order.currency,
        "order.value": order.value,
        "order.units": order.units,
        "order.priority": order.priority,
        "order.weight_kg": order.weight_kg,
        "order.reference": order.reference,
        "order.purchase_order": order.purchase_order,
        "order.tags": order.tags,
        "order.attributes": order.attributes,
        "order.lines": order.lines,
    }


def item_facts(item: Item) -> dict[str, Fact]:
    """The facts of an item for rules."""
    return {
        "item.sku": item.sku,
        "item.category": item.category,
        "item.tags": list(item.tags),
        "item.weight_g": item.weight_g,
        "item.hazmat": item.hazmat,
        "item.ships_alone": item.ships_alone,
    }

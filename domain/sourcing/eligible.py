"""Decides which nodes may take part, what each could give and would cost, and says in plain words why others may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from domain.network import Cost, EvaluationError, Expression, Fact, Item, Node, Per, Strategy, Tier, distance_km
from domain.promise import Promise, pickup_promise, promise
from domain.sourcing.facts import NodeLoad, OrderFacts, Situation, Wanted

CAPACITY_UNLIMITED = 1_000_000_000
"""What a rule sees as `node.capacity_left` where a node has no limit."""

GRAMS_PER_KG = 1000

COST_SCALE = 1000
"""Costs are compared in thousandths of a minor unit, so that half a cent per unit is not rounded away."""


@dataclass(frozen=True, slots=True)
class Charges:
    """What a node costs, in thousandths of a minor unit."""

    per_shipment: int = 0
    per_unit: int = 0
    per_gram: float = 0.0

    def of_unit(self, item: Item) -> int:
        """One unit of an item, its weight included."""
        return self.per_unit + round(self.per_gram * item.weight_g)


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One node as an order sees it, before any tier. Unless it is excluded, charges and facts are known."""

    node: Node
    distance_km: float
    excluded: str | None
    limits: tuple[int, ...] = ()
    """By what is wanted: units that the node could give of it alone."""
    notes: tuple[str, ...] = ()
    """What keeps it from giving more, beside stock."""
    promise: Promise | None = None
    charges: Charges = Charges()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What a tier's rules may see."""


def order_facts(order: OrderFacts) -> dict[str, Fact]:
    """An order as rules see it."""
    return {
        "order.channel": order.channel,
        "order.service": order.service,
        "order.country": order.country,
        "order.region": order.region,
        "order.postal_code": order.postal_code,
        "order.customer_tier": order.customer_tier,
        "order.value": order.value,
        "order.units": order.units,
        "order.priority": order.priority,
        "order.weight_kg": order.weight_kg,
    }


def survey(
    order: OrderFacts, wanted: Sequence[Wanted], situation: Situation, strategy: Strategy, nodes: Sequence[Node]
) -> list[Surveyed]:
    """Look at each node as this order sees it under a strategy, in the order given."""
    surveyor = _Surveyor(order, wanted, situation, strategy)
    return [surveyor.look_at(node) for node in nodes]


def exclusion_by_tier(surveyed: Surveyed, tier: Tier) -> str | None:
    """Why a node may not take part in a tier, in plain words; None = it may."""
    if surveyed.node.id not in tier.nodes:
        return f"not in {', '.join(tier.sets)}"
    return surveyed.excluded or _unmet(tier.require, surveyed.facts)


def shortfall(units: int, units_wanted: int, notes: Sequence[str]) -> str:
    """How much of an order a node could fill and why not more, such as "2 of 3 units (already tried)"."""
    if not units and len(notes) == 1:
        return notes[0]
    words = f"{units} of {units_wanted} unit{'s' if units_wanted != 1 else ''}"
    return f"{words} ({'; '.join(notes)})" if notes else words


class _Surveyor:
    """Looks at nodes for one order; what does not depend on the node is computed once."""

    def __init__(self, order: OrderFacts, wanted: Sequence[Wanted], situation: Situation, strategy: Strategy) -> None:
        self._order = order
        self._collected = order.pickup_node is not None
        self._wanted = wanted
        self._situation = situation
        self._strategy = strategy
        self._items = [situation.network.items.get(one.sku) for one in wanted]
        self._components = [
            situation.network.components(one.sku) if item else () for one, item in zip(wanted, self._items, strict=True)
        ]
        self._order_facts = order_facts(order)
        self._units = sum(one.quantity for one in wanted)

    def look_at(self, node: Node) -> Surveyed:
        """Collect what is known of a node until something excludes it."""
        distance = 0.0 if self._collected else self._distance_km(node)
        limits, notes = self._stock_limits(node)
        reason = self._standing_reason(node) or self._nothing(limits, notes)
        if reason:
            return Surveyed(node, distance, reason)
        promised = self._promise(node, distance)
        if promised is None:
            reason = f"no transit time for service {self._order.service!r} over {distance:.0f} km"
            return Surveyed(node, distance, reason)
        facts = {**self._order_facts, **self._node_facts(node, distance), "node.promise_days": promised.days}
        limits, notes = self._permitted(limits, notes, facts)
        charges = _charges(self._strategy.costs, facts)
        reason = self._nothing(limits, notes) or self._unmet_by_strategy(facts)
        if isinstance(charges, str):
            return Surveyed(node, distance, reason or charges, limits, notes, promised)
        return Surveyed(node, distance, reason, limits, notes, promised, charges, facts)

    def _nothing(self, limits: Sequence[int], notes: Sequence[str]) -> str | None:
        return None if any(limits) else shortfall(0, self._units, notes)

    def _unmet_by_strategy(self, facts: Mapping[str, Fact]) -> str | None:
        """A node that the customer chose need not meet requirements made for parcels."""
        return None if self._collected else _unmet(self._strategy.require, facts)

    def _distance_km(self, node: Node) -> float:
        place = self._order.place
        return distance_km(node.latitude, node.longitude, place.latitude, place.longitude)

    def _promise(self, node: Node, distance: float) -> Promise | None:
        if self._collected:
            return pickup_promise(node, self._situation.now)
        return promise(node, self._order.service, distance, self._situation.now, self._situation.network.policy.transit)

    def _standing_reason(self, node: Node) -> str | None:
        """What keeps a node from taking any order now."""
        if node.id in self._situation.paused:
            return "paused"
        if self._capacity_left(node) <= 0:
            return "capacity used up"
        if self._collected and not node.pickup:
            return "customers cannot collect here"
        return None

    def _load(self, node: Node) -> NodeLoad:
        return self._situation.workload.get(node.id, NodeLoad())

    def _capacity_left(self, node: Node) -> int:
        if node.capacity_per_day is None:
            return CAPACITY_UNLIMITED
        return max(0, node.capacity_per_day - self._load(node).capacity_used_today)

    def _node_facts(self, node: Node, distance: float) -> dict[str, Fact]:
        return {
            "node.id": node.id,
            "node.kind": node.kind.value,
            "node.country": node.country,
            "node.priority": node.priority,
            "node.open_orders": self._load(node).open_orders,
            "node.capacity_left": self._capacity_left(node),
            "node.distance_km": distance,
        }

    def _stock_limits(self, node: Node) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """What the node has of each wanted, where it was not tried before."""
        limits = []
        notes: dict[str, None] = {}
        for one, components in zip(self._wanted, self._components, strict=True):
            tried = node.id in one.tried
            limits.append(0 if tried else self._in_stock(node, one, components))
            if tried or not components:
                notes["already tried" if tried else f"unknown SKU {one.sku}"] = None
        return tuple(limits), tuple(notes)

    def _in_stock(self, node: Node, one: Wanted, components: Sequence[tuple[str, int]]) -> int:
        supply = self._situation.supply
        units = min((supply.get((node.id, sku), 0) // count for sku, count in components), default=0)
        return max(0, min(one.quantity, units))

    def _permitted(
        self, limits: Sequence[int], notes: Sequence[str], facts: Mapping[str, Fact]
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The same limits, 0 where the policy never ships the item from the node."""
        reasons = [
            self._forbidden(item, facts) if limit and item else None
            for limit, item in zip(limits, self._items, strict=True)
        ]
        permitted = tuple(0 if reason else limit for limit, reason in zip(limits, reasons, strict=True))
        return permitted, tuple(dict.fromkeys([*notes, *filter(None, reasons)]))

    def _forbidden(self, item: Item, facts: Mapping[str, Fact]) -> str | None:
        """Why the policy never ships this item from this node; a rule that cannot be computed forbids."""
        exclusions = self._situation.network.policy.exclusions
        if not exclusions:
            return None
        seen: dict[str, Fact] = {
            **facts,
            "item.sku": item.sku,
            "item.category": item.category,
            "item.tags": list(item.tags),
            "item.weight_g": item.weight_g,
        }
        for exclusion in exclusions:
            answer = exclusion.when.evaluate(seen)
            if isinstance(answer, EvaluationError):
                return f"{exclusion.reason} (cannot tell: {answer.reason})"
            if answer:
                return exclusion.reason
        return None


def _unmet(require: Expression | None, facts: Mapping[str, Fact]) -> str | None:
    """The requirement that these facts do not meet, with what they are instead; None = it is met."""
    if require is None:
        return None
    answer = require.evaluate(facts)
    if isinstance(answer, EvaluationError):
        return f"requires {require.source} (cannot tell: {answer.reason})"
    if answer:
        return None
    seen = ", ".join(f"{name} is {_shown(facts[name])}" for name in require.names if name.startswith("node."))
    return f"requires {require.source}" + (f" ({seen})" if seen else "")


def _shown(fact: Fact) -> str:
    return f"{fact:.1f}" if isinstance(fact, float) else f"{fact}"


def _charges(costs: Sequence[Cost], facts: Mapping[str, Fact]) -> Charges | str:
    """The sum of a strategy's costs at a node, or why one of them cannot be charged."""
    sums = {Per.SHIPMENT: 0.0, Per.UNIT: 0.0, Per.KG: 0.0}
    for cost in costs:
        amount = _amount(cost, facts)
        if isinstance(amount, str):
            return amount
        sums[cost.per] += amount
    scaled = {per: amount * COST_SCALE for per, amount in sums.items()}
    return Charges(round(scaled[Per.SHIPMENT]), round(scaled[Per.UNIT]), scaled[Per.KG] / GRAMS_PER_KG)


def _amount(cost: Cost, facts: Mapping[str, Fact]) -> float | str:
    """What a cost charges at a node, 0 where its condition does not hold; or, in words, why that is no amount."""
    applies = True if cost.when is None else cost.when.evaluate(facts)
    if isinstance(applies, EvaluationError):
        return f"cost when {cost.when.source if cost.when else ''}: {applies.reason}"
    if not applies:
        return 0.0
    amount = cost.amount.evaluate(facts)
    if isinstance(amount, EvaluationError):
        return f"cost {cost.amount.source}: {amount.reason}"
    if not isfinite(amount) or amount < 0:
        return f"cost {cost.amount.source} is {amount}, which is no amount"
    return float(amount)

"""Decides which nodes may take part, what each could give and would cost, and says in plain words why others may not."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.network import EvaluationError, Fact, Item, Node, Per, Strategy, Tier, distance_km
from domain.promise import Promise, transit_days
from domain.sourcing.facts import CoolDown, NodeLoad, OrderFacts, Situation, Wanted
from domain.sourcing.rules import Answer, Rule, Rules, rules_of

CAPACITY_UNLIMITED = 1_000_000_000
"""What a rule sees as `node.capacity_left` where a node has no limit."""

GRAMS_PER_KG = 1000

COST_SCALE = 1000
"""Costs are compared in thousandths of a minor unit, so that half a cent per unit is not rounded away."""


class Charges(NamedTuple):
    """What a node costs, in thousandths of a minor unit."""

    per_shipment: int = 0
    per_unit: int = 0
    per_gram: float = 0.0

    def of_unit(self, item: Item) -> int:
        """One unit of an item, its weight included."""
        return self.per_unit + round(self.per_gram * item.weight_g) if self.per_gram else self.per_unit


class Surveyed(NamedTuple):
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
    facts: Mapping[str, Fact] = MappingProxyType({})
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
    return list(map(surveyor.look_at, nodes))


def exclusion_by_tier(surveyed: Surveyed, tier: Tier, rules: Rules) -> str | None:
    """Why a node may not take part in a tier, in plain words; None = it may."""
    if surveyed.node.id not in tier.nodes:
        return f"not in {', '.join(tier.sets)}"
    if surveyed.excluded or tier.require is None:
        return surveyed.excluded
    return _unmet(rules.of(tier.require), surveyed.facts)


def shortfall(units: int, units_wanted: int, notes: Sequence[str]) -> str:
    """How much of an order a node could fill and why not more, such as "2 of 3 units (already tried)"."""
    if not units and len(notes) == 1:
        return notes[0]
    words = f"{units} of {units_wanted} unit{'s' if units_wanted != 1 else ''}"
    return f"{words} ({'; '.join(notes)})" if notes else words


class _Surveyor:
    """Looks at nodes for one order; what does not depend on the node is computed once."""

    def __init__(self, order: OrderFacts, wanted: Sequence[Wanted], situation: Situation, strategy: Strategy) -> None:
        network = situation.network
        self._order = order
        self._collected = order.pickup_node is not None
        self._wanted = wanted
        self._situation = situation
        self._rules = rules_of(network)
        self._require = self._rules.of(strategy.require) if strategy.require and not self._collected else None
        self._costs = [
            (cost.per, self._rules.of(cost.amount), self._rules.of(cost.when) if cost.when else None)
            for cost in strategy.costs
        ]
        items = [network.items.get(one.sku) for one in wanted]
        self.item_facts = [item_facts(item) if item else None for item in items] if network.policy.exclusions else []
        self._components = [network.components(item.sku) if item else () for item in items]
        self._stock = [(one.quantity, parts) for one, parts in zip(wanted, self._components, strict=True)]
        self._has_notes = any(one.tried for one in wanted) or not all(self._components) or bool(situation.cooling)
        self._order_facts = order_facts(order)
        self._units = sum(one.quantity for one in wanted)
        self._transit = network.policy.transit.get(order.service, ())
        self._local: dict[ZoneInfo, datetime] = {}

    def look_at(self, node: Node) -> Surveyed:
        """Collect what is known of a node until something excludes it."""
        distance = 0.0 if self._collected else self._distance_km(node)
        load = self._situation.workload.get(node.id, _IDLE)
        capacity_left = _capacity_left(node, load)
        limits = self._stock_limits(node)
        notes = self._notes(node) if self._has_notes else ()
        reason = self._standing_reason(node, capacity_left) or self._nothing(limits, notes)
        if reason:
            return Surveyed(node, distance, reason)
        promised = self._promise(node, distance)
        if promised is None:
            reason = f"no transit time for service {self._order.service!r} over {distance:.0f} km"
            return Surveyed(node, distance, reason)
        if self._order.not_after is not None and promised.ship_by > self._order.not_after:
            return Surveyed(node, distance, "ships after the order's window", promise=promised)
        if self._order.deliver_by is not None and promised.deliver_by > self._order.deliver_by:
            return Surveyed(node, distance, "arrives after the promised day", promise=promised)
        facts: dict[str, Fact] = {
            **self._order_facts,
            "node.id": node.id,
            "node.kind": node.kind.value,
            "node.country": node.country,
            "node.priority": node.priority,
            "node.open_orders": load.open_orders,
            "node.capacity_left": capacity_left,
            "node.distance_km": distance,
            "node.promise_days": promised.days,
        }
        if self._rules.exclusions:
            limits, notes = self._permitted(limits, notes, facts)
        charges = self._charges(facts)
        # A node that the customer chose need not meet requirements made for parcels.
        reason = self._nothing(limits, notes) or (_unmet(self._require, facts) if self._require else None)
        if isinstance(charges, str):
            return Surveyed(node, distance, reason or charges, limits, notes, promised)
        return Surveyed(node, distance, reason, limits, notes, promised, charges, facts)

    def _nothing(self, limits: Sequence[int], notes: Sequence[str]) -> str | None:
        return None if any(limits) else shortfall(0, self._units, notes)

    def _distance_km(self, node: Node) -> float:
        place = self._order.place
        return distance_km(node.latitude, node.longitude, place.latitude, place.longitude)

    def _promise(self, node: Node, distance: float) -> Promise | None:
        days = 0 if self._collected else transit_days(self._transit, distance)
        if days is None:
            return None
        zone = node.time_zone
        if zone not in self._local:
            self._local[zone] = self._situation.now.astimezone(zone)
        return self._rules.promise(node, self._local[zone], days)

    def _standing_reason(self, node: Node, capacity_left: int) -> str | None:
        """What keeps a node from taking any order now."""
        if node.id in self._situation.paused:
            return "paused"
        if capacity_left <= 0:
            return "capacity used up"
        if self._collected and not node.pickup:
            return "customers cannot collect here"
        return None

    def _stock_limits(self, node: Node) -> tuple[int, ...]:
        """What the node has of each wanted, where it was not tried before."""
        supply, name = self._situation.supply, node.id
        limits = []
        for quantity, components in self._stock:
            units = quantity if components else 0
            for sku, count in components:
                available = supply.get((name, sku), 0)
                if count > 1:
                    available //= count
                if available < units:
                    units = available
            limits.append(units if units > 0 else 0)
        if self._has_notes:
            limits = [0 if name in one.tried else limit for one, limit in zip(self._wanted, limits, strict=True)]
        return tuple(limits)

    def _notes(self, node: Node) -> tuple[str, ...]:
        notes: dict[str, None] = {}
        for one, components in zip(self._wanted, self._components, strict=True):
            if node.id in one.tried:
                notes["already tried"] = None
            elif not components:
                notes[f"unknown SKU {one.sku}"] = None
            for sku, _ in components:
                if cooling := self._situation.cooling.get((node.id, sku)):
                    notes[_rejected(sku, cooling, node)] = None
        return tuple(notes)

    def _permitted(
        self, limits: Sequence[int], notes: Sequence[str], facts: dict[str, Fact]
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The same limits, 0 where the policy never ships the item from the node, and the reasons with the notes.

        A rule that cannot be computed forbids. The facts of the last item stay among the facts, where no other rule
        reads them.
        """
        permitted, reasons = list(limits), dict.fromkeys(notes)
        for position, item in enumerate(self.item_facts):
            if item and limits[position]:
                facts.update(item)
                for rule, reason in self._rules.exclusions:
                    answer = rule.evaluate(facts)
                    if answer:
                        reasons[_because(reason, answer)] = None
                        permitted[position] = 0
                        break
        return tuple(permitted), tuple(reasons)

    def _charges(self, facts: Mapping[str, Fact]) -> Charges | str:
        """The sum of a strategy's costs at a node, or why one of them cannot be charged."""
        sums = {Per.SHIPMENT: 0.0, Per.UNIT: 0.0, Per.KG: 0.0}
        for per, amount, when in self._costs:
            applies = when.evaluate(facts) if when else True
            if isinstance(applies, EvaluationError):
                return f"cost when {when.expression.source if when else ''}: {applies.reason}"
            if applies:
                charged = amount.evaluate(facts)
                if isinstance(charged, EvaluationError):
                    return f"cost {amount.expression.source}: {charged.reason}"
                if not isfinite(charged) or charged < 0:
                    return f"cost {amount.expression.source} is {charged}, which is no amount"
                sums[per] += charged
        shipment, unit, kg = sums.values()
        return Charges(round(shipment * COST_SCALE), round(unit * COST_SCALE), kg * COST_SCALE / GRAMS_PER_KG)


_IDLE = NodeLoad()


def _rejected(sku: str, cooling: CoolDown, node: Node) -> str:
    rejected_at, ends_at = (
        f"{at.astimezone(node.time_zone):%Y-%m-%d %H:%M}" for at in (cooling.rejected_at, cooling.ends_at)
    )
    return f"rejected {sku} at {rejected_at}, not asked again until {ends_at}"


def item_facts(item: Item) -> dict[str, Fact]:
    """An item as rules see it."""
    return {
        "item.sku": item.sku,
        "item.category": item.category,
        "item.tags": list(item.tags),
        "item.weight_g": item.weight_g,
    }


def _because(reason: str, answer: Answer) -> str:
    return f"{reason} (cannot tell: {answer.reason})" if isinstance(answer, EvaluationError) else reason


def _capacity_left(node: Node, load: NodeLoad) -> int:
    if node.capacity_per_day is None:
        return CAPACITY_UNLIMITED
    return max(0, node.capacity_per_day - load.capacity_used_today)


def _unmet(require: Rule, facts: Mapping[str, Fact]) -> str | None:
    """The requirement that these facts do not meet, with what they are instead; None = it is met."""
    answer = require.evaluate(facts)
    source, names = require.expression.source, require.expression.names
    if isinstance(answer, EvaluationError):
        return f"requires {source} (cannot tell: {answer.reason})"
    if answer:
        return None
    seen = ", ".join(f"{name} is {_shown(facts[name])}" for name in names if name.startswith("node."))
    return f"requires {source}" + (f" ({seen})" if seen else "")


def _shown(fact: Fact) -> str:
    return f"{fact:.1f}" if isinstance(fact, float) else f"{fact}"

"""Decides which nodes may take part, how many units each could give at what cost, and explains why others may not."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from math import asin, cos, inf, radians, sin, sqrt
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.delivery import DeliveryDays
from domain.network import (
    EARTH_RADIUS_KM,
    EvaluationError,
    Fact,
    Far,
    FarRules,
    Network,
    Node,
    Per,
    Strategy,
    Tier,
)
from domain.promise import Promise
from domain.sourcing.carriage import NO_CARRIER, Carriage, Carriers
from domain.sourcing.charges import Charges, summed
from domain.sourcing.exclusion import Exclusion, cannot_tell
from domain.sourcing.facts import CoolDown, NodeLoad, OrderFacts, Situation, Wanted, order_facts
from domain.sourcing.future import CAPACITY_UNLIMITED, Future
from domain.sourcing.plans import ExclusionReason, Obstacle
from domain.sourcing.rules import DISTANCE_KM, DISTANCE_KNOWN, PROMISE_DAYS, Rule, Rules, Site, rules_of

ISLANDS_WITHIN_KM = 500
"""To a remote place a distance is measured from nodes that are so near to it: those of the same group of islands."""


class Surveyed(NamedTuple):
    """One node for an order, before any tier. Unless it is excluded, charges and facts are known."""

    node: Node
    distance_km: float | None
    """None = no distance can be measured."""
    excluded: ExclusionReason | None
    limits: tuple[int, ...] = ()
    """By wanted: units that the node could give of this one alone."""
    notes: tuple[str, ...] = ()
    """Reasons other than stock why it cannot give more."""
    promise: Promise | None = None
    charges: Charges = Charges()
    facts: Mapping[str, Fact] = MappingProxyType({})
    """The facts for a tier's rules."""
    forbidden: Mapping[int, str] = MappingProxyType({})
    """By position of the wanted that it has and may never ship: why."""
    carriage: Carriage | None = None
    """Who takes its shipment; None = no carrier, so that the policy's days count."""


class Prospect(NamedTuple):
    """What a node may ever ship of an order, whatever is in stock and however busy it is."""

    node: Node
    tiers: tuple[int, ...] = ()
    """The positions of the strategy's tiers in which it may take part; for a pickup, the first."""
    positions: tuple[int, ...] = ()
    """The positions of the wanted that it may ship."""
    reason: str | None = None
    """Why it may ship nothing of it; None = the reasons differ by item."""
    refused: Mapping[int, str] = MappingProxyType({})
    """By position of the wanted: why it may not ship this item."""

    def why_not(self, position: int) -> str | None:
        """Why it may not ship units; None = it may."""
        return self.reason or self.refused.get(position)


OUTSIDE = "in no tier of the strategy"
TRIED = "already tried"
_PAUSED = ExclusionReason(Obstacle.RULE, "paused")
_USED_UP = ExclusionReason(Obstacle.CAPACITY, "capacity used up")
_DESTINATION = ExclusionReason(Obstacle.RULE, "the goods go there")
_NO_PICKUP = ExclusionReason(Obstacle.RULE, "customers cannot collect here")
_AFTER_THE_WINDOW = ExclusionReason(Obstacle.RULE, "ships after the order's window")
_AFTER_THE_PROMISE = ExclusionReason(Obstacle.RULE, "arrives after the promised day")


def exclusions_by_tier(surveyed: Sequence[Surveyed], tier: Tier, rules: Rules) -> list[ExclusionReason | None]:
    """Why each node may not take part in a tier; None = it may."""
    outside = ExclusionReason(Obstacle.RULE, f"not in {', '.join(tier.sets)}")
    require = rules.of(tier.require) if tier.require else None
    return [
        outside
        if one.node.id not in tier.nodes
        else _unmet(require, one.facts)
        if require and not one.excluded
        else one.excluded
        for one in surveyed
    ]


def shortfall(units: int, units_wanted: int, notes: Sequence[str]) -> ExclusionReason:
    """How much of an order a node could fill and why not more, such as "2 of 3 units (already tried)"."""
    if not units and len(notes) == 1:
        return ExclusionReason(Obstacle.RULE, notes[0])
    words = f"{units} of {units_wanted} unit{'s' if units_wanted != 1 else ''}"
    return ExclusionReason(Obstacle.STOCK, f"{words} ({'; '.join(notes)})" if notes else words)


class Survey:
    """Evaluates nodes for one order under a strategy; values that do not depend on the node are computed once."""

    def __init__(self, order: OrderFacts, wanted: Sequence[Wanted], situation: Situation, strategy: Strategy) -> None:
        network = situation.network
        self._order = order
        self._collected = order.pickup_node is not None
        self._not_asked_for = ExclusionReason(Obstacle.RULE, f"the order asks for {order.only_node}")
        self._wanted = wanted
        self._situation = situation
        self._rules = rules = rules_of(network)
        self._strategy = strategy
        self._order_facts = order_facts(order)
        # A node that the customer chose need not meet requirements made for parcels.
        self._require = rules.of(strategy.require) if strategy.require and not self._collected else None
        self._costs = list(self._costs_for_order())
        items = [network.items.get(one.sku) for one in wanted]
        self._exclusions = [Exclusion(rule, reason, items) for rule, reason in rules.exclusions]
        self._components = [network.components(item.sku) if item else () for item in items]
        self._has_notes = any(one.tried for one in wanted) or not all(self._components) or bool(situation.cooling)
        self._units = sum(one.quantity for one in wanted)
        self._no_stock = shortfall(0, self._units, ())
        bands = network.policy.transit.get(order.service, ())
        self._distances = [band.distance_km_max for band in bands]
        self._days = [band.days for band in bands]
        calendar = None if self._collected else network.policy.delivery.get(order.service)
        self._delivery = calendar.at(order.country, order.region) if calendar else None
        self._carriers = Carriers(order, items, network)
        self._sphere_width = cos(radians(order.place.latitude))
        far = order.place.far
        self._far = far if far is Far.MILITARY or far in network.policy.far else None
        self._far_rules = network.policy.far.get(far, FarRules()) if far else FarRules()
        self._looked_up = situation.looked_up
        self._local: dict[ZoneInfo, datetime] = {}
        self._promises: dict[tuple[int, int | None, int], Promise] = {}

    def of(self, sites: Sequence[Site]) -> list[Surveyed]:
        """Evaluate each node, in the given order."""
        return list(map(self._evaluate, sites, self._stock_limits([site.node.id for site in sites])))

    def prospects(self, sites: Sequence[Site]) -> list[Prospect]:
        """What each node may ship on any day, once it has the goods and nothing that changes by itself is in the way."""
        return [self._prospect(site) for site in sites]

    def _evaluate(self, site: Site, limits: tuple[int, ...]) -> Surveyed:
        """Evaluate a node step by step, until a reason excludes it."""
        node = site.node
        distance = self._distance_km(site)
        load = self._situation.workload.get(node.id, _IDLE)
        capacity_left = _capacity_left(node, load)
        notes = self._notes(node) if self._has_notes else ()
        reason = self._general_reason(node, capacity_left) or self._nothing(limits, notes)
        if reason:
            return Surveyed(node, distance, reason)
        carriage = self._carriers.of(node, distance, limits) if self._carriers else None
        promised = self._promise(site, distance, carriage)
        if promised is None:
            words = f"no transit time for service {self._order.service!r} over {distance:.0f} km"
            return Surveyed(node, distance, ExclusionReason(Obstacle.RULE, words))
        reason = self._too_late(promised)
        if reason:
            return Surveyed(node, distance, reason, promise=promised)
        facts = self._facts(site, load.open_orders, capacity_left, distance, promised)
        forbidden: Mapping[int, str] = MappingProxyType({})
        if self._exclusions:
            limits, forbidden = self._permitted(limits, facts)
            notes = (*notes, *(why for why in dict.fromkeys(forbidden.values()) if why not in notes))
        charges = self._charges(facts, carriage)
        reason = self._nothing(limits, notes) or (_unmet(self._require, facts) if self._require else None)
        if isinstance(charges, str):
            reason = reason or ExclusionReason(Obstacle.RULE, charges)
            return Surveyed(node, distance, reason, limits, notes, promised, forbidden=forbidden)
        if taken_off := self._situation.taken_off.get(node.id):
            charges = charges.less(taken_off)
        return Surveyed(node, distance, reason, limits, notes, promised, charges, facts, forbidden, carriage)

    def _prospect(self, site: Site) -> Prospect:
        distance = self._distance_km(site)
        everything = [one.quantity for one in self._wanted]
        carriage = self._carriers.of(site.node, distance, everything) if self._carriers else None
        promised = self._prospective_promise(site, distance, carriage)
        if self._collected and not site.node.pickup:
            return Prospect(site.node, reason=_NO_PICKUP.words)
        if site.node.id == self._order.to_node:
            return Prospect(site.node, reason=_DESTINATION.words)
        if promised is None:
            return Prospect(site.node, reason=f"no transit time for service {self._order.service!r}")
        if late := self._too_late(promised):
            return Prospect(site.node, reason=late.words)
        facts = self._facts(site, _IDLE.open_orders, _capacity_left(site.node, _IDLE), distance, promised)
        future = Future(self._rules, site, self._situation.now, *self._way(distance, carriage), facts)
        tiers, unmet = self._tiers_of(site.node, future)
        if not tiers:
            return Prospect(site.node, reason=unmet)
        if isinstance(why := self._charges(facts, carriage), str) and not self._may_change(future):
            return Prospect(site.node, reason=why if why == NO_CARRIER else "a cost cannot be computed")
        refused: dict[int, str] = {}
        for position, reason in self._refused(site.node, future):
            refused.setdefault(position, reason)
        free = tuple([position for position in range(len(self._wanted)) if position not in refused])
        return Prospect(site.node, tiers, free, refused=refused)

    def _may_change(self, future: Future) -> bool:
        return any(cost is not None and future.changes(cost) for _, cost, _ in self._costs)

    def _tiers_of(self, node: Node, future: Future) -> tuple[tuple[int, ...], str]:
        """The positions of the tiers in which a node may ever take part; and why there may be none."""
        if self._require and not future.may_meet(self._require):
            return (), f"requires {self._require.expression.source}"
        if self._collected:
            return (0,), ""
        mine = [(number, tier) for number, tier in enumerate(self._strategy.tiers) if node.id in tier.nodes]
        rules = [(number, self._rules.of(tier.require) if tier.require else None) for number, tier in mine]
        unmet = next((f"requires {rule.expression.source}" for _, rule in rules if rule), OUTSIDE)
        return tuple([number for number, rule in rules if rule is None or future.may_meet(rule)]), unmet

    def _refused(self, node: Node, future: Future) -> Iterator[tuple[int, str]]:
        """The wanted units that a node may never ship, by position, each with the reason."""
        for exclusion in self._exclusions:
            yield from exclusion.always_forbidden(future)
        for position, (one, components) in enumerate(zip(self._wanted, self._components, strict=True)):
            if not components:
                yield position, not_sold(self._situation.network, one.sku)
            elif node.id in one.tried:
                yield position, TRIED

    def _costs_for_order(self) -> Iterator[tuple[Per, Rule | None, Rule | None]]:
        """The strategy's costs that may apply to this order: what it is charged for, the amount, and the condition."""
        for cost in self._strategy.costs:
            when = self._rules.of(cost.when) if cost.when else None
            holds = when.evaluate(self._order_facts) if when and not when.reads_node else None
            if holds is not False:
                amount = self._rules.of(cost.amount) if cost.amount else None
                yield cost.per, amount, None if holds is True else when

    def _nothing(self, limits: Sequence[int], notes: Sequence[str]) -> ExclusionReason | None:
        if any(limits):
            return None
        return shortfall(0, self._units, notes) if notes else self._no_stock

    def _distance_km(self, site: Site) -> float | None:
        """How far the goods travel from a node; None = no distance can be measured."""
        if self._looked_up is None:
            return self._measured_km(site)
        known = self._looked_up.distances
        if site.node.id not in known:
            known[site.node.id] = self._measured_km(site)
        return known[site.node.id]

    def _measured_km(self, site: Site) -> float | None:
        if self._collected:
            return 0.0
        if self._far is Far.MILITARY:
            return None
        distance = self._straight_km(site)
        return None if self._far and distance > ISLANDS_WITHIN_KM else distance

    def _straight_km(self, site: Site) -> float:
        """The same as `domain.network.distance_km`, with values of both ends that are computed once."""
        node, place = site.node, self._order.place
        half_height = sin(radians(place.latitude - node.latitude) / 2) ** 2
        half_width = sin(radians(place.longitude - node.longitude) / 2) ** 2
        chord = half_height + site.sphere_width * self._sphere_width * half_width
        return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))

    def _transit_days(self, distance: float | None) -> int | None:
        """Days on the way by the policy; None = nobody knows. The distance must be in the table."""
        if self._collected:
            return 0
        if distance is None:
            return self._far_rules.days.get(self._order.service)
        return self._days[bisect_left(self._distances, distance)]

    def _way(self, distance: float | None, carriage: Carriage | None) -> tuple[int | None, DeliveryDays | None]:
        """The days on the way, None = nobody knows, and those on which it is delivered: the carrier's, or the policy's."""
        if carriage:
            return carriage.offer.days, carriage.offer.delivery
        return self._transit_days(distance), self._delivery

    def _is_beyond(self, distance: float | None) -> bool:
        """Whether the transit table ends before a distance."""
        return not self._collected and distance is not None and (not self._distances or distance > self._distances[-1])

    def _promise(self, site: Site, distance: float | None, carriage: Carriage | None) -> Promise | None:
        """The promise of a node for what it can give; None where no carrier takes it and the transit table ends before."""
        if self._looked_up is None:
            return self._reckoned_promise(site, distance, carriage)
        known, name = self._looked_up.promises, site.node.id
        if carriage:
            name = f"{name} {carriage.offer.carrier} {carriage.offer.days}"
        if name not in known:
            known[name] = self._reckoned_promise(site, distance, carriage)
        return known[name]

    def _prospective_promise(self, site: Site, distance: float | None, carriage: Carriage | None) -> Promise | None:
        """The promise of a node for all that is wanted: a carrier may take that in other days than what can be given now."""
        return self._reckoned_promise(site, distance, carriage) if carriage else self._promise(site, distance, None)

    def _reckoned_promise(self, site: Site, distance: float | None, carriage: Carriage | None) -> Promise | None:
        if carriage is None and self._is_beyond(distance):
            return None
        days, delivery = self._way(distance, carriage)
        key = site.calendar, days, id(delivery)  # each is held by the survey, and to hash one costs more
        promised = self._promises.get(key)
        if promised is None:
            zone = site.node.time_zone
            if zone not in self._local:
                self._local[zone] = self._situation.now.astimezone(zone)
            promised = self._promises[key] = self._rules.promise(site, self._local[zone], days, delivery)
        return promised

    def _too_late(self, promised: Promise) -> ExclusionReason | None:
        order = self._order
        if order.not_after is not None and promised.ship_by > order.not_after:
            return _AFTER_THE_WINDOW
        if order.deliver_by is not None and (promised.deliver_by is None or promised.deliver_by > order.deliver_by):
            return _AFTER_THE_PROMISE
        return None

    def _facts(
        self, site: Site, open_orders: int, capacity_left: int, distance: float | None, promised: Promise
    ) -> dict[str, Fact]:
        """The facts for rules; what nobody knows is absent."""
        facts: dict[str, Fact] = {
            **self._order_facts,
            **site.facts,
            "node.open_orders": open_orders,
            "node.capacity_left": capacity_left,
            DISTANCE_KNOWN: distance is not None,
        }
        if distance is not None:
            facts[DISTANCE_KM] = distance
        if promised.days is not None:
            facts[PROMISE_DAYS] = promised.days
        return facts

    def _general_reason(self, node: Node, capacity_left: int) -> ExclusionReason | None:
        """Why a node may take no order at all now, or not this one; None = it may."""
        if self._order.only_node not in (None, node.id):
            return self._not_asked_for
        if node.id == self._order.to_node:
            return _DESTINATION
        if node.id in self._situation.paused:
            return _PAUSED
        if capacity_left <= 0:
            return _USED_UP
        if self._collected and not node.pickup:
            return _NO_PICKUP
        return None

    def _stock_limits(self, names: Sequence[str]) -> Iterable[tuple[int, ...]]:
        """By node: units that it has of each wanted; 0 where it was tried before."""
        available = self._situation.supply.get
        rows = []
        for one, components in zip(self._wanted, self._components, strict=True):
            row = [one.quantity if components else 0] * len(names)
            for sku, count in components:
                given = [available((name, sku), 0) // count for name in names]
                row = [own if own < most else most for own, most in zip(given, row, strict=True)]
            rows.append(
                [0 if units < 0 or name in one.tried else units for name, units in zip(names, row, strict=True)]
            )
        return zip(*rows, strict=True) if rows else repeat(())

    def _notes(self, node: Node) -> tuple[str, ...]:
        notes: dict[str, None] = {}
        for one, components in zip(self._wanted, self._components, strict=True):
            if node.id in one.tried:
                notes[TRIED] = None
            elif not components:
                notes[not_sold(self._situation.network, one.sku)] = None
            for sku, _ in components:
                if cooling := self._situation.cooling.get((node.id, sku)):
                    notes[rejected_until(sku, cooling, node)] = None
        return tuple(notes)

    def _permitted(self, limits: Sequence[int], facts: dict[str, Fact]) -> tuple[tuple[int, ...], dict[int, str]]:
        """The limits, set to 0 where the policy never ships the item from the node; and the reasons, by position."""
        permitted, reasons = list(limits), dict[int, str]()
        for position, reason in (found for exclusion in self._exclusions for found in exclusion.forbidden(facts)):
            if permitted[position]:
                permitted[position] = 0
                reasons[position] = reason
        return tuple(permitted), reasons

    def _charges(self, facts: Mapping[str, Fact], carriage: Carriage | None) -> Charges | str:
        """The sum of a strategy's costs at a node, or why one of them cannot be charged.

        All costs that depend on a distance that is not known are together the policy's rate for such places.
        """
        sums, unknown, has_carriage = [0.0, 0.0, 0.0], False, False
        for per, amount, when in self._costs:
            if when:
                applies = when.evaluate(facts)
                if isinstance(applies, EvaluationError) and not when.has_its_facts(facts):
                    unknown = True
                    continue
                if isinstance(applies, EvaluationError):
                    return f"cost when {when.expression.source}: {applies.reason}"
                if not applies:
                    continue
            if per is Per.CARRIER and carriage:
                has_carriage = True
                continue
            if amount is None:
                return NO_CARRIER
            charged = amount.evaluate(facts)
            if isinstance(charged, EvaluationError) and not amount.has_its_facts(facts):
                unknown = True
                continue
            if isinstance(charged, EvaluationError):
                return f"cost {amount.expression.source}: {charged.reason}"
            if not 0 <= charged < inf:
                return f"cost {amount.expression.source} is {charged}, which is no amount"
            sums[_SUMS[per]] += charged
        if unknown and self._far_rules.rate is None:
            return f"costs depend on the distance, and [{self._far}] has no rate"
        if unknown:
            sums[_SUMS[Per.SHIPMENT]] += self._far_rules.rate or 0
        return summed(sums, carriage if has_carriage else None)


_SUMS = {Per.SHIPMENT: 0, Per.UNIT: 1, Per.KG: 2, Per.CARRIER: 0}


_IDLE = NodeLoad()


def not_sold(network: Network, sku: str) -> str:
    """Why nothing of an item that is not in the network can be sourced."""
    return f"{sku} is retired" if network.knows_item(sku) else f"unknown SKU {sku}"


def rejected_until(sku: str, cooling: CoolDown, node: Node) -> str:
    """When a node rejected a SKU, and until when it is not asked again, by its own clock."""
    rejected_at, ends_at = (
        f"{at.astimezone(node.time_zone):%Y-%m-%d %H:%M}" for at in (cooling.rejected_at, cooling.ends_at)
    )
    return f"rejected {sku} at {rejected_at}, not asked again until {ends_at}"


def _capacity_left(node: Node, load: NodeLoad) -> int:
    if node.capacity_per_day is None:
        return CAPACITY_UNLIMITED
    return max(0, node.capacity_per_day - load.capacity_used_today)


def _unmet(require: Rule, facts: Mapping[str, Fact]) -> ExclusionReason | None:
    """The requirement that these facts do not meet, with their values; None = they meet it."""
    answer = require.evaluate(facts)
    source, names = require.expression.source, require.expression.names
    if isinstance(answer, EvaluationError):
        return ExclusionReason(Obstacle.RULE, f"requires {source} ({cannot_tell(require, answer, facts)})")
    if answer:
        return None
    seen = ", ".join(f"{name} is {_shown(facts[name])}" for name in names if name.startswith("node.") and name in facts)
    return ExclusionReason(Obstacle.RULE, f"requires {source}" + (f" ({seen})" if seen else ""))


def _shown(fact: Fact) -> str:
    match fact:
        case bool():
            return str(fact).lower()
        case float():
            return f"{fact:.1f}"
    return f"{fact}"

"""Plans past orders again, one after another, on stock and work in memory, at the time of each order.

The units of an order stay reserved: nothing ships, comes back or is received. A shipment is work of the node on the
local day on which its order was placed, and open there until its ship date.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from heapq import heappop, heappush

from domain.network import Network, ShipComplete
from domain.order import NewOrder
from domain.sourcing import ConsideredNode, NodeLoad, OrderFacts, Plan, Situation, Wanted, plan
from domain.sourcing.new_order import facts_of_new
from domain.sourcing.supply import Entitlement, claims, parts, plan_within, supply_of
from domain.stock import StockLevel
from network.geography import locate
from simulation.comparison import Change, OrderOutcome, PlannedOrder, outcome, reasons, ships_differently

Places = Mapping[tuple[str, str], int]
"""Units by (node, SKU)."""

PLENTY = 10**12
"""Units of every SKU at every node where no stock is given: more than orders could ever take."""


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one order under each network, and the change between two where there is one."""

    outcomes: tuple[OrderOutcome, ...]
    change: Change | None


class Run:
    """One network with its stock and its work in memory. Orders must come in the sequence in which they were placed."""

    def __init__(self, label: str, network: Network, stock: Places | None) -> None:
        """`label` is what reports call the network; without stock every node has everything."""
        self.label = label
        self.network = network
        self._is_unlimited = stock is None
        self._levels = {place: StockLevel(*place, on_hand, 0, 0) for place, on_hand in (stock or {}).items()}
        self._released: Counter[tuple[str, date]] = Counter()
        self._open: defaultdict[str, list[datetime]] = defaultdict(list)

    def decide(self, order: NewOrder) -> PlannedOrder:
        """The plan for an order, which takes nothing yet."""
        wanted = tuple(Wanted(line.line, line.sku, line.quantity) for line in order.lines)
        facts = facts_of_new(order, self.network, locate)
        levels = self._levels_for({line.sku for line in order.lines})
        supply, limits = supply_of(self.network, levels, order.channel, Entitlement())
        situation = Situation(
            network=self.network,
            supply=supply,
            now=self.network.leaves_at([line.sku for line in order.lines], order.placed_at),
            workload=self._workload(order.placed_at),
        )
        planned, situation = plan_within(facts, wanted, situation, limits)
        return PlannedOrder(
            self.label, self.network, planned, RecordedNodeStates(facts, wanted, situation, levels, planned)
        )

    def take(self, placed_at: datetime, decided: PlannedOrder) -> None:
        """Reserve the units of a plan, and count its shipments as work of their nodes."""
        for shipment in decided.plan.shipments:
            zone = self.network.nodes[shipment.node].time_zone
            self._released[shipment.node, placed_at.astimezone(zone).date()] += 1
            heappush(self._open[shipment.node], shipment.ship_by)
        for claimed in () if self._is_unlimited else claims(decided.plan, self.network):
            level = self._levels[claimed.node, claimed.sku]
            self._levels[claimed.node, claimed.sku] = level._replace(reserved=level.reserved + claimed.reserved)

    def _levels_for(self, skus: Collection[str]) -> dict[tuple[str, str], StockLevel]:
        places = ((node, sku) for node in self.network.nodes for sku in parts(self.network, skus))
        if self._is_unlimited:
            return {place: StockLevel(*place, PLENTY, 0, 0) for place in places}
        return {place: self._levels[place] for place in places if place in self._levels}

    def _workload(self, at: datetime) -> dict[str, NodeLoad]:
        load = {}
        for node, ship_by in self._open.items():
            while ship_by and ship_by[0] < at:
                heappop(ship_by)
            today = at.astimezone(self.network.nodes[node].time_zone).date()
            load[node] = NodeLoad(len(ship_by), self._released[node, today])
        return load


@dataclass(frozen=True)
class RecordedNodeStates:
    """The state of each node when an order was planned; computed only where a reason is needed."""

    facts: OrderFacts
    wanted: tuple[Wanted, ...]
    situation: Situation
    levels: Mapping[tuple[str, str], StockLevel]
    planned: Plan

    def in_tier(self, tier: int | None) -> dict[str, ConsideredNode]:
        """Each node by id as it was in a tier of the plan's strategy; None = in the tier that decided."""
        strategy = next(one for one in self.situation.network.policy.strategies if one.id == self.planned.strategy)
        if tier in (None, self.planned.tier) or tier > len(strategy.tiers):
            return {node.node: node for node in self.planned.explanation.nodes}
        only = replace(strategy, tiers=(strategy.tiers[tier - 1],), ship_complete=ShipComplete.ORDER)
        network = self.situation.network
        network = replace(network, policy=replace(network.policy, strategies=(only,)))
        facts = replace(self.facts, ship_complete=None)
        tried = plan(facts, self.wanted, replace(self.situation, network=network))
        return {node.node: node for node in tried.explanation.nodes}

    def is_used_up(self, node: str) -> bool:
        """Whether the node could have given more of what was wanted, if earlier orders had not taken it."""
        network = self.situation.network
        for sku, needed in self._needed.items():
            if level := self.levels.get((node, sku)):
                safety_stock = network.safety_stock(node, sku)
                left = level.available(safety_stock)
                if left < needed and left < level._replace(reserved=0).available(safety_stock):
                    return True
        return False

    @cached_property
    def _needed(self) -> Counter[str]:
        """Units by stocked SKU that the whole order takes."""
        needed: Counter[str] = Counter()
        for one in self.wanted:
            for sku, quantity in self.situation.network.components(one.sku):
                needed[sku] += quantity * one.quantity
        return needed


def steps(orders: Iterable[NewOrder], runs: tuple[Run, ...], currency: str | None) -> Iterator[Step]:
    """Plan the orders under each network in turn; between two networks, report what changed."""
    for order in orders:
        place = locate(order.ship_to.locality)
        decided = [run.decide(order) for run in runs]
        outcomes = tuple(outcome(order.order, place, order.not_after, one) for one in decided)
        change = None
        if ships_differently(decided[0], decided[-1]):
            change = Change(outcomes[0], outcomes[-1], reasons(decided[0], decided[-1], currency))
        for run, one in zip(runs, decided, strict=True):
            run.take(order.placed_at, one)
        yield Step(outcomes, change)

"""Reads the input of a sourcing decision: the order, the stock that it may take at each node, and the load of the nodes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from database import capacity, stock
from database.connect import ReadConnection
from database.details import LineDetails
from database.order import Header
from domain.capacity import but_for_own, day, next_days_of_full_nodes
from domain.network import Network, RuleLine, ShipComplete
from domain.sourcing import NodeLoad, OrderFacts, Plan, Situation, Wanted
from domain.sourcing.facts import weight_kg
from domain.sourcing.lines import Basis, with_lines
from domain.sourcing.supply import (
    Entitlement,
    claims,
    cooling_at,
    looks_again_at,
    parts,
    paused,
    plan_within,
    supply_of,
)
from domain.stock import StockLevel
from domain.units import OrderedLine
from network.geography import locate


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, the stock and load that it was made from, and the claim that pins it."""

    plan: Plan
    basis: Basis
    workload: Mapping[str, NodeLoad]
    releases_at: datetime
    looks_again_at: datetime | None
    """When a node that has the unfilled units may accept them: its next day, or the end of its cool-down; None = unknown."""

    @property
    def levels(self) -> Mapping[tuple[str, str], StockLevel]:
        """The stock levels that it was made from, by (node, SKU)."""
        return self.basis.levels

    def document(self) -> dict[str, Any]:
        """The plan with the reasons for each node and line, as it is stored."""
        return with_lines(self.plan, self.basis)

    def claim(
        self,
        network: Network,
        channel: str,
        entitlement: Entitlement,
        *,
        cause: str,
        at: datetime,
        order: str | None,
        actor: str,
    ) -> stock.Claim:
        """The claim that must be granted before the plan can be used."""
        movements = claims(self.plan, network)
        kept_back = {m.sku: kept for m in movements if (kept := network.kept_back(m.sku, channel))}
        named = {(m.node, m.sku) for m in movements}
        counted = named | {place for place in self.levels if place[1] in kept_back and place[0] in network.nodes}
        return stock.Claim(
            movements,
            {place: network.safety_stock(*place) for place in counted},
            cause,
            actor,
            at,
            order,
            kept_back,
            {place: offer for place, offer in entitlement.offers.items() if place in named},
            {place: own for place, own in entitlement.own.items() if place in named},
        )


async def decide(
    connection: ReadConnection,
    network: Network,
    facts: OrderFacts,
    wanted: Collection[Wanted],
    at: datetime,
    entitlement: Entitlement | None = None,
    kept_out: frozenset[str] = frozenset(),
) -> Decision:
    """The best plan for the present stock levels; it pins nothing before its claim is granted.

    No unit is planned at a node in `kept_out`.
    """
    entitlement = entitlement or Entitlement()
    levels = await stock.levels(connection, parts(network, [line.sku for line in wanted]))
    load = await workload(connection, network, at, entitlement.pinned_for)
    supply, limits = supply_of(network, levels, facts.channel, entitlement)
    cooling = cooling_at(network, levels, at)
    situation = Situation(
        network=network,
        supply={place: 0 if place in cooling else quantity for place, quantity in supply.items()},
        now=at,
        workload=load,
        paused=kept_out | paused(levels),
        cooling=cooling,
    )
    decided, situation = plan_within(facts, list(wanted), situation, limits)
    full = next_days_of_full_nodes(situation) if decided.unfilled else {}
    basis = Basis(list(wanted), levels, situation, entitlement.own, entitlement.offers)
    return Decision(decided, basis, load, at, looks_again_at(decided, situation, supply, full))


def order_facts(
    header: Header, network: Network, lines: Mapping[str, OrderedLine], wanted: Collection[Wanted]
) -> OrderFacts:
    """The facts of an order that rules of the policy can use; `wanted` are its units that need a node now."""
    return OrderFacts(
        channel=header.channel,
        service=header.service,
        country=header.locality.country,
        region=header.locality.region,
        postal_code=header.locality.postal_code,
        place=locate(header.locality),
        customer_tier=header.customer_tier,
        currency=header.currency,
        value=network.converted(header.value, header.currency, network.policy.currency, header.placed_at),
        units=sum(line.quantity for line in wanted),
        priority=header.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=ShipComplete(header.ship_complete) if header.ship_complete else None,
        pickup_node=header.pickup_node,
        from_node=header.from_node,
        deliver_by=header.deliver_by,
        not_after=header.not_after,
        reference=header.reference or "",
        purchase_order=header.purchase_order or "",
        tags=list(header.tags),
        attributes=header.details.attributes,
        lines=[
            _rule_line(network, line, header.details.line(name))
            for name, line in lines.items()
            if line.ordered > line.cancelled
        ],
    )


def _rule_line(network: Network, line: OrderedLine, own: LineDetails) -> RuleLine:
    has_gift_message = own.gift_message is not None
    return RuleLine(network.item(line.sku), line.ordered - line.cancelled, has_gift_message, own.attributes)


async def workload(
    connection: ReadConnection, network: Network, at: datetime, pinned_for: Mapping[str, date]
) -> dict[str, NodeLoad]:
    """The load of nodes on the local day of `at`: of those with a daily capacity, or of all when the policy reads how many
    fulfillment orders are open.

    The order's own pins do not count: `pinned_for` is the day for which they have claimed capacity, by node.
    """
    counts_open_orders = network.policy.reads_open_orders
    nodes = [node for node in network.nodes.values() if counts_open_orders or node.capacity_per_day is not None]
    if not nodes:
        return {}
    days = {node.id: day(node, at) for node in nodes}
    loads = await capacity.workload(connection, days, counts_open_orders=counts_open_orders)
    return {node: but_for_own(load, pinned_for.get(node) == days[node]) for node, load in loads.items()}

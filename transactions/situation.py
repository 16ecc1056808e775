"""Reads what a sourcing decision is made from: the order, what may be taken from which shelf, and how busy the nodes are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from database import capacity, stock
from database.connect import ReadConnection
from database.order import Header
from domain.capacity import but_for_own, day, next_days_of_full_nodes
from domain.network import Network, ShipComplete
from domain.sourcing import NodeLoad, OrderFacts, Plan, Situation, Wanted
from domain.sourcing.facts import weight_kg
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
from network.geography import locate, locate_area


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan with what it was made from, and the claim that pins it."""

    plan: Plan
    shelves: Mapping[tuple[str, str], StockLevel]
    workload: Mapping[str, NodeLoad]
    releases_at: datetime
    looks_again_at: datetime | None
    """When a node that has what is unfilled may take it: its next day, or the end of its cool-down; None = nothing is known."""

    def claim(
        self,
        network: Network,
        channel: str,
        rights: Entitlement,
        *,
        cause: str,
        at: datetime,
        order: str | None,
        actor: str,
    ) -> stock.Claim:
        """What must be granted for the plan to stand."""
        movements = claims(self.plan, network)
        kept_back = {m.sku: kept for m in movements if (kept := network.kept_back(m.sku, channel))}
        named = {(m.node, m.sku) for m in movements}
        counted = named | {place for place in self.shelves if place[1] in kept_back and place[0] in network.nodes}
        return stock.Claim(
            movements,
            {place: network.safety_stock(*place) for place in counted},
            cause,
            actor,
            at,
            order,
            kept_back,
            {place: offer for place, offer in rights.offers.items() if place in named},
            {place: own for place, own in rights.own.items() if place in named},
        )


async def decide(
    connection: ReadConnection,
    network: Network,
    facts: OrderFacts,
    wanted: Collection[Wanted],
    at: datetime,
    rights: Entitlement | None = None,
    kept_out: frozenset[str] = frozenset(),
) -> Decision:
    """The best plan for what is on the shelves now; it holds nothing until its claim is granted.

    Nodes that are `kept_out` get nothing of it.
    """
    rights = rights or Entitlement()
    shelves = await stock.levels(connection, parts(network, [wish.sku for wish in wanted]))
    load = await workload(connection, network, at, rights.pinned_for)
    supply, limits = supply_of(network, shelves, facts.channel, rights)
    cooling = cooling_at(network, shelves, at)
    situation = Situation(
        network=network,
        supply={place: 0 if place in cooling else quantity for place, quantity in supply.items()},
        now=at,
        workload=load,
        paused=kept_out | paused(shelves),
        cooling=cooling,
    )
    decided, _ = plan_within(facts, list(wanted), situation, limits)
    full = next_days_of_full_nodes(situation) if decided.unfilled else {}
    return Decision(decided, shelves, load, at, looks_again_at(decided, situation, supply, full))


def order_facts(header: Header, network: Network, wanted: Collection[Wanted]) -> OrderFacts:
    """What the policy may see of an order."""
    return OrderFacts(
        channel=header.channel,
        service=header.service,
        country=header.country,
        region=header.region,
        postal_code=header.postal_code,
        place=(locate_area if header.is_forgotten else locate)(header.country, header.postal_code),
        customer_tier=header.customer_tier,
        value=header.value,
        units=sum(wish.quantity for wish in wanted),
        priority=header.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=ShipComplete(header.ship_complete) if header.ship_complete else None,
        pickup_node=header.pickup_node,
        deliver_by=header.deliver_by,
        not_after=header.not_after,
    )


async def workload(
    connection: ReadConnection, network: Network, at: datetime, pinned_for: Mapping[str, date]
) -> dict[str, NodeLoad]:
    """The load of the nodes for which it matters, on the local day of `at`: those with a daily capacity, or all when the
    policy reads how many fulfillment orders are open.

    What the pins of whoever asks have claimed does not count.
    """
    counts_open_orders = network.policy.reads_open_orders
    nodes = [node for node in network.nodes.values() if counts_open_orders or node.capacity_per_day is not None]
    if not nodes:
        return {}
    days = {node.id: day(node, at) for node in nodes}
    loads = await capacity.workload(connection, days, counts_open_orders=counts_open_orders)
    return {node: but_for_own(load, pinned_for.get(node) == days[node]) for node, load in loads.items()}

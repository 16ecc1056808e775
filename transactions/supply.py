"""Reads the input of a sourcing decision: the order, the stock that it may take at each node, and the load of the nodes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from database import capacity, stock
from database.connect import ReadConnection
from database.details import LineDetails
from database.order import Header
from domain.capacity import but_for_own, day, next_days_of_full_nodes
from domain.network import Network, Node, RuleLine, ShipComplete
from domain.sell_ahead import Room
from domain.sourcing import NodeLoad, OrderFacts, Plan, Wanted
from domain.sourcing.facts import weight_kg
from domain.sourcing.lines import Basis, with_lines
from domain.sourcing.plans import Part, part_documents
from domain.sourcing.rounds import RoundInput
from domain.sourcing.rounds import decide as make
from domain.sourcing.supply import Entitlement, claims, looks_again_at, parts
from domain.stock import StockLevel
from domain.units import OrderedLine
from domain.units.pins import UNLIMITED
from network.geography import locate


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, the stock and load that it was made from, and the claim that pins it."""

    plan: Plan
    basis: Basis
    asked: RoundInput
    looks_again_at: datetime | None
    """When a node that has the unfilled units may accept them: its next day, or the end of its cool-down; None = unknown."""
    room: Room = UNLIMITED
    """How many of its unfilled units may wait."""
    beyond: Sequence[Part] = ()
    """Of its unfilled units, those that may not, once it was adopted."""

    @property
    def workload(self) -> Mapping[str, NodeLoad]:
        """The load of the nodes that it was made from."""
        return self.asked.workload

    @property
    def releases_at(self) -> datetime:
        """When its units would be released."""
        return self.asked.at

    @property
    def levels(self) -> Mapping[tuple[str, str], StockLevel]:
        """The stock levels that it was made from, by (node, SKU)."""
        return self.basis.levels

    def document(self) -> dict[str, Any]:
        """The plan with the reasons for each node and line, as it is stored."""
        beyond = {"beyond_sell_ahead": part_documents(self.beyond)} if self.beyond else {}
        return with_lines(self.plan, self.basis) | beyond

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
            {place: network.kept_at(*place, channel) for place in counted},
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
    return decide_from(levels, load, network, facts, wanted, at, entitlement, kept_out)


def decide_from(
    levels: Mapping[tuple[str, str], StockLevel],
    load: Mapping[str, NodeLoad],
    network: Network,
    facts: OrderFacts,
    wanted: Collection[Wanted],
    at: datetime,
    entitlement: Entitlement,
    kept_out: frozenset[str] = frozenset(),
) -> Decision:
    """As `decide`, for these stock levels of all parts and this load of the nodes."""
    asked = RoundInput(
        facts=facts,
        wanted=list(wanted),
        levels=levels,
        workload=load,
        at=at,
        entitlement=entitlement,
        kept_out=kept_out,
    )
    decided, basis, supply = make(asked, network)
    full = next_days_of_full_nodes(basis.situation) if decided.unfilled else {}
    return Decision(decided, basis, asked, looks_again_at(decided, basis.situation, supply, full))


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
        to_node=header.to_node,
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
    nodes = counted_nodes(network)
    if not nodes:
        return {}
    counts_open_orders = network.policy.reads_open_orders
    days = {node.id: day(node, at) for node in nodes}
    loads = await capacity.workload(connection, days, counts_open_orders=counts_open_orders)
    return {node: but_for_own(load, pinned_for.get(node) == days[node]) for node, load in loads.items()}


def counted_nodes(network: Network) -> list[Node]:
    """The nodes whose load a plan needs: those with a daily capacity, or all where the policy reads how many fulfillment
    orders are open."""
    if network.policy.reads_open_orders:
        return list(network.nodes.values())
    return [node for node in network.nodes.values() if node.capacity_per_day is not None]

"""Reads what a sourcing decision is made from: the order, what may be taken from which shelf, and how busy the nodes are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from database import sourcing, stock
from database.connect import ReadConnection
from database.order import Header
from domain import units
from domain.network import Network, Policy, ShipComplete
from domain.order import NewOrder
from domain.sourcing import NodeLoad, OrderFacts, Plan, Situation, Wanted, item_facts, plan
from domain.sourcing import order_facts as rule_facts
from domain.stock import Shelf
from network.geography import locate

Places = Mapping[tuple[str, str], int]
"""Units by (node, SKU)."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a claimant may take beside what everybody may."""

    offers: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Offers to the orders that wait, when it is this order's turn."""
    own: Places = field(default_factory=dict)
    """Units that its own cart or its own pins hold."""
    order: str = ""
    """The order whose pins are planned again: they are no work that would keep their own node from it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan with what it was made from, and the claim that pins it."""

    plan: Plan
    shelves: Mapping[tuple[str, str], Shelf]
    workload: Mapping[str, NodeLoad]

    def claim(
        self, network: Network, channel: str, rights: Rights, *, cause: str, at: datetime, order: str | None, actor: str
    ) -> stock.Claim:
        """What must be granted for the plan to stand."""
        movements = units.claims(self.plan, network)
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
    rights: Rights | None = None,
    kept_out: frozenset[str] = frozenset(),
) -> Decision:
    """The best plan for what is on the shelves now; it holds nothing until its claim is granted.

    Nodes that are `kept_out` get nothing of it.
    """
    rights = rights or Rights()
    shelves = await stock.shelves(connection, parts(network, [wish.sku for wish in wanted]))
    load = await workload(connection, network, at, rights.order)
    supply, limits = supply_of(network, shelves, facts.channel, rights)
    situation = Situation(network=network, supply=supply, now=at, workload=load, paused=kept_out | _paused(shelves))
    decided, _ = plan_within(facts, list(wanted), situation, limits)
    return Decision(decided, shelves, load)


def plan_within(
    facts: OrderFacts, wanted: Sequence[Wanted], situation: Situation, limits: Mapping[str, int]
) -> tuple[Plan, Situation]:
    """The best plan that takes no more of a SKU, over all nodes, than its limit (absent = none), and what it was made from."""
    decided = plan(facts, wanted, situation)
    if any(taken > limits.get(sku, taken) for sku, taken in _taken(decided, situation.network).items()):
        situation = replace(situation, supply=keep_within(situation.supply, limits))
        decided = plan(facts, wanted, situation)
    return decided, situation


def _paused(shelves: Mapping[tuple[str, str], Shelf]) -> frozenset[str]:
    """The paused nodes among those that have any of it; a node without shelves gives nothing anyway."""
    return frozenset(node for (node, _), shelf in shelves.items() if shelf.is_paused)


def _taken(decided: Plan, network: Network) -> dict[str, int]:
    taken: dict[str, int] = {}
    for movement in units.claims(decided, network):
        taken[movement.sku] = taken.get(movement.sku, 0) + movement.reserved
    return taken


def parts(network: Network, skus: Collection[str]) -> set[str]:
    """The stocked SKUs that items are made of."""
    return {part for sku in skus for part, _ in network.components(sku)}


def supply_of(
    network: Network, shelves: Mapping[tuple[str, str], Shelf], channel: str, rights: Rights
) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Units that a claim may take at each node of the network; and by SKU how many in all, where some are kept back."""
    known = {place: shelf for place, shelf in shelves.items() if place[0] in network.nodes}
    supply = {
        place: shelf.sellable(
            network.safety_stock(*place), offer=rights.offers.get(place), own=rights.own.get(place, 0)
        )
        for place, shelf in known.items()
    }
    limits = _limits(network, known, channel, rights.own)
    return {place: min(quantity, limits.get(place[1], quantity)) for place, quantity in supply.items()}, limits


def _limits(network: Network, shelves: Mapping[tuple[str, str], Shelf], channel: str, own: Places) -> dict[str, int]:
    kept_back = {sku: network.kept_back(sku, channel) for _, sku in shelves}
    return {
        sku: max(0, _available(network, shelves, sku) - kept) + sum(q for (_, s), q in own.items() if s == sku)
        for sku, kept in kept_back.items()
        if kept
    }


def _available(network: Network, shelves: Mapping[tuple[str, str], Shelf], sku: str) -> int:
    found = [shelf for shelf in shelves.values() if shelf.sku == sku and shelf.stopped_at is None]
    return sum(shelf.available(network.safety_stock(shelf.node, sku)) for shelf in found)


def keep_within(supply: Places, limits: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """The supply with no more of a SKU in all than its limit: what is kept back stays where most of it lies."""
    kept = dict(supply)
    for sku, limit in limits.items():
        places = sorted((place for place in kept if place[1] == sku), key=lambda place: (-kept[place], place))
        excess = sum(kept[place] for place in places) - limit
        for place in places:
            taken_off = min(kept[place], max(0, excess))
            kept[place] -= taken_off
            excess -= taken_off
    return kept


def order_facts(header: Header, network: Network, wanted: Collection[Wanted]) -> OrderFacts:
    """What the policy may see of an order."""
    return OrderFacts(
        channel=header.channel,
        service=header.service,
        country=header.country,
        region=header.region,
        postal_code=header.postal_code,
        place=locate(header.country, header.postal_code),
        customer_tier=header.customer_tier,
        value=header.value,
        units=sum(wish.quantity for wish in wanted),
        priority=header.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=ShipComplete(header.ship_complete) if header.ship_complete else None,
        pickup_node=header.pickup_node,
        deliver_by=header.deliver_by,
    )


def new_order_facts(order: NewOrder, wanted: Collection[Wanted], network: Network) -> OrderFacts:
    """What the policy may see of an order that comes in."""
    return OrderFacts(
        channel=order.channel,
        service=order.service,
        country=order.ship_to.country,
        region=order.ship_to.region or "",
        postal_code=order.ship_to.postal_code,
        place=locate(order.ship_to.country, order.ship_to.postal_code),
        customer_tier=order.customer_tier or "",
        value=order.value,
        units=sum(one.quantity for one in wanted),
        priority=order.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=order.ship_complete,
        pickup_node=order.pickup_node,
    )


def return_windows(order: NewOrder, network: Network) -> dict[str, timedelta | None]:
    """How long each line may be returned; None = it is a final sale."""
    rules = network.policy.returns
    wanted = tuple(Wanted(line.line, line.sku, line.quantity) for line in order.lines)
    seen = rule_facts(new_order_facts(order, wanted, network)) if rules.rules else {}
    terms = {line.line: rules.terms_of(seen | item_facts(network.items[line.sku])) for line in order.lines}
    return {line: None if found.final_sale else found.window for line, found in terms.items()}


def weight_kg(network: Network, wanted: Collection[Wanted]) -> float:
    """What the wanted units weigh together."""
    return sum(network.items[wish.sku].weight_g * wish.quantity for wish in wanted) / 1000


async def workload(
    connection: ReadConnection, network: Network, at: datetime, but_for: str = ""
) -> dict[str, NodeLoad]:
    """The load of the nodes for which it matters: those with a daily capacity, or all when the policy reads it.

    What the order `but_for` has pinned does not count.
    """
    everywhere = _reads_workload(network.policy)
    nodes = [node for node in network.nodes.values() if everywhere or node.capacity_per_day is not None]
    if not nodes:
        return {}
    began = {node.id: _day_began(node.time_zone, at) for node in nodes}
    return await sourcing.workload(connection, began, but_for)


def _reads_workload(policy: Policy) -> bool:
    """Whether any rule of the policy depends on how busy a node is; most do not, and then nobody needs to count."""
    rules = [exclusion.when for exclusion in policy.exclusions]
    for strategy in policy.strategies:
        rules += [rule for cost in strategy.costs for rule in (cost.amount, cost.when) if rule]
        rules += [rule for rule in (strategy.require, *(tier.require for tier in strategy.tiers)) if rule]
    return any({"node.open_orders", "node.capacity_left"} & set(rule.names) for rule in rules)


def _day_began(time_zone: ZoneInfo, at: datetime) -> datetime:
    local = at.astimezone(time_zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)

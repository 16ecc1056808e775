"""Reads what a sourcing decision is made from: the order, what may be taken from which shelf, and how busy the nodes are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from database import capacity, stock
from database.connect import ReadConnection
from database.order import Header
from domain import units
from domain.capacity import day, next_day_begins
from domain.network import Network, Policy, ShipComplete
from domain.order import NewOrder
from domain.sourcing import CoolDown, NodeLoad, OrderFacts, Plan, Situation, Wanted, item_facts, plan
from domain.sourcing import order_facts as rule_facts
from domain.stock import Shelf
from network.geography import locate, locate_area

Places = Mapping[tuple[str, str], int]
"""Units by (node, SKU)."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a claimant may take beside what everybody may."""

    offers: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Offers to the orders that wait, when it is this order's turn."""
    own: Places = field(default_factory=dict)
    """Units that its own cart or its own pins hold."""
    pinned_for: Mapping[str, date] = field(default_factory=dict)
    """The local day for which its own pins at a node have claimed capacity: they do not keep their node from it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan with what it was made from, and the claim that pins it."""

    plan: Plan
    shelves: Mapping[tuple[str, str], Shelf]
    workload: Mapping[str, NodeLoad]
    releases_at: datetime
    looks_again_at: datetime | None
    """When a node that has what is unfilled may take it: its next day, or the end of its cool-down; None = nothing is known."""

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
    load = await workload(connection, network, at, rights.pinned_for)
    supply, limits = supply_of(network, shelves, facts.channel, rights)
    cooling = _cooling(network, shelves, at)
    situation = Situation(
        network=network,
        supply={place: 0 if place in cooling else quantity for place, quantity in supply.items()},
        now=at,
        workload=load,
        paused=kept_out | _paused(shelves),
        cooling=cooling,
    )
    decided, _ = plan_within(facts, list(wanted), situation, limits)
    return Decision(decided, shelves, load, at, _looks_again_at(decided, situation, supply))


def _cooling(
    network: Network, shelves: Mapping[tuple[str, str], Shelf], at: datetime
) -> dict[tuple[str, str], CoolDown]:
    """The shelves whose node rejected the goods so lately that no plan that releases at this instant asks it for them."""
    cooldown = network.policy.orders.reject_cooldown
    return {
        place: CoolDown(shelf.rejected_at, shelf.rejected_at + cooldown)
        for place, shelf in shelves.items()
        if shelf.rejected_at is not None and at < shelf.rejected_at + cooldown
    }


def _looks_again_at(decided: Plan, situation: Situation, supply: Places) -> datetime | None:
    """When the first node that could take something unfilled, and has it, is kept from it no more by what ends by itself."""
    if not decided.unfilled:
        return None
    full, moments = _next_days_of_full_nodes(situation), []
    for part in decided.unfilled:
        hopes = decided.hopes.get(part.wanted_index)
        for sku, _ in situation.network.components(part.sku):
            kept_from = [((node, sku), begins_at) for node, begins_at in full.items()]
            kept_from += [(place, cooling.ends_at) for place, cooling in situation.cooling.items() if place[1] == sku]
            moments += [at for place, at in kept_from if supply.get(place) and (hopes is None or place[0] in hopes)]
    return min(moments, default=None)


def _next_days_of_full_nodes(situation: Situation) -> dict[str, datetime]:
    """By node, for those of whose day nothing is left."""
    nodes = [situation.network.nodes[node] for node in situation.workload]
    return {
        node.id: next_day_begins(node, situation.now)
        for node in nodes
        if node.capacity_per_day is not None
        and situation.workload[node.id].capacity_used_today >= node.capacity_per_day
    }


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


def facts_of_new(order: NewOrder, network: Network) -> OrderFacts:
    """What the policy may see of an order as it is handed in."""
    wanted = [Wanted(line.line, line.sku, line.quantity) for line in order.lines]
    return OrderFacts(
        channel=order.channel,
        service=order.service,
        country=order.ship_to.country,
        region=order.ship_to.region or "",
        postal_code=order.ship_to.postal_code,
        place=locate(order.ship_to.country, order.ship_to.postal_code),
        customer_tier=order.customer_tier or "",
        value=order.value,
        units=sum(wish.quantity for wish in wanted),
        priority=order.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=order.ship_complete,
        pickup_node=order.pickup_node,
        not_after=order.not_after,
    )


def return_windows(order: NewOrder, network: Network) -> dict[str, timedelta | None]:
    """How long each line may be returned; None = it is a final sale."""
    rules = network.policy.returns
    seen = rule_facts(facts_of_new(order, network)) if rules.rules else {}
    terms = {line.line: rules.terms_of(seen | item_facts(network.items[line.sku])) for line in order.lines}
    return {line: None if found.final_sale else found.window for line, found in terms.items()}


def weight_kg(network: Network, wanted: Collection[Wanted]) -> float:
    """What the wanted units weigh together."""
    return sum(network.items[wish.sku].weight_g * wish.quantity for wish in wanted) / 1000


async def workload(
    connection: ReadConnection, network: Network, at: datetime, pinned_for: Mapping[str, date]
) -> dict[str, NodeLoad]:
    """The load of the nodes for which it matters, on the local day of `at`: those with a daily capacity, or all when the
    policy reads how many fulfillment orders are open.

    What the pins of whoever asks have claimed does not count.
    """
    counts_open_orders = _reads_open_orders(network.policy)
    nodes = [node for node in network.nodes.values() if counts_open_orders or node.capacity_per_day is not None]
    if not nodes:
        return {}
    days = {node.id: day(node, at) for node in nodes}
    loads = await capacity.workload(connection, days, counts_open_orders=counts_open_orders)
    return {node: _but_for_own(load, pinned_for.get(node) == days[node]) for node, load in loads.items()}


def _but_for_own(load: NodeLoad, has_claimed: bool) -> NodeLoad:
    return replace(load, capacity_used_today=load.capacity_used_today - 1) if has_claimed else load


def _reads_open_orders(policy: Policy) -> bool:
    """Whether any rule of the policy depends on it; most do not, and then nobody needs to count."""
    rules = [exclusion.when for exclusion in policy.exclusions]
    for strategy in policy.strategies:
        rules += [rule for cost in strategy.costs for rule in (cost.amount, cost.when) if rule]
        rules += [rule for rule in (strategy.require, *(tier.require for tier in strategy.tiers)) if rule]
    return any("node.open_orders" in rule.names for rule in rules)

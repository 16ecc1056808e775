"""What look-ahead prices are learned from: orders that came, with what each node would ask for shipping them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from domain.availability import on_sale
from domain.network import Network, Strategy
from domain.sourcing.eligible import Survey, Surveyed, exclusions_by_tier
from domain.sourcing.facts import Situation, Wanted
from domain.sourcing.look_ahead import SeenLine, SeenOrder, look_ahead_prices
from domain.sourcing.planner import strategy_for
from domain.sourcing.rounds import RoundInput
from domain.sourcing.rules import rules_of
from domain.sourcing.supply import parts
from domain.stock import StockLevel

PLENTY = 10**12
"""Units of everything at every node: what a node would ask for is learned, not what it had."""

LEARNED_FROM = timedelta(days=28)
"""The orders of so long ago are learned from."""

ORDERS_MAX = 2_000
"""Of these at most so many, the newest: learning from one takes a millisecond or two."""

AHEAD = timedelta(days=14)
"""How long stock must last. Where it is more than that needs, nothing has a price."""


def seen_order(asked: RoundInput, network: Network) -> SeenOrder | None:
    """An order as its first round was asked for; None where its strategy does not look ahead, where a node is asked for or
    gets the goods, or where no node may ship it.

    Nodes and shipments are those of the strategy's last tier. A bundle counts as its components.
    """
    strategy = strategy_for(asked.facts, network)
    wanted = [one for one in asked.wanted if network.knows_item(one.sku)]
    facts = asked.facts
    if not strategy.look_ahead or not wanted or facts.pickup_node or facts.only_node or facts.to_node:
        return None
    admitted = _admitted(asked, wanted, network, strategy)
    if not admitted:
        return None
    charges = {one.node.id: (*one.charges.in_all(one_shipment=False), one.charges.per_unit) for one in admitted}
    lines = []
    for one in wanted:
        weight = network.item(one.sku).weight_g
        for position, (sku, count) in enumerate(network.components(one.sku)):
            unit_costs = {
                node: 0 if position else round((per_unit + per_gram * weight) / count)
                for node, (_, per_gram, per_unit) in charges.items()
            }
            lines.append(SeenLine(sku, one.quantity * count, unit_costs))
    shipments = {node: per_shipment for node, (per_shipment, _, _) in charges.items()}
    return SeenOrder(shipments, tuple(lines), nodes_max=strategy.tiers[-1].max_shipments)


def _admitted(asked: RoundInput, wanted: Sequence[Wanted], network: Network, strategy: Strategy) -> list[Surveyed]:
    """The nodes that may ship everything if they have it."""
    skus = parts(network, [one.sku for one in wanted])
    situation = Situation(
        network=network,
        supply={(node, sku): PLENTY for node in network.nodes for sku in skus},
        now=asked.at,
        looked_up=asked.looked_up,
    )
    rules = rules_of(network)
    surveyed = Survey(asked.facts, wanted, situation, strategy).of(list(rules.sites.values()))
    excluded = exclusions_by_tier(surveyed, strategy.tiers[-1], rules)
    return [one for one, reason in zip(surveyed, excluded, strict=True) if reason is None and all(one.limits)]


def prices_of(
    seen: Sequence[SeenOrder], a_day: float, levels: Iterable[StockLevel], network: Network, seed: int
) -> dict[tuple[str, str], int]:
    """The look-ahead prices when so many orders come a day, in thousandths of a minor unit by (node, SKU). Stock is what is on
    sale: the same for all channels."""
    stock = {(level.node, level.sku): on_sale(level, network) for level in levels}
    return look_ahead_prices(seen, stock, ahead=expected(a_day), seed=seed)


def expected(a_day: float) -> int:
    """How many orders the stock must last for."""
    return round(a_day * AHEAD.days)

"""Why a node does not ship: each smallest change under which it would, compared with what trying every amount finds."""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import time
from functools import partial

import pytest

from domain.network import Buffers, Network
from domain.sourcing import NodeLoad
from domain.sourcing.planner import strategy_for
from domain.sourcing.plans import Plan
from domain.sourcing.rounds import RoundInput, decide
from domain.sourcing.what_if import Answer, ChangeKind, why_not
from domain.sourcing.what_if.change import least
from domain.stock import StockLevel
from tests.sourcing_rounds import networks, random_round

Changed = tuple[RoundInput, Network]
Amounts = tuple[Iterable[int], Callable[[int], Changed]]
"""The amounts of a change that are tried, ascending, and the input with an amount of it."""

FEW, MANY = 24, 150
"""Amounts of one change that are tried by force: every one of fewer; of more, the first, the last, and others evenly."""


def ships(node: str, plan: Plan) -> bool:
    return any(shipment.node == node for shipment in plan.shipments)


def amounts(most: int, tried: int) -> list[int]:
    if most <= tried:
        return list(range(1, most + 1))
    beside = tried // 5
    return sorted(
        {*range(1, beside + 1), *range(1, most + 1, most // (tried // 2) + 1), *range(most - beside, most + 1)}
    )


def by_force(asked: RoundInput, network: Network, node: str, tried: int) -> dict[tuple[ChangeKind, str], Amounts]:
    """Every change that has an amount, by kind and by what it is of."""
    found: dict[tuple[ChangeKind, str], Amounts] = {}
    spread = partial(amounts, tried=tried)
    for sku, needed in needed_units(asked, network).items():
        level = asked.levels.get((node, sku)) or StockLevel(node, sku, 0, 0, 0)
        kept, kept_in_all = network.safety_stock(node, sku), network.kept_back(sku, asked.facts.channel)
        promised = level.reserved - level.lapsed - asked.entitlement.own.get((node, sku), 0) + level.allocated
        lacking = needed + kept + promised + max(0, level.set_aside) - level.on_hand
        found[ChangeKind.STOCK, sku] = spread(max(0, lacking)), partial(more_stock, asked, network, level)
        found[ChangeKind.SAFETY_STOCK, sku] = spread(kept), partial(less_kept, asked, network, node, sku, kept)
        found[ChangeKind.QUOTA, sku] = spread(kept_in_all), partial(less_kept_in_all, asked, network, sku, kept_in_all)
    load, capacity = asked.workload.get(node, NodeLoad()), network.nodes[node].capacity_per_day
    if capacity is not None:
        most = max(0, load.capacity_used_today - capacity) + 100
        found[ChangeKind.CAPACITY, ""] = spread(most), partial(less_used, asked, network, node, load)
    found[ChangeKind.OPEN_ORDERS, ""] = spread(load.open_orders), partial(fewer_open, asked, network, node, load)
    alone = next((one.cost for one in decide(asked, network).plan.explanation.nodes if one.node == node), None)
    found[ChangeKind.COST, ""] = spread(alone or 0), partial(cheaper, asked, network, node)
    km = asked.looked_up.distances.get(node)
    if km and asked.facts.pickup_node is None:
        farthest = -int(-km // 1) - 1
        found[ChangeKind.DISTANCE, ""] = spread(farthest + 1), partial(nearer, asked, network, node, farthest + 1)
    for number, tier in enumerate(strategy_for(asked.facts, network).tiers, start=1):
        most = sum(one.quantity for one in asked.wanted) - tier.max_shipments
        found[ChangeKind.SHIPMENTS, f"tier {number}"] = spread(most), partial(more_shipments, asked, network, number)
    cutoff = network.nodes[node].cutoff
    begins = cutoff.hour * 60 + cutoff.minute
    found[ChangeKind.CUTOFF, ""] = spread(24 * 60 - 1 - begins), partial(later_cutoff, asked, network, node, begins)
    return found


def needed_units(asked: RoundInput, network: Network) -> Counter[str]:
    needed: Counter[str] = Counter()
    for one in asked.wanted:
        for sku, quantity in network.components(one.sku):
            needed[sku] += quantity * one.quantity
    return needed


def more_stock(asked: RoundInput, network: Network, level: StockLevel, more: int) -> Changed:
    levels = {**asked.levels, (level.node, level.sku): level._replace(on_hand=level.on_hand + more)}
    return replace(asked, levels=levels), network


def less_kept(asked: RoundInput, network: Network, node: str, sku: str, kept: int, fewer: int) -> Changed:
    safety_stock = {**network.buffers.safety_stock, (node, sku): kept - fewer}
    return asked, replace(network, buffers=replace(network.buffers, safety_stock=safety_stock))


def less_kept_in_all(asked: RoundInput, network: Network, sku: str, kept: int, fewer: int) -> Changed:
    thresholds = {**network.buffers.thresholds, sku: kept - fewer}
    quotas = {place: units for place, units in network.buffers.quotas.items() if place[0] != sku}
    return asked, replace(network, buffers=Buffers(network.buffers.safety_stock, thresholds, quotas))


def with_load(asked: RoundInput, node: str, load: NodeLoad) -> RoundInput:
    return replace(asked, workload={**asked.workload, node: load})


def less_used(asked: RoundInput, network: Network, node: str, load: NodeLoad, fewer: int) -> Changed:
    return with_load(asked, node, replace(load, capacity_used_today=load.capacity_used_today - fewer)), network


def fewer_open(asked: RoundInput, network: Network, node: str, load: NodeLoad, fewer: int) -> Changed:
    return with_load(asked, node, replace(load, open_orders=load.open_orders - fewer)), network


def cheaper(asked: RoundInput, network: Network, node: str, less: int) -> Changed:
    return replace(asked, taken_off={node: less}), network


def nearer(asked: RoundInput, network: Network, node: str, most: int, less: int) -> Changed:
    looked_up = asked.looked_up.without_promises(node)
    looked_up.distances[node] = float(most - less)
    return replace(asked, looked_up=looked_up), network


def more_shipments(asked: RoundInput, network: Network, number: int, more: int) -> Changed:
    strategy, policy = strategy_for(asked.facts, network), network.policy
    tiers = list(strategy.tiers)
    tiers[number - 1] = replace(tiers[number - 1], max_shipments=tiers[number - 1].max_shipments + more)
    changed = [replace(one, tiers=tuple(tiers)) if one is strategy else one for one in policy.strategies]
    return asked, replace(network, policy=replace(policy, strategies=tuple(changed)))


def later_cutoff(asked: RoundInput, network: Network, node: str, begins: int, later: int) -> Changed:
    cutoff = time(*divmod(begins + later, 60))
    nodes = {**network.nodes, node: replace(network.nodes[node], cutoff=cutoff)}
    return replace(asked, looked_up=asked.looked_up.without_promises(node)), replace(network, nodes=nodes)


def what_it_is_of(kind: ChangeKind, words: str, units: Iterable[str]) -> str:
    if kind is ChangeKind.SHIPMENTS:
        return words[words.index("tier") :].split(" of ")[0]
    return next(iter(units), "")


def verify(asked: RoundInput, network: Network, node: str, answer: Answer, tried: int) -> Iterator[ChangeKind]:
    """The node ships in the plan of each change. By force nothing smaller is found, and nothing where no change is named."""
    assert answer.ships == ships(node, decide(asked, network).plan)
    assert not (answer.ships and answer.changes)
    assert not ships(node, answer.without)
    assert all(ships(node, change.plan) for change in answer.changes)
    several = [one for one in answer.changes if one.kind is ChangeKind.STOCK and len(one.units) > 1]
    single = [one for one in answer.changes if one not in several]
    said = {(one.kind, what_it_is_of(one.kind, one.words, one.units)): one.amount for one in single if one.amount}
    if not answer.ships:
        for key, (known, changed) in by_force(asked, network, node, tried).items():
            amount = said.get(key)
            for less in (one for one in known if amount is None or one < amount):
                other, under = changed(less)
                assert not ships(node, decide(other, under).plan), (key, less, amount)
    for one in several:
        for sku, units in one.units.items():
            for less in range(units):
                assert not ships(node, decide(with_units(asked, node, {**one.units, sku: less}), network).plan)
    yield from (one.kind for one in answer.changes)


def with_units(asked: RoundInput, node: str, units: dict[str, int]) -> RoundInput:
    levels = dict(asked.levels)
    for sku, more in units.items():
        level = levels.get((node, sku)) or StockLevel(node, sku, 0, 0, 0)
        levels[node, sku] = level._replace(on_hand=level.on_hand + more)
    return replace(asked, levels=levels)


def verified(seed: int, networks_count: int, per_network: int, tried: int) -> Counter[ChangeKind]:
    found: Counter[ChangeKind] = Counter()
    for number, (_, network) in enumerate(networks(seed, networks_count, nodes_max=5)):
        chance = random.Random(f"why not {seed} {number}")
        for _ in range(per_network):
            asked, node = random_round(chance, network, lines_max=3, plenty=True), chance.choice(sorted(network.nodes))
            decide(asked, network)
            answer = why_not(asked, network, node)
            assert answer.plans <= PLANS_MAX
            found.update(verify(asked, network, node, answer, tried))
    return found


PLANS_MAX = 500


# amounts with which the node ships || amounts at which a rule may begin to say something else || the least
LEAST = [
    (range(7, 101), (), 7),
    (range(1, 101), (), 1),
    (range(100, 101), (), 100),
    ((), (), None),
    (range(30, 61), (30, 61), 30),
    (range(35, 61), (30, 61), 35),
    (range(41), (41,), 1),
    (range(50, 51), (49, 50, 51), 50),
    ((*range(20, 26), *range(60, 101)), (26, 40), 20),
    ((1,), (-3, 0, 200), 1),
]


@pytest.mark.parametrize(("enough", "edges", "expected"), LEAST)
def test_the_least_amount_is_found_also_where_more_is_too_much(
    enough: Collection[int], edges: Collection[int], expected: int | None
) -> None:
    plan = decide(*some_round()).plan
    found = least(lambda amount: plan if amount in enough else None, 100, edges)
    assert (found and found[0]) == expected


def some_round() -> Changed:
    _, network = next(networks(1, 1))
    return random_round(random.Random(1), network), network


def test_each_change_makes_the_node_ship_and_no_smaller_one_of_its_kind_does() -> None:
    found = verified(1, 4, 10, FEW)
    assert found[ChangeKind.STOCK]
    assert found[ChangeKind.COST]


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_change_of_a_thousand_random_orders_is_verified_and_minimal() -> None:
    found = verified(5, 40, 25, MANY)
    assert {kind for kind in ChangeKind if not found[kind]} == set()

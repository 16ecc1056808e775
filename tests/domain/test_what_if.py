"""Why a node does not ship: each smallest change under which it would, verified by planning; smaller ones are tried too."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.network import Network
from domain.sourcing import NodeLoad
from domain.sourcing.facts import LookedUp
from domain.sourcing.plans import Plan
from domain.sourcing.rounds import RoundInput, decide
from domain.sourcing.what_if import Answer, Change, ChangeKind, why_not
from domain.stock import StockLevel
from tests.sourcing_rounds import networks, random_round

SMALLER = frozenset(
    {
        ChangeKind.STOCK,
        ChangeKind.SAFETY_STOCK,
        ChangeKind.CAPACITY,
        ChangeKind.OPEN_ORDERS,
        ChangeKind.COST,
        ChangeKind.DISTANCE,
    }
)


def ships(node: str, plan: Plan) -> bool:
    return any(shipment.node == node for shipment in plan.shipments)


def fewer(change: Change, asked: RoundInput, network: Network, node: str) -> Iterator[tuple[RoundInput, Network]]:
    """Every smaller change of the same kind; of a cost or a distance, up to 60 of them, evenly."""
    level = {sku: asked.levels.get((node, sku)) or StockLevel(node, sku, 0, 0, 0) for sku in change.units}
    amount = change.amount or 0
    for less in sorted({*range(max(0, amount - 3), amount), *range(0, amount, amount // 60 + 1)}):
        if change.kind is ChangeKind.STOCK and len(change.units) == 1:
            (sku,) = change.units
            more = {(node, sku): level[sku]._replace(on_hand=level[sku].on_hand + less)}
            yield replace(asked, levels={**asked.levels, **more}), network
        elif change.kind is ChangeKind.STOCK:
            return
        elif change.kind is ChangeKind.SAFETY_STOCK:
            (sku,) = change.units
            kept = {**network.buffers.safety_stock, (node, sku): network.safety_stock(node, sku) - less}
            yield asked, replace(network, buffers=replace(network.buffers, safety_stock=kept))
        elif change.kind in (ChangeKind.CAPACITY, ChangeKind.OPEN_ORDERS):
            load = asked.workload.get(node, NodeLoad())
            changed = (
                replace(load, capacity_used_today=load.capacity_used_today - less)
                if change.kind is ChangeKind.CAPACITY
                else replace(load, open_orders=load.open_orders - less)
            )
            yield replace(asked, workload={**asked.workload, node: changed}), network
        elif change.kind is ChangeKind.COST:
            yield replace(asked, taken_off={node: less}), network
        elif change.kind is ChangeKind.DISTANCE and less:
            known = asked.looked_up
            nearer = {**known.distances, node: float(int(known.distances[node] or 0) - less + 1)}
            promises = {name: promise for name, promise in known.promises.items() if name != node}
            if int(known.distances[node] or 0) - less + 1 > int(known.distances[node] or 0) - amount:
                yield replace(asked, looked_up=LookedUp(nearer, promises)), network


def verify(asked: RoundInput, network: Network, node: str, answer: Answer) -> Iterator[Change]:
    """The node ships in the plan of each change, and in none of a smaller change of its kind."""
    assert answer.ships == ships(node, decide(asked, network).plan)
    assert not (answer.ships and answer.changes)
    assert not ships(node, answer.without)
    for change in answer.changes:
        assert ships(node, change.plan), change.words
        if change.kind in SMALLER:
            for other, under in fewer(change, asked, network, node):
                assert not ships(node, decide(other, under).plan), change.words
        yield change


def verified(seed: int, networks_count: int, per_network: int) -> Counter[ChangeKind]:
    found: Counter[ChangeKind] = Counter()
    for number, (_, network) in enumerate(networks(seed, networks_count, nodes_max=5)):
        chance = random.Random(f"why not {seed} {number}")
        for _ in range(per_network):
            asked, node = random_round(chance, network, lines_max=3, plenty=True), chance.choice(sorted(network.nodes))
            decide(asked, network)
            answer = why_not(asked, network, node)
            assert answer.plans <= 500
            found.update(change.kind for change in verify(asked, network, node, answer))
    return found


def test_each_change_makes_the_node_ship_and_no_smaller_one_of_its_kind_does() -> None:
    found = verified(1, 4, 10)
    assert found[ChangeKind.STOCK]
    assert found[ChangeKind.COST]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_change_of_a_thousand_random_orders_is_verified_and_minimal() -> None:
    found = verified(2, 40, 25)
    assert {kind for kind in ChangeKind if not found[kind]} == set()

"""The planner against an independent answer: mixed-integer programs written from the policy's meaning, solved with gap 0."""

import random
from dataclasses import replace

import pytest

from benchmarks.instances import Instance, Size, instances, very_large
from benchmarks.solver import faults_of, question, value_of
from domain.network import Rank
from domain.sourcing import Plan, plan
from domain.sourcing.search import best_nodes

SIZE = Size("proof", lines_max=8, nodes=50)
SEEDS = range(3)
SEEDS_OF_A_SOAK = range(3, 10)
EACH = 50


@pytest.mark.parametrize("seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.long) for seed in SEEDS_OF_A_SOAK)])
def test_no_solver_finds_a_better_plan_for_random_orders_of_random_networks(seed: int) -> None:
    """Some in every run, among which each feature of the policy is used; the others in `make soak`."""
    questions = list(instances(SIZE, EACH, seed, orders_per_network=25))
    different = [number for number, one in enumerate(questions) if not agrees(one)]
    assert different == []


def agrees(instance: Instance) -> bool:
    """Whether plan and solver fill as many units, in the same tier, with the same value of every ranked measure."""
    decided = plan(instance.order, instance.wanted, instance.situation)
    assert decided.explanation.exact
    assert faults_of(decided, instance) == []
    return value_of(decided, instance) == question(instance).best_value()


def test_no_solver_finds_a_better_plan_where_units_have_look_ahead_prices() -> None:
    chance = random.Random(20)
    questions = [looking_ahead(chance, one) for one in instances(SIZE, EACH, seed=20, orders_per_network=25)]
    different = [number for number, one in enumerate(questions) if not agrees(one)]
    assert different == []
    plans = [plan(one.order, one.wanted, one.situation) for one in questions]
    without = [plan(one.order, one.wanted, replace(one.situation, prices={})) for one in questions]
    assert any(nodes_of(one) != nodes_of(other) for one, other in zip(plans, without, strict=True))


def looking_ahead(chance: random.Random, instance: Instance) -> Instance:
    """The same question under strategies that look ahead, with a random price of half of the stock."""
    network = instance.situation.network
    strategies = tuple(replace(one, look_ahead=Rank.COST in one.rank) for one in network.policy.strategies)
    network = replace(network, policy=replace(network.policy, strategies=strategies))
    prices = {place: chance.randint(1, 900_000) for place in instance.situation.supply if chance.random() < 0.5}
    return replace(instance, situation=replace(instance.situation, network=network, prices=prices))


def nodes_of(decided: Plan) -> list[str]:
    """The nodes that ship."""
    return [shipment.node for shipment in decided.shipments]


def test_orders_of_a_thousand_lines_and_a_hundred_nodes_are_planned_within_half_a_percent_of_the_bound() -> None:
    for asked in very_large(2, seed=0):
        decided = plan(asked.order, asked.wanted, asked.situation)
        document = decided.document()
        assert not decided.unfilled
        assert not document["exact"]
        assert 0 < document["gap"] <= 0.005


def test_lines_that_bundles_tie_together_are_divided_exactly() -> None:
    size = Size("45 lines x 6 nodes", lines_min=30, lines_max=45, nodes=6, shipments_max=6)
    questions = list(instances(size, 20, seed=1, orders_per_network=10))
    different = [number for number, one in enumerate(questions) if not agrees(one)]
    assert different == []


def test_of_many_nodes_those_that_are_never_looked_at_would_have_changed_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = Size("3 lines x 150 nodes", lines_max=3, nodes=150)
    questions = list(instances(size, 60, seed=2, orders_per_network=20))
    quick = [plan(one.order, one.wanted, one.situation) for one in questions]
    monkeypatch.setattr(best_nodes, "MANY_NODES", size.nodes)
    thorough = [plan(one.order, one.wanted, one.situation) for one in questions]
    assert [one.shipments for one in quick] == [one.shipments for one in thorough]
    assert all(one.explanation.exact for one in thorough)


def test_the_random_orders_use_every_feature_of_the_policy() -> None:
    questions = [one for seed in SEEDS for one in instances(SIZE, EACH, seed, orders_per_network=25)]
    plans = [plan(one.order, one.wanted, one.situation) for one in questions]
    networks = {id(one.situation.network): one.situation.network for one in questions}.values()
    strategies = [strategy for network in networks for strategy in network.policy.strategies]
    assert {rank for strategy in strategies for rank in strategy.rank} == {
        "cost",
        "shipments",
        "distance",
        "days",
        "priority",
    }
    assert {strategy.ship_complete for strategy in strategies} == {"order", "line", "no"}
    assert {cost.per for strategy in strategies for cost in strategy.costs} == {"shipment", "unit", "kg"}
    assert any(cost.when for strategy in strategies for cost in strategy.costs)
    assert any(strategy.require for strategy in strategies)
    assert {tier.split_line for strategy in strategies for tier in strategy.tiers} == {True, False}
    assert any(network.policy.exclusions for network in networks)
    assert any(one.tried for question in questions for one in question.wanted)
    assert {len(decided.shipments) for decided in plans} == {0, 1, 2, 3}
    assert {decided.tier for decided in plans} == {None, 1, 2}
    assert sum(bool(decided.shipments and decided.unfilled) for decided in plans) > len(plans) / 10
    assert any(one.order.pickup_node for one in questions)

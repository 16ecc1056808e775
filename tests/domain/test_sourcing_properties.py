"""What holds for every sourcing decision, on random small orders: nothing is promised twice, and nothing better exists."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.network import (
    Cost,
    Fact,
    Item,
    Network,
    Node,
    NodeKind,
    Per,
    Place,
    Policy,
    Precision,
    Rank,
    ShipComplete,
    Strategy,
    Tier,
    TransitBand,
)
from domain.sourcing import OrderFacts, Plan, Situation, Wanted, plan
from nodes.pull import Pull

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NODES = ("n1", "n2", "n3")
ITEMS = {
    "A": Item(sku="A", name="Armchair", weight_g=1000),
    "B": Item(sku="B", name="Bench", weight_g=3000),
    "AB": Item(sku="AB", name="Armchair and benches", weight_g=7000, components=(("A", 1), ("B", 2))),
}
quickly = settings(max_examples=40, deadline=None)
ORDER = OrderFacts(
    channel="web", service="standard", country="US", postal_code="", place=Place(0, 0, Precision.POSTAL_CODE)
)


@dataclass(frozen=True)
class ByNode:
    """A rule that looks its answer up by node."""

    answers: Mapping[str, int]
    source: str = "by node"
    names: tuple[str, ...] = ("node.id",)

    def evaluate(self, facts: Mapping[str, Fact]) -> int:
        return self.answers[str(facts["node.id"])]


@dataclass(frozen=True)
class Always:
    """A rule that always holds."""

    source: str = "true"
    names: tuple[str, ...] = ()

    def evaluate(self, facts: Mapping[str, Fact]) -> bool:
        return True


@dataclass(frozen=True)
class Instance:
    """One small question to the planner, with what its costs are made of."""

    wanted: tuple[Wanted, ...]
    situation: Situation
    strategy: Strategy
    charges: Mapping[Per, Mapping[str, int]]

    @property
    def tier(self) -> Tier:
        return self.strategy.tiers[0]

    def plan(self) -> Plan:
        return plan(ORDER, self.wanted, self.situation)


amounts = st.dictionaries(st.sampled_from(NODES), st.integers(0, 9)).map(
    lambda found: {n: found.get(n, 3) for n in NODES}
)


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    """One to three lines (with lines that repeat), three nodes, scarce stock, any rank, any cost."""
    wanted = st.builds(
        Wanted,
        line=st.sampled_from(["1", "2", "3"]),
        sku=st.sampled_from([*ITEMS]),
        quantity=st.integers(1, 3),
        tried=st.sampled_from([(), (), ("n1",), ("n2",)]),
    )
    lines = draw(st.lists(wanted, min_size=1, max_size=3))
    sku_of = {line.line: line.sku for line in reversed(lines)}
    charges = {per: draw(amounts) for per in Per}
    tier = Tier(("all",), frozenset(NODES), draw(st.integers(1, 3)), draw(st.booleans()))
    strategy = Strategy(
        id="only",
        when=Always(),
        tiers=(tier,),
        rank=tuple(draw(st.lists(st.sampled_from(Rank), min_size=1, max_size=5, unique=True))),
        ship_complete=draw(st.sampled_from(ShipComplete)),
        costs=tuple(Cost(per, ByNode(charges[per])) for per in draw(st.sets(st.sampled_from(Per)).map(sorted))),
    )
    return Instance(
        tuple(replace(line, sku=sku_of[line.line]) for line in lines),
        Situation(
            network=_network(strategy, draw(st.lists(st.integers(0, 3), min_size=3, max_size=3))),
            supply=draw(st.dictionaries(st.tuples(st.sampled_from(NODES), st.sampled_from("AB")), st.integers(0, 6))),
            now=NOW,
        ),
        strategy,
        {per: charges[per] if per in {cost.per for cost in strategy.costs} else dict.fromkeys(NODES, 0) for per in Per},
    )


def _network(strategy: Strategy, degrees: list[int]) -> Network:
    nodes = {
        node: Node(
            id=node,
            name=node,
            kind=NodeKind.DC,
            country="US",
            latitude=0,
            longitude=longitude,
            time_zone=ZoneInfo("UTC"),
            dispatch=Pull.dispatch,
            priority=longitude,
        )
        for node, longitude in zip(NODES, degrees, strict=True)
    }
    transit = {"standard": (TransitBand(150, 1), TransitBand(20_000, 2))}
    return Network("v1", nodes, ITEMS, Policy((strategy,), transit=transit))


Division = tuple[Mapping[str, int], ...]
"""How much of each wanted each node gives."""


def given_by(decided: Plan, instance: Instance) -> Division:
    division: list[dict[str, int]] = [{} for _ in instance.wanted]
    for shipment in decided.shipments:
        for part in shipment.parts:
            division[part.wanted_index][shipment.node] = part.quantity
    return tuple(division)


def value(division: Division, instance: Instance) -> tuple[float, ...]:
    """What a plan is compared by, computed from the policy's words and not from the planner's numbers."""
    nodes = [instance.situation.network.nodes[node] for node in sorted({node for one in division for node in one})]
    shipment, unit, kg, carrier = (instance.charges[per] for per in (Per.SHIPMENT, Per.UNIT, Per.KG, Per.CARRIER))
    cost = 1000 * sum(shipment[node.id] + carrier[node.id] for node in nodes)
    for one, giving in zip(instance.wanted, division, strict=True):
        for node, units in giving.items():
            cost += units * (1000 * unit[node] + kg[node] * ITEMS[one.sku].weight_g)
    measures = {
        Rank.COST: cost,
        Rank.SHIPMENTS: len(nodes),
        Rank.DISTANCE: sum(node.longitude for node in nodes),
        Rank.DAYS: max((2 if node.longitude > 1 else 1 for node in nodes), default=0),
        Rank.PRIORITY: sum(node.priority for node in nodes),
    }
    units = sum(sum(one.values()) for one in division)
    return (-units, *(measures[rank] for rank in instance.strategy.rank), len(nodes))


def every_plan(instance: Instance) -> Iterator[Division]:
    """All ways to give the wanted units from the nodes that the policy allows, brute force."""
    for division in product(*(_every_way(one, instance.tier.split_line) for one in instance.wanted)):
        used = {node for one in division for node in one}
        if len(used) <= instance.tier.max_shipments and not overdrawn(division, instance):
            yield division


def _every_way(one: Wanted, split: bool) -> list[Mapping[str, int]]:
    ways: list[Mapping[str, int]] = []
    for units in product(range(one.quantity + 1), repeat=len(NODES)):
        giving = {node: count for node, count in zip(NODES, units, strict=True) if count}
        if sum(units) <= one.quantity and not set(giving) & set(one.tried) and (split or len(giving) <= 1):
            ways.append(giving)
    return ways


def overdrawn(division: Division, instance: Instance) -> bool:
    taken: Counter[tuple[str, str]] = Counter()
    for one, giving in zip(instance.wanted, division, strict=True):
        for node, units in giving.items():
            for sku, count in instance.situation.network.components(one.sku):
                taken[node, sku] += units * count
    return any(units > instance.situation.supply.get(key, 0) for key, units in taken.items())


def allowed(division: Division, instance: Instance) -> bool:
    """Whether the plan is complete enough for the strategy."""
    missing = [one.quantity - sum(giving.values()) for one, giving in zip(instance.wanted, division, strict=True)]
    if not any(missing) or instance.strategy.ship_complete is ShipComplete.NO:
        return True
    if instance.strategy.ship_complete is ShipComplete.ORDER:
        return not any(division)
    short = {one.line for one, units in zip(instance.wanted, missing, strict=True) if units}
    return not any(giving for one, giving in zip(instance.wanted, division, strict=True) if one.line in short)


@given(instances())
@quickly
def test_no_plan_at_all_is_better_than_the_plan(instance: Instance) -> None:
    assert_nothing_is_better(instance)


@pytest.mark.long
@given(instances())
@settings(max_examples=5000, deadline=None)
def test_no_plan_at_all_is_better_than_the_plan_in_thousands_of_cases(instance: Instance) -> None:
    assert_nothing_is_better(instance)


def assert_nothing_is_better(instance: Instance) -> None:
    decided = instance.plan()
    best = min(value(division, instance) for division in every_plan(instance) if allowed(division, instance))
    assert value(given_by(decided, instance), instance) == best
    assert decided.explanation.exact


@given(instances())
@quickly
def test_no_node_gives_more_of_any_component_than_it_has(instance: Instance) -> None:
    assert not overdrawn(given_by(instance.plan(), instance), instance)


@given(instances())
@quickly
def test_shipped_and_unfilled_parts_together_are_what_was_wanted(instance: Instance) -> None:
    decided = instance.plan()
    units: Counter[int] = Counter()
    for part in [*decided.unfilled, *(part for shipment in decided.shipments for part in shipment.parts)]:
        assert (part.line, part.sku) == (
            instance.wanted[part.wanted_index].line,
            instance.wanted[part.wanted_index].sku,
        )
        units[part.wanted_index] += part.quantity
    assert units == Counter({index: one.quantity for index, one in enumerate(instance.wanted)})


@given(instances())
@quickly
def test_a_node_that_had_its_chance_with_some_units_is_not_asked_for_them_again(instance: Instance) -> None:
    for one, giving in zip(instance.wanted, given_by(instance.plan(), instance), strict=True):
        assert not set(giving) & set(one.tried)


@given(instances())
@quickly
def test_no_plan_and_no_runner_up_has_more_shipments_than_the_tier_allows(instance: Instance) -> None:
    decided = instance.plan()
    assert len(decided.shipments) <= instance.tier.max_shipments
    assert all(runner_up.shipments <= instance.tier.max_shipments for runner_up in decided.explanation.runners_up)


@given(instances())
@quickly
def test_the_same_question_gets_the_same_plan_in_whatever_order_stock_and_nodes_are_listed(instance: Instance) -> None:
    situation = instance.situation
    network = replace(situation.network, nodes=dict(reversed(list(situation.network.nodes.items()))))
    shuffled = replace(situation, network=network, supply=dict(reversed(list(situation.supply.items()))))
    assert plan(ORDER, instance.wanted, shuffled) == instance.plan()

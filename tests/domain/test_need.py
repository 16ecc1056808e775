"""What nodes need, and which nodes give it: tables computed by hand, and rules that hold for any stock and any rules."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identifiers import REPLENISHMENT
from domain.need import PRIORITY, Chosen, Need, Position, by_policy, free_units, needs_of
from domain.network import Item, Network, Place, Precision, ReplenishmentRule
from domain.sourcing import OrderFacts, Situation
from network.load import NetworkDocuments, load
from tests.database.shop import ITEMS, NODE, POLICY

SKU = "LAMP"
SALES = "sold"


def rule_of(text: str) -> ReplenishmentRule:
    """`4/10` units, `7d/14d` days of sales, or both with a plus between."""
    rule = ReplenishmentRule()
    for part in text.split("+"):
        least, most = (int(number.rstrip("d")) for number in part.split("/"))
        by_days = part.endswith("d")
        rule = (
            replace(rule, min_days=least, max_days=most) if by_days else replace(rule, min_units=least, max_units=most)
        )
    return rule


def greedy(need: Need, units: int, free: Mapping[str, int]) -> Chosen:
    """One node after another, by name."""
    found: Counter[str] = Counter()
    for node in sorted(free):
        found[node] = min(free[node], units - found.total())
    return Chosen(+found)


# what is so                     || node rule position [sold] || free           || pack || source>node units
CASES = """
it has its minimum               || a 4/10 4                  || dc 100         || 1    || -
it lacks one                     || a 4/10 3                  || dc 100         || 1    || dc>a 7
the least and the most are equal || a 4/4 3                   || dc 100         || 1    || dc>a 1
more is promised than there is   || a 4/10 -2                 || dc 100         || 1    || dc>a 12
its source has fewer             || a 4/10 3                  || dc 5           || 1    || dc>a 5
nobody has any                   || a 4/10 3                  || dc 0           || 1    || a: none
it gives nothing to itself       || a 4/10 3                  || a 50           || 1    || a: none
two sources together             || a 4/10 0                  || dc 6, far 9    || 1    || dc>a 6, far>a 4
two nodes, enough for both       || a 4/10 0, b 4/10 2        || dc 100         || 1    || dc>a 10, dc>b 8
too few: who lacks more is first || a 4/10 2, b 4/10 0        || dc 5           || 1    || dc>a 1, dc>b 4
minimum for all, then the rest   || a 4/10 2, b 4/10 0        || dc 9           || 1    || dc>a 2, dc>b 7
a share, not units, is compared  || a 40/50 30, b 4/10 1      || dc 3           || 1    || a: none, dc>b 3
days of its sales                || a 7d/14d 3 56             || dc 100         || 1    || dc>a 25
days without sales               || a 7d/14d 0 0              || dc 100         || 1    || -
nothing sold, and an order waits || a 7d/14d -2 0             || dc 100         || 1    || dc>a 2
a part of a unit counts as one   || a 7d/14d 0 1              || dc 100         || 1    || dc>a 1
the larger of units and days     || a 4/10+7d/14d 3 56        || dc 100         || 1    || dc>a 25
few sales: the units are larger  || a 4/10+7d/14d 3 4         || dc 100         || 1    || dc>a 7
packs fit below the most         || a 4/10 3                  || dc 100         || 6    || dc>a 6
packs that reach the minimum     || a 10/12 3                 || dc 100         || 6    || dc>a 12
less than a pack stays           || a 4/10 3                  || dc 5           || 6    || a: none
whole packs of each source       || a 9/12 0                  || dc 8, far 8    || 6    || dc>a 6, far>a 6
one gives and another needs      || a 4/10 0, b 4/10 9        || b 5            || 1    || b>a 5
"""


def read(levels: str, pack: int) -> tuple[Network, dict[str, Position]]:
    rules: dict[tuple[str, str], ReplenishmentRule] = {}
    positions: dict[str, Position] = {}
    for level in levels.split(", "):
        node, rule, units, *sold = level.split()
        rules[node, SKU] = rule_of(rule)
        positions[node] = Position(on_hand=int(units), sold=int(sold[0]) if sold else 0)
    item = Item(sku=SKU, name="Lamp", weight_g=900, pack_units=pack)
    return replace(MAP, items={SKU: item}, replenishment=rules), positions


def said(needs: list[Need]) -> str:
    found = [
        [f"{one.source}>{need.node} {one.quantity}" for one in need.proposals] or [f"{need.node}: none"]
        for need in needs
    ]
    return ", ".join(text for texts in found for text in texts) or "-"


MAP = load(NetworkDocuments(NODE.format(name="dc", latitude=40), POLICY, ITEMS))


@pytest.mark.parametrize("row", CASES.strip().splitlines())
def test_needs_are_as_computed_by_hand(row: str) -> None:
    _, levels, free, pack, expected = (cell.strip() for cell in row.split("||"))
    network, positions = read(levels, int(pack))
    has = {node: int(units) for node, units in (one.split() for one in free.split(", "))}
    assert said(needs_of(network, SKU, positions, has, greedy)) == expected


def test_a_position_counts_what_is_on_its_way_and_what_is_promised() -> None:
    here = Position(on_hand=10, promised=3, waiting=4, planned=5, in_transit=6, announced=7, sold=99)
    assert here.units == 10 - 3 - 4 + 5 + 6 + 7


# what is so                  || supply || owed || rule of the node || its position          || free
FREE = """
no rule                       || 20     || 0    || -                || -                     || 20
it owes some                  || 20     || 5    || -                || -                     || 15
it owes more than it has      || 20     || 25   || -                || -                     || 0
its minimum stays             || 20     || 0    || 4/10             || on_hand=20            || 16
what was promised is gone     || 12     || 0    || 4/10             || on_hand=20,promised=8 || 8
by days of its own sales      || 20     || 0    || 7d/14d           || on_hand=20,sold=56    || 6
safety stock is larger        || 10     || 0    || 4/10             || on_hand=20            || 10
its own orders wait           || 20     || 3    || 4/10             || on_hand=20,waiting=3  || 13
what comes to it is not here  || 20     || 0    || 4/10             || on_hand=4,announced=9 || 0
"""


@pytest.mark.parametrize("row", FREE.strip().splitlines())
def test_what_a_source_may_give_is_as_computed_by_hand(row: str) -> None:
    _, supply, owed, rule, here, expected = (cell.strip() for cell in row.split("||"))
    has_rule = rule != "-"
    network = replace(MAP, replenishment={("dc", SKU): rule_of(rule)} if has_rule else {})
    fields = {name: int(units) for name, units in (part.split("=") for part in here.split(","))} if has_rule else {}
    positions = {"dc": Position(**fields)} if has_rule else {}
    assert free_units(network, SKU, {("dc", SKU): int(supply)}, positions, {"dc": int(owed)}) == {"dc": int(expected)}


def test_replenishment_leaves_the_larger_of_safety_stock_and_minimum_and_orders_only_the_safety_stock() -> None:
    network = replace(MAP, replenishment={("dc", "VASE"): rule_of("5/9"), ("dc", SKU): rule_of("1/9")})
    assert [network.kept_at("dc", "VASE", channel) for channel in ("web", "transfer", REPLENISHMENT)] == [2, 2, 5]
    assert [network.kept_at("dc", SKU, channel) for channel in ("web", REPLENISHMENT)] == [0, 1]


STORES, SOURCES = ("casper", "denver"), ("billings", "laramie", "ogden")
ROCKIES = load(
    NetworkDocuments(
        "".join(NODE.format(name=name, latitude=39 + number) for number, name in enumerate(STORES + SOURCES)),
        POLICY.replace("max_shipments = 3", "max_shipments = 5"),
        ITEMS,
    )
)


def facts_to(node: str) -> OrderFacts:
    where = ROCKIES.nodes[node]
    return OrderFacts(
        channel=REPLENISHMENT,
        service="standard",
        country="US",
        postal_code="",
        place=Place(where.latitude, where.longitude, Precision.POINT),
        priority=PRIORITY,
        to_node=node,
    )


def planned(network: Network, positions: Mapping[str, Position], free: Mapping[str, int]) -> list[Need]:
    """The needs, with sources as the policy plans them."""
    situation = Situation(network=network, supply={}, now=datetime(2026, 12, 1, 12, tzinfo=UTC))
    return needs_of(network, SKU, positions, free, by_policy(situation, facts_to))


def of_rockies(rules: Mapping[str, ReplenishmentRule], pack: int = 1) -> Network:
    item = replace(ROCKIES.items[SKU], pack_units=pack)
    replenishment = {(node, SKU): rule for node, rule in rules.items()}
    return replace(ROCKIES, items={**ROCKIES.items, SKU: item}, replenishment=replenishment)


def test_the_policy_plans_from_the_nearest_and_a_rule_may_name_other_sources() -> None:
    free = {"billings": 4, "laramie": 50, "ogden": 50}
    network = of_rockies({"casper": rule_of("4/10")})
    assert said(planned(network, {"casper": Position()}, free)) == "laramie>casper 10", "in one shipment"
    named = replace(rule_of("4/10"), sources=("billings", "ogden"))
    assert (
        said(planned(of_rockies({"casper": named}), {"casper": Position()}, free))
        == "billings>casper 4, ogden>casper 6"
    )


def test_a_need_that_is_not_filled_says_why_nodes_give_nothing() -> None:
    network = of_rockies({"casper": replace(rule_of("4/10"), sources=("ogden", "laramie"))})
    (need,) = planned(network, {"casper": Position()}, {"laramie": 2})
    assert (need.proposed, need.wanted) == (2, 10)
    assert [one.node for one in need.not_from] == ["ogden"]
    assert re.search("0 of", need.not_from[0].reason), need.not_from


rules = st.tuples(st.integers(1, 20), st.integers(0, 20)).map(
    lambda numbers: ReplenishmentRule(min_units=numbers[0], max_units=sum(numbers))
)
units = st.integers(0, 30)


@settings(deadline=None, max_examples=400)
@given(
    rules=st.fixed_dictionaries(dict.fromkeys(STORES, rules), optional={"ogden": rules}),
    on_hand=st.fixed_dictionaries(dict.fromkeys(STORES + SOURCES, units)),
    waiting=st.fixed_dictionaries({node: st.integers(0, 5) for node in STORES}),
    pack=st.sampled_from([1, 1, 2, 6]),
)
def test_proposals_never_exceed_what_is_free_and_fill_all_that_can_be_filled(
    rules: dict[str, ReplenishmentRule], on_hand: dict[str, int], waiting: dict[str, int], pack: int
) -> None:
    network = of_rockies(rules, pack)
    positions = {node: Position(on_hand=on_hand[node], waiting=waiting.get(node, 0)) for node in rules}
    free = free_of(network, on_hand, positions)
    needs = planned(network, positions, free)
    assert planned(network, positions, free) == needs, "the same twice"

    sent = Counter[str]()
    for need in needs:
        for proposal in need.proposals:
            assert proposal.source != need.node
            assert proposal.quantity % pack == 0
            sent[proposal.source] += proposal.quantity
    assert all(sent[node] <= free[node] for node in sent)
    for node in rules.keys() & sent.keys():
        assert on_hand[node] - waiting.get(node, 0) - sent[node] >= rules[node].min_units, "it keeps its own minimum"

    applied = {
        node: here._replace(planned=sum(need.proposed for need in needs if need.node == node), promised=sent[node])
        for node, here in positions.items()
    }
    left = {node: on_hand[node] - sent[node] for node in on_hand}
    still_free = free_of(
        network, left, {node: here._replace(on_hand=left[node], promised=0) for node, here in applied.items()}
    )
    assert not [need for need in planned(network, applied, still_free) if need.proposals], "nothing is proposed twice"
    for need in needs:
        can_be_filled = any(units >= pack for node, units in still_free.items() if node != need.node)
        after = applied[need.node].units
        assert after <= max(need.target, need.least + pack - 1)
        assert not can_be_filled or after > need.target - pack, need


def free_of(network: Network, on_hand: Mapping[str, int], positions: Mapping[str, Position]) -> dict[str, int]:
    supply = {(node, SKU): max(0, units - network.kept_at(node, SKU, REPLENISHMENT)) for node, units in on_hand.items()}
    return free_units(network, SKU, supply, positions, {node: here.waiting for node, here in positions.items()})

"""Sourcing decisions as tables: what is wanted, what each node has, and what ships from where."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.network import Network, Place, Precision, Rank, ShipComplete, Unfilled
from domain.sourcing import CoolDown, NodeLoad, Obstacle, OrderFacts, Plan, Situation, Wanted, plan
from domain.sourcing.division import Demand
from domain.sourcing.search import Measures, Problem, cover, fill
from network.load import NetworkDocuments, load

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ITEMS = """sku,name,weight_g,safety_stock,components,category
A,Armchair,9000,0,,
B,Bench,7000,0,,
C,Candle,500,0,,
D,Desk,12000,0,,
P,Perfume,300,0,,perfume
AB,Armchair and bench,,0,A*1 B*2,
"""
SETS = {"all": "true", "warehouses": 'node.kind == "dc"', "stores": 'node.kind == "store"'}
ONE_BOX_THEN_THREE = """
[[strategy.tier]]
from = ["all"]
[[strategy.tier]]
from = ["all"]
max_shipments = 3
split_line = true
"""
CLOSEST = 'rank = ["distance"]'
CHEAPEST = """
[[strategy.cost]]
per = "shipment"
amount = '500.0 + 0.4 * node.distance_km'
"""


def network_of(
    strategy: str, nodes: str = "n1:10 n2:20 n3:30 n4:40", node_fields: str = "", extra: str = ""
) -> Network:
    """Nodes along the equator, by name and degrees of longitude from the customer (a degree is 111 km)."""
    places = (word.split(":") for word in nodes.split())
    tables = (
        f'[[node]]\nid = "{node}"\nkind = "{_kind(node)}"\ncountry = "CD"\nlatitude = 0\nlongitude = {degrees}\n'
        f'time_zone = "UTC"\n{node_fields}\n'
        for node, degrees in places
    )
    sets = "[sets]\n" + "\n".join(f"{name} = '{rule}'" for name, rule in SETS.items() if f'"{name}"' in strategy)
    policy = f'version = "v1"\n{sets}\n[[strategy]]\nid = "s"\nwhen = \'true\'\n{strategy}\n{extra}'
    return load(NetworkDocuments("\n".join(tables), policy, ITEMS))


def _kind(node: str) -> str:
    return "store" if node.startswith("store") else "dc"


ORDER = OrderFacts(
    channel="web",
    service="standard",
    country="US",
    postal_code="80202",
    place=Place(0.0, 0.0, Precision.POSTAL_CODE),
)


def decide(network: Network, wanted: str, supply: str, **circumstances: Any) -> Plan:
    """Plan an order for `A*2 B` with a supply such as `n1: A*5 B*1, n2: A*1`; each wanted is a line of its own."""
    order = replace(ORDER, **circumstances.pop("order", {}))
    stock = {
        (node.strip(), sku): quantity
        for node, skus in (entry.split(":") for entry in supply.split(",") if entry)
        for sku, quantity in map(_counted, skus.split())
    }
    lines = [Wanted(str(number), *_counted(word)) for number, word in enumerate(wanted.split(), start=1)]
    tried = circumstances.pop("tried", ())
    lines = [replace(line, tried=tried) for line in lines]
    return plan(order, lines, Situation(network=network, supply=stock, now=MONDAY_NOON, **circumstances))


def _counted(word: str) -> tuple[str, int]:
    sku, _, count = word.partition("*")
    return sku, int(count or 1)


def outcome_of(decided: Plan) -> str:
    """A plan in one line, such as `n1: A*2 B | waits: C`."""
    shipped = [f"{shipment.node}: {_parts(shipment.parts)}" for shipment in decided.shipments]
    waits = [f"waits: {_parts(decided.unfilled)}"] if decided.unfilled else []
    return " | ".join(([", ".join(shipped)] if shipped else []) + waits)


def _parts(parts: Any) -> str:
    return " ".join(part.sku if part.quantity == 1 else f"{part.sku}*{part.quantity}" for part in parts)


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table whose cells are separated by two bars."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


@pytest.mark.parametrize(
    ("wanted", "supply", "outcome"),
    rows("""
    wanted   || supply                                     || outcome
    A B      || n1: A B, n2: A B                           || n1: A B
    A B      || n1: A, n2: A B                             || n2: A B
    A B      || n1: A, n2: B                               || n1: A, n2: B
    A*3      || n1: A*2, n2: A*3                           || n2: A*3
    A*3      || n1: A*2, n2: A*1                           || n1: A*2, n2: A
    A*3 B    || n1: A*2, n2: A*1, n3: B                    || n1: A*2, n2: A, n3: B
    A B C D  || n1: A B, n2: B C, n3: C D                  || n1: A B, n3: C D
    AB       || n1: A B*1, n2: A B*2                       || n2: AB
    AB*2     || n1: A B*2, n2: A B*2                       || n1: AB, n2: AB
    AB       || n1: A, n2: B*2                             || waits: AB
    AB A     || n1: A B*2, n2: A*1                         || n1: AB, n2: A
    AB B     || n1: A B*2, n2: A B*3                       || n2: AB B
    A*4 B    || n1: A*1, n2: A*1, n3: A*1, n4: A*1 B       || n1: A, n2: A, n4: A B | waits: A
    X A      || n1: A                                      || n1: A | waits: X
    """),
)
def test_closest_unless_a_farther_node_ships_complete_in_one_box(wanted: str, supply: str, outcome: str) -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE)
    assert outcome_of(decide(network, wanted, supply)) == outcome


@pytest.mark.parametrize(
    ("fields", "wanted", "supply", "outcome"),
    rows("""
    tier fields                                   || wanted || supply                            || outcome
    max_shipments = 1                             || A B    || n1: A, n2: B                      || n1: A | waits: B
    max_shipments = 2                             || A*3    || n1: A*2, n2: A                    || n1: A*2 | waits: A
    max_shipments = 2 ; split_line = true          || A*3    || n1: A*2, n2: A                    || n1: A*2, n2: A
    max_shipments = 2 ; split_line = true          || A*3    || n1: A, n2: A, n3: A               || n1: A, n2: A | waits: A
    max_shipments = 3 ; split_line = true          || A*3    || n1: A, n2: A, n3: A               || n1: A, n2: A, n3: A
    max_shipments = 2 ; require = 'node.distance_km < 2500.0' || A B || n1: A, n2: B, n3: A B    || n1: A, n2: B
    """),
)
def test_a_tier_limits_shipments_splits_and_nodes(fields: str, wanted: str, supply: str, outcome: str) -> None:
    network = network_of(f'{CLOSEST}\n[[strategy.tier]]\nfrom = ["all"]\n' + fields.replace(" ; ", "\n"))
    assert outcome_of(decide(network, wanted, supply)) == outcome


@pytest.mark.parametrize(
    ("ship_complete", "wanted", "supply", "outcome"),
    rows("""
    ship_complete || wanted    || supply               || outcome
    no            || A*3 B     || n1: A*2, n2: B       || n1: A*2, n2: B | waits: A
    line          || A*3 B     || n1: A*2, n2: B       || n2: B | waits: A*3
    order         || A*3 B     || n1: A*2, n2: B       || waits: A*3 B
    line          || AB A B*3  || n1: A B*3            || n1: A B*3 | waits: AB
    no            || A*2 A*2   || n1: A*3              || n1: A*2 A | waits: A
    line          || A*2 A*2   || n1: A*3              || n1: A*2 | waits: A*2
    order         || A*2 A*2   || n1: A*4              || n1: A*2 A*2
    """),
)
def test_what_ships_when_not_everything_can(ship_complete: str, wanted: str, supply: str, outcome: str) -> None:
    tier = f'ship_complete = "{ship_complete}"\n{CLOSEST}\n[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = 2'
    assert outcome_of(decide(network_of(tier), wanted, supply)) == outcome


def test_an_order_may_ask_to_ship_complete_whatever_its_strategy_says() -> None:
    decided = decide(
        network_of(CLOSEST + ONE_BOX_THEN_THREE), "A B", "n1: A", order={"ship_complete": ShipComplete.ORDER}
    )
    assert outcome_of(decided) == "waits: A B"
    assert (decided.tier, decided.ship_by, decided.unfilled_action) == (None, None, Unfilled.BACKORDER)


@pytest.mark.parametrize(
    ("rank", "cost", "outcome"),
    rows("""
    rank                        || cost                                                  || outcome
    "distance"                  || per = "shipment" ; amount = '1'                        || n1: A, n2: B
    "cost"                      || per = "shipment" ; amount = '0.01 * node.distance_km'  || n1: A, n2: B
    "cost"                      || per = "shipment" ; amount = '50.0'                     || n4: A B
    "shipments"                 || per = "shipment" ; amount = '0'                        || n4: A B
    "cost", "distance"          || per = "unit" ; amount = 'node.id in ["n2", "n4"] ? 5 : 3'      || n1: A, n3: B
    "cost", "shipments"         || per = "kg" ; amount = 'node.id == "n4" ? 2 : 3'        || n4: A B
    "cost", "distance"          || per = "kg" ; amount = 'node.id == "n4" ? 1.1 : 1.0'    || n1: A, n2: B
    "days"                      || per = "shipment" ; amount = '1'                        || n1: A, n2: B
    """),
)
def test_the_rank_decides_what_best_means(rank: str, cost: str, outcome: str) -> None:
    tier = '[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = 2\n[[strategy.cost]]\n'
    network = network_of(f"rank = [{rank}]\n{tier}" + cost.replace(" ; ", "\n"))
    assert outcome_of(decide(network, "A B", "n1: A, n2: B, n3: B, n4: A B")) == outcome


def test_priority_is_preferred_only_where_the_policy_ranks_by_it() -> None:
    tier = '[[strategy.tier]]\nfrom = ["all"]\n'
    network = network_of('rank = ["priority", "distance"]\n' + tier)
    nodes = {**network.nodes, "n3": replace(network.nodes["n3"], priority=1)}
    assert outcome_of(decide(replace(network, nodes=nodes), "A", "n1: A, n3: A")) == "n3: A"
    assert outcome_of(decide(network, "A", "n1: A, n3: A")) == "n1: A"


def test_equal_plans_are_decided_by_node_id() -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE, nodes="n3:10 n1:10 n2:10")
    assert outcome_of(decide(network, "A", "n3: A, n2: A, n1: A")) == "n1: A"


@pytest.mark.parametrize(
    ("circumstances", "outcome", "reason"),
    [
        ({"paused": frozenset({"n1"})}, "n2: A*3", "paused"),
        ({"workload": {"n1": NodeLoad(capacity_used_today=9)}}, "n1: A*3", None),
        ({"workload": {"n1": NodeLoad(capacity_used_today=10)}}, "n2: A*3", "capacity used up"),
        ({"tried": ("n1",)}, "n2: A*3", "already tried"),
        (
            {"cooling": {("n1", "A"): CoolDown(MONDAY_NOON, MONDAY_NOON + timedelta(days=1))}},
            "n2: A*3",
            "rejected A at 2026-11-23 12:00, not asked again until 2026-11-24 12:00",
        ),
        ({"order": {"service": "balloon"}}, "waits: A*3", "no transit time for service 'balloon' over 1112 km"),
    ],
)
def test_a_node_that_cannot_take_the_order_is_left_out_and_says_why(
    circumstances: dict[str, Any], outcome: str, reason: str | None
) -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE, node_fields="capacity_per_day = 10")
    decided = decide(network, "A*3", "n2: A*3" if "cooling" in circumstances else "n1: A*3, n2: A*3", **circumstances)
    assert outcome_of(decided) == outcome
    assert reasons(decided)["n1"] == reason


def reasons(decided: Plan) -> dict[str, str | None]:
    """Why each node was left out."""
    return {node.node: node.excluded for node in decided.explanation.nodes}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("require = 'node.distance_km <= 500.0'", "requires node.distance_km <= 500.0 (node.distance_km is 1112.0)"),
        ("require = 'node.promise_days <= 1'", "requires node.promise_days <= 1 (node.promise_days is 4)"),
        ("require = '1 / node.open_orders == 1'", "requires 1 / node.open_orders == 1 (cannot tell: divide by zero)"),
        ("[[strategy.cost]]\nper = 'unit'\namount = '5 - node.promise_days * 2'", "is -3, which is no amount"),
        ("[[strategy.cost]]\nper = 'kg'\namount = '1.0 / 0.0'", "cost 1.0 / 0.0 is inf, which is no amount"),
        ("[[strategy.cost]]\nper = 'kg'\namount = '1 / node.open_orders'", "cost 1 / node.open_orders: divide by zero"),
        ("[[strategy.cost]]\nper = 'kg'\nwhen = '1 / node.open_orders > 1'\namount = '1'", "divide by zero"),
    ],
)
def test_a_rule_that_is_not_met_or_cannot_be_computed_excludes_the_node(fields: str, reason: str) -> None:
    rules, _, costs = fields.partition("[[")
    network = network_of(f"{rules}\n{ONE_BOX_THEN_THREE}" + (f"[[{costs}" if costs else ""))
    decided = decide(network, "A", "n1: A")
    assert outcome_of(decided) == "waits: A"
    assert reason in str(reasons(decided)["n1"])


def test_an_item_that_the_policy_excludes_comes_from_another_node() -> None:
    extra = '[[exclude]]\nwhen = \'item.category == "perfume" && node.id == "n1"\'\nreason = "no perfume here"'
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE, extra=extra)
    decided = decide(network, "P A", "n1: P A, n2: P")
    assert outcome_of(decided) == "n1: A, n2: P"
    one_box = network_of(CLOSEST + '\n[[strategy.tier]]\nfrom = ["all"]\n', extra=extra)
    assert reasons(decide(one_box, "P A", "n1: P A, n2: P A"))["n1"] == "1 of 2 units (no perfume here)"
    assert reasons(decide(one_box, "P", "n1: P, n2: P"))["n1"] == "no perfume here"


def test_in_a_tier_of_one_box_a_node_that_has_only_a_part_is_explained() -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE)
    decided = decide(network, "A*2 B", "n1: A*2, n2: A*2 B")
    assert (outcome_of(decided), decided.tier) == ("n2: A*2 B", 1)
    assert reasons(decided) == {"n1": "2 of 3 units", "n2": None, "n3": "0 of 3 units", "n4": "0 of 3 units"}


def test_why_a_node_is_left_out_is_known_by_its_kind_whatever_the_policy_calls_its_rules() -> None:
    misleading = '[[exclude]]\nwhen = \'node.id == "n1"\'\nreason = "2 of 3 units must stay"'
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE, extra=misleading, node_fields="capacity_per_day = 10")
    full = {"n2": NodeLoad(capacity_used_today=10)}
    decided = decide(network, "A*2", "n1: A*2, n2: A*2, n3: A, n4: A*2", workload=full)
    found = {node.node: node.exclusion and node.exclusion.obstacle for node in decided.explanation.nodes}
    assert found == {"n1": Obstacle.RULE, "n2": Obstacle.CAPACITY, "n3": Obstacle.STOCK, "n4": None}


def test_a_node_outside_the_sets_of_the_tier_is_named_with_them() -> None:
    tier = '[[strategy.tier]]\nfrom = ["warehouses"]\n'
    decided = decide(network_of(tier, nodes="n1:10 store1:1"), "A", "n1: A, store1: A")
    assert outcome_of(decided) == "n1: A"
    assert reasons(decided)["store1"] == "not in warehouses"


# The order is planned on Monday the 23rd of November at noon, and standard takes six days from here: Sunday the 29th.
DELIVERY = """
[delivery.standard]                                                   || country || region   || arrives    || days
                                                                      || US      ||          || 2026-11-29 || 6
working_days = ["mon", "tue", "wed", "thu", "fri"]                    || US      ||          || 2026-12-01 || 8
working_days = ["mon", "tue", "wed", "thu", "fri", "sat"]             || US      ||          || 2026-11-30 || 7
working_days = ["mon", "tue", "wed", "thu", "fri"]; holidays = "destination" || US || || 2026-12-02 || 9
working_days = ["mon", "tue", "wed", "thu", "fri"]; holidays = "destination" || US || Michigan || 2026-12-03 || 10
working_days = ["mon", "tue", "wed", "thu", "fri"]; holidays = "destination" || US || MI || 2026-12-03 || 10
working_days = ["mon", "tue", "wed", "thu", "fri"]; holidays = "US"   || US      || MI       || 2026-12-02 || 9
working_days = ["mon", "tue", "wed", "thu", "fri"]; holidays = "destination" || GB || MI || 2026-12-01 || 8
holidays = "US"                                                       || GB      ||          || 2026-11-30 || 7
"""


@pytest.mark.parametrize(("lines", "country", "region", "arrives", "days"), rows(DELIVERY))
def test_a_parcel_is_promised_for_a_day_on_which_its_service_delivers_at_the_destination(
    lines: str, country: str, region: str, arrives: str, days: str
) -> None:
    delivery = lines.replace("; ", "\n")
    transit = "[transit]\nstandard = [[20000, 6]]\nother = [[20000, 6]]\n[delivery.standard]\n"
    network = network_of(f"{CLOSEST}{ONE_BOX_THEN_THREE}", extra=transit + delivery)
    facts = {"country": country, "region": region}
    shipment = decide(network, "A", "n1: A", order=facts).shipments[0]
    assert (f"{shipment.deliver_by:%Y-%m-%d}", shipment.days) == (arrives, int(days))
    other = decide(network, "A", "n1: A", order=facts | {"service": "other"}).shipments[0]
    assert f"{other.deliver_by:%Y-%m-%d}" == "2026-11-29"


def test_a_rule_that_reads_the_days_of_a_promise_reads_those_of_the_delivery() -> None:
    rules = '[transit]\nstandard = [[20000, 6]]\n[delivery.standard]\nworking_days = ["wed"]\n'
    soon = network_of(f"require = 'node.promise_days <= 30'\n{ONE_BOX_THEN_THREE}", extra=rules)
    later = network_of(f"require = 'node.promise_days <= 40'\n{ONE_BOX_THEN_THREE}", extra=rules)
    assert outcome_of(decide(soon, "A", "n1: A")) == "waits: A"
    assert reasons(decide(soon, "A", "n1: A"))["n1"] == "requires node.promise_days <= 30 (node.promise_days is 37)"
    assert outcome_of(decide(later, "A", "n1: A")) == "n1: A"


def test_the_runners_up_are_the_next_best_plans_with_what_they_would_have_cost() -> None:
    network = network_of(
        '[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = 2\n' + CHEAPEST, nodes="n1:1 n2:2 n3:3 n4:4"
    )
    decided = decide(network, "A B", "n1: A B, n2: A, n3: A B, n4: B")
    assert (outcome_of(decided), decided.cost) == ("n1: A B", 544)
    assert [(one.nodes, one.cost) for one in decided.explanation.runners_up] == [(("n3",), 633), (("n2", "n4"), 1267)]


def test_where_the_customer_collects_only_that_node_counts_however_far_it_is() -> None:
    network = network_of(f"require = 'node.distance_km < 100.0'\n{ONE_BOX_THEN_THREE}", node_fields="pickup = true")
    decided = decide(network, "A B", "n1: A B, n4: A", order={"pickup_node": "n4"})
    assert outcome_of(decided) == "n4: A | waits: B"
    complete = decide(network, "A", "n1: A B, n4: A", order={"pickup_node": "n4"})
    assert [(shipment.node, shipment.distance_km, shipment.days) for shipment in complete.shipments] == [("n4", 0.0, 0)]
    closed = network_of(ONE_BOX_THEN_THREE)
    assert reasons(decide(closed, "A", "n4: A", order={"pickup_node": "n4"})) == {"n4": "customers cannot collect here"}


FROM_NODE = """
strategy                                      || asks for || wanted || supply              || outcome
[[strategy.tier]]; from = ["all"]             || n2       || A      || n1: A*5, n2: A*5    || n2: A
[[strategy.tier]]; from = ["all"]             || n2       || A*3    || n1: A*5, n2: A*2    || n2: A*2 | waits: A
[[strategy.tier]]; from = ["all"]             || n2       || A      || n1: A*5             || waits: A
[[strategy.tier]]; from = ["all"]; max_shipments = 3; split_line = true || n2 || A*3 || n1: A*5, n2: A*2 || n2: A*2 | waits: A
ship_complete = "order"; [[strategy.tier]]; from = ["all"] || n2 || A*3 || n1: A*5, n2: A*2 || waits: A*3
[[strategy.tier]]; from = ["warehouses"]; [[strategy.tier]]; from = ["stores"] || store1 || A || n1: A, store1: A || store1: A
[[strategy.tier]]; from = ["warehouses"]      || store1   || A      || n1: A*5, store1: A  || waits: A
[[strategy.tier]]; from = ["all"]; require = 'node.distance_km < 1500.0' || n2 || A || n1: A*5, n2: A || waits: A
"""


@pytest.mark.parametrize(("strategy", "asked", "wanted", "supply", "outcome"), rows(FROM_NODE))
def test_an_order_that_asks_for_a_node_ships_from_there_only_and_the_rest_is_a_persons_case(
    strategy: str, asked: str, wanted: str, supply: str, outcome: str
) -> None:
    network = network_of(strategy.replace("; ", "\n"), nodes="n1:10 n2:20 store1:30")
    decided = decide(network, wanted, supply, order={"from_node": asked})
    assert outcome_of(decided) == outcome
    assert decided.unfilled_action is Unfilled.EXCEPTION
    assert all(reason for node, reason in reasons(decided).items() if node != asked)


def test_the_others_are_explained_by_what_the_order_asks_for() -> None:
    decided = decide(network_of(ONE_BOX_THEN_THREE), "A", "n1: A, n3: A", order={"from_node": "n3"})
    assert reasons(decided) == {"n3": None} | dict.fromkeys(("n1", "n2", "n4"), "the order asks for n3")


def test_why_the_node_that_an_order_asks_for_can_never_ship_it_is_said_of_this_node_alone() -> None:
    network = network_of('[[strategy.tier]]\nfrom = ["warehouses"]', nodes="n1:10 store1:20")
    decided = decide(network, "A", "n1: A, store1: A", order={"from_node": "store1"})
    assert decided.hopeless == {0: "in no tier of the strategy (store1)"}


def test_where_the_customer_collects_the_node_that_the_order_asked_for_does_not_count() -> None:
    network = network_of(ONE_BOX_THEN_THREE, node_fields="pickup = true")
    assert outcome_of(decide(network, "A", "n1: A, n2: A", order={"from_node": "n1", "pickup_node": "n2"})) == "n2: A"


def test_units_of_one_line_with_different_histories_are_sourced_each_in_its_own_way() -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE)
    wanted = [Wanted("1", "A", 1, attempt=2, tried=("n1",)), Wanted("1", "A", 2)]
    situation = Situation(network=network, supply={("n1", "A"): 5, ("n2", "A"): 1}, now=MONDAY_NOON)
    decided = plan(ORDER, wanted, situation)
    assert [(s.node, [(p.wanted_index, p.quantity) for p in s.parts]) for s in decided.shipments] == [
        ("n1", [(1, 2)]),
        ("n2", [(0, 1)]),
    ]


@pytest.mark.parametrize(
    ("supply", "outcome"),
    [("n1: A*2, n2: A*2", "n2: A*2"), ("n1: A*2, n2: A*1", "n1: A*2"), ("n1: A*2", "n1: A*2")],
)
def test_what_was_promised_is_kept_by_a_worse_plan_and_broken_only_when_no_plan_keeps_it(
    supply: str, outcome: str
) -> None:
    network = network_of('rank = ["priority"]' + ONE_BOX_THEN_THREE, nodes="n1:10 n2:2")
    promised = {"deliver_by": MONDAY_NOON + timedelta(days=2)}
    assert outcome_of(decide(network, "A*2", supply)) == "n1: A*2"
    assert outcome_of(decide(network, "A*2", supply, order=promised)) == outcome


def test_a_node_that_would_break_the_promise_is_explained() -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE, nodes="n1:10 n2:2")
    decided = decide(network, "A", "n1: A, n2: A", order={"deliver_by": MONDAY_NOON + timedelta(days=2)})
    assert reasons(decided) == {"n2": None, "n1": "arrives after the promised day"}


def test_of_very_many_nodes_the_nearest_are_explained_one_by_one_and_the_others_counted_by_reason() -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE, nodes=" ".join(f"n{n}:{n / 10}" for n in range(1, 301)))
    document = decide(network, "A", "n7: A").document()
    assert [node["node"] for node in document["nodes"]][:3] == ["n7", "n1", "n2"]
    assert (len(document["nodes"]), document["nodes_beside"]) == (200, {"0 of 1 unit": 100})


def test_an_order_for_nothing_has_an_empty_plan() -> None:
    decided = decide(network_of(ONE_BOX_THEN_THREE), "", "n1: A")
    assert (outcome_of(decided), decided.tier, decided.cost) == ("", None, 0)


def test_a_plan_is_a_document_of_plain_json() -> None:
    network = network_of(CLOSEST + ONE_BOX_THEN_THREE + CHEAPEST)
    document = decide(network, "A*3 B", "n1: A*2, n2: A").document()
    assert json.loads(json.dumps(document)) == document
    assert document["policy_version"] == "v1"
    assert document["shipments"][0]["lines"] == [{"line": "1", "sku": "A", "quantity": 2}]
    assert document["unfilled"] == [{"line": "2", "sku": "B", "quantity": 1}]
    assert (document["exact"], document["gap"]) == (True, 0)


def test_a_line_that_competes_and_lacks_a_unit_is_not_counted_as_missing_twice() -> None:
    of_six, of_five, stock = (0, 4, 0, 2, 2, 4, 4), (0, 0, 3, 2, 2, 4, 4), (0, 4, 3, 2, 2, 4, 4)
    metres = (89, 16, 42, 67, 87, 98, 23)
    problem = Problem(
        (Demand("1", (("A", 1),), 6, of_six, (0,) * 7), Demand("2", (("A", 1),), 5, of_five, (0,) * 7)),
        tuple({"A": units} for units in stock),
        tuple(Measures(cost=0, distance_m=distance, days=1, priority=1) for distance in metres),
        rank=(Rank.DISTANCE,),
        shipments_max=2,
        split=True,
    )
    assert fill(problem, ShipComplete.LINE).choices[0].nodes == (1, 6)


def test_a_search_that_takes_too_long_still_answers_and_does_not_claim_to_be_exact() -> None:
    everywhere = tuple(range(1, 9))
    demand = Demand("1", (("A", 1),), 20, everywhere, (0,) * 8)
    problem = Problem(
        (demand,),
        tuple({"A": units} for units in everywhere),
        tuple(Measures(cost=9 - units, distance_m=0, days=1, priority=1) for units in everywhere),
        rank=(Rank.COST,),
        shipments_max=4,
        split=True,
    )
    assert cover(problem).exact
    hurried = cover(problem, steps_max=10)
    assert not hurried.exact
    assert hurried.choices


def test_two_boxes_are_found_where_taking_the_closest_node_first_would_need_three() -> None:
    network = network_of('rank = ["shipments", "distance"]\n[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = 3\n')
    assert outcome_of(decide(network, "A B C D", "n1: B C, n2: A B, n3: C D")) == "n2: A B, n3: C D"


def test_a_very_large_order_gets_a_good_plan_at_once_which_says_how_much_better_another_could_be() -> None:
    chance, nodes = random.Random(1), range(80)
    rates = [chance.randrange(500) for _ in nodes]
    demands = tuple(
        Demand(str(line), ((f"S{line}", 1),), 1, (1,) * 80, tuple(rate + chance.randrange(250) for rate in rates))
        for line in range(150)
    )
    measures = tuple(Measures(cost=chance.randrange(1000, 2000), distance_m=0, days=1, priority=1) for _ in nodes)
    found = cover(Problem(demands, [{}] * 80, measures, (Rank.COST,), shipments_max=80, split=True))
    assert not found.exact
    assert found.gap is not None
    assert 0 < found.gap < 0.05
    best = found.choices[0]
    assert all(sum(units for _, units in portions) == 1 for portions in best.portions)

"""The example network: the demo's orders, decided as the business would tell it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.network import Locality, Network
from domain.sourcing import NodeLoad, OrderFacts, Plan, Situation, Wanted, plan
from network.geography import locate
from network.load import check, load, read

EXAMPLE = Path(__file__).parents[2] / "network" / "example"
MONDAY_MORNING_IN_DENVER = datetime(2026, 11, 23, 16, tzinfo=UTC)
DENVER = OrderFacts(
    channel="web", service="standard", country="US", postal_code="80202", place=locate(Locality("US", "80202")), units=1
)


@pytest.fixture(scope="module", name="network")
def example_network() -> Network:
    return load(read(EXAMPLE))


def test_the_example_has_no_mistakes() -> None:
    assert check(EXAMPLE) == []


# What is wanted || stock: SETn is what n skincare sets are made of || what ships from where
TABLE = """
web         || SET-01           || nwk SET9, chi SET9, slc SET9           || slc: SET-01
web         || SET-01           || nwk SET9, chi SET9                     || chi: SET-01
web         || SET-01*2         || nwk SET9, chi SET2, slc SET1           || chi: SET-01*2
web         || SET-01*2         || nwk SET9, chi SET1, slc SET1           || nwk: SET-01*2
web         || SET-01*3         || nwk SET1, chi SET1, slc SET1           || chi: SET-01, nwk: SET-01, slc: SET-01
web         || SET-01 TONER-200 || chi SET1, slc SET1                     || chi: SET-01, slc: TONER-200
web         || SET-01 TONER-200 || nwk SET2, slc SET1                     || nwk: SET-01 TONER-200
web         || SET-01*3         || nwk SET1, slc SET1                     || nwk: SET-01, slc: SET-01 | waits: SET-01
web         || PERFUME-50       || atl PERFUME-50*5                       || atl: PERFUME-50
web         || CANDLE-220       || chi CANDLE-220*5, nwk CANDLE-220*5     || nwk: CANDLE-220
wholesale   || SET-01*20        || nwk SET20, chi SET90, slc SET20        || nwk: SET-01*20
wholesale   || SET-01*20        || nwk SET19, chi SET90, slc SET20        || slc: SET-01*20
wholesale   || SET-01*20        || nwk SET19, chi SET90, slc SET19        || waits: SET-01*20
marketplace || SET-01           || nwk SET9, chi SET9, slc SET9, lax SET9 || waits: SET-01
"""
ROWS = [tuple(cell.strip() for cell in row.split("||")) for row in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("channel", "wanted", "stock", "outcome"), ROWS)
def test_an_order_from_denver_ships_as_the_example_policy_says(
    network: Network, channel: str, wanted: str, stock: str, outcome: str
) -> None:
    decided = decide(network, wanted, stock, replace(DENVER, channel=channel))
    assert reported(decided) == outcome


def decide(
    network: Network, wanted: str, stock: str, order: OrderFacts, workload: Mapping[str, NodeLoad] | None = None
) -> Plan:
    """Plan lines such as `SET-01*2 TONER-200` with stock such as `nwk SET9, atl PERFUME-50*5`."""
    supply: dict[tuple[str, str], int] = {}
    for node, what in (entry.split() for entry in stock.split(",")):
        if what.startswith("SET"):
            supply |= {(node, sku): int(what[3:]) for sku, _ in network.components("SET-01")}
        else:
            sku, _, count = what.partition("*")
            supply[node, sku] = int(count)
    lines = [
        Wanted(str(number), sku, int(count or 1))
        for number, (sku, _, count) in enumerate((word.partition("*") for word in wanted.split()), start=1)
    ]
    situation = Situation(network=network, supply=supply, now=MONDAY_MORNING_IN_DENVER, workload=workload or {})
    return plan(order, lines, situation)


def reported(decided: Plan) -> str:
    """A plan in one line, such as `slc: SET-01*2 | waits: TONER-200`."""
    shipped = [
        f"{shipment.node}: "
        + " ".join(part.sku if part.quantity == 1 else f"{part.sku}*{part.quantity}" for part in shipment.parts)
        for shipment in decided.shipments
    ]
    waits = [part.sku if part.quantity == 1 else f"{part.sku}*{part.quantity}" for part in decided.unfilled]
    return " | ".join(([", ".join(shipped)] if shipped else []) + ([f"waits: {' '.join(waits)}"] if waits else []))


def test_salt_lake_city_wins_the_first_order_on_distance_and_on_cost(network: Network) -> None:
    decided = decide(network, "SET-01", "nwk SET9, chi SET9, slc SET9", DENVER)
    nodes = [
        (node.node, round(node.distance_km or 0), node.cost) for node in decided.explanation.nodes if not node.excluded
    ]
    assert nodes == [("slc", 596, 738), ("chi", 1479, 1091), ("nwk", 2604, 1542)]
    assert [(one.nodes, one.cost) for one in decided.explanation.runners_up] == [(("chi",), 1091), (("nwk",), 1542)]
    assert (decided.strategy, decided.tier, decided.policy_version) == ("direct", 1, "2026-11-21")


def test_a_part_is_no_reason_to_split_while_one_box_is_possible(network: Network) -> None:
    decided = decide(network, "SET-01*2", "nwk SET9, chi SET2, slc SET1", DENVER)
    assert decided.tier == 1
    assert {node.node: node.excluded for node in decided.explanation.nodes} == {
        "chi": None,
        "nwk": None,
        "slc": "1 of 2 units",
        "lax": "0 of 2 units",
        "atl": "not in warehouses, stores",
    }


def test_a_marketplace_order_arrives_in_two_days_or_a_person_looks_at_it(network: Network) -> None:
    fast = replace(DENVER, channel="marketplace", service="two_day")
    assert reported(decide(network, "SET-01", "nwk SET9, chi SET9", fast)) == "chi: SET-01"
    late = decide(network, "SET-01", "slc SET9", replace(DENVER, channel="marketplace"))
    assert late.unfilled_action == "exception"
    assert late.explanation.nodes[0].excluded == "requires node.promise_days <= 2 (node.promise_days is 3)"


def test_a_store_whose_day_is_full_or_that_has_much_to_do_gives_way(network: Network) -> None:
    stock = "nwk SET9, chi SET9"
    assert (
        reported(decide(network, "SET-01", stock, DENVER, {"chi": NodeLoad(capacity_used_today=40)})) == "nwk: SET-01"
    )
    assert decide(network, "SET-01", stock, DENVER, {"chi": NodeLoad(open_orders=20)}).cost == 1091
    assert decide(network, "SET-01", stock, DENVER, {"chi": NodeLoad(open_orders=21)}).cost == 1491


def test_glass_never_ships_from_a_store(network: Network) -> None:
    decided = decide(network, "CANDLE-220", "chi CANDLE-220*5", DENVER)
    assert reported(decided) == "waits: CANDLE-220"
    chicago = next(node for node in decided.explanation.nodes if node.node == "chi")
    assert chicago.excluded == "stores do not pack glass"

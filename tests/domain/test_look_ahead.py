"""Look-ahead prices: what they are for stock of which the best use is known, and what a plan makes of them."""

from dataclasses import replace

import pytest

from domain.network import Network
from domain.replanning import is_better
from domain.sourcing import Situation, Wanted, plan
from domain.sourcing.look_ahead import SeenLine, SeenOrder, look_ahead_prices
from domain.sourcing.recorded import packed, unpacked
from domain.sourcing.rounds import RoundInput, decide
from domain.sourcing.seen_orders import prices_of, seen_order
from domain.sourcing.what_if import ChangeKind, why_not
from domain.stock import StockLevel
from tests.domain.test_sourcing import CHEAPEST, MONDAY_NOON, ONE_BOX_THEN_THREE, ORDER, network_of

EAST, WEST = "east", "west"


def order_of(east: int, west: int, *skus: str, unit_costs: int = 0, count: int = 1) -> SeenOrder:
    """An order of one of each SKU, for which shipments cost so much."""
    lines = tuple(SeenLine(sku, 1, {EAST: unit_costs, WEST: unit_costs}) for sku in skus)
    return SeenOrder({EAST: east, WEST: west}, lines, count=count)


def test_a_unit_that_every_order_wants_from_one_node_has_the_price_of_the_next_best_node() -> None:
    """Ten orders, each 600 cheaper from the east, which has four: a fifth unit there would save 600."""
    prices = look_ahead_prices([order_of(1_000, 1_600, "A")], {(EAST, "A"): 4, (WEST, "A"): 20}, ahead=10, seed=1)
    assert prices == {(EAST, "A"): pytest.approx(540, abs=60)}


def test_prices_are_found_where_only_units_cost_something() -> None:
    lines = (SeenLine("A", 1, {EAST: 1_000, WEST: 1_600}),)
    prices = look_ahead_prices([SeenOrder({EAST: 0, WEST: 0}, lines)], {(EAST, "A"): 4, (WEST, "A"): 20}, 10, seed=1)
    assert prices == {(EAST, "A"): pytest.approx(540, abs=60)}


def test_stock_that_lasts_has_no_price() -> None:
    assert look_ahead_prices([order_of(1_000, 1_600, "A")], {(EAST, "A"): 40, (WEST, "A"): 4}, ahead=10, seed=1) == {}


def test_a_sku_that_one_node_has_is_missed_nowhere_more_than_there() -> None:
    """A price would be no reason to ship from elsewhere, and must be none to ship nothing."""
    assert look_ahead_prices([order_of(1_000, 1_600, "A")], {(EAST, "A"): 1}, ahead=10, seed=1) == {}


def test_what_completes_a_box_is_worth_more_than_what_saves_a_little_of_the_way() -> None:
    """The few orders of two items are in one box only from the east, so one-item orders should leave the east its units."""
    pair = order_of(1_000, 1_010, "A", "B")
    single = order_of(1_000, 1_010, "A", count=3)
    stock = {(EAST, "A"): 10, (EAST, "B"): 100, (WEST, "A"): 100}
    prices = look_ahead_prices([pair, single], stock, ahead=40, seed=1)
    assert prices[EAST, "A"] > 10
    assert (WEST, "A") not in prices


def test_the_same_seed_gives_the_same_prices_and_nobody_seen_gives_none() -> None:
    seen = [order_of(1_000, 1_600, "A"), order_of(1_700, 900, "A", "B"), order_of(1_200, 1_250, "B")]
    stock = {(EAST, "A"): 9, (WEST, "A"): 9, (EAST, "B"): 3, (WEST, "B"): 6}
    assert look_ahead_prices(seen, stock, 30, seed=7) == look_ahead_prices(seen, stock, 30, seed=7) != {}
    assert look_ahead_prices([], stock, 30, seed=7) == {}
    assert look_ahead_prices(seen, stock, 0, seed=7) == {}
    assert look_ahead_prices(seen, {}, 30, seed=7) == {}


def network(look_ahead: str = "look_ahead = true") -> Network:
    """n1 is 1,110 km away, n2 2,220: a shipment costs 945 and 1,390."""
    return network_of(f"{look_ahead}{ONE_BOX_THEN_THREE}{CHEAPEST}", nodes="n1:10 n2:20")


PRICED = {(node, sku): StockLevel(node, sku, 5, 0, 0) for node in ("n1", "n2") for sku in ("A", "B")}
PRICED["n1", "A"] = PRICED["n1", "A"]._replace(price=500_000)


def asked(skus: str = "A", levels: dict[tuple[str, str], StockLevel] = PRICED) -> RoundInput:
    """A round that wants one of each SKU."""
    wanted = [Wanted(str(number), sku, 1) for number, sku in enumerate(skus)]
    return RoundInput(facts=ORDER, wanted=wanted, levels=levels, workload={}, at=MONDAY_NOON)


def test_a_unit_that_is_worth_more_later_ships_from_another_node_at_the_cost_that_it_really_has() -> None:
    decided = decide(asked(), network()).plan
    [shipment] = decided.shipments
    assert (shipment.node, shipment.cost, shipment.look_ahead) == ("n2", 1_390, 0)
    document = decided.document()
    assert [(one["nodes"], one["cost"], one["look_ahead"]) for one in document["runners_up"]] == [(["n1"], 945, 500)]
    assert {one["node"]: (one["cost"], one.get("look_ahead")) for one in document["nodes"]} == {
        "n1": (945, 500),
        "n2": (1_390, None),
    }


def test_a_price_that_is_less_than_the_way_changes_no_plan_and_is_no_part_of_its_cost() -> None:
    levels = PRICED | {("n1", "A"): PRICED["n1", "A"]._replace(price=400_000)}
    [shipment] = decide(asked(levels=levels), network()).plan.shipments
    assert (shipment.node, shipment.cost, shipment.look_ahead) == ("n1", 945, 400)


def test_pins_are_not_swapped_for_a_node_that_only_looks_cheaper_without_its_price() -> None:
    """What was planned with prices must not be planned back without them."""
    found, known = decide(asked(), network()).plan, network()
    only_n1 = {place: level for place, level in PRICED.items() if place[0] == "n1"}
    other = decide(asked(levels=only_n1), known).plan
    strategy = known.policy.strategies[0]
    assert other.cost < found.cost
    assert not is_better(other, found, known, strategy, None)
    assert is_better(found, other, known, strategy, None)


def test_a_strategy_that_does_not_look_ahead_ignores_prices() -> None:
    [shipment] = decide(asked(), network(look_ahead="")).plan.shipments
    assert (shipment.node, shipment.look_ahead) == ("n1", 0)


def test_a_price_is_no_reason_to_ship_nothing() -> None:
    levels = {("n1", "A"): PRICED["n1", "A"]._replace(price=10**9)}
    decided = decide(asked(levels=levels), network()).plan
    assert [shipment.node for shipment in decided.shipments] == ["n1"]


def test_a_bundle_costs_the_prices_of_what_it_is_made_of() -> None:
    [shipment] = decide(replace(asked(), wanted=[Wanted("1", "AB", 2)]), network()).plan.shipments
    assert shipment.node == "n2"


def test_prices_are_kept_with_a_round_and_the_same_plan_is_made_from_it() -> None:
    before = asked()
    made = decide(before, network()).plan
    content = packed(before, network(), network())
    assert content is not None
    again = unpacked(content, network()).asked
    assert again.levels["n1", "A"].price == 500_000
    assert decide(again, network()).plan == made


def test_why_not_names_the_price_that_kept_a_node_from_shipping() -> None:
    answer = why_not(asked(), network(), "n1")
    [change] = [one for one in answer.changes if one.kind is ChangeKind.LOOK_AHEAD]
    assert change.words == "no look-ahead price of what n1 has"
    assert [shipment.node for shipment in change.plan.shipments] == ["n1"]


def test_an_order_is_learned_from_as_each_node_would_ship_it_whatever_it_had() -> None:
    seen = seen_order(asked("AB", levels={}), network())
    assert seen is not None
    assert seen.shipment_costs == {"n1": pytest.approx(945_000, abs=1_000), "n2": pytest.approx(1_390_000, abs=1_000)}
    assert [(line.sku, line.quantity) for line in seen.lines] == [("A", 1), ("B", 1)]
    assert seen.nodes_max == 3


def test_orders_whose_node_is_asked_for_or_whose_strategy_does_not_look_ahead_teach_nothing() -> None:
    chosen = replace(asked(), facts=replace(ORDER, from_node="n1"))
    assert seen_order(chosen, network()) is None
    transfer = replace(asked(), facts=replace(ORDER, to_node="n2"))
    assert seen_order(transfer, network()) is None
    assert seen_order(asked(), network(look_ahead="")) is None


def test_stock_that_must_not_be_sold_is_not_counted_on() -> None:
    seen = [one for one in [seen_order(asked(), network())] if one]
    plenty = [StockLevel(node, "A", 100, 0, 0) for node in ("n1", "n2")]
    assert prices_of(seen, 1.0, plenty, network(), seed=1) == {}
    scarce = [plenty[0]._replace(reserved=95), plenty[1]]
    prices = prices_of(seen, 1.0, scarce, network(), seed=1)
    assert prices == {("n1", "A"): pytest.approx(400_000, rel=0.15)}
    stopped = [scarce[0]._replace(stopped_at=MONDAY_NOON), plenty[1]]
    assert prices_of(seen, 1.0, stopped, network(), seed=1) == {}


def test_the_planner_without_prices_plans_as_before() -> None:
    situation = Situation(network=network(), supply={("n1", "A"): 1, ("n2", "A"): 1}, now=MONDAY_NOON)
    assert plan(ORDER, [Wanted("1", "A", 1)], situation).shipments[0].node == "n1"

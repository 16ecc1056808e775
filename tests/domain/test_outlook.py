"""Units for which no plan could ever be made are known at once, with the reason; what may change by itself is waited for."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from domain.network import ShipComplete
from tests.domain.test_sourcing import CLOSEST, MONDAY_NOON, ONE_BOX_THEN_THREE, decide, network_of, rows

STRATEGY = f'unfilled = "backorder"\n{CLOSEST}\n'
ONE_BOX = '[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = 1\n'
BANDS = "[transit]\nstandard = [[20000, 3]]\nfast = [[2000, 1]]"
PERFUME = '[[exclude]]\nreason = "no perfume by air"\nwhen = \'item.category == "perfume"{more}\''


@pytest.mark.parametrize(
    ("wanted", "tier", "rule", "hopeless"),
    rows("""
    wanted || tier  || rule  || hopeless
    A  ||  ||  ||
    A  || require  || node.kind == "dc"  ||
    A  || require  || order.country == "CA"  || 1: requires order.country == "CA"
    A  || require  || node.distance_km < 500.0  || 1: requires node.distance_km < 500.0
    A  || require  || node.distance_km < 1500.0  ||
    A  || require  || node.open_orders < 5  ||
    A  || require  || node.open_orders > 100  ||
    A  || require  || node.open_orders == 7  ||
    A  || require  || node.capacity_left >= 20  ||
    A  || require  || node.capacity_left > 5 && order.units > 9  || 1: requires node.capacity_left > 5 && order.units > 9
    A  || require  || node.promise_days <= 3  ||
    A  || require  || node.promise_days == 5  ||
    A  || require  || node.promise_days <= 2  || 1: requires node.promise_days <= 2
    A  || require  || node.open_orders < 5 && node.promise_days > 3  ||
    A P  || exclude  ||  || 2: no perfume by air
    A P  || exclude  ||  && node.id != "n4"  ||
    A P  || exclude  ||  && node.open_orders > 10  ||
    A P  || exclude  ||  && node.distance_km > 1500.0  ||
    """),
)
def test_a_rule_that_no_node_can_ever_meet_ends_the_wait(wanted: str, tier: str, rule: str, hopeless: str) -> None:
    require = f"require = '{rule}'\n" if tier == "require" else ""
    extra = PERFUME.format(more=rule) if tier == "exclude" else ""
    network = network_of(STRATEGY + ONE_BOX + require, extra=f"{BANDS}\n{extra}")
    assert _shown(decide(network, wanted, "").hopeless) == (f"{hopeless} (n1, n2, n3 and 1 more)" if hopeless else "")


def _shown(hopeless: Mapping[int, str]) -> str:
    return "; ".join(f"{index + 1}: {why}" for index, why in hopeless.items())


def test_a_service_that_is_not_offered_any_more_and_a_place_beyond_its_last_band_are_hopeless() -> None:
    network = network_of(STRATEGY + ONE_BOX, extra=BANDS)
    gone = decide(network, "A", "", order={"service": "gone"})
    assert gone.hopeless == {0: "no transit time for service 'gone' (n1, n2, n3 and 1 more)"}
    far = decide(network_of(STRATEGY + ONE_BOX, nodes="n1:30", extra=BANDS), "A", "", order={"service": "fast"})
    assert far.hopeless == {0: "no transit time for service 'fast' (n1)"}
    assert not decide(network, "A", "", order={"service": "fast"}).hopeless, "n1 is near enough"


def test_a_window_that_ends_before_any_node_can_ship_is_hopeless() -> None:
    network = network_of(STRATEGY + ONE_BOX, extra=BANDS)
    soon, later = (MONDAY_NOON + timedelta(hours=hours) for hours in (1, 24))
    assert decide(network, "A", "", order={"not_after": soon}).hopeless == {
        0: "ships after the order's window (n1, n2, n3 and 1 more)"
    }
    assert not decide(network, "A", "", order={"not_after": later}).hopeless


def test_a_pickup_where_customers_cannot_collect_any_more_is_hopeless() -> None:
    network = network_of(STRATEGY + ONE_BOX, extra=BANDS)
    assert decide(network, "A", "", order={"pickup_node": "n1"}).hopeless == {0: "customers cannot collect here (n1)"}
    assert decide(network, "A", "", order={"pickup_node": "gone"}).hopeless == {0: "no node is left"}
    open_ = network_of(STRATEGY + ONE_BOX, node_fields="pickup = true", extra=BANDS)
    assert not decide(open_, "A", "", order={"pickup_node": "n1"}).hopeless


@pytest.mark.parametrize(
    ("complete", "tiers", "is_possible"),
    [
        (ShipComplete.ORDER, ONE_BOX, False),
        (ShipComplete.ORDER, ONE_BOX_THEN_THREE, True),
        (ShipComplete.LINE, ONE_BOX, True),
        (ShipComplete.NO, ONE_BOX, True),
    ],
)
def test_an_order_that_must_ship_complete_needs_nodes_that_may_ship_all_of_it_together(
    complete: ShipComplete, tiers: str, is_possible: bool
) -> None:
    """Perfume ships from n1 only, and an armchair from every node but n1."""
    apart = '[[exclude]]\nreason = "apart"\nwhen = \'(item.category == "perfume") != (node.id == "n1")\''
    network = network_of(STRATEGY + tiers, extra=f"{BANDS}\n{apart}")
    hopeless = decide(network, "A P", "", order={"ship_complete": complete}).hopeless
    together = "it must ship complete, and the nodes of no tier may ship all of it together"
    assert hopeless == ({} if is_possible else {0: together, 1: together})


def test_units_that_every_node_was_tried_for_are_hopeless_and_pauses_and_cool_downs_are_not() -> None:
    network = network_of(STRATEGY + ONE_BOX, nodes="n1:10 n2:20", extra=BANDS)
    assert decide(network, "A", "", tried=("n1", "n2")).hopeless == {0: "already tried"}
    assert not decide(network, "A", "", tried=("n1",)).hopeless
    assert not decide(network, "A", "n1: A, n2: A", paused=frozenset({"n1", "n2"})).hopeless


def test_the_rules_of_a_strategy_count_for_every_tier() -> None:
    network = network_of(STRATEGY + "require = 'order.country == \"CA\"'\n" + ONE_BOX, extra=BANDS)
    assert decide(network, "A", "").hopeless == {0: 'requires order.country == "CA" (n1, n2, n3 and 1 more)'}


def test_a_node_in_no_tier_is_no_reason_to_wait() -> None:
    stores = STRATEGY + ONE_BOX.replace('"all"', '"stores"')
    network = network_of(
        stores, nodes="n1:10 store2:20", extra=f"{BANDS}\n" + PERFUME.format(more=' && node.id != "n1"')
    )
    assert decide(network, "P", "").hopeless == {0: "no perfume by air (store2); in no tier of the strategy (n1)"}

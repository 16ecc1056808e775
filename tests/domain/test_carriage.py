"""Plans with carriers: their prices decide, their days are promised, and a place that they do not serve falls back."""

from datetime import UTC, datetime

import pytest

from domain.network import Network, Place, Precision
from domain.sourcing import OrderFacts, Plan, Situation, Wanted, plan
from network.load import NetworkDocuments, load
from tests.rate_cards import rate_card

FRIDAY_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ITEMS = """sku,name,weight_g,safety_stock,components
MUG,Mug,400,0,
SAFE,Safe,60000,0,
"""
CARRIERS = rate_card("van", [(1000, 300), (2000, 900), (30000, 5000)], 2, zone="distance_km_max = 1500") + rate_card(
    "post", [(1000, 500), (2000, 800), (30000, 1000)], 1, own='delivery_days = ["mon", "tue", "wed", "thu", "fri"]'
)


def network_of(cost: str, shipments: int = 1, transit: str = "") -> Network:
    """Two nodes on the equator, 10 and 20 degrees (1112 and 2224 km) from the customer."""
    nodes = "".join(
        f'[[node]]\nid = "{name}"\nkind = "dc"\ncountry = "CD"\nlatitude = 0\nlongitude = {degrees}\ntime_zone = "UTC"\n'
        for name, degrees in (("near", 10), ("far", 20))
    )
    policy = (
        'version = "v1"\n[sets]\nall = "true"\n[[strategy]]\nid = "s"\nwhen = "true"\nrank = ["cost"]\n'
        f'unfilled = "exception"\n[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = {shipments}\nsplit_line = true\n'
        f"[[strategy.cost]]\n{cost}\n{transit}"
    )
    return load(NetworkDocuments(nodes, policy, ITEMS, carriers=CARRIERS))


def planned(network: Network, supply: str, mugs: int = 1, country: str = "CD", sku: str = "MUG") -> Plan:
    stock = {(node, sku): int(units) for node, units in (word.split(":") for word in supply.split())}
    place = Place(0.0, 0.0, Precision.POINT)
    order = OrderFacts(channel="web", service="standard", country=country, postal_code="", place=place)
    return plan(order, [Wanted("1", sku, mugs)], Situation(network=network, supply=stock, now=FRIDAY_NOON))


def shipped(decided: Plan) -> list[tuple[str, str | None, int, str]]:
    return [
        (one.node, one.carrier, one.cost, f"{one.deliver_by:%a %d}" if one.deliver_by else "")
        for one in decided.shipments
    ]


PER_CARRIER = 'per = "carrier"'

# mugs || stock || from where, by whom, for how much, and when it arrives
CHOICES = [
    (1, "near:9 far:9", [("near", "van", 300, "Sun 22")]),
    (1, "far:9", [("far", "post", 500, "Mon 23")]),  # too far for the van; the post does not deliver at the weekend
    (5, "near:9 far:9", [("far", "post", 800, "Mon 23")]),  # equal costs: the first by name
    (6, "near:9", [("near", "post", 1000, "Mon 23")]),
]


@pytest.mark.parametrize(("mugs", "supply", "ships"), CHOICES)
def test_the_cheapest_carrier_of_each_node_decides_the_cost_and_the_days(
    mugs: int, supply: str, ships: list[tuple[str, str | None, int, str]]
) -> None:
    decided = planned(network_of(PER_CARRIER), supply, mugs)
    assert shipped(decided) == ships
    assert decided.explanation.exact


def test_shipments_of_a_divided_order_cost_what_each_of_them_weighs_and_nothing_is_said_to_be_proven() -> None:
    decided = planned(network_of(PER_CARRIER, shipments=2), "near:2 far:4", 6)
    assert shipped(decided) == [("far", "post", 800, "Mon 23"), ("near", "van", 300, "Sun 22")]
    assert (decided.cost, decided.explanation.exact, decided.explanation.gap) == (1100, False, None)


def test_without_a_carrier_for_the_place_the_policy_says_what_counts_and_otherwise_a_person_learns_why() -> None:
    falls_back = network_of(f"{PER_CARRIER}\namount = '1234'")
    assert shipped(planned(falls_back, "near:1", country="UG")) == [("near", None, 1234, "Tue 24")]
    assert shipped(planned(falls_back, "near:1", sku="SAFE")) == [("near", None, 1234, "Tue 24")]
    stays = planned(network_of(PER_CARRIER), "near:1", country="UG")
    assert "no carrier takes it to this place" in [node.excluded for node in stays.explanation.nodes]
    assert "no carrier takes it to this place" in str(stays.hopeless)


def test_a_carrier_serves_a_place_beyond_the_transit_table() -> None:
    network = network_of(PER_CARRIER, transit="[transit]\nstandard = [[1500, 3]]\n")
    assert shipped(planned(network, "far:1")) == [("far", "post", 500, "Mon 23")]


def test_days_are_the_carriers_also_where_its_price_is_not_counted() -> None:
    assert shipped(planned(network_of("per = 'shipment'\namount = '7'"), "near:1")) == [("near", "van", 7, "Sun 22")]

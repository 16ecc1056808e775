"""Military mail, and islands and territories without a road: what the policy says of them, where no distance is one."""

import pytest

from domain.network import Far, FarRules, Network, Precision
from domain.sourcing import Plan
from network.load import NetworkDocuments, load
from network.mistakes import NetworkMistakes
from tests.sourcing_text import decide, outcome, rows

NODES = """
[[node]]
id = "slc"
kind = "dc"
country = "US"
time_zone = "America/Denver"
latitude = 40.76
longitude = -111.89

[[node]]
id = "maui"
kind = "store"
country = "US"
time_zone = "Pacific/Honolulu"
latitude = 20.89
longitude = -156.47
"""
ITEMS = "sku,name,weight_g,safety_stock,components\nCHAIR,Chair,6000,0,\n"
POLICY = """
version = "1"
[sets]
all = 'true'
[[strategy]]
id = "all"
when = 'true'
[[strategy.tier]]
from = ["all"]
require = '{require}'
[[strategy.tier]]
from = ["all"]
max_shipments = 2
[[strategy.cost]]
per = "shipment"
amount = '{amount}'
[transit]
standard = [[500, 1], [20000, 6]]
two_day = [[20000, 2]]
{far}
"""
BOTH = """
[military]
standard = 12
rate = 1500
[remote]
standard = 8
two_day = 3
rate = 2200
"""
BY_DISTANCE = "500.0 + 0.1 * node.distance_km"
EVERYWHERE = "slc: CHAIR; maui: CHAIR"


def network_of(far: str = BOTH, require: str = "node.distance_km <= 3000.0", amount: str = BY_DISTANCE) -> Network:
    return load(NetworkDocuments(NODES, POLICY.format(far=far, require=require, amount=amount), ITEMS))


def why_not(plan: Plan) -> dict[str, str | None]:
    return {node.node: node.excluded for node in plan.explanation.nodes}


# the order || what ships || tier, days, cost
WHERE_TO = """
the order                            || ships       || tier || days || cost
web, Denver: CHAIR                   || slc: CHAIR  || 1    || 6    || 560
web, an army post office: CHAIR      || maui: CHAIR || 2    || 12   || 1500
web, Honolulu: CHAIR                 || maui: CHAIR || 1    || 1    || 515
web, Honolulu, two_day: CHAIR        || maui: CHAIR || 1    || 2    || 515
"""


@pytest.mark.parametrize(("order", "ships", "tier", "days", "cost"), rows(WHERE_TO))
def test_days_and_rate_of_the_policy_apply_where_there_is_no_distance(
    order: str, ships: str, tier: str, days: str, cost: str
) -> None:
    found = decide(network_of(), order, EVERYWHERE)
    assert outcome(network_of(), order, EVERYWHERE).ships == ships
    assert (found.tier, found.shipments[0].days, found.cost) == (int(tier), int(days), int(cost))


def test_from_outside_the_islands_the_rate_and_the_days_of_remote_places_apply() -> None:
    found = decide(network_of(), "web, Honolulu: CHAIR", "slc: CHAIR")
    (shipment,) = found.shipments
    assert (found.tier, shipment.days, shipment.cost, shipment.distance_km) == (2, 8, 2200, None)


def test_where_only_a_tier_by_distance_is_left_a_person_gets_it() -> None:
    policy = POLICY.format(far=BOTH, require="node.distance_km <= 3000.0", amount="1.0")
    policy = policy.replace('[[strategy.tier]]\nfrom = ["all"]\nmax_shipments = 2\n', "")
    found = decide(load(NetworkDocuments(NODES, policy, ITEMS)), "web, an army post office: CHAIR", EVERYWHERE)
    reason = "requires node.distance_km <= 3000.0 (there is no distance to this place)"
    assert why_not(found) == {"slc": reason, "maui": reason}
    assert found.hopeless, "no stock of any day could help"


def test_a_rule_that_asks_first_whether_there_is_a_distance_decides_itself() -> None:
    guarded = network_of(require="!node.distance_known || node.distance_km <= 3000.0")
    assert decide(guarded, "web, an army post office: CHAIR", EVERYWHERE).tier == 1
    shunned = network_of(require="node.distance_known && node.distance_km <= 3000.0")
    assert decide(shunned, "web, an army post office: CHAIR", EVERYWHERE).tier == 2


# when || what becomes of the order for an army post office
EXCLUSIONS = """
node.distance_km > 500.0                          || too far (there is no distance to this place)
item.sku == "CHAIR" && node.distance_km > 500.0   || too far (there is no distance to this place)
node.promise_days > 3                             || too far (nobody knows the days on the way)
node.distance_km > 500.0 && item.hazmat           || ships
node.distance_known && node.distance_km > 500.0   || ships
!node.distance_known && item.hazmat               || ships
!node.distance_known                              || too far
"""


@pytest.mark.parametrize(("when", "becomes"), rows(EXCLUSIONS))
def test_an_exclusion_that_cannot_tell_for_want_of_a_distance_excludes_and_says_so(when: str, becomes: str) -> None:
    policy = POLICY.format(far="[military]\nrate = 900", require="true", amount="1.0")
    exclusion = f"[[exclude]]\nwhen = '{when}'\nreason = \"too far\"\n"
    found = decide(
        load(NetworkDocuments(NODES, policy + exclusion, ITEMS)), "web, an army post office: CHAIR", EVERYWHERE
    )
    if becomes == "ships":
        assert found.shipments
    else:
        assert why_not(found) == {"slc": becomes, "maui": becomes}
        assert found.hopeless, "a person gets it at once"


def test_a_cost_that_does_not_read_the_distance_is_charged_as_ever() -> None:
    flat = network_of(amount="700.0")
    assert decide(flat, "web, an army post office: CHAIR", EVERYWHERE).cost == 700


def test_without_a_rate_a_cost_by_distance_cannot_be_charged_and_a_person_gets_it() -> None:
    found = decide(network_of(far="[military]\nstandard = 12"), "web, an army post office: CHAIR", EVERYWHERE)
    reason = "costs depend on the distance, and [military] has no rate"
    assert why_not(found) == {"slc": reason, "maui": reason}
    assert found.hopeless


def test_without_days_nobody_knows_when_it_arrives_and_it_ships_all_the_same() -> None:
    network = network_of(far="[military]\nrate = 900")
    found = decide(network, "web, an army post office: CHAIR", EVERYWHERE)
    (shipment,) = found.shipments
    assert (shipment.days, shipment.deliver_by, found.deliver_by) == (None, None, None)
    assert found.ship_by is not None
    assert found.document()["nodes"][0]["distance_km"] is None


def test_a_requirement_for_days_is_not_met_where_nobody_knows_them() -> None:
    network = network_of(far="[military]\nrate = 900", require="node.promise_days <= 20")
    assert decide(network, "web, an army post office: CHAIR", EVERYWHERE).tier == 2


def test_a_policy_that_does_not_name_remote_places_measures_them_in_a_straight_line() -> None:
    found = decide(network_of(far=""), "web, Honolulu: CHAIR", "slc: CHAIR")
    (shipment,) = found.shipments
    assert shipment.distance_km is not None
    assert (round(shipment.distance_km, -2), shipment.days) == (4800, 6)


def test_military_mail_is_known_by_its_country_only() -> None:
    found = decide(network_of(), "web, an army post office: CHAIR", EVERYWHERE)
    assert found.explanation.precision is Precision.COUNTRY


def test_the_tables_are_read() -> None:
    assert network_of().policy.far == {
        Far.MILITARY: FarRules({"standard": 12}, 1500),
        Far.REMOTE: FarRules({"standard": 8, "two_day": 3}, 2200),
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[military]\nstandart = 12", "[military] standart is no service; did you mean 'standard'?"),
        ("[military]\nstandard = -1", "standard must be a whole number of at least 0, not -1"),
        ("[remote]\nstandard = 400", "standard must be at most 365 days, not 400"),
        ("[remote]\nrate = 1.5", "rate must be a whole number of at least 0, not 1.5"),
    ],
)
def test_a_mistake_in_them_is_reported_on_its_line(wrong: str, said: str) -> None:
    with pytest.raises(NetworkMistakes) as found:
        network_of(far=wrong)
    assert said in str(found.value)
    assert f"policy.toml:{POLICY.count(chr(10), 0, POLICY.index('{far}')) + 2}: " in str(found.value)

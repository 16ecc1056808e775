"""carriers.toml: what can be wrong in it, with its line; and what its prices and days do to a plan."""

from dataclasses import replace

import pytest

from network.changes import other_changes
from network.load import NetworkDocuments, NetworkMistakes, load
from tests.network.test_mistakes import ITEMS, NODES, POLICY

CARRIERS = """\
[[carrier]]
name = "parcel"
kind = "rate_card"
dimensional_divisor = 5000
delivery_days = ["mon", "tue", "wed", "thu", "fri"]
holidays = "destination"
[[carrier.service]]
name = "standard"
[[carrier.service.zone]]
distance_km_max = 500
prices = [[1000, 600], [30000, 1500]]
days = 1
[[carrier.service.zone]]
prices = [[1000, 900], [30000, 2500]]
days = 4
[[carrier.service.zone]]
countries = ["CA"]
from_countries = ["US"]
postal_prefixes = ["M", "V6B"]
prices = [[30000, 4000]]
days = 7
[[carrier.surcharge]]
name = "fuel"
percent = 12.5
[[carrier.surcharge]]
name = "long"
services = ["standard"]
longest_mm_over = 1200
amount = 500
"""

# what stands there || what stands there instead || line || what is said
MISTAKES = """
name = "parcel"                   || name = "Parcel"               || 2  || name must be 1 to 32 of a-z, 0-9 and '_', not 'Parcel'
kind = "rate_card"                || kind = "ratecard"             || 3  || this version of Switchyard has no carriers of the kind 'ratecard'; it knows
dimensional_divisor = 5000        || dimensional_divisor = 0       || 4  || dimensional_divisor must be a whole number of at least 1, not 0
"fri"]                            || "friday"]                     || 5  || unknown delivery_days "friday"
"destination"                     || "XX-99"                       || 6  ||
name = "standard"                 || name = "standrad"             || 8  || unknown service 'standrad'; it must be one of [transit] in policy.toml; did you mean 'standard'?
distance_km_max = 500             || distance_km_max = "500"       || 10 || distance_km_max must be a number from 0.001 to 21000, not "500"
[[1000, 600], [30000, 1500]]      || [[1000, 600], [1000, 1500]]   || 11 || the grams of prices must ascend; this one is not above the one before
[[1000, 600], [30000, 1500]]      || [[1000, 600], [30000, 500]]   || 11 || a heavier parcel must not cost less than a lighter one
[[1000, 600], [30000, 1500]]      || [[1000, 6.0]]                 || 11 || prices must be a list of [grams, amount] such as [500, 690], not [1000, 6.0]
[[1000, 900], [30000, 2500]]      || []                            || 14 || prices must be a list that is not empty, not []
days = 4                          || days = 400                    || 15 || days must be at most 365, not 400
["CA"]                            || ["ca"]                        || 17 || countries must be a list of ISO 3166-1 codes such as US or DE, not 'ca'; did you mean 'CA'?
["M", "V6B"]                      || ["M", "v6b"]                  || 19 || postal_prefixes must be a list of texts of A-Z, 0-9 and "-" such as ["99", "BT"], not 'v6b'
percent = 12.5                    || percent = 0                   || 24 || percent must be a number from 0.01 to 1000, not 0
longest_mm_over = 1200            || longest_over = 1200            || 28 || unknown key 'longest_over'; did you mean 'longest_mm_over'?
amount = 500                      || hazmat = true                 || 26 || surcharge 'long' has neither amount (minor units) nor percent
dimensional_divisor = 5000        || manifest_at_cutoff = true         || 4  || manifest_at_cutoff must be false: this carrier has no manifests
dimensional_divisor = 5000        || api_key = "s3cret"            || 4  || api_key must not stand here: `python -m starter connect parcel` reads credentials and seals them
"""  # noqa: E501  (an aligned table)

BY_CARRIER = 'per = "carrier"\n'


def documents(carriers: str = CARRIERS, policy: str = POLICY) -> NetworkDocuments:
    return NetworkDocuments(NODES, policy, ITEMS, carriers=carriers)


@pytest.mark.parametrize("row", MISTAKES.strip().splitlines())
def test_each_mistake_in_carriers_has_its_line_and_says_what_would_be_right(row: str) -> None:
    right, wrong, line, said = (cell.strip() for cell in row.split("||"))
    assert right in CARRIERS
    with pytest.raises(NetworkMistakes) as raised:
        load(documents(CARRIERS.replace(right, wrong, 1)))
    first = str(raised.value.mistakes[0])
    assert first.startswith(f"carriers.toml:{line}: {said}")
    assert "s3cret" not in first


def test_a_carrier_that_is_there_twice_or_has_no_service_is_reported() -> None:
    with pytest.raises(NetworkMistakes) as raised:
        load(documents(CARRIERS + '[[carrier]]\nname = "parcel"\nkind = "rate_card"\n'))
    said = [mistake.text for mistake in raised.value.mistakes]
    assert said == [
        "there is no [[carrier.service]]; a rate card needs at least one, with its zones",
        "carrier 'parcel' is there twice",
    ]


def test_a_cost_per_carrier_needs_carriers_and_no_amount() -> None:
    policy = POLICY.replace("per = \"shipment\"\nwhen = 'node.open_orders > 20'\n", BY_CARRIER, 1)
    policy = policy.replace("amount = '500.0 + 0.4 * node.distance_km'\n", "", 1)
    (cost,) = load(documents(policy=policy)).policy.strategies[1].costs
    assert cost.amount is None
    with pytest.raises(NetworkMistakes) as raised:
        load(documents("", policy))
    assert 'per = "carrier" needs carriers.toml, where there is none' in str(raised.value)


def test_changed_carriers_are_a_new_version_and_named_in_the_differences() -> None:
    before, after = documents(), documents(CARRIERS.replace("600", "650"))
    assert before.digest != after.digest
    assert other_changes(before, after) == ["carriers.toml"]
    assert replace(before, carriers="").digest == NetworkDocuments(NODES, POLICY, ITEMS).digest

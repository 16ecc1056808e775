"""The rule check: each kind of mistake in a policy, reported with its line, what is wrong, and what would be right."""

from dataclasses import replace

import pytest

from domain.network import Fact
from network.countries import CENTROIDS
from network.load import NetworkDocuments, NetworkMistakes, load, load_applied

NODES = """\
[[node]]
id = "slc"
kind = "3pl"
country = "US"
postal_code = "84101"
time_zone = "America/Denver"
[[node]]
id = "chi"
kind = "store"
country = "US"
latitude = 41.9
longitude = -87.6
time_zone = "America/Chicago"
"""
POLICY = """\
version = "v1"
[sets]
warehouses = 'node.kind in ["dc", "3pl"]'
stores = 'node.kind == "store"'

[[strategy]]
id = "wholesale"
when = 'order.channel == "wholesale"'
rank = ["priority", "distance"]
unfilled = "backorder"
cancel_after = "60d"
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 1

[[strategy]]
id = "direct"
when = 'true'
rank = ["cost", "distance"]
require = 'node.promise_days <= 9'
[[strategy.tier]]
from = ["stores"]
require = 'node.distance_km <= 3000.0'
[[strategy.tier]]
from = ["warehouses", "stores"]
max_shipments = 3
split_line = true
[[strategy.cost]]
per = "shipment"
when = 'node.open_orders > 20'
amount = '500.0 + 0.4 * node.distance_km'

[[exclude]]
when = 'item.category == "perfume" && node.country != order.country'
reason = "no perfume across a border"
[orders]
grace = "15m"
[transit]
standard = [[250, 1], [20000, 6]]
[[hold]]
id = "approval"
when = 'order.value > 500000'
reason = "approved by finance"
owner = "finance"
stock = "reserve"
[[hold]]
id = "fraud"
owner = "risk"
"""
ITEMS = """\
sku,name,weight_g,safety_stock,components,category,tags
SERUM,Serum,95,2,,skincare,
PERFUME,Perfume,310,,,perfume,glass fragile
"""
RIGHT = NetworkDocuments(NODES, POLICY, ITEMS)

# what stands there || what stands there instead || line of policy.toml || what is said, whole
MISTAKES = """
order.channel == "wholesale"       || order.chanel == "wholesale"                      ||  8 || when: unknown name 'order.chanel'; did you mean order.channel?
order.channel == "wholesale"       || order.channel == 5                               ||  8 || when: == does not work on a string and an int
order.channel == "wholesale"       || order.channel                                    ||  8 || when: this is a string; it must be a condition, true or false
order.channel == "wholesale"       || order.channel = "wholesale"                      ||  8 || when: syntax error: '=' does not compare; write '=='
order.channel == "wholesale"       || order.units > 1 and order.value > 1              ||  8 || when: syntax error: 'and' must be written '&&'
order.channel == "wholesale"       || node.kind == "dc"                                ||  8 || when: node.kind cannot be used here: a strategy's when may use only order.*
order.channel == "wholesale"       || order.channel == "Wholesale"                     ||  8 || when: order.channel is never 'Wholesale'; it is 1 to 16 of a-z and 0-9
order.channel == "wholesale"       || order.service == "standart"                      ||  8 || when: order.service is never 'standart'; did you mean 'standard'?
order.channel == "wholesale"       || order.service in ["standard", "air"]             ||  8 || when: order.service is never 'air'; it is one of standard
order.channel == "wholesale"       || order.customer_tier == "Gold"                    ||  8 || when: order.customer_tier is never 'Gold'; it is 1 to 32 of a-z, 0-9, '_' and '-'
order.channel == "wholesale"       || order.country == "USA"                           ||  8 || when: order.country is never 'USA'; did you mean 'US'?
order.channel == "wholesale"       || 1 / 0 == 1                                       ||  8 || when always fails: divide by zero
order.channel == "wholesale"       || false                                            ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || 1 > 2                                            ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || true                                             || 18 || this strategy is never reached: 'wholesale' before it matches everything
when = 'true'                      || when = 'order.channel=="wholesale"'              || 18 || this strategy is never reached: 'wholesale' before it has the same when
when = 'true'                      || when = 'order.units > 0'                         || 18 || the last strategy must match everything: when = 'true'
when = 'true'                      || when = '1 == 1'                                  || 18 || the last strategy must match everything: when = 'true'
id = "direct"                      || id = "wholesale"                                 || 17 || strategy id 'wholesale' is there twice
node.kind == "store"               || node.kind == "stores"                            ||  4 || stores: node.kind is never 'stores'; did you mean 'store'?
node.kind == "store"               || node . kind != "shop"                            ||  4 || stores: node.kind is never 'shop'; it is one of dc, store, 3pl, vendor
node.kind == "store"               || node.id == "chicago"                             ||  4 || stores: node.id is never 'chicago'; did you mean 'chi'?
node.kind == "store"               || node.country == "us"                             ||  4 || stores: node.country is never 'us'
node.kind == "store"               || node.open_orders == 0                            ||  4 || stores: node.open_orders cannot be used here: a set may use only node.id, node.kind, node.country, node.region, node.tags, node.priority
from = ["warehouses"]              || from = ["warehouse"]                             || 13 || unknown from "warehouse"; did you mean 'warehouses'?
from = ["warehouses"]              || from = []                                        || 13 || from must be a list that is not empty, not []
["dc", "3pl"]'                     || ["dc"]'                                          || 13 || this tier reaches no node: no node is in warehouses
from = ["warehouses"]              || from = ["warehouses"]\\nrequire = 'node.country != "US"' || 14 || this tier reaches no node: no node of warehouses meets this
'node.distance_km <= 3000.0'       || 'false'                                          || 23 || this tier reaches no node: no node of stores meets this
'node.promise_days <= 9'           || 'node.priority > 10'                             || 20 || tier 1 reaches no node: no node of stores meets this
'node.promise_days <= 9'           || 'node.priority > 10'                             || 20 || tier 2 reaches no node: no node of warehouses or stores meets this
'node.promise_days <= 9'           || 'node.kind == "3pl"'                             || 20 || tier 1 reaches no node: no node of stores meets this
'node.promise_days <= 9'           || 'node.promise_days <= 9.0'                       || 20 || require: <= mixes an int and a double: node.promise_days is an int, write 9 instead of 9.0
max_shipments = 1                  || max_shipments = 0                                || 14 || max_shipments must be a whole number of at least 1, not 0
"priority", "distance"             || "priority", "distnce"                            ||  9 || unknown rank "distnce"; did you mean 'distance'?
["priority", "distance"]           || ["cots"]                                         ||  9 || unknown rank "cots"; did you mean 'cost'?
"priority", "distance"             || "priority", "priority"                           ||  9 || rank names "priority" twice
"backorder"                        || "backorders"                                     || 10 || unfilled must be one of backorder, exception, cancel, not "backorders"; did you mean 'backorder'?
"backorder"                        || "cancel"                                         || 11 || cancel_after needs unfilled = "backorder": with "cancel" nothing waits
"backorder"                        || "exception"                                      || 11 || cancel_after needs unfilled = "backorder": with "exception" nothing waits
"60d"                              || "60d"\\nbeyond_sell_ahead = "backorder"                  || 12 || beyond_sell_ahead must be one of exception, cancel, not "backorder"
when = 'true'                      || when = 'true'\\nunfilled = "cancel"\\nbeyond_sell_ahead = "cancel" || 20 || beyond_sell_ahead needs unfilled = "backorder": with "cancel" no unit is sold ahead
"60d"                              || "two months"                                     || 11 || cancel_after must be a time span such as 500ms, 30s, 15m, 4h or 2d, not "two months"
"60d"                              || "0d"                                             || 11 || cancel_after must be more than 0, not "0d"
cancel_after = "60d"               || ship_to_store = true                             || 11 || ship_to_store needs sell_incoming = true: what is brought is promised before it is there
cancel_after = "60d"               || look_ahead = true                                || 11 || look_ahead needs "cost" in rank: a price is part of the cost by which plans are compared
cancel_after = "60d"               || sell_returns = true                              || 11 || sell_returns needs sell_incoming = true: nothing is promised from goods that come
cancel_after                       || cancel_aftr                                      || 11 || unknown key 'cancel_aftr'; did you mean 'cancel_after'?
per = "shipment"                   || per = "parcel"                                   || 29 || per must be one of shipment, unit, kg, carrier, not "parcel"
'node.open_orders > 20'            || '2 < 1'                                          || 30 || this cost is never charged: its when is never true
'500.0 + 0.4 * node.distance_km'   || '-1'                                             || 31 || amount must be at least 0, not -1
'500.0 + 0.4 * node.distance_km'   || '500 + 0.4 * node.distance_km'                   || 31 || amount: + mixes an int and a double: write 500.0 instead of 500
'500.0 + 0.4 * node.distance_km'   || 'item.weight_g'                                  || 31 || amount: item.weight_g cannot be used here: a require or cost may use only node.* and order.*; of its items write order.lines.exists(line, line.item.weight_g)
item.category == "perfume" && node.country != order.country || false                   || 34 || this excludes nothing: its when is never true
item.category == "perfume" && node.country != order.country || true                    || 34 || this excludes every item from every node: its when is always true
reason = "no perfume across a border" || reason = ""                                   || 35 || reason must be a text in quotes, such as "…", not ""
"15m"                              || "15 minutes"                                     || 37 || grace must be a time span such as 500ms, 30s, 15m, 4h or 2d, not "15 minutes"
[[250, 1], [20000, 6]]             || [[250, 1], [200, 6]]                             || 39 || standard: distances must ascend; this one is not above the one before
[[250, 1], [20000, 6]]             || [[250, -1]]                                      || 39 || standard must be a list of [km, days] such as [250, 1], not [250, -1]
standard = [[250, 1], [20000, 6]]  ||                                                  || 38 || [transit] names no service; one such as standard = [[20000, 3]] is needed
standard =                         || "Next Day" =                                     || 39 || the name of a service must be 1 to 32 of a-z, 0-9, '_' and '-', not 'Next Day'
version = "v1"                     || version = 1                                      ||  1 || version must be a text in quotes, such as "…", not 1
order.value > 500000               || order.value > 500000.0                           || 42 || when: > mixes an int and a double: order.value is an int, write 500000 instead of 500000.0
order.value > 500000               || order.value                                      || 42 || when: this is an int; it must be a condition, true or false
order.value > 500000               || order.valeu > 500000                             || 42 || when: unknown name 'order.valeu'; did you mean order.value?
order.value > 500000               || node.kind == "dc"                                || 42 || when: node.kind cannot be used here: a hold's when may use only order.*
order.value > 500000               || order.service == "air"                           || 42 || when: order.service is never 'air'; it is one of standard
order.value > 500000               || 1 > 2                                            || 42 || this hold is never placed: its when is never true; without when, only requests place it
order.value > 500000               || 1 / 0 == 1                                       || 42 || when always fails: divide by zero
when = 'order.value > 500000'      ||                                                  || 43 || reason is used only with when: a request that places this hold gives its own reason
reason = "approved by finance"     ||                                                  || 40 || reason is missing
owner = "finance"                  || owner = ""                                       || 44 || owner must be a text in quotes, such as "…", not ""
owner = "risk"                     ||                                                  || 46 || owner is missing
stock = "reserve"                  || stock = "keep"                                   || 45 || stock must be one of reserve, wait, not "keep"
stock = "reserve"                  || stocks = "wait"                                  || 45 || unknown key 'stocks'; did you mean 'stock'?
id = "fraud"                       || id = "approval"                                  || 47 || hold id 'approval' is there twice
id = "fraud"                       || id = "Fraud"                                     || 47 || the id of a hold must be 1 to 32 of a-z, 0-9, '_' and '-', not 'Fraud'
id = "fraud"                       ||                                                  || 46 || id is missing
version = "v1"                     || version = ""                                     ||  1 || version must be a text in quotes, such as "…", not ""
order.channel == "wholesale"       || order.channel == "a" && order.channel == "b"     ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || order.value > 100 && order.value < 101           ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || order.units < 1                                  ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || order.value >= 0                                 || 18 || this strategy is never reached: 'wholesale' before it matches everything
when = 'true'                      || when = 'order.channel == "wholesale" && order.value > 5' || 18 || this strategy is never reached: 'wholesale' before it matches all its orders
'node.distance_km <= 3000.0'       || 'node.distance_km < 0.0'                         || 23 || this tier reaches no node: no node of stores meets this
'node.distance_km <= 3000.0'       || 'node.distance_km > 20100.0'                     || 23 || this tier reaches no node: no node of stores meets this
'node.distance_km <= 3000.0'       || 'node.country == "US" && node.country == "CA"'   || 23 || this tier reaches no node: no node of stores meets this
'node.distance_km <= 3000.0'       || 'node.promise_days > 9'                          || 22 || this tier reaches no node: no node of stores meets its require and that of the strategy together
'node.promise_days <= 9'           || 'node.promise_days < 1'                          || 20 || tier 1 reaches no node: no node of stores meets this
'node.promise_days <= 9'           || 'node.promise_days < 1'                          || 20 || tier 2 reaches no node: no node of warehouses or stores meets this
'node.promise_days <= 9'           || 'node.capacity_left < 1'                         || 20 || tier 1 reaches no node: no node of stores meets this
'node.promise_days <= 9'           || 'node.capacity_left < 1'                         || 20 || tier 2 reaches no node: no node of warehouses or stores meets this
'node.open_orders > 20'            || 'node.open_orders < 0'                           || 30 || this cost is never charged: its when is never true
'node.open_orders > 20'            || 'node.kind == "store" && node.kind == "dc"'      || 30 || this cost is never charged: its when is never true
item.category == "perfume" && node.country != order.country || "a" in item.tags && !("a" in item.tags) || 34 || this excludes nothing: its when is never true
item.category == "perfume" && node.country != order.country || item.weight_g >= 0       || 34 || this excludes every item from every node: its when is always true
order.value > 500000               || order.priority > 9                               || 42 || this hold is never placed: its when is never true; without when, only requests place it
order.value > 500000               || order.weight_kg * 2.0 < 0.0                      || 42 || this hold is never placed: its when is never true; without when, only requests place it
order.channel == "wholesale"       || order.channel.matches("[")                       ||  8 || when: invalid regular expression: missing ]: [
node.kind == "store"               || ["shop"].exists(kind, kind == node.kind)         ||  4 || stores: node.kind is never 'shop'; it is one of dc, store, 3pl, vendor
order.channel == "wholesale"       || order.lines.exists(line, line.quantity < 1)          ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || order.lines.all(line, line.quantity > 0)             || 18 || this strategy is never reached: 'wholesale' before it matches everything
order.channel == "wholesale"       || order.attributes.a == "x" && order.attributes.a == "y" || 8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || "a" in order.tags && !("a" in order.tags)            ||  8 || this strategy is never reached: its when is never true
order.channel == "wholesale"       || order.lines.exists(line, line.item.tagz == "a")      ||  8 || when: unknown name 'line.item.tagz'; did you mean line.item.tags?
order.channel == "wholesale"       || order.lines.exists(line, line.item.category.matches("[")) || 8 || when: invalid regular expression: missing ]: [
'node.promise_days <= 9'           || '"cold" in node.tags'                                || 20 || tier 1 reaches no node: no node of stores meets this
'node.promise_days <= 9'           || '"cold" in node.tags'                                || 20 || tier 2 reaches no node: no node of warehouses or stores meets this
'node.distance_km <= 3000.0'       || 'node.region == "west"'                              || 23 || this tier reaches no node: no node of stores meets this
order.channel == "wholesale"       || order.channel == wholesale                       ||  8 || when: unknown name 'wholesale'; if it is a text, write "wholesale" in quotes
'node.promise_days <= 9'           || 'node.available > 9'                             || 20 || require: unknown name 'node.available': a rule does not see stock: the plan itself takes what is available
'node.distance_km <= 3000.0'       || 'node.distance_km <= 450'                        || 23 || require: <= mixes an int and a double: node.distance_km is a double, write 450.0 instead of 450
'order.channel == "wholesale"'     || "order.channel == "wholesale""                   ||  8 || a text in "…" ends at the next "; use '…' around a rule that has "…" in it
"""  # noqa: E501  (an aligned table)
SAID: dict[tuple[str, str], list[str]] = {}
"""Everything that is said when one thing stands instead of another."""
for row in MISTAKES.strip().splitlines():
    right, wrong, line, said = (cell.strip() for cell in row.split("||"))
    SAID.setdefault((right, wrong.replace("\\n", "\n")), []).append(f"policy.toml:{line}: {said}")

# what stands in nodes.toml || what stands there instead || line || what is said, whole
PLACES = """
latitude = 41.9\\nlongitude = -87.6 || latitude = 0\\nlongitude = 0.0                         || 11 || latitude and longitude are both 0, which usually means that they are not known; give the real ones
latitude = 41.9                     || postal_code = "6061"\\nlatitude = 41.9                 || 11 || postal_code: impossible in US; there it is such as 95014 or 22162-1010
longitude = -87.6                   || longitude = 87.6                                       || 11 || this is about 6,600 km outside US; perhaps the sign of longitude is wrong
latitude = 41.9\\nlongitude = -87.6 || latitude = -41.9\\nlongitude = -87.6                   || 11 || this is about 8,700 km outside US; perhaps the sign of latitude is wrong
country = "US"\\nlatitude = 41.9\\nlongitude = -87.6 || country = "CA"\\nlatitude = 51.05\\nlongitude = 114.07 || 11 || this is about 5,600 km outside CA; perhaps the sign of longitude is wrong
country = "US"\\nlatitude = 41.9\\nlongitude = -87.6 || country = "DE"\\nlatitude = 13.4\\nlongitude = 52.5    || 11 || this is about 5,600 km outside DE; perhaps latitude and longitude are exchanged
country = "US"\\npostal_code        || country = "PR"\\npostal_code                           ||  5 || postal_code: impossible in PR; there it is such as 00930
"84101"                             || "00011"                                                ||  5 || postal_code: impossible in US; no ZIP code begins with 000
"America/Denver"                    || "Europe/Munich"                                        ||  6 || unknown time zone 'Europe/Munich'; US has America/Boise, America/Denver, America/Phoenix, America/Los_Angeles and others
country = "US"\\nlatitude = 41.9\\nlongitude = -87.6\\ntime_zone = "America/Chicago" || country = "DE"\\nlatitude = 48.1\\nlongitude = 11.6\\ntime_zone = "Europe/Munich" || 13 || unknown time zone 'Europe/Munich'; DE has Europe/Busingen, Europe/Berlin
"84101"                             || "8410"                                                 ||  5 || postal_code: impossible in US; there it is such as 95014 or 22162-1010
"""  # noqa: E501  (an aligned table)


def mistakes(documents: NetworkDocuments) -> list[str]:
    """What is said of wrong documents."""
    with pytest.raises(NetworkMistakes) as refused:
        load(documents)
    return [str(mistake) for mistake in refused.value.mistakes]


def test_what_is_right_has_no_mistakes() -> None:
    assert load(RIGHT).version == "v1"


@pytest.mark.parametrize(("right", "wrong"), SAID)
def test_each_kind_of_mistake_is_reported_on_its_line_and_nothing_else_is(right: str, wrong: str) -> None:
    assert right in POLICY
    assert mistakes(replace(RIGHT, policy=POLICY.replace(right, wrong, 1))) == SAID[right, wrong]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [tuple(cell.strip().replace("\\n", "\n") for cell in row.split("||")) for row in PLACES.strip().splitlines()],
)
def test_a_place_that_cannot_be_is_reported_on_its_line(right: str, wrong: str, line: str, said: str) -> None:
    assert right in NODES
    assert mistakes(replace(RIGHT, nodes=NODES.replace(right, wrong, 1))) == [f"nodes.toml:{line}: {said}"]


@pytest.mark.parametrize(
    "allowed",
    [
        ('order.channel == "wholesale"', 'order.customer_tier == ""'),
        ('order.channel == "wholesale"', 'order.customer_tier == "gold"'),
        ('order.channel == "wholesale"', 'order.service == "standard"'),
        ('item.category == "perfume"', 'item.category == ""'),
        ('item.category == "perfume"', '"glass" in item.tags'),
        ("'node.promise_days <= 9'", "'node.priority > 10 || node.promise_days <= 9'"),
        ("'node.promise_days <= 9'", "'node.kind == \"store\"'"),
        ("max_shipments = 1", "max_shipments = 2\nsplit_line = true"),
        ("max_shipments = 1", "split_line = true"),
        ("[sets]", "[sets]\nspare = 'true'"),
        ('["priority", "distance"]', '["cost", "distance"]'),
        ('item.category == "perfume"', 'item.category == "lamps"'),
        ('item.category == "perfume"', 'item.sku == "LAMP" || "heavy" in item.tags'),
        ('order.channel == "wholesale"', "order.value > 100 && order.value < 102"),
        ('order.channel == "wholesale"', 'order.channel in ["a", "b"] && order.channel != "a"'),
        ('order.channel == "wholesale"', 'order.channel.startsWith("b") && order.channel != "b2b"'),
        ('order.channel == "wholesale"', 'order.country != "US" && order.country != "CA"'),
        ("'node.distance_km <= 3000.0'", "'node.distance_km <= 0.0'"),
        ("'node.distance_km <= 3000.0'", "'node.country == order.country'"),
        ("'node.distance_km <= 3000.0'", "'node.country != order.country'"),
        ("'node.promise_days <= 9'", "'node.promise_days <= 1'"),
        ("'node.promise_days <= 9'", "'node.open_orders == 0 || 1 / node.priority > 3'"),
        ("[[strategy.tier]]\nfrom = [\"stores\"]\nrequire = 'node.distance_km <= 3000.0'", 'ship_complete = "no"'),
    ],
)
def test_what_only_looks_like_a_mistake_is_none(allowed: tuple[str, str]) -> None:
    right, other = allowed
    assert right in POLICY
    load(replace(RIGHT, policy=POLICY.replace(right, other, 1)))


def test_a_narrower_last_tier_is_no_mistake_because_it_decides_what_ships_when_not_everything_can() -> None:
    last = '[[strategy.tier]]\nfrom = ["stores"]\n[[strategy.cost]]'
    network = load(replace(RIGHT, policy=POLICY.replace("[[strategy.cost]]", last, 1)))
    assert len(network.policy.strategies[-1].tiers) == 3


@pytest.mark.parametrize("wrong", ["weight", "sku,sku"])
def test_items_that_could_not_be_read_make_no_rule_look_wrong(wrong: str) -> None:
    documents = replace(RIGHT, items=ITEMS.replace("weight_g", wrong))
    assert {reported.partition(":")[0] for reported in mistakes(documents)} == {"items.csv"}


def test_services_that_could_not_be_read_make_no_rule_look_wrong() -> None:
    policy = POLICY.replace('order.channel == "wholesale"', 'order.service == "express"').replace("250, 1", "250")
    assert [reported.partition(": ")[0] for reported in mistakes(replace(RIGHT, policy=policy))] == ["policy.toml:39"]


def test_one_misspelt_name_of_a_set_is_one_mistake() -> None:
    policy = POLICY.replace('from = ["warehouses", "stores"]', 'from = ["stores"]').replace('from = ["warehouses"]', "")
    assert mistakes(replace(RIGHT, policy=policy)) == ["policy.toml:12: from is missing"]


def test_a_network_that_was_applied_before_a_check_existed_still_serves_its_orders() -> None:
    documents = replace(RIGHT, policy=POLICY.replace('unfilled = "backorder"', 'unfilled = "cancel"'))
    assert mistakes(documents)
    applied = load_applied(documents)
    assert [[sorted(tier.nodes) for tier in one.tiers] for one in applied.policy.strategies] == [
        [["slc"]],
        [["chi"], ["chi", "slc"]],
    ]


def test_a_rule_that_was_applied_is_kept_as_it_is_whatever_is_found_wrong_with_it_now() -> None:
    policy = POLICY.replace('item.category == "perfume"', 'node.kind in ["store", "shop"]')
    documents = replace(RIGHT, policy=policy, nodes=NODES.replace('"84101"', '"00011"'))
    assert len(mistakes(documents)) == 2
    applied = load_applied(documents)
    (exclusion,) = applied.policy.exclusions
    facts: dict[str, Fact] = {"node.kind": "dc", "node.country": "US", "order.country": "US"}
    assert exclusion.when.evaluate(facts) is False
    assert (applied.nodes["slc"].latitude, applied.nodes["slc"].longitude) == CENTROIDS["US"]

"""What a business wants to say, said in the policy language, and what then ships from where.

First the four sentences by which rules of sourcing are often judged. Then twelve situations that other systems publish as
worked examples of their rules, in our words. What the language cannot say of them:

- Where two nodes are equal otherwise, to prefer the one with more left of the item, or to ask first those that keep at least
  15, then 10, then 5 of it: a rule does not see stock. `node.on_hand`, an int that a rule of an [[exclude]] sees for its item,
  and a word "stock" for `rank` would say it. What never ships at all is said by a safety stock (situation 7).
- To split only where every parcel is worth something: a rule sees the value of the whole order, not of a part (situation
  10). A tier's `shipment_value_min` would say it.
- To keep lines together that the customer put together, such as a gift and its wrapping: only a bundle stays together, and
  always (situation 11). A `group` of an order's lines would say it.
- To ignore a store's limit of orders, or to use its safety stock, for some orders only: both are facts of the node, for all.
"""

import pytest

from domain.network import Network
from network.load import NetworkDocuments, load
from tests.sourcing_text import decide, outcome, rows

MAP = """
boulder       store   US  America/Denver     40.01  -105.27   # 39 km from Denver
fort-collins  store   US  America/Denver     40.59  -105.08   # 94 km
slc           3pl     US  America/Denver     40.76  -111.89   # 600 km
chicago       store   US  America/Chicago    41.89   -87.62   # 1480 km
maker         vendor  US  America/New_York   33.79   -84.45   # 1950 km
nwk           dc      US  America/New_York   40.72   -74.17   # 2600 km
toronto       dc      CA  America/Toronto    43.70   -79.40   # 2150 km
"""
NODE = """
[[node]]
id = "{}"
kind = "{}"
country = "{}"
time_zone = "{}"
latitude = {}
longitude = {}
capacity_per_day = 40
pickup = true
"""
ITEMS = """sku,name,weight_g,safety_stock,components,category,tags
CHAIR,Chair,6000,0,,furniture,
LAMP,Lamp,900,0,,light,
VASE,Vase,700,0,,glass,fragile
FRAME,Frame,50,0,,glasses,
LENS,Lens,10,0,,glasses,
GLASSES,Frame and two lenses,,0,FRAME*1 LENS*2,glasses,
"""


def network_of(policy: str, buffers: str = "") -> Network:
    """The map, under a policy without its version."""
    nodes = "".join(NODE.format(*line.split()[:6]) for line in MAP.strip().splitlines())
    return load(NetworkDocuments(nodes, f'version = "1"\n{policy}', ITEMS, buffers))


CLOSEST_UNLESS_ONE_BOX = """
[sets]
ours = 'node.kind != "vendor"'
[[strategy]]
id = "closest, unless a farther node ships complete in one box"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["ours"]
max_shipments = 1
[[strategy.tier]]
from = ["ours"]
max_shipments = 3
split_line = true
"""


@pytest.mark.parametrize(
    ("order", "stock", "ships", "rest"),
    rows("""
    order                           || stock                                                     || ships                            || rest
    web, Denver: CHAIR              || boulder: CHAIR; slc: CHAIR; nwk: CHAIR                    || boulder: CHAIR                   ||
    web, Boston: CHAIR              || boulder: CHAIR; slc: CHAIR; nwk: CHAIR                    || nwk: CHAIR                       ||
    web, Denver: CHAIR, LAMP        || boulder: CHAIR; slc: LAMP; nwk: CHAIR, LAMP               || nwk: CHAIR, LAMP                 ||
    web, Denver: CHAIR, LAMP        || boulder: CHAIR; slc: LAMP; nwk: CHAIR                     || boulder: CHAIR; slc: LAMP        ||
    web, Denver: 3 CHAIR            || boulder: 2 CHAIR; slc: 3 CHAIR                            || slc: 3 CHAIR                     ||
    web, Denver: 3 CHAIR            || boulder: 2 CHAIR; slc: 2 CHAIR; nwk: 2 CHAIR              || boulder: 2 CHAIR; slc: CHAIR     ||
    web, Denver: CHAIR, LAMP, VASE  || boulder: CHAIR, LAMP; slc: LAMP, VASE; nwk: CHAIR, VASE   || boulder: CHAIR, LAMP; slc: VASE  ||
    web, Denver: 5 CHAIR            || boulder: CHAIR; slc: CHAIR; chicago: CHAIR; nwk: CHAIR    || boulder: CHAIR; chicago: CHAIR; slc: CHAIR || waits: 2 CHAIR
    web, Denver: CHAIR              || maker: CHAIR                                              ||                                  || waits: CHAIR
    """),  # noqa: E501  (an aligned table)
)
def test_ship_closest_unless_a_farther_node_ships_complete_in_one_box(
    order: str, stock: str, ships: str, rest: str
) -> None:
    assert outcome(network_of(CLOSEST_UNLESS_ONE_BOX), order, stock) == (ships, rest)


@pytest.mark.parametrize(
    ("order", "stock", "ships", "rest"),
    rows("""
    order                    || stock                                           || ships                     || rest
    web, Denver: CHAIR, LAMP || boulder: CHAIR; slc: LAMP; chicago: CHAIR, LAMP || chicago: CHAIR, LAMP      ||
    web, Denver: CHAIR, LAMP || boulder: CHAIR; slc: LAMP; nwk: CHAIR, LAMP     || boulder: CHAIR; slc: LAMP ||
    web, Denver: CHAIR, LAMP || boulder: CHAIR; nwk: CHAIR, LAMP                || nwk: CHAIR, LAMP          ||
    """),
)
def test_ship_closest_unless_one_box_comes_from_no_farther_than_two_thousand_kilometres(
    order: str, stock: str, ships: str, rest: str
) -> None:
    bounded = CLOSEST_UNLESS_ONE_BOX.replace(
        "max_shipments = 1", "max_shipments = 1\nrequire = 'node.distance_km <= 2000.0'"
    )
    assert outcome(network_of(bounded), order, stock) == (ships, rest)


HOUSE = """
[sets]
warehouses = 'node.kind in ["dc", "3pl"]'
stores = 'node.kind == "store"'

[[strategy]]
id = "wholesale from warehouses only, complete"
when = 'order.channel == "wholesale"'
ship_complete = "order"
unfilled = "backorder"
cancel_after = "60d"
rank = ["priority", "distance"]
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 1

[[strategy]]
id = "marketplace in two days or to a person"
when = 'order.channel == "marketplace"'
require = 'node.promise_days <= 2'
unfilled = "exception"
rank = ["shipments", "distance"]
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 2

[[strategy]]
id = "stores only for direct orders"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["warehouses", "stores"]
max_shipments = 2
"""


@pytest.mark.parametrize(
    ("order", "stock", "ships", "rest"),
    rows("""
    order                             || stock                                || ships            || rest
    web, Denver: CHAIR                || boulder: CHAIR; slc: CHAIR           || boulder: CHAIR   ||
    phone, Denver: CHAIR              || boulder: CHAIR; slc: CHAIR           || boulder: CHAIR   ||
    wholesale, Denver: CHAIR          || boulder: CHAIR; slc: CHAIR           || slc: CHAIR       ||
    wholesale, Denver: CHAIR          || boulder: 9 CHAIR; chicago: 9 CHAIR   ||                  || waits: CHAIR
    marketplace, Denver, two_day: CHAIR || boulder: CHAIR; slc: CHAIR         || slc: CHAIR       ||
    marketplace, Denver, two_day: CHAIR || boulder: 9 CHAIR; chicago: 9 CHAIR ||                  || to a person: CHAIR
    """),
)
def test_stores_ship_direct_orders_only(order: str, stock: str, ships: str, rest: str) -> None:
    assert outcome(network_of(HOUSE), order, stock) == (ships, rest)


def test_no_other_strategy_reaches_a_store() -> None:
    network = network_of(HOUSE)
    reached = {
        strategy.id: {network.nodes[node].kind for tier in strategy.tiers for node in tier.nodes}
        for strategy in network.policy.strategies
    }
    assert [name for name, kinds in reached.items() if "store" in kinds] == ["stores only for direct orders"]


@pytest.mark.parametrize(
    ("order", "stock", "ships", "rest"),
    rows("""
    order                                     || stock                                      || ships                   || rest
    wholesale, Denver: 20 CHAIR               || slc: 20 CHAIR; nwk: 20 CHAIR               || slc: 20 CHAIR           ||
    wholesale, Denver: 20 CHAIR               || slc: 19 CHAIR; nwk: 20 CHAIR               || nwk: 20 CHAIR           ||
    wholesale, Denver: 20 CHAIR               || slc: 19 CHAIR; nwk: 19 CHAIR               ||                         || waits: 20 CHAIR
    wholesale, Denver: 20 CHAIR, LAMP         || slc: 20 CHAIR; nwk: LAMP                   ||                         || waits: 20 CHAIR, LAMP
    wholesale, Denver: 20 CHAIR               || boulder: 99 CHAIR; maker: 99 CHAIR         ||                         || waits: 20 CHAIR
    wholesale, Denver, ship complete no: 20 CHAIR || slc: 19 CHAIR                          || slc: 19 CHAIR           || waits: CHAIR
    """),  # noqa: E501  (an aligned table)
)
def test_wholesale_ships_from_warehouses_only_and_complete(order: str, stock: str, ships: str, rest: str) -> None:
    assert outcome(network_of(HOUSE), order, stock) == (ships, rest)


def test_a_wholesale_order_waits_sixty_days_and_no_longer() -> None:
    waiting = decide(network_of(HOUSE), "wholesale, Denver: CHAIR", "boulder: CHAIR").cancel_after
    assert waiting is not None
    assert waiting.days == 60


@pytest.mark.parametrize(
    ("order", "stock", "ships", "rest"),
    rows("""
    order                                     || stock                              || ships                       || rest
    marketplace, Denver, two_day: CHAIR       || slc: CHAIR; nwk: CHAIR             || slc: CHAIR                  ||
    marketplace, Denver, two_day: CHAIR       || nwk: CHAIR                         || nwk: CHAIR                  ||
    marketplace, Denver, two_day: CHAIR, LAMP || slc: CHAIR; nwk: LAMP              || nwk: LAMP; slc: CHAIR       ||
    marketplace, Denver: CHAIR                || slc: CHAIR; nwk: CHAIR             ||                             || to a person: CHAIR
    marketplace, Denver, two_day: CHAIR       || boulder: CHAIR                     ||                             || to a person: CHAIR
    marketplace, Denver, two_day: CHAIR, LAMP || slc: CHAIR                         || slc: CHAIR                  || to a person: LAMP
    """),  # noqa: E501  (an aligned table)
)
def test_a_marketplace_order_arrives_in_two_days_or_goes_to_a_person(
    order: str, stock: str, ships: str, rest: str
) -> None:
    assert outcome(network_of(HOUSE), order, stock) == (ships, rest)


SETS = """
[sets]
warehouses = 'node.kind in ["dc", "3pl"]'
stores = 'node.kind == "store"'
"""
SITUATIONS = {
    "1 marketplaces are served by the warehouse": """
[sets]
warehouses = 'node.kind == "dc"'
ours = 'node.kind != "vendor"'
[[strategy]]
id = "marketplaces"
when = 'order.channel in ["marketplace", "auction"]'
rank = ["distance"]
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 2
[[strategy]]
id = "everybody else"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["ours"]
max_shipments = 2
""",
    "2 a warehouse first, then stores": SETS
    + """
[[strategy]]
id = "online"
when = 'true'
rank = ["shipments", "distance"]
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 1
[[strategy.tier]]
from = ["stores"]
max_shipments = 3
""",
    "3 a store that is too busy is switched off": """
[sets]
stores = 'node.kind == "store"'
[[strategy]]
id = "stores"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["stores"]
""",
    "4 a store takes so many orders and no more": """
[sets]
stores = 'node.kind == "store"'
[[strategy]]
id = "stores"
when = 'true'
rank = ["distance"]
require = 'node.open_orders < 20'
[[strategy.tier]]
from = ["stores"]
""",
    "5 what a store rejects goes to another one": """
[sets]
stores = 'node.kind == "store"'
[[strategy]]
id = "stores"
when = 'true'
unfilled = "exception"
rank = ["distance"]
[[strategy.tier]]
from = ["stores"]
""",
    "6 only what is near": """
[sets]
ours = 'node.kind != "vendor"'
[[strategy]]
id = "near"
when = 'true'
unfilled = "cancel"
rank = ["distance"]
require = 'node.distance_km <= 80.0'
[[strategy.tier]]
from = ["ours"]
""",
    "7 stores keep ten of everything for those who walk in": """
[sets]
stores = 'node.kind == "store"'
[[strategy]]
id = "stores"
when = 'true'
rank = ["shipments", "distance"]
[[strategy.tier]]
from = ["stores"]
max_shipments = 3
split_line = true
""",
    "8 stores with a fixed rent before all stores": """
[sets]
fixed_rent = 'node.id in ["fort-collins", "chicago"]'
stores = 'node.kind == "store"'
[[strategy]]
id = "by rent"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["fixed_rent"]
[[strategy.tier]]
from = ["stores"]
""",
    "9 near in one box, near in several, far in one box, anyhow": """
[sets]
ours = 'node.kind != "vendor"'
[[strategy]]
id = "boxes against kilometres"
when = 'true'
rank = ["shipments", "distance"]
[[strategy.tier]]
from = ["ours"]
require = 'node.distance_km <= 160.0'
[[strategy.tier]]
from = ["ours"]
require = 'node.distance_km <= 160.0'
max_shipments = 3
split_line = true
[[strategy.tier]]
from = ["ours"]
[[strategy.tier]]
from = ["ours"]
max_shipments = 5
split_line = true
""",
    "10 cheap orders are not split": """
[sets]
ours = 'node.kind != "vendor"'
[[strategy]]
id = "cheap"
when = 'order.value < 10000'
ship_complete = "order"
rank = ["distance"]
[[strategy.tier]]
from = ["ours"]
[[strategy]]
id = "worth a second parcel"
when = 'true'
rank = ["shipments", "distance"]
[[strategy.tier]]
from = ["ours"]
max_shipments = 2
""",
    "11 what belongs together ships together, the rest may split": """
[sets]
ours = 'node.kind != "vendor"'
[[strategy]]
id = "split"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["ours"]
max_shipments = 3
split_line = true
""",
    "12 across the border only from the warehouse": """
[sets]
across = 'node.id == "nwk"'
warehouses = 'node.kind in ["dc", "3pl"]'
stores = 'node.kind == "store"'
[[strategy]]
id = "abroad"
when = 'order.country != "US"'
rank = ["distance"]
[[strategy.tier]]
from = ["across"]
[[strategy]]
id = "at home: a warehouse, a store, then as much as possible from warehouses"
when = 'true'
rank = ["cost", "shipments", "distance"]
[[strategy.tier]]
from = ["warehouses"]
[[strategy.tier]]
from = ["stores"]
[[strategy.tier]]
from = ["warehouses", "stores"]
max_shipments = 3
split_line = true
[[strategy.cost]]
per = "unit"
when = 'node.kind == "store"'
amount = '100'
""",
}
TEN_FOR_WALK_INS = "kind,sku,node,channel,units\n" + "".join(
    f"safety_stock,CHAIR,{node},,10\n" for node in ("boulder", "fort-collins", "chicago")
)

TABLE = """
   || order                                || stock                                                  || ships                             || rest
1  || marketplace, Denver: CHAIR           || boulder: CHAIR; slc: CHAIR; nwk: CHAIR                 || nwk: CHAIR                        ||
1  || auction, Denver: 2 CHAIR             || boulder: 9 CHAIR; nwk: CHAIR                           || nwk: CHAIR                        || waits: CHAIR
1  || web, Denver: CHAIR                   || boulder: CHAIR; slc: CHAIR; nwk: CHAIR                 || boulder: CHAIR                    ||
2  || web, Denver: CHAIR, LAMP             || boulder: CHAIR, LAMP; nwk: CHAIR, LAMP                 || nwk: CHAIR, LAMP                  ||
2  || web, Denver: CHAIR, LAMP             || boulder: CHAIR, LAMP; nwk: CHAIR; slc: LAMP            || boulder: CHAIR, LAMP              ||
2  || web, Denver: CHAIR, LAMP             || boulder: CHAIR; chicago: LAMP; slc: LAMP               || boulder: CHAIR; chicago: LAMP     ||
3  || web, Denver: CHAIR                   || boulder: CHAIR; chicago: CHAIR                         || boulder: CHAIR                    ||
3  || web, Denver: CHAIR                   || boulder (paused): CHAIR; chicago: CHAIR                || chicago: CHAIR                    ||
3  || web, Denver: CHAIR                   || boulder (paused): CHAIR                                ||                                   || waits: CHAIR
4  || web, Denver: CHAIR                   || boulder (19 open): CHAIR; chicago: CHAIR               || boulder: CHAIR                    ||
4  || web, Denver: CHAIR                   || boulder (20 open): CHAIR; chicago: CHAIR               || chicago: CHAIR                    ||
4  || web, Denver: CHAIR                   || boulder (full): CHAIR; chicago: CHAIR                  || chicago: CHAIR                    ||
5  || web, Denver: CHAIR                   || boulder (rejected): 5 CHAIR; chicago: CHAIR            || chicago: CHAIR                    ||
5  || web, Denver: CHAIR                   || boulder (rejected): 5 CHAIR; chicago (rejected): CHAIR ||                                   || to a person: CHAIR
6  || web, Denver: CHAIR                   || boulder: CHAIR; fort-collins: CHAIR                    || boulder: CHAIR                    ||
6  || web, Denver: CHAIR                   || fort-collins: CHAIR; slc: CHAIR                        ||                                   || cancelled: CHAIR
7  || web, Denver: 2 CHAIR                 || boulder: 12 CHAIR; chicago: 12 CHAIR                   || boulder: 2 CHAIR                  ||
7  || web, Denver: 2 CHAIR                 || boulder: 11 CHAIR; chicago: 12 CHAIR                   || chicago: 2 CHAIR                  ||
7  || web, Denver: 2 CHAIR                 || boulder: 11 CHAIR; chicago: 11 CHAIR                   || boulder: CHAIR; chicago: CHAIR    ||
7  || web, Denver: 2 CHAIR                 || boulder: 10 CHAIR; chicago: 11 CHAIR                   || chicago: CHAIR                    || waits: CHAIR
8  || web, Denver: CHAIR                   || boulder: CHAIR; fort-collins: CHAIR; chicago: CHAIR    || fort-collins: CHAIR               ||
8  || web, Denver: CHAIR                   || boulder: CHAIR; chicago: CHAIR                         || chicago: CHAIR                    ||
8  || web, Denver: CHAIR                   || boulder: CHAIR                                         || boulder: CHAIR                    ||
9  || web, Denver: CHAIR, LAMP             || boulder: CHAIR; fort-collins: CHAIR, LAMP              || fort-collins: CHAIR, LAMP         ||
9  || web, Denver: CHAIR, LAMP             || boulder: CHAIR; fort-collins: LAMP; slc: CHAIR, LAMP   || boulder: CHAIR; fort-collins: LAMP ||
9  || web, Denver: CHAIR, LAMP             || boulder: CHAIR; slc: LAMP; nwk: CHAIR, LAMP            || nwk: CHAIR, LAMP                  ||
9  || web, Denver: CHAIR, LAMP             || boulder: CHAIR; slc: LAMP                              || boulder: CHAIR; slc: LAMP         ||
10 || web, Denver, worth 9900: CHAIR, LAMP || boulder: CHAIR; slc: LAMP                              ||                                   || waits: CHAIR, LAMP
10 || web, Denver, worth 9900: CHAIR, LAMP || boulder: CHAIR; slc: LAMP; nwk: CHAIR, LAMP            || nwk: CHAIR, LAMP                  ||
10 || web, Denver, worth 10000: CHAIR, LAMP || boulder: CHAIR; slc: LAMP                             || boulder: CHAIR; slc: LAMP         ||
11 || web, Denver: GLASSES, LAMP           || boulder: FRAME, LAMP; slc: 2 LENS; nwk: GLASSES        || boulder: LAMP; nwk: GLASSES       ||
11 || web, Denver: FRAME, 2 LENS           || boulder: FRAME; slc: 2 LENS; nwk: GLASSES              || boulder: FRAME; slc: 2 LENS       ||
11 || web, Denver: GLASSES                 || boulder: FRAME; slc: 2 LENS                            ||                                   || waits: GLASSES
12 || web, Toronto: CHAIR                  || chicago: CHAIR; slc: CHAIR; nwk: CHAIR                 || nwk: CHAIR                        ||
12 || web, Toronto: CHAIR                  || chicago: CHAIR; slc: CHAIR                             ||                                   || waits: CHAIR
12 || web, Denver: 3 CHAIR                 || boulder: 3 CHAIR; nwk: 3 CHAIR                         || nwk: 3 CHAIR                      ||
12 || web, Denver: 3 CHAIR                 || boulder: 3 CHAIR; nwk: 2 CHAIR                         || boulder: 3 CHAIR                  ||
12 || web, Denver: 3 CHAIR                 || boulder: 2 CHAIR; nwk: 2 CHAIR                         || boulder: CHAIR; nwk: 2 CHAIR      ||
12 || web, Denver: 3 CHAIR                 || boulder: CHAIR; nwk: CHAIR                             || boulder: CHAIR; nwk: CHAIR        || waits: CHAIR
"""  # noqa: E501  (an aligned table)


@pytest.mark.parametrize(("situation", "order", "stock", "ships", "rest"), rows(TABLE))
def test_twelve_situations_of_retailers(situation: str, order: str, stock: str, ships: str, rest: str) -> None:
    policy = next(policy for name, policy in SITUATIONS.items() if name.startswith(f"{situation} "))
    buffers = TEN_FOR_WALK_INS if situation == "7" else ""
    assert outcome(network_of(policy, buffers), order, stock) == (ships, rest)


def test_all_twelve_situations_have_orders() -> None:
    assert {row[0] for row in rows(TABLE)} == {str(number) for number in range(1, 13)}
    assert len(SITUATIONS) == 12


def test_the_plan_says_in_words_why_the_store_that_is_full_or_busy_or_far_was_left_out() -> None:
    reported = {
        state: next(
            node.excluded
            for node in decide(network_of(SITUATIONS[situation]), "web, Denver: CHAIR", stock).explanation.nodes
            if node.node == "boulder"
        )
        for state, situation, stock in [
            ("paused", "3 a store that is too busy is switched off", "boulder (paused): CHAIR"),
            ("full", "4 a store takes so many orders and no more", "boulder (full): CHAIR"),
            ("busy", "4 a store takes so many orders and no more", "boulder (20 open): CHAIR"),
            ("rejected", "5 what a store rejects goes to another one", "boulder (rejected): CHAIR"),
        ]
    }
    assert reported == {
        "paused": "paused",
        "full": "capacity used up",
        "busy": "requires node.open_orders < 20 (node.open_orders is 20)",
        "rejected": "already tried",
    }


@pytest.mark.parametrize(
    ("town", "precision"),
    [
        ("Denver", "postal_code"),
        ("a new part of Denver", "city"),
        ("Toronto", "postal_code"),
    ],
)
def test_the_plan_says_how_well_the_customers_place_is_known(town: str, precision: str) -> None:
    decided = decide(network_of(CLOSEST_UNLESS_ONE_BOX), f"web, {town}: CHAIR", "slc: CHAIR")
    assert decided.document()["destination_precision"] == precision
    assert [shipment.node for shipment in decided.shipments] == ["slc"]

"""Past orders under two networks as tables: what each change of a rule does to cost, boxes and days, and why.

Two warehouses: New York is cheap (5.00 a shipment) and slow (handles two days), Denver is dear (8.00) and quick. A parcel
takes one day from either to anywhere. Only Denver has beds, only New York has clocks.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from simulation import compare
from simulation.comparison import Comparison
from simulation.files import inputs

NODES = """
[[node]]
id = "nyc"
kind = "dc"
country = "US"
latitude = 40.75
longitude = -74.0
time_zone = "UTC"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
handling_days = 2
priority = 1
# of nyc
"""
DENVER = """
[[node]]
id = "den"
kind = "store"
country = "US"
latitude = 39.75
longitude = -105.0
time_zone = "UTC"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
pickup = true
"""
ITEMS = """sku,name,weight_g,safety_stock,components
ARM,Armchair,9000,0,
BED,Bed,30000,0,
CLOCK,Clock,900,0,
SET,Bedroom set,,0,ARM*1 BED*2
"""
TIER_2 = """
[[strategy.tier]]
from = ["all"]
max_shipments = 2
"""
POLICY = f"""
version = "v1"
[sets]
all = 'true'
# strategies
[[strategy]]
id = "all"
when = 'true'
rank = ["cost"]
[[strategy.tier]]
from = ["all"]
# of tier 1
{TIER_2}
[[strategy.cost]]
per = "shipment"
amount = 'node.priority == 1 ? 500.0 : 800.0'
[transit]
standard = [[20000, 1]]
"""
STOCK = {"nyc": {"ARM": 10, "CLOCK": 10}, "den": {"ARM": 10, "BED": 10}}

Change = tuple[str, str]
"""A text of a network's files, and what stands there instead."""


def write_network(folder: Path, changes: Sequence[Change] = ()) -> Path:
    """A network directory with some of its texts replaced; every one of them must be there."""
    folder.mkdir()
    texts = {"nodes.toml": NODES + DENVER, "policy.toml": POLICY, "items.csv": ITEMS}
    for old, new in changes:
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def order(number: int, to: str, what: str, placed_at: str = "2026-11-23T12:00:00Z", **fields: Any) -> dict[str, Any]:
    """An order as a channel hands it in; `what` is such as "ARM BED*2"."""
    wanted = [(sku, int(quantity or 1)) for sku, _, quantity in (word.partition("*") for word in what.split())]
    return {
        "channel": "web",
        "number": str(number),
        "placed_at": placed_at,
        "currency": "USD",
        "ship_to": {"country": "US", "postal_code": {"Denver": "80202", "New York": "10001"}[to]},
        "lines": [
            {"line": str(n), "sku": sku, "quantity": quantity, "unit_price": 100}
            for n, (sku, quantity) in enumerate(wanted, 1)
        ],
        **fields,
    }


TUESDAY = "2026-11-24T12:00:00Z"
# fmt: off
ORDERS = [
    # number  to          what          by the cheapest plan
    order(1, "Denver",   "ARM"),       # nyc       5.00, 3 days
    order(2, "New York", "ARM*2"),     # nyc       5.00, 3 days
    order(3, "Denver",   "ARM BED"),   # den       8.00, 1 day
    order(4, "New York", "BED CLOCK", TUESDAY),   # both  13.00, 3 days
]
# fmt: on


def trial(
    folder: Path,
    *changes: Sequence[Change],
    orders: Sequence[dict[str, Any]] = ORDERS,
    stock: dict[str, dict[str, int]] | None = STOCK,
) -> Comparison:
    """The orders under a network with each of these groups of changes."""
    directories = [write_network(folder / f"network{n}", one) for n, one in enumerate(changes)]
    file = folder / "orders.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in orders))
    return compare(inputs(directories, [file], stock_file(folder, stock)), [str(one) for one in directories])


def stock_file(folder: Path, stock: dict[str, dict[str, int]] | None) -> Path | None:
    if stock is None:
        return None
    rows = [f"{node},{sku},{units}\n" for node, skus in stock.items() for sku, units in skus.items()]
    (folder / "stock.csv").write_text("node,sku,on_hand\n" + "".join(rows))
    return folder / "stock.csv"


def of_strategy(line: str) -> list[Change]:
    return [('rank = ["cost"]', f'rank = ["cost"]\n{line}')]


# fmt: off
CHANGES = [
    # what the second network says       what changes in its files
    #    cost  boxes  split  days by order        nyc  den  why the orders that changed did
    ("the same",                         [],
       31.00,    5,    1,   (3, 3, 1, 3),           4,   3, {}),
    ("the closest node",                 [('rank = ["cost"]', 'rank = ["distance"]')],
       34.00,    5,    1,   (1, 3, 1, 3),           3,   4, {"web-1": ["ranked by distance instead of cost"]}),
    ("no node beyond 2,000 km at first", [("# of tier 1", "require = 'node.distance_km <= 2000.0'")],
       34.00,    5,    1,   (1, 3, 1, 3),           3,   4,
       {"web-1": ["nyc: requires node.distance_km <= 2000.0 (node.distance_km is 2619.2) (under B)"]}),
    ("one box only",                     [(TIER_2, "")],
       23.00,    4,    0,   (3, 3, 1, None),        4,   2,
       {"web-4": ["tier 1 instead of 2", "1 unit unfilled instead of none"]}),
    ("New York costs 9.00",              [("500.0", "900.0")],
       41.00,    5,    1,   (1, 1, 1, 3),           1,   6,
       {"web-1": ["nyc costs 9.00 instead of 5.00"], "web-2": ["nyc costs 9.00 instead of 5.00"]}),
    ("New York ships one order a day",   [("# of nyc", "capacity_per_day = 1")],
       34.00,    5,    1,   (3, 1, 1, 3),           2,   5, {"web-2": ["nyc: capacity used up (under B)"]}),
    ("New York closes",                  [(NODES, "")],
       32.00,    4,    0,   (1, 1, 1, None),        0,   6,
       {"web-1": ["there is no nyc (under B)", "dearer by 3.00", "arrives 2 days sooner"],
        "web-2": ["there is no nyc (under B)", "dearer by 3.00", "arrives 2 days sooner"],
        "web-4": ["1 unit unfilled instead of none", "there is no nyc (under B)"]}),
    ("New York handles a day faster",    [("handling_days = 2", "handling_days = 1")],
       31.00,    5,    1,   (2, 2, 1, 2),           4,   3,
       {"web-1": ["arrives 1 day sooner"], "web-2": ["arrives 1 day sooner"], "web-4": ["arrives 1 day sooner"]}),
    ("a strategy for single units",      [("# strategies", """
[[strategy]]
id = "single"
when = 'order.units == 1'
rank = ["days"]
[[strategy.tier]]
from = ["all"]
[[strategy.cost]]
per = "shipment"
amount = '800.0'
""")],
       34.00,    5,    1,   (1, 3, 1, 3),           3,   4, {"web-1": ["strategy single instead of all"]}),
    ("New York is dearer by a cent",     [("500.0", "501.0")],
       31.03,    5,    1,   (3, 3, 1, 3),           4,   3, {}),
]
# fmt: on


@pytest.mark.parametrize(
    ("what", "changes", "cost", "boxes", "split", "days", "nyc", "den", "why"), CHANGES, ids=[row[0] for row in CHANGES]
)
def test_a_change_of_a_rule_has_the_outcome_that_one_computes_by_hand(
    what: str,
    changes: list[Change],
    cost: float,
    boxes: int,
    split: int,
    days: tuple[int | None, ...],
    nyc: int,
    den: int,
    why: dict[str, list[str]],
    tmp_path: Path,
) -> None:
    compared = trial(tmp_path, [], changes)
    first, second = compared.trials
    assert (first.cost, first.shipments, first.split.part) == (3100, 5, 1)
    assert (second.cost / 100, second.shipments, second.split.part) == (cost, boxes, split)
    assert tuple(one.days for one in second.outcomes) == days
    assert (second.units_by_node["nyc"], second.units_by_node["den"]) == (nyc, den)
    reasons = {change.before.order: [reason.words for reason in change.reasons] for change in compared.changes}
    assert reasons == why


def test_orders_that_cost_something_else_and_ship_the_same_way_are_counted(tmp_path: Path) -> None:
    compared = trial(tmp_path, [], [("500.0", "501.0")])
    assert (len(compared.changes), compared.repriced) == (0, 3)


def test_why_an_order_fell_to_a_later_tier_is_what_kept_its_nodes_from_the_earlier_one(tmp_path: Path) -> None:
    far = [("# of tier 1", "require = 'node.distance_km <= 2000.0 && node.id != \"den\"'")]
    compared = trial(tmp_path, [], far, orders=ORDERS[:1], stock={"nyc": {"ARM": 1}, "den": {"ARM": 1}})
    (outcome,) = compared.trials[1].outcomes
    assert (outcome.tier, compared.changes) == (2, ())  # tier 2 takes the cheapest again, so nothing ships differently
    tight = [*far, ("max_shipments = 2", "max_shipments = 2\nrequire = 'node.id == \"den\"'")]
    (tmp_path / "again").mkdir()
    (change,) = trial(tmp_path / "again", [], tight, orders=ORDERS[:1]).changes
    assert [reason.words for reason in change.reasons] == [
        "tier 2 instead of 1",
        'nyc: requires node.distance_km <= 2000.0 && node.id != "den" (node.distance_km is 2619.2, node.id is nyc) (under B)',
    ]


def test_a_node_that_keeps_too_much_stock_is_shown_with_what_it_could_give(tmp_path: Path) -> None:
    keeps = [("# of nyc", "safety_stock = 9")]
    pair = order(1, "Denver", "ARM ARM", ship_complete="no")
    (change,) = trial(tmp_path, [], keeps, orders=[pair], stock={"nyc": {"ARM": 10}, "den": {"ARM": 1}}).changes
    assert [reason.words for reason in change.reasons] == ["tier 2 instead of 1", "nyc: 1 of 2 units (under B)"]


def test_stock_that_earlier_orders_took_is_gone_and_named_as_the_reason(tmp_path: Path) -> None:
    closest = [('rank = ["cost"]', 'rank = ["distance"]')]
    stock = {"nyc": {"ARM": 2}, "den": {"ARM": 10}}
    compared = trial(tmp_path, [], closest, orders=ORDERS[:2], stock=stock)
    # The cheapest takes one of New York's two armchairs to Denver, and cannot fill the second order from there.
    assert [list(one.units_by_node) for one in compared.trials[0].outcomes] == [["nyc"], ["den"]]
    assert [list(one.units_by_node) for one in compared.trials[1].outcomes] == [["den"], ["nyc"]]
    assert [reason.words for reason in compared.changes[1].reasons] == [
        "stock at nyc was used up by earlier orders (under A)"
    ]


def test_orders_are_planned_in_the_order_in_which_they_were_placed(tmp_path: Path) -> None:
    late_first = [order(1, "Denver", "ARM", TUESDAY), order(2, "Denver", "ARM")]
    compared = trial(tmp_path, [], orders=late_first, stock={"nyc": {"ARM": 1}})
    assert [(one.order, one.is_filled) for one in compared.trials[0].outcomes] == [("web-2", True), ("web-1", False)]


def test_without_a_stock_file_every_node_has_everything(tmp_path: Path) -> None:
    compared = trial(tmp_path, [], orders=[order(1, "Denver", "ARM*1000000 BED*1000000 SET*1000000")], stock=None)
    assert compared.trials[0].units_by_node == {"nyc": 3_000_000, "den": 0}
    assert not compared.has_stock


def test_a_bundle_takes_its_components_from_one_stock_level_each(tmp_path: Path) -> None:
    stock = {"den": {"ARM": 3, "BED": 4}}  # beds for two sets
    sets = [order(number, "Denver", "SET") for number in (1, 2, 3)]
    compared = trial(tmp_path, [], orders=[*sets, order(4, "Denver", "ARM")], stock=stock)
    assert [one.is_filled for one in compared.trials[0].outcomes] == [True, True, False, True]


def test_safety_stock_and_what_is_kept_for_a_channel_is_not_given_away(tmp_path: Path) -> None:
    directory = write_network(tmp_path / "network")
    (directory / "buffers.csv").write_text(
        "kind,sku,node,channel,units\nsafety_stock,ARM,nyc,,2\nquota,ARM,,wholesale,3\n"
    )
    orders = [
        order(1, "Denver", "ARM*3 ARM"),
        order(2, "Denver", "ARM*2", TUESDAY, channel="wholesale"),
        order(3, "Denver", "ARM", "2026-11-25T12:00:00Z"),
    ]
    file = tmp_path / "orders.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in orders))
    stock = stock_file(tmp_path, {"nyc": {"ARM": 7}, "den": {"ARM": 1}})
    (result,) = compare(inputs([directory], [file], stock), ["network"]).trials
    # Of 8 armchairs 2 are never sold. The web gets what wholesale leaves of the 6, and nothing once 3 or fewer are left.
    assert [one.units_filled for one in result.outcomes] == [3, 2, 0]


def test_a_node_is_as_busy_as_its_shipments_that_have_not_left(tmp_path: Path) -> None:
    busy = [("'node.priority == 1 ? 500.0 : 800.0'", "'node.open_orders > 0 ? 1000.0 : 500.0'"), (DENVER, "")]
    orders = [order(n, "New York", "ARM", f"2026-11-{day}T12:00:00Z") for n, day in enumerate((23, 24, 27), 1)]
    compared = trial(tmp_path, busy, orders=orders, stock=None)
    # What was ordered on the 23rd leaves on the 25th: it is open on the 24th and gone on the 27th.
    assert [one.cost for one in compared.trials[0].outcomes] == [500, 1000, 500]


def test_what_customers_collect_is_planned_where_they_collect_it(tmp_path: Path) -> None:
    compared = trial(tmp_path, [], orders=[order(1, "New York", "ARM", pickup_node="den")])
    (result,) = compared.trials[0].outcomes
    assert (result.units_by_node, result.days, result.tier) == ({"den": 1}, 0, None)


def test_a_promise_is_kept_when_the_order_arrives_by_the_day_that_it_carries(tmp_path: Path) -> None:
    orders = [
        order(1, "Denver", "ARM", not_after="2026-11-26T00:00:00Z"),  # nyc: on the 26th
        order(2, "Denver", "ARM", not_after="2026-11-25T23:59:59Z"),
        order(3, "Denver", "ARM*11", not_after="2026-12-31T00:00:00Z"),  # never whole
        order(4, "Denver", "ARM"),
    ]
    result = trial(tmp_path, [], orders=orders).trials[0]
    assert [one.meets_due for one in result.outcomes] == [True, False, False, None]


def test_the_date_that_an_order_carries_is_a_day_of_the_node_that_ships(tmp_path: Path) -> None:
    zone = [(DENVER, DENVER.replace('"UTC"', '"America/Denver"'))]
    # From Denver on the 24th. In Denver, three in the morning of the 24th in UTC is the evening of the 23rd.
    orders = [order(n, "Denver", "BED", not_after=f"2026-11-{day}T03:00:00Z") for n, day in ((1, 24), (2, 25))]
    result = trial(tmp_path, zone, orders=orders).trials[0]
    assert [one.meets_due for one in result.outcomes] == [False, True]


def test_promises_are_compared_by_the_day_and_not_by_the_hour_of_another_time_zone(tmp_path: Path) -> None:
    # Denver's midnight is hours after UTC's; the day of delivery is the same.
    zone = [(DENVER, DENVER.replace('"UTC"', '"America/Denver"'))]
    compared = trial(tmp_path, [], zone, orders=ORDERS[2:3])
    assert compared.trials[1].no_later_than(compared.trials[0]) == (1, 1)
    assert compared.changes == ()


def test_the_same_files_say_the_same_every_time(tmp_path: Path) -> None:
    changes = [('rank = ["cost"]', 'rank = ["distance"]')]
    results = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        compared = trial(tmp_path / name, [], changes)
        results.append((compared.changes, [one.outcomes for one in compared.trials]))
    assert results[0] == results[1]

"""How much of an item can be had: at a node, of a bundle, in all, and when some of it is kept back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.availability import Availability, knows, on_sale, safety_stock_max
from domain.network import Buffers, Item, Network, Node, NodeKind, Policy
from domain.stock import StockLevel
from nodes.pull import Pull

STOPPED = datetime(2026, 11, 22, tzinfo=UTC)


def node(name: str, safety_stock: int) -> Node:
    return Node(
        id=name,
        name=name,
        kind=NodeKind.DC,
        country="US",
        latitude=0,
        longitude=0,
        time_zone=ZoneInfo("UTC"),
        dispatch=Pull.dispatch,
        safety_stock=safety_stock,
    )


NETWORK = Network(
    "v1",
    {"slc": node("slc", 0), "nwk": node("nwk", 1)},
    {
        "LAMP": Item(sku="LAMP", name="Lamp", weight_g=1),
        "CHAIR": Item(sku="CHAIR", name="Chair", weight_g=1, safety_stock=2),
        "SET": Item(sku="SET", name="Set", weight_g=1, components=(("LAMP", 1), ("CHAIR", 2))),
    },
    Policy(()),
    Buffers({("slc", "CHAIR"): 3}),
)

# fmt: off
LEVELS = [
    # what there is                          level                                              on sale
    ("everything",                           StockLevel("slc", "LAMP", 5, 0, 0),                     5),
    ("what is not promised",                 StockLevel("slc", "LAMP", 5, 1, 2),                     2),
    ("what is not set aside",                StockLevel("slc", "LAMP", 5, 0, 0, 2),                  3),
    ("what the node does not keep",          StockLevel("nwk", "LAMP", 5, 0, 0),                     4),
    ("what just this level does not keep",   StockLevel("slc", "CHAIR", 5, 0, 0),                    2),
    ("nothing, where it is stopped",         StockLevel("slc", "LAMP", 5, 0, 0, stopped_at=STOPPED), 0),
    ("never less than nothing",              StockLevel("slc", "LAMP", 1, 0, 3),                     0),
    ("nothing at a node that was dropped",   StockLevel("lax", "LAMP", 5, 0, 0),                     0),
    ("nothing of an item that was dropped",  StockLevel("slc", "VASE", 5, 0, 0),                     0),
]
# fmt: on


@pytest.mark.parametrize(
    ("what", "kept_back", "usable", "units"),
    [
        ("what is there", 0, {"slc", "nwk"}, {"slc": 5, "nwk": 3}),
        ("less where most is", 2, {"slc", "nwk"}, {"slc": 3, "nwk": 3}),
        ("nothing, and less elsewhere", 6, {"slc", "nwk"}, {"slc": 0, "nwk": 2}),
        ("all of it, when others have what is kept back", 3, {"slc"}, {"slc": 5}),
        ("nothing when all is kept back", 9, {"slc", "nwk"}, {"slc": 0, "nwk": 0}),
    ],
)
def test_each_node_has_its_units_and_all_together_no_more_than_there_are(
    what: str, kept_back: int, usable: set[str], units: dict[str, int]
) -> None:
    levels = [StockLevel("slc", "LAMP", 5, 0, 0), StockLevel("nwk", "LAMP", 4, 0, 0)]
    item = Availability("LAMP", NETWORK, {(level.node, level.sku): level for level in levels})
    assert item.at_each(lambda _: kept_back, usable) == units, what
    assert sum(units.values()) == item.in_all(lambda _: kept_back, usable)


@pytest.mark.parametrize(("level", "units"), [row[1:] for row in LEVELS], ids=[row[0] for row in LEVELS])
def test_a_stock_level_sells(level: StockLevel, units: int) -> None:
    assert on_sale(level, NETWORK) == units
    assert knows(NETWORK, level) == (level.node != "lax" and level.sku != "VASE")


def item(sku: str, *levels: StockLevel) -> Availability:
    return Availability(sku, NETWORK, {(level.node, level.sku): level for level in levels})


def none_kept_back(_: str) -> int:
    return 0


def test_a_bundle_is_as_many_as_its_scarcest_component_is_enough_for_at_each_node() -> None:
    bundle = item(
        "SET",
        StockLevel("slc", "LAMP", 9, 0, 0),
        StockLevel("slc", "CHAIR", 8, 0, 0),
        StockLevel("nwk", "LAMP", 9, 0, 0),
    )
    assert bundle.nodes == ["nwk", "slc"]
    assert [bundle.at("slc"), bundle.at("nwk")] == [2, 0]
    assert bundle.in_all(none_kept_back) == 2


def test_a_bundle_is_stopped_where_one_of_its_components_is() -> None:
    bundle = item("SET", StockLevel("slc", "LAMP", 9, 0, 0), StockLevel("slc", "CHAIR", 8, 0, 0, stopped_at=STOPPED))
    assert bundle.is_stopped_at("slc")
    assert not bundle.is_stopped_at("nwk")
    assert bundle.at("slc") == 0


def test_what_is_kept_back_is_kept_once_of_all_nodes_together_and_of_bundles_as_well() -> None:
    lamps = [StockLevel("slc", "LAMP", 3, 0, 0), StockLevel("nwk", "LAMP", 3, 0, 0)]
    assert item("LAMP", *lamps).in_all(lambda _: 4) == 3 + 2 - 4
    assert item("LAMP", *lamps).in_all(lambda _: 9) == 0
    bundle = item("SET", *lamps, StockLevel("slc", "CHAIR", 9, 0, 0), StockLevel("nwk", "CHAIR", 8, 0, 0))
    assert bundle.in_all(none_kept_back) == 3 + 2
    assert bundle.in_all({"LAMP": 2, "CHAIR": 0}.__getitem__) == 3
    assert bundle.in_all({"LAMP": 0, "CHAIR": 9}.__getitem__) == 1


def test_nothing_keeps_more_of_any_sku_than_the_most_that_is_asked_for() -> None:
    assert safety_stock_max(NETWORK) == 3
    assert safety_stock_max(Network("v2", {}, {}, Policy(()))) == 0

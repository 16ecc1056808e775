"""Why a line does not come from a node: what the node had of it, what of that could not be taken, or which rule forbids it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.network import Buffers, Network, Place, Precision
from domain.sourcing import NodeLoad, OrderFacts, Situation, Wanted
from domain.sourcing.lines import LINES_STORED_MAX, Basis, all_lines, with_lines
from domain.sourcing.supply import Entitlement, cooling_at, paused, plan_within, supply_of
from domain.stock import StockLevel
from network.load import NetworkDocuments, load

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ITEMS = """sku,name,weight_g,safety_stock,components,tags
CHAIR,Chair,6000,0,,
LAMP,Lamp,900,0,,
VASE,Vase,700,2,,
ACID,Acid,700,0,,hazmat
SET,Lamp and two chairs,,0,LAMP*1 CHAIR*2,
"""
POLICY = """
version = "v1"
[sets]
near = 'node.id != "far"'
[[strategy]]
id = "nearest"
when = 'true'
rank = ["distance"]
[[strategy.tier]]
from = ["near"]
max_shipments = 3
split_line = true
[[exclude]]
when = '"hazmat" in item.tags && node.id == "n1"'
reason = "hazmat does not fly"
[orders]
reject_cooldown = "4h"
"""
ORDER = OrderFacts(
    channel="web",
    service="standard",
    country="US",
    postal_code="80202",
    place=Place(39.0, -105.0, Precision.POSTAL_CODE),
)
FULL = {"n2": NodeLoad(capacity_used_today=9)}


def network_of(*nodes: str) -> Network:
    """Nodes in a row, the first the nearest."""
    tables = [
        f'[[node]]\nid = "{node}"\nkind = "dc"\ncountry = "US"\nlatitude = 39\nlongitude = {number / 40 - 105}\n'
        'time_zone = "UTC"\n'
        "capacity_per_day = 9\n"
        for number, node in enumerate(nodes, start=1)
    ]
    return load(NetworkDocuments("\n".join(tables), POLICY, ITEMS))


NETWORK = network_of("n1", "n2", "n3", "far")


def document_of(
    network: Network,
    wanted: list[Wanted],
    levels: list[StockLevel],
    workload: Mapping[str, NodeLoad],
    entitlement: Entitlement,
) -> dict[str, Any]:
    """The plan's document as it is stored and shown."""
    known = {(level.node, level.sku): level for level in levels}
    supply, limits = supply_of(network, known, "web", entitlement)
    cooling = cooling_at(network, known, NOON)
    situation = Situation(
        network=network,
        supply={place: 0 if place in cooling else units for place, units in supply.items()},
        now=NOON,
        workload=workload,
        paused=paused(known),
        cooling=cooling,
    )
    decided, situation = plan_within(ORDER, wanted, situation, limits)
    basis = Basis(wanted, known, situation, entitlement.own, entitlement.offers)
    stored = json.loads(json.dumps(with_lines(decided, basis)))
    return all_lines(stored)


def level(node: str, sku: str, on_hand: int, reserved: int = 0, allocated: int = 0, **more: Any) -> StockLevel:
    return StockLevel(node, sku, on_hand, reserved, allocated, **more)


ELSEWHERE = [level("n3", sku, 9) for sku in ("CHAIR", "LAMP", "VASE", "ACID")]


@pytest.mark.parametrize(
    ("sku", "stock", "more", "why"),
    [
        ("VASE", [level("n1", "VASE", 2)], {}, "2 on hand, 2 kept back"),
        (
            "VASE",
            [level("n1", "VASE", 6, 1, 2, set_aside=1)],
            {},
            "6 on hand, 1 set aside, 2 kept back, 3 promised to others",
        ),
        ("CHAIR", [], {}, "0 on hand"),
        ("CHAIR", [level("n1", "CHAIR", 0)], {}, "0 on hand"),
        ("CHAIR", [level("n1", "CHAIR", 5, stopped_at=NOON)], {}, "the sale of CHAIR is stopped"),
        ("CHAIR", [level("n1", "CHAIR", 5, is_paused=True)], {}, "paused"),
        ("CHAIR", [level("n1", "CHAIR", 5, offered_at=NOON)], {}, "CHAIR is offered to the orders that wait for it"),
        (
            "CHAIR",
            [level("n1", "CHAIR", 5, rejected_at=NOON - timedelta(hours=1))],
            {},
            "rejected CHAIR at 2026-11-23 11:00, not asked again until 2026-11-23 15:00",
        ),
        ("ACID", [level("n1", "ACID", 5)], {}, "hazmat does not fly"),
        ("CHAIR", [level("n1", "CHAIR", 5)], {"tried": ("n1",)}, "already tried"),
        ("SET", [level("n1", "LAMP", 5), level("n1", "CHAIR", 1)], {}, "CHAIR: 1 on hand"),
        ("CHAIR", [level("n2", "CHAIR", 5)], {"node": "n2"}, "capacity used up"),
        ("CHAIR", [level("far", "CHAIR", 5)], {"node": "far"}, "not in near"),
        ("CHAIR", [level("n1", "CHAIR", 5)], {}, "others were better"),
        ("CHAIR", [level("n1", "CHAIR", 5), level("n1", "LAMP", 1)], {}, None),
    ],
)
def test_a_line_says_why_it_does_not_come_from_a_node(
    sku: str, stock: list[StockLevel], more: dict[str, Any], why: str | None
) -> None:
    node = more.get("node", "n1")
    wanted = [Wanted("1", sku, 1, tried=more.get("tried", ())), Wanted("2", "LAMP", 1)]
    network = NETWORK
    (line, _) = lines_at(document_of(network, wanted, stock + ELSEWHERE, FULL, Entitlement()), node)
    assert line["why"] == why
    on_hand = {held.sku: held.on_hand for held in stock + ELSEWHERE if held.node == node}
    assert sku == "SET" or line["on_hand"] == on_hand.get(sku, 0)


def test_units_that_all_nodes_together_keep_back_from_a_channel_are_named() -> None:
    kept = replace(NETWORK, buffers=Buffers(thresholds={"CHAIR": 4}))
    document = document_of(kept, [Wanted("1", "CHAIR", 3)], [level("n1", "CHAIR", 6)], {}, Entitlement())
    (line,) = lines_at(document, "n1")
    assert (line["on_hand"], line["available"]) == (6, 2)
    assert line["why"] == "4 of CHAIR kept back from the channel in all nodes together"


def lines_at(document: dict[str, Any], node: str) -> list[dict[str, Any]]:
    """The lines of a node in a plan's document."""
    return next(known["lines"] for known in document["nodes"] if known["node"] == node)


def test_a_line_that_comes_from_a_node_in_part_says_how_many_and_why_no_more() -> None:
    stock = [level("n1", "CHAIR", 2), level("n3", "CHAIR", 1)]
    document = document_of(NETWORK, [Wanted("1", "CHAIR", 3)], stock, {}, Entitlement())
    (line,) = lines_at(document, "n1")
    assert (line["quantity"], line["planned"], line["available"], line["why"]) == (3, 2, 2, "2 on hand")


def test_an_item_that_is_not_sold_any_more_says_so_where_some_of_it_still_lies() -> None:
    items = {sku: item for sku, item in NETWORK.items.items() if sku != "LAMP"}
    now = replace(NETWORK, items=items, retired_items={"LAMP": NETWORK.items["LAMP"]})
    document = document_of(now, [Wanted("1", "LAMP", 1)], [level("n1", "LAMP", 3)], {}, Entitlement())
    (line,) = lines_at(document, "n1")
    assert (line["on_hand"], line["planned"], line["why"]) == (3, 0, "LAMP is retired")


def test_what_an_order_holds_itself_is_not_promised_to_others() -> None:
    own = Entitlement(own={("n1", "CHAIR"): 2})
    document = document_of(NETWORK, [Wanted("1", "CHAIR", 2)], [level("n1", "CHAIR", 2, 2)], {}, own)
    (line,) = lines_at(document, "n1")
    assert (line["planned"], line["promised"], line["why"]) == (2, 0, None)


def test_a_very_large_explanation_is_bounded_and_says_how_many_lines_it_leaves_out() -> None:
    names = [f"n{number}" for number in range(1, 301)]
    wanted = [Wanted(str(number), "CHAIR", 1) for number in range(40)]
    stock = [level(name, "CHAIR", 50) for name in names]
    document = document_of(network_of(*names, "far"), wanted, stock, {}, Entitlement())
    listed = [len(node["lines"]) for node in document["nodes"]]
    assert (len(listed), sum(listed)) == (200, LINES_STORED_MAX)
    assert [node["lines_beside"] for node in document["nodes"]] == [40 - lines for lines in listed]


def test_a_plan_from_before_lines_were_recorded_is_shown_without_them() -> None:
    old = {"nodes": [{"node": "n1", "excluded": None}]}
    assert all_lines(old)["nodes"] == [{"node": "n1", "excluded": None, "lines": [], "lines_beside": 0}]

"""What the network drops is retired: it stays known with its last definition, until it comes back."""

from dataclasses import replace

from network.load import load_applied
from network.retired import NOTHING, retire
from tests.database.shop import FARTHEST, MAP, NEAREST, NODE, NODES

WITHOUT_CHAIRS = "sku,name,weight_g,safety_stock,components\nLAMP,Lamp,900,0,\n"
NEAREST_ONLY = NODE.format(name=NEAREST, latitude=39.7)


def test_what_is_dropped_is_known_with_its_last_definition() -> None:
    later = replace(MAP, nodes=NEAREST_ONLY, items=WITHOUT_CHAIRS)
    later = replace(later, retired=retire(NOTHING, MAP.nodes, MAP.items, later.nodes, later.items))

    before, network = load_applied(MAP), load_applied(replace(later, policy=MAP.policy))

    assert set(network.items) == {"LAMP"}
    assert {sku: network.item(sku) for sku in network.retired_items} == {
        sku: before.items[sku] for sku in ("CHAIR", "VASE", "DESK-SET")
    }
    assert set(network.retired_nodes) == set(NODES) - {NEAREST}
    assert network.node(FARTHEST) == before.nodes[FARTHEST]
    assert network.components("DESK-SET") == (("LAMP", 1), ("CHAIR", 2))


def test_it_stays_known_from_version_to_version_and_comes_back() -> None:
    first = retire(NOTHING, MAP.nodes, MAP.items, MAP.nodes, WITHOUT_CHAIRS)
    second = retire(first, MAP.nodes, WITHOUT_CHAIRS, MAP.nodes, WITHOUT_CHAIRS)
    back = retire(second, MAP.nodes, WITHOUT_CHAIRS, MAP.nodes, MAP.items)

    assert second == first
    assert back == NOTHING


def test_a_plain_item_that_becomes_a_bundle_is_still_known_as_what_lies_there() -> None:
    bundle = MAP.items.replace("VASE,Vase,700,2,", "VASE,Vases,700,2,LAMP*2")
    later = replace(MAP, items=bundle, retired=retire(NOTHING, MAP.nodes, MAP.items, MAP.nodes, bundle))

    network = load_applied(later)

    assert network.item("VASE").components == (("LAMP", 2),)
    assert network.retired_items["VASE"].components == ()
    assert retire(later.retired, MAP.nodes, bundle, MAP.nodes, MAP.items) == NOTHING


def test_the_files_alone_say_whether_two_versions_are_the_same() -> None:
    assert replace(MAP, retired=NOTHING) == MAP
    assert replace(MAP, retired=NOTHING).digest == MAP.digest

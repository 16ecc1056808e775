"""A line of an order is what it was ordered as, whatever the network says of its item today."""

from domain.network import Item, Network, Policy
from domain.retired import as_ordered
from domain.units import OrderedLine

CHAIR = Item(sku="CHAIR", name="Chair", weight_g=6000)
LAMP = Item(sku="LAMP", name="Lamp", weight_g=900)
SET = Item(sku="SET", name="Set", weight_g=12_900, components=(("LAMP", 1), ("CHAIR", 2)))
TODAY = Network("v2", {}, {item.sku: item for item in (CHAIR, LAMP, SET)}, Policy(()))


def line(sku: str, weight_g: int | None = None, **components: int) -> OrderedLine:
    return OrderedLine(sku, 1, 0, 0, tuple(components.items()), weight_g)


def test_an_order_of_what_has_not_changed_sees_the_network_itself() -> None:
    assert as_ordered(TODAY, [line("CHAIR", 6000), line("SET", 12_900, CHAIR=2, LAMP=1), line("LAMP")]) is TODAY


def test_a_bundle_is_made_of_what_was_in_it_when_it_was_ordered() -> None:
    seen = as_ordered(TODAY, [line("SET", CHAIR=4)])

    assert seen.components("SET") == (("CHAIR", 4),)
    assert TODAY.components("SET") == (("LAMP", 1), ("CHAIR", 2))


def test_a_plain_item_stays_plain_for_its_order_when_it_becomes_a_bundle() -> None:
    seen = as_ordered(TODAY, [line("SET")])

    assert seen.components("SET") == (("SET", 1),)
    assert "SET" not in seen.items, "as that it is not sold any more"


def test_a_line_keeps_its_weight() -> None:
    assert as_ordered(TODAY, [line("CHAIR", 5000)]).item("CHAIR").weight_g == 5000


def test_a_bundle_of_something_that_is_retired_is_retired_for_its_order() -> None:
    later = Network("v3", {}, {"LAMP": LAMP, "SET": Item(sku="SET", name="Set", weight_g=900, components=(("LAMP", 1),))},
                    Policy(()), retired_items={"CHAIR": CHAIR})  # fmt: skip

    seen = as_ordered(later, [line("SET", LAMP=1, CHAIR=2)])

    assert "SET" not in seen.items
    assert seen.components("SET") == (("LAMP", 1), ("CHAIR", 2))
    assert "SET" in later.items


def test_an_item_that_no_version_knows_is_still_what_was_ordered() -> None:
    seen = as_ordered(TODAY, [line("TABLE", 9000, LEG=4)])

    assert "TABLE" not in seen.items
    assert seen.components("TABLE") == (("LEG", 4),)

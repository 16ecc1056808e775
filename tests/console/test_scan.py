"""Scanned codes: each adds to the item that has it; what no item or several have is refused in words."""

import pytest

from api.problems import Problem
from console import words
from console.scan import ITEMS_MAX, item_of, units, with_scan
from console.visit import Fields
from domain.network import Network
from network.load import NetworkDocuments, load, read
from tests.network.test_example import EXAMPLE

ITEMS = """sku,name,weight_g,safety_stock,components,barcode
A 1/x,First,1,0,,0850000150034
B,Second,1,0,,0850000150034
C,Third,1,0,,12345670
SET,Both,,0,C*2,
"""


def network_of(items: str) -> Network:
    """The shipped network with other items."""
    policy = 'version = "x"\n[sets]\nall = "true"\n[[strategy]]\nid = "all"\nwhen = "true"\n[[strategy.tier]]\nfrom = ["all"]\n'
    return load(NetworkDocuments((EXAMPLE / "nodes.toml").read_text(), policy, items))


def form(**filled: str) -> Fields:
    """What was filled in."""
    return Fields(tuple(filled.items()))


def test_a_scan_adds_to_what_is_counted_and_keeps_what_else_is_filled_in() -> None:
    network = load(read(EXAMPLE))
    asked = form(**{"units.TONER-200": "4", "reason": "the weekly count", "code": "850000150034", "more": "3"})
    once = with_scan(asked, network)
    assert (units(once), once.get("reason"), once.get("code")) == (
        {"TONER-200": 4, "SERUM-30": 3},
        "the weekly count",
        "",
    )
    again = with_scan(Fields((*once.pairs, ("code", "SERUM-30"))), network)
    assert units(again) == {"TONER-200": 4, "SERUM-30": 4}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "scan or type"),
        ("4006381333931", "no item has the barcode or SKU 4006381333931"),
        ("850000150034", "several items have the barcode 850000150034: type the SKU, one of A 1/x, B"),
        ("SET", "SET is a bundle: count its components"),
    ],
)
def test_a_code_that_means_no_one_item_is_refused(code: str, said: str) -> None:
    with pytest.raises(Problem) as raised:
        item_of(code, network_of(ITEMS))
    assert said in raised.value.detail


def test_a_sku_with_blanks_is_scanned_and_a_short_barcode_found() -> None:
    network = network_of(ITEMS)
    assert [item_of(code, network).sku for code in ("A 1/x", "12345670", "0012345670")] == ["A 1/x", "C", "C"]


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "1000001", "9" * 10])
def test_units_are_whole_numbers_up_to_a_million(number: str) -> None:
    with pytest.raises(Problem):
        units(form(**{"units.B": number}))


def test_one_form_has_so_many_items_and_no_more() -> None:
    full = Fields(tuple((f"units.S{number}", "1") for number in range(ITEMS_MAX)))
    with pytest.raises(Problem, match="at most"):
        with_scan(Fields((*full.pairs, ("code", "C"))), network_of(ITEMS))


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"A": 2}, {"A": 2}, []),
        ({"A": 2, "B": 0}, {"A": 2}, []),
        ({"A": 2}, {}, ["0 of 2 units of A: 2 units stay on the way."]),
        ({"A": 2}, {"A": 1}, ["1 of 2 units of A: 1 unit stays on the way."]),
        ({"A": 1}, {"A": 3}, ["3 units of A, and 1 is on the way: 2 units more."]),
        ({"A": 0}, {"A": 1}, ["1 unit of A, and 0 are on the way: 1 unit more."]),
    ],
)
def test_what_comes_of_a_transfer_is_compared_with_what_is_on_the_way(
    expected: dict[str, int], found: dict[str, int], said: list[str]
) -> None:
    assert words.of_receipt(expected, expected.keys(), found) == said


@pytest.mark.parametrize(
    ("on_hand", "promised", "counted", "said"),
    [
        (9, 4, 9, "A: 9 units, as it is booked."),
        (9, 4, 12, "A: 12 units instead of 9 (+3)."),
        (9, 4, 4, "A: 4 units instead of 9 (-5)."),
        (9, 4, 3, "A: 3 units instead of 9 (-6). 1 unit of 4 that orders have there"),
        (2, 4, 1, "A: 1 unit instead of 2 (-1). 3 units of 4 that orders have there"),
    ],
)
def test_a_count_says_what_it_changes_and_which_orders_it_takes_units_from(
    on_hand: int, promised: int, counted: int, said: str
) -> None:
    found = words.of_count("A", on_hand, promised, counted)
    assert found.startswith(said)
    assert ("orders have there" in found) == ("orders have there" in said)

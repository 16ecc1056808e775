"""Items of another system's file get into items.csv: the good rows, once, and nothing is dropped."""

import pytest

from network.items_csv import read_items
from network.merge_items import merge
from network.mistakes import Mistakes

HEADER = "sku,name,weight_g,safety_stock,components"
OURS = f"""{HEADER},category
SERUM-30,Serum,95,0,,skincare
TONER-200,Toner,240,5,,skincare
SET,The set,,0,SERUM-30*1 TONER-200*2,gift
"""


def merged(*rows: str, header: str = HEADER, current: str = OURS) -> tuple[str, list[str]]:
    """items.csv after a file, and the mistakes of the file."""
    mistakes = Mistakes("items-erp.csv")
    text = merge(current, "\n".join([header, *rows, ""]), mistakes)
    return text, [str(mistake) for mistake in mistakes.found()]


def test_a_known_item_is_changed_a_new_one_added_and_none_dropped() -> None:
    text, mistakes = merged("SERUM-30,Serum 30 ml,99,2,", "MASK,Mask,50,0,")
    assert mistakes == []
    items = read_items(text, Mistakes("items.csv"))
    assert list(items) == ["SERUM-30", "TONER-200", "SET", "MASK"]
    assert (items["SERUM-30"].name, items["SERUM-30"].weight_g, items["SERUM-30"].safety_stock) == (
        "Serum 30 ml",
        99,
        2,
    )
    assert items["SERUM-30"].category == "skincare"  # a column that the file does not have keeps its cells


def test_the_same_file_again_changes_no_byte() -> None:
    once, _ = merged("SERUM-30,Serum 30 ml,99,2,", 'MASK,"A mask, ""mild""",50,0,')
    again, mistakes = merged("SERUM-30,Serum 30 ml,99,2,", 'MASK,"A mask, ""mild""",50,0,', current=once)
    assert (again, mistakes) == (once, [])


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        ("MASK,Mask,heavy,0,", "weight_g must be a whole number from 0 to 1000000000, not 'heavy'"),
        ("MASK,Mask,1,0,NOTHING*2", "components name unknown SKU 'NOTHING'"),
        (" MASK,Mask,1,0,", "sku must be 1 to 64 characters"),
        ("MASK,Mask,1", "3 columns instead of 5"),
        ("GOOD,Again,1,0,", "sku 'GOOD' is there twice; the first is on line 2, and was taken"),
    ],
)
def test_a_wrong_row_is_named_and_the_others_are_taken(row: str, mistake: str) -> None:
    text, mistakes = merged("GOOD,Good,1,0,", row, "FINE,Fine,2,0,")
    assert len(mistakes) == 1
    assert mistakes[0].startswith(f"items-erp.csv:3: {mistake}")
    assert {"GOOD", "FINE"} <= read_items(text, Mistakes("items.csv")).keys()
    assert "MASK" not in text


def test_a_bundle_of_a_wrong_row_is_left_out_with_it() -> None:
    text, mistakes = merged("PART,Part,heavy,0,", "BOX,Box,,0,PART*2", "FINE,Fine,2,0,")
    assert [mistake.split(":")[1] for mistake in mistakes] == ["2", "3"]
    assert [*read_items(text, Mistakes("items.csv"))][3:] == ["FINE"]


def test_what_would_make_an_item_of_ours_wrong_is_not_taken() -> None:
    """SET names SERUM-30, which must not become a bundle."""
    text, mistakes = merged("SERUM-30,Serum,,0,TONER-200*1")
    assert text == OURS
    assert mistakes == [
        "items-erp.csv: nothing was taken, because items.csv would have a mistake: "
        "components name 'SERUM-30', which is a bundle too; name its components instead"
    ]


def test_a_wrong_header_or_a_wrong_file_of_ours_changes_nothing() -> None:
    assert merged("x", header="sku") == (
        OURS,
        ["items-erp.csv:1: missing columns name, weight_g, safety_stock, components"],
    )
    broken = OURS.replace("95", "heavy")
    text, mistakes = merged("MASK,Mask,50,0,", current=broken)
    assert text == broken
    assert mistakes[0].startswith(
        "items-erp.csv: nothing was taken, because items.csv has a mistake: items.csv:2: weight_g"
    )


def test_names_on_several_lines_keep_their_places() -> None:
    text, mistakes = merged('MASK,"one\ntwo\nthree",50,0,', "BAD,Bad,x,0,", "FINE,Fine,1,0,")
    assert [mistake.split(":")[1] for mistake in mistakes] == ["5"]
    assert read_items(text, Mistakes("items.csv"))["MASK"].name == "one\ntwo\nthree"

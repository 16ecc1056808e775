"""buffers.csv: what is kept back, and each kind of mistake in saying so, with its line and what would be right."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.network import Buffers
from network.load import NetworkDocuments, NetworkMistakes, check, load, read

NODE = """\
[[node]]
id = "{}"
kind = "dc"
country = "US"
postal_code = "84101"
time_zone = "America/Denver"
safety_stock = 3
"""
NODES = NODE.format("slc") + NODE.format("nwk")
POLICY = """\
version = "v1"
[sets]
all = 'true'
[[strategy]]
id = "everything"
when = 'true'
[[strategy.tier]]
from = ["all"]
"""
ITEMS = """\
sku,name,weight_g,safety_stock,components
SERUM,Serum,95,2,
TONER,Toner,240,5,
SET,Set,,,SERUM*1 TONER*2
"""
BUFFERS = """\
kind,sku,node,channel,units
safety_stock,SERUM,slc,,0
threshold,SERUM,,,4
quota,SERUM,,wholesale,50
"""

# what stands there || what stands there instead || line || what is said
MISTAKES = """
safety_stock,SERUM,slc,,0 || safety-stock,SERUM,slc,,0   || 2 || kind must be one of safety_stock, threshold, quota, not 'safety-stock'; did you mean 'safety_stock'?
threshold,                || ,                           || 3 || kind must be one of safety_stock, threshold, quota, not ''
SERUM,slc,,0              || SERM,slc,,0                 || 2 || unknown SKU 'SERM'; it must be one of items.csv; did you mean 'SERUM'?
SERUM,slc,,0              || SOAP,slc,,0                 || 2 || unknown SKU 'SOAP'; it must be one of items.csv
SERUM,slc,,0              || ,slc,,0                     || 2 || sku is missing; a safety_stock names sku and node
SERUM,slc,,0              || SERUM,,,0                   || 2 || node is missing; a safety_stock names sku and node
SERUM,slc,,0              || SERUM,slk,,0                || 2 || unknown node 'slk'; it must be one of nodes.toml; did you mean 'slc'?
SERUM,slc,,0              || SERUM,slc,web,0             || 2 || channel must be empty, not 'web': a safety_stock names sku and node only
SERUM,slc,,0              || SERUM,slc,,-1               || 2 || units must be a whole number from 0 to 1000000000, not '-1'
SERUM,slc,,0              || SERUM,slc,,1000000001       || 2 || units must be a whole number from 0 to 1000000000, not '1000000001'
SERUM,slc,,0              || SERUM,slc,,                 || 2 || units must be a whole number from 0 to 1000000000, not ''
threshold,SERUM           || threshold,SET               || 3 || sku 'SET' is a bundle, which is not stocked itself; name its components instead
SERUM,,,4                 || SERUM,slc,,4                || 3 || node must be empty, not 'slc': a threshold names sku only
SERUM,,,4                 || SERUM,,web,4                || 3 || channel must be empty, not 'web': a threshold names sku only
SERUM,,,4                 || ,,,4                        || 3 || sku is missing; a threshold names sku
SERUM,,,4                 || SERUM,,,0                   || 3 || units must be a whole number from 1 to 1000000000, not '0'
SERUM,,,4                 || SERUM,,,4.5                 || 3 || units must be a whole number from 1 to 1000000000, not '4.5'
,wholesale,               || ,,                          || 4 || channel is missing; a quota names sku and channel
,wholesale,               || nwk,wholesale,              || 4 || node must be empty, not 'nwk': a quota names sku and channel only
,wholesale,               || ,Wholesale,                 || 4 || channel must be 1 to 16 of a-z and 0-9, not 'Wholesale'
,wholesale,               || ,wholesalewholesal,         || 4 || channel must be 1 to 16 of a-z and 0-9, not 'wholesalewholesal'
,wholesale,50             || ,wholesale,0                || 4 || units must be a whole number from 1 to 1000000000, not '0'
,wholesale,50             || ,wholesale,50\\nquota,SERUM,,wholesale,60   || 5 || quota of SERUM, wholesale is there twice; the first is on line 4
,wholesale,50             || ,wholesale,x\\nthreshold,SERUM,,,4          || 4 || units must be a whole number from 1 to 1000000000, not 'x'
,wholesale,50             || ,wholesale,x\\nthreshold,SERUM,,,4          || 5 || threshold of SERUM is there twice; the first is on line 3
,wholesale,50             || ,wholesale,5\\n\\nsafety_stock,SERUM,slc,,0 || 6 || safety_stock of SERUM, slc is there twice; the first is on line 2
,wholesale,50             || ,wholesale,٥٠                || 4 || units must be a whole number from 1 to 1000000000, not '٥٠'
,wholesale,50             || ,"whole\\nsale",50\\nquota,TONER,,web,0     || 4 || channel must be 1 to 16 of a-z and 0-9, not 'whole\\nsale'
,wholesale,50             || ,"whole\\nsale",50\\nquota,TONER,,web,0     || 6 || units must be a whole number from 1 to 1000000000, not '0'
,wholesale,50             || ,wholesale,5,0              || 4 || 6 columns instead of 5; put a text with a comma in quotes
,wholesale,50             || ,"wholesale,50              || 4 || the quotes that open in this row are not closed
channel,units             || chanel,units                || 1 || missing column channel
channel,units             || chanel,units                || 1 || unknown column 'chanel'; did you mean 'channel'?
channel,units             || channel,units,remark        || 1 || unknown column 'remark'
channel,units             || channel,units,remark        || 2 || 5 columns instead of 6; put a text with a comma in quotes
channel,units             || channel,units,remark        || 3 || 5 columns instead of 6; put a text with a comma in quotes
channel,units             || channel,units,remark        || 4 || 5 columns instead of 6; put a text with a comma in quotes
channel,units             || channel,units,units         || 1 || column 'units' is there twice
kind,sku,node,channel     || kind                        || 1 || missing columns sku, node, channel
"""  # noqa: E501  (an aligned table)
SAID: dict[tuple[str, str], list[str]] = {}
"""Everything that is said when one thing stands instead of another."""
for row in MISTAKES.strip().splitlines():
    right, wrong, line, said = (cell.strip() for cell in row.split("||"))
    SAID.setdefault((right, wrong.replace("\\n", "\n")), []).append(f"buffers.csv:{line}: {said}")


def with_buffers(buffers: str, nodes: str = NODES, items: str = ITEMS) -> NetworkDocuments:
    """A network with these buffers, right in all that is not given."""
    return NetworkDocuments(nodes, POLICY, items, buffers)


def written(directory: Path) -> Path:
    """A network directory without buffers; the place of their file."""
    for file, text in (("nodes.toml", NODES), ("policy.toml", POLICY), ("items.csv", ITEMS)):
        (directory / file).write_text(text)
    return directory / "buffers.csv"


def mistakes(documents: NetworkDocuments) -> list[str]:
    """What is said of wrong documents."""
    with pytest.raises(NetworkMistakes) as refused:
        load(documents)
    return [str(mistake) for mistake in refused.value.mistakes]


@pytest.mark.parametrize(("right", "wrong"), SAID)
def test_each_kind_of_mistake_is_reported_on_its_line_and_nothing_else_is(right: str, wrong: str) -> None:
    assert right in BUFFERS
    assert mistakes(with_buffers(BUFFERS.replace(right, wrong, 1))) == SAID[right, wrong]


def test_all_mistakes_of_a_row_are_found_in_one_pass() -> None:
    assert mistakes(with_buffers("kind,sku,node,channel,units\nsafety_stock,SET,slk,web,many\n")) == [
        "buffers.csv:2: channel must be empty, not 'web': a safety_stock names sku and node only",
        "buffers.csv:2: sku 'SET' is a bundle, which is not stocked itself; name its components instead",
        "buffers.csv:2: units must be a whole number from 0 to 1000000000, not 'many'",
        "buffers.csv:2: unknown node 'slk'; it must be one of nodes.toml; did you mean 'slc'?",
    ]


def test_each_kind_of_buffer_is_read_with_its_units_in_whatever_order_the_columns_are() -> None:
    text = (
        "units,channel,node,sku,kind\n0,,slc,SERUM,safety_stock\n7,,nwk,SERUM,safety_stock\n1000000000,,,TONER,threshold\n"
        "1,wholesale,,SERUM,quota\n2,web,,SERUM,quota\n"
    )
    assert load(with_buffers(text)).buffers == Buffers(
        safety_stock={("slc", "SERUM"): 0, ("nwk", "SERUM"): 7},
        thresholds={"TONER": 1_000_000_000},
        quotas={("SERUM", "wholesale"): 1, ("SERUM", "web"): 2},
    )


def test_a_loaded_network_sells_and_keeps_back_as_its_buffers_say() -> None:
    network = load(with_buffers(BUFFERS))
    assert [network.safety_stock(node, "SERUM") for node in ("slc", "nwk")] == [0, 3]
    assert [network.kept_back("SERUM", channel) for channel in ("web", "wholesale")] == [54, 4]


@pytest.mark.parametrize("text", ["", "kind,sku,node,channel,units\n"], ids=["no file", "no rows"])
def test_a_network_without_buffers_keeps_nothing_back_but_the_safety_stock_of_nodes_and_items(text: str) -> None:
    network = load(with_buffers(text))
    assert network.buffers == Buffers()
    assert [network.safety_stock("slc", sku) for sku in ("SERUM", "TONER")] == [3, 5]


def test_a_file_as_a_spreadsheet_writes_it_is_read_like_any_other() -> None:
    as_written = "\ufeff" + BUFFERS.replace("\n", "\r\n")
    assert load(with_buffers(as_written)).buffers == load(with_buffers(BUFFERS)).buffers


def test_nodes_and_items_that_could_not_be_read_make_no_buffer_look_wrong() -> None:
    assert mistakes(with_buffers(BUFFERS, nodes=NODES.replace('id = "slc"', 'id = "SLC"'))) == [
        "nodes.toml:2: id must be 1 to 32 of a-z, 0-9 and '-', not 'SLC'"
    ]
    assert mistakes(with_buffers(BUFFERS, items=ITEMS.replace("weight_g", "weight_g,weight_g", 1))) == [
        "items.csv:1: column 'weight_g' is there twice"
    ]


def test_the_file_may_be_absent_and_is_read_and_checked_where_it_is_there(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert check(tmp_path) == []
    assert read(tmp_path) == NetworkDocuments(NODES, POLICY, ITEMS)
    file.write_text(BUFFERS)
    assert check(tmp_path) == []
    assert read(tmp_path) == with_buffers(BUFFERS)
    file.write_text(BUFFERS.replace("50", "half"))
    assert [str(mistake) for mistake in check(tmp_path)] == [
        f"{file}:4: units must be a whole number from 1 to 1000000000, not 'half'"
    ]


def test_a_file_that_is_there_and_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_bytes(b"kind,sku,node,channel,units\n\xff")
    assert [str(mistake) for mistake in check(tmp_path)] == [
        f"{file}:2: this is not UTF-8 text; save the file as UTF-8"
    ]
    file.unlink()
    file.mkdir()
    assert [str(mistake) for mistake in check(tmp_path)] == [f"{file}: buffers.csv is a directory, not a file"]


def test_other_buffers_make_another_digest() -> None:
    assert with_buffers(BUFFERS).digest != with_buffers("").digest
    assert with_buffers("a").digest != NetworkDocuments(NODES, POLICY, ITEMS + "a", "").digest


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_is_loaded_or_refused_with_mistakes_and_nothing_else_happens(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(BUFFERS)))
    end = data.draw(st.integers(start, len(BUFFERS)))
    between = data.draw(st.text(st.sampled_from("abS01 .,-²'\"\n\r\0"), max_size=9))
    with suppress(NetworkMistakes):
        load(with_buffers(BUFFERS[:start] + between + BUFFERS[end:]))

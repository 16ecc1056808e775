"""replenishment.csv: when stock is filled again, and each kind of mistake in saying so, with its line."""

from pathlib import Path

import pytest

from domain.network import ReplenishmentRule
from network.load import NetworkDocuments, NetworkMistakes, check, load, read
from tests.network.test_buffers import NODE, POLICY

NODES = NODE.format("slc") + NODE.format("nwk") + NODE.format("chi")
ITEMS = """\
sku,name,weight_g,safety_stock,components,pack_units
SERUM,Serum,95,2,,6
TONER,Toner,240,5,,
SET,Set,,,SERUM*1 TONER*2,
"""
WITH_TRANSIT = POLICY + "[transit]\nstandard = [[20000, 3]]\nnext_day = [[20000, 1]]\n"
RULES = """\
node,sku,min_units,max_units,min_days,max_days,sales_days,sources,service,automatic
chi,SERUM,10,40,,,,slc,,yes
chi,TONER,,,7,21,56,slc nwk,next_day,
nwk,SERUM,4,12,3,9,,,,no
"""

# what stands there || what stands there instead || line || what is said
MISTAKES = """
chi,SERUM,10   || ,SERUM,10     || 2 || node is missing; each row names a node and a sku
chi,SERUM,10   || chii,SERUM,10 || 2 || unknown node 'chii'; it must be one of nodes.toml; did you mean 'chi'?
chi,SERUM,10   || chi,,10       || 2 || sku is missing; each row names a node and a sku
chi,SERUM,10   || chi,SERM,10   || 2 || unknown SKU 'SERM'; it must be one of items.csv; did you mean 'SERUM'?
chi,SERUM,10   || chi,SET,10    || 2 || sku 'SET' is a bundle, which is not stocked itself; name its components instead
chi,SERUM,10   || nwk,SERUM,10  || 4 || SERUM at nwk is there twice; the first is on line 2
10,40          || ,             || 2 || give min_units and max_units, or min_days and max_days, or all four
10,40          || 10,           || 2 || max_units is missing; min_units and max_units are given together
10,40          || ,40           || 2 || min_units is missing; min_units and max_units are given together
10,40          || 10,9          || 2 || max_units must be a whole number from 10 to 1000000, not '9'
10,40          || 0,40          || 2 || min_units must be a whole number from 1 to 1000000, not '0'
10,40          || ten,40        || 2 || min_units must be a whole number from 1 to 1000000, not 'ten'
7,21,56        || 7,,56         || 3 || max_days is missing; min_days and max_days are given together
7,21,56        || 21,7,56       || 3 || max_days must be a whole number from 21 to 3660, not '7'
7,21,56        || 7,21,0        || 3 || sales_days must be a whole number from 1 to 3660, not '0'
7,21,56        || 7,21,3661     || 3 || sales_days must be a whole number from 1 to 3660, not '3661'
7,21,56        || 7,366001,56   || 3 || max_days must be a whole number from 7 to 3660, not '366001'
slc nwk        || slc nwc       || 3 || sources name the unknown node 'nwc'; it must be one of nodes.toml; did you mean 'nwk'?
slc nwk        || slc slc       || 3 || sources name slc twice
slc nwk        || slc chi       || 3 || sources name chi, the node that is filled
next_day       || nextday       || 3 || unknown service 'nextday'; it must be one of [transit] of policy.toml; did you mean 'next_day'?
,,yes          || ,,y           || 2 || automatic must be yes or no, not 'y'
sources        || source        || 1 || unknown column 'source'; did you mean 'sources'?
node,sku       || nodes,sku     || 1 || missing column node
node,sku       || nodes,sku     || 1 || unknown column 'nodes'; did you mean 'node'?
"""  # noqa: E501  (an aligned table)
SAID: dict[tuple[str, str], list[str]] = {}
"""Everything that is said when one thing stands instead of another."""
for row in MISTAKES.strip().splitlines():
    right, wrong, line, said = (cell.strip() for cell in row.split("||"))
    SAID.setdefault((right, wrong), []).append(f"replenishment.csv:{line}: {said}")


def documents(rules: str = RULES, *, policy: str = WITH_TRANSIT, items: str = ITEMS) -> NetworkDocuments:
    """A network with these rules, right in all that is not given."""
    return NetworkDocuments(NODES, policy, items, replenishment=rules)


def mistakes(of: NetworkDocuments) -> list[str]:
    """What is said of wrong documents."""
    with pytest.raises(NetworkMistakes) as refused:
        load(of)
    return [str(mistake) for mistake in refused.value.mistakes]


@pytest.mark.parametrize(("right", "wrong"), SAID)
def test_each_kind_of_mistake_is_reported_on_its_line_and_nothing_else_is(right: str, wrong: str) -> None:
    assert right in RULES
    assert mistakes(documents(RULES.replace(right, wrong, 1))) == SAID[right, wrong]


def test_rules_are_read_with_what_they_leave_out() -> None:
    network = load(documents())
    assert network.replenishment == {
        ("chi", "SERUM"): ReplenishmentRule(min_units=10, max_units=40, sources=("slc",), automatic=True),
        ("chi", "TONER"): ReplenishmentRule(
            min_days=7, max_days=21, sales_days=56, sources=("slc", "nwk"), service="next_day"
        ),
        ("nwk", "SERUM"): ReplenishmentRule(min_units=4, max_units=12, min_days=3, max_days=9, sales_days=28),
    }
    assert [network.items[sku].pack_units for sku in ("SERUM", "TONER", "SET")] == [6, 1, 1]


def test_columns_that_nobody_needs_may_be_absent() -> None:
    network = load(documents("sku,node,max_units,min_units\nSERUM,chi,9,3\n"))
    assert network.replenishment == {("chi", "SERUM"): ReplenishmentRule(min_units=3, max_units=9)}


def test_without_the_file_no_rule_fills_anything(tmp_path: Path) -> None:
    for file, text in (("nodes.toml", NODES), ("policy.toml", WITH_TRANSIT), ("items.csv", ITEMS)):
        (tmp_path / file).write_text(text)
    assert load(read(tmp_path)).replenishment == {}
    (tmp_path / "replenishment.csv").write_text(RULES.replace("chi,SERUM,10", "chi,SERUM,50"))
    assert [str(one) for one in check(tmp_path)] == [
        f"{tmp_path}/replenishment.csv:2: max_units must be a whole number from 50 to 1000000, not '40'"
    ]


def test_a_service_that_is_meant_and_not_there_is_named() -> None:
    policy = POLICY + "[transit]\nground = [[20000, 3]]\n"
    assert "unknown service 'standard', which is meant where service is empty" in mistakes(documents(policy=policy))[0]


def test_a_bundle_has_no_pack_and_a_pack_has_units() -> None:
    right = "TONER*2,"
    assert mistakes(documents(items=ITEMS.replace(right, f"{right}6"))) == [
        "items.csv:4: pack_units must be empty for a bundle; its components move between nodes, each in its own pack"
    ]
    assert mistakes(documents(items=ITEMS.replace("2,,6", "2,,0"))) == [
        "items.csv:2: pack_units must be a whole number from 1 to 1000000, not '0'"
    ]


def test_other_rules_make_another_digest_and_none_the_one_from_before_there_were_rules() -> None:
    before = NetworkDocuments("nodes", "policy", "items", "buffers")
    assert before.digest.startswith("5ed469e6945b3de8")
    assert documents("a").digest not in (documents("").digest, documents("b").digest)

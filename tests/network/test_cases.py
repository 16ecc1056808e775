"""Cases: a policy is tested with orders whose plans are known, and what it would do instead is said."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.network import Network
from network.load import examine, load, read
from network.try_cases import Tried, refusals, try_cases

EXAMPLE = Path(__file__).parents[2] / "network" / "example"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LAST_UNIT = "The last unit of a store in Los Angeles is not sold"

CASE = """\
[[case]]
name = "A serum comes from the nearest warehouse"
at = 2026-11-23T09:00:00-07:00
[case.order]
channel = "web"
ship_to = { country = "US", postal_code = "80202" }
lines = { SERUM-30 = 2 }
[case.stock]
nwk = { SERUM-30 = 9 }
slc = { SERUM-30 = 9 }
[case.plan]
nodes = ["slc"]
"""


@pytest.fixture(scope="module")
def shipped() -> Network:
    """The example network."""
    return load(read(EXAMPLE))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The example network with one case of its own."""
    copied = Path(shutil.copytree(EXAMPLE, tmp_path / "network"))
    (copied / "cases/own.toml").write_text(CASE)
    return copied


def tried_in(directory: Path, network: Network) -> Tried:
    return try_cases(read(directory).cases, str(directory / "cases"), network)


def said(directory: Path, *accepted: str) -> list[str]:
    """Why the cases refuse it, with files as the directory calls them."""
    found = refusals(tried_in(directory, load(read(directory))), str(directory), accepted)
    return [str(mistake).removeprefix(f"{directory}/") for mistake in found]


def test_the_shipped_policy_does_what_its_cases_say(shipped: Network) -> None:
    tried = tried_in(EXAMPLE, shipped)
    assert len(tried.names) > 8
    assert (tried.mistakes, dict(tried.broken)) == ((), {})


# file || what stands there || what stands there instead || the case that breaks and how
BREAKING = """
policy.toml || amount = '500.0 + 0.4 * node.distance_km' || amount = '500.0' || cases/own.toml || none
policy.toml || "fragile" in item.tags && node.kind == "store" || "fragil" in item.tags && node.kind == "store" || cases/direct.toml:73 || case 'Glass is packed in warehouses only' is broken: nodes is ["chi"], not ["nwk"]. The plan would be: chi ships 1 of CANDLE-220 (line 1): 0 km, cost 5.00, there in 1 day, by 2026-11-25 (strategy direct, tier 1)
nodes.toml || safety_stock = 1 || safety_stock = 0 || cases/direct.toml:43 || case 'The last unit of a store in Los Angeles is not sold' is broken: ships is {"lax": {"SERUM-30": 2}}, not {"lax": {"SERUM-30": 1}}; unfilled is {}, not {"SERUM-30": 1}; unfilled_action is null, not "backorder". The plan would be: lax ships 2 of SERUM-30 (line 1): 0 km, cost 5.00, there in 1 day, by 2026-11-25 (strategy direct, tier 1)
policy.toml || unfilled = "exception" || unfilled = "cancel" || cases/wholesale.toml:46 || case 'A marketplace order that would be late is for a person' is broken: unfilled_action is "cancel", not "exception". The plan would be: nobody fills 1 of SERUM-30 (line 1): cancel (strategy marketplace)
"""  # noqa: E501
CHANGES = [tuple(cell.strip() for cell in row.split(" || ")) for row in BREAKING.strip().splitlines()]


@pytest.mark.parametrize(("file", "old", "new", "where", "words"), CHANGES, ids=[row[2] for row in CHANGES])
def test_a_change_that_breaks_a_case_is_refused_with_the_plan_that_it_would_make(
    directory: Path, file: str, old: str, new: str, where: str, words: str
) -> None:
    text = (directory / file).read_text()
    assert old in text
    (directory / file).write_text(text.replace(old, new))
    found = said(directory)
    if words == "none":
        assert not any(line.startswith(where) for line in found)
    else:
        assert f"{where}: {words}" in found


def test_a_broken_case_can_be_accepted_by_its_name_and_by_no_other(directory: Path) -> None:
    nodes = directory / "nodes.toml"
    nodes.write_text(nodes.read_text().replace("safety_stock = 1", "safety_stock = 0"))
    assert [str(mistake).removeprefix(f"{directory}/") for mistake in examine(directory, NOW).mistakes] == said(
        directory
    )
    assert len(said(directory)) == 1
    assert said(directory, LAST_UNIT) == []
    assert said(directory, "The last unit") == [
        said(directory)[0],
        f"{directory}: no case 'The last unit' is broken, so nothing is accepted",
    ]


def test_a_case_that_is_not_broken_needs_no_acceptance(directory: Path, shipped: Network) -> None:
    assert [mistake.text for mistake in refusals(tried_in(directory, shipped), str(directory), [LAST_UNIT])] == [
        f"no case {LAST_UNIT!r} is broken, so nothing is accepted"
    ]


# what stands in the case || what stands there instead || line || what is said
MISTAKES = """
nodes = ["slc"]     || nodes = ["slv"]             || 12 || unknown nodes "slv"; did you mean 'slc'?
nodes = ["slc"]     || boxes = 1                   || 12 || unknown key 'boxes'
nodes = ["slc"]     || cost = "9.00"               || 12 || cost must be a whole number of at least 0, not "9.00"
nodes = ["slc"]     || ships = { slc = { SERUM = 1 } } || 12 || 'SERUM' is not an item of the network
nodes = ["slc"]     ||                             || 11 || it says nothing of the plan; it may say nodes, shipments, ships, unfilled, cost and others
2026-11-23T09:00:00-07:00 || 2026-11-23            || 3  || at must be a moment with its time zone, such as 2026-11-23T11:00:00-05:00, without quotes
SERUM-30 = 2        || SERUM-3 = 2                 || 7  || `lines.0.sku`: SERUM-3 is not an item of the network
SERUM-30 = 2        || SERUM-30 = 0                || 7  || `lines.0.quantity`: must be at least 1
channel = "web"     || chanel = "web"              || 5  || `chanel`: unknown; did you mean `channel`?
slc = {             || slv = {                     || 10 || 'slv' is not a node of the network; did you mean 'slc'?
slc = { SERUM-30    || slc = { SET-01              || 10 || SET-01 is a bundle: say how many of its components are there
"A serum comes from the nearest warehouse" || "Glass is packed in warehouses only" || 2 || there is another case 'Glass is packed in warehouses only'
[case.plan]         || [case.plans]                || 1  || plan is missing
"""  # noqa: E501
WRONG = [tuple(cell.strip() for cell in row.split("||")) for row in MISTAKES.strip().splitlines()]


@pytest.mark.parametrize(("old", "new", "line", "words"), WRONG, ids=[row[3][:60] for row in WRONG])
def test_a_mistake_in_a_case_is_said_with_its_line(
    directory: Path, shipped: Network, old: str, new: str, line: str, words: str
) -> None:
    assert old in CASE
    (directory / "cases/own.toml").write_text(CASE.replace(old, new))
    found = [str(mistake).removeprefix(f"{directory}/") for mistake in tried_in(directory, shipped).mistakes]
    assert any(one.startswith(f"cases/own.toml:{line}: {words}") for one in found), found

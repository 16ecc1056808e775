"""What the check warns of: what can be applied, and is probably not meant. And what it does not warn of."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from network.close_names import misspelt
from network.load import NetworkDocuments, examine, load
from network.warnings import warnings_of_channels, warnings_of_currencies
from tests.network.test_closed_days import WARNED
from tests.network.test_connections import OVERRIDDEN
from tests.network.test_mistakes import ITEMS, NODES
from tests.network.test_mistakes import POLICY as WITHOUT_CURRENCY

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/reference/network-check.md"

EXCLUDE = 'item.category == "perfume" && node.country != order.country'
POLICY = WITHOUT_CURRENCY.replace("[sets]", 'currency = "USD"\n[sets]', 1)
RATES = "date,from,to,rate\n2026-01-01,EUR,USD,1.17\n"
BUFFERS = "kind,sku,node,channel,units\nquota,SERUM,,wholesale,5\n"

# file || what stands there || what stands there instead || where || what is said, whole
WARNINGS = f"""
policy  || {EXCLUDE} || "hazmt" in item.tags                             || policy.toml:35  || when: no item has the tag 'hazmt'
policy  || {EXCLUDE} || "fragil" in item.tags                            || policy.toml:35  || when: no item has the tag 'fragil'; did you mean 'fragile'?
policy  || {EXCLUDE} || !("fragil" in item.tags) && node.kind == "store" || policy.toml:35  || when: no item has the tag 'fragil'; did you mean 'fragile'?
policy  || {EXCLUDE} || item.tags.exists(tag, tag == "fragil")           || policy.toml:35  || when: no item has the tag 'fragil'; did you mean 'fragile'?
policy  || {EXCLUDE} || ["glass", "fragil"].exists(one, one in item.tags) || policy.toml:35  || when: no item has the tag 'fragil'; did you mean 'fragile'?
policy  || {EXCLUDE} || item.tags.exists(tag, tag.startsWith("haz"))     || policy.toml:35  || when: no item has a tag that starts with 'haz'
policy  || {EXCLUDE} || "perfum" == item.category                        || policy.toml:35  || when: no item has the category 'perfum'; did you mean 'perfume'?
policy  || {EXCLUDE} || item.category != "perfum" && node.kind == "store" || policy.toml:35  || when: no item has the category 'perfum'; did you mean 'perfume'?
policy  || {EXCLUDE} || item.category in ["perfume", "lamps"]            || policy.toml:35  || when: no item has the category 'lamps'
policy  || {EXCLUDE} || item.sku == "SERUN"                              || policy.toml:35  || when: no item has the SKU 'SERUN'; did you mean 'SERUM'?
policy  || {EXCLUDE} || item.sku.endsWith("-XL")                         || policy.toml:35  || when: no item has a SKU that ends with '-XL'
policy  || {EXCLUDE} || node.kind == "vendor"                            || policy.toml:35  || when: no node is of the kind 'vendor'
policy  || {EXCLUDE} || node.country == "CA" || policy.toml:35  || when: no node is in 'CA'
policy  || {EXCLUDE} || node.region == "west" || policy.toml:35  || when: no node is in the region 'west'
policy  || {EXCLUDE} || node.region.startsWith("we") || policy.toml:35  || when: no node is in a region that starts with 'we'
policy  || {EXCLUDE} || "cold" in node.tags && item.weight_g > 9 || policy.toml:35  || when: no node has the tag 'cold'
policy  || {EXCLUDE} || item.hazmat && order.service == "standard" || policy.toml:35  || when: hazmat of items.csv is yes for no item
policy  || order.channel == "wholesale" || order.lines.exists(line, "hazmt" in line.item.tags) || policy.toml:9 || when: no item has the tag 'hazmt'
policy  || order.channel == "wholesale" || order.lines.exists(line, line.item.tags.exists(tag, tag == "fragil")) || policy.toml:9 || when: no item has the tag 'fragil'; did you mean 'fragile'?
policy  || order.channel == "wholesale" || order.lines.exists(line, line.item.ships_alone) || policy.toml:9 || when: ships_alone of items.csv is yes for no item
policy  || order.channel == "wholesale" || order.lines.all(one, one.item.category == "perfum") || policy.toml:9 || when: no item has the category 'perfum'; did you mean 'perfume'?
policy  || {EXCLUDE} || node.id.startsWith("nyc-")                       || policy.toml:35  || when: no node has an id that starts with 'nyc-'
policy  || {EXCLUDE} || "fragile" in item.tags && node.priority > 10     || policy.toml:35  || when: this excludes nothing: no node of today meets it
policy  || {EXCLUDE} || "fragile" in item.tags && node.distance_km > 900.0 || policy.toml:35 || when: where no distance can be measured, as for military mail, this excludes too; say so or not by node.distance_known
policy  || {EXCLUDE} || item.weight_g < 30000                            || policy.toml:8   || no node can ship any item for this strategy: [[exclude]] leaves none
policy  || {EXCLUDE} || item.weight_g < 30000                            || policy.toml:18  || no node can ship any item for this strategy: [[exclude]] leaves none
policy  || {EXCLUDE} || order.channel == "wholsale"                      || policy.toml:35  || when: the channel 'wholsale' is named only here, and 'wholesale' is nearly the same; is it misspelt?
policy  || order.channel == "wholesale" || order.channel == "wholsale"   || policy.toml:9   || when: the channel 'wholsale' is named only here, and 'wholesale' is nearly the same; is it misspelt?
policy  || order.value > 500000 || order.customer_tier in ["approvals", "aproval"] || policy.toml:43  || when: the customer tier 'aproval' is named only here, and 'approval' is nearly the same; is it misspelt?
policy  || 'order.value > 500000' || '''order.value > 5 &&\\n(\\norder.channel == "wholsale")''' || policy.toml:45 || when: the channel 'wholsale' is named only here, and 'wholesale' is nearly the same; is it misspelt?
policy  || node.open_orders > 20 || node.priority > 10                   || policy.toml:31  || when: this cost is never charged: no node of today meets it
policy  || node.open_orders > 20 || node.kind == "dc" && node.open_orders > 9 || policy.toml:31  || when: no node is of the kind 'dc'
policy  || [sets] || [sets]\\nvendors = 'node.kind == "vendor"'          || policy.toml:4   || no node is in vendors
policy  || 6]]\\n || 6]]\\nslow = [[9000, 12]]\\n                        || policy.toml:18  || no node can fill an order of this strategy with service 'slow': none meets what is required
policy  || grace = "15m" || grace = "15m"\\n[[returns.rule]]\\nwhen = '"trial" in item.tags'\\nwindow = "2d" || policy.toml:40 || when: no item has the tag 'trial'
policy  || currency = "USD"\\n || \\n || policy.toml:1 || amounts of every currency are compared as mere numbers (line 43); name the currency of the policy's amounts: currency = "USD"
policy  || currency = "USD" || currency = "CAD" || policy.toml:2 || orders in another currency than CAD cannot be judged where amounts are compared (line 43): rates.csv has no rate from or to CAD
policy  || currency = "USD"\\n[sets] || currency = "CAD"\\nreturns = {{ approve_below = 5000, fee = 100 }}\\n[sets] || policy.toml:2 || orders in another currency than CAD cannot be judged where amounts are compared (lines 3, 3, 44): rates.csv has no rate from or to CAD
buffers || wholesale || wholsale                                         || buffers.csv:2   || the channel 'wholsale' is named only here, and 'wholesale' is nearly the same; is it misspelt?
nodes   || "84101" || "09999"                                            || nodes.toml:5    || this node is placed at the middle of US, because 09999 cannot be located offline; give latitude and longitude
nodes   || "84101" || "84100"                                            || nodes.toml:5    || this node is placed at the middle of all 841…, because 84100 cannot be located offline; give latitude and longitude
nodes   || country = "US"\\npostal_code = "84101" || country = "VN"\\npostal_code = "700000" || nodes.toml:5 || this node is placed at the middle of VN, because 700000 cannot be located offline; give latitude and longitude
"""  # noqa: E501  (an aligned table)
SAID: dict[tuple[str, str, str], list[str]] = {}
"""Everything that is said when one thing stands instead of another."""
for row in WARNINGS.strip().splitlines():
    file, right, wrong, place, said = (cell.strip(" ").replace("\\n", "\n") for cell in row.split("||"))
    SAID.setdefault((file, right, wrong), []).append(f"{place}: warning: {said}")


def found_in(folder: Path, documents: NetworkDocuments) -> list[str]:
    """What is said of documents that can be applied."""
    for file, text in {
        "nodes.toml": documents.nodes,
        "policy.toml": documents.policy,
        "items.csv": documents.items,
        "buffers.csv": documents.buffers,
        "rates.csv": documents.rates or RATES,
    }.items():
        (folder / file).write_text(text)
    found = examine(folder, NOW)
    assert found.mistakes == ()
    return [str(warning).removeprefix(f"{folder}/") for warning in found.warnings]


@pytest.mark.parametrize(("file", "right", "wrong"), SAID)
def test_each_warning_has_its_line_and_stands_alone(file: str, right: str, wrong: str, tmp_path: Path) -> None:
    texts = {"nodes": NODES, "policy": POLICY, "items": ITEMS, "buffers": BUFFERS}
    assert right in texts[file]
    texts[file] = texts[file].replace(right, wrong, 1)
    assert found_in(tmp_path, NetworkDocuments(**texts)) == SAID[file, right, wrong]


BARCODES = [
    "items.csv:5: warning: barcode 4006381333913 is no GTIN: its last digit would be 7",
    "items.csv:7: warning: barcode 12345678 is also that of S-2",
]


def test_barcodes_that_a_scanner_cannot_tell_or_will_not_find_are_named(tmp_path: Path) -> None:
    barcodes = ["4006381333931", "4006381333913", "12345678", "12345678"]
    rows = [f"S-{number},,1,,,,,{code}\n" for number, code in enumerate(barcodes)]
    items = (
        ITEMS.replace("tags\n", "tags,barcode\n")
        .replace("skincare,\n", "skincare,,\n")
        .replace("fragile\n", "fragile,\n")
    )
    assert found_in(tmp_path, NetworkDocuments(NODES, POLICY, items + "".join(rows))) == BARCODES


# what stands in policy.toml || what stands there instead, without a warning
HARMLESS = f"""
{EXCLUDE} || "fragile" in item.tags
{EXCLUDE} || item.category == ""
{EXCLUDE} || item.weight_g > 30000 && node.kind == "store"
{EXCLUDE} || item.sku.startsWith("SER") && node.distance_known && node.distance_km > 5000.0
{EXCLUDE} || item.sku.startsWith("SER") && (!node.distance_known || node.distance_km > 5000.0)
{EXCLUDE} || item.tags.exists(tag, tag.contains("lass"))
{EXCLUDE} || size(item.tags) > 9
{EXCLUDE} || "fragile" in item.tags && node.kind != "vendor"
{EXCLUDE} || "fragile" in item.tags && node.kind in ["store", "dc"]
{EXCLUDE} || "fragile" in item.tags && node.country in ["US", "CA", "MX"]
{EXCLUDE} || item.sku.matches("^S.*")
{EXCLUDE} || node.region == "" && item.weight_g > 30000
order.channel == "wholesale" || order.lines.exists(line, "fragile" in line.item.tags)
order.channel == "wholesale" || order.lines.exists(line, line.attributes.wrap == "silk")
order.channel == "wholesale" || "vip" in order.tags || order.attributes.source == "pos"
{EXCLUDE} || order.channel == "b2b"
{EXCLUDE} || order.channel == "retail"
order.channel == "wholesale" || order.channel == "wholesale" && order.country in ["US", "CA"]
order.channel == "wholesale" || order.channel in ["shopus", "shopuk", "shop1", "shop2"]
order.channel == "wholesale" || order.channel.startsWith("whole")
order.value > 500000 || order.customer_tier == "gold" || order.customer_tier == "golden"
'node.distance_km <= 3000.0' || 'node.country == order.country'
'node.open_orders > 20' || 'node.capacity_left < 5'
"""


@pytest.mark.parametrize("row", HARMLESS.strip().splitlines())
def test_what_may_be_meant_gives_no_warning(row: str, tmp_path: Path) -> None:
    right, _, allowed = row.partition(" || ")
    assert right in POLICY
    documents = NetworkDocuments(NODES, POLICY.replace(right, allowed, 1), ITEMS, BUFFERS)
    assert found_in(tmp_path, documents) == []


@pytest.mark.parametrize("directory", ["network/example", "tests/workflows/network"])
def test_the_networks_of_this_repository_give_no_warning(directory: str) -> None:
    found = examine(ROOT / directory, NOW)
    assert (found.mistakes, list(found.warnings)) == ((), [])


def test_a_network_from_before_policies_had_a_currency_can_be_applied_with_a_warning() -> None:
    found = examine(ROOT / "tests/upgrade/network", NOW)
    assert (found.mistakes, [warning.line for warning in found.warnings]) == ((), [1])


def test_without_items_nothing_is_said_of_their_names(tmp_path: Path) -> None:
    header = ITEMS.splitlines()[0] + "\n"
    assert found_in(tmp_path, NetworkDocuments(NODES, POLICY, header)) == []


NO_RATE = (
    "open orders in GBP: 3; no rate to CAD is in force, so they cannot be judged where amounts are compared (line 43)"
)
NAMED = {"wholsale": ("policy.toml", 8), "web": ("buffers.csv", 2)}


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (set(), []),
        ({"web", "wholsale"}, []),
        (
            {"web", "wholesale"},
            [
                "policy.toml:8: warning: no order came yet from the channel 'wholsale', and it has no key;"
                " did you mean 'wholesale'?"
            ],
        ),
        (
            {"marketplace", "wholsale"},
            ["buffers.csv:2: warning: no order came yet from the channel 'web', and it has no key"],
        ),
    ],
)
def test_a_channel_that_the_database_does_not_know_is_named_when_others_are_known(
    known: set[str], said: list[str]
) -> None:
    assert [str(one) for one in warnings_of_channels(NAMED, known)] == said


def test_a_rule_about_transfers_is_no_mistake_and_transfers_alone_make_no_channel_known() -> None:
    for channel in ("transfer", "replenishment"):
        assert warnings_of_channels({channel: ("policy.toml", 3)}, {"web"}) == []
        assert warnings_of_channels(NAMED, {channel}) == []


@pytest.mark.parametrize(
    ("currency", "amounts", "open_orders", "said"),
    [
        ("CAD", "line 43", {"GBP": 3, "CAD": 2}, [NO_RATE]),
        ("USD", "line 43", {"EUR": 4, "USD": 1}, []),
        ("EUR", "line 43", {"USD": 4}, []),
        ("CAD", "", {"GBP": 3}, []),
        (None, "line 43", {"GBP": 3}, []),
    ],
    ids=["no rate", "a rate", "the other way", "nothing is compared", "amounts are mere numbers"],
)
def test_a_currency_of_open_orders_without_a_rate_is_named_where_amounts_are_compared(
    currency: str | None, amounts: str, open_orders: dict[str, int], said: list[str]
) -> None:
    policy = POLICY.replace('currency = "USD"\n', f'currency = "{currency}"\n' if currency else "")
    network = load(NetworkDocuments(NODES, policy, ITEMS, BUFFERS, RATES))
    warned = warnings_of_currencies("rates.csv", network, amounts, open_orders, NOW)
    assert [str(one) for one in warned] == [f"rates.csv:1: warning: {one}" for one in said]


@pytest.mark.parametrize(
    ("name", "known", "is_misspelt"),
    [
        ("wholsale", "wholesale", True),
        ("whoelsale", "wholesale", True),
        ("wholessale", "wholesale", True),
        ("whalesale", "wholesale", True),
        ("wholesales", "wholesale", False),
        ("amazonus", "amazonuk", False),
        ("shop1", "shop2", False),
        ("web2", "web", False),
        ("ebay", "eday", False),
        ("wholesale", "wholesale", False),
        ("marketplace", "wholesale", False),
    ],
)
def test_a_misspelt_name_differs_in_one_letter_and_not_at_its_end(name: str, known: str, is_misspelt: bool) -> None:
    assert misspelt(name, [known]) == (known if is_misspelt else None)


def test_the_page_shows_warnings_as_they_are_printed() -> None:
    section = PAGE.read_text().partition("## Warnings")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    printed = {
        line.partition("warning: ")[2].removeprefix("when: ") for lines in [*SAID.values(), BARCODES] for line in lines
    }
    printed |= {row.split("||")[2].strip() for row in WARNED.strip().splitlines()}
    printed.add(OVERRIDDEN)
    printed.add(NO_RATE)
    printed.add("no order came yet from the channel 'wholsale', and it has no key")
    assert len(shown) > 8
    assert [one for one in shown if one not in printed] == []

"""Warehouses that are reached by X12 in the network directory: what can be wrong, with its line, and what is understood."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.stock import StockState
from formats.x12.partner import Partner
from formats.x12.parts import Party
from network.load import NetworkDocuments, check, load, read
from network.sample import understood
from network.warehouse_items import WarehouseItems
from nodes.x12.profile import DEFAULT, ON_HOLD, PRODUCT_IDS, Routing, WarehouseProfile
from tests.network.test_mistakes import NODES, POLICY

ITEMS = """\
sku,name,weight_g,safety_stock,components,barcode
A,Apron,95,2,,036000291452
BÜGEL-1,Bowl,310,,,
bugel-1,Bin,10,,,
"""
KEYS = """\
dispatch = "edi940"
us = {qualifier = "ZZ", id = "SWITCHYARD"}
partner = {qualifier = "12", id = "8015550100"}
drop = "/var/lib/switchyard/slc"
poll = "30s"
"""
FILE = """\
version = "005010"
acknowledged_within = "4h"
time_zone = "UTC"
several_shipments = true
last_shipment = ["F"]
item_id_at = 8
on_hand = ["QH"]
counts_all = true
[item_ids]
VN = "sku"
UK = "gtin"
[units]
ca = 12
[routing]
standard = {method = "U", carrier = "UPSN"}
[moves]
AU = ["sellable", "damaged"]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A network directory whose first node is such a warehouse."""
    (tmp_path / "partners").mkdir()
    first, rest = NODES.split("\n", 1)
    texts = {
        "nodes.toml": f"{first}\n{KEYS}{rest}",
        "policy.toml": POLICY,
        "items.csv": ITEMS,
        "partners/slc.toml": FILE,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def loaded(directory: Path) -> NetworkDocuments:
    """The documents of a directory without mistakes."""
    assert check(directory) == []
    return read(directory)


def test_a_node_has_what_its_file_says(directory: Path) -> None:
    settings = load(loaded(directory)).node("slc").settings
    us, them = Party("ZZ", "SWITCHYARD"), Party("12", "8015550100")
    assert settings["agreed"] == Partner("slc", us, them, "005010", acknowledged_within=timedelta(hours=4))
    assert (settings["drop"], settings["sftp"], settings["poll"]) == (
        "/var/lib/switchyard/slc",
        None,
        timedelta(seconds=30),
    )
    assert settings["profile"] == WarehouseProfile(
        zone=ZoneInfo("UTC"),
        item_ids={"VN": "sku", "UK": "gtin"},
        units={"CA": 12},
        routing={"standard": Routing("U", "UPSN", "PP")},
        item_id_at=8,
        several_shipments=True,
        last_shipment=frozenset("F"),
        on_hand=("QH",),
        counts_all=True,
        moves={"AU": (StockState.SELLABLE, StockState.DAMAGED)},
    )


def test_without_a_file_everything_is_as_most_guides_say_in_the_zone_of_the_node(directory: Path) -> None:
    (directory / "partners/slc.toml").unlink()
    node = load(loaded(directory)).node("slc")
    profile = node.settings["profile"]
    assert profile.zone == node.time_zone
    assert (profile.item_ids, profile.moves, profile.item_id_at) == (PRODUCT_IDS, ON_HOLD, DEFAULT.item_id_at)


@pytest.mark.parametrize(
    ("file", "was", "becomes", "line", "said"),
    [
        ("nodes", 'drop = "/var/lib/switchyard/slc"', "", 1, "drop or sftp is missing"),
        ("nodes", '"8015550100"', '"8015550100801555"', 4, "id is 1 to 15 characters of ASCII"),
        ("nodes", 'poll = "30s"', 'poll = "10ms"', 6, "poll must be at least 1s"),
        ("nodes", 'poll = "30s"', 'secret = "s"', 6, 'secret is used only with dispatch = "webhook"'),
        ("slc", "item_id_at = 8", "item_id_at = 40", 6, "item_id_at is an element of W12 before the last, 22, not 40"),
        ("slc", '["QH"]', '["on hand"]', 7, "'on hand' is no code of X12 here"),
        ("slc", '["QH"]', "[]", 7, "on_hand must be a list that is not empty"),
        ("slc", "standard =", "overnight =", 15, "unknown service 'overnight'; it must be one of [transit]"),
        ("slc", '"UPSN"', '"ups"', 15, "carrier is a code of X12 in capitals, not 'ups'"),
        ("slc", '"sellable", "damaged"', '"sellable"', 17, "a move is from one state to another"),
        ("slc", '"gtin"', '"ean"', 11, 'UK must be one of sku, gtin, not "ean"'),
        ("slc", "ca = 12", "ca = 0", 13, "ca must be a whole number of at least 1, not 0"),
        ("slc", 'time_zone = "UTC"', 'time_zone = "Utah"', 3, "unknown time zone 'Utah'; such as America/Denver"),
        ("slc", "counts_all = true", 'documents = ["855"]', 8, "unknown key 'documents'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    directory: Path, file: str, was: str, becomes: str, line: int, said: str
) -> None:
    path = directory / ("nodes.toml" if file == "nodes" else "partners/slc.toml")
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes, 1))
    found = [(mistake.line, mistake.text) for mistake in check(directory)]
    assert any(at == line and words.startswith(said) for at, words in found), found


def test_a_file_of_nobody_and_a_name_of_two_partners_are_mistakes(directory: Path) -> None:
    (directory / "partners/slx.toml").write_text("")
    (directory / "channels.toml").write_text(
        '[[channel]]\nname = "slc"\nkind = "x12"\nus = {qualifier = "ZZ", id = "US"}\n'
        'partner = {qualifier = "ZZ", id = "BUYCO"}\ndrop = "/var/lib/buyco"\n'
    )
    found = [mistake.text for mistake in check(directory)]
    assert any(text.startswith("no channel of the kind x12 and no node with dispatch") for text in found), found
    assert any("are both trading partners by X12" in text for text in found), found


@pytest.mark.parametrize(
    ("kind", "value", "sku"),
    [
        ("sku", "A", "A"),
        ("sku", "a", "A"),
        ("sku", "BÜGEL-1", "BÜGEL-1"),
        ("sku", "bugel-1", "bugel-1"),
        ("sku", "BUGEL-1", None),
        ("sku", "X", None),
        ("gtin", "00036000291452", "A"),
        ("gtin", "036000291453", None),
    ],
)
def test_an_item_is_found_by_what_x12_can_spell_of_it_where_only_one_is_meant(
    directory: Path, kind: str, value: str, sku: str | None
) -> None:
    assert WarehouseItems(load(loaded(directory))).sku(kind, value) == sku


SAMPLE = (
    "ISA*00*          *00*          *12*8015550100     *ZZ*SWITCHYARD     *261130*0815*U*00401*000000042*0*P*>~"
    "GS*SW*8015550100*SWITCHYARD*20261130*0815*42*X*004010~"
    "ST*945*0001~W06*F*web-1-f1*20261130~LX*1~W12*CC*2*2**CA***VN*a~W12*CC*1*1**EA***VN*X~SE*6*0001~"
    "ST*945*0002~W06*F*web-2-f1*20261130~LX*1~W12*CC*2*2**LB***VN*A~SE*5*0002~"
    "GE*2*42~GS*RE*8015550100*SWITCHYARD*20261130*0815*43*X*004010~"
    "ST*944*0003~W17*F*20261130*R1~W07*5*EA**VN*A~SE*4*0003~ST*850*0004~BEG*00~SE*3*0004~"
    "ST*997*0005~AK1*OW*7~AK9*A*1*1*1~SE*4*0005~GE*3*43~IEA*2*000000042~"
)


def test_a_sample_of_a_warehouse_shows_what_would_be_understood(directory: Path) -> None:
    found = understood(load(loaded(directory)), SAMPLE.encode())
    assert [(one.what, one.is_fault) for one in found] == [
        ("slc 945 0001", False),
        ("slc 945 0002", True),
        ("slc 944 0003", False),
        ("slc 850 0004", True),
        ("slc 997 0005", False),
    ]
    assert found[0].lines == ["ships order web-1-f1", "24 of A", "1 of VN X, which nobody knows"]
    assert found[1].lines[0].startswith("W1203 of VN A is in LB")
    assert '"kind":"received"' in found[2].lines[0]
    assert found[4].lines == ["acknowledges group OW 7: A"]

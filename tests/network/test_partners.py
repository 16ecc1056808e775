"""Trading partners in the network directory: what can be wrong, with its line, and what a sample would become."""

from datetime import timedelta
from pathlib import Path

import pytest

from channels.x12.profile import ITEM_IDS, Profile
from domain.order import Address
from formats.x12.partner import Partner
from formats.x12.parts import Party
from network.load import NetworkDocuments, check, load, read
from network.sample import understood
from starter import network as command
from tests.network.test_mistakes import NODES, POLICY

ITEMS = "sku,name,weight_g,safety_stock,components\nA,Apron,95,2,\nB,Bowl,310,,\n"
CHANNELS = """\
[[channel]]
name = "buyco"
kind = "x12"
us = {qualifier = "12", id = "5551234567"}
partner = {qualifier = "ZZ", id = "BUYCO"}
drop = "/var/lib/switchyard/buyco"
gs1_prefix = "0614141"
"""
PARTNER = """\
version = "005010"
test = true
first_control = 7000
acknowledged_within = "4h"
sends_again = true
documents = ["855", "856"]
currency = "CAD"
service = "standard"
ship_complete = "order"
customer_tier = "retail"
[item_ids]
IN = "buyer_part"
VN = "sku"
[units]
dz = 12
[dates]
"037" = "not_before"
[services]
"UPS GROUND" = "standard"
[stores.0042]
company = "Corner Shop"
street = ["1 Main St"]
city = "Denver"
region = "CO"
postal_code = "80202"
country = "US"
"""
SFTP = 'sftp = {host = "edi.buyco.example", user = "us", host_key = "ssh-ed25519 AAAA", path = "ours"}'
ORDER = (
    "ISA*00*          *00*          *ZZ*BUYCO          *12*5551234567     *261130*0815*U*00401*000000042*0*T*>~"
    "GS*PO*BUYCO*5551234567*20261130*0815*42*X*004010~"
    "ST*850*0001~BEG*00*SA*4500017**20261130~N1*ST**92*0042~PO1*1*2*EA*9.95**VN*A~SE*5*0001~"
    "ST*850*0002~BEG*00*SA*4500018**20261130~N1*ST**92*0042~PO1*1*2*EA*9.95**VN*C~SE*9*0002~"
    "ST*850*0003~BEG*00*SA*4500019**20261130~N1*ST**92*0043~PO1*1*2*EA*9.95**VN*A~SE*5*0003~"
    "GE*3*42~IEA*1*000000042~"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A network directory with one partner."""
    (tmp_path / "partners").mkdir()
    texts = {"nodes.toml": NODES, "policy.toml": POLICY, "items.csv": ITEMS, "channels.toml": CHANNELS}
    for name, text in (texts | {"partners/buyco.toml": PARTNER}).items():
        (tmp_path / name).write_text(text)
    return tmp_path


def mistakes(directory: Path) -> list[str]:
    """What the check says, with files as the directory calls them."""
    return [str(mistake).removeprefix(f"{directory}/") for mistake in check(directory)]


def test_what_is_agreed_with_a_partner_is_read_whole(directory: Path) -> None:
    entry = load(read(directory)).connections["buyco"].entry

    assert entry["agreed"] == Partner(
        "buyco",
        Party("12", "5551234567"),
        Party("ZZ", "BUYCO"),
        version="005010",
        is_test=True,
        first_control=7000,
        acknowledged_within=timedelta(hours=4),
        sends_again=True,
    )
    assert entry["profile"] == Profile(
        item_ids={"IN": "buyer_part", "VN": "sku"},
        units={"DZ": 12},
        currency="CAD",
        dates={"037": "not_before"},
        stores={
            "0042": Address(
                company="Corner Shop",
                street=("1 Main St",),
                city="Denver",
                region="CO",
                postal_code="80202",
                country="US",
            )
        },
        services={"UPS GROUND": "standard"},
        ship_complete="order",
        customer_tier="retail",
        documents=frozenset({"855", "856"}),
    )
    assert (entry["drop"], entry["sftp"], entry["gs1_prefix"]) == ("/var/lib/switchyard/buyco", None, "0614141")


def test_a_partner_without_a_file_is_as_most_guides_say(directory: Path) -> None:
    (directory / "partners/buyco.toml").unlink()

    entry = load(read(directory)).connections["buyco"].entry

    assert entry["profile"] == Profile(item_ids=ITEM_IDS)
    assert entry["agreed"].version == "004010"


def test_another_file_of_a_partner_is_another_version_of_the_network(directory: Path) -> None:
    before = read(directory)
    (directory / "partners/buyco.toml").write_text(PARTNER.replace("7000", "7001"))

    assert read(directory).digest != before.digest
    assert NetworkDocuments(NODES, POLICY, ITEMS).digest == NetworkDocuments(NODES, POLICY, ITEMS, partners="").digest


# the file || what stands there || what stands there instead || line || what is said
MISTAKES = """
partners/buyco.toml || version = "005010" || version = "5010" || 1 || version must be one of 004010, 004030, 004050, 004060, 005010, 005030, not "5010"; did you mean '005010'?
partners/buyco.toml || test = true || tests = true || 2 || unknown key 'tests'; did you mean 'test'?
partners/buyco.toml || first_control = 7000 || first_control = 0 || 3 || first_control must be a whole number of at least 1, not 0
partners/buyco.toml || first_control = 7000 || first_control = 1000000000 || 3 || first_control is at most 999999999, not 1000000000
partners/buyco.toml || "855", "856" || "855", "866" || 6 || unknown documents "866"; did you mean '865'?
partners/buyco.toml || currency = "CAD" || currency = "cad" || 7 || currency is a code of ISO 4217 such as "USD", not 'cad'
partners/buyco.toml || service = "standard" || service = "standrd" || 8 || unknown service 'standrd'; it must be one of [transit] in policy.toml; did you mean 'standard'?
partners/buyco.toml || ship_complete = "order" || ship_complete = "all" || 9 || ship_complete must be one of order, line, no, not "all"
partners/buyco.toml || customer_tier = "retail" || waiting_units = "865" || 10 || the buyer gets no 865: add "865" to documents
partners/buyco.toml || customer_tier = "retail" || waiting_units = "856" || 10 || waiting_units must be one of nothing, 855, 865, not "856"; did you mean '865'?
partners/buyco.toml || IN = "buyer_part" || IN = "part" || 12 || IN must be one of sku, variant, gtin, buyer_part, not "part"
partners/buyco.toml || IN = "buyer_part" || in = "sku" || 12 || 'in' is no qualifier of X12
partners/buyco.toml || dz = 12 || dz = 0 || 15 || dz must be a whole number of at least 1, not 0
partners/buyco.toml || "not_before" || "before" || 17 || 037 must be one of not_before, not_before_delivery, not_after, ship_by, deliver_by, not "before"; did you mean 'not_before'?
partners/buyco.toml || UPS GROUND" = "standard" || UPS GROUND" = "ground" || 19 || unknown service 'ground'; it must be one of [transit] in policy.toml
partners/buyco.toml || country = "US" || country = "USA" || 26 || store 0042: country: String should match pattern '^[A-Z]{2}$'
channels.toml || us = {qualifier = "12", id = "5551234567"} || || 1 || us is missing
channels.toml || qualifier = "12" || qualifier = "1" || 4 || qualifier is two characters such as ZZ, 01 or 12, not '1'
channels.toml || "BUYCO" || "BUYCO*" || 5 || id is 1 to 15 characters of ASCII without * ~ or >, not 'BUYCO*'
channels.toml || "BUYCO" || "BUYCO-OF-AMERICA" || 5 || id is 1 to 15 characters of ASCII without * ~ or >, not 'BUYCO-OF-AMERICA'
channels.toml || qualifier = "ZZ", id = "BUYCO" || qualifier = "12", id = "5551234567" || 5 || partner is 12:5551234567, and so is us: an envelope names two parties
channels.toml || "/var/lib/switchyard/buyco" || "buyco" || 6 || drop must be a whole path such as /var/lib/switchyard/buyer, not 'buyco'
channels.toml || drop = "/var/lib/switchyard/buyco" || || 1 || drop or sftp is missing: drop = "/a/directory", or sftp = {host, port, user, host_key, path}
channels.toml || gs1_prefix = "0614141" || gs1_prefix = "614" || 7 || gs1_prefix has 7 to 10 digits, not '614'
channels.toml || gs1_prefix = "0614141" || api = "https://x.example" || 7 || unknown key 'api'
channels.toml || drop = "/var/lib/switchyard/buyco" || sftp = {host = "h", user = "u"} || 6 || host_key is missing
channels.toml || drop = "/var/lib/switchyard/buyco" || sftp = {host = "h", user = "u", host_key = "AAAA"} || 6 || host_key is a public key as ssh-keyscan writes it, such as "ssh-ed25519 AAAA…"
channels.toml || drop = "/var/lib/switchyard/buyco" || sftp = {host = "h", user = "u", host_key = "ssh-rsa AAAA", password = "x"} || 6 || password must not stand here: `python -m starter connect` reads credentials and seals them
"""  # noqa: E501


@pytest.mark.parametrize("row", MISTAKES.strip().splitlines())
def test_each_mistake_is_named_with_its_line(directory: Path, row: str) -> None:
    name, there, instead, line, said = (cell.strip() for cell in row.split("||"))
    text = (directory / name).read_text()
    assert there in text
    (directory / name).write_text(text.replace(there, instead, 1))

    assert f"{name}:{line}: {said}" in mistakes(directory)


def test_a_directory_and_a_server_at_once_are_one_too_many(directory: Path) -> None:
    (directory / "channels.toml").write_text(CHANNELS + SFTP)

    assert mistakes(directory) == [
        'channels.toml:6: drop and sftp are both there; files lie in one place: drop = "/a/directory", '
        "or sftp = {host, port, user, host_key, path}"
    ]


def test_a_file_of_nobody_is_a_mistake(directory: Path) -> None:
    (directory / "partners/byco.toml").write_text("")

    assert mistakes(directory) == [
        "partners/byco.toml: no channel of the kind x12 and no node with dispatch = \"edi940\" is called 'byco'; "
        "did you mean 'buyco'?"
    ]


def test_a_sample_shows_what_each_set_would_become(directory: Path) -> None:
    first, second, third = understood(load(read(directory)), ORDER.encode())

    assert (first.what, first.is_fault) == ("buyco 850 0001", False)
    assert first.lines[0].startswith('order buyco-4500017: {"channel":"buyco","reference":"4500017"')
    assert (second.is_fault, second.lines[0]) == (True, "noted: SE counts 9 segments, and there are 5")
    assert second.lines[2] == "line 1: nobody knows the item C; name it in aliases.csv"
    assert (third.is_fault, list(third.lines)) == (
        True,
        ["store 0043 has no address here: add it to [stores] in the partner's file"],
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "the file:\n  it is no X12: an interchange begins with ISA, not with '{}'"),
        (
            ORDER.replace("*ZZ*BUYCO", "*ZZ*OTHER"),
            "interchange 000000042:\n  its sender ZZ:OTHER is no partner of channels.toml or nodes.toml",
        ),
    ],
)
def test_a_sample_of_nobody_is_said_to_be_one(directory: Path, content: str, said: str) -> None:
    assert [str(one) for one in understood(load(read(directory)), content.encode())] == [said]


def test_a_sample_of_a_change_names_the_order_that_it_changes(directory: Path) -> None:
    change = "ST*860*0001~BCH*04*SA*4500017**1*20261130~POC*1*QD*1~SE*4*0001~GE*1*42~IEA*1*000000042~"

    (found,) = understood(load(read(directory)), (ORDER.partition("ST*")[0] + change).encode())

    assert str(found) == "buyco 860 0001:\n  changes order 4500017; it is read together with the 850 of the order"


def test_the_command_says_it_and_its_exit_code_does(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = directory / "850.edi"
    sample.write_text(ORDER)

    assert command.check(directory, sample=sample) == 1
    assert "buyco 850 0001:\n  order buyco-4500017: " in capsys.readouterr().out

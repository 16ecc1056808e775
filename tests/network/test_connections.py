"""channels.toml and aliases.csv: what can be wrong in them, with its line, and what a version makes of them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels import kinds
from channels.channel import Key, Units
from database.network import SEALED
from domain.network import Alias, Connection, Network
from network.catalogue import ChannelCatalogue
from network.changes import Changes, Kind, changes, other_changes
from network.load import NetworkDocuments, NetworkMistakes, examine, load, load_applied, read
from tests.network.test_mistakes import NODES, POLICY
from tests.peers.plain_shop import PLAIN_SHOP, PlainShop

ITEMS = "sku,name,weight_g,safety_stock,components\nA,Apron,95,2,\nB,Bowl,310,,\n"
CHANNELS = """\
[[channel]]
name = "web"
kind = "plain_shop"
api = "https://acme.example.com/api/"
shop = "acme"
mode = "each"
services = {"Standard Shipping" = "standard", "Express" = "standard"}
test_orders = true
poll = "5m"
locations = {"1001" = "slc", "1002" = "chi"}

[[channel]]
name = "outlet"
kind = "plain_shop"
api = "http://127.0.0.1:8000"
shop = "outlet"
"""
ALIASES = """\
channel,kind,external,sku,units
web,variant,820982911946154508,A,
web,sku,Größe M / rot,B,12
outlet,gtin,00850000150089,A,1
"""

OVERRIDDEN = "A is an item of items.csv too; orders of web for it get B"
NOW = datetime(2026, 11, 30, tzinfo=UTC)

# what stands there || what stands there instead || line || what is said
MISTAKES = """
name = "web"              || name = "Web"                    || 2 || name must be 1 to 16 of a-z and 0-9, not 'Web'
name = "web"              || name = "web-shop"               || 2 || name must be 1 to 16 of a-z and 0-9, not 'web-shop'
name = "web"              || name = "transfer"               || 2 || 'transfer' is the channel of transfers between nodes: give this one another name
name = "web"              || name = "replenishment"          || 2 || 'replenishment' is the channel of transfers between nodes: give this one another name
name = "web"              ||                                 || 1 || name is missing
name = "outlet"           || name = "web"                    || 13 || channel 'web' is there twice
kind = "plain_shop"       || kind = "plain_shp"              || 3 || this version of Switchyard has no channels of the kind 'plain_shp'; it knows other_shop, plain_shop; did you mean 'plain_shop'?
kind = "plain_shop"       || kind = "faire"                  || 3 || this version of Switchyard has no channels of the kind 'faire'; it knows other_shop, plain_shop
kind = "plain_shop"       ||                                 || 1 || kind is missing
"https://acme.example.com/api/" || "acme.example.com"        || 4 || api must be a base address such as "https://shop.example.com", not 'acme.example.com'
"https://acme.example.com/api/" || "ftp://acme.example.com"  || 4 || api must be a base address such as "https://shop.example.com", not 'ftp://acme.example.com'
"https://acme.example.com/api/" || "https://"                || 4 || api must be a base address such as "https://shop.example.com", not 'https://'
"https://acme.example.com/api/" || "https://acme.example.com:99999" || 4 || api must be a base address such as "https://shop.example.com", not 'https://acme.example.com:99999'
"https://acme.example.com/api/" || "https://acme.example.com/a b" || 4 || api must be a base address such as "https://shop.example.com", not 'https://acme.example.com/a b'
"https://acme.example.com/api/" || "https://acme.example.com/?key=1" || 4 || api must be a base address, without what begins with ? or #, not 'https://acme.example.com/?key=1'
"https://acme.example.com/api/" || "https://me:pw@acme.example.com" || 4 || api must not hold a user or a password: `python -m starter connect` reads credentials
"https://acme.example.com/api/" || "http://acme.example.com" || 4 || api must begin with https://, since http:// is only for this machine itself, not 'http://acme.example.com'
"https://acme.example.com/api/" || "http://192.168.0.7"      || 4 || api must begin with https://, since http:// is only for this machine itself, not 'http://192.168.0.7'
shop = "acme"             ||                                 || 1 || shop is missing
mode = "each"             || mode = "all"                    || 6 || mode must be "one" or "each", not 'all'
mode = "each"             || mode = true                     || 6 || mode must be a text in quotes, such as "…", not true
= "standard"              || = "standrd"                     || 7 || unknown service 'standrd'; it must be one of [transit] in policy.toml; did you mean 'standard'?
= "standard"              || = 5                             || 7 || Standard Shipping must be a text in quotes, such as "…", not 5
test_orders = true        || test_orders = "yes"             || 8 || test_orders must be true or false, not "yes"
poll = "5m"               || poll = 5                        || 9 || poll must be a time span such as 500ms, 30s, 15m, 4h or 2d, not 5
poll = "5m"               || poll = "500ms"                  || 9 || poll must be at least 1s
"1002" = "chi"            || "1002" = "chj"                  || 10 || unknown node 'chj'; it must be one of nodes.toml; did you mean 'chi'?
shop = "outlet"           || shp = "outlet"                  || 16 || unknown key 'shp'; did you mean 'shop'?
shop = "outlet"           || shop = "outlet"\\ncolor = "red" || 17 || color is used only with kind = "other_shop"
shop = "outlet"           || shop = "outlet"\\nclient_secret = "shpss_1" || 17 || client_secret must not stand here: `python -m starter connect outlet` reads credentials and seals them
shop = "outlet"           || shop = "outlet"\\nadmin_token = "shpat_1" || 17 || admin_token must not stand here: `python -m starter connect outlet` reads credentials and seals them
[[channel]]               || [[chanel]]                      || 1 || unknown key 'chanel'; did you mean 'channel'?
"""  # noqa: E501  (an aligned table)

MISTAKES_OF_ALIASES = """
web,variant               || wbe,variant                     || 2 || unknown channel 'wbe'; it must be one of channels.toml; did you mean 'web'?
web,variant               || web,variants                    || 2 || kind must be one of sku, variant, gtin, buyer_part, not 'variants'; did you mean 'variant'?
820982911946154508        || 8.20983E+17                     || 2 || external 8.20983E+17 was shortened by a spreadsheet; format the column as text and enter all digits
820982911946154508        ||                                 || 2 || external must be 1 to 255 printed characters, without a blank at an end, not ''
820982911946154508,A      || 820982911946154508,C            || 2 || unknown SKU 'C'; it must be one of items.csv
rot,B,12                  || rot,B,0                         || 3 || units must be a whole number from 1 to 1000000000, not '0'
rot,B,12                  || rot,B,1000001                   || 3 || units must be at most 1000000, not 1000001
rot,B,12                  || rot,B                           || 3 || 4 columns instead of 5; put a text with a comma in quotes
outlet,gtin,00850000150089 || web,sku,Größe M / rot          || 4 || sku 'Größe M / rot' of web is there twice; the first is on line 3
external,sku              || item,sku                        || 1 || missing column external
"""  # noqa: E501  (an aligned table)


class OtherShop(PlainShop):
    """Another kind, with a key that plain shops do not have."""

    kind = "other_shop"
    keys: Sequence[Key] = (*PLAIN_SHOP.keys, Key("color", "blue"))


@pytest.fixture(autouse=True)
def _two_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(kinds.KINDS):
        monkeypatch.delitem(kinds.KINDS, name)
    monkeypatch.setitem(kinds.KINDS, "plain_shop", PLAIN_SHOP)
    monkeypatch.setitem(kinds.KINDS, "other_shop", OtherShop())


def loaded(channels: str = CHANNELS, aliases: str = ALIASES, items: str = "") -> Network:
    return load(NetworkDocuments(NODES, POLICY, items or ITEMS, channels=channels, aliases=aliases))


def rows(table: str) -> list[list[str]]:
    return [[cell.strip().replace("\\n", "\n") for cell in row.split("||")] for row in table.strip().splitlines()]


@pytest.mark.parametrize(("right", "wrong", "line", "said"), rows(MISTAKES))
def test_each_mistake_in_channels_has_its_line_and_says_what_would_be_right(
    right: str, wrong: str, line: str, said: str
) -> None:
    assert right in CHANNELS
    with pytest.raises(NetworkMistakes) as raised:
        loaded(CHANNELS.replace(right, wrong, 1))
    assert f"channels.toml:{line}: {said}" in map(str, raised.value.mistakes)


@pytest.mark.parametrize(("right", "wrong", "line", "said"), rows(MISTAKES_OF_ALIASES))
def test_each_mistake_in_aliases_has_its_line_and_says_what_would_be_right(
    right: str, wrong: str, line: str, said: str
) -> None:
    assert right in ALIASES
    with pytest.raises(NetworkMistakes) as raised:
        loaded(aliases=ALIASES.replace(right, wrong, 1))
    assert str(raised.value.mistakes[0]) == f"aliases.csv:{line}: {said}"


@pytest.mark.parametrize("secret", ["shpss_1", "shpat_1", "me:pw"])
def test_no_message_repeats_a_secret_that_stands_in_the_file(secret: str) -> None:
    wrong = CHANNELS + 'client_secret = "shpss_1"\ntoken = "shpat_1"\n'
    with pytest.raises(NetworkMistakes) as raised:
        loaded(wrong.replace("https://", "https://me:pw@"))
    assert len(raised.value.mistakes) == 3
    assert secret not in str(raised.value)


def test_a_connection_has_every_key_with_its_default() -> None:
    web, outlet = loaded().connections["web"], loaded().connections["outlet"]
    assert web.api == "https://acme.example.com/api"
    assert web.poll == timedelta(minutes=5)
    assert web.entry["locations"] == {"1001": "slc", "1002": "chi"}
    assert web.entry["services"] == {"Standard Shipping": "standard", "Express": "standard"}
    assert outlet == Connection(
        "outlet",
        "plain_shop",
        "http://127.0.0.1:8000",
        {
            "name": "outlet",
            "kind": "plain_shop",
            "api": "http://127.0.0.1:8000",
            "services": {},
            "test_orders": False,
            "poll": timedelta(minutes=1),
            "keep": timedelta(days=30),
            "shop": "outlet",
            "mode": "one",
            "locations": {},
        },
    )


@pytest.mark.parametrize("api", ["http://localhost:1", "http://127.0.0.9", "http://[::1]:8000/x"])
def test_plain_http_is_allowed_on_this_machine(api: str) -> None:
    assert loaded(CHANNELS.replace("http://127.0.0.1:8000", api)).connections["outlet"].api == api


def test_what_an_alias_says_comes_before_an_own_sku_of_the_same_name() -> None:
    network = loaded(aliases=ALIASES + "web,sku,A,B,6\n")
    web, outlet = ChannelCatalogue(network, "web"), ChannelCatalogue(network, "outlet")
    assert web.item("variant", " 820982911946154508 ") == Units("A")
    assert web.item("sku", "Größe M / rot") == Units("B", 12)
    assert (web.item("sku", "A"), outlet.item("sku", "A")) == (Units("B", 6), Units("A"))
    assert outlet.item("gtin", "00850000150089") == Units("A")
    assert (web.item("sku", "nobody knows it"), web.item("variant", "A"), outlet.item("sku", "")) == (None, None, None)
    assert network.aliases["web", "sku", "A"] == Alias("B", 6)


def test_a_gtin_is_found_at_fourteen_digits_by_its_alias_or_by_the_barcode_of_an_item() -> None:
    items = (
        "sku,name,weight_g,safety_stock,components,barcode\nA,A,1,0,,036000291452\nB,B,1,0,,0036000291469\nC,C,1,0,,8\n"
    )
    aliases = "channel,kind,external,sku,units\noutlet,gtin,10036000291459,A,12\n"
    outlet = ChannelCatalogue(loaded(CHANNELS, aliases, items=items), "outlet")
    assert [outlet.item("gtin", code) for code in ("036000291452", "0036000291452", "00036000291452")] == [
        Units("A")
    ] * 3
    assert outlet.item("gtin", "36000291469") == Units("B")
    assert outlet.item("gtin", " 10036000291459 ") == Units("A", 12)
    assert [outlet.item("gtin", code) for code in ("8", "999999999999", "", "A")] == [None] * 4


def test_the_check_warns_of_an_alias_that_takes_the_place_of_an_own_sku(tmp_path: Path) -> None:
    write(tmp_path, {"aliases.csv": ALIASES + "web,sku,A,B,6\n", "channels.toml": CHANNELS})
    found = [warning for warning in examine(tmp_path, NOW).warnings if "aliases" in warning.file]
    assert [str(warning) for warning in found] == [f"{tmp_path / 'aliases.csv'}:5: warning: {OVERRIDDEN}"]


def test_a_mistake_in_one_file_makes_no_mistakes_in_the_others() -> None:
    with pytest.raises(NetworkMistakes) as raised:
        loaded(CHANNELS.replace('name = "web"', 'name = "web'))
    assert [mistake.file for mistake in raised.value.mistakes] == ["channels.toml"]


def test_both_files_may_be_absent_and_a_version_from_before_them_keeps_its_digest(tmp_path: Path) -> None:
    write(tmp_path, {})
    without = read(tmp_path)
    assert (without.channels, without.aliases, load(without).connections) == ("", "", {})
    assert NetworkDocuments("nodes", "policy", "items", "buffers").digest.startswith("5ed469e6945b3de8")
    write(tmp_path, {"aliases.csv": ALIASES, "channels.toml": CHANNELS})
    digests = {
        NetworkDocuments("n", "p", "i").digest,
        NetworkDocuments("n", "p", "i", rates="x").digest,
        NetworkDocuments("n", "p", "i", channels="x").digest,
        NetworkDocuments("n", "p", "i", aliases="x").digest,
    }
    assert len(digests) == 4
    assert not {"channels", "aliases"} & set(SEALED), "they hold no secret, so that a version shows them"


def test_apply_says_which_connections_a_version_adds_changes_and_drops(tmp_path: Path) -> None:
    write(tmp_path, {"aliases.csv": ALIASES, "channels.toml": CHANNELS})
    before = read(tmp_path)
    write(tmp_path, {"channels.toml": CHANNELS.replace("5m", "6m").replace('"outlet"', '"shop"'), "aliases.csv": ""})
    after = read(tmp_path)
    expected = Changes(Kind.CHANNEL, added=("shop",), changed=("web",), retired=("outlet",))
    assert expected in changes(before, after)
    assert other_changes(before, after) == ["aliases.csv"]


def test_a_version_whose_kind_this_release_does_not_know_is_loaded_without_that_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents = NetworkDocuments(NODES, POLICY, ITEMS, channels=CHANNELS.replace("plain_shop", "other_shop", 1))
    monkeypatch.delitem(kinds.KINDS, "other_shop")
    assert list(load_applied(documents).connections) == ["outlet"]


def write(directory: Path, files: Mapping[str, str]) -> None:
    texts = {"nodes.toml": NODES, "policy.toml": POLICY, "items.csv": ITEMS, **files}
    for file, text in texts.items():
        (directory / file).write_text(text)

"""The simulated shop adds itself to the active network, sells what the network has, and leaves the rest of it alone."""

import tomllib
from pathlib import Path
from shutil import copytree

import pytest

from database.connect import Database
from demo.peers.shopify.shop import Bought
from demo.simulated_shop import CHANNEL, add_to_network, stocked_shop, with_shop
from runtime.where import master_keys
from tests.house import SMALL_MAP
from transactions.network import Networks
from transactions.network_version import NetworkRefused
from transactions.prepare import apply_network

AT = "http://127.0.0.1:8090"
HTTP = "http://127.0.0.1:8080"
ACME = '[[channel]]\nname = "acme"\nkind = "shopify"\napi = "https://acme.myshopify.com"\n'

BUYER = """
[[channel]]
name = "buyer"
kind = "x12"
us = { qualifier = "ZZ", id = "US" }
partner = { qualifier = "ZZ", id = "BUYER" }
drop = "/var/spool/buyer"
"""


async def version(database: Database) -> int:
    async with database.read() as connection:
        return (await Networks().active(connection))[0]


def test_the_entry_of_the_shop_takes_the_place_of_an_earlier_one_and_keeps_what_stands_before_it() -> None:
    once = with_shop(ACME, AT, HTTP)
    again = with_shop(once, "http://127.0.0.1:8091", HTTP)
    assert once.startswith(ACME)
    assert [(entry["name"], entry["api"]) for entry in tomllib.loads(again)["channel"]] == [
        ("acme", "https://acme.myshopify.com"),
        ("shop", "http://127.0.0.1:8091"),
    ]
    assert with_shop(once, AT, HTTP) == once


async def test_the_shop_is_added_to_the_active_network_once_and_nothing_else_changes(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    directory = copytree(SMALL_MAP, tmp_path / "network")
    (directory / "channels.toml").write_text(ACME + BUYER)
    (directory / "partners").mkdir()
    (directory / "partners/buyer.toml").write_text("test = true\n")
    (directory / "aliases.csv").write_text("channel,kind,external,sku,units\nacme,variant,41,SERUM-30,\n")
    assert await apply_network(database_url, directory) == []
    async with database.read() as connection:
        before, usual = await Networks().active(connection)

    network = await add_to_network(database_url, master_keys(), AT, HTTP)

    assert set(network.connections) == {"acme", "buyer", CHANNEL}
    assert network.connections["buyer"] == usual.connections["buyer"], "what is agreed with a partner stays"
    assert (network.connections[CHANNEL].api, network.connections[CHANNEL].entry["webhooks"]) == (AT, HTTP)
    assert (network.nodes, network.items, network.aliases) == (usual.nodes, usual.items, usual.aliases)
    assert await version(database) == before + 1
    await add_to_network(database_url, master_keys(), AT, HTTP)
    assert await version(database) == before + 1


async def test_a_network_that_has_another_channel_of_this_name_is_left_as_it_is(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    directory = copytree(SMALL_MAP, tmp_path / "network")
    (directory / "channels.toml").write_text(ACME.replace("acme", CHANNEL, 1))
    assert await apply_network(database_url, directory) == []
    before = await version(database)
    with pytest.raises(NetworkRefused, match="channel 'shop' is there twice"):
        await add_to_network(database_url, master_keys(), AT, HTTP)
    assert await version(database) == before


async def test_a_shop_sells_every_item_of_the_network_and_takes_no_order_of_an_earlier_shop_for_its_own(
    database: Database, database_url: str
) -> None:
    assert await apply_network(database_url, SMALL_MAP) == []
    network = await add_to_network(database_url, master_keys(), AT, HTTP)
    earlier, later = (stocked_shop(network, "127.0.0.1:8090", "secret", ids_from=ids) for ids in (0, 100))
    assert {item.sku for item in later.items.values()} == set(network.items)
    assert later.place(Bought("SERUM-30")).id == earlier.place(Bought("SERUM-30")).id + 100

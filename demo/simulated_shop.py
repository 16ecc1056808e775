"""A simulated Shopify for the active network: its entry in channels.toml, and a shop that sells the network's items."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from database import network as statements
from database.connect import Database
from database.sealing import MasterKeys
from demo.peers.shopify.shop import Shop
from domain.network import Network
from network.load import FILES, NetworkDocuments
from network.mappings import FOLDER as MAPPINGS
from network.partners_toml import FOLDER as PARTNERS
from transactions.network import Networks
from transactions.network_version import NetworkRefused
from transactions.prepare import apply_network

CHANNEL = "shop"
PRICE = 1900
"""Of every item, in minor units: a network knows no prices."""
ADDED = "# What follows was added by `python -m starter simulate-peers`.\n"


def with_shop(channels: str, api: str, webhooks: str) -> str:
    """A channels.toml with the entry of the simulated shop at its end, in place of an earlier one."""
    entry = (
        f'[[channel]]\nname = "{CHANNEL}"\nkind = "shopify"\napi = "{api}"\nwebhooks = "{webhooks}"\n'
        'services = {"Standard" = "standard"}\n'
    )
    before = channels.partition(ADDED)[0].rstrip("\n")
    return f"{before}\n\n{ADDED}{entry}" if before else f"{ADDED}{entry}"


async def add_to_network(database_url: str, keys: MasterKeys, api: str, webhooks: str) -> Network:
    """Make a version active that names the simulated shop, unless the active one does; answers it.

    Raises `NoNetwork`, and `NetworkRefused` where it has another channel of this name.
    """
    database = Database(database_url, keys)
    try:
        async with database.read() as connection:
            version, _ = await Networks().active(connection)
            documents = NetworkDocuments(**await statements.documents(connection, version))
        with tempfile.TemporaryDirectory() as directory:
            _write(replace(documents, channels=with_shop(documents.channels, api, webhooks)), Path(directory))
            if mistakes := await apply_network(database_url, Path(directory), keys=keys):
                raise NetworkRefused(mistakes)
        async with database.read() as connection:
            return (await Networks().active(connection))[1]
    finally:
        await database.close()


def stocked_shop(network: Network, domain: str, secret: str, *, ids_from: int) -> Shop:
    """A shop that sells every item of a network. It has no stock of its own: Switchyard says what can be sold."""
    shop = Shop(domain, currency=network.policy.currency or "USD", secrets=(secret,), ids_from=ids_from)
    for sku, item in network.items.items():
        shop.add_item(sku, item.name, PRICE)
    return shop


def _write(documents: NetworkDocuments, directory: Path) -> None:
    for name, file in FILES.items():
        if text := getattr(documents, name):
            (directory / file).write_bytes(text.encode())
    for folder, texts in ((MAPPINGS, documents.mappings), (PARTNERS, documents.partners)):
        for name, text in json.loads(texts or "{}").items():
            (directory / folder).mkdir(exist_ok=True)
            (directory / folder / f"{name}.toml").write_bytes(text.encode())

"""Writes the stock levels (X12 846) that a buyer gets regularly: one document for each span of time."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from channels.channel import Settings
from channels.x12.answers import Available, inventory
from channels.x12.profile import Profile
from database import x12_document as statements
from database.connect import ReadConnection
from database.documents import available
from domain.network import AliasKind, Network
from formats.x12.partner import ONLY_SET, Partner
from formats.x12.parts import Set
from network.channel_nodes import nodes_of_channel
from transactions import x12_document
from transactions.transaction import OrderTransactions

CODE = "846"
QUALIFIERS = {AliasKind.SKU: "VP", AliasKind.GTIN: "UP", AliasKind.BUYER_PART: "IN"}
"""By kind of alias, the qualifier under which an item has the buyer's own id; our SKU is under VN."""


async def write_inventory(transactions: OrderTransactions, settings: Settings, at: datetime) -> None:
    """Write the 846 of this span of time, unless the buyer wants none or it is written."""
    profile: Profile = settings.entry["profile"]
    if CODE not in profile.documents:
        return
    partner: Partner = settings.entry["agreed"]
    key = f"{CODE} {profile.stock_every} {int(at.timestamp() // profile.stock_every.total_seconds())}"
    async with transactions.database.read() as connection:
        if await statements.control_of(connection, partner.name, key) is not None:
            return
        _, network = await transactions.networks.active(connection)
        one = await _inventory(connection, network, partner.name, at)
    async with transactions.begin() as transaction:
        await statements.lock_partner(transaction.connection, partner.name)
        await x12_document.write(transaction.connection, partner, one, key, at)


async def _inventory(connection: ReadConnection, network: Network, channel: str, at: datetime) -> Set:
    usable = nodes_of_channel(network, channel)
    units = await available.of_channel(connection, network, channel, usable, sorted(network.items))
    ids = _ids(network, channel)
    items = [Available([("VN", sku), *ids.get(sku, ())], units[sku]) for sku in sorted(network.items)]
    return inventory(f"{at:%Y%m%d%H%M}", items, at, ONLY_SET)


def _ids(network: Network, channel: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """By SKU, the buyer's ids of one unit of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for (of, kind, external), alias in network.aliases.items():
        qualifier = QUALIFIERS.get(AliasKind(kind))
        if of == channel and alias.units == 1 and qualifier:
            found.setdefault(alias.sku, []).append((qualifier, external))
    return found

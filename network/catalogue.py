"""The items of a version of the network, as one connected channel calls them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from channels.channel import Units
from domain.network import AliasKind, Network
from formats.sscc import gtin_14
from network.channel_nodes import nodes_of_channel

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class _Gtins:
    """What a GTIN of 14 digits means, without what would be two: by channel through aliases.csv, and by the barcodes of items.
    Kept with the version."""

    aliases: Mapping[tuple[str, str], Units]
    barcodes: Mapping[str, Units]


@dataclass(frozen=True, slots=True)
class ChannelCatalogue:
    """A `Catalogue` for the orders of one channel."""

    network: Network
    channel: str

    def nodes(self) -> Collection[str]:
        """The nodes that may ship the channel's orders."""
        return nodes_of_channel(self.network, self.channel)

    def item(self, kind: str, external: str) -> Units | None:
        """What aliases.csv says of it; else the item itself, if it is one of our SKUs, or if a GTIN is its barcode. None =
        nobody knows it.

        Blanks at its ends do not count. GTINs are compared at 14 digits: the same item has 12 with one partner and 14 with
        another.
        """
        name = external.strip()
        alias = self.network.aliases.get((self.channel, kind, name))
        if alias is not None:
            return Units(alias.sku, alias.units)
        if kind == AliasKind.GTIN:
            return self._by_gtin(name)
        return Units(name) if kind == AliasKind.SKU and name in self.network.items else None

    def _by_gtin(self, name: str) -> Units | None:
        gtin = _gtin(name)
        if gtin is None:
            return None
        known = self.network.learnt.get(_Gtins)
        if not isinstance(known, _Gtins):
            known = self.network.learnt[_Gtins] = _gtins(self.network)
        return known.aliases.get((self.channel, gtin)) or known.barcodes.get(gtin)


def _gtin(code: str) -> str | None:
    try:
        return gtin_14(code)
    except ValueError:
        return None


def _gtins(network: Network) -> _Gtins:
    aliases = (
        ((channel, gtin), Units(alias.sku, alias.units))
        for (channel, kind, name), alias in network.aliases.items()
        if kind == AliasKind.GTIN and (gtin := _gtin(name))
    )
    barcodes = ((gtin, Units(sku)) for sku, item in network.items.items() if (gtin := _gtin(item.barcode)))
    return _Gtins(_once(aliases), _once(barcodes))


def _once(named: Iterable[tuple[Name, Units]]) -> Mapping[Name, Units]:
    """By name, what it means, where that is only one thing."""
    found: dict[Name, set[Units]] = {}
    for name, units in named:
        found.setdefault(name, set()).add(units)
    return {name: meant.pop() for name, meant in found.items() if len(meant) == 1}

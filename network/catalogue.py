"""The items of a version of the network, as one connected channel calls them."""

from dataclasses import dataclass

from channels.channel import Units
from domain.network import AliasKind, Network


@dataclass(frozen=True, slots=True)
class ChannelCatalogue:
    """A `Catalogue` for the orders of one channel."""

    network: Network
    channel: str

    def item(self, kind: str, external: str) -> Units | None:
        """What aliases.csv says of it; else the item itself, if it is one of our SKUs. None = nobody knows it.

        Blanks at its ends do not count.
        """
        name = external.strip()
        alias = self.network.aliases.get((self.channel, kind, name))
        if alias is not None:
            return Units(alias.sku, alias.units)
        return Units(name) if kind == AliasKind.SKU and name in self.network.items else None

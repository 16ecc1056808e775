"""The items of a version of the network, as a warehouse calls them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.network import Network
from nodes.x12.items import gtin, spelled


@dataclass(frozen=True, slots=True)
class _Spellings:
    """SKUs by how X12 can spell them, and by their barcodes; without what would be two. Kept with the version."""

    skus: Mapping[str, str]
    barcodes: Mapping[str, str]


class WarehouseItems:
    """The `nodes.x12.items.Items` of a network, with those that it had before: what a warehouse counts is a fact."""

    def __init__(self, network: Network) -> None:
        """What is looked up is computed once for a version."""
        known = network.learnt.get(_Spellings)
        self._known = known if isinstance(known, _Spellings) else _spellings(network)
        self._network = network
        network.learnt[_Spellings] = self._known

    def sku(self, kind: str, value: str) -> str | None:
        """The SKU as it is written or as X12 spells it, or by a barcode; None where no item or several are meant."""
        if kind == "gtin":
            return self._known.barcodes.get(gtin(value))
        return value if self._network.knows_item(value) else self._known.skus.get(spelled(value))


def _spellings(network: Network) -> _Spellings:
    every = {**network.retired_items, **network.items}
    codes = ((gtin(item.barcode), sku) for sku, item in every.items() if item.barcode)
    return _Spellings(_once((spelled(sku), sku) for sku in every), _once(codes))


def _once(named: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """By name, the SKU, where only one has it."""
    found: dict[str, set[str]] = {}
    for name, sku in named:
        found.setdefault(name, set()).add(sku)
    return {name: skus.pop() for name, skus in found.items() if len(skus) == 1}

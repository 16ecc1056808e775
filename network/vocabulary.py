"""Remembers which texts the names of a rule can be, because the rule engine does not know our enumerations."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.network import Item, NodeKind
from network.countries import CENTROIDS
from network.nodes_toml import NodesRead
from network.tables import did_you_mean

LISTED_MAX = 10
"""More known texts than these are not listed in a message."""

WORD = (r"[a-z0-9_-]{1,32}", "1 to 32 of a-z, 0-9, '_' and '-'")
"""How a service and a customer tier are written in an order, and the same in words."""

_FORMS = {
    "order.channel": (r"[a-z0-9]{1,16}", "1 to 16 of a-z and 0-9"),
    "order.customer_tier": (rf"({WORD[0]})?", WORD[1]),
}
"""Of names whose values nobody lists: what a value looks like, and the same in words."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that nodes, items and services are called; None where that could not be read."""

    nodes: NodesRead
    items: Mapping[str, Item] | None
    services: Iterable[str] | None

    def complaint(self, name: str, text: str) -> str | None:
        """What is wrong with comparing a name with a text that it never is; None = nothing."""
        form = _FORMS.get(name)
        if form:
            return None if re.fullmatch(form[0], text) else f"{name} is never {text!r}; it is {form[1]}"
        known = self._values_of(name)
        if known is None or text in known:
            return None
        listed = f"; it is one of {', '.join(filter(None, known))}" if len(known) <= LISTED_MAX else ""
        return f"{name} {'never has' if name == 'item.tags' else 'is never'} {text!r}{did_you_mean(text, known) or listed}"

    def _values_of(self, name: str) -> list[str] | None:
        """All values that a name can have; None where these are not known."""
        if name == "node.kind":
            return [str(kind) for kind in NodeKind]
        if name == "node.id" and self.nodes.certain:
            return list(self.nodes.nodes)
        if name in ("node.country", "order.country"):
            return list(CENTROIDS)
        if name == "order.service" and self.services is not None:
            return list(self.services)
        return self._values_of_items(name)

    def _values_of_items(self, name: str) -> list[str] | None:
        if self.items is None:
            return None
        items = self.items.values()
        match name:
            case "item.sku":
                return list(self.items)
            case "item.category":
                return sorted({"", *(item.category for item in items)})
            case "item.tags":
                return sorted({tag for item in items for tag in item.tags})
        return None

"""Checks the texts that a rule compares a name with, because the rule engine does not know our enumerations."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.money import MINOR_DIGITS
from domain.network import NodeKind
from network.countries import CENTROIDS
from network.nodes_toml import NodesRead
from network.toml_tables import did_you_mean

LISTED_MAX = 10
"""A message lists at most this number of known texts."""

WORD = (r"[a-z0-9_-]{1,32}", "1 to 32 of a-z, 0-9, '_' and '-'")
"""The form of ids in the policy, of services and of customer tiers, and the same in words."""

_FORMS = {
    "order.channel": (r"[a-z0-9]{1,16}", "1 to 16 of a-z and 0-9"),
    "order.currency": ("|".join(MINOR_DIGITS), "a code of ISO 4217 such as USD"),
    "order.customer_tier": (rf"({WORD[0]})?", WORD[1]),
}
"""The form of the values of names that have no list of values, and the same in words."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The nodes and the names of services (None when they could not be read) that rules may name.

    Names of items are not checked: the assortment changes, and a rule may be written before its items exist.
    """

    nodes: NodesRead
    services: Iterable[str] | None

    def complaint(self, name: str, text: str) -> str | None:
        """Why a name never equals this text; None = it may."""
        form = _FORMS.get(name)
        if form:
            return None if re.fullmatch(form[0], text) else f"{name} is never {text!r}; it is {form[1]}"
        known = self._values_of(name)
        if known is None or text in known:
            return None
        named = [value for value in known if value]
        listed = f"; it is one of {', '.join(named)}" if 0 < len(named) <= LISTED_MAX else ""
        return f"{name} is never {text!r}{did_you_mean(text, known) or listed}"

    def _values_of(self, name: str) -> list[str] | None:
        """All values that a name can have; None when they are not known."""
        if name == "node.kind":
            return [str(kind) for kind in NodeKind]
        if name == "node.id" and self.nodes.certain:
            return list(self.nodes.nodes)
        if name in ("node.country", "order.country"):
            return list(CENTROIDS)
        if name == "order.service" and self.services is not None:
            return list(self.services)
        return None

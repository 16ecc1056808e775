"""Finds how a channel spells a carrier among the names that it knows."""

from collections.abc import Collection, Mapping

OTHERWISE = {
    "unitedparcelservice": "UPS",
    "unitedstatespostalservice": "USPS",
    "uspostalservice": "USPS",
    "federalexpress": "FedEx",
    "auspost": "Australia Post",
}
"""Other words that nodes use, for names that every channel spells so."""


def found(carrier: str, own: Mapping[str, str], names: Collection[str], otherwise: Mapping[str, str]) -> str | None:
    """The channel's name of a carrier; `own` are the names of channels.toml, `otherwise` other words for some of the names.
    None = nobody knows one."""
    plain = _plain(carrier)
    by_own = {_plain(name): theirs for name, theirs in own.items()}
    by_name = {_plain(name): name for name in names}
    return by_own.get(plain) or by_name.get(plain) or (OTHERWISE | dict(otherwise)).get(plain)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())

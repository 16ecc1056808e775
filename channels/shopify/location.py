"""Which location of the shop is which node, by `locations` in channels.toml: in mode `each`."""

from collections.abc import Mapping
from typing import Any

from channels.channel import Settings
from channels.shopify.given import id_of


def is_one(entry: Mapping[str, Any]) -> bool:
    """Whether all goes through one location of ours, by the entry in channels.toml."""
    return bool(entry.get("mode", "one") == "one")


def node_of(settings: Settings, location: str) -> str | None:
    """The node that a location of the shop is."""
    return _nodes(settings).get(location)


def locations(settings: Settings) -> dict[str, str]:
    """In mode `each`, by node: its location of the shop."""
    return {} if is_one(settings.entry) else {node: location for location, node in _nodes(settings).items()}


def _nodes(settings: Settings) -> dict[str, str]:
    known: Mapping[str, str] = settings.entry.get("locations", {})
    return {id_of(location): node for location, node in known.items()}


def mistake_of_locations(locations: Mapping[str, str]) -> str | None:
    """What is wrong with `locations`: two of them cannot be one node, whose units would be sold twice."""
    nodes = list(locations.values())
    twice = sorted({node for node in nodes if nodes.count(node) > 1})
    return f"{', '.join(twice)} must be the node of one location only" if twice else None

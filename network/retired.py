"""Keeps what the network has dropped: each retired item and node with its last definition, as one more text of a version.

A version's own files say what it has. This text says what earlier versions had and it has not, and goes from version to
version. So a fact about an old unit is understood, however long ago its item or node was dropped. A plain item that has become
a bundle is in both: as what is sold, and as what still lies there.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from domain.network import Item, Node
from network.items_csv import read_items
from network.mistakes import Mistakes
from network.nodes_toml import read_node
from network.toml_tables import Table

NOTHING = json.dumps({"items": {}, "nodes": {}})
"""The text of a version before which nothing was dropped."""


@dataclass(frozen=True, slots=True)
class Retired:
    """What is retired: items by SKU, nodes by id."""

    items: Mapping[str, Item]
    nodes: Mapping[str, Node]


def read_retired(text: str) -> Retired:
    """What `retire` has written; nothing for an empty text."""
    known = _known(text)
    items = {sku: _item(values) for sku, values in known["items"].items()}
    return Retired(items, {name: read_node(_table(values)) for name, values in known["nodes"].items()})


def retire(text: str, nodes_before: str, items_before: str, nodes: str, items: str) -> str:
    """What is retired once nodes.toml and items.csv are replaced by others; `text` is what was retired until then.

    All files have been applied or checked: they have no mistakes. Equal input, equal text.
    """
    known = _known(text)
    had_items = known["items"] | {sku: asdict(item) for sku, item in read_items(items_before, Mistakes("")).items()}
    had_nodes = known["nodes"] | node_tables(nodes_before)
    has_items, has_nodes = read_items(items, Mistakes("")), node_tables(nodes)
    retired = {
        "items": {sku: values for sku, values in had_items.items() if _is_gone(values, has_items.get(sku))},
        "nodes": {name: values for name, values in had_nodes.items() if name not in has_nodes},
    }
    return json.dumps(retired, sort_keys=True, default=str)  # a day becomes its text, which reads the same


def _is_gone(had: dict[str, Any], has: Item | None) -> bool:
    """Whether an item is dropped, or was stocked itself and is a bundle now: its units may still lie somewhere."""
    return has is None or (bool(has.components) and not had["components"])


def node_tables(text: str) -> dict[str, dict[str, Any]]:
    """The tables of a nodes.toml without mistakes, by the node's id."""
    return {table["id"]: table for table in tomllib.loads(text)["node"]}


def _known(text: str) -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = json.loads(text or NOTHING)
    return known


def _item(values: dict[str, Any]) -> Item:
    components = tuple((sku, quantity) for sku, quantity in values["components"])
    return Item(**values | {"components": components, "tags": tuple(values["tags"])})


def _table(values: dict[str, Any]) -> Table:
    return Table(values, (), {}, Mistakes("", was_applied=True))

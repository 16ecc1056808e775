"""Compares two versions of the network: what the new one adds, changes, retires and brings back."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from network.cases_toml import FOLDER as CASES
from network.items_csv import read_items
from network.load import FILES, NetworkDocuments
from network.mistakes import Mistakes
from network.retired import node_tables, read_retired


class Kind(StrEnum):
    """What can be added, changed and retired one by one."""

    ITEM = "item"
    NODE = "node"
    SERVICE = "service"
    STRATEGY = "strategy"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Changes:
    """The names of one kind that differ between two versions, sorted."""

    kind: Kind
    added: tuple[str, ...] = ()
    brought_back: tuple[str, ...] = ()
    """Added ones that an earlier version had."""
    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()


def changes(before: NetworkDocuments, after: NetworkDocuments) -> list[Changes]:
    """The differences of each kind; all files have been applied or checked, so that they have no mistakes."""
    known, policy_before, policy = read_retired(before.retired), _policy(before), _policy(after)
    return [
        _changes(Kind.ITEM, _items(before), _items(after), known.items),
        _changes(Kind.NODE, node_tables(before.nodes), node_tables(after.nodes), known.nodes),
        _changes(Kind.SERVICE, policy_before.get("transit", {}), policy.get("transit", {})),
        _changes(Kind.STRATEGY, _strategies(policy_before), _strategies(policy)),
        _changes(Kind.CHANNEL, _channels(before), _channels(after)),
    ]


def other_changes(before: NetworkDocuments, after: NetworkDocuments) -> list[str]:
    """The other keys and tables of policy.toml that differ, as they are written there, and the other files that differ."""
    policy_before, policy = _policy(before), _policy(after)
    tables = sorted((policy_before.keys() | policy.keys()) - {"version", "transit", "strategy"})
    differing = [name for name in tables if policy_before.get(name) != policy.get(name)]
    found = [name if isinstance(policy.get(name, policy_before.get(name)), str) else f"[{name}]" for name in differing]
    files = [
        (FILES[name], getattr(before, name), getattr(after, name))
        for name in ("buffers", "rates", "carriers", "aliases", "replenishment")
    ]
    files.append((CASES, before.cases, after.cases))
    return found + [file for file, old, new in files if old != new]


def _items(documents: NetworkDocuments) -> Mapping[str, object]:
    return read_items(documents.items, Mistakes(""))


def _policy(documents: NetworkDocuments) -> dict[str, Any]:
    return tomllib.loads(documents.policy)


def _channels(documents: NetworkDocuments) -> Mapping[str, object]:
    return {channel["name"]: channel for channel in tomllib.loads(documents.channels).get("channel", ())}


def _strategies(policy: dict[str, Any]) -> Mapping[str, object]:
    return {strategy["id"]: strategy for strategy in policy["strategy"]}


def _changes(
    kind: Kind, before: Mapping[str, object], after: Mapping[str, object], retired: Iterable[str] = ()
) -> Changes:
    new, known = after.keys() - before.keys(), set(retired)
    return Changes(
        kind,
        added=tuple(sorted(new - known)),
        brought_back=tuple(sorted(new & known)),
        changed=tuple(sorted(name for name in after.keys() & before.keys() if before[name] != after[name])),
        retired=tuple(sorted(before.keys() - after.keys())),
    )

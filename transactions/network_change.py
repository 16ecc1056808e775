"""Says before a new version of the network is applied what it changes, and why it cannot be applied now."""

from collections.abc import Sequence
from pathlib import Path

from database import network as statements
from database.connect import ReadConnection
from database.network import Touched
from domain.network import Network
from network.changes import Changes, changes, other_changes
from network.load import NetworkDocuments

LISTED_MAX = 100
"""Names of one kind that are listed with what they touch."""


async def refusals(connection: ReadConnection, directory: Path, loaded: Network) -> list[str]:
    """Why files without mistakes cannot be applied now: they drop what units are promised from, or on their way."""
    busy = await statements.nodes_with_work(connection)
    under_way = await statements.skus_under_way(connection)
    return [
        f"{directory / 'nodes.toml'}:1: node {node} has work that is not done; it can only be dropped when that is delivered"
        for node in sorted(busy - set(loaded.nodes))
    ] + [
        f"{directory / 'items.csv'}:1: {sku} has units that are reserved, allocated or not yet delivered; it can only be "
        "dropped when they are delivered"
        for sku in sorted(under_way - set(loaded.items))
    ]


async def announced(connection: ReadConnection, before: NetworkDocuments, after: NetworkDocuments) -> list[str]:
    """What the new version changes, in words: a line for each kind, and one for each name that touches something open."""
    lines: list[str] = []
    for found in changes(before, after):
        touched = await statements.touched(connection, found.kind, [*found.retired, *found.changed])
        lines += _lines(found, touched)
    if others := other_changes(before, after):
        lines.append(f"changed: {', '.join(others)}")
    return lines


def _lines(found: Changes, touched: Sequence[Touched]) -> list[str]:
    counts = {
        "added": found.added,
        "brought back": found.brought_back,
        "changed": found.changed,
        "retired": found.retired,
    }
    if not any(counts.values()):
        return []
    summed = ", ".join(f"{len(names)} {word}" for word, names in counts.items() if names)
    listed = [f"  {_word(found, one)} {one.name}: {_words(one)}" for one in touched[:LISTED_MAX]]
    more = len(touched) - len(listed)
    return [f"{_plural(found.kind)}: {summed}", *listed, *([f"  and {more} more"] if more else [])]


def _word(found: Changes, one: Touched) -> str:
    return "retired" if one.name in found.retired else "changed"


def _plural(kind: str) -> str:
    return {"strategy": "strategies"}.get(kind, f"{kind}s")


def _words(one: Touched) -> str:
    named = ((one.orders, "open order"), (one.returns, "open return"), (one.waiting, "waiting unit"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in named if count)

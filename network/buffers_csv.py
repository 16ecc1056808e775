"""Reads buffers.csv: units that are kept back at one node, from every channel, or for one channel."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from domain.network import Buffers, Item
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes
from network.nodes_toml import NodesRead
from network.toml_tables import did_you_mean

COLUMNS = ("kind", "sku", "node", "channel", "units")


class _Kind(StrEnum):
    SAFETY_STOCK = "safety_stock"
    THRESHOLD = "threshold"
    QUOTA = "quota"


_NAMES: Mapping[_Kind, tuple[str, ...]] = {
    _Kind.SAFETY_STOCK: ("sku", "node"),
    _Kind.THRESHOLD: ("sku",),
    _Kind.QUOTA: ("sku", "channel"),
}
"""Which of the cells sku, node and channel a buffer of each kind fills; the others must be empty."""

_UNITS_LEAST: Mapping[_Kind, int] = {_Kind.SAFETY_STOCK: 0, _Kind.THRESHOLD: 1, _Kind.QUOTA: 1}
"""A safety stock of 0 replaces the safety stock of node and item; the other kinds have no meaning with 0."""

_Check = Callable[[str], str | None]
"""Answers what is wrong with a filled cell; None = nothing."""


class _Buffer(NamedTuple):
    """What units are kept for; equal ones are the same buffer. Cells that the kind does not use are empty."""

    kind: _Kind
    sku: str
    node: str
    channel: str

    def __str__(self) -> str:
        return f"{self.kind} of {', '.join(name for name in self[1:] if name)}"


class BuffersRead(NamedTuple):
    """The buffers, and the channels that they are for, each with the line that names it first."""

    buffers: Buffers
    channels: Mapping[str, int]


def read_buffers(text: str, nodes: NodesRead, items: Mapping[str, Item], mistakes: Mistakes) -> BuffersRead:
    """The buffers; none for an empty text. Mistakes are reported, and the rest is read."""
    checks: dict[str, _Check] = {
        "sku": lambda cell: _wrong_with_sku(cell, items),
        "node": lambda cell: _wrong_with_node(cell, nodes),
        "channel": _wrong_with_channel,
    }
    units: dict[_Buffer, int] = {}
    lines: dict[_Buffer, int] = {}
    for row in read_rows(text, COLUMNS, (), mistakes) if text else ():
        kind = _kind(row)
        if kind is None:
            continue
        kept = row.whole("units", least=_UNITS_LEAST[kind])
        buffer = _buffer(row, kind, checks)
        if buffer and buffer in lines:
            row.wrong(f"{buffer} is there twice; the first is on line {lines[buffer]}")
        elif buffer:
            units[buffer], lines[buffer] = kept, row.line
    return BuffersRead(_by_kind(units), {it.channel: line for it, line in reversed(lines.items()) if it.channel})


def _by_kind(units: Mapping[_Buffer, int]) -> Buffers:
    return Buffers(
        safety_stock={(it.node, it.sku): kept for it, kept in units.items() if it.kind is _Kind.SAFETY_STOCK},
        thresholds={it.sku: kept for it, kept in units.items() if it.kind is _Kind.THRESHOLD},
        quotas={(it.sku, it.channel): kept for it, kept in units.items() if it.kind is _Kind.QUOTA},
    )


def _kind(row: Row) -> _Kind | None:
    cell = row.cells["kind"]
    if cell in list(_Kind):
        return _Kind(cell)
    row.wrong(f"kind must be one of {', '.join(_Kind)}, not {cell!r}{did_you_mean(cell, list(_Kind))}")
    return None


def _buffer(row: Row, kind: _Kind, checks: Mapping[str, _Check]) -> _Buffer | None:
    """What a row's units are kept for; None, with its mistakes reported, when its cells are wrong."""
    complaints = [_wrong_with_cell(row, kind, column, check) for column, check in checks.items()]
    for complaint in filter(None, complaints):
        row.wrong(complaint)
    return None if any(complaints) else _Buffer(kind, row.cells["sku"], row.cells["node"], row.cells["channel"])


def _wrong_with_cell(row: Row, kind: _Kind, column: str, check: _Check) -> str | None:
    cell = row.cells[column]
    names = " and ".join(_NAMES[kind])
    if column not in _NAMES[kind]:
        return f"{column} must be empty, not {cell!r}: a {kind} names {names} only" if cell else None
    return check(cell) if cell else f"{column} is missing; a {kind} names {names}"


def _wrong_with_sku(sku: str, items: Mapping[str, Item]) -> str | None:
    # When no item could be read, the mistakes of items.csv are reported; every SKU here would be reported as unknown.
    if items and sku not in items:
        return f"unknown SKU {sku!r}; it must be one of items.csv{did_you_mean(sku, list(items))}"
    if items and items[sku].components:
        return f"sku {sku!r} is a bundle, which is not stocked itself; name its components instead"
    return None


def _wrong_with_node(node: str, nodes: NodesRead) -> str | None:
    if nodes.certain and node not in nodes.nodes:
        return f"unknown node {node!r}; it must be one of nodes.toml{did_you_mean(node, list(nodes.nodes))}"
    return None


def _wrong_with_channel(channel: str) -> str | None:
    if re.fullmatch(r"[a-z0-9]{1,16}", channel):
        return None
    return f"channel must be 1 to 16 of a-z and 0-9, not {channel!r}"

"""Reads aliases.csv: what connected channels call our items."""

import re
from collections.abc import Collection, Mapping

from domain.network import Alias, AliasKind, Item
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes
from network.toml_tables import did_you_mean

COLUMNS = ("channel", "kind", "external", "sku", "units")
EXTERNAL_MAX = 255
UNITS_MAX = 1_000_000

Aliases = dict[tuple[str, str, str], Alias]
"""By channel, kind, and what the channel calls the item."""


def read_aliases(text: str, channels: Collection[str] | None, items: Mapping[str, Item], mistakes: Mistakes) -> Aliases:
    """The aliases; none for an empty text. Mistakes are reported, and the rest is read.

    `channels` are the names in channels.toml, None when they are not known.
    """
    aliases: Aliases = {}
    lines: dict[tuple[str, str, str], int] = {}
    for row in read_rows(text, COLUMNS, (), mistakes) if text else ():
        channel, kind, external = name = row.cells["channel"], row.cells["kind"], row.cells["external"]
        complaints = (
            _wrong_with_channel(channel, channels),
            _wrong_with_kind(kind),
            _wrong_with_external(external),
            _wrong_with_sku(row.cells["sku"], items),
        )
        for complaint in filter(None, complaints):
            row.wrong(complaint)
        if first := lines.get(name):
            row.wrong(f"{kind} {external!r} of {channel} is there twice; the first is on line {first}")
        lines.setdefault(name, row.line)
        aliases.setdefault(name, Alias(row.cells["sku"], _units(row)))
        _warn_of_an_own_sku(row, items)
    return aliases


def _wrong_with_channel(channel: str, channels: Collection[str] | None) -> str | None:
    if channels is None or channel in channels:
        return None
    return f"unknown channel {channel!r}; it must be one of channels.toml{did_you_mean(channel, sorted(channels))}"


def _wrong_with_kind(kind: str) -> str | None:
    if kind in list(AliasKind):
        return None
    return f"kind must be one of {', '.join(AliasKind)}, not {kind!r}{did_you_mean(kind, list(AliasKind))}"


def _wrong_with_external(external: str) -> str | None:
    if re.fullmatch(r"\d([.,]\d+)?E\+\d+", external, re.ASCII | re.IGNORECASE):
        return f"external {external} was shortened by a spreadsheet; format the column as text and enter all digits"
    if external and external == external.strip() and len(external) <= EXTERNAL_MAX and external.isprintable():
        return None
    return f"external must be 1 to {EXTERNAL_MAX} printed characters, without a blank at an end, not {external!r}"


def _wrong_with_sku(sku: str, items: Mapping[str, Item]) -> str | None:
    # When no item could be read, the mistakes of items.csv are reported; every SKU here would be reported as unknown.
    if not items or sku in items:
        return None
    return f"unknown SKU {sku!r}; it must be one of items.csv{did_you_mean(sku, list(items))}"


def _units(row: Row) -> int:
    units = row.whole("units", least=1) if row.cells["units"].strip() else 1
    if units > UNITS_MAX:
        row.wrong(f"units must be at most {UNITS_MAX}, not {units}")
    return units


def _warn_of_an_own_sku(row: Row, items: Mapping[str, Item]) -> None:
    external, sku = row.cells["external"], row.cells["sku"]
    if row.cells["kind"] == AliasKind.SKU and external in items and external != sku:
        row.warn(f"{external} is an item of items.csv too; orders of {row.cells['channel']} for it get {sku}")

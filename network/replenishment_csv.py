"""Reads replenishment.csv: when the stock of one SKU at one node is filled again, up to what, and from where."""

from collections.abc import Collection, Mapping

from domain.network import SALES_DAYS, Item, ReplenishmentRule
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes
from network.nodes_toml import NodesRead
from network.toml_tables import did_you_mean

REQUIRED = ("node", "sku")
PAIRS = (("min_units", "max_units"), ("min_days", "max_days"))
OPTIONAL = ("min_units", "max_units", "min_days", "max_days", "sales_days", "sources", "service", "automatic")
SERVICE = "standard"
UNITS_MAX = 1_000_000
"""As many as a line of a transfer may have."""
DAYS_MAX = 3_660
"""Ten years; more is a mistake in the column."""


def read_replenishment(
    text: str, nodes: NodesRead, items: Mapping[str, Item], services: Collection[str] | None, mistakes: Mistakes
) -> dict[tuple[str, str], ReplenishmentRule]:
    """The rules by (node, SKU); none for an empty text. Mistakes are reported, and the rest is read.

    `services` are those of the policy; None = they could not be read.
    """
    rules: dict[tuple[str, str], ReplenishmentRule] = {}
    lines: dict[tuple[str, str], int] = {}
    for row in read_rows(text, REQUIRED, OPTIONAL, mistakes) if text else ():
        place = row.cells["node"].strip(), row.cells["sku"]
        rule, is_known = _rule(row, place[0], nodes, services), _names_a_stock_level(row, *place, nodes, items)
        if place in lines:
            row.wrong(f"{place[1]} at {place[0]} is there twice; the first is on line {lines[place]}")
        elif is_known:
            rules[place], lines[place] = rule, row.line
    return rules


def _names_a_stock_level(row: Row, node: str, sku: str, nodes: NodesRead, items: Mapping[str, Item]) -> bool:
    """Whether node and SKU are there, and the item is stocked; mistakes are reported."""
    faults = list(filter(None, [_wrong_with_node(node, nodes), _wrong_with_sku(sku, items)]))
    for fault in faults:
        row.wrong(fault)
    return not faults


def _wrong_with_node(node: str, nodes: NodesRead) -> str | None:
    if not node:
        return "node is missing; each row names a node and a sku"
    if nodes.certain and node not in nodes.nodes:
        return f"unknown node {node!r}; it must be one of nodes.toml{did_you_mean(node, list(nodes.nodes))}"
    return None


def _wrong_with_sku(sku: str, items: Mapping[str, Item]) -> str | None:
    # When no item could be read, the mistakes of items.csv are reported; every SKU here would be reported as unknown.
    if not sku:
        return "sku is missing; each row names a node and a sku"
    if items and sku not in items:
        return f"unknown SKU {sku!r}; it must be one of items.csv{did_you_mean(sku, list(items))}"
    if items and items[sku].components:
        return f"sku {sku!r} is a bundle, which is not stocked itself; name its components instead"
    return None


def _rule(row: Row, node: str, nodes: NodesRead, services: Collection[str] | None) -> ReplenishmentRule:
    given = [pair for pair in PAIRS if _cell(row, pair[0]) or _cell(row, pair[1])]
    if not given:
        row.wrong("give min_units and max_units, or min_days and max_days, or all four")
    numbers = {column: number for pair in given for column, number in zip(pair, _pair(row, *pair), strict=True)}
    return ReplenishmentRule(
        **numbers,
        sales_days=row.whole("sales_days", least=1, most=DAYS_MAX) if _cell(row, "sales_days") else SALES_DAYS,
        sources=_sources(row, node, nodes),
        service=_service(row, services),
        automatic=row.flag("automatic"),
    )


def _cell(row: Row, column: str) -> str:
    return row.cells.get(column, "").strip()


def _pair(row: Row, least: str, most: str) -> tuple[int, int]:
    """A minimum of at least 1 and its maximum, which is not smaller."""
    if missing := [column for column in (least, most) if not _cell(row, column)]:
        row.wrong(f"{missing[0]} is missing; {least} and {most} are given together")
        return 0, 0
    limit = DAYS_MAX if least == "min_days" else UNITS_MAX
    low = row.whole(least, least=1, most=limit)
    return low, row.whole(most, least=low, most=limit)


def _sources(row: Row, node: str, nodes: NodesRead) -> tuple[str, ...]:
    """The named nodes, the first one preferred."""
    names = _cell(row, "sources").split()
    for name in dict.fromkeys(names):
        if nodes.certain and name not in nodes.nodes:
            hint = did_you_mean(name, list(nodes.nodes))
            row.wrong(f"sources name the unknown node {name!r}; it must be one of nodes.toml{hint}")
        elif name == node:
            row.wrong(f"sources name {name}, the node that is filled")
        elif names.count(name) > 1:
            row.wrong(f"sources name {name} twice")
    return tuple(names)


def _service(row: Row, services: Collection[str] | None) -> str:
    name = _cell(row, "service") or SERVICE
    if services is not None and name not in services:
        known = f"it must be one of [transit] of policy.toml{did_you_mean(name, list(services))}"
        given = "" if _cell(row, "service") else ", which is meant where service is empty"
        row.wrong(f"unknown service {name!r}{given}; {known}")
    return name

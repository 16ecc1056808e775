"""Reads cases/*.toml: orders at a moment and with a stock, and what the policy must make of each of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.mistake import Mistake as WrongDocument
from domain.mistake import mistakes as mistakes_of
from domain.network import Network, Unfilled
from domain.order import NewOrder
from domain.sourcing import NodeLoad
from network.mistakes import Mistake, Mistakes
from network.toml_tables import Table, did_you_mean, read_toml
from network.validate_order import WrongField
from network.validate_order import check as check_known

FOLDER = "cases"
NUMBER = "case"
"""The number of the order of every case."""


@dataclass(frozen=True, slots=True)
class Case:
    """An order with the stock and the work that the nodes have, and what is expected of its plan."""

    name: str
    table: Table
    """Where it stands, for messages."""
    file: str
    order: NewOrder
    """Placed at the moment of the case."""
    stock: Mapping[tuple[str, str], int]
    """On hand by (node, SKU)."""
    workload: Mapping[str, NodeLoad]
    paused: frozenset[str]
    expected: Mapping[str, Any]
    """By the field of `[case.plan]`: what is expected, in the form of `network.try_cases.found`."""


def read_folder(directory: Path) -> str:
    """The texts of all files of cases by name, as JSON; `""` where there is none. Raises OSError and UnicodeDecodeError."""
    files = sorted((directory / FOLDER).glob("*.toml"))
    return json.dumps({file.stem: file.read_bytes().decode() for file in files}) if files else ""


def read_cases(texts: str, folder: str, network: Network) -> tuple[list[Case], list[Mistake]]:
    """The cases by file and place, and what is wrong with them. A file with a mistake gives no case.

    `texts` is as `read_folder` answers it; `folder` is what mistakes call the folder.
    """
    cases: list[Case] = []
    wrong: list[Mistake] = []
    known: Mapping[str, str] = json.loads(texts) if texts else {}
    for name, text in known.items():
        file = str(Path(folder, f"{name}.toml"))
        found = Mistakes(file)
        read = list(_cases(file, text, network, found, {case.name for case in cases}))
        wrong += found.found()
        cases += [] if found.found() else read
    return cases, wrong


def _cases(file: str, text: str, network: Network, found: Mistakes, known: set[str]) -> Iterator[Case]:
    """The cases of one file; `known` are the names in files before it."""
    top = read_toml(text, found)
    for table in top.tables("case") if top else ():
        if case := _case(table, file, network, known):
            known.add(case.name)
            yield case
    if top:
        top.finish()


def _case(table: Table, file: str, network: Network, known: set[str]) -> Case | None:
    name = table.text("name") if table.need("name") else ""
    if name in known:
        table.wrong("name", f"there is another case {name!r}")
    at = _moment(table)
    order = _order(table, network, at) if table.need("order") and at else None
    stock = _stock(table.table("stock"), network)
    nodes = {node: _load(one) for node, one in _by_node(table.table("nodes"), network)}
    plan = table.table("plan")
    expected = _expected(plan, network)
    table.finish()
    if not table.need("plan") or order is None:
        return None
    loads = {node: load for node, (load, _) in nodes.items()}
    paused = frozenset(node for node, (_, is_paused) in nodes.items() if is_paused)
    return Case(name, plan, file, order, stock, loads, paused, expected)


def _moment(table: Table) -> datetime | None:
    """When the order is placed and released."""
    value = table.anything("at") if table.need("at") else None
    if isinstance(value, datetime) and value.tzinfo:
        return value
    if "at" not in table.failed:
        table.wrong("at", "at must be a moment with its time zone, such as 2026-11-23T11:00:00-05:00, without quotes")
    return None


def _order(table: Table, network: Network, at: datetime) -> NewOrder | None:
    """The order as the body of a POST /orders has it; what decides nothing may be absent."""
    given = table.anything("order")
    if not isinstance(given, dict):
        table.wrong("order", "order must be a table [case.order]")
        return None
    whole = {"number": NUMBER, "currency": network.policy.currency or "USD", **given, "placed_at": at.isoformat()}
    if isinstance(given.get("lines"), dict):
        listed = enumerate(given["lines"].items(), start=1)
        whole["lines"] = [{"line": str(n), "sku": sku, "quantity": units} for n, (sku, units) in listed]
    if isinstance(whole.get("lines"), list):
        whole["lines"] = [{"unit_price": 0, **line} if isinstance(line, dict) else line for line in whole["lines"]]
    try:
        order = NewOrder.model_validate_json(json.dumps(whole, default=_moment_text))
        check_known(order, network)
    except ValidationError as error:
        for one in mistakes_of(error.errors(), NewOrder):
            table.wrong("order", str(one), *_path(one.field, given))
    except WrongField as error:
        table.wrong("order", str(WrongDocument(error.field, str(error))), *_path(error.field, given))
    else:
        return order
    return None


def _moment_text(value: date | time) -> str:
    """A moment as JSON has it: the only values of TOML that JSON has not."""
    return value.isoformat()


def _path(field: str, given: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Where a field of the order stands; a line that was written as `SKU = units` has no fields."""
    path = tuple(int(key) if key.isdecimal() else key for key in field.split("."))
    return path[:1] if path[0] == "lines" and isinstance(given.get("lines"), dict) else path


def _stock(table: Table, network: Network) -> dict[tuple[str, str], int]:
    return {
        (node, sku): units
        for node, below in _by_node(table, network)
        for sku, units in _units(below, network, stocked=True).items()
    }


def _by_node(table: Table, network: Network) -> Iterator[tuple[str, Table]]:
    for name in table.names():
        if name not in network.nodes:
            table.wrong(name, f"{name!r} is not a node of the network{did_you_mean(name, list(network.nodes))}")
        yield name, table.table(name)


def _load(table: Table) -> tuple[NodeLoad, bool]:
    load = NodeLoad(table.whole("open_orders", 0, 0), table.whole("capacity_used", 0, 0))
    is_paused = table.boolean("paused", default=False)
    table.finish()
    return load, is_paused


def _units(table: Table, network: Network, *, stocked: bool = False) -> dict[str, int]:
    """Units by SKU; with `stocked`, a bundle is a mistake: its components are what a node has."""
    found = {}
    for sku in table.names():
        item = network.items.get(sku)
        if item is None:
            table.wrong(sku, f"{sku!r} is not an item of the network{did_you_mean(sku, list(network.items))}")
        elif stocked and item.components:
            table.wrong(sku, f"{sku} is a bundle: say how many of its components are there")
        found[sku] = table.whole(sku, 0, 0)
    return found


def _expected(table: Table, network: Network) -> dict[str, Any]:
    """What `[case.plan]` says, by field."""
    found: dict[str, Any] = {}
    if table.has("strategy"):
        ids = [strategy.id for strategy in network.policy.strategies]
        found["strategy"] = table.one_of("strategy", ids, ids[0])
    if table.has("nodes"):
        # An empty list is an answer here: nothing ships.
        found["nodes"] = sorted(table.words("nodes", network.nodes)) if table.anything("nodes") != [] else []
    for field, least in (("tier", 1), ("shipments", 0), ("cost", 0), ("days", 0)):
        if table.has(field):
            found[field] = table.whole(field, least, least)
    if table.has("ships"):
        found["ships"] = {node: _units(below, network) for node, below in _by_node(table.table("ships"), network)}
    if table.has("unfilled"):
        found["unfilled"] = _units(table.table("unfilled"), network)
    if table.has("unfilled_action"):
        found["unfilled_action"] = str(table.word("unfilled_action", Unfilled, Unfilled.BACKORDER))
    if not found and not table.failed:
        table.wrong(
            "plan", "it says nothing of the plan; it may say nodes, shipments, ships, unfilled, cost and others"
        )
    table.finish()
    return found

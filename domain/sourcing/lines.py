"""Explains a decision line by line: what each considered node had of each wanted line, and why no more comes from there."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.sourcing.eligible import not_sold, rejected_until
from domain.sourcing.facts import Situation, Wanted
from domain.sourcing.plans import NODES_SHOWN_MAX, ConsideredNode, Obstacle, Plan
from domain.stock import StockLevel

LINES_STORED_MAX = 1000
"""Lines of nodes that a stored explanation has in all, the nodes in their order. Those without stock are not stored."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan was decided from, as it was at that moment."""

    wanted: Sequence[Wanted]
    levels: Mapping[tuple[str, str], StockLevel]
    situation: Situation
    """With the supply that the plan was allowed to take."""
    own: Mapping[tuple[str, str], int]
    """Units at each (node, SKU) that the order's own cart or pins hold."""
    offers: Mapping[tuple[str, str], datetime]
    """Offers to the orders that wait, where it is this order's turn."""
    channel: str = ""
    """The order's channel."""


@dataclass(frozen=True, slots=True)
class _PartStock:
    """One stocked SKU of a wanted line at a node, in units of that SKU."""

    sku: str
    needed: int
    """For one unit of the line."""
    on_hand: int
    set_aside: int
    kept_back: int
    promised: int
    """Reserved or allocated for others."""
    available: int
    """What the plan was allowed to take."""
    obstacle: str | None
    """What beside the numbers keeps the units from this order; None = nothing."""
    until: datetime | None

    @property
    def numbers(self) -> str:
        """The numbers in words: `2 on hand, 2 kept back`."""
        named = {"set aside": self.set_aside, "kept back": self.kept_back, "promised to others": self.promised}
        return ", ".join([f"{self.on_hand} on hand", *(f"{units} {name}" for name, units in named.items() if units)])


def with_lines(decided: Plan, basis: Basis) -> dict[str, Any]:
    """The document of a plan with the lines of its nodes, as it is stored."""
    document = decided.document()
    planned = Counter({(one.node, part.wanted_index): part.quantity for one in decided.shipments for part in one.parts})
    wanted = [{"line": one.line, "sku": one.sku, "quantity": one.quantity} for one in basis.wanted]
    left = LINES_STORED_MAX
    for node, shown in zip(decided.explanation.nodes[:NODES_SHOWN_MAX], document["nodes"], strict=True):
        shown["lines"] = _lines(node, planned, basis, left) if left else []
        left -= len(shown["lines"])
    return document | {"wanted": wanted}


def all_lines(document: dict[str, Any]) -> dict[str, Any]:
    """A stored document as it is shown: where the order is small, with the lines that a node had nothing of.

    A document from before lines were stored has none.
    """
    wanted: list[dict[str, Any]] = document.pop("wanted", [])
    is_small = len(document["nodes"]) * len(wanted) <= LINES_STORED_MAX
    for node in document["nodes"]:
        stored = node.get("lines")
        known = {line.pop("position"): line for line in stored or []}
        shown = range(len(wanted)) if is_small else known
        node["lines"] = [known.get(position) or wanted[position] | NOTHING for position in shown]
        node["lines_beside"] = len(wanted) - len(node["lines"])
    return document


NOTHING = {
    "planned": 0,
    "on_hand": 0,
    "set_aside": 0,
    "kept_back": 0,
    "promised": 0,
    "available": 0,
    "why": "0 on hand",
    "until": None,
}
"""What a node has of a line that it never had."""


def _lines(
    node: ConsideredNode, planned: Mapping[tuple[str, int], int], basis: Basis, at_most: int
) -> list[dict[str, Any]]:
    reasons = _reasons(node, basis)
    stocks = {
        position: _scarcest(node.node, one, basis)
        for position, one in enumerate(basis.wanted)
        if basis.situation.network.knows_item(one.sku) and (position in reasons or _has_any(node.node, one, basis))
    }
    of_lines = {*reasons.values(), *(stock.obstacle for stock in stocks.values() if stock.obstacle)}
    found: list[dict[str, Any]] = []
    for position, stock in list(stocks.items())[:at_most]:
        one, units = basis.wanted[position], planned.get((node.node, position), 0)
        of_node = _of_node(node, of_lines)
        why = None if units == one.quantity else of_node or reasons.get(position) or _why(node, one, stock)
        found.append(_document(position, one, stock, units, why))
    return found


def _has_any(node: str, one: Wanted, basis: Basis) -> bool:
    network = basis.situation.network
    levels = (basis.levels.get((node, sku)) for sku, _ in network.components(one.sku))
    return any(level is not None and level.on_hand for level in levels)


def _scarcest(node: str, one: Wanted, basis: Basis) -> _PartStock:
    parts = basis.situation.network.components(one.sku)
    return min(
        (_stock(node, sku, count, basis) for sku, count in parts), key=lambda part: part.available // part.needed
    )


def _document(position: int, one: Wanted, stock: _PartStock, units: int, why: str | None) -> dict[str, Any]:
    until = stock.until.astimezone(UTC).isoformat().replace("+00:00", "Z") if stock.until and why else None
    return {
        "position": position,
        "line": one.line,
        "sku": one.sku,
        "quantity": one.quantity,
        "planned": units,
        "on_hand": stock.on_hand // stock.needed,
        "set_aside": stock.set_aside,
        "kept_back": stock.kept_back,
        "promised": stock.promised,
        "available": stock.available // stock.needed,
        "why": why,
        "until": until,
    }


def _of_node(node: ConsideredNode, of_lines: Collection[str]) -> str | None:
    """Why the node may take no line at all; None = the reason is one of its lines, or there is none."""
    excluded = node.exclusion
    is_of_node = excluded and excluded.obstacle is not Obstacle.STOCK and excluded.words not in of_lines
    return excluded.words if excluded and is_of_node else None


def _why(node: ConsideredNode, one: Wanted, stock: _PartStock) -> str:
    """Why not all units of a line come from a node that may ship it."""
    if stock.obstacle:
        return stock.obstacle
    if stock.available // stock.needed < one.quantity:
        return stock.numbers if stock.sku == one.sku else f"{stock.sku}: {stock.numbers}"
    return f"the node has only {node.exclusion.words} of the order" if node.exclusion else "others were better"


def _reasons(node: ConsideredNode, basis: Basis) -> dict[int, str]:
    """By position of the wanted, why the node may not ship it whatever it has: it was tried, excluded, or retired."""
    tried = {position: "already tried" for position, one in enumerate(basis.wanted) if node.node in one.tried}
    network = basis.situation.network
    retired = {
        position: not_sold(network, one.sku)
        for position, one in enumerate(basis.wanted)
        if one.sku not in network.items
    }
    return dict(node.forbidden) | tried | retired


def _stock(node: str, sku: str, needed: int, basis: Basis) -> _PartStock:
    place, network = (node, sku), basis.situation.network
    level = basis.levels.get(place) or StockLevel(node, sku, 0, 0, 0)
    own, safety_stock = basis.own.get(place, 0), network.kept_at(node, sku, basis.channel)
    available = basis.situation.supply.get(place, 0)
    cooling = basis.situation.cooling.get(place)
    obstacle = next(_obstacles(level, available, level.available(safety_stock, own), basis), None)
    return _PartStock(
        sku,
        needed,
        level.on_hand,
        max(0, level.set_aside),
        safety_stock,
        level.reserved - level.lapsed - own + level.allocated,
        available,
        obstacle,
        cooling.ends_at if cooling else None,
    )


def _obstacles(level: StockLevel, available: int, unpromised: int, basis: Basis) -> Iterator[str]:
    place = level.node, level.sku
    if cooling := basis.situation.cooling.get(place):
        yield rejected_until(level.sku, cooling, basis.situation.network.nodes[level.node])
    if level.stopped_at is not None:
        yield f"the sale of {level.sku} is stopped"
    if available < unpromised and level.offered_at not in (None, basis.offers.get(place)):
        yield f"{level.sku} is offered to the orders that wait for it"
    if available < unpromised:
        yield f"{unpromised - available} of {level.sku} kept back from the channel in all nodes together"

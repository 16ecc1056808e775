"""Answers why a node does not ship in a round: what it has of each line, and each smallest change under which it would."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.network import Network
from domain.sourcing.lines import with_lines
from domain.sourcing.plans import Plan
from domain.sourcing.rounds import RoundInput, decide
from domain.sourcing.what_if.change import Case, Change
from domain.sourcing.what_if.node import changes_of_node
from domain.sourcing.what_if.rules import changes_of_rules
from domain.sourcing.what_if.stock import changes_of_stock, kept_back_by


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a node and a round."""

    plan: Plan
    """The plan as it is."""
    ships: bool
    """Whether the node ships in it."""
    excluded: str | None
    """Why the node could take no part in the tier that decided; None = it could."""
    lines: Sequence[dict[str, Any]]
    """What it had of each wanted line, and which file decides what is kept back."""
    changes: Sequence[Change]
    """None where it ships already."""
    without: Plan
    """The plan if the node had not been there."""
    plans: int
    """How many plans were made to answer."""


def why_not(asked: RoundInput, network: Network, name: str) -> Answer:
    """Why a node does not ship in a round. Raises KeyError for a node that the network version has not."""
    case = Case(asked, network, network.nodes[name])
    plan, basis, _ = decide(asked, network)
    document = with_lines(plan, basis)
    ships = any(shipment.node == name for shipment in plan.shipments)
    shown: dict[str, Any] = next((node for node in document["nodes"] if node["node"] == name), {})
    changes = [] if ships else [*changes_of_stock(case), *changes_of_node(case), *changes_of_rules(case)]
    without = case.plan(replace(asked, kept_out=asked.kept_out | {name}))
    lines = [_line(network, name, line) for line in shown.get("lines", ())]
    return Answer(plan, ships, shown.get("excluded"), lines, changes, without, case.plans + 1)


def _line(network: Network, node: str, line: dict[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in line.items() if key != "position"}
    return {**known, "kept_back_by": _kept_back_by(network, node, line)}


def _kept_back_by(network: Network, node: str, line: dict[str, Any]) -> str | None:
    """The file with the safety stock of a line's item, or of a bundle's first part that has one; None = nothing is kept."""
    parts = [sku for sku, _ in network.components(line["sku"]) if network.safety_stock(node, sku)]
    return kept_back_by(network, node, parts[0]) if line["kept_back"] and parts else None

"""The maps of an order's plan and of the nodes: who ships, who else could, and the customer's place as exactly as it is known.

The customer's place is that of the postal code, the city or the country, as sourcing takes it; an address's own coordinates are
not drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from console import words, world
from console.world import Mark
from domain.network import Locality, Network, Node
from network.geography import ImpossiblePlace, locate

Document = Mapping[str, Any]


def of_plan(order: Document, found: Document, network: Network) -> Markup:
    """The last plan of an order; empty when no node of it is known."""
    chosen = {shipment["node"] for shipment in found["shipments"]}
    second = {node for other in found["runners_up"] for node in other["nodes"]} - chosen
    considered = {one["node"]: one["excluded"] for one in found["nodes"]}
    named = [*sorted(chosen), *sorted(second), *sorted(considered.keys() - chosen - second)]
    marks = [
        _of_node(network.node(name), name in chosen, name in second, considered.get(name))
        for name in named
        if network.knows_node(name)
    ]
    customer = _customer(order)
    shown = [*filter(None, [customer]), *marks]
    return world.drawn(f"Round {found['round']}: who ships (filled), who else could, and the customer (square)", shown)


def _of_node(node: Node, is_chosen: bool, is_second: bool, excluded: str | None) -> Mark:
    if is_chosen:
        return Mark(node.latitude, node.longitude, node.id, "ships", "chosen", is_linked=True)
    if is_second:
        return Mark(node.latitude, node.longitude, node.id, "in another plan", "runner")
    return Mark(node.latitude, node.longitude, node.id, excluded or "others were better", "other")


def _customer(order: Document) -> Mark | None:
    """Where it goes; None for what is collected, and where nobody knows."""
    if order["pickup_node"]:
        return None
    to = order["ship_to"]
    postal_code, city, region = (to.get(name) or "" for name in ("postal_code", "city", "region"))
    try:
        place = locate(Locality(to["country"], postal_code, city, region))
    except (ImpossiblePlace, LookupError):
        return None
    says = f"the place as its {words.of_code(place.precision)} says"
    return Mark(place.latitude, place.longitude, "customer", says, "customer")


def of_nodes(rows: Sequence[Document], network: Network) -> Markup:
    """Every node; those with trouble first, and in another shape."""
    marks = []
    for row in rows:
        node = network.nodes[row["node"]]
        is_in_trouble = bool(row["silent"] or row["late"] or row["paused"])
        says = f"{row['open']} open, {row['late']} late, {row['silent']} without an answer"
        says += ", paused" if row["paused"] else ""
        marks.append(Mark(node.latitude, node.longitude, node.id, says, "trouble" if is_in_trouble else "node"))
    return world.drawn("The nodes; a ring has something late, unanswered or paused", marks)

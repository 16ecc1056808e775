"""Decides what an order claims of its nodes' capacity: one of a node's day for each fulfillment order, planned or released.

Pins claim one for the day on which their plan releases. A fulfillment order claims one for the day of its release, unless it
ended and none of its units had left.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from domain.fulfillment import FulfillmentOrder
from domain.network import Network, Node
from domain.sourcing import NodeLoad, Situation
from domain.units import Order

Claims = Counter[tuple[str, date]]
"""How many fulfillment orders of an order count for a node's local day, by node and day."""


def day(node: Node, at: datetime) -> date:
    """The node's local day at an instant."""
    return at.astimezone(node.time_zone).date()


def next_day_begins(node: Node, at: datetime) -> datetime:
    """The instant at which the day after the node's local day at `at` begins."""
    return datetime.combine(day(node, at) + timedelta(days=1), time(), node.time_zone).astimezone(UTC)


def next_days_of_full_nodes(situation: Situation) -> dict[str, datetime]:
    """When the next day begins, for each node that has no capacity left today."""
    nodes = [situation.network.nodes[node] for node in situation.workload]
    return {
        node.id: next_day_begins(node, situation.now)
        for node in nodes
        if node.capacity_per_day is not None
        and situation.workload[node.id].capacity_used_today >= node.capacity_per_day
    }


def but_for_own(load: NodeLoad, has_claimed: bool) -> NodeLoad:
    """A node's load without what the asking order itself has claimed of its day."""
    return replace(load, capacity_used_today=load.capacity_used_today - 1) if has_claimed else load


def days(network: Network, nodes: Iterable[str], releases_at: datetime) -> dict[str, date]:
    """The local day on which a plan releases, at each of these nodes that has a capacity."""
    return {name: day(network.node(name), releases_at) for name in nodes if _has_capacity(network, name)}


def claims(order: Order, network: Network, pinned_for: Mapping[str, date]) -> Claims:
    """Everything that an order claims, if its pins at these nodes are released on these days."""
    return _of_work(order, network) + Counter(pinned_for.items())


def pinned_for(claimed: Claims, order: Order, network: Network) -> dict[str, date]:
    """The day that the pins at each node have claimed: what is claimed and belongs to no fulfillment order."""
    return dict((claimed - _of_work(order, network)).keys())


def _of_work(order: Order, network: Network) -> Claims:
    return Counter(
        (fo.node, day(network.node(fo.node), fo.released_at))
        for fo in order.fulfillment_orders.values()
        if _has_capacity(network, fo.node) and _is_work(fo)
    )


def _has_capacity(network: Network, node: str) -> bool:
    return network.node(node).capacity_per_day is not None


def _is_work(fo: FulfillmentOrder) -> bool:
    """Whether it counts as work. A dead attempt does not, unless its goods left after all."""
    return any(counts.due or counts.gone for counts in map(fo.counts, fo.lines))

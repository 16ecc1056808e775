"""A single change of what a round was decided from, and the search for the smallest one under which a node ships."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from domain.network import Network, Node
from domain.sourcing.future import whole_numbers
from domain.sourcing.plans import Plan
from domain.sourcing.rounds import RoundInput, decide


class ChangeKind(StrEnum):
    """What would be different."""

    STOCK = "stock"
    """More units on hand at the node."""
    SAFETY_STOCK = "safety_stock"
    """Fewer units that the node never sells."""
    QUOTA = "quota"
    """Fewer units kept back from the channel in all nodes together."""
    STOP = "stop"
    """No stop of the sale."""
    OFFER = "offer"
    """The units are not offered to other orders that wait."""
    COOL_DOWN = "cool_down"
    """The node has not rejected the item."""
    TRIED = "tried"
    """The node has not been tried before."""
    PAUSE = "pause"
    """The node is not paused."""
    CAPACITY = "capacity"
    """More orders that the node may get on that day."""
    OPEN_ORDERS = "open_orders"
    """Fewer fulfillment orders that are open at the node."""
    COST = "cost"
    """A shipment from the node costs less."""
    LOOK_AHEAD = "look_ahead"
    """The units of the node have no look-ahead price."""
    DISTANCE = "distance"
    """The node is nearer."""
    CUTOFF = "cutoff"
    """A later cut-off."""
    SHIPMENTS = "shipments"
    """More shipments in a tier."""
    RULE = "rule"
    """Without a rule, or with the node in a tier."""
    ORDER = "order"
    """The order does not ask for another node, need not ship complete, or has no day that it must keep."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change under which the node ships, and the plan that is then made."""

    kind: ChangeKind
    words: str
    plan: Plan
    amount: int | None = None
    """How much: units, minor units, kilometres, orders, minutes, shipments; None = it is there or not."""
    units: Mapping[str, int] = field(default_factory=dict)
    """By SKU, for changes of stock and of safety stock."""


@dataclass(slots=True)
class Case:
    """A round and the node that is asked about."""

    asked: RoundInput
    network: Network
    node: Node
    plans: int = 0
    """How many plans were made so far."""

    def plan(self, asked: RoundInput | None = None, network: Network | None = None) -> Plan:
        """The plan under another input or another network."""
        self.plans += 1
        return decide(asked or self.asked, network or self.network).plan

    def tried(self, asked: RoundInput | None = None, network: Network | None = None) -> Plan | None:
        """The same where the node ships in it; None where it does not."""
        plan = self.plan(asked, network)
        return plan if any(shipment.node == self.node.id for shipment in plan.shipments) else None


def least(ships: Callable[[int], Plan | None], most: int, edges: Iterable[int] = ()) -> tuple[int, Plan] | None:
    """The smallest amount from 1 to `most` under which the node ships, and its plan; None when there is none.

    `edges` are amounts at which more of the change may begin to do something else, as a rule that names a number does. Between
    two of them more of it must do ever more for the node, or ever less.
    """
    begins = sorted({1, *(edge for edge in edges if 1 < edge <= most)})
    for first, after in pairwise([*begins, most + 1]):
        if plan := ships(first) if first <= most else None:
            return first, plan
        if after - 1 > first and (plan := ships(after - 1)):
            return _least_between(ships, first, after - 1, plan)
    return None


def _least_between(ships: Callable[[int], Plan | None], too_little: int, enough: int, found: Plan) -> tuple[int, Plan]:
    while enough - too_little > 1:
        middle = (too_little + enough) // 2
        plan = ships(middle)
        if plan is None:
            too_little = middle
        else:
            enough, found = middle, plan
    return enough, found


def named_numbers(network: Network, fact: str) -> set[int]:
    """The whole numbers that stand in the rules of the policy that read a fact, with those beside each of them."""
    rules = [rule for rule in network.policy.rules_of_plans if fact in rule.names]
    numbers = {number for rule in rules for number in whole_numbers(rule.source)}
    return {number + step for number in numbers for step in (-1, 0, 1)}

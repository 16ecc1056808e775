"""What an order's units are: which wait, which are pinned, what is work for a node, and what one event changes of them.

A unit that leaves a bucket enters another one in the same step.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from domain.fulfillment import FulfillmentOrder
from domain.network import Network
from domain.order import Bucket
from domain.reasons import ExceptionCode
from domain.sourcing import Wanted
from domain.stock import Movement, explode

Awaits = Literal["sourcing", "stock", "person"]

BUCKET_OF: Mapping[Awaits, Bucket] = {"sourcing": "open", "stock": "backordered", "person": "open"}
"""Where units are that have no node, by what they wait for."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Units of a line without a node, on their `attempt`-th try; `tried` nodes are not asked for them again."""

    line: str
    sku: str
    quantity: int
    attempt: int = 1
    tried: tuple[str, ...] = ()
    awaits: Awaits = "sourcing"
    nodes: tuple[str, ...] | None = None
    """Of units that wait for stock: the nodes that the last round would have given them, had there been any; None = all."""
    gives_up_at: datetime | None = None
    """When units that wait for stock are cancelled; None = never."""
    looks_again_at: datetime | None = None
    """Of units that wait for stock: when a node that has them may take them; None = no such moment is known."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of a line pinned at a node, before a fulfillment order exists."""

    line: str
    sku: str
    node: str
    quantity: int
    attempt: int
    tried: tuple[str, ...]
    round: int
    ship_by: datetime
    deliver_by: datetime


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of the order: what was ordered of which item, and how much of it is done with."""

    sku: str
    ordered: int
    shipped: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An exception that this event opens; the cause is the event's own, so that it opens exactly once."""

    code: ExceptionCode
    detail: str
    fulfillment_order: str | None = None
    node: str | None = None


@dataclass(slots=True)
class Order:
    """An order's units with everything that holds them, as PostgreSQL had it under the order's row lock."""

    order: str
    lines: dict[str, OrderedLine]
    waiting: list[Waiting]
    reservations: list[Reservation]
    fulfillment_orders: dict[str, FulfillmentOrder]
    tried: dict[tuple[str, str], tuple[str, ...]]
    """Nodes tried before, of the units in each (fulfillment order, line)."""
    pickup_node: str | None = None
    """Where the customer collects; None = it is sent to him."""

    @property
    def has_unreleased(self) -> bool:
        """Some of its units are not work for a node yet."""
        return bool(self.waiting or self.reservations)

    def living(self) -> list[FulfillmentOrder]:
        """Fulfillment orders of which something is due, the newest first: they are the easiest to stop."""
        return [fo for fo in reversed(self.fulfillment_orders.values()) if not fo.has_ended]


@dataclass(slots=True)
class Changes:
    """What one event changes; written by `database.order.save` in the transaction that read the order."""

    network: Network
    buckets: dict[str, Counter[Bucket]] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    """Units by which lines grew."""
    touched: set[str] = field(default_factory=set)
    """Fulfillment orders to write."""

    def move(self, line: str, source: Bucket, target: Bucket, quantity: int) -> None:
        """Move units of a line from one bucket to another."""
        if quantity and source != target:
            self.buckets.setdefault(line, Counter()).update({target: quantity})
            self.buckets[line].subtract({source: quantity})

    def add(self, line: str, quantity: int) -> None:
        """Let a line count more units, which are open."""
        self.added[line] += quantity
        self.buckets.setdefault(line, Counter())["open"] += quantity

    def freed(self) -> Counter[tuple[str, str]]:
        """Pinned units of each stocked SKU at each node that are given back so far, by (node, SKU)."""
        units: Counter[tuple[str, str]] = Counter()
        for movement in self.movements:
            units[movement.node, movement.sku] -= movement.reserved
        return +units

    def book(self, sku: str, movement: Movement) -> None:
        """Book a movement of an item, in its stocked components."""
        if not movement.changes_nothing:
            self.movements += explode(movement, self.network.components(sku))


def wanted(order: Order) -> list[tuple[Waiting, Wanted]]:
    """The units that a sourcing round may place: all that wait for sourcing or stock, and not for a person."""
    return [
        (waiting, Wanted(waiting.line, waiting.sku, waiting.quantity, waiting.attempt, waiting.tried))
        for waiting in order.waiting
        if waiting.awaits != "person"
    ]


def needs_a_person(order: Order) -> bool:
    """Whether units wait until a person has seen to them, or the customer has chosen where to collect them."""
    return any(waiting.awaits == "person" for waiting in order.waiting)


def give_to_a_person(order: Order, changes: Changes, waiting: Waiting, detail: str) -> None:
    """Let units wait until a person has seen to the exception that this opens."""
    order.waiting.append(replace(waiting, awaits="person"))
    changes.move(waiting.line, BUCKET_OF[waiting.awaits], "open", waiting.quantity)
    changes.opened.append(Opened(ExceptionCode.UNFILLED, detail))


def ask_the_customer(order: Order, changes: Changes, waiting: Waiting, why: str) -> None:
    """What cannot be collected where the customer wanted to is never sent elsewhere unasked: one exception, many lines."""
    order.waiting.append(replace(waiting, awaits="person"))
    changes.move(waiting.line, BUCKET_OF[waiting.awaits], "open", waiting.quantity)
    if not any(opened.code is ExceptionCode.PICKUP for opened in changes.opened):
        detail = f"it cannot be collected at {order.pickup_node} ({why}): the customer must choose"
        changes.opened.append(Opened(ExceptionCode.PICKUP, detail, node=order.pickup_node))

"""What an order's units are: waiting, pinned, or work for a node; and what one event changes of them.

A unit that leaves a bucket enters another one in the same step.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from domain.account import Charges, Layers, Prices, lowered
from domain.fulfillment import FulfillmentOrder
from domain.network import Network
from domain.order import Bucket
from domain.peg import Peg
from domain.reasons import ExceptionCode
from domain.sourcing import Wanted
from domain.stock import Movement, explode

Awaits = Literal["sourcing", "stock", "person"]

BUCKET_OF: Mapping[Awaits, Bucket] = {"sourcing": "open", "stock": "backordered", "person": "open"}
"""The bucket of units without a node, by what they wait for."""


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
    """For units that wait for stock: the nodes that may take them once they have stock; None = all nodes."""
    gives_up_at: datetime | None = None
    """When units that wait for stock are cancelled; None = never."""
    looks_again_at: datetime | None = None
    """For units that wait for stock: when a node that has stock may take them; None = no such moment is known."""
    network_version: int = 0
    """The version of the network under which it was last decided what may become of them."""
    incoming_lag: timedelta | None = None
    """For units that wait for stock: how much later than announced goods are counted on for them; None = no announced goods are
    promised to them."""
    sell_ahead_max: int | None = None
    """For units that wait for stock: the limit of their item within which they were let wait; None = there was none."""
    sells_returns: bool = False
    """For units with an `incoming_lag`: whether goods that come back from customers may be promised to them, too."""

    @property
    def is_hopeless(self) -> bool:
        """Whether they wait for a person because no node may ever ship them."""
        return self.awaits == "person" and self.nodes == ()


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
    deliver_by: datetime | None


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of the order: how many units of which item were ordered, shipped and cancelled."""

    sku: str
    ordered: int
    shipped: int
    cancelled: int
    components: tuple[tuple[str, int], ...] = ()
    """(SKU, quantity in one unit), as it was ordered; empty for a plain item."""
    weight_g: int | None = None
    """As it was ordered; None = by the network of now, for it was ordered before weights were kept."""
    layers: Layers = ()
    """What its units cost, by when they were ordered; they sum to `ordered` and `cancelled`."""
    name: str | None = None
    """As the channel calls it; None = as the network does, or the order was forgotten."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An exception that this event opens. Its cause is the event's cause, so it opens exactly once."""

    code: ExceptionCode
    detail: str
    fulfillment_order: str | None = None
    node: str | None = None
    subject: str | None = None
    """The line, return or SKU that it is about, where the fact that closes it needs it."""


@dataclass(slots=True)
class Order:
    """An order's units, with their pins and fulfillment orders, as read from PostgreSQL under the order's row lock."""

    order: str
    lines: dict[str, OrderedLine]
    waiting: list[Waiting]
    reservations: list[Reservation]
    fulfillment_orders: dict[str, FulfillmentOrder]
    tried: dict[tuple[str, str], tuple[str, ...]]
    """By (fulfillment order, line): the nodes tried before for these units."""
    pickup_node: str | None = None
    """Where the customer collects it; None = it is shipped."""
    duty_ship_by: datetime | None = None
    """When the channel must see it shipped; None = it named no such moment."""
    duty_deliver_by: datetime | None = None
    """When the channel must see it delivered; None = it named no such moment."""
    to_node: str | None = None
    """The node that a transfer goes to; None = it goes to a customer."""
    for_order: str | None = None
    """The order whose units a transfer brings to where they are collected; None = it is for no order."""
    charges: Charges = field(default_factory=Charges)
    pegs: list[Peg] = field(default_factory=list)
    """What of announced goods is promised to its backordered units."""

    @property
    def prices(self) -> Prices:
        """What it costs as it was read, with what was added to it since, but without what was cancelled since."""
        return Prices({name: line.layers for name, line in self.lines.items()}, self.charges)

    @property
    def has_unreleased(self) -> bool:
        """Whether some of its units are not yet work for a node."""
        return bool(self.waiting or self.reservations)

    @property
    def backordered(self) -> Counter[str]:
        """Units that wait for stock, by line."""
        return _units(one for one in self.waiting if one.awaits == "stock")

    @property
    def pinned(self) -> Counter[str]:
        """Units that are pinned at a node, by line."""
        return _units(self.reservations)

    def living(self) -> list[FulfillmentOrder]:
        """Fulfillment orders with units due, the newest first: they are the easiest to cancel."""
        return [fo for fo in reversed(self.fulfillment_orders.values()) if not fo.has_ended]


def _units(rows: Iterable[Waiting | Reservation]) -> Counter[str]:
    units: Counter[str] = Counter()
    for row in rows:
        units[row.line] += row.quantity
    return units


@dataclass(slots=True)
class Changes:
    """What one event changes; `database.order.save` writes it in the transaction that read the order."""

    network: Network
    network_version: int = 0
    """The number of this version of the network."""
    buckets: dict[str, Counter[Bucket]] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    """By line: units that were added to it."""
    touched: set[str] = field(default_factory=set)
    """Fulfillment orders to write."""

    def move(self, line: str, source: Bucket, target: Bucket, quantity: int) -> None:
        """Move units of a line from one bucket to another."""
        if quantity and source != target:
            self.buckets.setdefault(line, Counter()).update({target: quantity})
            self.buckets[line].subtract({source: quantity})

    def add(self, line: str, quantity: int) -> None:
        """Add open units to a line."""
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


def prices_after(order: Order, changes: Changes) -> Prices:
    """What the order costs when these changes are written."""
    cancelled = {line: moved["cancelled"] for line, moved in changes.buckets.items()}
    lines = {name: lowered(line.layers, cancelled.get(name, 0)) for name, line in order.lines.items()}
    return Prices(lines, order.charges)


def wanted(order: Order) -> list[tuple[Waiting, Wanted]]:
    """The units that a sourcing round may place: all that wait for sourcing or stock, but not those that wait for a person."""
    return [
        (waiting, Wanted(waiting.line, waiting.sku, waiting.quantity, waiting.attempt, waiting.tried))
        for waiting in order.waiting
        if waiting.awaits != "person"
    ]


def needs_a_person(order: Order) -> bool:
    """Whether units wait for a person: to resolve their exception, or to enter where the customer will collect them."""
    return any(waiting.awaits == "person" for waiting in order.waiting)


def give_to_a_person(order: Order, changes: Changes, waiting: Waiting, detail: str) -> None:
    """Open an exception, and let the units wait until a person resolves it."""
    order.waiting.append(replace(waiting, awaits="person"))
    changes.move(waiting.line, BUCKET_OF[waiting.awaits], "open", waiting.quantity)
    changes.opened.append(Opened(ExceptionCode.UNFILLED, detail, subject=waiting.line))


def ask_the_customer(order: Order, changes: Changes, waiting: Waiting, why: str) -> None:
    """Units that the chosen pickup node cannot hand out wait for the customer's choice: one exception for all lines."""
    order.waiting.append(replace(waiting, awaits="person"))
    changes.move(waiting.line, BUCKET_OF[waiting.awaits], "open", waiting.quantity)
    if not any(opened.code is ExceptionCode.PICKUP for opened in changes.opened):
        detail = f"it cannot be collected at {order.pickup_node} ({why}): the customer must choose"
        changes.opened.append(Opened(ExceptionCode.PICKUP, detail, node=order.pickup_node))

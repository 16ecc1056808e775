"""One event of one order is one transaction: lock, read, decide in the domain, write, count the version.

Every activity and every message goes through here, so that nobody moves a unit without the order's row lock, and each change
is in the buckets, the ledger and the counters or in none of them. What workflows are to hear of it is collected meanwhile, and
sent once the transaction has committed.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from database import capacity, exception, fulfillment, order, stock
from database.connect import Database, WriteConnection
from database.order import Event, Header
from database.outbox import signal
from database.outbox.signal import Signal
from domain import identifiers
from domain.capacity import Claims, claims, pinned_for
from domain.deadlines import Wait, waits_for
from domain.event import ChannelEvent, events
from domain.fulfillment import FulfillmentOrder
from domain.network import Network, Node
from domain.order import OrderState
from domain.reasons import ExceptionCode
from domain.units import Changes, Opened, Order, needs_a_person
from transactions.network import Networks

CHANGED = "changed"
"""The signal that tells an order what became of it."""

Send = Callable[[Sequence[Signal]], None]
"""Takes the signals of a transaction that has committed, and never raises: what Temporal does not take stays in the outbox."""


def leave_to_the_relay(_: Sequence[Signal]) -> None:
    """Send nothing now; the relay sends what stands in the outbox."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that is open, and the signals that leave when it has committed."""

    connection: WriteConnection
    signals: list[Signal] = field(default_factory=list)

    async def signal(self, workflow_id: str, order: str, name: str, facts: dict[str, Any]) -> None:
        """Owe a workflow a signal."""
        self.signals.append(await signal.add(self.connection, workflow_id, order, name, facts))


@dataclass(slots=True)
class Work:
    """An order under its lock: decide on `order`, note in `changes`, then `write`."""

    transaction: Transaction
    header: Header
    network: Network
    network_version: int
    order: Order
    changes: Changes
    _before: Order
    claimed: Claims
    """What the order has claimed of its nodes' capacity."""
    pinned_for: Mapping[str, date]
    """The local day for which its pins at each node have claimed."""
    channel_events: list[ChannelEvent] = field(default_factory=list)
    """What the order's channel hears beside what its units tell."""

    @property
    def connection(self) -> WriteConnection:
        """The connection of the transaction that has locked the order."""
        return self.transaction.connection

    async def write(self, event: Event) -> OrderState:
        """Write everything that was noted and answer the order's new state, as `news` does."""
        shortages = await order.save(self.connection, self.header, self._before, self.order, self.changes, event)
        pinned = {pin.node for pin in self.order.reservations}
        await self._claim_capacity({node: day for node, day in self.pinned_for.items() if node in pinned}, {})
        await fulfillment.save(self.connection, self._touched(), self.order.tried)
        await self._close_what_is_over(event)
        await exception.open_all(
            self.connection, self.changes.opened, order=self.header.order, cause=event.cause, at=event.occurred_at
        )
        await open_shortages(self.connection, shortages, event)
        channel_events = self.channel_events + events(self._before, self.order, self.changes)
        return await order.next_version(self.connection, self.header.order, channel_events, event.happened_at)

    async def claim_capacity(self, pinned_for: Mapping[str, date]) -> bool:
        """Claim capacity for what is about to be pinned, in the place of what pins have claimed: false when a day is full.

        The stock of the pins must be locked before, and a transaction that is refused be undone.
        """
        nodes = self.network.nodes
        limits = {node: nodes[node].capacity_per_day or 0 for node in pinned_for}
        return await self._claim_capacity(pinned_for, limits)

    async def _claim_capacity(self, pinned_for: Mapping[str, date], limits: Mapping[str, int]) -> bool:
        needed = claims(self.order, self.network, pinned_for)
        if needed != self.claimed and not await capacity.change(
            self.connection, self.header.order, self.claimed, needed, limits
        ):
            return False
        self.claimed, self.pinned_for = needed, pinned_for
        return True

    async def current_state(self) -> OrderState:
        """The order's state, when there was nothing to write."""
        return await order.news(self.connection, self.header.order)

    async def notify(self, state: OrderState) -> None:
        """Owe the order's workflow its new state; a closed order has none."""
        if not self.header.is_closed:
            workflow_id, facts = identifiers.order_workflow_id(state.order), {"recorded": state.news()}
            await self.transaction.signal(workflow_id, state.order, CHANGED, facts)

    def node(self, fulfillment_order: str) -> Node | None:
        """The node of a fulfillment order; None when the network has dropped it, which only a closed order survives."""
        return self.network.nodes.get(self.order.fulfillment_orders[fulfillment_order].node)

    def _touched(self) -> list[tuple[FulfillmentOrder, Wait | None]]:
        names = [name for name in self.order.fulfillment_orders if name in self.changes.touched]
        return [(self.order.fulfillment_orders[name], self.wait(name)) for name in names]

    def wait(self, fulfillment_order: str) -> Wait | None:
        """What a fulfillment order waits for now, and until when."""
        fo, node = self.order.fulfillment_orders[fulfillment_order], self.node(fulfillment_order)
        return waits_for(fo, node, self.network.policy.orders) if node else None

    async def _close_what_is_over(self, event: Event) -> None:
        """Close the exceptions that no person need look at any more: what was at risk has left, what waited has its place."""
        for name in filter(self._was_at_risk, sorted(self.changes.touched)):
            await self._close(ExceptionCode.AT_RISK, name, event)
        if needs_a_person(self._before) and not needs_a_person(self.order):
            await self._close(ExceptionCode.PICKUP, None, event)
        is_watched = self.network.policy.orders.at_risk_before is not None
        if is_watched and self._before.has_unreleased and not self.order.has_unreleased:
            await self._close(ExceptionCode.AT_RISK, None, event)

    async def _close(self, code: ExceptionCode, fulfillment_order: str | None, event: Event) -> None:
        await exception.close(self.connection, self.header.order, code, fulfillment_order, None, event.occurred_at)

    def _was_at_risk(self, fulfillment_order: str) -> bool:
        before = self._before.fulfillment_orders.get(fulfillment_order)
        after = self.order.fulfillment_orders.get(fulfillment_order)
        return bool(before and after and before.at_risk_at and before.is_owed and not after.is_owed)


class OrderTransactions:
    """Opens transactions on orders. One per process."""

    def __init__(self, database: Database, networks: Networks, send: Send = leave_to_the_relay) -> None:
        """`networks` holds the versions of the business's map that this process has met."""
        self.database = database
        self.networks = networks
        self._send = send

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """One transaction: committed when the block ends, and its signals are sent; rolled back when it raises, and none is."""
        async with self.database.write() as connection:
            transaction = Transaction(connection)
            yield transaction
        if transaction.signals:
            self._send(transaction.signals)

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Work]:
        """Lock an order and read what it holds; commits when the block ends, rolls back when it raises.

        Raises `database.order.UnknownOrder` and `NoNetwork`.
        """
        async with self.begin() as transaction:
            yield await self.on(transaction, name)

    async def on(self, transaction: Transaction, name: str) -> Work:
        """The same inside a transaction that is open already, for what must be stored together with the order."""
        connection = transaction.connection
        await order.lock(connection, name)
        header, holding = await order.load(connection, name)
        version, network = await self.networks.version(connection, header.network_version)
        pinned = pinned_for(header.claimed, holding, network)
        changes, before = Changes(network), _copy(holding)
        return Work(transaction, header, network, version, holding, changes, before, header.claimed, pinned)


def _copy(holding: Order) -> Order:
    before = copy(holding)
    before.waiting = list(holding.waiting)
    before.reservations = list(holding.reservations)
    before.fulfillment_orders = dict(holding.fulfillment_orders)
    return before


async def open_shortages(connection: WriteConnection, shortages: list[stock.Shortage], event: Event) -> None:
    """A shelf that holds less than is promised needs a person: one exception a node and SKU, with the event as its cause."""
    opened = [
        Opened(
            ExceptionCode.STOCK_SHORT,
            f"{short.missing} of {short.sku} at {short.node} are promised but not on hand",
            node=short.node,
        )
        for short in shortages
    ]
    await exception.open_all(connection, opened, order=None, cause=event.cause, at=event.occurred_at)

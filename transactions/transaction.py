"""One event of one order is one transaction: lock, read, decide in the domain, write, count the version.

Every activity and every message goes through here. So no unit moves without the order's row lock, and each change is in the
buckets, the ledger and the counters, or in none of them. The transaction collects the signals for workflows and sends them
after its commit.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from database import capacity, claim, exception, fulfillment, order, refund, returns, stock
from database.connect import Database, WriteConnection
from database.exception import ClosingFact
from database.order import Event, Header
from database.outbox import signal
from database.outbox.signal import CHANGED, Signal
from domain import identifiers
from domain.capacity import Claims, claims, pinned_for
from domain.closing import Facts, looks_at_payments, looks_at_returns, over
from domain.deadlines import Wait, accept_by, after_the_call, waits_for
from domain.event import ChannelEvent, events
from domain.network import Network, Node
from domain.order import OrderState
from domain.payment import Payments, shipped_after
from domain.reasons import ExceptionCode
from domain.retired import as_ordered
from domain.units import Changes, Opened, Order, prices_after
from transactions.capture import ask_for_payments
from transactions.heard import Heard
from transactions.lost_replacement import give_back
from transactions.network import Networks

Send = Callable[[Sequence[Signal]], None]
"""Sends the signals of a committed transaction. It never raises: a signal that Temporal does not accept stays in the outbox."""


QUOTING = (ExceptionCode.MESSAGE_MISFIT, ExceptionCode.RETURN_MISFIT)
"""Exceptions whose detail repeats something of the message that opened them."""
FORGOTTEN_DETAIL = "{code}: what it said was not kept, because its order is forgotten"


def leave_to_the_relay(_: Sequence[Signal]) -> None:
    """Send nothing now; the relay sends the signals of the outbox later."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction, and the signals to send after its commit."""

    connection: WriteConnection
    signals: list[Signal] = field(default_factory=list)

    async def signal(self, workflow_id: str, order: str, name: str, facts: dict[str, Any]) -> None:
        """Store a signal for a workflow in the outbox; it is sent after the commit."""
        self.signals.append(await signal.add(self.connection, workflow_id, order, name, facts))


@dataclass(slots=True)
class Work:
    """An order under its lock: decide on `order`, record the changes in `changes`, then call `write`."""

    transaction: Transaction
    header: Header
    network: Network
    """The active version as this order sees it: its lines are made of what they were ordered as."""
    active: Network
    """The active version, for what is ordered now."""
    network_version: int
    order: Order
    changes: Changes
    _before: Order
    claimed: Claims
    """The capacity that the order has claimed at its nodes."""
    pinned_for: Mapping[str, date]
    """By node, the local day for which the order's pins have claimed capacity."""
    payments: Payments
    channel_events: list[ChannelEvent] = field(default_factory=list)
    """Events for the order's channel that do not follow from its units."""

    @property
    def connection(self) -> WriteConnection:
        """The connection of the transaction that has locked the order."""
        return self.transaction.connection

    async def write(self, event: Event) -> OrderState:
        """Write all recorded changes and return the order's new state, as `current_state` does."""
        shortages = await order.save(self.connection, self.header, self._before, self.order, self.changes, event)
        await self._give_capacity_back()
        await self._close_what_is_over(event)
        await fulfillment.save(self.connection, self._touched(), self.order.tried)
        await self._open_exceptions(event)
        await open_shortages(self.connection, shortages, event)
        await self._give_back_what_it_replaces(event)
        return await self._count_the_change(event)

    async def write_past(self, event: Event) -> None:
        """Write what had become of units before the order came: no version counts it, and no event tells of it."""
        await order.save(self.connection, self.header, self._before, self.order, self.changes, event)
        await fulfillment.save(self.connection, self._touched(), self.order.tried)

    async def _give_capacity_back(self) -> None:
        """Claim no day of a node at which nothing is pinned any more."""
        pinned = {pin.node for pin in self.order.reservations}
        await self._claim_capacity({node: day for node, day in self.pinned_for.items() if node in pinned}, {})

    async def _open_exceptions(self, event: Event) -> None:
        name, opened = self.header.order, self._opened()
        await exception.open_all(self.connection, opened, order=name, cause=event.cause, at=event.occurred_at)

    async def _count_the_change(self, event: Event) -> OrderState:
        """Make the order's next version, with the events that its channel gets."""
        channel_events = self.channel_events + events(self._before, self.order, self.changes)
        if self.payments.authorized:
            shipped = shipped_after(self.order, self.changes)
            channel_events += await ask_for_payments(
                self.connection, self.header, self.payments, shipped, channel_events, event.occurred_at
            )
        return await order.next_version(self.connection, self.header.order, channel_events, event.happened_at)

    def _opened(self) -> Sequence[Opened]:
        """The exceptions to open. Of a forgotten order, none repeats what a message said."""
        if not self.header.is_forgotten:
            return self.changes.opened
        return [
            replace(opened, detail=FORGOTTEN_DETAIL.format(code=opened.code)) if opened.code in QUOTING else opened
            for opened in self.changes.opened
        ]

    async def claim_capacity(self, pinned_for: Mapping[str, date]) -> bool:
        """Replace the claims of the order's pins with these; false when a day is full.

        Lock the stock of the pins first, and roll the transaction back when the answer is false.
        """
        limits = {node: self.network.node(node).capacity_per_day or 0 for node in pinned_for}
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
        """The order's state as it is stored; for a call that changes nothing."""
        return await order.news(self.connection, self.header.order)

    async def notify(self, state: OrderState) -> None:
        """Signal the new state to the order's workflow; a closed order has no workflow."""
        if not self.header.is_closed:
            workflow_id, facts = identifiers.order_workflow_id(state.order), {"recorded": state.news()}
            await self.transaction.signal(workflow_id, state.order, CHANGED, facts)

    def node(self, fulfillment_order: str) -> Node:
        """The node of a fulfillment order, also a retired one."""
        return self.network.node(self.order.fulfillment_orders[fulfillment_order].node)

    def _touched(self) -> list[fulfillment.Waits]:
        names = [name for name in self.order.fulfillment_orders if name in self.changes.touched]
        known = [self.order.fulfillment_orders[name] for name in names]
        rules = self.network.policy.orders
        return [
            fulfillment.Waits(fo, self.wait(fo.fulfillment_order), accept_by(fo, self.network.node(fo.node), rules))
            for fo in known
        ]

    def wait(self, fulfillment_order: str) -> Wait | None:
        """The event that a fulfillment order waits for now, and its deadline."""
        fo = self.order.fulfillment_orders[fulfillment_order]
        return waits_for(fo, self.node(fulfillment_order), self.network.policy.orders)

    async def _close_what_is_over(self, event: Event) -> None:
        """Close the exceptions whose reason is gone. A parcel that is found by a claim or return waits for nobody any more."""
        known = self.header.open_exceptions
        if not known:
            return
        facts = Facts(self.order, self.network.policy.orders)
        if looks_at_returns(known):
            facts = await self._with_returns(facts)
        if looks_at_payments(known):
            facts = await self._with_payments(facts)
        closed = over(known, facts)
        for one in closed:
            if one.code is ExceptionCode.DELIVERY_FAILED and one.fulfillment_order:
                self._wait_for_the_parcel_again(one.fulfillment_order, event.occurred_at)
        if closed:
            fact = ClosingFact(event.cause, event.actor, event.occurred_at)
            await exception.close(self.connection, [one.exception for one in closed], fact)

    async def _with_returns(self, facts: Facts) -> Facts:
        returned = await returns.came_back(self.connection, self.header.order)
        return replace(facts, returned=returned, claimed=await claim.claimed(self.connection, self.header.order))

    async def _with_payments(self, facts: Facts) -> Facts:
        back = await refund.paid_back(self.connection, self.header.order)
        total = prices_after(self.order, self.changes).total
        return replace(facts, misfits=tuple(self.payments.misfits(total, back.amount)), short=back.short)

    async def _give_back_what_it_replaces(self, event: Event) -> None:
        """Ask for the money again that units of a replacement stood for, when they are cancelled."""
        stands_for = self.header.replaces
        if stands_for is None or not any(moved["cancelled"] > 0 for moved in self.changes.buckets.values()):
            return
        prices = prices_after(self.order, self.changes)
        for signal_ in await give_back(self.connection, self.header.order, prices, stands_for, event):
            await self.transaction.signal(*signal_)

    def _wait_for_the_parcel_again(self, name: str, at: datetime) -> None:
        self.order.fulfillment_orders[name] = after_the_call(
            self.order.fulfillment_orders[name], ExceptionCode.DELIVERY_FAILED, at
        )
        self.changes.touched.add(name)


class OrderTransactions:
    """Opens transactions on orders. One per process."""

    def __init__(self, database: Database, networks: Networks, send: Send = leave_to_the_relay) -> None:
        """`networks` holds the network versions that this process has loaded."""
        self.database = database
        self.networks = networks
        self.heard = Heard()
        self._send = send

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """One transaction: when the block ends, it commits and sends its signals; when the block raises, it rolls back."""
        async with self.database.write() as connection:
            transaction = Transaction(connection)
            yield transaction
        if transaction.signals:
            self._send(transaction.signals)

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Work]:
        """Lock an order and read its units; commit when the block ends, roll back when it raises.

        Raises `database.order.UnknownOrder` and `NoNetwork`.
        """
        async with self.begin() as transaction:
            yield await self.on(transaction, name)

    async def on(self, transaction: Transaction, name: str) -> Work:
        """As `open`, inside a transaction that is open already: what the caller stores commits together with the order."""
        connection = transaction.connection
        await order.lock(connection, name)
        header, holding = await order.load(connection, name)
        if header.replaces is not None:  # before any stock level: its own transaction may hold it and wait for one
            await order.lock(connection, header.replaces.order)
        version, active = await self.networks.version(connection, header.network_version)
        network = as_ordered(active, holding.lines.values())
        pinned = pinned_for(header.claimed, holding, network)
        changes, before = Changes(network, version), _copy(holding)
        claimed, payments = header.claimed, header.payments
        return Work(transaction, header, network, active, version, holding, changes, before, claimed, pinned, payments)


def _copy(holding: Order) -> Order:
    before = copy(holding)
    before.lines = dict(holding.lines)
    before.waiting = list(holding.waiting)
    before.reservations = list(holding.reservations)
    before.fulfillment_orders = dict(holding.fulfillment_orders)
    return before


async def open_shortages(connection: WriteConnection, shortages: list[stock.Shortage], event: Event) -> None:
    """Open an exception for each node and SKU that has less stock than is promised; the event is its cause."""
    opened = [
        Opened(
            ExceptionCode.STOCK_SHORT,
            f"{short.missing} of {short.sku} at {short.node} are promised but not on hand",
            node=short.node,
            subject=short.sku,
        )
        for short in shortages
    ]
    await exception.open_all(connection, opened, order=None, cause=event.cause, at=event.occurred_at)

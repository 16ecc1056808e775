"""One event of one order is one transaction: lock, read, decide in the domain, write, count the version.

Every activity and every message goes through here. So no unit moves without the order's row lock, and each change is in the
buckets, the ledger and the counters, or in none of them. The transaction collects the signals for workflows and sends them
after its commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from channels.heard import heard
from database import capacity, claim, exception, fulfillment, label, order, peg, refund, returns, stock
from database.connect import Database, WriteConnection
from database.exception import ClosingFact
from database.order import Event, Header, ItemsRelease, MessageName, NewPromise, Promise
from database.outbox import signal
from database.outbox.signal import CHANGED, Signal
from database.writes import Writes
from domain import identifiers, wake
from domain.capacity import Claims, claims, pinned_for
from domain.closing import Facts, looks_at_payments, looks_at_returns, over
from domain.deadlines import Wait, accept_by, after_the_call, waits_for
from domain.event import ChannelEvent, events, promise_changed
from domain.event import promised as first_promised
from domain.fulfillment import FulfillmentOrder
from domain.network import Network, Node
from domain.order import OrderState
from domain.payment import Payments, shipped_after
from domain.peg import Peg, after_turn, fitted
from domain.reasons import ExceptionCode
from domain.retired import as_ordered
from domain.transfer import skus
from domain.units import Changes, Opened, Order, prices_after
from domain.units import promised as promised_of
from transactions.announcement import carry, carry_for_order
from transactions.capture import ask_for_payments
from transactions.gathering import Gathering
from transactions.heard import Heard
from transactions.lost_replacement import give_back
from transactions.network import Networks

Send = Callable[[Sequence[Signal]], None]
"""Sends the signals of a committed transaction. It never raises: a signal that Temporal does not accept stays in the outbox."""


QUOTING = (
    ExceptionCode.MESSAGE_MISFIT,
    ExceptionCode.RETURN_MISFIT,
    ExceptionCode.CHANNEL_REFUSED,
    ExceptionCode.CARRIER_FAILED,
)
"""Exceptions whose detail repeats something of the message that opened them."""
FORGOTTEN_DETAIL = "{code}: what it said was not kept, because its order is forgotten"


def leave_to_the_relay(_: Sequence[Signal]) -> None:
    """Send nothing now; the relay sends the signals of the outbox later."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction, and the signals to send after its commit."""

    connection: WriteConnection
    locked: str | None = None
    """The order whose row was locked with the BEGIN."""
    signals: list[Signal] = field(default_factory=list)

    async def signal(self, workflow_id: str, order: str, name: str, facts: dict[str, Any]) -> None:
        """Store a signal for a workflow in the outbox; it is sent after the commit."""
        self.signals.append(await signal.add(self.connection, workflow_id, order, name, facts))

    async def changed(self, name: str) -> OrderState:
        """Count a change of an order that moved no unit, under its lock, and signal it to the order's workflow, which may be
        waiting for something else."""
        state = await order.next_version(self.connection, name, (), datetime.now(UTC))
        if not state.closed:
            await self.signal(identifiers.order_workflow_id(name), name, CHANGED, {"recorded": state.news()})
        return state


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
    writes: Writes = field(default_factory=Writes)
    """What `write` sends together with the order's own rows."""
    promise: Promise | NewPromise | None = None
    """The order's first promise, or one that replaces it, to write with its rows."""
    turn_began_with: Sequence[Peg] | None = None
    """Its pegs when its turn began: of what had arrived for them, it loses what it does not use. None = it has no turn."""
    is_promise_written: bool = False
    """Whether `promise` was written already, with those of other orders."""
    has_locked_pegs: bool = False
    """Whether its pegs were read under the locks of their dated rows, and are written with those of other orders."""
    claim_last: Callable[[], Awaitable[None]] | None = None
    """Claims what the order's new pins need, or raises; `write` calls it before it books what the event frees."""

    @property
    def connection(self) -> WriteConnection:
        """The connection of the transaction that has locked the order."""
        return self.transaction.connection

    @property
    def release_at(self) -> datetime:
        """When it may be released, with what was just added to it or cancelled of it; the header has it as it is stored."""
        return max(self.header.own_release_at, self._items_release_at() or self.header.own_release_at)

    async def write(self, event: Event, then: Callable[[OrderState], Awaitable[None]] | None = None) -> OrderState:
        """Write all recorded changes and return the order's new state, as `current_state` does.

        The order's own rows come first, and what `then` writes when it gets the new state. Rows of stock and of days, for which
        other orders wait, are locked last.
        """
        await self._close_what_is_over(event)
        self._fit_pegs()
        await self._write_own_rows()
        await self._open_exceptions(event)
        await self._give_back_what_it_replaces(event)
        state = await self.count_the_change(event)
        if then is not None:
            await then(state)
        await self._move_stock(event)
        return state

    async def _move_stock(self, event: Event) -> None:
        """Claim, book and give back, in the one order of locks: stock, then days."""
        if self.header.to_node is not None:
            await stock.close_gates(self.connection, self._skus_to_bring())
        if self.claim_last is not None:
            await self.claim_last()
        shortages = await order.book(self.connection, self.header, self.changes, event)
        await self._give_capacity_back()
        await open_shortages(self.connection, shortages, event)
        if self.header.for_order is not None:
            await carry_for_order(self.connection, self._before, self.order)
        elif self.header.to_node is not None:
            await carry(self.connection, self._before.fulfillment_orders, self._touched_work())
        if self._before.pegs and not self.has_locked_pegs:
            await self.keep_fitting_pegs()

    def _skus_to_bring(self) -> set[str]:
        """The SKUs of which a transfer may bring more or fewer units than before."""
        if self.header.for_order is None:
            return skus(self._touched_work())
        return {line.sku for line in self.order.lines.values()}

    def _fit_pegs(self) -> None:
        """Leave no pegs for units that do not wait any more. They are written when their rows are locked, last of all."""
        if self.order.pegs:
            self.order.pegs = self._fitting(self.order.pegs)
        was_lost = self.header.is_promise_changed and self.header.promised[0] is None
        had_a_round = bool(self.order.pegs) and _awaits_round(self._before)
        if was_lost or had_a_round or self.order.pegs != self._before.pegs:
            self.renew_promise()

    def _fitting(self, pegs: Sequence[Peg]) -> list[Peg]:
        moved = self.changes.buckets
        pinned = {line: max(0, units["reserved"] + units["allocated"]) for line, units in moved.items()}
        fitting = fitted(pegs, self.order.backordered, pinned)
        return fitting if self.turn_began_with is None else after_turn(fitting, pegs, self.turn_began_with)

    async def keep_fitting_pegs(self) -> None:
        """Write which pegs are left, under the locks of their dated rows. An order whose turn is over looks for others."""
        pegs = await peg.lock_of_order(self.connection, self.header.order)
        left = self._fitting(pegs)
        await peg.save(self.connection, self.header.order, pegs, left)
        if self.turn_began_with is not None and (
            lost := _arrived(pegs) & {line for line, units in self.order.backordered.items() if units}
        ):
            await peg.mark(self.connection, {one.sku for one in pegs if one.line in lost}, self.header.order)
        self.order.pegs, self._before.pegs, self.turn_began_with = left, list(left), None

    def renew_promise(self) -> bool:
        """Make the first promise, or a new one where the present one is not true any more; answers whether it did.

        It is for orders that wait for announced goods, or did: the promise of others is made by `transactions.sourcing`, and
        stays. While units are about to be sourced nobody knows it, and the promise is made when they are.
        """
        promised = promised_of(self.order)
        if promised is None and (not self.order.waiting or _awaits_round(self.order)):
            return False
        days = promised or (None, None)
        if promised is not None and not self.header.is_promised and self.promise is None:
            self.promise = Promise(*promised)
            self.channel_events.append(first_promised(*promised))
        elif self.header.is_promised and days != self.header.promised and self.promise is None:
            self.promise = NewPromise(*days)
            self.channel_events.append(promise_changed(*days))
        else:
            return False
        return True

    async def write_past(self, event: Event) -> None:
        """Write what had become of units before the order came: no version counts it, and no event tells of it."""
        await self._write_own_rows()
        await order.book(self.connection, self.header, self.changes, event)

    async def _write_own_rows(self) -> None:
        """Write what changed of the order and its fulfillment orders, with what else was to be written: in one statement."""
        self.collect_own_rows()
        await self.writes.send(self.connection)

    def collect_own_rows(self) -> None:
        """Add to `writes` what changed of the order and its fulfillment orders."""
        promise = None if self.is_promise_written else self.promise
        release = ItemsRelease(self._items_release_at()) if self.is_released_otherwise else None
        order.save(self.writes, self.header, self._before, self.order, self.changes, promise, release)
        fulfillment.save(self.writes, self._touched(), self.order.tried)
        ended = [one.fulfillment_order for one in self._touched_work() if one.ended_without_shipment]
        label.give_back_unused(self.writes, ended)

    @property
    def is_released_otherwise(self) -> bool:
        """Whether its items may leave a node from another moment on than is stored."""
        return self._items_release_at() != self.header.items_release_at

    def _items_release_at(self) -> datetime | None:
        """From when all that is ordered and not cancelled may leave a node, by the active version."""
        if self.header.to_node is not None:
            return None
        cancelled = {line: moved["cancelled"] for line, moved in self.changes.buckets.items()}
        left = [
            one.sku for line, one in self.order.lines.items() if one.ordered > one.cancelled + cancelled.get(line, 0)
        ]
        return self.active.release_at(left)

    async def _give_capacity_back(self) -> None:
        """Claim no day of a node at which nothing is pinned any more."""
        pinned = {pin.node for pin in self.order.reservations}
        await self._claim_capacity({node: day for node, day in self.pinned_for.items() if node in pinned}, {})

    async def _open_exceptions(self, event: Event) -> None:
        name, opened = self.header.order, self._opened()
        await exception.open_all(self.connection, opened, order=name, cause=event.cause, at=event.occurred_at)

    async def count_the_change(self, event: Event) -> OrderState:
        """Make the order's next version, with the events that its channel gets."""
        channel_events = self.channel_events + events(self._before, self.order, self.changes)
        if self.payments.authorized:
            shipped = shipped_after(self.order, self.changes)
            channel_events += await ask_for_payments(
                self.connection, self.header, self.payments, shipped, channel_events, event.occurred_at
            )
        hears = heard(self.active, self.header.channel)
        return await order.next_version(self.connection, self.header.order, channel_events, event.happened_at, hears)

    def _opened(self) -> Sequence[Opened]:
        """The exceptions to open. Of a forgotten order, none repeats what a message said."""
        if not self.header.is_forgotten:
            return self.changes.opened
        return [
            replace(opened, detail=FORGOTTEN_DETAIL.format(code=opened.code)) if opened.code in QUOTING else opened
            for opened in self.changes.opened
        ]

    async def claim_capacity(self, pinned_for: Mapping[str, date], released_at: Collection[str] = ()) -> bool:
        """Replace the claims of the order's pins with these; false when a day is full. At the nodes in `released_at`, pins have
        become fulfillment orders in this transaction, which may not exceed a day either.

        Lock the stock of the pins first, and roll the transaction back when the answer is false.
        """
        limits = {node: self.network.node(node).capacity_per_day or 0 for node in {*pinned_for, *released_at}}
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
        """Signal the new state to the order's workflow, if the change concerns it."""
        if self.wakes(state):
            workflow_id, facts = identifiers.order_workflow_id(state.order), {"recorded": state.news()}
            await self.transaction.signal(workflow_id, state.order, CHANGED, facts)

    def wakes(self, state: OrderState) -> bool:
        """Whether the change that led to this state is signalled to the order's workflow; a closed order has none."""
        if self.header.is_closed:
            return False
        known = frozenset(one.exception for one in self.header.open_exceptions)
        if self.is_released_otherwise:
            return True
        was = wake.before(self._before, self.header.deadlines, is_held=self.header.is_held, exceptions=known)
        return wake.is_woken(was, wake.after(self.order, state))

    def node(self, fulfillment_order: str) -> Node:
        """The node of a fulfillment order, also a retired one."""
        return self.network.node(self.order.fulfillment_orders[fulfillment_order].node)

    def _touched_work(self) -> list[FulfillmentOrder]:
        return [fo for name, fo in self.order.fulfillment_orders.items() if name in self.changes.touched]

    def _touched(self) -> list[fulfillment.Waits]:
        rules = self.network.policy.orders
        return [
            fulfillment.Waits(fo, self.wait(fo.fulfillment_order), accept_by(fo, self.network.node(fo.node), rules))
            for fo in self._touched_work()
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
        hears = heard(self.active, self.header.channel)
        for signal_ in await give_back(self.connection, self.header.order, prices, stands_for, event, hears):
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
        self.first_rounds = Gathering[Any, OrderState]()
        self._send = send

    @asynccontextmanager
    async def begin(self, locks: str | None = None) -> AsyncIterator[Transaction]:
        """One transaction: when the block ends, it commits and sends its signals; when the block raises, it rolls back.

        It begins with the lock of the order `locks`, in the same round trip; the block must then call `on` for it. Raises
        `database.order.UnknownOrder` for what cannot be the id of an order.
        """
        async with self.database.write("" if locks is None else order.lock_with_begin(locks)) as connection:
            transaction = Transaction(connection, locks)
            yield transaction
        if transaction.signals:
            self._send(transaction.signals)

    @asynccontextmanager
    async def open(self, name: str, message: MessageName | None = None) -> AsyncIterator[Work]:
        """Lock an order and read its units; commit when the block ends, roll back when it raises.

        With a message, `header.known` is what is stored under its id. Raises `database.order.UnknownOrder` and `NoNetwork`.
        """
        async with self.begin(locks=name) as transaction:
            yield await self.on(transaction, name, message)

    async def on(self, transaction: Transaction, name: str, message: MessageName | None = None) -> Work:
        """As `open`, inside a transaction that is open already: what the caller stores commits together with the order."""
        connection = transaction.connection
        if transaction.locked != name:
            await order.lock(connection, name)
        header, holding = await order.load(connection, name, message)
        if header.replaces is not None:  # before any stock level: its own transaction may hold it and wait for one
            await order.lock(connection, header.replaces.order)
        return await self._work(transaction, header, holding)

    async def on_all(self, transaction: Transaction, names: Collection[str]) -> list[Work]:
        """As `on`, for several orders in the given sequence, which wait for PostgreSQL as often as one does. None of them may
        cancel units of a replacement: the orders that they replace are not locked."""
        await order.lock_all(transaction.connection, names)
        return await self.on_locked(transaction, names)

    async def on_locked(self, transaction: Transaction, names: Collection[str]) -> list[Work]:
        """As `on_all`, for orders that the transaction has locked already."""
        found = await order.load_all(transaction.connection, names)
        return [await self._work(transaction, *found[name]) for name in names]

    async def _work(self, transaction: Transaction, header: Header, holding: Order) -> Work:
        connection = transaction.connection
        version, active = await self.networks.version(connection, header.network_version)
        network = as_ordered(active, holding.lines.values())
        pinned = pinned_for(header.claimed, holding, network)
        changes, before = Changes(network, version), _copy(holding)
        claimed, payments = header.claimed, header.payments
        return Work(transaction, header, network, active, version, holding, changes, before, claimed, pinned, payments)


def _awaits_round(order: Order) -> bool:
    """Whether some of its units wait for their sourcing round."""
    return any(one.awaits == "sourcing" for one in order.waiting)


def _arrived(pegs: Sequence[Peg]) -> set[str]:
    """The lines with units that have arrived."""
    return {one.line for one in pegs if one.arrived}


def _copy(holding: Order) -> Order:
    before = copy(holding)
    before.lines = dict(holding.lines)
    before.waiting = list(holding.waiting)
    before.reservations = list(holding.reservations)
    before.fulfillment_orders = dict(holding.fulfillment_orders)
    before.pegs = list(holding.pegs)
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

"""Gives orders that wait their pegs, and the promises that follow: what is announced is promised in sequence.

Each order is looked at under its own lock and those of the dated rows; up to a hundred share a transaction. Nobody loses
anything here: an order keeps what it has, or moves to earlier units that nobody has (docs/decisions/0061).
"""

import contextlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from database import peg as statements
from database import ship_to_store
from database.connect import WriteConnection
from database.order import Event, write_promises
from database.peg import Announced, ToPeg
from domain.network import ShipComplete
from domain.peg import Demand, Peg, take
from domain.sourcing import OrderFacts, PlannedShipment, Wanted, pegs_later, strategy_for
from domain.units import Waiting
from transactions import stuck
from transactions.stuck import Step
from transactions.supply import order_facts
from transactions.transaction import OrderTransactions, Work

log = structlog.get_logger("peg")

ORDERS_AT_ONCE = 100
"""Orders of one transaction."""

REST = timedelta(minutes=1)
"""How long an order is not looked at again that could not be looked at."""


async def work_off(transactions: OrderTransactions, failing: dict[str, datetime] | None = None) -> None:
    """Give pegs and promises to the orders that something has changed for, in sequence.

    It goes through the sequence again and again until nothing is left. Each time it gives only what was free when it began:
    what is announced meanwhile, or an order leaves, is given from the head of the sequence. Safe to run several times at once,
    and to repeat. `failing` are the orders that could not be looked at, and until when they rest; what was noted of them stays.
    """
    failing, seen = {} if failing is None else failing, set[str]()
    while True:
        async with transactions.database.read_once() as connection:
            changed = (await statements.to_peg(connection)).without(_resting(failing), seen)
        if not changed.noted:
            return
        async with transactions.database.read() as connection:
            found = await statements.orders_to_peg(connection, changed)
            free = await statements.announced(connection, changed.skus)
        await _go_through(_Round(transactions, changed, free, failing), found)
        seen |= changed.orders
        async with transactions.database.write() as connection:
            await statements.done(connection, changed.marks)
            await statements.note_again(connection, _resting(failing).intersection(found))


def _resting(failing: Mapping[str, datetime]) -> set[str]:
    now = datetime.now(UTC)
    return {order for order, until in failing.items() if now < until}


@dataclass(frozen=True, slots=True)
class _Round:
    """One time through the sequence."""

    transactions: OrderTransactions
    changed: ToPeg
    free: Announced
    """What nobody had when it began, without what it has given since."""
    failing: dict[str, datetime]


async def _go_through(round_: _Round, found: Sequence[str]) -> None:
    """Look at orders, in sequence; once nothing is free, only at those whose promise may be another."""
    resting = _resting(round_.failing)
    left = [name for name in found if name not in resting]
    while left:
        if not round_.free.is_any_free:
            left = [name for name in left if name in round_.changed.orders]
        await _visit(round_, left[:ORDERS_AT_ONCE])
        left = left[ORDERS_AT_ONCE:]


async def _visit(round_: _Round, names: Sequence[str]) -> None:
    """Look at orders in one transaction; where one fails, at each by itself, and at the failing one after a rest."""
    try:
        await _together(round_, names)
    except Exception as error:
        if len(names) > 1:
            for name in names:
                await _visit(round_, [name])
            return
        log.exception("announced goods could not be promised to an order", order=names[0], reason=type(error).__name__)
        at = datetime.now(UTC)
        round_.failing[names[0]] = at + REST
        with contextlib.suppress(Exception):  # PostgreSQL may be what fails
            await stuck.report(round_.transactions, _look_at(names[0]), 1, error, at.isoformat())
    else:
        for name in round_.failing.keys() & names:
            await stuck.close(round_.transactions, _look_at(name))
            del round_.failing[name]


def _look_at(order: str) -> Step:
    return Step(order, order, None, "the promise of its goods")


async def _together(round_: _Round, names: Sequence[str]) -> None:
    """Lock orders by id and then the dated rows, and give pegs in the sequence of `names`."""
    skus = round_.changed.skus
    async with round_.transactions.begin() as transaction:
        connection = transaction.connection
        works = await round_.transactions.on_all(transaction, names)
        announced = (await statements.lock_announced(connection, skus, names)).within(round_.free)
        before = await statements.of_orders(connection, names)
        collected = {work.header.order for work in works if work.header.pickup_node is not None}
        unsettled = await ship_to_store.about_to_be_sourced(connection, collected) if collected else set()
        for work in works:
            work.order.pegs, work.has_locked_pegs = list(before.get(work.header.order, [])), True
            _give(work, announced, skus, may_renew=work.header.order not in unsettled)
        await _write_promises(connection, [work for work in works if work.promise is not None])
        await statements.save_all(connection, before, {work.header.order: work.order.pegs for work in works})
    round_.free.leave(announced)


async def _write_promises(connection: WriteConnection, works: Sequence[Work]) -> None:
    """Write the promises of several orders, and then count the change of each."""
    await write_promises(connection, {work.header.order: work.promise for work in works if work.promise is not None})
    for work in works:
        work.is_promise_written = True
        cause = f"announced goods, version {work.header.version + 1}"
        await work.notify(await work.write(Event(cause, "clock", datetime.now(UTC))))


def _give(work: Work, announced: Announced, skus: Collection[str], *, may_renew: bool) -> None:
    """Give an order its pegs for these SKUs, and make its promise where it is another now. Without `may_renew` it stays: units
    of a transfer for it are about to be sourced again, and the order is looked at when they are."""
    if work.header.is_closed:
        return
    at, before = datetime.now(UTC), list(work.order.pegs)
    facts = order_facts(work.header, work.network, work.order.lines, wanted_of(work.order.waiting))
    after, strategy = [one for one in before if one.sku not in skus], strategy_for(facts, work.network)
    for demand in demands(work, facts, skus):
        own = [one for one in before if one.line == demand.line]
        rows, free = announced.rows.get(demand.sku, ()), announced.free.get(demand.sku, {})
        release_at = work.release_at
        given = [
            _promised(one, ships)
            for one, ships in pegs_later(work.network, facts, strategy, demand, own, rows, free, at, release_at)
        ]
        take(free, own, given)
        after += given
    work.order.pegs = after
    if may_renew:
        work.renew_promise()


def wanted_of(waiting: Sequence[Waiting]) -> list[Wanted]:
    """Units without a node, for the facts of their order."""
    return [Wanted(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in waiting]


def demands(work: Work, facts: OrderFacts, skus: Collection[str]) -> list[Demand]:
    """What an order may be promised of announced goods of some SKUs, by line.

    Bundles are not: they need several SKUs at one node. Nor is an order of several waiting lines that must ship complete.
    """
    lines: dict[str, list[Waiting]] = defaultdict(list)
    for one in work.order.waiting:
        lines[one.line].append(one)
    complete = facts.ship_complete or strategy_for(facts, work.network).ship_complete
    if complete is ShipComplete.ORDER and (len(lines) > 1 or work.order.reservations):
        return []
    is_whole, nodes = complete is not ShipComplete.NO, frozenset(work.network.nodes)
    found = [_demand(work.header.order, line, waiting, nodes, is_whole) for line, waiting in sorted(lines.items())]
    return [one for one in found if one and one.sku in skus and not work.network.item(one.sku).components]


def _demand(order: str, line: str, waiting: Sequence[Waiting], nodes: frozenset[str], is_whole: bool) -> Demand | None:
    """The units of a line that wait for stock; None when none does, or announced goods are not promised to them."""
    units = [one for one in waiting if one.awaits == "stock"]
    if not units or any(one.incoming_lag is None for one in units) or (is_whole and len(units) < len(waiting)):
        return None
    named = [frozenset(one.nodes) for one in units if one.nodes is not None]
    lag = max(one.incoming_lag for one in units if one.incoming_lag is not None)
    return Demand(
        line,
        units[0].sku,
        sum(one.quantity for one in units),
        nodes.intersection(*named),
        frozenset(node for one in units for node in one.tried),
        lag,
        is_whole,
        order,
        all(one.sells_returns for one in units),
    )


def _promised(one: Peg, shipment: PlannedShipment | None) -> Peg:
    """A peg with the days of its shipment; one whose goods are late has none, and of goods that have arrived they stay."""
    if one.due_at is not None and not one.quantity:
        return one
    dates = (shipment.ship_by, shipment.deliver_by) if shipment else (None, None)
    return replace(one, ship_by=dates[0], deliver_by=dates[1])

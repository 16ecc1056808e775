"""Gives orders that wait their pegs, and the promises that follow: what is announced is promised in sequence.

Each order is looked at under its own lock and those of the dated rows; up to a hundred share a transaction. Nobody loses
anything here: an order keeps what it has, or moves to earlier units that nobody has (docs/decisions/0061).
"""

import contextlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from database import order as orders
from database import peg as statements
from database.order import Event
from database.peg import Announced
from domain.network import ShipComplete
from domain.peg import Demand, Peg, RowName, peg
from domain.sourcing import OrderFacts, Wanted, shipment_later, strategy_for
from domain.units import Waiting
from transactions import stuck
from transactions.stuck import Step
from transactions.supply import order_facts
from transactions.transaction import OrderTransactions, Work

log = structlog.get_logger("peg")

ORDERS_AT_ONCE = 100
"""Orders of one transaction."""


async def work_off(transactions: OrderTransactions) -> None:
    """Give pegs and promises to the orders that something has changed for, in sequence.

    Safe to run several times at once, and to repeat: every process begins at the head of the sequence.
    """
    while True:
        async with transactions.database.read_once() as connection:
            changed = await statements.to_peg(connection)
        if not changed.skus:
            return
        async with transactions.database.read_once() as connection:
            found = await statements.orders_to_peg(connection, changed)
        for begin in range(0, len(found), ORDERS_AT_ONCE):
            await _visit(transactions, found[begin : begin + ORDERS_AT_ONCE], changed.skus)
        async with transactions.database.write() as connection:
            await statements.done(connection, changed.marks)


async def _visit(transactions: OrderTransactions, names: Sequence[str], skus: Collection[str]) -> None:
    """Look at orders in one transaction; where one fails, at each by itself, and at the failing one no more."""
    try:
        await _together(transactions, names, skus)
    except Exception as error:
        if len(names) > 1:
            for name in names:
                await _visit(transactions, [name], skus)
            return
        log.exception("announced goods could not be promised to an order", order=names[0], reason=type(error).__name__)
        with contextlib.suppress(Exception):  # PostgreSQL may be what fails
            at = datetime.now(UTC).isoformat()
            await stuck.report(transactions, Step(names[0], names[0], None, "the promise of its goods"), 1, error, at)


async def _together(transactions: OrderTransactions, names: Sequence[str], skus: Collection[str]) -> None:
    """Lock orders by id and then the dated rows, and give pegs in the sequence of `names`."""
    async with transactions.begin() as transaction:
        connection = transaction.connection
        for name in sorted(names):
            await orders.lock(connection, name)
        works = [await transactions.on(transaction, name) for name in names]
        announced = await statements.lock_announced(connection, skus, names)
        pegs = await statements.of_orders(connection, names)
        for work in works:
            work.order.pegs = pegs.get(work.header.order, [])
            await _give(work, announced, skus)


async def _give(work: Work, announced: Announced, skus: Collection[str]) -> None:
    """Give an order its pegs for these SKUs, and write its promise where it is another now."""
    if work.header.is_closed:
        return
    at, before = datetime.now(UTC), list(work.order.pegs)
    facts = order_facts(work.header, work.network, work.order.lines, _wanted(work.order.waiting))
    after = [one for one in before if one.sku not in skus]
    for demand in demands(work, facts, skus):
        own = [one for one in before if one.line == demand.line]
        rows, free = announced.rows.get(demand.sku, ()), announced.free.get(demand.sku, {})
        given = peg(demand, own, rows, free, at)
        _take(free, own, given)
        after += [_promised(work, facts, one) for one in given]
    await statements.save(work.connection, work.header.order, before, after)
    work.order.pegs = after
    if work.renew_promise():
        changes = work.header.version + 1
        await work.notify(await work.write(Event(f"announced goods, version {changes}", "clock", at)))


def _take(free: dict[RowName, int], own: Sequence[Peg], given: Sequence[Peg]) -> None:
    """Count the units that an order has now, and had, in what nobody has."""
    for one in own:
        if one.row in free:
            free[one.row] += one.quantity
    for one in given:
        if one.row in free:
            free[one.row] -= one.quantity


def _wanted(waiting: Sequence[Waiting]) -> list[Wanted]:
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
    found = [_demand(line, waiting, complete is not ShipComplete.NO) for line, waiting in sorted(lines.items())]
    return [one for one in found if one and one.sku in skus and not work.network.item(one.sku).components]


def _demand(line: str, waiting: Sequence[Waiting], is_whole: bool) -> Demand | None:
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
        frozenset.intersection(*named) if named else None,
        frozenset(node for one in units for node in one.tried),
        lag,
        is_whole,
    )


def _promised(work: Work, facts: OrderFacts, one: Peg) -> Peg:
    """A peg with its days: what a plan promises that is made when the goods are there."""
    if one.due_at is None or not one.quantity:
        return one if one.due_at is not None else replace(one, ship_by=None, deliver_by=None)
    wanted = Wanted(one.line, one.sku, one.quantity)
    leaves_at = max(one.due_at, work.header.release_at)
    shipment = shipment_later(work.network, facts, wanted, one.row.node, leaves_at)
    dates = (shipment.ship_by, shipment.deliver_by) if shipment else (None, None)
    return replace(one, ship_by=dates[0], deliver_by=dates[1])

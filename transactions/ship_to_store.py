"""Makes the transfers that bring units to where orders are collected, and cancels what of them is not needed any more.

A transfer is stored and sourced in one transaction, under the lock of the order that it is for: its units are reserved by the
claiming statement, or nothing is stored (docs/decisions/0068).
"""

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import structlog

from database import ship_to_store as statements
from database.order import Event
from database.outbox.signal import CHANGED
from domain import identifiers, units
from domain.deadlines import ON_THE_WAY_MAX
from domain.network import Network, Node
from domain.peg import Demand
from domain.ship_to_store import Balance, to_cancel
from domain.sourcing import OrderFacts, Plan, Wanted, shipment_later, strategy_for
from domain.sourcing.supply import Entitlement
from domain.transfer import TransferOrder
from transactions import stuck
from transactions.order import UsedForAnotherOrder
from transactions.peg import demands, wanted_of
from transactions.sourcing import StockTaken, source_round
from transactions.stuck import Step
from transactions.supply import decide, order_facts
from transactions.transaction import OrderTransactions, Transaction, Work
from transactions.transfer import facts_of, order_to, store

log = structlog.get_logger("ship_to_store")

REST = timedelta(minutes=1)
"""How long an order is not looked at again for which nothing could be done."""
TRIES_MAX = 5
"""How often a transfer is planned again because others took its stock."""


@dataclass(slots=True)
class Known:
    """What a process keeps from run to run. Another version of the network makes it forget."""

    version: int | None = None
    is_idle: bool = False
    """Whether nothing is brought under this version, and nothing that was is open."""
    resting: dict[str, datetime] = field(default_factory=dict)
    """The orders for which nothing could be done, and until when they rest."""


async def work_off(transactions: OrderTransactions, known: Known) -> None:
    """Bring to where orders are collected what is missing there, in the sequence of the orders, and cancel what is not needed.

    Safe to run several times at once, and to repeat. Raises `NoNetwork`.
    """
    version, network = transactions.networks.newest or await _active(transactions)
    if version != known.version:
        known.version, known.is_idle, known.resting = version, False, {}
    if known.is_idle:
        return
    async with transactions.database.read_once() as connection:
        found = await statements.balances(connection)
        if not any(one.ship_to_store for one in network.policy.strategies):
            known.is_idle = not await statements.is_any_open(connection)
    now = datetime.now(UTC)
    known.resting = {name: until for name, until in known.resting.items() if until > now}
    for name in dict.fromkeys(one.order for one in found if one.order not in known.resting):
        if not await _visit(transactions, [one for one in found if one.order == name]):
            known.resting[name] = datetime.now(UTC) + REST


async def _active(transactions: OrderTransactions) -> tuple[int, Network]:
    async with transactions.database.read_once() as connection:
        return await transactions.networks.active(connection)


async def _visit(transactions: OrderTransactions, found: Sequence[Balance]) -> bool:
    """Do what is to be done for one order; answers whether anything was."""
    order = found[0].order
    step = Step(order, order, None, "the transfer of what is collected")
    try:
        is_done = any(one.missing for one in found) and await _bring_unless_taken(transactions, order)
        for node in sorted({one.node for one in found if one.unneeded}):
            is_done = await take_back(transactions, order, node) or is_done
    except Exception as error:
        log.exception("nothing could be brought for an order", order=order, reason=type(error).__name__)
        with contextlib.suppress(Exception):  # PostgreSQL may be what fails
            await stuck.report(transactions, step, 1, error, datetime.now(UTC).isoformat())
        return False
    await stuck.close(transactions, step)
    return is_done


async def _bring_unless_taken(transactions: OrderTransactions, order: str) -> bool:
    for _ in range(TRIES_MAX):
        with contextlib.suppress(StockTaken):
            return await bring(transactions, order)
    return False


@dataclass(frozen=True, slots=True)
class _Missing:
    """Units of one SKU that nothing brings to where an order is collected."""

    sku: str
    quantity: int
    lag: timedelta
    is_whole: bool
    """Whether only all of them are of use."""


async def bring(transactions: OrderTransactions, order: str) -> bool:
    """Make a transfer of what is missing for an order where it is collected, as far as other nodes have it; answers whether one
    was made. Raises `StockTaken` when other orders were quicker.
    """
    async with transactions.begin(locks=order) as transaction:
        work, at = await transactions.on(transaction, order), datetime.now(UTC)
        facts = order_facts(work.header, work.network, work.order.lines, wanted_of(work.order.waiting))
        if _may_be_brought(work, facts, at):
            missing = _missing(work, facts, await statements.balances(work.connection, order))
            tried = await statements.tried(work.connection, order)
            if lines := await _what_others_have(work, facts, missing, tried, at):
                await _make(transactions, transaction, work, lines, tried)
                return True
    return False


def _may_be_brought(work: Work, facts: OrderFacts, at: datetime) -> bool:
    header, node = work.header, work.header.pickup_node
    if header.is_closed or header.is_held or header.window_has_ended(at) or node not in work.active.nodes:
        return False
    return strategy_for(facts, work.network).ship_to_store


def _missing(work: Work, facts: OrderFacts, balances: Sequence[Balance]) -> list[_Missing]:
    node = work.header.pickup_node or ""
    by_sku = {one.sku: one.missing for one in balances if one.node == node and one.missing}
    promisable: dict[str, list[Demand]] = {}
    for demand in demands(work, facts, by_sku):
        if node in demand.nodes and node not in demand.tried and demand.sku in work.active.items:
            promisable.setdefault(demand.sku, []).append(demand)
    found = [
        _Missing(
            sku,
            min(by_sku[sku], sum(one.quantity for one in of_sku)),
            max(one.lag for one in of_sku),
            any(one.is_whole for one in of_sku),
        )
        for sku, of_sku in promisable.items()
    ]
    whole = {sku: sum(one.quantity for one in of_sku) for sku, of_sku in promisable.items()}
    return [one for one in found if not one.is_whole or one.quantity == whole[one.sku]]


async def _what_others_have(
    work: Work, facts: OrderFacts, missing: Sequence[_Missing], tried: Mapping[str, tuple[str, ...]], at: datetime
) -> list[_Missing]:
    """What of the missing units a transfer would bring in time, were it made now."""
    left = list(missing)
    while left:
        planned = await _plan_of(work, left, tried, at)
        found = [one for one in (_arriving(work, facts, one, planned) for one in left) if one is not None]
        if found == left:
            break
        left = found
    return left


async def _plan_of(work: Work, missing: Sequence[_Missing], tried: Mapping[str, tuple[str, ...]], at: datetime) -> Plan:
    """The plan of a transfer of missing units, made from the present stock; it pins nothing."""
    made = _order(work, missing, "plan")
    asked = [Wanted(one.line, one.sku, one.quantity, tried=tried.get(one.sku, ())) for one in made.lines]
    facts = facts_of(made, work.network, work.header.pickup_node or "")
    return (await decide(work.connection, work.network, facts, asked, at)).plan


def _arriving(work: Work, facts: OrderFacts, one: _Missing, planned: Plan) -> _Missing | None:
    """What of missing units a planned transfer brings; None when it is of no use to the order."""
    parts = [(part, ships) for ships in planned.shipments for part in ships.parts if part.sku == one.sku]
    brought = sum(part.quantity for part, _ in parts)
    if not brought or (one.is_whole and brought < one.quantity):
        return None
    arrives = max(ships.deliver_by or ships.ship_by + ON_THE_WAY_MAX for _, ships in parts)
    line = next(name for name, line in work.order.lines.items() if line.sku == one.sku)
    leaves = max(arrives + one.lag, work.release_at)
    asked, strategy = Wanted(line, one.sku, brought), strategy_for(facts, work.network)
    if shipment_later(work.network, facts, strategy, asked, work.header.pickup_node or "", leaves) is None:
        return None
    return replace(one, quantity=brought)


def _order(work: Work, missing: Sequence[_Missing], number: str) -> TransferOrder:
    node: Node = work.network.node(work.header.pickup_node or "")
    lines = [(str(place), one.sku, one.quantity) for place, one in enumerate(missing, 1)]
    header = work.header
    made = order_to(node, number, lines, service=header.service, placed_at=header.placed_at)
    return made.model_copy(update={"priority": header.priority})


async def _make(
    transactions: OrderTransactions,
    transaction: Transaction,
    work: Work,
    lines: Sequence[_Missing],
    tried: Mapping[str, tuple[str, ...]],
) -> None:
    """Store a transfer for an order, reserve its units at their sources, and release it. The commit starts its workflow."""
    name = await _store(work, lines)
    made = await transactions.on(transaction, name)
    made.order.waiting = [replace(one, tried=tried.get(one.sku, ())) for one in made.order.waiting]
    state = await source_round(made, datetime.now(UTC), Entitlement(), releases=True)
    if made.order.waiting:
        raise StockTaken(name)
    await transaction.signal(identifiers.order_workflow_id(name), name, CHANGED, {"recorded": state.news()})


async def _store(work: Work, lines: Sequence[_Missing]) -> str:
    """Store a transfer under the first name that is not taken: people choose the names of theirs."""
    for number in count(await statements.made_for(work.connection, work.header.order) + 1):
        name = identifiers.number_of_transfer_for(work.header.order, number)
        made = _order(work, lines, name)
        with contextlib.suppress(UsedForAnotherOrder):
            node = work.header.pickup_node or ""
            if await store(work.connection, made, work.network, made, node, for_order=work.header.order):
                return made.order
    raise AssertionError("some name is free")


async def take_back(transactions: OrderTransactions, order: str, node: str) -> bool:
    """Cancel units that an order does not need at a node any more, of one of its transfers there: at once where no source has
    accepted them, else by asking it. What has left becomes stock of the node. Answers whether any were.

    All these transfers are locked, so that the same unit is not cancelled in two of them.
    """
    async with transactions.begin() as transaction:
        names = await statements.transfers_of(transaction.connection, order, node)
        works = await transactions.on_all(transaction, names)
        found = await statements.balances(transaction.connection, order)
        unneeded = Counter({one.sku: one.unneeded for one in found if one.node == node})
        for work in works:
            if lines := to_cancel(work.order, unneeded):
                at = datetime.now(UTC)
                units.cancel(work.order, work.changes, lines, at)
                cause = f"not needed any more, version {work.header.version + 1}"
                await work.write(Event(cause, "clock", at), work.notify)
                return True
    return False

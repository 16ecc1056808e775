"""Plans pinned and unreleased units again, and swaps their pins for better ones in one transaction.

An order that waits (for its grace period, a hold, a later day) keeps the pins that were best when it came. Meanwhile stock may
come to a nearer node, rules may change, a node may fill up. The order's promise does not change, and no swap breaks it.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from database import sourcing, stock
from database.order import Event
from domain import units
from domain.capacity import days
from domain.network import Node
from domain.replanning import is_better
from domain.sourcing import NodeLoad, OrderFacts, Plan, Situation, Wanted, plan, strategy_for
from domain.sourcing.supply import Entitlement
from domain.stock import Movement, MovementKind
from domain.units import Waiting
from transactions.sourcing import StockTaken, claim, claim_capacity, keep_round
from transactions.supply import Decision, decide, order_facts
from transactions.transaction import OrderTransactions, Work

STALE_AFTER = timedelta(minutes=1)
"""At release, a younger plan is used as it is."""


@dataclass(frozen=True, slots=True)
class Replanned:
    """The result of planning again: the present pins as a plan of now, and the plan that replaced it, if one did."""

    order: str
    before: Plan
    after: Plan | None


async def plan_again(work: Work, at: datetime) -> Replanned | None:
    """Swap an order's pins if a better plan exists; None when it has no pins. The caller writes the order. Raises `StockTaken`.

    Pins that stay claim the day on which they would release now. If that day is full and no other plan exists, they keep the
    day that they have, and are released beyond the capacity, because they were promised.
    """
    asked = units.pinned(work.order)
    if not asked:
        return None
    wanted = [Wanted(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in asked]
    entitlement = Entitlement(own=units.held(work.order, work.network), pinned_for=work.pinned_for)
    facts = order_facts(work.header, work.network, work.order.lines, wanted)
    leaves_at = max(at, work.release_at)
    decided = await decide(work.connection, work.network, facts, wanted, leaves_at, entitlement)
    present = _as_it_is(work, facts, wanted, decided, entitlement, leaves_at)
    strategy, is_full = strategy_for(facts, work.network), _is_full(work, decided)
    if not is_better(decided.plan, present, work.network, strategy, work.header.deliver_by, is_full=is_full):
        if not is_full:
            await _claim_for_the_new_day(work, leaves_at)
        return Replanned(work.header.order, present, None)
    await _swap(work, asked, decided, entitlement, at)
    return Replanned(work.header.order, present, decided.plan)


async def _claim_for_the_new_day(work: Work, leaves_at: datetime) -> None:
    """Claim capacity for the pins that stay on the day on which they release now, and free that of their old day.

    Raises `StockTaken` when a day is full.
    """
    held = units.held(work.order, work.network)
    pinned_for = days(work.network, {node for node, _ in held}, leaves_at)
    if pinned_for == work.pinned_for:
        return
    await stock.lock(work.connection, set(held))
    if not await work.claim_capacity(pinned_for):
        raise StockTaken(work.header.order)


def _as_it_is(
    work: Work, facts: OrderFacts, wanted: list[Wanted], decided: Decision, entitlement: Entitlement, at: datetime
) -> Plan:
    """The present pins as a plan of now: the best plan from the order's own units, as if no node were full."""
    workload = {node: _with_room(work.network.node(node), load) for node, load in decided.workload.items()}
    return plan(facts, wanted, Situation(network=work.network, supply=entitlement.own, now=at, workload=workload))


def _with_room(node: Node, load: NodeLoad) -> NodeLoad:
    if node.capacity_per_day is None:
        return load
    return replace(load, capacity_used_today=min(load.capacity_used_today, node.capacity_per_day - 1))


def _is_full(work: Work, decided: Decision) -> bool:
    """Whether a node of the present pins has no capacity left on their release day."""
    loads = [(work.network.node(pin.node), decided.workload.get(pin.node)) for pin in work.order.reservations]
    return any(load is not None and load != _with_room(node, load) for node, load in loads)


async def _swap(work: Work, asked: list[Waiting], decided: Decision, entitlement: Entitlement, at: datetime) -> None:
    round_ = work.header.rounds + 1
    await stock.close_gates(work.connection, {sku for _, sku in entitlement.own})
    await claim(work, decided, entitlement, f"round {round_}", at)
    await claim_capacity(work, decided, pinned_at=())
    work.changes.movements += [
        Movement(MovementKind.FREED, node, sku, reserved=-quantity, reference=f"swapped in round {round_}")
        for (node, sku), quantity in entitlement.own.items()
    ]
    units.swap(work.order, asked, decided.plan, round_)
    keep_round(work, round_, decided)


async def orders(transactions: OrderTransactions) -> list[str]:
    """The orders with pinned units, in sequence."""
    async with transactions.database.read() as connection:
        return await sourcing.pinned(connection)


async def again(transactions: OrderTransactions, orders: list[str]) -> AsyncIterator[Replanned | None]:
    """Plan each of these orders again in a transaction of its own; None for an order without pins, or with its stock taken."""
    for order in orders:
        yield await _again(transactions, order)


async def _again(transactions: OrderTransactions, order: str) -> Replanned | None:
    with suppress(StockTaken):
        async with transactions.open(order) as work:
            at = datetime.now(UTC)
            found = await plan_again(work, at)
            if found is not None and found.after is not None:
                await work.notify(await work.write(Event(f"swap {work.header.rounds + 1}", "operator", at)))
            return found
    return None

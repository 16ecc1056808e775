"""Plans what is pinned and not released again, and swaps its pins for better ones in one transaction.

An order that waits (its grace period, a hold, a day to come) keeps the units that were best when it came. Meanwhile stock has
come nearer, rules have changed, a node has filled up. Its promise stays what it is, and no swap goes past it.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from activities.backorder import tell
from activities.situation import Decision, Rights, decide, order_facts
from activities.sourcing import StockTaken, claim
from activities.transaction import OrderTransactions, Work
from database import sourcing, stock
from database.order import Event
from domain import units
from domain.replanning import is_better
from domain.sourcing import OrderFacts, Plan, Situation, Wanted, plan, strategy_for
from domain.stock import Movement, MovementKind
from domain.units import Waiting

STALE_AFTER = timedelta(minutes=1)
"""A plan that is younger is not looked at again at release."""


@dataclass(frozen=True, slots=True)
class Replanned:
    """An order that was looked at again: the plan as it was, made now, and the plan that took its place, if one did."""

    order: str
    before: Plan
    after: Plan | None


async def plan_again(work: Work, at: datetime) -> Replanned | None:
    """Swap an order's pins if that is better; None when it has none. Write the order afterwards. Raises `StockTaken`."""
    asked = units.pinned(work.order)
    if not asked:
        return None
    wanted = [Wanted(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in asked]
    rights = Rights(own=units.held(work.order, work.network), order=work.header.order)
    facts = order_facts(work.header, work.network, wanted)
    leaves_at = max(at, work.header.release_at)
    decided = await decide(work.connection, work.network, facts, wanted, leaves_at, rights)
    present = _as_it_is(work, facts, wanted, decided, rights, leaves_at)
    strategy = strategy_for(facts, work.network)
    if not is_better(decided.plan, present, work.network, strategy, work.header.deliver_by):
        return Replanned(work.header.order, present, None)
    await _swap(work, asked, decided, rights, at)
    return Replanned(work.header.order, present, decided.plan)


def _as_it_is(
    work: Work, facts: OrderFacts, wanted: list[Wanted], decided: Decision, rights: Rights, at: datetime
) -> Plan:
    """The present pins as a plan of now: the best that can be made of what the order holds itself."""
    return plan(facts, wanted, Situation(network=work.network, supply=rights.own, now=at, workload=decided.workload))


async def _swap(work: Work, asked: list[Waiting], decided: Decision, rights: Rights, at: datetime) -> None:
    round_ = work.header.rounds + 1
    await stock.close_gates(work.connection, {sku for _, sku in rights.own})
    await claim(work, decided, rights, f"round {round_}", at)
    work.changes.movements += [
        Movement(MovementKind.FREED, node, sku, reserved=-quantity, reference=f"swapped in round {round_}")
        for (node, sku), quantity in rights.own.items()
    ]
    units.swap(work.order, asked, decided.plan, round_)
    await sourcing.keep_plan(work.connection, work.header.order, round_, work.network_version, decided.plan)


class Replanning:
    """The batch on demand, with its collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    async def orders(self) -> list[str]:
        """The orders that have something pinned, in sequence."""
        async with self._transactions.database.read() as connection:
            return await sourcing.pinned(connection)

    async def again(self, orders: list[str]) -> AsyncIterator[Replanned | None]:
        """Plan each of these orders again, in a transaction of its own; None for one that could not be swapped any more."""
        for order in orders:
            yield await self._again(order)

    async def _again(self, order: str) -> Replanned | None:
        with suppress(StockTaken):
            async with self._transactions.open(order) as work:
                at = datetime.now(UTC)
                found = await plan_again(work, at)
                if found is not None and found.after is not None:
                    state = await work.write(Event(f"swap {work.header.rounds + 1}", "operator", at))
                    await tell(work, state)
                return found
        return None

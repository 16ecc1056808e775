"""Works off the queue of orders that wait for stock: each gets its turn, in sequence, before other orders may claim.

When stock becomes available that orders wait for, the same transaction marks it as offered (`database.stock.record`), and an
ordinary claim is refused there. So no order overtakes the queue, however long it takes. Each turn is one transaction under
the order's own lock. A receipt must not pin the units itself: it would lock orders after stock levels, while orders lock the
other way round, and both would wait for ever.
"""

import contextlib
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

import structlog

from database import backorder, exception, peg, stock
from database.backorder import Offers, Turn
from database.connect import ReadConnection
from database.order import Event
from domain import units
from domain.reasons import ExceptionCode
from domain.sourcing import Plan, Situation, Wanted, plan
from domain.sourcing.supply import Entitlement, supply_of
from domain.units import Waiting
from transactions import release_date, stuck
from transactions.retired import tell_who_goes_to_a_retired_node
from transactions.sourcing import StockTaken, pin
from transactions.stuck import Step
from transactions.supply import decide, order_facts
from transactions.transaction import OrderTransactions, Work

log = structlog.get_logger("backorder")


class OffersChanged(Exception):
    """The offers have changed since the queue was read: turns start again from its head."""


class Backorders:
    """The queue, with its collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions
        self._version: int | None = None
        self._asked: dict[str, str] = {}
        """By order, the offer of its last turn; kept while anything is offered."""
        self._failing: set[str] = set()
        """The orders whose last turn failed."""

    async def offer_under_new_rules(self) -> None:
        """When the network version is new to this process, offer every order that waits a turn; `work_off` gives the turns.
        Orders follow the release dates of their items. An exception is opened for who goes to a node that it has retired."""
        async with self._transactions.database.read_once() as connection:
            version, _ = await self._transactions.networks.active(connection)
        if version != self._version:
            async with self._transactions.database.write() as connection:
                await backorder.offer(connection)
                await peg.mark_what_may_change(connection)
            for order in await release_date.to_follow(self._transactions):
                await self._pass_over(order, release_date.follow(self._transactions, order))
            await tell_who_goes_to_a_retired_node(self._transactions)
        self._version = version

    async def judge_under_new_rules(self, orders_max: int) -> None:
        """Decide what may become of the units that wait under rules that have changed since: one visit to each order.

        An order that waits for offered units gets its turn instead.
        """
        async with self._transactions.database.read_once() as connection:
            version, _ = await self._transactions.networks.active(connection)
            found = await backorder.judged_under_old_rules(connection, version, orders_max)
        for order in found:
            await self._pass_over(order, self._judge_again(order))

    async def _judge_again(self, order: str) -> None:
        async with self._transactions.open(order) as work:
            asked = [one for one in work.order.waiting if one.awaits == "stock" or one.is_hopeless]
            if work.header.is_closed or not asked:
                return
            at = datetime.now(UTC)
            wanted = [Wanted(one.line, one.sku, one.quantity, one.attempt, one.tried) for one in asked]
            leaves_at = max(at, work.release_at)
            situation = Situation(network=work.network, supply={}, now=leaves_at)
            found = plan(order_facts(work.header, work.network, work.order.lines, wanted), wanted, situation)
            await _judge(
                work, asked, found, at, min((one.looks_again_at for one in asked if one.looks_again_at), default=None)
            )

    async def work_off(self, turns_max: int) -> None:
        """Give the waiting orders their turns while offered units are left.

        After `turns_max` turns, the next call continues with the orders that have had no turn. Offers stay in place meanwhile.
        Safe to run several times at once, and safe to repeat.
        """
        while turns_max > 0:
            async with self._transactions.database.read_once() as connection:
                if not await backorder.offers(connection):
                    self._asked.clear()
                    break
            offered, turns = await self._to_ask()
            if not turns and await self._end(offered):
                break
            for turn in turns[:turns_max]:
                turns_max -= 1
                try:
                    await self._pass_over(turn.order, self._turn(turn.order, offered))
                except (OffersChanged, StockTaken):
                    break
                self._asked[turn.order] = turn.about

    async def _to_ask(self) -> tuple[Offers, list[Turn]]:
        """The offers, and the turns that are left, in sequence."""
        async with self._transactions.database.read() as connection:
            offered = await backorder.offers(connection)
            return offered, await self._not_asked(connection, offered)

    async def _not_asked(self, connection: ReadConnection, offered: Offers) -> list[Turn]:
        """The orders that wait for an offer and have had no turn for it; none when no offered unit is left.

        While some of it is promised to orders, the turns are theirs alone.
        """
        if not offered or not await self._is_anything_left(connection, offered):
            return []
        left = [
            turn for turn in await backorder.queue(connection, offered) if self._asked.get(turn.order) != turn.about
        ]
        return [turn for turn in left if turn.has_arrived_goods] or left

    async def _is_anything_left(self, connection: ReadConnection, offered: Offers) -> bool:
        _, network = await self._transactions.networks.active(connection)
        levels = await stock.levels(connection, {sku for _, sku in offered})
        supply, _ = supply_of(
            network,
            {place: level for place, level in levels.items() if place in offered},
            "",
            Entitlement(offers=offered),
        )
        return any(supply.values())

    async def _end(self, offered: Offers) -> bool:
        """Withdraw the offers, unless an order has joined the queue and has its turn first; true when nothing is offered."""
        if not offered:
            self._asked.clear()
            return True
        async with self._transactions.database.write() as connection:
            await stock.close_gates(connection, {sku for _, sku in offered}, exclusive=True)
            if not await self._not_asked(connection, offered):
                await peg.end_turns(connection, await backorder.withdraw(connection, offered))
        return False

    async def _pass_over(self, order: str, turn: Awaitable[None]) -> None:
        """Report a turn that fails and pass it over: one order that cannot be planned must not keep goods from all others."""
        try:
            await turn
        except (OffersChanged, StockTaken):
            raise
        except Exception as error:
            log.exception("an order that waits could not be given its turn", order=order, reason=type(error).__name__)
            self._failing.add(order)
            with contextlib.suppress(Exception):  # PostgreSQL may be what fails
                await stuck.report(self._transactions, _turn_of(order), 1, error, datetime.now(UTC).isoformat())
        else:
            if order in self._failing:
                self._failing.discard(order)
                await stuck.close(self._transactions, _turn_of(order))

    async def _turn(self, order: str, offered: Offers) -> None:
        """Pin what an order can get now; an order that can get nothing pins nothing and blocks no other order."""
        async with self._transactions.open(order) as work:
            # Units that have just lost their node get a round of their own, which closes the gates before they wait.
            asked = [one for one in units.wanted(work.order) if one[0].awaits == "stock"]
            if work.header.is_closed or not asked:
                return
            at, work.turn_began_with = datetime.now(UTC), list(work.order.pegs)
            others = await peg.kept_for_others(work.connection, order, {sku for _, sku in offered})
            entitlement = Entitlement(offers=offered, pinned_for=work.pinned_for, kept_for_others=others)
            facts = order_facts(work.header, work.network, work.order.lines, [line for _, line in asked])
            leaves_at = max(at, work.release_at)
            decided = await decide(
                work.connection, work.network, facts, [line for _, line in asked], leaves_at, entitlement
            )
            if any(level.offered_at not in (None, offered.get(place)) for place, level in decided.levels.items()):
                raise OffersChanged
            if not decided.plan.shipments:
                await _judge(work, [one for one, _ in asked], decided.plan, at, decided.looks_again_at)
            else:
                await work.notify(await pin(work, asked, decided, at, entitlement))
            if any(one.arrived for one in work.order.pegs):
                await work.keep_fitting_pegs()


def _turn_of(order: str) -> Step:
    return Step(order, order, None, "the turn of waiting units")


async def _judge(
    work: Work, asked: Sequence[Waiting], plan: Plan, at: datetime, looks_again_at: datetime | None = None
) -> None:
    """Store what may become of units that no node can ship now: their candidate nodes, or that a person must decide.

    The order is signalled when that changes what it does by itself: a node may accept units later that it has and cannot accept
    now, or a person must decide, or need not any more.
    """
    before = list(work.order.waiting)
    is_changed = units.judge_again(work.order, work.changes, list(asked), plan, at, looks_again_at)
    if skus := units.promised_otherwise(before, work.order.waiting):
        await peg.mark(work.connection, skus, work.header.order)
    if is_changed:
        if not units.needs_a_person(work.order):
            await _close_the_exceptions_of_rounds(work, at)
        event = Event(f"network version {work.network_version}, version {work.header.version + 1}", "clock", at)
        await work.notify(await work.write(event))
        return
    for waiting in work.order.waiting:
        if waiting.network_version == work.network_version and waiting not in asked:
            await backorder.save_judgement(work.connection, work.header.order, waiting)
    if any(one.awaits == "stock" and one.looks_again_at != looks_again_at for one in asked):
        await work.notify(await work.current_state())


async def _close_the_exceptions_of_rounds(work: Work, at: datetime) -> None:
    """Close the exceptions about units that no node may ship; what else needs a person stays open."""
    for step in ("round", "network version"):
        begins = f"{work.header.order}|{step} "
        await exception.close_caused_by(work.connection, work.header.order, ExceptionCode.UNFILLED, begins, at)

"""Works off the queue of orders that wait for stock: each gets its turn, in sequence, before other orders may claim.

When stock becomes available that orders wait for, the same transaction marks it as offered (`database.stock.record`), and an
ordinary claim is refused there. So no order overtakes the queue, however long it takes. Each turn is one transaction under
the order's own lock. A receipt must not pin the units itself: it would lock orders after stock levels, while orders lock the
other way round, and both would wait for ever.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from database import backorder, stock
from database.backorder import Candidates, Offers, Turn
from database.connect import ReadConnection
from domain import units
from domain.sourcing import Wanted
from domain.sourcing.supply import Entitlement, supply_of
from domain.units import Waiting
from transactions.retired import tell_who_waits_for_what_is_retired
from transactions.sourcing import StockTaken, pin
from transactions.supply import Decision, decide, order_facts
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

    async def offer_under_new_rules(self) -> None:
        """When the network version is new to this process, offer every order that waits a turn; `work_off` gives the turns.
        An exception is opened for who waits for what it has retired."""
        async with self._transactions.database.write() as connection:
            version, _ = await self._transactions.networks.active(connection)
            if version != self._version:
                await backorder.offer(connection)
        if version != self._version:
            await tell_who_waits_for_what_is_retired(self._transactions)
        self._version = version

    async def work_off(self, turns_max: int) -> None:
        """Give the waiting orders their turns while offered units are left.

        After `turns_max` turns, the next call continues with the orders that have had no turn. Offers stay in place meanwhile.
        Safe to run several times at once, and safe to repeat.
        """
        while turns_max > 0:
            offered, turns = await self._to_ask()
            if not turns and await self._end(offered):
                break
            for turn in turns[:turns_max]:
                turns_max -= 1
                try:
                    await self._turn_or_pass(turn.order, offered)
                except (OffersChanged, StockTaken):
                    break
                self._asked[turn.order] = turn.about

    async def _to_ask(self) -> tuple[Offers, list[Turn]]:
        """The offers, and the turns that are left, in sequence."""
        async with self._transactions.database.read() as connection:
            offered = await backorder.offers(connection)
            return offered, await self._not_asked(connection, offered)

    async def _not_asked(self, connection: ReadConnection, offered: Offers) -> list[Turn]:
        """The orders that wait for an offer and have had no turn for it; none when no offered unit is left."""
        if not offered or not await self._is_anything_left(connection, offered):
            return []
        return [
            turn for turn in await backorder.queue(connection, offered) if self._asked.get(turn.order) != turn.about
        ]

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
                await backorder.withdraw(connection, offered)
        return False

    async def _turn_or_pass(self, order: str, offered: Offers) -> None:
        """Log a turn that fails and pass it over: one order that cannot be planned must not keep goods from all others."""
        try:
            await self._turn(order, offered)
        except (OffersChanged, StockTaken):
            raise
        except Exception as error:
            log.exception("an order that waits could not be given its turn", order=order, reason=type(error).__name__)

    async def _turn(self, order: str, offered: Offers) -> None:
        """Pin what an order can get now; an order that can get nothing pins nothing and blocks no other order."""
        async with self._transactions.open(order) as work:
            # Units that have just lost their node get a round of their own, which closes the gates before they wait.
            asked = [one for one in units.wanted(work.order) if one[0].awaits == "stock"]
            if work.header.is_closed or not asked:
                return
            at, entitlement = datetime.now(UTC), Entitlement(offers=offered, pinned_for=work.pinned_for)
            facts = order_facts(work.header, work.network, [line for _, line in asked])
            leaves_at = max(at, work.header.release_at)
            decided = await decide(
                work.connection, work.network, facts, [line for _, line in asked], leaves_at, entitlement
            )
            if any(level.offered_at not in (None, offered.get(place)) for place, level in decided.levels.items()):
                raise OffersChanged
            if not decided.plan.shipments:
                await _go_on_waiting(work, asked, decided)
            else:
                await work.notify(await pin(work, asked, decided, at, entitlement))


async def _go_on_waiting(work: Work, asked: Sequence[tuple[Waiting, Wanted]], decided: Decision) -> None:
    """Store the candidate nodes, and signal the order when the time changes at which it must plan again by itself.

    At that time a node may accept units that it has and cannot accept now.
    """
    for index, (waiting, _) in enumerate(asked):
        nodes = decided.plan.hopes.get(index)
        if (waiting.nodes, waiting.looks_again_at) != (nodes, decided.looks_again_at):
            candidates = Candidates(waiting.line, waiting.tried, nodes, decided.looks_again_at)
            await backorder.save_candidates(work.connection, work.header.order, candidates)
    if all(waiting.looks_again_at == decided.looks_again_at for waiting, _ in asked):
        return
    await work.notify(await work.current_state())

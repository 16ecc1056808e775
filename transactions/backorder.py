"""Works off the queue of orders that wait for stock: each gets its turn, in sequence, before anybody else may claim.

What becomes available while somebody waits for it is marked as offered in the transaction that makes it available
(`database.stock.record`), and an ordinary claim refuses an offered shelf. So nobody overtakes the queue, however long it takes
to work it off. Each order's turn is one transaction under its own lock, as every change of an order is: a receipt that pinned
the units itself would take orders' locks after those of shelves, and wait in a circle with orders that take them the other way.
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
from transactions.situation import Decision, decide, order_facts
from transactions.sourcing import StockTaken, pin
from transactions.transaction import OrderTransactions, Work

log = structlog.get_logger("backorder")


class OffersChanged(Exception):
    """Something else is offered than when the queue was read: it is asked again from its head."""


class Backorders:
    """The queue, with its collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions
        self._version: int | None = None
        self._asked: dict[str, str] = {}
        """What each order was asked about, while anything is offered."""

    async def offer_under_new_rules(self) -> None:
        """Under a version of the network that is new to this process, everybody who waits gets a turn; nobody is woken yet."""
        async with self._transactions.database.write() as connection:
            version, _ = await self._transactions.networks.active(connection)
            if version != self._version:
                await backorder.offer(connection)
        self._version = version

    async def work_off(self, turns_max: int) -> None:
        """Give the orders that wait their turns, as long as anything that is offered is left.

        After `turns_max` turns the rest is left for the next call, which goes on behind those who were asked. What is offered
        stays offered meanwhile. Safe to run several times at once, and safe to repeat.
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
        """What is offered, and those who wait for it and have not been asked, in sequence."""
        async with self._transactions.database.read() as connection:
            offered = await backorder.offers(connection)
            return offered, await self._not_asked(connection, offered)

    async def _not_asked(self, connection: ReadConnection, offered: Offers) -> list[Turn]:
        """Nobody, when nothing of what is offered is left."""
        if not offered or not await self._is_anything_left(connection, offered):
            return []
        return [
            turn for turn in await backorder.queue(connection, offered) if self._asked.get(turn.order) != turn.about
        ]

    async def _is_anything_left(self, connection: ReadConnection, offered: Offers) -> bool:
        _, network = await self._transactions.networks.active(connection)
        shelves = await stock.levels(connection, {sku for _, sku in offered})
        supply, _ = supply_of(
            network,
            {place: shelf for place, shelf in shelves.items() if place in offered},
            "",
            Entitlement(offers=offered),
        )
        return any(supply.values())

    async def _end(self, offered: Offers) -> bool:
        """Withdraw the offers, unless somebody has joined who must be asked before; true when nothing is offered any more."""
        if not offered:
            self._asked.clear()
            return True
        async with self._transactions.database.write() as connection:
            await stock.close_gates(connection, {sku for _, sku in offered}, exclusive=True)
            if not await self._not_asked(connection, offered):
                await backorder.withdraw(connection, offered)
        return False

    async def _turn_or_pass(self, order: str, offered: Offers) -> None:
        """A turn that fails is told and passed over: one order that cannot be planned must not keep goods from all others."""
        try:
            await self._turn(order, offered)
        except (OffersChanged, StockTaken):
            raise
        except Exception as error:
            log.exception("an order that waits could not be given its turn", order=order, reason=type(error).__name__)

    async def _turn(self, order: str, offered: Offers) -> None:
        """Pin what an order can get now; one that can get nothing holds nothing and blocks nobody."""
        async with self._transactions.open(order) as work:
            # Units that lost their node just now are left to their own round, which closes the gates before they wait.
            asked = [one for one in units.wanted(work.order) if one[0].awaits == "stock"]
            if work.header.is_closed or not asked:
                return
            at, rights = datetime.now(UTC), Entitlement(offers=offered, pinned_for=work.pinned_for)
            facts = order_facts(work.header, work.network, [wish for _, wish in asked])
            leaves_at = max(at, work.header.release_at)
            decided = await decide(work.connection, work.network, facts, [wish for _, wish in asked], leaves_at, rights)
            if any(shelf.offered_at not in (None, offered.get(place)) for place, shelf in decided.shelves.items()):
                raise OffersChanged
            if not decided.plan.shipments:
                await _go_on_waiting(work, asked, decided)
            else:
                await work.notify(await pin(work, asked, decided, at, rights))


async def _go_on_waiting(work: Work, asked: Sequence[tuple[Waiting, Wanted]], decided: Decision) -> None:
    """Remember what may help; the order hears when it must look again by itself, as a node had it and could not take it."""
    for index, (waiting, _) in enumerate(asked):
        nodes = decided.plan.hopes.get(index)
        if (waiting.nodes, waiting.looks_again_at) != (nodes, decided.looks_again_at):
            candidates = Candidates(waiting.line, waiting.tried, nodes, decided.looks_again_at)
            await backorder.save_candidates(work.connection, work.header.order, candidates)
    if all(waiting.looks_again_at == decided.looks_again_at for waiting, _ in asked):
        return
    await work.notify(await work.news())

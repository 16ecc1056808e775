"""Works off the queue of orders that wait for stock: each gets its turn, in sequence, before anybody else may claim.

What becomes available while somebody waits for it is marked as offered in the transaction that makes it available
(`database.stock.record`), and an ordinary claim refuses an offered shelf. So nobody overtakes the queue, however long it takes
to work it off. Each order's turn is one transaction under its own lock, as every change of an order is: a receipt that pinned
the units itself would take orders' locks after those of shelves, and wait in a circle with orders that take them the other way.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import structlog

from activities.situation import Rights, decide, order_facts, supply_of
from activities.sourcing import StockTaken, pin
from activities.transaction import OrderTransactions, Work
from database import backorder, stock, wake
from database.backorder import Offers, Place
from domain import identifiers, units
from domain.order import OrderState
from domain.sourcing import Plan, Wanted
from domain.units import Waiting

log = structlog.get_logger("backorder")

BATCH_MAX = 100
"""Orders that are read from the queue at once."""

CHANGED = "changed"
"""The signal that tells an order what became of it."""


class OffersChanged(Exception):
    """Something else is offered than when the queue was read: it is asked again from its head."""


class Backorders:
    """The queue, with its collaborators."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions
        self._version: int | None = None

    async def heed_new_rules(self) -> list[wake.Wake]:
        """Under a version of the network that is new to this process, everybody who waits gets a turn; nobody is woken yet."""
        async with self._transactions.database.write() as connection:
            version, _ = await self._transactions.networks.active(connection)
            if version != self._version:
                await backorder.offer(connection)
        self._version = version
        return []

    async def work_off(self, turns_max: int) -> list[wake.Wake]:
        """Give the orders that wait their turns, as long as anything that is offered is left; answers whom to wake.

        After `turns_max` turns the rest is left for later: what is offered stays offered. Safe to run several times at once,
        and safe to repeat.
        """
        wakes: list[wake.Wake] = []
        while turns_max > 0 and (begun := await self._begin()) is not None:
            try:
                async for place in self._in_sequence(*begun):
                    wakes += await self._turn_or_pass(place.order, begun[0])
                    turns_max -= 1
                    if turns_max <= 0:
                        break
            except (OffersChanged, StockTaken):
                continue
        return wakes

    async def _begin(self) -> tuple[Offers, int] | None:
        async with self._transactions.database.read() as connection:
            if not await backorder.offers(connection):
                return None
        async with self._transactions.database.write() as connection:
            return await backorder.begin(connection)

    async def _in_sequence(self, offered: Offers, newest: int) -> AsyncIterator[Place]:
        """Everyone who waits for some of it, and then those who have joined meanwhile; at the end the offers are withdrawn."""
        since = 0
        after: Place | None = None
        while True:
            batch = await self._batch(offered, since, after)
            for place in batch:
                yield place
            if batch:
                after = batch[-1]
                continue
            async with self._transactions.database.write() as connection:
                joined = await backorder.end(connection, offered, newest)
            if joined is None:
                return
            since, newest, after = newest, joined, None

    async def _batch(self, offered: Offers, since: int, after: Place | None) -> list[Place]:
        """The next who wait; nobody, when nothing of what is offered is left."""
        async with self._transactions.database.read() as connection:
            _, network = await self._transactions.networks.active(connection)
            shelves = await stock.shelves(connection, {sku for _, sku in offered})
            offered_shelves = {place: shelf for place, shelf in shelves.items() if place in offered}
            supply, _ = supply_of(network, offered_shelves, "", Rights(offers=offered))
            if not any(supply.values()):
                return []
            return await backorder.queue(connection, offered, since=since, after=after, limit=BATCH_MAX)

    async def _turn_or_pass(self, order: str, offered: Offers) -> list[wake.Wake]:
        """A turn that fails is told and passed over: one order that cannot be planned must not keep goods from all others."""
        try:
            return await self._turn(order, offered)
        except (OffersChanged, StockTaken):
            raise
        except Exception as error:
            log.exception("an order that waits could not be given its turn", order=order, reason=type(error).__name__)
            return []

    async def _turn(self, order: str, offered: Offers) -> list[wake.Wake]:
        """Pin what an order can get now; one that can get nothing holds nothing and blocks nobody."""
        async with self._transactions.open(order) as work:
            asked = units.wanted(work.order)
            if work.header.is_closed or not asked:
                return []
            at, rights = datetime.now(UTC), Rights(offers=offered)
            facts = order_facts(work.header, work.network, [wish for _, wish in asked])
            leaves_at = max(at, work.header.release_at)
            decided = await decide(work.connection, work.network, facts, [wish for _, wish in asked], leaves_at, rights)
            if any(shelf.offered_at not in (None, offered.get(place)) for place, shelf in decided.shelves.items()):
                raise OffersChanged
            if not decided.plan.shipments:
                await _keep_hopes(work, asked, decided.plan)
                return []
            state = await pin(work, asked, decided, at, rights)
            return [await tell(work, state)]


async def _keep_hopes(work: Work, asked: Sequence[tuple[Waiting, Wanted]], decided: Plan) -> None:
    for index, (waiting, _) in enumerate(asked):
        nodes = decided.hopes.get(index)
        if waiting.awaits == "stock" and waiting.nodes != nodes:
            await backorder.keep_hopes(work.connection, work.header.order, waiting.line, nodes)


async def tell(work: Work, state: OrderState) -> wake.Wake:
    """Owe an open order the news of what became of it."""
    recorded = {"recorded": state.model_dump(mode="json", exclude_defaults=True)}
    return await wake.add(work.connection, identifiers.order_workflow_id(state.order), state.order, CHANGED, recorded)

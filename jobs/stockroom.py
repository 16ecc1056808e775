"""Keeps shelves and promises in step: frees what lapsed carts held, serves the orders that wait, and sources again what is
not on the shelf after all, or lies at a node that was paused. Tells people what waits too long, for a node or for them.

Everything here is owed by a fact that is in PostgreSQL already, so it may stop at any moment and begin again, here or in
another process.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from math import inf
from time import monotonic

import structlog

from database.outbox.signal import Wake
from transactions import exception, shortage
from transactions.backorder import Backorders
from transactions.cart import Carts
from transactions.pause import Pauses
from transactions.transaction import OrderTransactions

EVERY = timedelta(seconds=1)
TURNS_MAX = 500
"""Orders that get their turn before anything else is looked at again."""

ORDERS_MAX = 100
"""Orders that lose their work at one paused node, or are told to be at risk, before anything else is looked at again."""

EXCEPTIONS_EVERY = timedelta(minutes=1)

log = structlog.get_logger("stockroom")


class Stockroom:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(
        self, transactions: OrderTransactions, carts: Carts, send_soon: Callable[[Sequence[Wake]], None]
    ) -> None:
        """`send_soon` takes the signals that orders should hear."""
        self._transactions = transactions
        self._backorders = Backorders(transactions)
        self._pauses = Pauses(transactions)
        self._saw_to_exceptions = -inf
        self._carts = carts
        self._send_soon = send_soon
        self._wanted = asyncio.Event()

    def tidy_soon(self) -> None:
        """Something has happened to the shelves: do not wait for the next second."""
        self._wanted.set()

    async def run(self) -> None:
        """Repeat until cancelled, each second and whenever it is asked for."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), EVERY.total_seconds())
            self._wanted.clear()
            await self._quietly(self._backorders.heed_new_rules)
            await self._quietly(lambda: shortage.settle(self._transactions))
            await self._quietly(lambda: self._pauses.clear(ORDERS_MAX))
            await self._quietly(self._see_to_exceptions)
            await self._quietly(self._tidy_carts)
            await self._quietly(lambda: self._backorders.work_off(TURNS_MAX))

    async def _see_to_exceptions(self) -> Sequence[Wake]:
        """What nobody has resolved is told again, and what waits too long for the first time; once a minute."""
        if monotonic() - self._saw_to_exceptions < EXCEPTIONS_EVERY.total_seconds():
            return ()
        self._saw_to_exceptions = monotonic()
        await exception.escalate(self._transactions)
        return await exception.tell_what_waits_too_long(self._transactions, ORDERS_MAX)

    async def _tidy_carts(self) -> Sequence[Wake]:
        """What lapsed carts held is offered to the orders that wait; nobody is told before his turn."""
        await self._carts.sweep()
        return ()

    async def _quietly(self, step: Callable[[], Awaitable[Sequence[Wake]]]) -> None:
        """What goes wrong in a round is tried again in the next one."""
        try:
            self._send_soon(await step())
        except Exception as error:
            log.warning("the stockroom will try again", reason=f"{type(error).__name__}: {error}")

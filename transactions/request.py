"""Does what is asked of an order and needs a plan: all of it, or nothing but the refusal is written."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from database.request import Request
from domain.units import CannotBeDone
from transactions.order import Done, RequestInput, answered, stored_request
from transactions.sourcing import CLAIM_TRIES_MAX, StockTaken
from transactions.transaction import OrderTransactions, Work

Doing = Callable[[Work, Request], Awaitable[dict[str, Any]]]
"""Notes what was asked for in the work, and answers it. Raises `CannotBeDone` and `StockTaken`."""


async def done_or_refused(transactions: OrderTransactions, asked: RequestInput, doing: Doing) -> Done:
    """Do what was asked; planned anew while others are quicker. A request that was answered before is not done again."""
    for _ in range(CLAIM_TRIES_MAX):
        with contextlib.suppress(StockTaken):
            return await _done_or_refused(transactions, asked, doing)
    raise StockTaken(asked.order)


async def _done_or_refused(transactions: OrderTransactions, asked: RequestInput, doing: Doing) -> Done:
    """The refusal has a transaction of its own: the first one takes back whatever was begun."""
    try:
        async with transactions.open(asked.order) as work:
            known = await stored_request(work, asked)
            answer = await doing(work, known) if known.answer is None else None
            return await answered(work, known, asked.at, refused=None, answer=answer)
    except CannotBeDone as error:
        async with transactions.open(asked.order) as work:
            return await answered(work, await stored_request(work, asked), asked.at, refused=str(error))

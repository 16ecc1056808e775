"""Frees the units of carts whose time is over, so that others can get them."""

from datetime import timedelta

from transactions import cart
from transactions.transaction import OrderTransactions


async def free_lapsed(transactions: OrderTransactions) -> timedelta | None:
    """Free the units of lapsed carts; the orders that wait get them first. Answers in what time the next cart lapses."""
    lapses_in = await cart.lapses_in(transactions)
    if lapses_in is None or lapses_in > timedelta():
        return lapses_in
    await cart.sweep(transactions)
    return timedelta()

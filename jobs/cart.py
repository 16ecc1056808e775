"""Frees what carts hold whose time is over, so that others may have it."""

from transactions import cart
from transactions.transaction import OrderTransactions


async def free_lapsed(transactions: OrderTransactions) -> None:
    """Give back what lapsed carts hold; the orders that wait are asked before anybody else."""
    await cart.sweep(transactions)

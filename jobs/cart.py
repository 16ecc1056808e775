"""Frees the units of carts whose time is over, so that others can get them."""

from transactions import cart
from transactions.transaction import OrderTransactions


async def free_lapsed(transactions: OrderTransactions) -> None:
    """Free the units of lapsed carts; the orders that wait get them first."""
    await cart.sweep(transactions)
